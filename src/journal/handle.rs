//! The journal's face: what the rooms above hold and call.
//!
//! Room:       `journal`.
//! Called by:  `partition`, `shard`.
//! Calls:      `writer`, which shares its state with every clone of the handle.
//! Never:      waits in `append` or `note`.

use super::copies::Copies;
use super::group::{Entry, Incarnation};
use super::open_group::Patch;
use super::ring::Ring;
use super::superblock::{Loaded, Superblock};
use super::writer::{Phase, Shared, write_groups};
use super::{JournalError, JournalSettings, Pressure, keeper, superblock_path};
use crate::ids::{GroupSequence, LeaderEpoch, Offset, PartitionKey, RequiredMark, ShardId};
use crate::io::{Errno, Slice};
use crate::runtime::Runtime;
use crate::runtime::sync::Event;
use std::path::Path;
use std::rc::Rc;

/// A v2 batch's header: nothing shorter is a batch.
const BATCH_MIN: usize = 61;

/// While the last file is written, so much less may wait for the disk.
const LAST_FILE_SLOWER: usize = 8;

/// One shard's journal in one log dir. Clones share it.
#[derive(Clone)]
pub struct Journal(Rc<Shared>);

impl Journal {
    /// Starts an empty journal of `incarnation`, which no journal of this log dir has had before;
    /// leftovers of an earlier one are overwritten. The checkpoint that names `incarnation` must
    /// be durable. Spawns the writer and the keeper.
    pub async fn start(
        runtime: &Runtime,
        dir: &Path,
        shard: ShardId,
        incarnation: Incarnation,
        settings: JournalSettings,
    ) -> Result<Journal, JournalError> {
        let generation = match Superblock::load(runtime, dir, shard).await? {
            Loaded::Valid(old) if old.incarnation >= incarnation => {
                return Err(JournalError::CheckpointLost {
                    path: superblock_path(dir, shard),
                    journal: old.incarnation.0,
                    checkpoint: incarnation.0,
                });
            }
            Loaded::Valid(old) => old.generation,
            Loaded::Missing => 0,
        };
        // Ring files first: where a superblock is missing, nothing was ever accepted.
        let ring = Ring::open(runtime, dir, shard, &settings).await?;
        let superblock_file = Superblock::open(runtime, dir, shard).await?;
        let superblock = Superblock {
            shard,
            incarnation,
            salt: runtime.random(),
            generation: generation + 1,
            block: ring.block as u32,
            start: GroupSequence(1),
            durable: GroupSequence(0),
            clean: false,
        };
        superblock.store(&superblock_file).await?;
        let copies = Copies::open(runtime, dir, shard, &settings, ring.capacity_max).await?;
        runtime.sync_directory(dir).await?;
        let shared = Rc::new(Shared::new(
            runtime,
            dir,
            superblock,
            superblock_file,
            ring,
            copies,
            &settings,
        ));
        runtime.spawn(write_groups(shared.clone()));
        runtime.spawn(keeper::keep(shared.clone()));
        Ok(Journal(shared))
    }

    /// Copies one batch, possibly in pieces, into the open group, with `base_offset` and
    /// `leader_epoch` patched into its header. The caller has verified the batch's own checksum,
    /// which becomes part of the group's. Returns the group and the batch's bytes.
    pub fn append(
        &self,
        key: PartitionKey,
        leader_epoch: LeaderEpoch,
        required: RequiredMark,
        base_offset: Offset,
        batch: &[&[u8]],
    ) -> Result<(GroupSequence, Slice), JournalError> {
        let length: usize = batch.iter().map(|piece| piece.len()).sum();
        assert!(length >= BATCH_MIN, "the caller has checked the batch");
        let entry = Entry::Append {
            key,
            leader_epoch,
            required,
            base_offset,
            bytes: &[],
        };
        let patch = Patch {
            base_offset,
            leader_epoch,
        };
        self.0.push(entry, length, batch, Some(patch))
    }

