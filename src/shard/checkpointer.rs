//! The checkpointer: brings what the journal holds into segments, then lets the journal go on.
//!
//! Room:       `shard`. One per (shard, log dir), beside its journal.
//! Called by:  `shard`, which adds logs it opens, removes those it drops, and closes it last.
//! Calls:      `log` (flush, sync), `journal` (release), `checkpoint_file`.
//! Never:      on the latency path; says that something is in segments before it is synced there.
//!
//! The order of a checkpoint (a lap), each step durable before the next:
//!   1. what each partition is at this instant is captured: end, epochs, producers, log start,
//!      and the journal's upcoming group, before which it needs no replay once 3 is done
//!   2. the last, partly filled block of its segment goes into the journal: the flush writes that
//!      block again, and a torn write must not take what was synced
//!   3. segments are written, then synced, with the folders whose names are new
//!   4. all captures go into one file
//!   5. the journal's files before the oldest capture are free
//!
//! Thousands of syncs take seconds: tails are flushed for memory between them. What is captured
//! for such a flush counts once it is synced, by this lap or the next; until then what was saved
//! before it stands, which asks for more of the journal, not for less.
//!
//! A partition that gained little since the last lap is not written: its few batches are copied
//! forward in the journal instead, which is one write for thousands of them.
//!
//! Three reasons to write, beside being asked: much came into the journal (a lap), much memory
//! waits in tails (a flush of the large ones, and of more where that is not enough: producers
//! wait for it), a partition was quiet for a second (its own flush, so that Kafka's tools see all
//! of it in the folder; the next lap syncs it, for the journal has it until then).

pub use super::checkpoint_error::CheckpointError;
mod admit;
mod block;
mod close;
mod cut;
mod memory;
mod quiet;

use super::checkpoint_error::unless_deleted;
use super::checkpoint_file::{Encoder, Record, shard_path};
use super::full_disk::FullDisk;
use crate::ids::{GroupSequence, Offset, PartitionKey, RequiredMark, ShardId};
use crate::journal::{Entry, Journal, JournalError, Pressure};
use crate::log::{Log, LogError};
use crate::runtime::Runtime;
use crate::runtime::sync::{Either, Event, either};
use block::SavedBlock;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// How often the checkpointer looks while there is something to write.
const TICK: Duration = Duration::from_millis(50);
/// When nothing was appended for this long, a last lap empties the journal.
const IDLE: Duration = Duration::from_secs(5);
/// After a full disk, look again this much later.
const RETRY_NO_SPACE: Duration = Duration::from_secs(1);
/// Bytes appended from which a flush of large tails gives memory back, at most.
const FLUSH_BYTES: u64 = 16 << 20;
/// A tail of at least this much is worth a write of its own.
const LARGE_TAIL: u64 = 64 << 10;
/// Tails of that size that are written at the same time.
const LARGE_AT_ONCE: usize = 2;
/// A tail below this is copied forward instead, if its partition is in use.
const SMALL_TAIL: u64 = 8 << 10;
/// Bytes of the journal for each partition in use, at least.
const RING_BYTES_EACH: u64 = 64 << 10;
/// Bytes of the journal between two laps, at most, if not so many partitions are in use that they
/// need more. A start after a crash replays up to two laps of each shard; see `perf/limits.md`.
const LAP_BYTES: u64 = 32 << 20;
/// Partitions whose saved blocks share one wait for the journal, and whose flushes and syncs go
/// together.
const BATCH: usize = 64;
/// Records encoded between two pauses.
const ENCODE_BATCH: usize = 512;

/// See the head of the file. Clones share it.
#[derive(Clone)]
pub struct Checkpointer(Rc<Inner>);

