//! What the log remembers of producers: sequences for idempotence, transactions that are open.
//!
//! Room:       `log`.
//! Called by:  `Log`: `check` before a batch is journaled, `update` with the append.
//! Never:      refuses in `update` (what is in the log is true), touches a disk, asks a clock.
//!
//! The rules are those of Kafka 4's `ProducerStateManager` and `ProducerAppendInfo` (KIP-98,
//! KIP-360, KIP-890): the last five batches are kept to recognise a retry; a sequence follows the
//! last one or starts at 0 in a new epoch; a producer nobody knows may start anywhere, for its
//! records may have been deleted.

use super::batch::BatchInfo;
pub use super::producer_error::ProducerError;
use crate::ids::Offset;
use crate::map::Map;
use ottla_protocol::record_batch::{NO_PRODUCER_EPOCH, NO_SEQUENCE, NO_TIMESTAMP};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// The producers of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerState {
    producers: Map<i64, ProducerEntry>,
    /// Open transactions by the first offset of their data: first offset → producer id.
    ongoing: BTreeMap<Offset, i64>,
    /// Ended transactions whose marker the high watermark has not passed: first → last offset.
    unreplicated: BTreeMap<Offset, Offset>,
}

/// What is known of one producer id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    /// -1 before the first data batch or marker.
    pub producer_epoch: i16,
    /// Epoch of the coordinator that wrote the last marker, -1 for none.
    pub coordinator_epoch: i32,
    /// Milliseconds since 1970, of the last batch; -1 for none. Decides expiry.
    pub last_timestamp: i64,
    /// First offset of its open transaction.
    pub transaction_first_offset: Option<Offset>,
    /// At most five, oldest first, all of `producer_epoch`.
    pub batches: SmallVec<[BatchMark; 1]>,
}

/// A batch by which a retry is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMark {
    pub last_sequence: i32,
    pub last_offset: Offset,
    pub offset_delta: i32,
    /// Max timestamp of the batch, milliseconds since 1970.
    pub timestamp: i64,
}

/// What `check` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerCheck {
    /// To be appended.
    New,
    /// A retry of a batch that is in the log already: answer with its offsets, append nothing.
    Duplicate {
        base_offset: Offset,
        last_offset: Offset,
        timestamp: i64,
    },
}

/// A transaction that a marker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTransaction {
    pub producer_id: i64,
    pub first_offset: Offset,
    /// Of the marker.
    pub last_offset: Offset,
    pub aborted: bool,
}

impl ProducerEntry {
    pub fn new() -> ProducerEntry {
        ProducerEntry {
            producer_epoch: NO_PRODUCER_EPOCH,
            coordinator_epoch: -1,
            last_timestamp: NO_TIMESTAMP,
            transaction_first_offset: None,
            batches: SmallVec::new(),
        }
    }

    /// -1 when no batch of this epoch is known.
    pub fn last_sequence(&self) -> i32 {
        self.batches
            .last()
            .map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    /// -1 when no batch is known.
    pub fn last_offset(&self) -> i64 {
        self.batches.last().map_or(-1, |batch| batch.last_offset.0)
    }

    fn duplicate_of(&self, info: &BatchInfo) -> Option<&BatchMark> {
        let header = &info.header;
        if header.producer_epoch != self.producer_epoch {
            return None;
        }
        self.batches.iter().find(|batch| {
            batch.first_sequence() == header.base_sequence
                && batch.last_sequence == header.last_sequence()
        })
    }

    /// A new epoch forgets the batches of the old one.
    fn enter_epoch(&mut self, epoch: i16) {
        if self.producer_epoch != epoch {
            self.batches = SmallVec::new();
            self.producer_epoch = epoch;
        }
    }

    fn add_batch(&mut self, mark: BatchMark) {
        if self.batches.len() == BATCHES_KEPT {
            self.batches.remove(0);
        }
        self.batches.push(mark);
        self.last_timestamp = mark.timestamp;
    }

    fn check_sequence(&self, info: &BatchInfo) -> Result<(), ProducerError> {
        let first = info.header.base_sequence;
        let gap = |expected| ProducerError::SequenceGap {
            producer_id: info.header.producer_id,
            expected,
            received: first,
        };
        if self.producer_epoch == NO_PRODUCER_EPOCH {
            return Ok(());
        }
        if info.header.producer_epoch != self.producer_epoch {
            return if first == 0 { Ok(()) } else { Err(gap(0)) };
        }
        let last = self.last_sequence();
        let next = if last == i32::MAX { 0 } else { last + 1 };
        if first == next {
            Ok(())
        } else {
            Err(gap(next))
        }
    }
}

impl Default for ProducerEntry {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchMark {
    pub fn first_offset(&self) -> Offset {
        Offset(self.last_offset.0 - i64::from(self.offset_delta))
    }

