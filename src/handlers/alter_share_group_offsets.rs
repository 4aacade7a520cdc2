//! AlterShareGroupOffsets (API 91): where a share group without members reads on (KIP-932).
//! Stages: the topic that keeps states is made; the group's coordinator has them changed.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, ensure_topic, relay};
use super::share::is_on;
use crate::coordinator::Kind;
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse,
};

pub async fn handle(
    call: &Call,
    request: AlterShareGroupOffsetsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = match is_on(call) {
        true => match (
            ensure_topic(call, Kind::Group).await,
            ensure_topic(call, Kind::Share).await,
        ) {
            (Ok(()), Ok(())) => coordinate(call, Kind::Group, request.group_id.0, &request).await,
            (Err(code), _) | (_, Err(code)) => Err(code),
        },
        false => Err(ErrorCode::UnsupportedVersion),
    };
    relay(call, answer, |error_code| AlterShareGroupOffsetsResponse {
        error_code,
        ..AlterShareGroupOffsetsResponse::default()
    })
}
