//! DeleteShareGroupOffsets (API 92): a share group without members forgets topics (KIP-932).
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use super::share::is_on;
use crate::coordinator::Kind;
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse,
};

pub async fn handle(
    call: &Call,
    request: DeleteShareGroupOffsetsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = match is_on(call) {
        true => coordinate(call, Kind::Group, request.group_id.0, &request).await,
        false => Err(ErrorCode::UnsupportedVersion),
    };
    relay(call, answer, |error_code| DeleteShareGroupOffsetsResponse {
        error_code,
        ..DeleteShareGroupOffsetsResponse::default()
    })
}
