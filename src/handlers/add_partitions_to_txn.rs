//! AddPartitionsToTxn (API 24): partitions become part of a transaction (KIP-98); since v4 for many
//! transactions at once, or only to be told whether they are (KIP-890).
//! Stages: look the partitions up; ask each transaction's coordinator; gather in request order.

use super::context::{Call, Response, Unanswerable};
use super::transactional::{Named, add, verify};
use crate::coordinator::Producer;
use crate::metadata::Image;
use crate::protocol::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
};
use crate::protocol::{ErrorCode, TransactionalId};

/// First version for many transactions.
const BATCHED: i16 = 4;

/// First version whose clients know PRODUCER_FENCED.
const FENCED_VERSION: i16 = 2;

pub async fn handle(
    call: &Call,
    request: AddPartitionsToTxnRequest<'_>,
) -> Result<Response, Unanswerable> {
    if call.version >= BATCHED {
        let mut results = Vec::with_capacity(request.transactions.len());
        for wanted in &request.transactions {
            results.push(AddPartitionsToTxnResult {
                transactional_id: wanted.transactional_id,
                topic_results: ask(call, wanted).await,
            });
        }
        return call.respond(&AddPartitionsToTxnResponse {
            results_by_transaction: results,
            ..AddPartitionsToTxnResponse::default()
        });
    }
    let wanted = AddPartitionsToTxnTransaction {
        transactional_id: TransactionalId(request.v3_and_below_transactional_id.0),
        producer_id: request.v3_and_below_producer_id,
        producer_epoch: request.v3_and_below_producer_epoch,
        verify_only: false,
        topics: request.v3_and_below_topics,
    };
    let mut results = ask(call, &wanted).await;
    if call.version < FENCED_VERSION {
        let results = results.iter_mut();
        for result in results.flat_map(|topic| &mut topic.results_by_partition) {
            if result.partition_error_code == ErrorCode::ProducerFenced {
                result.partition_error_code = ErrorCode::InvalidProducerEpoch;
            }
        }
    }
    call.respond(&AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: results,
        ..AddPartitionsToTxnResponse::default()
    })
}

/// One transaction's partitions: all join, or none.
async fn ask<'r>(
    call: &Call,
    wanted: &AddPartitionsToTxnTransaction<'r>,
) -> Vec<AddPartitionsToTxnTopicResult<'r>> {
    let image = call.image();
    let partitions = wanted.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (topic.name.0, *partition))
    });
    let named: Vec<(&str, i32)> = partitions.collect();
    let unknown = |(topic, partition): &(&str, i32)| !is_known(&image, topic, *partition);
    if named.iter().any(unknown) {
        let codes = named.iter().map(|named| match unknown(named) {
            true => ErrorCode::UnknownTopicOrPartition,
            false => ErrorCode::OperationNotAttempted,
        });
        return results(&wanted.topics, codes);
    }
    let producer = Producer {
        id: wanted.producer_id.0,
        epoch: wanted.producer_epoch,
    };
    let named: Vec<Named> = named.iter().map(|(t, p)| ((*t).into(), *p)).collect();
    let transactional_id = wanted.transactional_id.0;
    let codes = match wanted.verify_only {
        true => verify(call, transactional_id, producer, &named).await,
        false => add(call, transactional_id, producer, &named).await,
    };
    match codes {
        Ok(codes) => results(&wanted.topics, codes.into_iter()),
        Err(code) => results(&wanted.topics, std::iter::repeat(code)),
    }
}

fn is_known(image: &Image, topic: &str, partition: i32) -> bool {
    let topic = image.topic(topic);
    topic.is_some_and(|topic| {
        usize::try_from(partition).is_ok_and(|partition| partition < topic.partitions.len())
    })
}

/// One code for each partition, in the order of the request.
fn results<'r>(
    topics: &[AddPartitionsToTxnTopic<'r>],
    mut codes: impl Iterator<Item = ErrorCode>,
) -> Vec<AddPartitionsToTxnTopicResult<'r>> {
    let mut results = Vec::with_capacity(topics.len());
    for topic in topics {
        let partitions =
            topic
                .partitions
                .iter()
                .map(|partition_index| AddPartitionsToTxnPartitionResult {
                    partition_index: *partition_index,
                    partition_error_code: codes.next().unwrap_or(ErrorCode::UnknownServerError),
                });
        results.push(AddPartitionsToTxnTopicResult {
            name: topic.name,
            results_by_partition: partitions.collect(),
        });
    }
    results
}
