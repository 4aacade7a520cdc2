//! One partition's bytes on one disk, in Kafka's own file formats.
//!
//! Room:       `log`, segments, indexes, reads, recovery.
//! Called by:  `partition` (append, read, truncate), `shard` (open, flush, sync, retention).
//! Calls:      `runtime` for the door, `protocol::record_batch`.
//! Never:      sees clients or replicas, or asks a clock: times are passed in.
//!
//! The journal makes a batch durable; the log makes it readable. `append` puts the journal's slice
//! into the tail, in memory, and decides at once in which segment and at which byte it will lie.
//! `flush` writes the tail into segment files later, in large aligned pieces, each beginning with
//! the last partly filled block of the file once more; `sync` makes that durable. So positions and
//! indexes never wait for a disk, and a closed segment is byte for byte what Kafka would have.
//!
//! ```text
//!   log start                         flushed              log end
//!   ├── segment ──┼── segment ──┼──────┼── tail, in memory ──┤
//!                              └ growing ────────────────────┘
//!                          ├─ hot: flushed, still in memory ─┤
//! ```
//!
//! Always true:
//!   - every batch above what is flushed is in the tail; log start <= log end, but for a log that
//!     was cut below its start, until its leader or the journal has filled it again (as Kafka's).
//!   - a change (flush, truncate, swap, delete, close) runs alone; appends and reads go on.
//!   - after a failed write or sync the log is offline: nothing is retried.

#![forbid(unsafe_code)]

mod aborted;
mod append;
pub mod batch;
mod cache;
pub mod checkpoint;
mod close;
pub mod compaction;
mod error;
mod flush;
pub mod index;
pub mod layout;
pub mod leader_epoch;
mod losses;
pub mod producer_error;
mod producer_snapshot;
pub mod producer_state;
mod read;
mod recovery;
mod reindex;
mod relocate;
mod retention;
mod scan;
mod segment;
mod storage;
mod sync;
mod tail_block;
#[cfg(test)]
mod tests;
mod time;
mod truncate;
mod trusted;

pub use batch::{BatchInfo, EndMarker};
pub use error::{LogError, ReadError};
pub use flush::Flushed;
pub use index::AbortedTransaction;
pub use leader_epoch::{EpochEntry, Epochs};
pub use losses::{Damage, Loss};
pub use producer_state::{CompletedTransaction, ProducerCheck, ProducerError, ProducerState};
pub use read::{Batches, ColdRead, Read};
pub use recovery::{Known, OpenReport, TailCut};
pub use storage::{Counters, LogStorage, StorageSettings};
pub use tail_block::TailBlock;

use crate::ids::{GroupSequence, LeaderEpoch, Offset, PartitionKey};
use crate::io::{Instant, Slice};
use crate::runtime::sync::Event;
use append::{Tail, TailEntry};
use leader_epoch::EpochCache;
use segment::Segment;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What a topic's configuration says about its logs; names and units are Kafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    pub segment_bytes: u32,
    /// For a compacted topic no more than `max.compaction.lag.ms`: the active segment is not
    /// compacted.
    pub segment_ms: i64,
    pub segment_jitter_ms: i64,
    pub index_bytes: u32,
    pub index_interval_bytes: u32,
    /// `None` keeps for ever.
    pub retention_ms: Option<i64>,
    pub retention_bytes: Option<u64>,
    /// `cleanup.policy` has delete.
    pub delete: bool,
    /// `cleanup.policy` has compact: offsets may have gaps.
    pub compact: bool,
    /// How long the files of a removed segment stay, under names that say so.
    pub delete_delay_ms: u64,
}

impl Default for LogSettings {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 604_800_000,
            segment_jitter_ms: 0,
            index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            retention_ms: Some(604_800_000),
            retention_bytes: None,
            delete: true,
            compact: false,
            delete_delay_ms: 60_000,
        }
    }
}

