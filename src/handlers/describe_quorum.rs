//! DescribeQuorum (API 55): who votes on the metadata log, and how far each of them is (KIP-595).
//! Stages: check that the request asks for that log alone; tell it from the image.

use super::context::{Call, Response, Unanswerable};
use crate::controller;
use crate::metadata::Image;
use crate::protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, DescribeQuorumResponsePartitionData,
    DescribeQuorumResponseTopicData, Listener, Node, ReplicaState,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName};

pub async fn handle(
    call: &Call,
    request: DescribeQuorumRequest<'_>,
) -> Result<Response, Unanswerable> {
    if !asks_for_metadata(&request) {
        let text = "This server does not host this topic-partition.";
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter();
            let refused = partitions.map(|partition| DescribeQuorumResponsePartitionData {
                partition_index: partition.partition_index,
                error_code: ErrorCode::UnknownTopicOrPartition,
                error_message: Some(text),
                ..DescribeQuorumResponsePartitionData::default()
            });
            DescribeQuorumResponseTopicData {
                topic_name: topic.topic_name,
                partitions: refused.collect(),
            }
        });
        return call.respond(&DescribeQuorumResponse {
            topics: topics.collect(),
            ..DescribeQuorumResponse::default()
        });
    }
    let image = call.image();
    let now = call.context.router.shard.runtime.wall().0;
    let nodes = match call.version {
        // Older answers have no place for them.
        ..2 => Vec::new(),
        _ => nodes(&image, &call.config().inter_broker_listener),
    };
    call.respond(&DescribeQuorumResponse {
        topics: vec![DescribeQuorumResponseTopicData {
            topic_name: TopicName(controller::TOPIC),
            partitions: vec![quorum(&image, now)],
        }],
        nodes,
        ..DescribeQuorumResponse::default()
    })
}

fn asks_for_metadata(request: &DescribeQuorumRequest<'_>) -> bool {
    match &request.topics[..] {
        [topic] => {
            let is_first = matches!(&topic.partitions[..], [only] if only.partition_index == 0);
            topic.topic_name.0 == controller::TOPIC && is_first
        }
        _ => false,
    }
}

/// The quorum of one: its only voter leads it and has all of it.
fn quorum(image: &Image, now: i64) -> DescribeQuorumResponsePartitionData<'_> {
    let log_end_offset = image.offset + 1;
    DescribeQuorumResponsePartitionData {
        leader_id: BrokerId(image.controller),
        leader_epoch: controller::EPOCH,
        high_watermark: log_end_offset,
        current_voters: vec![ReplicaState {
            replica_id: BrokerId(image.controller),
            log_end_offset,
            last_fetch_timestamp: now,
            last_caught_up_timestamp: now,
            ..ReplicaState::default()
        }],
        ..DescribeQuorumResponsePartitionData::default()
    }
}

/// Where the voters are reached: the listener that brokers use among themselves.
fn nodes<'i>(image: &'i Image, listener: &str) -> Vec<Node<'i>> {
    let voter = image.brokers.get(&image.controller);
    let nodes = voter.into_iter().map(|broker| {
        let endpoints = broker.endpoints.iter();
        let inner = endpoints.filter(|endpoint| endpoint.name == listener);
        Node {
            node_id: BrokerId(broker.id),
            listeners: inner
                .map(|endpoint| Listener {
                    name: &endpoint.name,
                    host: &endpoint.host,
                    port: endpoint.port,
                })
                .collect(),
        }
    });
    nodes.collect()
}