struct Inner {
    runtime: Runtime,
    dir: PathBuf,
    shard: ShardId,
    journal: Journal,
    members: RefCell<BTreeMap<PartitionKey, Rc<Member>>>,
    /// Partitions with entries in the journal that no checkpoint file covers.
    active: RefCell<BTreeSet<PartitionKey>>,
    /// `journal.appended_bytes()` at the last flush for memory, and how far apart they are.
    flushed_at: Cell<u64>,
    flush_bytes: u64,
    /// How long a partition is without an append before it is quiet; see `quiet`.
    quiet_after: Cell<Duration>,
    /// `journal.placed_bytes()` at the last lap.
    lap_at: Cell<u64>,
    full_disk: FullDisk,
    /// Partitions whose next lap somebody waits for; see `cover`.
    wanted: RefCell<BTreeSet<PartitionKey>>,
    /// How often the file was asked for as it is, and which of these it has followed; see `admit`.
    filed: admit::Filed,
    /// Ends of laps.
    lapped: Event,
    stopping: Cell<bool>,
    stopped: Cell<bool>,
    /// Stop, or a lap asked for.
    asked: Event,
    ended: Event,
    counters: Counters,
}

/// Counted since the start; for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    pub laps: Cell<u64>,
    pub flushes: Cell<u64>,
    pub copied_forward: Cell<u64>,
}

struct Member {
    log: Log,
    /// What the next checkpoint file says of it.
    saved: RefCell<Capture>,
    /// Captured before a flush that is not synced yet. Boxed, for few have one at a time.
    flushed: RefCell<Option<Box<Capture>>>,
    /// The last block that went into the journal.
    block: Cell<SavedBlock>,
    high_watermark: Cell<Offset>,
    /// `sealed` of what the checkpoint file on the disk says.
    covered: Cell<Offset>,
    /// Between a truncation's entry and the truncation: what the log is says nothing then.
    cutting: Cell<bool>,
    /// Truncations begun so far.
    cuts: Cell<u64>,
}

/// What a log was at an instant.
struct Capture {
    record: Record,
    /// The journal has nothing from the capture on that would write into segments which end at or
    /// below, saved blocks of theirs included.
    sealed: Offset,
}

impl Checkpointer {
    /// Starts the background task.
    pub fn start(runtime: &Runtime, dir: &Path, shard: ShardId, journal: Journal) -> Checkpointer {
        let memory = journal.memory_bytes_max().unwrap_or(usize::MAX) as u64;
        let full_disk = FullDisk::new(runtime, dir, shard, journal.share_bytes());
        let inner = Rc::new(Inner {
            runtime: runtime.clone(),
            dir: dir.to_owned(),
            shard,
            journal,
            members: RefCell::default(),
            active: RefCell::default(),
            flushed_at: Cell::new(0),
            flush_bytes: FLUSH_BYTES.min(memory / 3),
            quiet_after: Cell::new(quiet::QUIET),
            lap_at: Cell::new(0),
            full_disk,
            wanted: RefCell::default(),
            filed: admit::Filed::default(),
            lapped: Event::new(),
            stopping: Cell::new(false),
            stopped: Cell::new(false),
            asked: Event::new(),
            ended: Event::new(),
            counters: Counters::default(),
        });
        runtime.spawn(run(inner.clone()));
        Checkpointer(inner)
    }

    /// Takes care of a log that was opened: all of it is in synced segments. Called before the
    /// first entry of the partition goes into the journal. `high_watermark`: of the last
    /// checkpoint, -1 when unknown.
    pub fn add(&self, log: &Log, high_watermark: Offset) {
        self.insert(log, high_watermark);
    }

    /// Takes care of a log that was created, and journals that it exists: the folder's name may
    /// not be durable before its first records are.
    pub fn add_new(&self, log: &Log) -> Result<(), JournalError> {
        let member = self.insert(log, Offset(-1));
        let key = log.key();
        let saved = member.saved.borrow();
        let folder = saved.record.folder.as_bytes();
        self.0.journal.note(Entry::Create { key, folder })?;
        Ok(())
    }

    fn insert(&self, log: &Log, high_watermark: Offset) -> Rc<Member> {
        let folder = log
            .dir()
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let folder = folder.unwrap_or_default();
        let saved = self.0.capture(log, &folder, high_watermark);
        let member = Rc::new(Member {
            log: log.clone(),
            saved: RefCell::new(saved),
            flushed: RefCell::new(None),
            block: Cell::default(),
            high_watermark: Cell::new(high_watermark),
            covered: Cell::new(Offset(0)),
            cutting: Cell::new(false),
            cuts: Cell::new(0),
        });
        self.0
            .members
            .borrow_mut()
            .insert(log.key(), member.clone());
        member
    }

