//! DeleteGroups (API 42): groups without members go, with all they committed.
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use crate::coordinator::Kind;
use crate::protocol::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};
use crate::protocol::{ErrorCode, Reader};

pub async fn handle(
    call: &Call,
    request: DeleteGroupsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut bodies = Vec::with_capacity(request.groups_names.len());
    for group in &request.groups_names {
        let part = DeleteGroupsRequest {
            groups_names: vec![*group],
        };
        bodies.push(coordinate(call, Kind::Group, group.0, &part).await);
    }
    let results = request
        .groups_names
        .iter()
        .zip(&bodies)
        .map(|(group_id, body)| {
            let failed = |error_code| DeletableGroupResult {
                group_id: *group_id,
                error_code,
                ..DeletableGroupResult::default()
            };
            let body = match body {
                Ok(body) => body,
                Err(code) => return failed(*code),
            };
            let mut reader = Reader::new(body);
            let part = DeleteGroupsResponse::decode(&mut reader, call.version);
            let result = part.ok().and_then(|part| part.results.into_iter().next());
            result.unwrap_or_else(|| failed(ErrorCode::UnknownServerError))
        });
    let response = DeleteGroupsResponse {
        results: results.collect(),
        ..DeleteGroupsResponse::default()
    };
    call.respond(&response)
}
