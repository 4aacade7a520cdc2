//! What the storage scenario knows a partition should hold.
//!
//! Room:       `sim`.
//! Called by:  `storage`.
//! Never:      knows where on a disk anything lies.

use crate::ids::{GroupSequence, LeaderEpoch, Offset, PartitionKey};
use crate::log::Log;
use crate::protocol::record_batch::{BatchBuilder, BatchOptions, ProducerStamp};

/// What a partition should hold.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub batches: Vec<Batch>,
    pub log_start: Offset,
    /// Asked for; durable once its group is synced.
    pub log_start_asked: Option<(Offset, GroupSequence)>,
    pub epoch: LeaderEpoch,
    pub sequence: i32,
    /// Deleted; durable once its group is synced.
    pub dropped: Option<GroupSequence>,
    pub shard: usize,
}

#[derive(Clone, Debug)]
pub struct Batch {
    pub base: Offset,
    pub next: Offset,
    pub bytes: Vec<u8>,
    /// Where it was journaled; `None`: recovered before, so durable.
    pub group: Option<GroupSequence>,
    /// It was written before a kill.
    pub written: bool,
    pub sequence_next: i32,
}

impl Model {
    pub fn end(&self) -> Offset {
        self.batches.last().map_or(Offset(0), |batch| batch.next)
    }
}

impl Model {
    /// Holds what is served against what should be, and becomes what was recovered.
    pub fn compare(&mut self, key: PartitionKey, log: &Log, served: &[u8], power_was_cut: bool) {
        let is_durable = |batch: &&Batch| batch.group.is_none() || batch.written && !power_was_cut;
        let durable = self.batches.iter().take_while(is_durable).count();
        let must = self.batches[..durable]
            .last()
            .map_or(Offset(0), |batch| batch.next);
        let end = log.log_end_offset();
        assert!(
            end >= must,
            "{key:?} ends at {end}, acknowledged up to {must}"
        );
        assert!(
            end <= self.end(),
            "{key:?} ends at {end}, appended up to {}",
            self.end()
        );
        let asked = self
            .log_start_asked
            .take()
            .map_or(self.log_start, |(to, _)| to);
        let start = log.log_start_offset();
        assert!(
            start == self.log_start || start == asked,
            "{key:?} starts at {start}, not {} or {asked}",
            self.log_start
        );
        self.log_start = start;
        self.batches.retain(|batch| batch.next <= end);
        assert_eq!(self.end(), end, "{key:?} ends where a batch ends");
        let expected: Vec<u8> = self
            .batches
            .iter()
            .filter(|batch| batch.next > start)
            .flat_map(|batch| batch.bytes.iter().copied())
            .collect();
        assert!(
            served == expected,
            "{key:?} serves {} bytes, not the {} appended in {start}..{end}",
            served.len(),
            expected.len(),
        );
        self.sequence = self.batches.last().map_or(0, |batch| batch.sequence_next);
        for batch in &mut self.batches {
            batch.group = None;
            batch.written = false;
        }
        // A producer whose records are all below the log's start may be forgotten.
        let known = log.with_producers(|all| all.get(PRODUCER).map(|entry| entry.last_sequence()));
        if start < end {
            assert_eq!(
                known,
                Some(self.sequence - 1),
                "{key:?} forgot its producer"
            );
        }
    }
}

const PRODUCER: i64 = 77;

/// A batch of the scenario's one producer.
pub fn batch(base: Offset, records: i32, sequence: i32, value: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        producer: ProducerStamp {
            id: PRODUCER,
            epoch: 0,
            base_sequence: sequence,
        },
        base_offset: 0,
        ..BatchOptions::default()
    });
    for record in 0..records {
        builder.append(1_000 + base.0 + i64::from(record), None, Some(value), &[]);
    }
    builder.finish()
}