impl LogSettings {
    pub fn of_topic(topic: &crate::config::TopicConfig) -> LogSettings {
        let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let segment_ms = match topic.cleanup.compact {
            true => topic.segment_ms.min(topic.max_compaction_lag_ms),
            false => topic.segment_ms,
        };
        LogSettings {
            segment_bytes: topic.segment_bytes,
            segment_ms: ms(segment_ms),
            segment_jitter_ms: ms(topic.segment_jitter_ms),
            index_bytes: topic.segment_index_bytes,
            index_interval_bytes: topic.index_interval_bytes,
            retention_ms: topic.retention_ms.map(ms),
            retention_bytes: topic.retention_bytes,
            delete: topic.cleanup.delete,
            compact: topic.cleanup.compact,
            delete_delay_ms: topic.file_delete_delay_ms,
        }
    }

    /// Age at which the segment of this partition that begins at `base` is rolled: `segment.ms`
    /// less a share of `segment.jitter.ms`, which is the same whenever it is asked for.
    fn roll_ms(&self, key: PartitionKey, base: Offset) -> i64 {
        let jitter = self.segment_jitter_ms.min(self.segment_ms);
        if jitter <= 0 {
            return self.segment_ms;
        }
        let id = u128::from_be_bytes(key.topic.0);
        let mut mixed = (id >> 64) as u64 ^ id as u64;
        for part in [key.partition as u64, base.0 as u64] {
            mixed = (mixed ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^= mixed >> 32;
        }
        self.segment_ms - (mixed % jitter as u64) as i64
    }
}

/// One partition's log. Cloning shares it.
#[derive(Clone)]
pub struct Log(Rc<Inner>);

struct Inner {
    storage: LogStorage,
    /// Names this log in what all logs of the storage share.
    id: u32,
    key: PartitionKey,
    turns: storage::Turns,
    state: RefCell<State>,
}

struct State {
    dir: Rc<Path>,
    /// Those of its topic, whose logs share them.
    settings: Rc<LogSettings>,
    log_start: Offset,
    log_end: Offset,
    /// Offset after the last batch that is in a segment file.
    flushed: Offset,
    /// Offset after the last batch that is durable in a segment file.
    synced: Offset,
    /// Below it recovery need not look; see `Flushed::recovery_point`.
    recovery_point: Offset,
    /// Oldest first, at least one; only the last ones, which are not closed yet, grow.
    segments: Vec<Segment>,
    tail: Tail,
    /// Bytes of all segments, the tail included.
    size: u64,
    epochs: EpochCache,
    epochs_dirty: bool,
    producers: ProducerState,
    /// While a journal is replayed: producers as a checkpoint knew them at an offset, with more
    /// than a snapshot or the batches still there can tell.
    producers_before: Option<Box<(Offset, ProducerState)>>,
    damage: Vec<Damage>,
    /// Segments with bytes not synced, by base offset.
    dirty: Vec<Offset>,
    /// Files beside segments with bytes not synced.
    dirty_indexes: Vec<(Offset, layout::FileKind)>,
    /// Files were made, renamed or removed and the folder not synced.
    names_dirty: bool,
    /// The folder itself is new and its parent not synced.
    folder_dirty: bool,
    touched: Instant,
    failed: Option<LogError>,
    /// Counts truncations and swaps, so that a read across one starts anew.
    cuts: u32,
    /// Its files are as a close leaves them, with the log's end here, unless something changed.
    closed_at: Option<Offset>,
    /// Files of removed segments that wait for their deletion: the next opening must look.
    retiring: usize,
    /// Segments change their files at this moment: reads of files wait for the event.
    swapping: Option<Event>,
}

impl Log {
    pub fn key(&self) -> PartitionKey {
        self.0.key
    }

    /// The partition's folder.
    pub fn dir(&self) -> PathBuf {
        self.0.state.borrow().dir.to_path_buf()
    }

    pub fn storage(&self) -> &LogStorage {
        &self.0.storage
    }

    pub fn settings(&self) -> Rc<LogSettings> {
        self.0.state.borrow().settings.clone()
    }

    pub fn set_settings(&self, settings: Rc<LogSettings>) {
        self.0.state.borrow_mut().settings = settings;
    }

