//! DescribeTopicPartitions (API 75): partitions with their eligible leaders, page by page (KIP-966).

use super::context::{Call, Response, Unanswerable, uuid};
use super::metadata::TOPIC_OPERATIONS;
use crate::metadata::{PartitionImage, TopicImage};
use crate::protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponseCursor, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName};

pub async fn handle(
    call: &Call,
    request: DescribeTopicPartitionsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    let bound = usize::try_from(call.config().response_partitions_max).unwrap_or(usize::MAX);
    let limit = match usize::try_from(request.response_partition_limit) {
        Ok(asked @ 1..) => asked.min(bound),
        _ => bound,
    };
    let (from_topic, from_partition) = match &request.cursor {
        Some(cursor) => (cursor.topic_name.0, cursor.partition_index.max(0)),
        None => ("", 0),
    };
    // All topics when none is named; in the order of names, so that a cursor has a meaning.
    let mut names: Vec<&str> = match request.topics.is_empty() {
        true => image.topics().map(|topic| &*topic.name).collect(),
        false => request.topics.iter().map(|topic| topic.name.0).collect(),
    };
    names.sort_unstable();
    names.dedup();
    names.retain(|name| *name >= from_topic);
    let mut topics = Vec::new();
    let mut next_cursor = None;
    let mut left = limit;
    for name in names {
        let Some(topic) = image.topic(name) else {
            topics.push(unknown(name));
            continue;
        };
        let first = if name == from_topic {
            from_partition as usize
        } else {
            0
        };
        if left == 0 {
            next_cursor = Some(cursor(name, 0));
            break;
        }
        let end = topic.partitions.len().min(first.saturating_add(left));
        topics.push(described(topic, first.min(end)..end));
        left -= end - first.min(end);
        if end < topic.partitions.len() {
            next_cursor = Some(cursor(name, end));
            break;
        }
    }
    call.respond(&DescribeTopicPartitionsResponse {
        topics,
        next_cursor,
        ..DescribeTopicPartitionsResponse::default()
    })
}

fn cursor(name: &str, partition: usize) -> DescribeTopicPartitionsResponseCursor<'_> {
    DescribeTopicPartitionsResponseCursor {
        topic_name: TopicName(name),
        partition_index: partition as i32,
    }
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic<'_> {
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::UnknownTopicOrPartition,
        name: Some(TopicName(name)),
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}

fn described(
    topic: &TopicImage,
    range: std::ops::Range<usize>,
) -> DescribeTopicPartitionsResponseTopic<'_> {
    let partitions = topic.partitions[range.clone()].iter().zip(range);
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None,
        name: Some(TopicName(&topic.name)),
        topic_id: uuid(topic.id),
        is_internal: topic.name.starts_with("__"),
        partitions: partitions
            .map(|(partition, index)| one(partition, index))
            .collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    }
}

fn one(partition: &PartitionImage, index: usize) -> DescribeTopicPartitionsResponsePartition {
    let ids = |brokers: &[i32]| brokers.iter().copied().map(BrokerId).collect();
    DescribeTopicPartitionsResponsePartition {
        error_code: match partition.leader {
            -1 => ErrorCode::LeaderNotAvailable,
            _ => ErrorCode::None,
        },
        partition_index: index as i32,
        leader_id: BrokerId(partition.leader),
        leader_epoch: partition.leader_epoch.0,
        replica_nodes: ids(&partition.replicas),
        isr_nodes: ids(&partition.isr),
        eligible_leader_replicas: Some(ids(&partition.elr)),
        last_known_elr: Some(ids(&partition.last_known_elr)),
        offline_replicas: Vec::new(),
    }
}
