//! StreamsGroupDescribe (API 89): streams groups, their topology and members (KIP-1071).
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{ask_each_group, told_of_each};
use super::metadata::OPERATIONS_NOT_ASKED;
use super::streams_group_heartbeat::is_on;
use crate::protocol::messages::streams_group_describe::{
    DescribedGroup, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse,
};
use crate::protocol::{ErrorCode, Reader};

pub async fn handle(
    call: &Call,
    request: StreamsGroupDescribeRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answers = ask_each_group(call, &request.group_ids, |group| match is_on(call) {
        true if group.0.is_empty() => Err(ErrorCode::InvalidGroupId),
        true => Ok(StreamsGroupDescribeRequest {
            group_ids: vec![group],
            include_authorized_operations: request.include_authorized_operations,
            include_topology_description: request.include_topology_description,
        }),
        false => Err(ErrorCode::UnsupportedVersion),
    })
    .await;
    let only = |body| {
        let part =
            StreamsGroupDescribeResponse::decode(&mut Reader::over_answer(body), call.version);
        part.ok()?.groups.into_iter().next()
    };
    let groups = told_of_each(
        call,
        &request.group_ids,
        &answers,
        only,
        |group_id, error_code| DescribedGroup {
            error_code,
            group_id,
            authorized_operations: OPERATIONS_NOT_ASKED,
            ..DescribedGroup::default()
        },
    )
    .await;
    call.respond(&StreamsGroupDescribeResponse {
        groups,
        ..StreamsGroupDescribeResponse::default()
    })
}