    /// Adds any entry as it is; its bytes are copied and come back as the slice.
    pub fn note(&self, entry: Entry<'_>) -> Result<(GroupSequence, Slice), JournalError> {
        let bytes = entry.bytes();
        self.0.push(entry, bytes.len(), &[bytes], None)
    }

    /// Ends the open group, so that what is appended from now on has at least the sequence
    /// returned and nothing before has it.
    pub fn cut(&self) -> GroupSequence {
        let mut open = self.0.open.borrow_mut();
        open.seal(self.synced());
        open.next()
    }

    /// Every group up to this one survives a kill of the broker (inclusive; 0: none).
    pub fn written(&self) -> GroupSequence {
        self.0.marks.borrow().written()
    }

    /// Every group up to this one survives power loss (inclusive; 0: none).
    pub fn synced(&self) -> GroupSequence {
        self.0.marks.borrow().synced()
    }

    /// Notified whenever a mark moved, room appeared, or the journal failed or closed.
    pub fn progress(&self) -> &Event {
        &self.0.progress
    }

    /// The sequence that the next entry gets at least: nothing appended from now on is in an
    /// earlier group. What was appended before may share this one.
    pub fn upcoming(&self) -> GroupSequence {
        self.0.open.borrow().next()
    }

    /// The group of the last entry so far (0: there was none).
    pub fn newest(&self) -> GroupSequence {
        let open = self.0.open.borrow();
        GroupSequence(open.next().0 - u64::from(!open.is_open()))
    }

    /// Bytes of entries appended since the start.
    pub fn appended_bytes(&self) -> u64 {
        self.0.appended_bytes.get()
    }

    /// Bytes handed to the disk since the start, padding included: what the ring has been filled
    /// with.
    pub fn placed_bytes(&self) -> u64 {
        self.0.placed_bytes.get()
    }

    /// Groups wait for a file, and none is free or can be made: only a release helps.
    pub fn is_stalled(&self) -> bool {
        self.0.stalled.get()
    }

    /// Partitions that had entries since the last call, those of a checkpoint itself (`Copy`,
    /// `Block`) not counted; in the order of their keys.
    pub fn take_touched(&self) -> Vec<PartitionKey> {
        self.0.touched_last.set(None);
        let mut keys: Vec<PartitionKey> = self.0.touched.take().into_iter().collect();
        keys.sort_unstable();
        keys
    }

    /// Declares the log dir failed, for an error met beside the journal (in a segment).
    pub fn fail(&self, errno: Errno) {
        self.0.fail(errno);
    }

    /// The error that poisoned it: the log dir goes offline.
    pub fn failed(&self) -> Option<Errno> {
        self.0.failed.get()
    }

    pub fn incarnation(&self) -> Incarnation {
        self.0.superblock.borrow().incarnation
    }

    /// The largest batch that fits, bytes.
    pub fn batch_bytes_max(&self) -> usize {
        let overhead = self.0.open.borrow().alone(0);
        self.0.group_max.saturating_sub(overhead) as usize
    }

    /// The most that its ring may ever take of the disk, bytes.
    pub fn share_bytes(&self) -> u64 {
        self.0.ring.borrow().capacity_max
    }

    /// Whoever makes checkpoints wants them no closer to each other than a quarter of `bytes`: the
    /// ring grows up to that as it is filled, or as far as it may: how much that is.
    pub fn want_capacity(&self, bytes: u64) -> u64 {
        self.0.chores.notify();
        self.0.ring.borrow_mut().want_capacity(bytes)
    }

    pub fn pressure(&self) -> Pressure {
        let ring = self.0.ring.borrow();
        Pressure {
            dirty_bytes: ring.dirty(),
            capacity_bytes: ring.total(),
            queued_bytes: self.0.open.borrow().waiting() as u64,
            queued_bytes_max: self.0.queued_bytes_max as u64,
            last_file: ring.is_last(self.0.runtime.now()),
        }
    }

