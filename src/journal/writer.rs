//! What a journal shares with its tasks, and the task that writes its groups.
//!
//! Room:       `journal`.
//! Called by:  `handle`, `keeper`.
//! Calls:      `open_group` for bytes, `ring` for places, `marks`, `keeper` for files.
//! Never:      lingers: what is open at the end of a turn is written, unless a write is in flight
//!             already; then all that arrives meanwhile shares the next one.
//!
//! Durability goes by modes, not by groups: while a batch that must be synced came within the
//! last second, every group is written durable, so nothing unsynced ever stands before a durable
//! group; else none is. Turning durable costs one sync of what was written before.
//!
//! What nobody wants synced is synced all the same, little by little: a disk that has held much
//! back writes all of it at the next sync, whoever asks for that, and every write waits behind it.
//! (5 MB/s beside 1,000 records a second: p99 of acks=1 was 18 to 27 ms without, 13 ms with it.)
//!
//! Always true:
//!   - at most two writes in flight, the second only when there is much to write.
//!   - unsynced groups are in the file being written: leaving a file syncs it first.

use super::copies::Copies;
use super::group::{Entry, Kind, Row};
use super::marks::Marks;
use super::open_group::{OpenGroup, Patch};
use super::ring::Ring;
use super::superblock::Superblock;
use super::{JournalError, JournalSettings, SlabBudget, SyncMethod};
use crate::ids::{GroupSequence, PartitionKey, RequiredMark, ShardId};
use crate::io::{Errno, Instant, Slice};
use crate::map::Set;
use crate::runtime::sync::Event;
use crate::runtime::{File, Runtime};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Bytes from which a second write beside the first gains throughput.
const SECOND_WRITE: usize = 256 << 10;
/// Bytes of one write: 2.9 GB/s measured; larger ones only add latency.
const WRITE_MAX: usize = 1 << 20;
/// How long one request for durability keeps every group durable.
const DURABLE_FOR: Duration = Duration::from_secs(1);
/// What may stay unsynced though nobody waits for it. Both must be exceeded: each sync costs CPU,
/// and at full speed so much comes a hundred times a second. Less would show at low rates: where
/// the disk takes milliseconds for a sync, 256 KiB at 4 MB/s are above 1 % of the time.
const UNSYNCED_BYTES: u64 = 4 << 20;
const UNSYNCED_FOR: Duration = Duration::from_millis(10);
/// An idle journal records its durable mark after this long, so that the last groups too are
/// known to be whole; a journal nobody wants synced waits longer, for that costs a sync.
const IDLE_DURABLE: Duration = Duration::from_millis(100);
const IDLE_WRITTEN: Duration = Duration::from_secs(1);

pub(super) struct Shared {
    pub runtime: Runtime,
    pub dir: PathBuf,
    pub shard: ShardId,
    pub superblock: RefCell<Superblock>,
    pub superblock_file: File,
    pub ring: RefCell<Ring>,
    pub copies: RefCell<Copies>,
    /// When the last write was submitted.
    pub write_began: Cell<Instant>,
    /// A mark moved, room appeared, it failed or closed.
    pub progress: Event,
    /// Something for the writer to look at.
    pub work: Event,
    /// Something for the keeper to look at.
    pub chores: Event,
    /// Slabs take much memory, and another one was taken.
    pub pressed: Event,
    pub phase: Cell<Phase>,
    pub keeper_ended: Cell<bool>,
    pub release_to: Cell<GroupSequence>,
    pub open: RefCell<OpenGroup>,
    pub marks: RefCell<Marks>,
    sync: SyncMethod,
    pub failed: Cell<Option<Errno>>,
    pub group_max: u64,
    pub budget: Option<Arc<SlabBudget>>,
    pub queued_bytes_max: usize,
    /// `appended_bytes` when the last flush of tails began that has ended.
    pub returned_at: Cell<u64>,
    appended_at: Cell<Instant>,
    durable_asked_at: Cell<Option<Instant>>,
    sync_in_flight: Cell<bool>,
    /// `placed_bytes` and the time when the last sync began.
    sync_began: Cell<(u64, Instant)>,
    /// Lowest and highest group that somebody wants synced.
    sync_wanted: Cell<(GroupSequence, GroupSequence)>,
    /// The last group handed to the disk that had entries.
    last_filled: Cell<GroupSequence>,
    /// The durable mark in the header written last.
    recorded: Cell<GroupSequence>,
    pub appended_bytes: Cell<u64>,
    pub placed_bytes: Cell<u64>,
    pub stalled: Cell<bool>,
    /// The writer has groups for which no file is free.
    pub waits_for_file: Cell<bool>,
    /// All entries are in synced segments, and the checkpoint says so: a group that finds no
    /// place need not be written.
    pub obsolete: Cell<bool>,
    pub touched: RefCell<Set<PartitionKey>>,
    /// The one put into `touched` last: a run of batches for one partition asks the set once.
    pub touched_last: Cell<Option<PartitionKey>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Closing,
    Closed,
}

