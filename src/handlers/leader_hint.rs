//! Where a client that came to the wrong broker should go (KIP-951): it saves a Metadata request.
//!
//! Room:       `handlers`.
//! Called by:  `produce`, `fetch_response`.
//! Calls:      `metadata`, whose image knows leaders and brokers.

use super::context::Call;
use crate::ids::PartitionKey;
use crate::metadata::Image;
use crate::protocol::BrokerId;

/// The leader of a partition and its epoch, -1 and -1 when there is no such partition.
pub(super) fn leader_of(image: &Image, key: PartitionKey) -> (BrokerId, i32) {
    let topic = image.topic_by_id(key.topic);
    let index = usize::try_from(key.partition).ok();
    let placed = topic.zip(index).and_then(|(t, i)| t.partitions.get(i));
    placed.map_or((BrokerId(-1), -1), |placed| {
        (BrokerId(placed.leader), placed.leader_epoch.0)
    })
}

/// How to reach these brokers through the listener of this connection; fenced ones are left out.
pub(super) fn endpoints<'i, T>(
    call: &Call,
    image: &'i Image,
    mut ids: Vec<BrokerId>,
    endpoint: impl Fn(BrokerId, &'i str, i32, Option<&'i str>) -> T,
) -> Vec<T> {
    ids.sort_unstable();
    ids.dedup();
    let listener = &call.context.listener.name;
    let known = ids.into_iter().filter_map(|id| {
        let broker = image.brokers.get(&id.0).filter(|broker| !broker.fenced)?;
        let mut endpoints = broker.endpoints.iter();
        let reached = endpoints.find(|endpoint| endpoint.name == *listener)?;
        let rack = broker.rack.as_deref();
        Some(endpoint(id, &reached.host, i32::from(reached.port), rack))
    });
    known.collect()
}
