//! CreateTopics (API 19): topics with partitions, replicas and settings; or only whether they could
//! be created. Stages: ask the controller; tell each topic's settings as they hold (v5+).

use super::context::{Call, Response, Unanswerable, uuid};
use crate::config::describe::describe_topic;
use crate::config::{BrokerConfig, ConfigEntry};
use crate::controller::{self, NewTopic, Reply, TopicOutcome};
use crate::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest,
    CreateTopicsResponse,
};
use crate::protocol::{ErrorCode, TopicName};

pub async fn handle(
    call: &Call,
    request: CreateTopicsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let asked = controller::Request::CreateTopics {
        topics: request.topics.iter().map(new_topic).collect(),
        validate_only: request.validate_only,
    };
    let outcomes = match call.context.router.control(asked).await {
        Reply::Topics(outcomes) => outcomes,
        Reply::Refused(code, text) => refuse_all(&request, code, &text),
        _ => unreachable!("topics are answered as such"),
    };
    let settings = settings(&call.config(), &outcomes);
    let topics = outcomes.iter().zip(&settings);
    let response = CreateTopicsResponse {
        topics: topics.map(|(outcome, set)| result(outcome, set)).collect(),
        ..CreateTopicsResponse::default()
    };
    call.respond(&response)
}

fn new_topic(topic: &CreatableTopic<'_>) -> NewTopic {
    let assignments = topic.assignments.iter().map(|assignment| {
        let brokers = assignment.broker_ids.iter().map(|broker| broker.0);
        (assignment.partition_index, brokers.collect())
    });
    let configs = topic.configs.iter();
    NewTopic {
        name: topic.name.0.to_owned(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments.collect(),
        configs: configs
            .map(|config| (config.name.to_owned(), config.value.map(str::to_owned)))
            .collect(),
    }
}

fn refuse_all(request: &CreateTopicsRequest<'_>, code: ErrorCode, text: &str) -> Vec<TopicOutcome> {
    let refused = request.topics.iter().map(|topic| TopicOutcome {
        name: topic.name.0.to_owned(),
        error: Some((code, text.to_owned())),
        partitions: -1,
        replication_factor: -1,
        ..TopicOutcome::default()
    });
    refused.collect()
}

/// What holds for each topic that was created. Most set nothing, and those share one answer.
fn settings(
    config: &BrokerConfig,
    outcomes: &[TopicOutcome],
) -> Vec<std::rc::Rc<Vec<ConfigEntry>>> {
    let mut plain = None;
    let mut described = |outcome: &TopicOutcome| {
        let describe = || std::rc::Rc::new(describe_topic(config, &outcome.overrides));
        match &outcome.error {
            Some(_) => std::rc::Rc::default(),
            None if outcome.overrides.is_empty() => plain.get_or_insert_with(describe).clone(),
            None => describe(),
        }
    };
    outcomes.iter().map(&mut described).collect()
}

fn result<'o>(outcome: &'o TopicOutcome, settings: &'o [ConfigEntry]) -> CreatableTopicResult<'o> {
    let configs = settings.iter().map(|entry| CreatableTopicConfigs {
        name: &entry.name,
        value: entry.value.as_deref(),
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: entry.sensitive,
    });
    let (code, text) = match &outcome.error {
        Some((code, text)) => (*code, Some(text.as_str())),
        None => (ErrorCode::None, None),
    };
    CreatableTopicResult {
        name: TopicName(&outcome.name),
        topic_id: uuid(outcome.id),
        error_code: code,
        error_message: text,
        topic_config_error_code: ErrorCode::None,
        num_partitions: outcome.partitions,
        replication_factor: outcome.replication_factor,
        configs: Some(configs.collect()),
    }
}
