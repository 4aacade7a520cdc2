//! `ottla transactions abort` and `forceTerminateTransaction`: ends of transactions nobody ends.
//!
//! Room:       `cli`, a tool.
//! Called by:  `transactions`.
//! Calls:      `client`.
//! Never:      aborts what is not open.

use super::ask::{self, check};
use crate::cli::output::{Outcome, Refusal};
use crate::client::admin::call_until_settled;
use crate::client::{Answer, ClientError, Cluster};
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use crate::protocol::{ErrorCode, ProducerId, TopicName, TransactionalId};

/// The flags of `ottla transactions abort`.
#[derive(clap::Args, Debug)]
pub struct Abort {
    #[arg(long)]
    topic: String,
    #[arg(long, value_name = "NUMBER")]
    partition: i32,
    /// Where the transaction begins: enough for brokers of Kafka 3.0 and later.
    #[arg(long, value_name = "OFFSET", required_unless_present = "producer_id")]
    start_offset: Option<i64>,
    /// For older brokers, with the epochs.
    #[arg(
        long,
        value_name = "ID",
        requires = "producer_epoch",
        requires = "coordinator_epoch"
    )]
    producer_id: Option<i64>,
    #[arg(long, value_name = "EPOCH")]
    producer_epoch: Option<i16>,
    #[arg(long, value_name = "EPOCH", allow_hyphen_values = true)]
    coordinator_epoch: Option<i32>,
}

impl Abort {
    pub fn run(self, cluster: &Cluster) -> Outcome {
        let (topic, partition) = (&self.topic, self.partition);
        cluster.refresh(Some(&[topic]), false)?;
        let (producer_id, epoch, coordinator_epoch) = self.producer(cluster)?;
        let Some((leader, ..)) = cluster.leader(topic, partition) else {
            return Err(Refusal::new(format_args!(
                "There is no partition {topic}-{partition}, or it has no leader now"
            )));
        };
        let request = WriteTxnMarkersRequest {
            markers: vec![WritableTxnMarker {
                producer_id: ProducerId(producer_id),
                producer_epoch: epoch,
                transaction_result: false,
                topics: vec![WritableTxnMarkerTopic {
                    name: TopicName(topic),
                    partition_indexes: vec![partition],
                }],
                coordinator_epoch: coordinator_epoch.max(0),
                transaction_version: 0,
            }],
        };
        let answer = cluster.call_broker(leader, &request)?;
        let response: WriteTxnMarkersResponse<'_> = answer.decode()?;
        let topics = response.markers.iter().flat_map(|marker| &marker.topics);
        let mut partitions = topics.flat_map(|topic| &topic.partitions);
        let code = partitions.next().map(|partition| partition.error_code);
        let what = format!("Failed to abort the transaction in {topic}-{partition}");
        check(code.unwrap_or(ErrorCode::UnknownServerError), &what)
    }

    /// Producer id, its epoch, its coordinator's epoch.
    fn producer(&self, cluster: &Cluster) -> Result<(i64, i16, i32), Refusal> {
        let (topic, partition) = (&self.topic, self.partition);
        let given = (
            self.producer_id,
            self.producer_epoch,
            self.coordinator_epoch,
        );
        let start = match (self.start_offset, given) {
            (None, (Some(id), Some(epoch), Some(coordinator))) => {
                return Ok((id, epoch, coordinator));
            }
            (start, _) => start.unwrap_or(-1),
        };
        let producers = ask::producers(cluster, topic, partition, None)?;
        let open = producers.into_iter();
        let mut open = open.filter(|producer| start >= 0 && producer.start_offset == start);
        let found = open.next().ok_or_else(|| {
            Refusal::new(format_args!(
                "Could not find any open transactions starting at offset {start} on partition \
                 {topic}-{partition}"
            ))
        })?;
        let epoch = i16::try_from(found.epoch).unwrap_or(i16::MAX);
        Ok((found.id, epoch, found.coordinator_epoch))
    }
}

/// A new instance of the producer takes over and does nothing: what was open is aborted.
pub fn force_terminate(cluster: &Cluster, transactional_id: &str) -> Outcome {
    let known = ask::describe(cluster, transactional_id)?.ok_or_else(|| {
        Refusal::new(format_args!(
            "Nobody uses the transactional id `{transactional_id}`"
        ))
    })?;
    let request = InitProducerIdRequest {
        transactional_id: Some(TransactionalId(transactional_id)),
        transaction_timeout_ms: known.timeout_ms.max(1),
        producer_id: ProducerId(-1),
        producer_epoch: -1,
        ..InitProducerIdRequest::default()
    };
    let code = |answer: &Answer| -> Result<ErrorCode, ClientError> {
        let response: InitProducerIdResponse = answer.decode()?;
        Ok(response.error_code)
    };
    // On one node any broker is the coordinator; elsewhere the settled code says who is not.
    let answer = match cluster.known().brokers.len() {
        0 | 1 => call_until_settled(cluster, &request, code)?,
        _ => cluster.call_broker(known.coordinator, &request)?,
    };
    let what = format!("Failed to terminate the transaction of `{transactional_id}`");
    check(code(&answer)?, &what)
}
