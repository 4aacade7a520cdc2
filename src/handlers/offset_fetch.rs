//! OffsetFetch (API 9): how far groups have come (KIP-709: several groups at once).
//! Stages: each group's coordinator is asked for its part; the parts are put together in order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestTopic, OffsetFetchResponse, OffsetFetchResponseGroup,
    OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use crate::protocol::{ErrorCode, Reader};

/// The first version that asks for several groups.
const BATCHED: i16 = 8;

/// The last version without an error of its own.
const ERROR_PER_PARTITION: i16 = 1;

pub async fn handle(
    call: &Call,
    request: OffsetFetchRequest<'_>,
) -> Result<Response, Unanswerable> {
    if call.version >= BATCHED {
        return fetch_groups(call, request).await;
    }
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    relay(call, answer, |error_code| OffsetFetchResponse {
        topics: match call.version <= ERROR_PER_PARTITION {
            true => {
                let topics = request.topics.iter().flatten();
                topics.map(|topic| refused(topic, error_code)).collect()
            }
            false => Vec::new(),
        },
        error_code,
        ..OffsetFetchResponse::default()
    })
}

async fn fetch_groups(
    call: &Call,
    request: OffsetFetchRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut bodies = Vec::with_capacity(request.groups.len());
    let mut pace = call.pace();
    for group in &request.groups {
        pace.stride().await;
        let part = OffsetFetchRequest {
            groups: vec![group.clone()],
            require_stable: request.require_stable,
            ..OffsetFetchRequest::default()
        };
        bodies.push(coordinate(call, Kind::Group, group.group_id.0, &part).await);
    }
    let mut groups = Vec::with_capacity(bodies.len());
    for (group, body) in request.groups.iter().zip(&bodies) {
        pace.stride().await;
        let failed = |error_code| OffsetFetchResponseGroup {
            group_id: group.group_id,
            error_code,
            ..OffsetFetchResponseGroup::default()
        };
        let only = |body| {
            let part = OffsetFetchResponse::decode(&mut Reader::over_answer(body), call.version);
            part.ok()?.groups.into_iter().next()
        };
        groups.push(match body {
            Ok(body) => only(body).unwrap_or_else(|| failed(ErrorCode::UnknownServerError)),
            Err(code) => failed(*code),
        });
    }
    let response = OffsetFetchResponse {
        groups,
        ..OffsetFetchResponse::default()
    };
    call.respond(&response)
}

fn refused<'r>(
    topic: &OffsetFetchRequestTopic<'r>,
    error_code: ErrorCode,
) -> OffsetFetchResponseTopic<'r> {
    let partition = |index: &i32| OffsetFetchResponsePartition {
        partition_index: *index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(""),
        error_code,
    };
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partition_indexes.iter().map(partition).collect(),
    }
}
