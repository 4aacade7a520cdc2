//! OffsetForLeaderEpoch (API 23): where an epoch's records end (KIP-101, KIP-320).
//! Stages: find each partition, ask its owner, gather in request order.

use super::context::{Call, Response, Unanswerable};
use crate::ids::{LeaderEpoch, PartitionKey};
use crate::protocol::ErrorCode;
use crate::protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    OffsetForLeaderTopicResult,
};
use crate::shard::message::{Answer, Question};

pub async fn handle(
    call: &Call,
    request: OffsetForLeaderEpochRequest<'_>,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    let mut questions = Vec::new();
    let mut known = Vec::new();
    let mut pace = call.pace();
    for topic in &request.topics {
        let found = image.topic(topic.topic.0);
        for partition in &topic.partitions {
            pace.step().await;
            let index = partition.partition;
            let key = found
                .filter(|topic| (0..topic.partitions.len() as i64).contains(&i64::from(index)))
                .map(|topic| PartitionKey {
                    topic: topic.id,
                    partition: index,
                });
            known.push(key.is_some());
            questions.extend(key.map(|key| {
                let epoch = LeaderEpoch(partition.leader_epoch);
                let current_leader_epoch = partition.current_leader_epoch;
                (
                    key,
                    Question::EpochEnd {
                        epoch,
                        current_leader_epoch,
                    },
                )
            }));
        }
    }
    let mut answers = call.context.router.ask(questions).await.into_iter();
    let mut known = known.into_iter();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            pace.step().await;
            let answer = match known.next() {
                Some(true) => answers.next().expect("one answer per question"),
                _ => Answer::Refused(ErrorCode::UnknownTopicOrPartition),
            };
            partitions.push(epoch_end(partition.partition, answer));
        }
        topics.push(OffsetForLeaderTopicResult {
            topic: topic.topic,
            partitions,
        });
    }
    let response = OffsetForLeaderEpochResponse {
        topics,
        ..OffsetForLeaderEpochResponse::default()
    };
    call.respond(&response)
}

fn epoch_end(partition: i32, answer: Answer) -> EpochEndOffset {
    let mut end = EpochEndOffset {
        error_code: ErrorCode::None,
        partition,
        leader_epoch: -1,
        end_offset: -1,
    };
    match answer {
        Answer::EpochEnd { epoch, end_offset } => {
            end.leader_epoch = epoch;
            end.end_offset = end_offset;
        }
        Answer::Refused(code) => end.error_code = code,
        _ => unreachable!("an epoch question has an epoch answer"),
    }
    end
}