impl Shared {
    pub fn new(
        runtime: &Runtime,
        dir: &Path,
        superblock: Superblock,
        superblock_file: File,
        ring: Ring,
        copies: Copies,
        settings: &JournalSettings,
    ) -> Shared {
        let (incarnation, salt) = (superblock.incarnation, superblock.salt);
        let settings = &JournalSettings {
            // A group grows as large as its slab, and must fit into a file of the ring.
            slab_bytes: settings.slab_bytes.min(ring.group_max() as usize),
            ..settings.clone()
        };
        Shared {
            runtime: runtime.clone(),
            dir: dir.to_owned(),
            shard: superblock.shard,
            open: RefCell::new(OpenGroup::new(incarnation, salt, ring.block, settings)),
            superblock: RefCell::new(superblock),
            superblock_file,
            group_max: ring.group_max(),
            budget: settings.budget.clone(),
            queued_bytes_max: settings.queued_bytes_max,
            returned_at: Cell::default(),
            ring: RefCell::new(ring),
            copies: RefCell::new(copies),
            write_began: Cell::new(runtime.now()),
            progress: Event::new(),
            work: Event::new(),
            chores: Event::new(),
            pressed: Event::new(),
            phase: Cell::new(Phase::Running),
            keeper_ended: Cell::new(false),
            release_to: Cell::default(),
            marks: RefCell::default(),
            sync: settings.sync,
            failed: Cell::new(None),
            appended_at: Cell::new(runtime.now()),
            durable_asked_at: Cell::new(None),
            sync_in_flight: Cell::new(false),
            sync_began: Cell::new((0, runtime.now())),
            sync_wanted: Cell::default(),
            last_filled: Cell::default(),
            recorded: Cell::default(),
            appended_bytes: Cell::default(),
            placed_bytes: Cell::default(),
            stalled: Cell::new(false),
            waits_for_file: Cell::new(false),
            obsolete: Cell::new(false),
            touched: RefCell::default(),
            touched_last: Cell::default(),
        }
    }