    /// Sequences wrap to 0 after 2³¹-1.
    pub fn first_sequence(&self) -> i32 {
        let first = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        let wrapped = if first < 0 { first + (1 << 31) } else { first };
        wrapped as i32
    }
}

impl ProducerState {
    /// Judges a batch of a client, before anything is written. Batches without a producer id pass.
    pub fn check(&self, info: &BatchInfo) -> Result<ProducerCheck, ProducerError> {
        let header = &info.header;
        if !header.has_producer_id() {
            return Ok(ProducerCheck::New);
        }
        let Some(entry) = self.producers.get(&header.producer_id) else {
            return Ok(ProducerCheck::New);
        };
        if let Some(batch) = entry.duplicate_of(info) {
            return Ok(ProducerCheck::Duplicate {
                base_offset: batch.first_offset(),
                last_offset: batch.last_offset,
                timestamp: batch.timestamp,
            });
        }
        if header.producer_epoch < entry.producer_epoch {
            return Err(fenced(info, entry));
        }
        entry.check_sequence(info)?;
        if entry.transaction_first_offset.is_some() && !header.attributes.is_transactional() {
            let producer_id = header.producer_id;
            return Err(ProducerError::TransactionState { producer_id });
        }
        Ok(ProducerCheck::New)
    }

    /// Judges a batch that a coordinator writes in a producer's name (offsets of a transaction): it
    /// carries no sequence, so only the epoch counts.
    pub fn check_epoch(&self, info: &BatchInfo) -> Result<(), ProducerError> {
        match self.producers.get(&info.header.producer_id) {
            Some(entry) if info.header.producer_epoch < entry.producer_epoch => {
                Err(fenced(info, entry))
            }
            _ => Ok(()),
        }
    }

    /// Whether this instance of a producer has written into a transaction that is open here.
    pub fn has_open_transaction(&self, producer_id: i64, epoch: i16) -> bool {
        self.producers.get(&producer_id).is_some_and(|entry| {
            entry.producer_epoch == epoch && entry.transaction_first_offset.is_some()
        })
    }

    /// Judges a transaction coordinator's marker. From transaction version 2 on (KIP-890) the
    /// marker's epoch is above the producer's, but for a retry of a marker that was written.
    pub fn check_marker(
        &self,
        info: &BatchInfo,
        transaction_version: i16,
    ) -> Result<(), ProducerError> {
        let Some(marker) = info.marker else {
            return Ok(());
        };
        let Some(entry) = self.producers.get(&info.header.producer_id) else {
            return Ok(());
        };
        let epoch = info.header.producer_epoch;
        let stale = if transaction_version >= 2 {
            let retry = epoch == entry.producer_epoch
                && (entry.transaction_first_offset.is_none() || epoch == i16::MAX);
            epoch <= entry.producer_epoch && !retry
        } else {
            epoch < entry.producer_epoch
        };
        if stale {
            return Err(fenced(info, entry));
        }
        if marker.coordinator_epoch < entry.coordinator_epoch {
            return Err(ProducerError::CoordinatorFenced {
                producer_id: info.header.producer_id,
                epoch: marker.coordinator_epoch,
                epoch_current: entry.coordinator_epoch,
            });
        }
        Ok(())
    }

