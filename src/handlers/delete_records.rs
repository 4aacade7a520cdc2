//! DeleteRecords (API 21): everything below an offset (KIP-107).
//! Stages: find each partition, ask its owner, gather in request order.

use super::context::{Call, Response, Unanswerable};
use crate::ids::PartitionKey;
use crate::metadata::ResourceKind;
use crate::protocol::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
    DeleteRecordsTopicResult,
};
use crate::protocol::{ErrorCode, TopicName};
use crate::shard::message::{Answer, Question};
use std::collections::BTreeMap;
use std::time::Duration;

/// No log starts here: the answer to a refusal.
const NO_LOW_WATERMARK: i64 = -1;

/// A partition of the request, and why it is refused, if it is.
type Wanted = (i32, Result<(PartitionKey, Question), ErrorCode>);

/// A partition of the answer, refused before anybody is asked, or not.
type Refusal = (i32, Option<ErrorCode>);

pub async fn handle(
    call: &Call,
    request: DeleteRecordsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut questions = Vec::new();
    let mut topics: Vec<(TopicName<'_>, Vec<Refusal>)> = Vec::new();
    for topic in &request.topics {
        let wanted = wanted(call, topic).into_iter().map(|(index, question)| {
            let refusal = question.map(|question| questions.push(question)).err();
            (index, refusal)
        });
        topics.push((topic.name, wanted.collect()));
    }
    let count = questions.len();
    let router = &call.context.router;
    let runtime = &router.shard.runtime;
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let asked = runtime.deadline(runtime.now().plus(timeout), router.ask(questions));
    let answers = asked.await;
    let answers =
        answers.unwrap_or_else(|| vec![Answer::Refused(ErrorCode::RequestTimedOut); count]);
    let mut answers = answers.into_iter();
    let topics = topics.into_iter().map(|(name, partitions)| {
        let partitions = partitions
            .into_iter()
            .map(|(index, refusal)| match refusal {
                Some(code) => result(index, Answer::Refused(code)),
                None => result(index, answers.next().expect("one answer per question")),
            });
        DeleteRecordsTopicResult {
            name,
            partitions: partitions.collect(),
        }
    });
    let response = DeleteRecordsResponse {
        topics: topics.collect(),
        ..DeleteRecordsResponse::default()
    };
    call.respond(&response)
}

/// What is asked of each partition; of one that comes twice, what came last.
fn wanted(call: &Call, topic: &DeleteRecordsTopic<'_>) -> Vec<Wanted> {
    let image = call.image();
    let found = image.topic(topic.name.0);
    let only_compacted = found.is_some() && {
        let overrides = image.overrides(ResourceKind::Topic, topic.name.0);
        let resolved = call.config().topic(overrides);
        resolved.is_ok_and(|config| config.cleanup.compact && !config.cleanup.delete)
    };
    let asked = topic.partitions.iter();
    let asked: BTreeMap<i32, i64> = asked.map(|p| (p.partition_index, p.offset)).collect();
    let wanted = asked.into_iter().map(|(index, offset)| {
        let known = found.filter(|topic| {
            usize::try_from(index).is_ok_and(|index| index < topic.partitions.len())
        });
        let question = match known {
            None => Err(ErrorCode::UnknownTopicOrPartition),
            // Records of a compacted topic go when their keys do.
            Some(_) if only_compacted => Err(ErrorCode::PolicyViolation),
            Some(topic) => {
                let key = PartitionKey {
                    topic: topic.id,
                    partition: index,
                };
                Ok((key, Question::DeleteBefore { offset }))
            }
        };
        (index, question)
    });
    wanted.collect()
}

fn result(partition_index: i32, answer: Answer) -> DeleteRecordsPartitionResult {
    let (error_code, low_watermark) = match answer {
        Answer::LowWatermark(start) => (ErrorCode::None, start.0),
        Answer::Refused(code) => (code, NO_LOW_WATERMARK),
        _ => unreachable!("a deletion is answered with the log's new start"),
    };
    DeleteRecordsPartitionResult {
        partition_index,
        low_watermark,
        error_code,
    }
}