    /// One entry into the open group; `bytes` of `entry` are ignored in favour of `pieces`.
    pub fn push(
        &self,
        entry: Entry<'_>,
        length: usize,
        pieces: &[&[u8]],
        patch: Option<Patch>,
    ) -> Result<(GroupSequence, Slice), JournalError> {
        self.check()?;
        if self.phase.get() != Phase::Running {
            return Err(JournalError::Closed);
        }
        let mut open = self.open.borrow_mut();
        let alone = open.alone(length);
        if alone > self.group_max {
            return Err(JournalError::TooLarge {
                bytes: alone,
                limit: self.group_max,
            });
        }
        let required = match (&entry, entry.required()) {
            // Nobody waits for copies and notes as written.
            (Entry::Append { .. }, required) | (_, required @ RequiredMark::Synced) => required,
            _ => RequiredMark::Memory,
        };
        let now = self.runtime.now();
        self.appended_at.set(now);
        if required == RequiredMark::Synced {
            self.durable_asked_at.set(Some(now));
        }
        let row = Row {
            length: length as u32,
            ..entry.row()
        };
        self.touch(&row);
        self.appended_bytes
            .set(self.appended_bytes.get() + length as u64);
        let was_idle = open.waiting() == 0;
        // What waits behind a write may have been copied already, unlike this.
        let may_be_copied = required == RequiredMark::Written && !open.is_written();
        let durable = self.marks.borrow().synced();
        let slabs = self.budget.as_ref().map_or(0, |budget| budget.used());
        let pushed = open.push(row, pieces, patch, required, durable);
        if let Some(budget) = &self.budget
            && budget.used() > slabs
            && budget.is_rising()
        {
            self.pressed.notify();
        }
        // The writer looks again by itself after each completion; a large backlog is worth a look.
        if was_idle || may_be_copied || open.waiting() >= SECOND_WRITE {
            self.work.notify();
        }
        Ok(pushed)
    }

    fn touch(&self, row: &Row) {
        let of_checkpoint = matches!(row.kind, Kind::Copy | Kind::Block);
        if !of_checkpoint && self.touched_last.get() != Some(row.key) {
            self.touched_last.set(Some(row.key));
            self.touched.borrow_mut().insert(row.key);
        }
    }

    pub fn check(&self) -> Result<(), JournalError> {
        match (self.failed.get(), self.phase.get()) {
            (Some(errno), _) => Err(JournalError::Disk(errno)),
            (None, Phase::Closed) => Err(JournalError::Closed),
            (None, _) => Ok(()),
        }
    }

    /// The first error poisons the journal: no mark moves and nothing is written any more.
    pub fn fail(&self, errno: Errno) {
        if self.failed.get().is_none() {
            self.failed.set(Some(errno));
        }
        self.progress.notify();
        self.work.notify();
        self.chores.notify();
    }

    pub fn has_failed(&self) -> bool {
        self.failed.get().is_some()
    }

    /// The superblock to store next: a replay starts behind `released`.
    pub fn next_superblock(&self, released: GroupSequence, clean: bool) -> Superblock {
        let mut superblock = self.superblock.borrow_mut();
        superblock.generation += 1;
        superblock.start = superblock.start.max(GroupSequence(released.0 + 1));
        superblock.durable = self.marks.borrow().synced();
        superblock.clean = clean;
        *superblock
    }

    pub fn want_synced(&self, group: GroupSequence) {
        let synced = self.marks.borrow().synced();
        let (low, high) = self.sync_wanted.get();
        let low = if low > synced { low.min(group) } else { group };
        self.sync_wanted.set((low, high.max(group)));
    }

    fn is_durable_mode(&self) -> bool {
        let now = self.runtime.now();
        self.durable_asked_at
            .get()
            .is_some_and(|asked| now.since(asked) < DURABLE_FOR)
    }

    /// Whether a sync should be submitted now.
    fn sync_is_due(&self) -> bool {
        let marks = self.marks.borrow();
        let (low, high) = self.sync_wanted.get();
        if self.sync_in_flight.get() || marks.placed() <= marks.synced() {
            return false;
        }
        if marks.synced() >= high {
            if self.is_durable_mode() {
                // The one that is wanted next should not have to wait for this one.
                return false;
            }
            let (placed, began) = self.sync_began.get();
            return self.placed_bytes.get() - placed >= UNSYNCED_BYTES
                && self.runtime.now().since(began) >= UNSYNCED_FOR;
        }
        match self.sync {
            // What is unsynced is older than the durable writes behind it.
            SyncMethod::DurableWrite => true,
            // A sync before the wanted group completed would only delay the one that counts.
            SyncMethod::SyncAfter => low <= marks.synced() || marks.placed() >= low,
        }
    }

