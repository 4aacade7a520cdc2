//! DescribeGroups (API 15): classic groups and their members.
//! Stages: each group's coordinator is asked; the answers are put together in order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use crate::coordinator::Kind;
use crate::protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup,
};
use crate::protocol::{ErrorCode, Reader};

const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

pub async fn handle(
    call: &Call,
    request: DescribeGroupsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut bodies = Vec::with_capacity(request.groups.len());
    for group in &request.groups {
        let part = DescribeGroupsRequest {
            groups: vec![*group],
            include_authorized_operations: request.include_authorized_operations,
        };
        bodies.push(coordinate(call, Kind::Group, group.0, &part).await);
    }
    let groups = request.groups.iter().zip(&bodies).map(|(group_id, body)| {
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
        let part = DescribeGroupsResponse::decode(&mut reader, call.version);
        let group = part.ok().and_then(|part| part.groups.into_iter().next());
        group.unwrap_or_else(|| failed(ErrorCode::UnknownServerError))
    });
    let response = DescribeGroupsResponse {
        groups: groups.collect(),
        ..DescribeGroupsResponse::default()
    };
    call.respond(&response)
}
