//! DescribeGroups (API 15): classic groups and their members.
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{ask_each_group, told_of_each};
use super::metadata::OPERATIONS_NOT_ASKED;
use crate::protocol::Reader;
use crate::protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup,
};

pub async fn handle(
    call: &Call,
    request: DescribeGroupsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answers = ask_each_group(call, &request.groups, |group| {
        Ok(DescribeGroupsRequest {
            groups: vec![group],
            include_authorized_operations: request.include_authorized_operations,
        })
    })
    .await;
    let only = |body| {
        let part = DescribeGroupsResponse::decode(&mut Reader::over_answer(body), call.version);
        part.ok()?.groups.into_iter().next()
    };
    let groups = told_of_each(
        call,
        &request.groups,
        &answers,
        only,
        |group_id, error_code| DescribedGroup {
            error_code,
            group_id,
            error_message: None,
            authorized_operations: OPERATIONS_NOT_ASKED,
            ..DescribedGroup::default()
        },
    )
    .await;
    call.respond(&DescribeGroupsResponse {
        groups,
        ..DescribeGroupsResponse::default()
    })
}