    fn note_sync(&self) {
        let now = (self.placed_bytes.get(), self.runtime.now());
        self.sync_began.set(now);
    }

    fn submit_sync(self: &Rc<Self>) {
        let covered = self.marks.borrow().placed();
        let file = self.ring.borrow().active();
        let shared = self.clone();
        self.sync_in_flight.set(true);
        self.note_sync();
        self.runtime.spawn(async move {
            let result = file.sync().await;
            shared.sync_in_flight.set(false);
            match result {
                Ok(()) if !shared.has_failed() => shared.marks.borrow_mut().sync_completed(covered),
                Ok(()) => {}
                Err(errno) => shared.fail(errno),
            }
            shared.progress.notify();
            shared.work.notify();
        });
    }

    /// Whether enough is waiting for another write beside those in flight.
    fn write_is_due(&self) -> bool {
        let waiting = self.open.borrow().waiting();
        match self.marks.borrow().in_flight() {
            0 => waiting > 0,
            1 => waiting >= SECOND_WRITE,
            _ => false,
        }
    }

    /// Hands sealed groups to the disk as one write. False: the first does not fit the file.
    fn submit_write(self: &Rc<Self>) -> bool {
        let mut open = self.open.borrow_mut();
        let mut ring = self.ring.borrow_mut();
        let mut place: Option<(Rc<File>, u64)> = None;
        let mut from: Vec<Slice> = Vec::new();
        let mut bytes = 0;
        let mut last = GroupSequence(0);
        let mut durable = self.is_durable_mode();
        while let Some(first) = open.first_sealed() {
            let length = first.bytes.len();
            if bytes > 0 && bytes + length > WRITE_MAX {
                break;
            }
            // Places follow each other, so the groups of one write are contiguous in the file.
            let Some(at) = ring.place(length as u64) else {
                break;
            };
            place.get_or_insert(at);
            let sealed = open.take_sealed().expect("it was there a line ago");
            bytes += length;
            last = sealed.sequence;
            if sealed.synced {
                self.want_synced(last);
            }
            durable |= sealed.synced || sealed.is_empty;
            if !sealed.is_empty {
                self.last_filled.set(last);
            }
            self.recorded.set(sealed.durable);
            match from.last().and_then(|before| before.joined(&sealed.bytes)) {
                Some(joined) => *from.last_mut().expect("it was joined") = joined,
                None => from.push(sealed.bytes),
            }
        }
        let Some((file, at)) = place else {
            return open.first_sealed().is_none();
        };
        let durable = durable && self.sync == SyncMethod::DurableWrite;
        self.placed_bytes
            .set(self.placed_bytes.get() + bytes as u64);
        self.marks.borrow_mut().submitted(last, durable);
        self.write_began.set(self.runtime.now());
        let shared = self.clone();
        self.runtime.spawn(async move {
            match file.write(at, from, durable).await {
                Ok(()) if !shared.has_failed() => shared.marks.borrow_mut().completed(last),
                Ok(()) => {}
                Err(errno) => shared.fail(errno),
            }
            shared.progress.notify();
            shared.work.notify();
        });
        true
    }

    /// Leaves a full file, durable as a whole, for a free one. False: not possible yet.
    async fn roll(self: &Rc<Self>) -> Result<bool, Errno> {
        if self.marks.borrow().in_flight() > 0 || self.sync_in_flight.get() {
            return Ok(false);
        }
        let (placed, synced) = {
            let marks = self.marks.borrow();
            (marks.placed(), marks.synced())
        };
        if placed > synced {
            let file = self.ring.borrow().active();
            self.note_sync();
            file.sync().await?;
            if self.has_failed() {
                return Ok(false);
            }
            self.marks.borrow_mut().sync_completed(placed);
            self.progress.notify();
        }
        let length = match self.open.borrow().first_sealed() {
            Some(first) => first.bytes.len() as u64,
            None => return Ok(true),
        };
        let now = self.runtime.now();
        let rolled = self.ring.borrow_mut().roll(placed, length, now);
        self.waits_for_file.set(!rolled);
        let stalled = !rolled && self.ring.borrow().is_stuck(length, now);
        if stalled != self.stalled.replace(stalled) {
            self.progress.notify();
        }
        // Either there is one free file less, or one is missing: the keeper's business.
        self.chores.notify();
        Ok(rolled)
    }

