//! Markers: the control batches that end transactions, and what they mean for data on its way.
//!
//! Room:       `partition`.
//! Called by:  `shard::markers`.
//! Calls:      `protocol::record_batch` to build the batch, `log` to judge it.
//! Never:      decides how a transaction ends; its coordinator did.
//!
//! Data of a transaction is appended only after its coordinator has said that the partition
//! belongs to it (KIP-890), and between that word and the append a marker may come: the data would
//! then belong to no transaction and hold up readers for ever. A guard is what the partition says
//! when it asks for the word: "of markers I know those up to here". It is void once a marker of
//! the same producer came after it.

use super::{AppendError, Appended, Partition};
use crate::ids::LeaderEpoch;
use crate::io::{Instant, WallMillis};
use crate::log::BatchInfo;
use crate::protocol::record_batch::{
    BatchBuilder, BatchOptions, ProducerStamp, patch_base_offset, patch_leader_epoch,
};
use crate::protocol::records::log::EndTxnMarker;
use std::collections::VecDeque;
use std::rc::Rc;

/// The end of a producer's transaction, as its coordinator decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub coordinator_epoch: i32,
    pub commit: bool,
    /// 2 and later: the epoch is the one after the transaction's (KIP-890).
    pub transaction_version: i16,
}

/// How many markers a partition had seen when data came unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard(u64);

/// The producers of the last markers. The older a guard, the less can be said for it.
#[derive(Debug, Default)]
pub(super) struct Recent {
    seen: u64,
    producers: VecDeque<i64>,
}

/// Markers that are remembered. A word is asked for in milliseconds; a partition that sees more
/// markers meanwhile lets data ask again.
const RECENT_MAX: usize = 512;

impl Recent {
    pub fn guard(&self) -> Guard {
        Guard(self.seen)
    }

    /// Whether the producer surely had no marker since the guard was given.
    pub fn allows(&self, guard: Guard, producer_id: i64) -> bool {
        let Some(since) = self.seen.checked_sub(guard.0) else {
            return false;
        };
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        let mut newest = self.producers.iter().rev().take(since);
        since <= self.producers.len() && newest.all(|producer| *producer != producer_id)
    }

    fn note(&mut self, producer_id: i64) {
        if self.producers.len() == RECENT_MAX {
            self.producers.pop_front();
        }
        self.producers.push_back(producer_id);
        self.seen += 1;
    }
}

impl Partition {
    /// Ends a transaction here; a marker is durable like any batch sent with acks=all.
    pub fn end_transaction(
        self: &Rc<Self>,
        marker: &Marker,
        wall: WallMillis,
        now: Instant,
    ) -> Result<Appended, AppendError> {
        self.may_append(-1)?;
        let base_offset = self.log().log_end_offset();
        let batch = control_batch(marker, wall, base_offset.0, self.leader_epoch());
        let info = BatchInfo::parse(&batch).expect("it was built just now");
        self.log().check_marker(&info, marker.transaction_version)?;
        let required = self.required_mark(-1);
        let group = self.take(&[&batch], &info, required, now)?;
        self.markers.borrow_mut().note(marker.producer_id);
        Ok(Appended {
            base_offset,
            end: info.next_offset(),
            group: Some(group),
            required,
            moves: self.moves(),
            log_append_time: None,
        })
    }
}

/// One control record: key (version 0, type), value `EndTxnMarker`.
fn control_batch(marker: &Marker, wall: WallMillis, base: i64, epoch: LeaderEpoch) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        transactional: true,
        control: true,
        producer: ProducerStamp {
            id: marker.producer_id,
            epoch: marker.producer_epoch,
            ..ProducerStamp::default()
        },
        ..BatchOptions::default()
    });
    let kind = i16::from(marker.commit);
    let key = [0i16.to_be_bytes(), kind.to_be_bytes()].concat();
    let mut value = 0i16.to_be_bytes().to_vec();
    let body = EndTxnMarker {
        coordinator_epoch: marker.coordinator_epoch,
    };
    body.encode(&mut value, 0).expect("it is one number");
    builder.append(wall.0, Some(&key), Some(&value), &[]);
    let mut batch = builder.finish();
    patch_base_offset(&mut batch, base);
    patch_leader_epoch(&mut batch, epoch.0);
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::EndMarker;
    use crate::protocol::record_batch::Batch;

    #[test]
    fn a_marker_is_a_control_batch_as_kafka_writes_it() {
        let marker = Marker {
            producer_id: 7,
            producer_epoch: 3,
            coordinator_epoch: 9,
            commit: true,
            transaction_version: 2,
        };
        let bytes = control_batch(&marker, WallMillis(1000), 42, LeaderEpoch(5));
        let batch = Batch::parse(&bytes).expect("whole");
        assert!(batch.crc_is_valid());
        let header = batch.header;
        assert!(header.attributes.is_control() && header.attributes.is_transactional());
        assert_eq!((header.base_offset, header.partition_leader_epoch), (42, 5));
        assert_eq!((header.producer_id, header.producer_epoch), (7, 3));
        assert_eq!((header.base_sequence, header.records_count), (-1, 1));
        // Kafka's size of a batch with one end marker.
        assert_eq!(bytes.len(), 78);
        let info = BatchInfo::parse(&bytes).expect("whole");
        let end = EndMarker {
            commit: true,
            coordinator_epoch: 9,
        };
        assert_eq!(info.marker, Some(end));
    }

    #[test]
    fn a_guard_is_void_after_a_marker_of_the_same_producer() {
        let mut recent = Recent::default();
        let guard = recent.guard();
        assert!(recent.allows(guard, 1));
        recent.note(2);
        assert!(recent.allows(guard, 1));
        assert!(!recent.allows(guard, 2));
        assert!(recent.allows(recent.guard(), 2));
        for _ in 0..RECENT_MAX {
            recent.note(3);
        }
        assert!(!recent.allows(guard, 1), "too long ago to say");
    }
}
