//! AlterPartitionReassignments (API 45): where replicas shall be, or that they stay (KIP-455).
//! Stages: ask the controller about all partitions; gather by topic.

use super::context::{Call, Response, Unanswerable};
use crate::controller::{self, Reassignment, Refused, Reply};
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};

pub async fn handle(
    call: &Call,
    request: AlterPartitionReassignmentsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let partitions: Vec<Reassignment> = request
        .topics
        .iter()
        .flat_map(|topic| {
            topic.partitions.iter().map(|partition| Reassignment {
                topic: topic.name.0.to_owned(),
                partition: partition.partition_index,
                replicas: partition
                    .replicas
                    .as_ref()
                    .map(|replicas| replicas.iter().map(|broker| broker.0).collect()),
            })
        })
        .collect();
    let count = partitions.len();
    let asked = controller::Request::AlterReassignments { partitions };
    let outcomes: Vec<Result<(), Refused>> = match call.context.router.control(asked).await {
        Reply::Outcomes(outcomes) => outcomes,
        Reply::Refused(code, text) => vec![Err((code, text)); count],
        _ => unreachable!("reassignments are answered with outcomes"),
    };
    let mut outcomes = outcomes.iter();
    let mut responses = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let outcomes = outcomes.by_ref().take(topic.partitions.len());
        let partitions = topic.partitions.iter().zip(outcomes);
        responses.push(ReassignableTopicResponse {
            name: topic.name,
            partitions: partitions
                .map(|(partition, outcome)| result(partition.partition_index, outcome))
                .collect(),
        });
    }
    call.respond(&AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        // Kafka's message is null, but for a request of nothing.
        error_message: request.topics.is_empty().then_some(""),
        responses,
        ..AlterPartitionReassignmentsResponse::default()
    })
}

fn result(index: i32, outcome: &Result<(), Refused>) -> ReassignablePartitionResponse<'_> {
    let refused = outcome.as_ref().err();
    let text = refused.map(|(_, text)| text.as_str());
    ReassignablePartitionResponse {
        partition_index: index,
        error_code: refused.map_or(ErrorCode::None, |(code, _)| *code),
        error_message: text.filter(|text| !text.is_empty()),
    }
}