    /// Forgets a log that is deleted or goes elsewhere.
    pub fn remove(&self, key: PartitionKey) {
        self.0.members.borrow_mut().remove(&key);
        self.0.active.borrow_mut().remove(&key);
    }

    /// The high watermark of a partition, for the next checkpoint.
    pub fn set_high_watermark(&self, key: PartitionKey, high_watermark: Offset) {
        if let Some(member) = self.0.members.borrow().get(&key) {
            member.high_watermark.set(high_watermark);
        }
    }

    /// Segments of a partition that end at or below are synced, and a start after a crash leaves
    /// them alone: what the journal still holds of them is not looked at any more.
    pub fn covered(&self, key: PartitionKey) -> Offset {
        let members = self.0.members.borrow();
        members
            .get(&key)
            .map_or(Offset(0), |member| member.covered.get())
    }

    /// Has a lap made that covers all these partitions hold now, and waits for its end. Whether
    /// they are covered then is for `covered` to say: the disk may be full.
    pub async fn cover(&self, keys: &[PartitionKey]) {
        let inner = &self.0;
        inner.wanted.borrow_mut().extend(keys);
        let seen = inner.lapped.count();
        inner.asked.notify();
        // One that is under way when asked may have passed them by; the next one has not.
        while !inner.stopped.get() && keys.iter().any(|key| inner.wanted.borrow().contains(key)) {
            inner.lapped.after(inner.lapped.count().max(seen)).await;
        }
    }

    /// The disk is full: user records should be refused until this is false again.
    pub fn no_space(&self) -> bool {
        self.0.full_disk.is_full()
    }

    /// Something that must be written found the disk full: makes room from the ballast, and
    /// refuses user records from now on. False: all of it is used up.
    pub async fn make_room(&self) -> bool {
        self.0.full_disk.give_up().await
    }

    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }
}

impl Inner {
    /// What a log is at this instant, if everything in it is in synced segments.
    fn capture(&self, log: &Log, folder: &str, high_watermark: Offset) -> Capture {
        let (closed, whole) = log.closed_segments();
        let record = Record {
            key: log.key(),
            folder: folder.to_owned(),
            recovery_point: log.log_end_offset(),
            replay_from: self.journal.upcoming(),
            log_start: log.log_start_offset(),
            high_watermark,
            epochs: log.epochs(),
            producers: log.with_producers(|producers| producers.encode_whole().into()),
            refused: false,
            closed,
            whole,
            damage: log.damage(),
        };
        Capture {
            record,
            sealed: log.flushed_offset(),
        }
    }

    fn member(&self, key: PartitionKey) -> Option<Rc<Member>> {
        self.members.borrow().get(&key).cloned()
    }

    /// Members of `keys`, in their order.
    fn members_of(&self, keys: &BTreeSet<PartitionKey>) -> Vec<Rc<Member>> {
        let members = self.members.borrow();
        keys.iter()
            .filter_map(|key| members.get(key).cloned())
            .collect()
    }

    fn take_touched(&self) {
        let touched = self.journal.take_touched();
        self.active.borrow_mut().extend(touched);
    }

    /// One look at what there is to do.
    async fn tick(&self) -> Result<(), CheckpointError> {
        self.take_touched();
        self.file_asked_for().await?;
        let now = self.runtime.now();
        let wanted = self.wanted.borrow().clone();
        if !wanted.is_empty() {
            let result = self.cover(&wanted).await;
            self.wanted.borrow_mut().retain(|key| !wanted.contains(key));
            self.lapped.notify();
            return result;
        }
        let pressure = self.journal.pressure();
        self.count_quiet_after();
        let active = self.active.borrow().clone();
        let latest = self
            .members_of(&active)
            .iter()
            .map(|member| member.log.quiet_since())
            .max();
        let is_idle = latest.is_none_or(|latest| now.since(latest) >= IDLE);
        let since_lap = self.journal.placed_bytes() - self.lap_at.get();
        let is_full = since_lap >= self.lap_bytes(&pressure, active.len())
            || pressure.last_file && since_lap >= LARGE_TAIL
            || self.journal.is_stalled();
        if is_full || is_idle && !active.is_empty() {
            return self.lap().await;
        }
        if self.wants_memory_back() {
            self.give_memory_back().await?;
        }
        self.flush_quiet(self.members_of(&active), now).await
    }

