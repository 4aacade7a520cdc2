//! DeleteTopics (API 20): topics by name, or by id from v6 on.
//! Stages: refuse what is said twice or not at all; ask the controller; gather in request order.

use super::context::{Call, Response, Unanswerable, uuid};
use super::said::Said;
use crate::controller::{self, Refused, Reply, TopicTarget};
use crate::ids::TopicId;
use crate::protocol::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::protocol::{ErrorCode, TopicName, Uuid};

/// From this version on clients know TOPIC_DELETION_DISABLED.
const KNOWS_DISABLED: i16 = 3;

/// A topic as it was asked for, and what came of it.
type Outcome<'a> = (DeleteTopicState<'a>, Result<(String, TopicId), Refused>);

pub async fn handle(
    call: &Call,
    request: DeleteTopicsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let named = request.topic_names.iter().map(|name| DeleteTopicState {
        name: Some(*name),
        ..DeleteTopicState::default()
    });
    let asked: Vec<_> = request.topics.iter().cloned().chain(named).collect();
    let mut outcomes: Vec<Outcome<'_>> = Vec::with_capacity(asked.len());
    let mut targets = Vec::new();
    let mut pace = call.pace();
    let mut said = Said::of(asked.iter().map(named_as), &mut pace).await;
    for topic in &asked {
        pace.step().await;
        let Some(twice) = said.take(&named_as(topic)) else {
            continue;
        };
        match check(call, topic, twice) {
            Some(refused) => outcomes.push((topic.clone(), Err(refused))),
            None => targets.push(topic.clone()),
        }
    }
    let wanted = targets.iter().map(|topic| match topic.name {
        Some(name) => TopicTarget::Name(name.0.to_owned()),
        None => TopicTarget::Id(TopicId(topic.topic_id.0)),
    });
    let request = controller::Request::DeleteTopics {
        topics: wanted.collect(),
    };
    if !targets.is_empty() {
        match call.context.router.control(request).await {
            Reply::Deleted(deleted) => outcomes.extend(targets.into_iter().zip(deleted)),
            Reply::Refused(code, text) => {
                let refused = |topic| (topic, Err((code, text.clone())));
                outcomes.extend(targets.into_iter().map(refused));
            }
            _ => unreachable!("deletions are answered as such"),
        }
    }
    let response = DeleteTopicsResponse {
        responses: outcomes.iter().map(result).collect(),
        ..DeleteTopicsResponse::default()
    };
    call.respond(&response)
}

fn named_as<'a>(topic: &DeleteTopicState<'a>) -> (Option<&'a str>, [u8; 16]) {
    (topic.name.map(|name| name.0), topic.topic_id.0)
}

/// What the request alone shows to be wrong.
fn check(call: &Call, topic: &DeleteTopicState<'_>, twice: bool) -> Option<Refused> {
    let wrong = |text: &str| Some((ErrorCode::InvalidRequest, text.to_owned()));
    if !call.config().delete_topics {
        let code = if call.version < KNOWS_DISABLED {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::TopicDeletionDisabled
        };
        return Some((code, "Topic deletion is disabled.".to_owned()));
    }
    match (topic.name, topic.topic_id.is_zero()) {
        (Some(_), false) => wrong("You may not specify both topic name and topic id."),
        (None, true) => wrong("Neither topic name nor id were specified."),
        (Some(_), true) if twice => wrong("Duplicate topic name."),
        (None, false) if twice => wrong("Duplicate topic id."),
        _ => None,
    }
}

fn result<'o>((topic, outcome): &'o Outcome<'_>) -> DeletableTopicResult<'o> {
    match outcome {
        Ok((name, id)) => DeletableTopicResult {
            name: Some(TopicName(name)),
            topic_id: uuid(*id),
            ..DeletableTopicResult::default()
        },
        Err((code, text)) => DeletableTopicResult {
            name: topic.name,
            topic_id: Uuid(topic.topic_id.0),
            error_code: *code,
            error_message: Some(text),
        },
    }
}
