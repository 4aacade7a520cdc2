//! WriteTxnMarkers (API 27): end transactions in partitions. Sent by other brokers' coordinators
//! and by an admin who aborts a hanging transaction (KIP-664).
//! Stages: find each partition, ask its owner, gather in request order.

use super::context::{Call, Response, Unanswerable};
use crate::ids::PartitionKey;
use crate::partition::Marker;
use crate::protocol::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use crate::protocol::{ErrorCode, TopicName};

/// The partitions of a marker: of each whether somebody was asked.
type Asked<'r> = Vec<(TopicName<'r>, Vec<(i32, bool)>)>;

pub async fn handle(
    call: &Call,
    request: WriteTxnMarkersRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut markers = Vec::new();
    let asked: Vec<Asked<'_>> = request
        .markers
        .iter()
        .map(|wanted| ask(call, wanted, &mut markers))
        .collect();
    let codes = call.context.router.end_transactions(markers).await;
    let mut codes = codes.into_iter();
    let answered = request.markers.iter().zip(asked).map(|(wanted, topics)| {
        let topics = topics.into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(partition_index, is_asked)| {
                let error_code = match is_asked {
                    true => codes.next().expect("one answer per marker"),
                    false => ErrorCode::UnknownTopicOrPartition,
                };
                WritableTxnMarkerPartitionResult {
                    partition_index,
                    error_code,
                }
            });
            WritableTxnMarkerTopicResult {
                name,
                partitions: partitions.collect(),
            }
        });
        WritableTxnMarkerResult {
            producer_id: wanted.producer_id,
            topics: topics.collect(),
        }
    });
    let response = WriteTxnMarkersResponse {
        markers: answered.collect(),
    };
    call.respond(&response)
}

fn ask<'r>(
    call: &Call,
    wanted: &WritableTxnMarker<'r>,
    markers: &mut Vec<(PartitionKey, Marker)>,
) -> Asked<'r> {
    let image = call.image();
    let marker = Marker {
        producer_id: wanted.producer_id.0,
        producer_epoch: wanted.producer_epoch,
        coordinator_epoch: wanted.coordinator_epoch,
        commit: wanted.transaction_result,
        transaction_version: wanted.transaction_version.into(),
    };
    let topics = wanted.topics.iter().map(|topic| {
        let known = image.topic(topic.name.0);
        let partitions = topic.partition_indexes.iter().map(|&index| {
            let known = known.filter(|topic| {
                usize::try_from(index).is_ok_and(|index| index < topic.partitions.len())
            });
            if let Some(topic) = known {
                let key = PartitionKey {
                    topic: topic.id,
                    partition: index,
                };
                markers.push((key, marker));
            }
            (index, known.is_some())
        });
        (topic.name, partitions.collect())
    });
    topics.collect()
}