    /// The end of a journal without a place for the groups that wait, and without anybody left
    /// who makes one. False: it may come to that, but has not yet.
    fn give_up_waiting(&self) -> bool {
        let is_over = self.phase.get() == Phase::Closing
            && self.keeper_ended.get()
            && self.marks.borrow().in_flight() == 0
            && !self.sync_in_flight.get();
        if !is_over {
            return false;
        }
        if self.obsolete.get() {
            self.open.borrow_mut().discard();
        } else {
            self.fail(Errno::NO_SPACE);
        }
        true
    }

    /// When an idle journal should record its durable mark; `None` when it has, or is not idle.
    fn record_at(&self) -> Option<Instant> {
        let marks = self.marks.borrow();
        let busy =
            marks.in_flight() > 0 || self.sync_in_flight.get() || self.open.borrow().waiting() > 0;
        if busy || self.recorded.get() >= self.last_filled.get() {
            return None;
        }
        let idle = if marks.synced() >= self.last_filled.get() {
            IDLE_DURABLE
        } else {
            IDLE_WRITTEN
        };
        Some(self.appended_at.get().plus(idle))
    }

    /// The journal has been idle: sync what is not, then write the empty group that says so.
    fn record(&self) {
        let synced = self.marks.borrow().synced();
        if synced < self.last_filled.get() {
            self.want_synced(self.last_filled.get());
        } else {
            self.open.borrow_mut().seal_empty(synced);
        }
    }
}

/// The writer task: ends when the journal is closed or has failed.
pub(super) async fn write_groups(shared: Rc<Shared>) {
    loop {
        let seen = shared.work.count();
        if shared.has_failed() {
            break;
        }
        if shared.sync_is_due() {
            shared.submit_sync();
        }
        if shared.write_is_due() {
            // Everything appended in this turn, by whichever task, shares the write.
            shared.runtime.turn_end().await;
            if shared.has_failed() {
                break;
            }
            let synced = shared.marks.borrow().synced();
            shared.open.borrow_mut().seal(synced);
            shared.copy().await;
            if shared.has_failed() {
                break;
            }
            if shared.submit_write() {
                continue;
            }
            match shared.roll().await {
                Ok(true) => continue,
                Ok(false) if shared.give_up_waiting() => continue,
                Ok(false) => {}
                Err(errno) => {
                    shared.fail(errno);
                    break;
                }
            }
        } else if shared.phase.get() == Phase::Closing {
            let last = shared.marks.borrow().placed();
            let in_flight = shared.marks.borrow().in_flight();
            if in_flight == 0 && shared.marks.borrow().synced() == last {
                break;
            }
            if in_flight == 0 && !shared.sync_in_flight.get() {
                shared.want_synced(last);
                continue;
            }
        }
        let copy_at = shared.copy_at();
        if copy_at.is_some_and(|at| at <= shared.runtime.now()) {
            shared.runtime.turn_end().await;
            let synced = shared.marks.borrow().synced();
            shared.open.borrow_mut().seal(synced);
            shared.copy().await;
            continue;
        }
        let record_at = shared.record_at();
        match copy_at.or(record_at) {
            None => shared.work.after(seen).await,
            Some(at) => {
                let woken = shared.runtime.deadline(at, shared.work.after(seen)).await;
                if woken.is_none() && record_at.is_some() {
                    shared.record();
                }
            }
        }
    }
    shared.phase.set(Phase::Closed);
    shared.progress.notify();
    shared.chores.notify();
}
