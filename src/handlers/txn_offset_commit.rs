//! TxnOffsetCommit (API 28): a group's offsets as part of a transaction (KIP-98, KIP-447).
//! Stages: partitions there are not are told so; the transaction's coordinator vouches for the
//! partition that keeps the group's offsets (KIP-890), then the group's coordinator decides
//! about the others.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, ensure_topic};
use super::known::{Naming, respond_with_unknown, take_unknown};
use super::transactional::{Word, vouch};
use crate::coordinator::{Coordinated, Kind, Producer};
use crate::protocol::ErrorCode;
use crate::protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};

/// First version whose group joins the transaction by itself.
const ADDS: i16 = 5;

/// First version whose client knows TRANSACTION_ABORTABLE.
const ABORTABLE: i16 = 4;

/// The first version with topic ids (KIP-1319).
const BY_ID: i16 = 6;

pub async fn handle(
    call: &Call,
    mut request: TxnOffsetCommitRequest<'_>,
) -> Result<Response, Unanswerable> {
    let naming = Naming::of(call.version, BY_ID);
    let unknown = take_unknown(call, naming, &mut request.topics).await;
    let answer = match request.topics.is_empty() {
        true => None,
        false => Some(ask(call, &request).await),
    };
    respond_with_unknown::<_, TxnOffsetCommitResponse<'_>>(
        call,
        answer.as_ref(),
        &request.topics,
        unknown,
    )
}

async fn ask(call: &Call, request: &TxnOffsetCommitRequest<'_>) -> Coordinated {
    match vouch_for_group(call, request).await {
        ErrorCode::None => coordinate(call, Kind::Group, request.group_id.0, request).await,
        code => Err(code),
    }
}

async fn vouch_for_group(call: &Call, request: &TxnOffsetCommitRequest<'_>) -> ErrorCode {
    if let Err(code) = ensure_topic(call, Kind::Group).await {
        return code;
    }
    let router = &call.context.router;
    let Some(partition) = router.coordinator_of(Kind::Group, request.group_id.0) else {
        return ErrorCode::CoordinatorNotAvailable;
    };
    let producer = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let word = match call.version {
        ADDS.. => Word::Add,
        version => Word::Verify {
            knows_abortable: version >= ABORTABLE,
        },
    };
    let named = [(Kind::Group.topic().into(), partition.partition)];
    let codes = vouch(call, request.transactional_id.0, producer, &named, word).await;
    match codes.first() {
        // What a producer takes as a reason to come again is not what a consumer does.
        Some(ErrorCode::NotEnoughReplicas) => ErrorCode::CoordinatorNotAvailable,
        Some(code) => *code,
        None => ErrorCode::UnknownServerError,
    }
}
