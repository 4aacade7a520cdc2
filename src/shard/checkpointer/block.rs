//! Saving the last, partly filled block of a segment before a flush writes it again.
//!
//! Room:       `shard`.
//! Called by:  `checkpointer`, before each flush.
//! Calls:      `journal`.
//! Never:      leaves out bytes that a checkpoint counts on.
//!
//! A block is saved once between two laps: what the flushes in between put behind it, a replay
//! brings back from the journal.

use super::{Inner, Member};
use crate::ids::{GroupSequence, Offset};
use crate::journal::{Entry, JournalError};
use crate::log::TailBlock;

/// A block that is in the journal.
#[derive(Clone, Copy, Default)]
pub(super) struct SavedBlock {
    segment: Offset,
    position: u32,
    /// All of the log below was flushed then.
    flushed: Offset,
    group: GroupSequence,
}

impl Inner {
    /// The group that holds the block, or one that holds all of it that a replay does not bring.
    pub(super) fn save_block(
        &self,
        member: &Member,
        block: &TailBlock,
    ) -> Result<GroupSequence, JournalError> {
        let last = member.block.get();
        let is_same = (last.segment, last.position) == (block.segment, block.position);
        let saved = member.saved.borrow();
        // A start reads groups from there on, and takes what lies above from them.
        let is_read = last.group >= saved.record.replay_from;
        if is_same && is_read && last.flushed >= saved.record.recovery_point {
            return Ok(last.group);
        }
        let (group, _) = self.journal.note(Entry::Block {
            key: member.log.key(),
            segment: block.segment,
            position: block.position,
            bytes: &block.bytes,
        })?;
        member.block.set(SavedBlock {
            segment: block.segment,
            position: block.position,
            flushed: member.log.flushed_offset(),
            group,
        });
        Ok(group)
    }
}
