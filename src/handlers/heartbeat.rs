//! Heartbeat (API 12): a member says that it lives.
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

pub async fn handle(call: &Call, request: HeartbeatRequest<'_>) -> Result<Response, Unanswerable> {
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    relay(call, answer, |error_code| HeartbeatResponse {
        error_code,
        ..HeartbeatResponse::default()
    })
}
