//! DescribeProducers (API 61): who wrote to a partition lately, and whose transaction is open there
//! (KIP-664). Stages: find each partition, ask its owner, gather in request order.

use super::context::{Call, Response, Unanswerable};
use crate::ids::PartitionKey;
use crate::protocol::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState,
    TopicResponse,
};
use crate::protocol::{ErrorCode, ProducerId};
use crate::shard::message::{ActiveProducer, Answer, Question};

pub async fn handle(
    call: &Call,
    request: DescribeProducersRequest<'_>,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    let now = call.context.router.shard.runtime.wall();
    let mut questions = Vec::new();
    let mut pace = call.pace();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let known = image.topic(topic.name.0);
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for &index in &topic.partition_indexes {
            pace.step().await;
            let known = known.filter(|topic| {
                usize::try_from(index).is_ok_and(|index| index < topic.partitions.len())
            });
            if let Some(topic) = known {
                let key = PartitionKey {
                    topic: topic.id,
                    partition: index,
                };
                questions.push((key, Question::Producers { now }));
            }
            partitions.push((index, known.is_some()));
        }
        topics.push((topic.name, partitions));
    }
    let mut answers = call.context.router.ask(questions).await.into_iter();
    let mut told = Vec::with_capacity(topics.len());
    for (name, asked) in topics {
        let mut partitions = Vec::with_capacity(asked.len());
        for (index, known) in asked {
            pace.step().await;
            let answer = match known {
                true => answers.next().expect("one answer per question"),
                false => Answer::Refused(ErrorCode::UnknownTopicOrPartition),
            };
            partitions.push(partition_response(index, answer));
        }
        told.push(TopicResponse { name, partitions });
    }
    let response = DescribeProducersResponse {
        topics: told,
        ..DescribeProducersResponse::default()
    };
    call.respond(&response)
}

fn partition_response(partition_index: i32, answer: Answer) -> PartitionResponse<'static> {
    let mut response = PartitionResponse {
        partition_index,
        ..PartitionResponse::default()
    };
    match answer {
        Answer::Producers(producers) => {
            response.active_producers = producers.iter().map(active_producer).collect();
        }
        Answer::Refused(code) => response.error_code = code,
        _ => unreachable!("producers were asked for"),
    }
    response
}

fn active_producer(producer: &ActiveProducer) -> ProducerState {
    ProducerState {
        producer_id: ProducerId(producer.producer_id),
        producer_epoch: producer.producer_epoch.into(),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_first_offset,
    }
}
