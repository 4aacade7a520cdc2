//! ElectLeaders (API 43): the preferred replica leads, or any that is live (KIP-183, KIP-460).
//! Stages: name the partitions; ask the controller; gather by topic.

use super::context::{Call, Response, Unanswerable};
use crate::controller::{self, Refused, Reply};
use crate::protocol::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
};
use crate::protocol::{ErrorCode, TopicName};

/// `ElectionType` on the wire.
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub async fn handle(
    call: &Call,
    request: ElectLeadersRequest<'_>,
) -> Result<Response, Unanswerable> {
    // Null means every partition, and then those that need no election are left out.
    let all = request.topic_partitions.is_none();
    let topics: Vec<(String, Vec<i32>)> = match request.topic_partitions {
        Some(topics) => topics
            .into_iter()
            .map(|topic| (topic.topic.0.to_owned(), topic.partitions))
            .collect(),
        None => call
            .image()
            .topics()
            .map(|topic| {
                let partitions = 0..topic.partitions.len() as i32;
                (topic.name.to_string(), partitions.collect())
            })
            .collect(),
    };
    let partitions: Vec<(String, i32)> = topics
        .iter()
        .flat_map(|(topic, indexes)| indexes.iter().map(|index| (topic.clone(), *index)))
        .collect();
    let outcomes = elect(call, request.election_type, partitions).await;
    let mut outcomes = outcomes.iter();
    let mut results = Vec::with_capacity(topics.len());
    for (topic, indexes) in &topics {
        let outcomes = indexes.iter().zip(outcomes.by_ref().take(indexes.len()));
        let told = outcomes.filter(|(_, outcome)| !all || !is_not_needed(outcome));
        results.push(ReplicaElectionResult {
            topic: TopicName(topic),
            partition_result: told
                .map(|(index, outcome)| result(*index, outcome))
                .collect(),
        });
    }
    let is_known = matches!(request.election_type, PREFERRED | UNCLEAN);
    call.respond(&ElectLeadersResponse {
        error_code: match is_known {
            true => ErrorCode::None,
            false => ErrorCode::InvalidRequest,
        },
        replica_election_results: results,
        ..ElectLeadersResponse::default()
    })
}

/// One outcome for each partition.
async fn elect(
    call: &Call,
    election_type: i8,
    partitions: Vec<(String, i32)>,
) -> Vec<Result<(), Refused>> {
    let count = partitions.len();
    if !matches!(election_type, PREFERRED | UNCLEAN) {
        let text = format!("Unknown election type {election_type}");
        return vec![Err((ErrorCode::InvalidRequest, text)); count];
    }
    let asked = controller::Request::ElectLeaders {
        unclean: election_type == UNCLEAN,
        partitions,
    };
    match call.context.router.control(asked).await {
        Reply::Outcomes(outcomes) => outcomes,
        Reply::Refused(code, text) => vec![Err((code, text)); count],
        _ => unreachable!("elections are answered with outcomes"),
    }
}

fn is_not_needed(outcome: &Result<(), Refused>) -> bool {
    matches!(outcome, Err((ErrorCode::ElectionNotNeeded, _)))
}

fn result(index: i32, outcome: &Result<(), Refused>) -> PartitionResult<'_> {
    let refused = outcome.as_ref().err();
    PartitionResult {
        partition_id: index,
        error_code: refused.map_or(ErrorCode::None, |(code, _)| *code),
        error_message: refused.map(|(_, text)| text.as_str()),
    }
}