    pub fn log_start_offset(&self) -> Offset {
        self.0.state.borrow().log_start
    }

    /// Offset of the next record.
    pub fn log_end_offset(&self) -> Offset {
        self.0.state.borrow().log_end
    }

    /// Moves the log's start forward (DeleteRecords, a leader's start); never back, never beyond
    /// the end. What lies before is no longer read; `drop_old_segments` frees it.
    pub fn set_log_start(&self, to: Offset) {
        let mut state = self.0.state.borrow_mut();
        let to = to.min(state.log_end);
        if to > state.log_start {
            state.log_start = to;
            state.epochs_dirty |= state.epochs.truncate_from_start(to);
            state.producers.on_log_start(to);
        }
    }

    /// Bytes of all batches, those in memory included.
    pub fn size_bytes(&self) -> u64 {
        self.0.state.borrow().size
    }

    /// Offset after the last batch that is in a segment file, synced or not.
    pub fn flushed_offset(&self) -> Offset {
        self.0.state.borrow().flushed
    }

    /// Everything below is durable in segments. A checkpoint may forget the journal's copy, except
    /// for what the log says at `Flushed::recovery_point`.
    pub fn recovery_point(&self) -> Offset {
        self.0.state.borrow().recovery_point
    }

    /// The journal's oldest group of which something is not in a segment file yet.
    pub fn oldest_group(&self) -> Option<GroupSequence> {
        let state = self.0.state.borrow();
        let first = state.tail.index_of(state.flushed);
        state.tail.range(first).map(|entry| entry.group).min()
    }

    /// When the last batch was appended.
    pub fn quiet_since(&self) -> Instant {
        self.0.state.borrow().touched
    }

    /// Ranges of offsets that are lost; reads in them answer `Corrupt`.
    pub fn damage(&self) -> Vec<Damage> {
        self.0.state.borrow().damage.clone()
    }

    /// A close would write nothing that is not in its files.
    pub fn is_unchanged(&self) -> bool {
        self.0.state.borrow().is_unchanged()
    }

    /// Why the log is offline, if it is.
    pub fn failed(&self) -> Option<LogError> {
        self.0.state.borrow().failed
    }

    /// Appends one batch whose base offset and leader epoch are final, and takes note of its epoch,
    /// its producer and its transaction. `group` is the journal's group that holds it, `now` the
    /// time from which the log counts as quiet. Nothing is written; nothing can fail.
    ///
    /// Returns the transaction that ended, if the batch is its marker.
    pub fn append(
        &self,
        batch: Slice,
        info: &BatchInfo,
        group: GroupSequence,
        now: Instant,
    ) -> Option<CompletedTransaction> {
        let mut state = self.0.state.borrow_mut();
        let state = &mut *state;
        assert_eq!(batch.len(), info.size(), "one whole batch");
        assert!(
            info.base_offset() >= state.log_end && info.last_offset() >= info.base_offset(),
            "a batch goes to the end of the log"
        );
        let roll_ms = state.settings.roll_ms(self.0.key, state.active().base);
        if state.active().should_roll(info, &state.settings, roll_ms) {
            state.roll(info.base_offset());
            storage::count(&self.0.storage.0.counters.segments_rolled, 1);
        }
        let active = state.segments.last_mut().expect("a log has a segment");
        active.note(info, &state.settings);
        state.size += batch.len() as u64;
        state.tail.push(TailEntry {
            base: info.base_offset(),
            next: info.next_offset(),
            slice: batch,
            group,
        });
        state.log_end = info.next_offset();
        state.touched = now;
        state.learn(info)
    }

    /// Tells the log that the journal holds these bytes of an unflushed batch in another group now
    /// (copied forward). False when the batch is not in memory or was flushed meanwhile.
    pub fn carry_forward(&self, base: Offset, batch: Slice, group: GroupSequence) -> bool {
        let mut state = self.0.state.borrow_mut();
        base >= state.flushed && state.tail.carry(base, batch, group)
    }