    /// How much goes into the journal between two laps: a quarter of what the ring holds, or shall
    /// hold soon. A lap puts a few KiB of each partition in use into the ring once more; in a ring
    /// that is small beside that, laps would fill it by themselves.
    fn lap_bytes(&self, pressure: &Pressure, active: usize) -> u64 {
        let (wanted, there) = (active as u64 * RING_BYTES_EACH, pressure.capacity_bytes);
        let capacity = match wanted > there {
            true => self.journal.want_capacity(wanted).max(there),
            false => there,
        };
        capacity.min(wanted.max(LAP_BYTES * 4)) / 4
    }

    /// Brings all of some partitions into segments, then makes a lap.
    async fn cover(&self, wanted: &BTreeSet<PartitionKey>) -> Result<(), CheckpointError> {
        // A second time, if more has come: what was captured before the first flush still counts
        // on blocks of segments that were closed by it.
        for _ in 0..2 {
            let mut members = self.members_of(wanted);
            members.retain(|member| member.log.unflushed_bytes() > 0);
            self.flush(&members).await?;
            self.sync(&members).await?;
        }
        for member in self.members_of(wanted) {
            if member.log.unflushed_bytes() == 0
                && member.flushed.borrow().is_none()
                && let Some(capture) = self.capture_of(&member)
            {
                *member.saved.borrow_mut() = capture;
            }
        }
        self.lap().await
    }

    /// A whole checkpoint; see the head of the file.
    async fn lap(&self) -> Result<(), CheckpointError> {
        // With the target, nothing in between: a partition that had its first entry since the last
        // look would be none of this lap's, and its groups be released all the same.
        self.take_touched();
        let target = self.journal.upcoming();
        self.lap_at.set(self.journal.placed_bytes());
        let appended = self.journal.appended_bytes();
        let keys = self.active.take();
        let result = self.lap_over(&keys, target).await;
        if result.is_err() {
            // They are still not covered.
            self.active.borrow_mut().extend(keys);
        } else {
            self.gave_memory_back(appended);
        }
        result
    }

    async fn lap_over(
        &self,
        keys: &BTreeSet<PartitionKey>,
        target: GroupSequence,
    ) -> Result<(), CheckpointError> {
        let now = self.runtime.now();
        let members = self.members_of(keys);
        let mut last_copy = GroupSequence(0);
        let mut copied = Vec::new();
        let mut large = Vec::new();
        for member in &members {
            let bytes = member.log.unflushed_bytes();
            let small = (1..SMALL_TAIL).contains(&bytes) && !self.is_quiet(member, now);
            let copy = if small && !self.journal.is_stalled() {
                self.copy_forward(member)?
            } else {
                None
            };
            match copy {
                Some(group) => {
                    last_copy = group;
                    copied.push(member.clone());
                }
                None if bytes > 0 => large.push(member.clone()),
                None => {}
            }
        }
        self.flush(&large).await?;
        self.trim(&large, now).await?;
        self.sync(&members).await?;
        for member in &members {
            if member.log.is_padded() {
                // Cut to its length once it is quiet.
                self.active.borrow_mut().insert(member.log.key());
            }
            // Nothing waits in memory and nothing for a sync: what it is now can be saved.
            if member.log.unflushed_bytes() == 0
                && member.flushed.borrow().is_none()
                && let Some(capture) = self.capture_of(member)
            {
                *member.saved.borrow_mut() = capture;
            }
        }
        if !self.wait_synced(last_copy).await? {
            // The journal is full, so the copies stay in memory: into segments after all.
            self.flush(&copied).await?;
            self.sync(&copied).await?;
        }
        self.write_file().await?;
        let needed = members
            .iter()
            .map(|member| member.saved.borrow().record.replay_from)
            .min();
        let free = needed.unwrap_or(target).min(target);
        let free = GroupSequence(free.0.saturating_sub(1)).min(self.journal.synced());
        self.journal.release(free);
        self.close_quiet_files(&members, now);
        self.counters.laps.set(self.counters.laps.get() + 1);
        tracing::debug!(
            shard = self.shard.0,
            partitions = members.len(),
            written = large.len(),
            copied = copied.len(),
            took = ?self.runtime.now().since(now),
            "a lap ended"
        );
        Ok(())
    }

