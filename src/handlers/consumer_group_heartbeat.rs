//! ConsumerGroupHeartbeat (API 68): a member of a consumer group joins, lives or leaves (KIP-848).
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};

pub async fn handle(
    call: &Call,
    request: ConsumerGroupHeartbeatRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = match is_on(call) {
        true => coordinate(call, Kind::Group, request.group_id.0, &request).await,
        false => Err(ErrorCode::UnsupportedVersion),
    };
    relay(call, answer, |error_code| ConsumerGroupHeartbeatResponse {
        error_code,
        error_message: None,
        ..ConsumerGroupHeartbeatResponse::default()
    })
}

/// Whether the cluster has agreed on this protocol.
pub fn is_on(call: &Call) -> bool {
    call.image().feature("group.version") >= 1 && call.config().speaks("consumer")
}
