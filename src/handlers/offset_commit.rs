//! OffsetCommit (API 8): a group remembers how far it has come.
//! Stages: partitions there are not are told so; the group's coordinator decides
//! about the others.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use super::known::{Naming, respond_with_unknown, take_unknown};
use crate::coordinator::Kind;
use crate::protocol::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};

/// The first version with topic ids (KIP-848).
const BY_ID: i16 = 10;

pub async fn handle(
    call: &Call,
    mut request: OffsetCommitRequest<'_>,
) -> Result<Response, Unanswerable> {
    let naming = Naming::of(call.version, BY_ID);
    let unknown = take_unknown(call, naming, &mut request.topics).await;
    let answer = match request.topics.is_empty() {
        true => None,
        false => Some(coordinate(call, Kind::Group, request.group_id.0, &request).await),
    };
    respond_with_unknown::<_, OffsetCommitResponse<'_>>(
        call,
        answer.as_ref(),
        &request.topics,
        unknown,
    )
}