    /// Puts the few batches of a tail into the journal once more. `None`: not possible, because
    /// what is saved is older than the segment.
    fn copy_forward(&self, member: &Member) -> Result<Option<GroupSequence>, CheckpointError> {
        let log = &member.log;
        let saved_at = member.saved.borrow().record.recovery_point;
        let is_flushed = log.flushed_offset() != saved_at || member.flushed.borrow().is_some();
        if is_flushed || member.cutting.get() {
            return Ok(None);
        }
        let unflushed = log.unflushed();
        if unflushed.first().is_none_or(|(base, _)| *base != saved_at) {
            return Ok(None);
        }
        // Everything from here on is in later groups than what was appended before.
        let from = self.journal.cut();
        let mut last = from;
        for (base_offset, slice) in unflushed {
            let (group, copy) = self.journal.note(Entry::Copy {
                key: log.key(),
                leader_epoch: log.epoch_of(base_offset).unwrap_or_default(),
                required: RequiredMark::Written,
                base_offset,
                bytes: &slice,
            })?;
            log.carry_forward(base_offset, copy, group);
            last = group;
        }
        let mut capture = member.saved.borrow_mut();
        capture.sealed = saved_at;
        let saved = &mut capture.record;
        saved.replay_from = from;
        saved.log_start = log.log_start_offset();
        saved.epochs = log.epochs();
        saved.high_watermark = member.high_watermark.get();
        // It stays active: the copies are all that holds these batches.
        self.active.borrow_mut().insert(log.key());
        self.counters
            .copied_forward
            .set(self.counters.copied_forward.get() + 1);
        Ok(Some(last))
    }

    /// Writes tails into segments, unsynced.
    async fn flush(&self, members: &[Rc<Member>]) -> Result<(), CheckpointError> {
        for batch in members.chunks(BATCH) {
            // The capture comes before the block: its group is one that a replay reads.
            let capture = |member: &Rc<Member>| (self.capture_of(member), member.cuts.get());
            let captures: Vec<_> = batch.iter().map(capture).collect();
            let blocks = self.each(batch, |log| async move { log.tail_block().await });
            let mut saved_blocks = GroupSequence(0);
            for ((member, (_, cuts)), block) in batch.iter().zip(&captures).zip(blocks.await) {
                let block = match member.cuts.get() == *cuts {
                    true => block?,
                    // Cut while the others were read: the block is another one now.
                    false => unless_deleted(member.log.tail_block().await)?,
                };
                if let Some(block) = block.flatten() {
                    saved_blocks = saved_blocks.max(self.save_block(member, &block)?);
                }
            }
            // A full journal waits for this very flush: then the block goes unsaved, and only a
            // disk that tears a block inside what it had synced could do harm.
            self.wait_synced(saved_blocks).await?;
            let flushed = self.each(batch, |log| async move { log.flush().await });
            let mut result = Ok(());
            for ((member, captured), flushed) in batch.iter().zip(captures).zip(flushed.await) {
                match flushed {
                    Ok(Some(flushed)) => self.flushed(member, captured, flushed.up_to),
                    Ok(None) => {}
                    Err(error) => result = result.and(Err(error)),
                }
            }
            result?;
        }
        Ok(())
    }

    /// Keeps what was captured before a flush until it is synced.
    fn flushed(&self, member: &Member, captured: (Option<Capture>, u64), up_to: Offset) {
        let (capture, cuts) = captured;
        self.counters.flushes.set(self.counters.flushes.get() + 1);
        if member.cuts.get() != cuts {
            // What was captured is not so any more.
            self.active.borrow_mut().insert(member.log.key());
        } else if let Some(capture) = capture {
            let end = capture.record.recovery_point;
            assert!(up_to >= end, "a flush takes the whole tail");
            member.flushed.replace(Some(Box::new(capture)));
        }
    }

