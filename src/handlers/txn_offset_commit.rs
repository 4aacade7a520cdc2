//! TxnOffsetCommit (API 28): a group's offsets as part of a transaction (KIP-98, KIP-447).
//! Stages: the transaction's coordinator vouches for the partition that keeps the group's offsets
//! (KIP-890), then the group's coordinator decides.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, ensure_topic, relay};
use super::transactional::{Word, vouch};
use crate::coordinator::{Kind, Producer};
use crate::protocol::ErrorCode;
use crate::protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

/// First version whose group joins the transaction by itself.
const ADDS: i16 = 5;

/// First version whose client knows TRANSACTION_ABORTABLE.
const ABORTABLE: i16 = 4;

pub async fn handle(
    call: &Call,
    request: TxnOffsetCommitRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = match vouch_for_group(call, &request).await {
        ErrorCode::None => coordinate(call, Kind::Group, request.group_id.0, &request).await,
        code => Err(code),
    };
    relay(call, answer, |error_code| TxnOffsetCommitResponse {
        topics: request
            .topics
            .iter()
            .map(|topic| refused(topic, error_code))
            .collect(),
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

/// This response has no place for an error but each partition's.
fn refused<'r>(
    topic: &TxnOffsetCommitRequestTopic<'r>,
    error_code: ErrorCode,
) -> TxnOffsetCommitResponseTopic<'r> {
    let partition =
        |asked: &TxnOffsetCommitRequestPartition<'_>| TxnOffsetCommitResponsePartition {
            partition_index: asked.partition_index,
            error_code,
        };
    TxnOffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: topic.partitions.iter().map(partition).collect(),
    }
}