    /// Takes note of a batch that is in the log now. Returns the transaction its marker ended.
    pub fn update(&mut self, info: &BatchInfo) -> Option<CompletedTransaction> {
        let header = &info.header;
        if !header.has_producer_id() {
            return None;
        }
        if header.attributes.is_control() {
            return self.end_transaction(info);
        }
        let entry = self.producers.entry(header.producer_id).or_default();
        entry.enter_epoch(header.producer_epoch);
        entry.add_batch(BatchMark {
            last_sequence: header.last_sequence(),
            last_offset: info.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        if header.attributes.is_transactional() && entry.transaction_first_offset.is_none() {
            entry.transaction_first_offset = Some(info.base_offset());
            self.ongoing.insert(info.base_offset(), header.producer_id);
        }
        None
    }

    fn end_transaction(&mut self, info: &BatchInfo) -> Option<CompletedTransaction> {
        let marker = info.marker?;
        let producer_id = info.header.producer_id;
        let entry = self.producers.entry(producer_id).or_default();
        entry.enter_epoch(info.header.producer_epoch);
        entry.coordinator_epoch = marker.coordinator_epoch;
        entry.last_timestamp = info.header.max_timestamp;
        // A marker for a transaction that wrote nothing here ends nothing.
        let first_offset = entry.transaction_first_offset.take()?;
        self.ongoing.remove(&first_offset);
        self.unreplicated.insert(first_offset, info.last_offset());
        Some(CompletedTransaction {
            producer_id,
            first_offset,
            last_offset: info.last_offset(),
            aborted: !marker.commit,
        })
    }

    /// The last stable offset right after `completed`, as the transaction index records it.
    pub fn last_stable_offset_after(&self, completed: &CompletedTransaction) -> Offset {
        let open = self
            .ongoing
            .iter()
            .find(|(_, producer)| **producer != completed.producer_id);
        open.map_or(completed.last_offset.plus(1), |(first, _)| *first)
    }

    /// Forgets ended transactions whose markers are replicated.
    pub fn on_high_watermark(&mut self, high_watermark: Offset) {
        if !self.unreplicated.is_empty() {
            self.unreplicated.retain(|_, last| *last >= high_watermark);
        }
    }

    /// Forgets ended transactions that start below the log's new start.
    pub fn on_log_start(&mut self, log_start: Offset) {
        self.unreplicated.retain(|_, last| *last >= log_start);
    }

    /// First offset of the oldest transaction that is open, or ended but not replicated. The last
    /// stable offset is the smaller of this and the high watermark.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        let ongoing = self.ongoing.keys().next().copied();
        let unreplicated = self.unreplicated.keys().next().copied();
        match (ongoing, unreplicated) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Forgets producers that have been silent for `expiration_ms` and have no open transaction.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| {
            entry.transaction_first_offset.is_some()
                || now_ms.saturating_sub(entry.last_timestamp) < expiration_ms
        });
        if self.producers.is_empty() {
            self.producers = Map::default();
        }
    }

    pub fn get(&self, producer_id: i64) -> Option<&ProducerEntry> {
        self.producers.get(&producer_id)
    }

    /// Sorted by producer id.
    pub fn entries(&self) -> Vec<(i64, &ProducerEntry)> {
        let mut entries: Vec<_> = self.producers.iter().map(|(id, e)| (*id, e)).collect();
        entries.sort_unstable_by_key(|(id, _)| *id);
        entries
    }

    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// Takes over producers of the log that this one is a copy of up to `end`, as far as they are
    /// unknown here: their batches are gone.
    pub(super) fn adopt(&mut self, original: &ProducerState, end: Offset) {
        for (id, entry) in original.entries() {
            if entry.last_offset() < end.0 && !self.producers.contains_key(&id) {
                self.restore(id, entry.clone());
            }
        }
    }