    /// Batches that are not in a segment file yet, oldest first: base offset and bytes.
    pub fn unflushed(&self) -> Vec<(Offset, Slice)> {
        let state = self.0.state.borrow();
        let first = state.tail.index_of(state.flushed);
        let entries = state.tail.range(first);
        entries
            .map(|entry| (entry.base, entry.slice.clone()))
            .collect()
    }

    /// Bytes that are not in a segment file yet.
    pub fn unflushed_bytes(&self) -> u64 {
        let state = self.0.state.borrow();
        let growing = state.segments.iter().rev();
        growing
            .take_while(|segment| segment.growing.is_some())
            .map(|segment| u64::from(segment.size - segment.flushed))
            .sum()
    }

    pub fn latest_epoch(&self) -> Option<EpochEntry> {
        self.0.state.borrow().epochs.latest()
    }

    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.0.state.borrow().epochs.epoch_of(offset)
    }

    /// All epochs, oldest first.
    pub fn epochs(&self) -> Epochs {
        self.0.state.borrow().epochs.entries().into()
    }

    /// Where `epoch` ended in this log (KIP-101, KIP-279); `None` when nothing can be said.
    pub fn end_offset_for(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let state = self.0.state.borrow();
        state.epochs.end_offset_for(epoch, state.log_end)
    }

    /// Notes that a leader's epoch begins at the log's end; true when it is a new one.
    pub fn assign_epoch(&self, epoch: LeaderEpoch, start: Offset) -> bool {
        let mut state = self.0.state.borrow_mut();
        let changed = state.epochs.assign(epoch, start);
        state.epochs_dirty |= changed;
        changed
    }

    /// Judges a client's batch by its producer's sequence and epoch, before it is journaled.
    pub fn check_producer(&self, info: &BatchInfo) -> Result<ProducerCheck, ProducerError> {
        self.0.state.borrow().producers.check(info)
    }

    /// Judges a batch of a coordinator in a producer's name; see `ProducerState::check_epoch`.
    pub fn check_producer_epoch(&self, info: &BatchInfo) -> Result<(), ProducerError> {
        self.0.state.borrow().producers.check_epoch(info)
    }

    /// Whether this instance of a producer has an open transaction in this log.
    pub fn has_open_transaction(&self, producer_id: i64, epoch: i16) -> bool {
        let state = self.0.state.borrow();
        state.producers.has_open_transaction(producer_id, epoch)
    }

    /// Judges a coordinator's end marker; see `ProducerState::check_marker`.
    pub fn check_marker(
        &self,
        info: &BatchInfo,
        transaction_version: i16,
    ) -> Result<(), ProducerError> {
        let state = self.0.state.borrow();
        state.producers.check_marker(info, transaction_version)
    }

    /// Forgets producers silent for `producer.id.expiration.ms`; `now_ms` is the wall clock.
    pub fn expire_producers(&self, now_ms: i64) {
        let expiration_ms = self.0.storage.0.settings.get().producer_expiration_ms;
        let mut state = self.0.state.borrow_mut();
        state.producers.expire(now_ms, expiration_ms);
    }

    /// Looks at the producers (DescribeProducers, a checkpoint's `encode_whole`).
    pub fn with_producers<T>(&self, look: impl FnOnce(&ProducerState) -> T) -> T {
        look(&self.0.state.borrow().producers)
    }

    /// Tells that everything below is replicated.
    pub fn on_high_watermark(&self, high_watermark: Offset) {
        let mut state = self.0.state.borrow_mut();
        state.producers.on_high_watermark(high_watermark);
    }

    /// First offset of a transaction that is open, or whose marker is not replicated. The last
    /// stable offset is the smaller of this and the high watermark.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        let state = self.0.state.borrow();
        let first = state.producers.first_unstable_offset()?;
        Some(first.max(state.log_start))
    }
}

impl State {
    /// What a checkpoint knew of producers, if it was at or below `end`.
    fn known_producers(&self, end: Offset) -> Option<(Offset, ProducerState)> {
        let before = self.producers_before.as_deref();
        before.filter(|(at, _)| *at <= end).cloned()
    }

