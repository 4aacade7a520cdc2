//! OffsetCommit (API 8): a group remembers how far it has come.
//! Stages: the group's coordinator decides; its answer is the response.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::protocol::ErrorCode;
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

pub async fn handle(
    call: &Call,
    request: OffsetCommitRequest<'_>,
) -> Result<Response, Unanswerable> {
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    relay(call, answer, |error_code| OffsetCommitResponse {
        topics: request
            .topics
            .iter()
            .map(|topic| refused(topic, error_code))
            .collect(),
        ..OffsetCommitResponse::default()
    })
}

/// This response has no place for an error but each partition's.
fn refused<'r>(
    topic: &OffsetCommitRequestTopic<'r>,
    error_code: ErrorCode,
) -> OffsetCommitResponseTopic<'r> {
    let partition = |asked: &OffsetCommitRequestPartition<'_>| OffsetCommitResponsePartition {
        partition_index: asked.partition_index,
        error_code,
    };
    OffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: topic.partitions.iter().map(partition).collect(),
    }
}
