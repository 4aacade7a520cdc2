//! The journal's open group, its marks, and the task that writes.
//!
//! Room:       `journal`.
//! Called by:  `partition`, `shard`.
//! Calls:      `ring` for files, `group` for bytes.
//! Never:      lets a mark skip a group.

use super::{Entry, Incarnation, JournalError, JournalSettings, Pressure};
use crate::ids::{GroupSequence, LeaderEpoch, Offset, PartitionKey, RequiredMark, ShardId};
use crate::io::{Errno, Slice};
use crate::runtime::Runtime;
use crate::runtime::sync::Event;
use std::path::Path;
use std::rc::Rc;

/// One shard's journal. Clones share it.
#[derive(Clone)]
#[allow(dead_code, reason = "the writer is the next slice")]
pub struct Journal(Rc<()>);

impl Journal {
    /// Starts an empty journal of `incarnation`, which no journal of this log dir has had before;
    /// leftovers of an earlier one are overwritten. The checkpoint that names `incarnation` must
    /// be durable. Spawns the writer task.
    pub async fn start(
        runtime: &Runtime,
        dir: &Path,
        shard: ShardId,
        incarnation: Incarnation,
        settings: JournalSettings,
    ) -> Result<Journal, JournalError> {
        let _ = (runtime, dir, shard, incarnation, settings);
        unimplemented!("the writer")
    }

    /// Copies one batch, possibly in pieces, into the open group, with `base_offset` and
    /// `leader_epoch` patched into its header. Returns the group and the batch's bytes.
    pub fn append(
        &self,
        key: PartitionKey,
        leader_epoch: LeaderEpoch,
        required: RequiredMark,
        base_offset: Offset,
        batch: &[&[u8]],
    ) -> Result<(GroupSequence, Slice), JournalError> {
        let _ = (key, leader_epoch, required, base_offset, batch);
        unimplemented!("the writer")
    }

    /// Adds any entry as it is; bytes are copied and come back as the slice.
    pub fn note(&self, entry: Entry<'_>) -> Result<(GroupSequence, Slice), JournalError> {
        let _ = entry;
        unimplemented!("the writer")
    }

    /// Ends the open group, so that what is appended from now on has at least the sequence
    /// returned and nothing before has it.
    pub fn cut(&self) -> GroupSequence {
        unimplemented!("the writer")
    }

    /// Every group up to this one is written (inclusive; 0: none).
    pub fn written(&self) -> GroupSequence {
        unimplemented!("the writer")
    }

    /// Every group up to this one survives power loss (inclusive; 0: none).
    pub fn synced(&self) -> GroupSequence {
        unimplemented!("the writer")
    }

    /// Notified whenever a mark moved, room appeared, or the journal failed.
    pub fn progress(&self) -> &Event {
        unimplemented!("the writer")
    }

    /// The error that poisoned it: the log dir goes offline.
    pub fn failed(&self) -> Option<Errno> {
        unimplemented!("the writer")
    }

    pub fn pressure(&self) -> Pressure {
        unimplemented!("the writer")
    }

    /// Waits until `group` has reached `required`. A group nobody else wants synced is synced
    /// because of this call.
    pub async fn wait(
        &self,
        group: GroupSequence,
        required: RequiredMark,
    ) -> Result<(), JournalError> {
        let _ = (group, required);
        unimplemented!("the writer")
    }

    /// No replay needs a group up to and including `up_to` any more; the checkpoint that says so
    /// is durable. Files are recycled in the background.
    pub fn release(&self, up_to: GroupSequence) {
        let _ = up_to;
        unimplemented!("the writer")
    }

    /// Writes and syncs what is open and ends the writer. `empty`: all of it is in synced
    /// segments and the checkpoint says so; the superblock then says that there is nothing to
    /// replay.
    pub async fn close(&self, empty: bool) -> Result<(), JournalError> {
        let _ = empty;
        unimplemented!("the writer")
    }

    pub fn incarnation(&self) -> Incarnation {
        unimplemented!("the writer")
    }
}
