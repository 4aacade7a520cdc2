//! CreatePartitions (API 37): more partitions for topics that are there.
//! Stages: refuse what is said twice; ask the controller; gather.

use super::context::{Call, Response, Unanswerable};
use super::said::Said;
use crate::controller::{self, NewPartitions, Refused, Reply};
use crate::protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
    CreatePartitionsTopicResult,
};
use crate::protocol::{ErrorCode, TopicName};

pub async fn handle(
    call: &Call,
    request: CreatePartitionsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut outcomes: Vec<(TopicName<'_>, Result<(), Refused>)> = Vec::new();
    let mut wanted = Vec::new();
    let mut pace = call.pace();
    let names = request.topics.iter().map(|topic| topic.name);
    let mut said = Said::of(names, &mut pace).await;
    for topic in &request.topics {
        pace.step().await;
        match said.take(&topic.name) {
            None => {}
            Some(true) => {
                let text = "Duplicate topic name.".to_owned();
                outcomes.push((topic.name, Err((ErrorCode::InvalidRequest, text))));
            }
            Some(false) => wanted.push(topic),
        }
    }
    let names = wanted.iter().map(|topic| topic.name);
    let asked = controller::Request::CreatePartitions {
        topics: wanted.iter().map(|topic| new_partitions(topic)).collect(),
        validate_only: request.validate_only,
    };
    match call.context.router.control(asked).await {
        Reply::Outcomes(done) => outcomes.extend(names.zip(done)),
        Reply::Refused(code, text) => {
            outcomes.extend(names.map(|name| (name, Err((code, text.clone())))));
        }
        _ => unreachable!("partitions are answered as such"),
    }
    let results = outcomes.iter().map(|(name, outcome)| {
        let refused = outcome.as_ref().err();
        CreatePartitionsTopicResult {
            name: *name,
            error_code: refused.map_or(ErrorCode::None, |(code, _)| *code),
            error_message: refused.map(|(_, text)| text.as_str()),
        }
    });
    let response = CreatePartitionsResponse {
        results: results.collect(),
        ..CreatePartitionsResponse::default()
    };
    call.respond(&response)
}

fn new_partitions(topic: &CreatePartitionsTopic<'_>) -> NewPartitions {
    let assignments = topic.assignments.as_ref().map(|assignments| {
        let replicas = assignments.iter().map(|assignment| &assignment.broker_ids);
        replicas
            .map(|brokers| brokers.iter().map(|broker| broker.0).collect())
            .collect()
    });
    NewPartitions {
        topic: topic.name.0.to_owned(),
        count: topic.count,
        assignments,
    }
}
