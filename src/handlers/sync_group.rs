//! SyncGroup (API 14): the leader brings the assignments, each member gets its own.
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

pub async fn handle(call: &Call, request: SyncGroupRequest<'_>) -> Result<Response, Unanswerable> {
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    relay(call, answer, |error_code| SyncGroupResponse {
        error_code,
        ..SyncGroupResponse::default()
    })
}
