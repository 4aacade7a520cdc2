//! JoinGroup (API 11): a member comes, or comes again for a rebalance.
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};

pub async fn handle(call: &Call, request: JoinGroupRequest<'_>) -> Result<Response, Unanswerable> {
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    relay(call, answer, |error_code| JoinGroupResponse {
        error_code,
        generation_id: -1,
        protocol_type: None,
        protocol_name: (call.version < 7).then_some(""),
        member_id: request.member_id,
        ..JoinGroupResponse::default()
    })
}
