//! StreamsGroupDescribe (API 89): streams groups, their topology and members (KIP-1071).
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use super::streams_group_heartbeat::is_on;
use crate::coordinator::Kind;
use crate::protocol::messages::streams_group_describe::{
    DescribedGroup, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse,
};
use crate::protocol::{ErrorCode, Reader};

const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

pub async fn handle(
    call: &Call,
    request: StreamsGroupDescribeRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut bodies = Vec::with_capacity(request.group_ids.len());
    for group in &request.group_ids {
        let part = StreamsGroupDescribeRequest {
            group_ids: vec![*group],
            ..request.clone()
        };
        bodies.push(match is_on(call) {
            true if group.0.is_empty() => Err(ErrorCode::InvalidGroupId),
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
                group_id: *group_id,
                authorized_operations: OPERATIONS_NOT_ASKED,
                ..DescribedGroup::default()
            };
            let body = match body {
                Ok(body) => body,
                Err(code) => return failed(*code),
            };
            let mut reader = Reader::new(body);
            let part = StreamsGroupDescribeResponse::decode(&mut reader, call.version);
            let group = part.ok().and_then(|part| part.groups.into_iter().next());
            group.unwrap_or_else(|| failed(ErrorCode::UnknownServerError))
        });
    let response = StreamsGroupDescribeResponse {
        groups: groups.collect(),
        ..StreamsGroupDescribeResponse::default()
    };
    call.respond(&response)
}
