//! TxnOffsetCommit (API 28): a group's offsets as part of a transaction (KIP-98, KIP-447).
//! Stages: partitions there are not are told so; the transaction's coordinator vouches for the
//! partition that keeps the group's offsets (KIP-890), then the group's coordinator decides
//! about the others.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, ensure_topic};
use super::known::{Naming, take_unknown};
use super::transactional::{Word, vouch};
use crate::coordinator::{Kind, Producer};
use crate::protocol::commit_topic::CommitTopic;
use crate::protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommitResponseTopic,
};
use crate::protocol::{ErrorCode, Reader};

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
    if request.topics.is_empty() {
        return respond(call, unknown);
    }
    let answer = match vouch_for_group(call, &request).await {
        ErrorCode::None => coordinate(call, Kind::Group, request.group_id.0, &request).await,
        code => Err(code),
    };
    let mut topics = match &answer {
        Ok(body) if unknown.is_empty() => return call.respond_encoded(body),
        Ok(body) => {
            TxnOffsetCommitResponse::decode(&mut Reader::over_answer(body), call.version)?.topics
        }
        // This response has no place for an error but each partition's.
        Err(code) => {
            let topics = request.topics.iter();
            topics.map(|topic| topic.refused(*code)).collect()
        }
    };
    topics.extend(unknown);
    respond(call, topics)
}

fn respond(
    call: &Call,
    topics: Vec<TxnOffsetCommitResponseTopic<'_>>,
) -> Result<Response, Unanswerable> {
    call.respond(&TxnOffsetCommitResponse {
        topics,
        ..TxnOffsetCommitResponse::default()
    })
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
