//! DeleteRecords (API 21): move the start of partitions forward (KIP-107).
//! Stages: find each partition, ask its owner, gather in request order.

use super::context::{Call, Response, Unanswerable};
use crate::ids::PartitionKey;
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};
use crate::shard::message::{Answer, Question};

pub async fn handle(
    call: &Call,
    request: DeleteRecordsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    let mut questions = Vec::new();
    let mut known = Vec::new();
    for topic in &request.topics {
        let found = image.topic(topic.name.0);
        for partition in &topic.partitions {
            let index = partition.partition_index;
            let key = found
                .filter(|topic| (0..topic.partitions.len() as i64).contains(&i64::from(index)))
                .map(|topic| PartitionKey {
                    topic: topic.id,
                    partition: index,
                });
            known.push(key.is_some());
            let offset = partition.offset;
            questions.extend(key.map(|key| (key, Question::DeleteBefore { offset })));
        }
    }
    let router = &call.context.router;
    let asked = questions.len();
    let deadline = router
        .shard
        .runtime
        .now()
        .plus_ms(i64::from(request.timeout_ms));
    let answers = router
        .shard
        .runtime
        .deadline(deadline, router.ask(questions))
        .await;
    let answers = answers.unwrap_or_else(|| {
        (0..asked)
            .map(|_| Answer::Refused(ErrorCode::RequestTimedOut))
            .collect()
    });
    let (mut answers, mut known) = (answers.into_iter(), known.into_iter());
    let topics = request.topics.iter().map(|topic| DeleteRecordsTopicResult {
        name: topic.name,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| {
                let answer = match known.next() {
                    Some(true) => answers.next().expect("one answer per question"),
                    _ => Answer::Refused(ErrorCode::UnknownTopicOrPartition),
                };
                result(partition.partition_index, answer)
            })
            .collect(),
    });
    call.respond(&DeleteRecordsResponse {
        topics: topics.collect(),
        ..DeleteRecordsResponse::default()
    })
}

fn result(partition_index: i32, answer: Answer) -> DeleteRecordsPartitionResult {
    let (low_watermark, error_code) = match answer {
        Answer::LowWatermark(start) => (start.0, ErrorCode::None),
        Answer::Refused(code) => (-1, code),
        _ => unreachable!("a deletion is answered with a low watermark"),
    };
    DeleteRecordsPartitionResult {
        partition_index,
        low_watermark,
        error_code,
    }
}
