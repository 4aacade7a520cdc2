//! ConsumerGroupDescribe (API 69): consumer groups and their members (KIP-848).
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::consumer_group_heartbeat::is_on;
use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use crate::coordinator::Kind;
use crate::protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
};
use crate::protocol::{ErrorCode, Reader};

const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

pub async fn handle(
    call: &Call,
    request: ConsumerGroupDescribeRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut bodies = Vec::with_capacity(request.group_ids.len());
    for group in &request.group_ids {
        let part = ConsumerGroupDescribeRequest {
            group_ids: vec![*group],
            include_authorized_operations: request.include_authorized_operations,
        };
        bodies.push(match is_on(call) {
            true => coordinate(call, Kind::Group, group.0, &part).await,
            false => Err(ErrorCode::UnsupportedVersion),
        });
    }
    let groups = request
        .group_ids
        .iter()
        .zip(&bodies)
        .map(|(group_id, body)| {
            let failed = |error_code| DescribedGroup {
                error_code,
                error_message: None,
                group_id: *group_id,
                authorized_operations: OPERATIONS_NOT_ASKED,
                ..DescribedGroup::default()
            };
            let body = match body {
                Ok(body) => body,
                Err(code) => return failed(*code),
            };
            let mut reader = Reader::new(body);
            let part = ConsumerGroupDescribeResponse::decode(&mut reader, call.version);
            let group = part.ok().and_then(|part| part.groups.into_iter().next());
            group.unwrap_or_else(|| failed(ErrorCode::UnknownServerError))
        });
    let response = ConsumerGroupDescribeResponse {
        groups: groups.collect(),
        ..ConsumerGroupDescribeResponse::default()
    };
    call.respond(&response)
}
