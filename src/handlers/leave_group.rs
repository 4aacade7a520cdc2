//! LeaveGroup (API 13): members go, by their own word or an operator'\''s (KIP-345).
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};

pub async fn handle(call: &Call, request: LeaveGroupRequest<'_>) -> Result<Response, Unanswerable> {
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    relay(call, answer, |error_code| LeaveGroupResponse {
        error_code,
        ..LeaveGroupResponse::default()
    })
}
