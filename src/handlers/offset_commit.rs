//! OffsetCommit (API 8): a group remembers how far it has come.
//! Stages: partitions there are not are told so; the group's coordinator decides
//! about the others.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use super::known::Naming;
use crate::coordinator::Kind;
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::protocol::{ErrorCode, Reader};

/// The first version with topic ids (KIP-848).
const BY_ID: i16 = 10;

pub async fn handle(
    call: &Call,
    mut request: OffsetCommitRequest<'_>,
) -> Result<Response, Unanswerable> {
    let unknown = take_unknown(call, &mut request).await;
    if request.topics.is_empty() {
        return call.respond(&OffsetCommitResponse {
            topics: unknown,
            ..OffsetCommitResponse::default()
        });
    }
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    if unknown.is_empty()
        && let Ok(body) = &answer
    {
        return call.respond_encoded(body);
    }
    // This response has no place for an error but each partition's.
    let mut topics = match &answer {
        Ok(body) => {
            OffsetCommitResponse::decode(&mut Reader::over_answer(body), call.version)?.topics
        }
        Err(code) => request
            .topics
            .iter()
            .map(|topic| refused(topic, *code))
            .collect(),
    };
    topics.extend(unknown);
    call.respond(&OffsetCommitResponse {
        topics,
        ..OffsetCommitResponse::default()
    })
}

/// Takes the partitions out that there are not, whoever asks, as Kafka does: each with its error.
async fn take_unknown<'r>(
    call: &Call,
    request: &mut OffsetCommitRequest<'r>,
) -> Vec<OffsetCommitResponseTopic<'r>> {
    let naming = Naming::of(call.version, BY_ID);
    let image = call.image();
    let mut pace = call.pace();
    let mut unknown = Vec::new();
    for topic in std::mem::take(&mut request.topics) {
        let place = (topic.name, topic.topic_id);
        let index = |asked: &OffsetCommitRequestPartition<'_>| asked.partition_index;
        let split = naming.split(&image, place, topic.partitions, index, &mut pace);
        let split = split.await;
        if !split.unknown.is_empty() {
            let partitions = split.unknown.iter();
            unknown.push(OffsetCommitResponseTopic {
                name: topic.name,
                topic_id: topic.topic_id,
                partitions: partitions
                    .map(|(index, code)| answered(*index, *code))
                    .collect(),
            });
        }
        if !split.known.is_empty() {
            request.topics.push(OffsetCommitRequestTopic {
                partitions: split.known,
                ..topic
            });
        }
    }
    unknown
}

fn refused<'r>(
    topic: &OffsetCommitRequestTopic<'r>,
    code: ErrorCode,
) -> OffsetCommitResponseTopic<'r> {
    let partitions = topic.partitions.iter();
    OffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: partitions
            .map(|asked| answered(asked.partition_index, code))
            .collect(),
    }
}

fn answered(partition_index: i32, error_code: ErrorCode) -> OffsetCommitResponsePartition {
    OffsetCommitResponsePartition {
        partition_index,
        error_code,
    }
}
