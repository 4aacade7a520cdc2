//! ConsumerGroupDescribe (API 69): consumer groups and their members (KIP-848).
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::consumer_group_heartbeat::is_on;
use super::context::{Call, Response, Unanswerable};
use super::coordinated::{ask_each_group, told_of_each};
use super::metadata::OPERATIONS_NOT_ASKED;
use crate::protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
};
use crate::protocol::{ErrorCode, Reader};

pub async fn handle(
    call: &Call,
    request: ConsumerGroupDescribeRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answers = ask_each_group(call, &request.group_ids, |group| match is_on(call) {
        true => Ok(ConsumerGroupDescribeRequest {
            group_ids: vec![group],
            include_authorized_operations: request.include_authorized_operations,
        }),
        false => Err(ErrorCode::UnsupportedVersion),
    })
    .await;
    let only = |body| {
        let part =
            ConsumerGroupDescribeResponse::decode(&mut Reader::over_answer(body), call.version);
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
    call.respond(&ConsumerGroupDescribeResponse {
        groups,
        ..ConsumerGroupDescribeResponse::default()
    })
}