    /// Ended transactions the high watermark has not passed: first and last offset.
    pub(super) fn unreplicated(&self) -> Vec<(Offset, Offset)> {
        self.unreplicated.iter().map(|(f, l)| (*f, *l)).collect()
    }

    pub(super) fn restore_unreplicated(&mut self, first: Offset, last: Offset) {
        self.unreplicated.insert(first, last);
    }

    /// Puts back what a snapshot holds.
    pub(super) fn restore(&mut self, producer_id: i64, entry: ProducerEntry) {
        if let Some(first) = entry.transaction_first_offset {
            self.ongoing.insert(first, producer_id);
        }
        self.producers.insert(producer_id, entry);
    }
}

fn fenced(info: &BatchInfo, entry: &ProducerEntry) -> ProducerError {
    ProducerError::ProducerFenced {
        producer_id: info.header.producer_id,
        epoch: info.header.producer_epoch,
        epoch_current: entry.producer_epoch,
    }
}

/// As many as a Kafka client may have in flight with idempotence.
pub(super) const BATCHES_KEPT: usize = 5;

#[cfg(test)]
pub(super) mod tests {
    use super::super::batch::EndMarker;
    use super::*;
    use ottla_protocol::record_batch::{Attributes, BatchHeader};

    pub fn info(id: i64, epoch: i16, sequence: i32, offset: i64, count: i32) -> BatchInfo {
        BatchInfo::of(BatchHeader {
            base_offset: offset,
            length: 100,
            partition_leader_epoch: 0,
            crc: 0,
            attributes: Attributes(0),
            last_offset_delta: count - 1,
            base_timestamp: 1000,
            max_timestamp: 1000,
            producer_id: id,
            producer_epoch: epoch,
            base_sequence: sequence,
            records_count: count,
        })
    }

    pub fn transactional(mut info: BatchInfo) -> BatchInfo {
        info.header.attributes = info.header.attributes.with_transactional(true);
        info
    }

    pub fn marker(id: i64, epoch: i16, offset: i64, commit: bool) -> BatchInfo {
        let mut info = transactional(info(id, epoch, -1, offset, 1));
        info.header.attributes = info.header.attributes.with_control(true);
        info.marker = Some(EndMarker {
            commit,
            coordinator_epoch: 3,
        });
        info
    }

    fn gap(expected: i32, received: i32) -> Result<ProducerCheck, ProducerError> {
        Err(ProducerError::SequenceGap {
            producer_id: 1,
            expected,
            received,
        })
    }

    #[test]
    fn sequences_follow_and_retries_of_the_last_five_are_known() {
        let mut state = ProducerState::default();
        // Unknown producers start anywhere.
        assert_eq!(state.check(&info(1, 0, 70, 0, 10)), Ok(ProducerCheck::New));
        for n in 0..7 {
            let batch = info(1, 0, n * 10, i64::from(n) * 10, 10);
            assert_eq!(state.check(&batch), Ok(ProducerCheck::New));
            state.update(&batch);
        }
        for n in 2..7 {
            assert_eq!(
                state.check(&info(1, 0, n * 10, 999, 10)),
                Ok(ProducerCheck::Duplicate {
                    base_offset: Offset(i64::from(n) * 10),
                    last_offset: Offset(i64::from(n) * 10 + 9),
                    timestamp: 1000
                })
            );
        }
        assert_eq!(state.check(&info(1, 0, 10, 999, 10)), gap(70, 10));
        assert_eq!(state.check(&info(1, 0, 71, 999, 10)), gap(70, 71));
        // Half of a known batch is no retry.
        assert_eq!(state.check(&info(1, 0, 60, 999, 5)), gap(70, 60));
        assert_eq!(state.check(&info(1, 0, 70, 70, 1)), Ok(ProducerCheck::New));
    }

