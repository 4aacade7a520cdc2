//! DeleteGroups (API 42): groups without members go, with all they committed.
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{ask_each_group, told_of_each};
use crate::protocol::Reader;
use crate::protocol::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};

pub async fn handle(
    call: &Call,
    request: DeleteGroupsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answers = ask_each_group(call, &request.groups_names, |group| {
        Ok(DeleteGroupsRequest {
            groups_names: vec![group],
        })
    })
    .await;
    let only = |body| {
        let part = DeleteGroupsResponse::decode(&mut Reader::over_answer(body), call.version);
        part.ok()?.results.into_iter().next()
    };
    let results = told_of_each(
        call,
        &request.groups_names,
        &answers,
        only,
        |group_id, error_code| DeletableGroupResult {
            error_code,
            group_id,
            ..DeletableGroupResult::default()
        },
    )
    .await;
    call.respond(&DeleteGroupsResponse {
        results,
        ..DeleteGroupsResponse::default()
    })
}
