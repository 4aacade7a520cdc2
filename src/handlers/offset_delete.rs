//! OffsetDelete (API 47): a group forgets offsets (KIP-496).
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::messages::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};

pub async fn handle(
    call: &Call,
    request: OffsetDeleteRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    relay(call, answer, |error_code| OffsetDeleteResponse {
        error_code,
        ..OffsetDeleteResponse::default()
    })
}