    #[test]
    fn sequences_wrap_behind_the_largest() {
        let mut state = ProducerState::default();
        state.update(&info(1, 0, i32::MAX - 1, 0, 4));
        let entry = state.get(1).expect("just updated");
        assert_eq!(entry.last_sequence(), 1);
        assert_eq!(entry.batches[0].first_sequence(), i32::MAX - 1);
        assert!(matches!(
            state.check(&info(1, 0, i32::MAX - 1, 0, 4)),
            Ok(ProducerCheck::Duplicate { .. })
        ));
        assert_eq!(state.check(&info(1, 0, 2, 4, 1)), Ok(ProducerCheck::New));
        let mut state = ProducerState::default();
        state.update(&info(1, 0, i32::MAX, 0, 1));
        assert_eq!(state.check(&info(1, 0, 0, 1, 1)), Ok(ProducerCheck::New));
    }

    #[test]
    fn epochs_fence_and_start_anew() {
        let mut state = ProducerState::default();
        state.update(&info(1, 5, 0, 0, 10));
        assert_eq!(
            state.check(&info(1, 4, 10, 10, 1)),
            Err(ProducerError::ProducerFenced {
                producer_id: 1,
                epoch: 4,
                epoch_current: 5
            })
        );
        assert_eq!(state.check(&info(1, 6, 10, 10, 1)), gap(0, 10));
        assert_eq!(state.check(&info(1, 6, 0, 10, 1)), Ok(ProducerCheck::New));
        state.update(&info(1, 6, 0, 10, 1));
        assert_eq!(state.get(1).expect("known").batches.len(), 1);
    }

    #[test]
    fn transactions_hold_the_stable_offset_until_their_marker_is_replicated() {
        let mut state = ProducerState::default();
        state.update(&transactional(info(1, 0, 0, 10, 5)));
        state.update(&transactional(info(2, 0, 0, 15, 5)));
        assert_eq!(state.first_unstable_offset(), Some(Offset(10)));
        assert_eq!(
            state.check(&info(1, 0, 5, 20, 1)),
            Err(ProducerError::TransactionState { producer_id: 1 })
        );
        let end = marker(1, 0, 20, false);
        assert_eq!(state.check_marker(&end, 1), Ok(()));
        let completed = state.update(&end).expect("a transaction was open");
        assert_eq!(completed.first_offset, Offset(10));
        assert!(completed.aborted);
        assert_eq!(state.last_stable_offset_after(&completed), Offset(15));
        assert_eq!(state.first_unstable_offset(), Some(Offset(10)));
        state.on_high_watermark(Offset(20));
        assert_eq!(state.first_unstable_offset(), Some(Offset(10)));
        state.on_high_watermark(Offset(21));
        assert_eq!(state.first_unstable_offset(), Some(Offset(15)));
        let completed = state.update(&marker(2, 1, 21, true)).expect("it was open");
        assert_eq!(state.last_stable_offset_after(&completed), Offset(22));
        // A second marker ends nothing; an older coordinator is refused.
        assert_eq!(state.update(&marker(2, 1, 22, true)), None);
        let mut old = marker(2, 1, 23, true);
        old.marker = Some(EndMarker {
            commit: true,
            coordinator_epoch: 2,
        });
        assert!(state.check_marker(&old, 1).is_err());
        assert_eq!(state.check_marker(&marker(2, 1, 23, true), 2), Ok(()));
        state.update(&transactional(info(2, 1, 0, 23, 1)));
        assert!(state.check_marker(&marker(2, 1, 24, true), 2).is_err());
        assert!(state.check_marker(&marker(2, 2, 24, true), 2).is_ok());
    }

    #[test]
    fn silent_producers_expire_unless_a_transaction_is_open() {
        let mut state = ProducerState::default();
        state.update(&info(1, 0, 0, 0, 1));
        state.update(&transactional(info(2, 0, 0, 1, 1)));
        state.expire(1000 + 50, 51);
        assert_eq!(state.len(), 2);
        state.expire(1000 + 51, 51);
        assert_eq!(state.len(), 1);
        assert!(state.get(2).is_some());
    }
}
