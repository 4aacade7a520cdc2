//! ListGroups (API 16): the groups this broker coordinates (KIP-518: in some states).
//! Stages: every partition of the internal topic is asked; the answers are joined.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate_each, encode};
use crate::coordinator::Kind;
use crate::ids::PartitionKey;
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::{ErrorCode, Reader};

pub async fn handle(call: &Call, request: ListGroupsRequest<'_>) -> Result<Response, Unanswerable> {
    let image = call.image();
    let count = image
        .topic(Kind::Group.topic())
        .map_or(0, |topic| topic.partitions.len());
    let mut parts = Vec::with_capacity(count);
    for index in 0..count as i32 {
        let topic = image.topic(Kind::Group.topic()).expect("counted above").id;
        let key = PartitionKey {
            topic,
            partition: index,
        };
        match encode(call, &request) {
            Ok(request) => parts.push((key, request)),
            Err(error_code) => return refuse(call, error_code),
        }
    }
    let bodies = coordinate_each(call, parts).await;
    let mut groups = Vec::new();
    for body in &bodies {
        let body = match body {
            Ok(body) => body,
            // Another broker's, which is asked for its own.
            Err(ErrorCode::NotCoordinator) => continue,
            Err(error_code) => return refuse(call, *error_code),
        };
        let mut reader = Reader::over_answer(body);
        match ListGroupsResponse::decode(&mut reader, call.version) {
            Ok(part) => groups.extend(part.groups),
            Err(_) => return refuse(call, ErrorCode::UnknownServerError),
        }
    }
    let response = ListGroupsResponse {
        groups,
        ..ListGroupsResponse::default()
    };
    call.respond(&response)
}

fn refuse(call: &Call, error_code: ErrorCode) -> Result<Response, Unanswerable> {
    call.respond(&ListGroupsResponse {
        error_code,
        ..ListGroupsResponse::default()
    })
}
