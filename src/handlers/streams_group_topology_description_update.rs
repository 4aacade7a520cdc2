//! StreamsGroupTopologyDescriptionUpdate (API 93): a member describes its topology (KIP-1331).
//! Stages: the group's coordinator keeps the description; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use super::streams_group_heartbeat::is_on;
use crate::coordinator::Kind;
use crate::protocol::ErrorCode;
use crate::protocol::messages::streams_group_topology_description_update::{
    StreamsGroupTopologyDescriptionUpdateRequest, StreamsGroupTopologyDescriptionUpdateResponse,
};

pub async fn handle(
    call: &Call,
    request: StreamsGroupTopologyDescriptionUpdateRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = match is_on(call) {
        true => coordinate(call, Kind::Group, request.group_id.0, &request).await,
        false => Err(ErrorCode::UnsupportedVersion),
    };
    relay(call, answer, |error_code| {
        StreamsGroupTopologyDescriptionUpdateResponse {
            error_code,
            ..StreamsGroupTopologyDescriptionUpdateResponse::default()
        }
    })
}
