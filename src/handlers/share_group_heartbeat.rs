//! ShareGroupHeartbeat (API 76): a member of a share group joins, lives or leaves (KIP-932).
//! Stages: the topic that keeps states is made; the group's coordinator decides.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, ensure_topic, relay};
use super::share::is_on;
use crate::coordinator::Kind;
use crate::protocol::ErrorCode;
use crate::protocol::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};

pub async fn handle(
    call: &Call,
    request: ShareGroupHeartbeatRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = match is_on(call) {
        true => match ensure_topic(call, Kind::Share).await {
            Ok(()) => coordinate(call, Kind::Group, request.group_id.0, &request).await,
            Err(code) => Err(code),
        },
        false => Err(ErrorCode::UnsupportedVersion),
    };
    relay(call, answer, |error_code| ShareGroupHeartbeatResponse {
        error_code,
        ..ShareGroupHeartbeatResponse::default()
    })
}
