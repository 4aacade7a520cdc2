//! TxnOffsetCommit (API 28): a group's offsets as part of a transaction (KIP-98, KIP-447).
//! Stages: partitions there are not are told so; the transaction's coordinator vouches for the
//! partition that keeps the group's offsets (KIP-890), then the group's coordinator decides
//! about the others.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, ensure_topic};
use super::known::Naming;
use super::transactional::{Word, vouch};
use crate::coordinator::{Kind, Producer};
use crate::protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
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
    let unknown = take_unknown(call, &mut request).await;
    if request.topics.is_empty() {
        return call.respond(&TxnOffsetCommitResponse {
            topics: unknown,
            ..TxnOffsetCommitResponse::default()
        });
    }
    let answer = match vouch_for_group(call, &request).await {
        ErrorCode::None => coordinate(call, Kind::Group, request.group_id.0, &request).await,
        code => Err(code),
    };
    if unknown.is_empty()
        && let Ok(body) = &answer
    {
        return call.respond_encoded(body);
    }
    // This response has no place for an error but each partition's.
    let mut topics = match &answer {
        Ok(body) => {
            TxnOffsetCommitResponse::decode(&mut Reader::over_answer(body), call.version)?.topics
        }
        Err(code) => request
            .topics
            .iter()
            .map(|topic| refused(topic, *code))
            .collect(),
    };
    topics.extend(unknown);
    call.respond(&TxnOffsetCommitResponse {
        topics,
        ..TxnOffsetCommitResponse::default()
    })
}

/// Takes the partitions out that there are not, whoever asks, as Kafka does: each with its error.
async fn take_unknown<'r>(
    call: &Call,
    request: &mut TxnOffsetCommitRequest<'r>,
) -> Vec<TxnOffsetCommitResponseTopic<'r>> {
    let naming = Naming::of(call.version, BY_ID);
    let image = call.image();
    let mut pace = call.pace();
    let mut unknown = Vec::new();
    for topic in std::mem::take(&mut request.topics) {
        let place = (topic.name, topic.topic_id);
        let index = |asked: &TxnOffsetCommitRequestPartition<'_>| asked.partition_index;
        let split = naming.split(&image, place, topic.partitions, index, &mut pace);
        let split = split.await;
        if !split.unknown.is_empty() {
            let partitions = split.unknown.iter();
            unknown.push(TxnOffsetCommitResponseTopic {
                name: topic.name,
                topic_id: topic.topic_id,
                partitions: partitions
                    .map(|(index, code)| answered(*index, *code))
                    .collect(),
            });
        }
        if !split.known.is_empty() {
            request.topics.push(TxnOffsetCommitRequestTopic {
                partitions: split.known,
                ..topic
            });
        }
    }
    unknown
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

fn refused<'r>(
    topic: &TxnOffsetCommitRequestTopic<'r>,
    code: ErrorCode,
) -> TxnOffsetCommitResponseTopic<'r> {
    let partitions = topic.partitions.iter();
    TxnOffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: partitions
            .map(|asked| answered(asked.partition_index, code))
            .collect(),
    }
}

fn answered(partition_index: i32, error_code: ErrorCode) -> TxnOffsetCommitResponsePartition {
    TxnOffsetCommitResponsePartition {
        partition_index,
        error_code,
    }
}