    /// Whether one more batch of a client may be appended; who finds no room waits for `progress`.
    /// What is appended anyway (by coordinators, by checkpoints) is taken.
    pub fn has_room(&self) -> bool {
        let queued = self.0.open.borrow().waiting();
        if queued == 0 && self.0.budget.is_none() {
            return true;
        }
        let is_last = self.0.ring.borrow().is_last(self.0.runtime.now());
        let bound = match is_last {
            // Slower, so that the checkpoint under way frees a file in time.
            true => self.0.queued_bytes_max / LAST_FILE_SLOWER,
            false => self.0.queued_bytes_max,
        };
        queued <= bound && self.memory_has_room()
    }

    /// Slabs that stay although tails were flushed are held by readers, or by batches that came
    /// since: of these a quarter of the budget may come for each flush.
    fn memory_has_room(&self) -> bool {
        let Some(budget) = &self.0.budget else {
            return true;
        };
        let since = self.appended_bytes() - self.0.returned_at.get();
        !budget.is_full() || since < budget.bytes_max() as u64 / 4
    }

    /// Tails should be brought into segments, for their slabs take much memory.
    pub fn needs_memory(&self) -> bool {
        let budget = self.0.budget.as_ref();
        budget.is_some_and(|budget| budget.is_rising())
    }

    /// Memory that slabs may take; `None`: nobody bounds it.
    pub fn memory_bytes_max(&self) -> Option<usize> {
        self.0.budget.as_ref().map(|budget| budget.bytes_max())
    }

    /// Notified when a slab was taken while `needs_memory`.
    pub fn pressed(&self) -> &Event {
        &self.0.pressed
    }

    /// Tails were flushed, as far as that gives memory back; it began when `appended_bytes` was
    /// `from`.
    pub fn memory_returned(&self, from: u64) {
        self.0.returned_at.set(from.max(self.0.returned_at.get()));
        self.0.progress.notify();
    }

    /// Nothing is taken any more.
    pub fn is_shut(&self) -> bool {
        self.0.check().is_err() || self.0.phase.get() != Phase::Running
    }

    /// Waits until `group` has reached `required`. A group nobody else wants synced is synced
    /// because of this call.
    pub async fn wait(
        &self,
        group: GroupSequence,
        required: RequiredMark,
    ) -> Result<(), JournalError> {
        loop {
            let seen = self.0.progress.count();
            let reached = match required {
                RequiredMark::Memory => true,
                RequiredMark::Written => self.written() >= group,
                RequiredMark::Synced => self.synced() >= group,
            };
            if reached {
                return Ok(());
            }
            self.0.check()?;
            if required == RequiredMark::Synced {
                self.0.want_synced(group);
                self.0.work.notify();
            }
            self.0.progress.after(seen).await;
        }
    }

    /// No replay needs a group up to and including `up_to` any more; the checkpoint that says so
    /// is durable. Files are recycled in the background.
    pub fn release(&self, up_to: GroupSequence) {
        assert!(
            up_to <= self.synced(),
            "only what was durable can be obsolete"
        );
        if up_to > self.0.release_to.get() {
            self.0.release_to.set(up_to);
            self.0.chores.notify();
        }
    }

    /// Writes and syncs what is open and ends the writer. `empty`: all of it is in synced
    /// segments and the checkpoint says so; the superblock then says that there is nothing to
    /// replay. Groups that find no place are given up then, and an error otherwise.
    pub async fn close(&self, empty: bool) -> Result<(), JournalError> {
        let shared = &self.0;
        shared.obsolete.set(empty);
        if shared.phase.get() == Phase::Running {
            shared.phase.set(Phase::Closing);
            shared.work.notify();
            shared.chores.notify();
        }
        while shared.phase.get() != Phase::Closed || !shared.keeper_ended.get() {
            shared.progress.next().await;
        }
        if let Some(errno) = shared.failed.get() {
            return Err(JournalError::Disk(errno));
        }
        if empty {
            let superblock = shared.next_superblock(self.synced(), true);
            superblock.store(&shared.superblock_file).await?;
        }
        Ok(())
    }
}
