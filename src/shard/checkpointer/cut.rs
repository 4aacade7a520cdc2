//! Truncations beside checkpoints.
//!
//! Room:       `shard`.
//! Called by:  whoever finds that a log has gone another way than its leader's.
//! Calls:      `journal`, `log`.
//! Never:      lets a checkpoint see a log between the entry that says it is cut and the cut: it
//!             would cover the entry and not the cut, and a replay from there miss both.

use super::{Capture, CheckpointError, Checkpointer, Inner, Member};
use crate::ids::{Offset, PartitionKey, RequiredMark};
use crate::journal::Entry;

impl Checkpointer {
    /// Cuts a log at `to`; durable when this returns. Nothing may be appended to it meanwhile.
    pub async fn truncate(&self, key: PartitionKey, to: Offset) -> Result<(), CheckpointError> {
        let Some(member) = self.0.member(key) else {
            return Ok(());
        };
        let journal = &self.0.journal;
        member.cutting.set(true);
        member.cuts.set(member.cuts.get() + 1);
        let (group, _) = journal.note(Entry::Truncate { key, to })?;
        journal.wait(group, RequiredMark::Synced).await?;
        member.log.truncate(to).await?;
        member.cutting.set(false);
        Ok(())
    }
}

impl Inner {
    /// `None`: not now; the partition stays in need of a checkpoint.
    pub(super) fn capture_of(&self, member: &Member) -> Option<Capture> {
        if member.cutting.get() {
            self.active.borrow_mut().insert(member.log.key());
            return None;
        }
        let high_watermark = member.high_watermark.get();
        let folder = &member.saved.borrow().record.folder;
        Some(self.capture(&member.log, folder, high_watermark))
    }
}