    fn is_unchanged(&self) -> bool {
        let is_clean = self.dirty.is_empty() && self.dirty_indexes.is_empty();
        // A blank log's epochs lie in the checkpoint alone.
        let is_as_closed = self.closed_at == Some(self.log_end) && !self.epochs_dirty;
        (is_as_closed || self.is_blank() && !self.folder_dirty)
            && self.cuts == 0
            && is_clean
            && !self.names_dirty
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect("a log has a segment")
    }

    fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has a segment")
    }

    /// Opens the next segment at `base`; files follow at the next flush.
    fn roll(&mut self, base: Offset) {
        self.active_mut().finish_time_index();
        let mut segment = Segment::new(base);
        if let Some(growing) = &mut segment.growing {
            growing.snapshot = Some(self.producers.encode());
        }
        self.segments.push(segment);
    }

    /// Goes on at `to`, above the end: nothing between can come back.
    fn skip_to(&mut self, to: Offset) {
        self.roll(to);
        self.log_end = to;
        self.flushed = to;
    }

    /// What a batch at the end of the log teaches about epochs, producers and transactions.
    fn learn(&mut self, info: &BatchInfo) -> Option<CompletedTransaction> {
        self.epochs_dirty |= self.epochs.assign(info.leader_epoch(), info.base_offset());
        if info.base_offset() < self.log_start {
            self.epochs.truncate_from_start(self.log_start);
        }
        let completed = self.producers.update(info)?;
        let aborted = self.aborted_entry(&completed);
        if let (Some(entry), Some(growing)) = (aborted, &mut self.active_mut().growing) {
            growing.aborted.push(entry);
            growing.aborted_dirty = true;
        }
        Some(completed)
    }

    /// The epoch of a batch found in a file.
    fn confirm_epoch(&mut self, info: &BatchInfo) {
        let (epoch, base) = (info.leader_epoch(), info.base_offset());
        self.epochs_dirty |= self.epochs.confirm(epoch, base);
    }

    /// The same for producers alone; returns what belongs into the transaction index.
    fn learn_producer(&mut self, info: &BatchInfo) -> Option<AbortedTransaction> {
        let completed = self.producers.update(info)?;
        self.aborted_entry(&completed)
    }

    fn aborted_entry(&self, completed: &CompletedTransaction) -> Option<AbortedTransaction> {
        completed.aborted.then(|| AbortedTransaction {
            producer_id: completed.producer_id,
            first_offset: completed.first_offset,
            last_offset: completed.last_offset,
            last_stable_offset: self.producers.last_stable_offset_after(completed),
        })
    }

    /// Lets flushed batches that end at or below `end` go from memory.
    fn drop_hot(&mut self, end: Offset) {
        let end = end.min(self.flushed);
        self.tail.drop_below(end);
        if self.tail.first().is_none_or(|first| first >= self.flushed) {
            for segment in &mut self.segments {
                if let Some(growing) = &mut segment.growing {
                    growing.partial = None;
                }
            }
        }
    }

    /// Index of the segment that holds `offset`, the first one when it lies below all.
    fn segment_of(&self, offset: Offset) -> usize {
        let above = self
            .segments
            .partition_point(|segment| segment.base <= offset);
        above.saturating_sub(1)
    }

    fn segment(&self, base: Offset) -> Option<&Segment> {
        let index = self.segments.binary_search_by_key(&base, |s| s.base).ok()?;
        Some(&self.segments[index])
    }

    fn segment_mut(&mut self, base: Offset) -> Option<&mut Segment> {
        let index = self.segments.binary_search_by_key(&base, |s| s.base).ok()?;
        Some(&mut self.segments[index])
    }

    /// Offset after the last one a segment may hold.
    fn segment_end(&self, base: Offset) -> Offset {
        let above = self
            .segments
            .partition_point(|segment| segment.base <= base);
        self.segments
            .get(above)
            .map_or(self.log_end, |next| next.base)
    }

    fn check_online(&self) -> Result<(), LogError> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