    /// Does something with all logs of a batch, few at a time where there is much to write, else
    /// all, for then it is mostly waiting. `None`: that log was deleted.
    async fn each<T, W>(
        &self,
        batch: &[Rc<Member>],
        work: impl Fn(Log) -> W + 'static,
    ) -> Vec<Result<Option<T>, CheckpointError>>
    where
        T: 'static,
        W: Future<Output = Result<T, LogError>> + 'static,
    {
        let is_large = |member: &Rc<Member>| member.log.unflushed_bytes() >= LARGE_TAIL;
        let at_once = match batch.iter().any(is_large) {
            true => LARGE_AT_ONCE,
            false => batch.len(),
        };
        let logs = batch.iter().map(|member| member.log.clone()).collect();
        let done = self.runtime.each(logs, at_once, work).await;
        done.into_iter().map(unless_deleted).collect()
    }

    /// Waits until the journal has `group` durable; false: it is full and never will by itself.
    async fn wait_synced(&self, group: GroupSequence) -> Result<bool, CheckpointError> {
        while self.journal.synced() < group {
            let seen = self.journal.progress().count();
            if self.journal.is_stalled() {
                return Ok(false);
            }
            let wait = self.journal.wait(group, RequiredMark::Synced);
            let news = self.journal.progress().after(seen);
            if let Either::First(waited) = either(wait, news).await {
                waited?;
            }
        }
        Ok(true)
    }

    /// Makes segments durable, and what was captured before their flush with them.
    async fn sync(&self, members: &[Rc<Member>]) -> Result<(), CheckpointError> {
        for batch in members.chunks(BATCH) {
            let mut syncs = Vec::with_capacity(batch.len());
            for member in batch {
                let log = member.log.clone();
                // What is captured now was flushed before the sync is submitted.
                let capture = member.flushed.take();
                let sync = self
                    .runtime
                    .spawn_with_result(async move { log.sync().await });
                syncs.push((member, capture, sync));
            }
            for (member, capture, sync) in syncs {
                unless_deleted(sync.await)?;
                if let Some(capture) = capture {
                    *member.saved.borrow_mut() = *capture;
                }
            }
            self.give_memory_back_meanwhile().await?;
        }
        Ok(())
    }

    /// All captures in one file, durable when this returns.
    async fn write_file(&self) -> Result<(), CheckpointError> {
        let mut encoder = Encoder::new(self.journal.incarnation());
        let keys: Vec<PartitionKey> = self.members.borrow().keys().copied().collect();
        let mut covered = Vec::with_capacity(keys.len());
        for batch in keys.chunks(ENCODE_BATCH) {
            for key in batch {
                if let Some(member) = self.member(*key) {
                    encoder.push(&member.saved.borrow().record);
                    let sealed = member.saved.borrow().sealed;
                    covered.push((member, sealed));
                }
            }
            self.runtime.yield_now().await;
        }
        let path = shard_path(&self.dir, self.shard);
        self.runtime.replace_file(&path, encoder.finish()).await?;
        for (member, sealed) in covered {
            member.covered.set(sealed);
        }
        Ok(())
    }
}

/// The background task: ends when asked to stop, or when the disk failed.
async fn run(inner: Rc<Inner>) {
    while !inner.stopping.get() && inner.journal.failed().is_none() {
        let seen = inner.journal.progress().count();
        let asked = inner.asked.count();
        let pressed = inner.journal.pressed().count();
        let wait = match inner.tick().await {
            Ok(()) => match inner.full_disk.regain().await {
                true => TICK,
                false => RETRY_NO_SPACE,
            },
            Err(error) if error.is_no_space() => match inner.full_disk.give_up().await {
                true => continue,
                false => RETRY_NO_SPACE,
            },
            Err(error) => {
                tracing::error!(dir = %inner.dir.display(), %error, "the checkpoint failed");
                inner.journal.fail(error.errno());
                break;
            }
        };
        let pressed = inner.journal.pressed().after(pressed);
        let asked = either(inner.asked.after(asked), pressed);
        if inner.active.borrow().is_empty() && !inner.full_disk.is_full() {
            // Nothing to write: sleep until the journal has news.
            let news = inner.journal.progress().after(seen);
            either(asked, news).await;
        } else {
            let until = inner.runtime.now().plus(wait);
            let _ = inner.runtime.deadline(until, asked).await;
        }
    }
    inner.stopped.set(true);
    inner.lapped.notify();
    inner.ended.notify();
}
