//! Flushes that give memory back: producers wait for them when the disk is slower than they are.
//!
//! Room:       `shard`.
//! Called by:  the checkpointer's task, also between the syncs of a lap.
//! Calls:      `journal`, `log`.
//! Never:      syncs more than a lap does.

use super::{CheckpointError, Inner, LARGE_TAIL, Member};
use std::rc::Rc;

impl Inner {
    /// Whether enough came since the last flush for memory, or slabs take much of it.
    pub(super) fn wants_memory_back(&self) -> bool {
        let since = self.journal.appended_bytes() - self.flushed_at.get();
        since >= self.flush_bytes || since > 0 && self.journal.needs_memory()
    }

    /// Flushes tails until their slabs take little memory; then a lap copies the small ones
    /// together, which may hold a slab each.
    pub(super) async fn give_memory_back(&self) -> Result<(), CheckpointError> {
        let from = self.journal.appended_bytes();
        self.flush_for_memory().await?;
        let since_lap = self.journal.placed_bytes() - self.lap_at.get();
        let is_worth_a_lap = since_lap >= self.flush_bytes / 2 && !self.journal.is_stalled();
        if self.journal.needs_memory() && is_worth_a_lap {
            self.lap().await?;
        }
        self.gave_memory_back(from);
        Ok(())
    }

    /// The same amid the syncs of a lap, which take seconds for thousands of partitions: producers
    /// do not wait for the end of them. Only when enough came that it is worth the writes.
    pub(super) async fn give_memory_back_meanwhile(&self) -> Result<(), CheckpointError> {
        let from = self.journal.appended_bytes();
        let since = from - self.flushed_at.get();
        if since < self.flush_bytes / 4 || !self.wants_memory_back() {
            return Ok(());
        }
        match self.flush_for_memory().await {
            // The lap goes on, for it makes room in the journal; the next look meets it again.
            Err(error) if error.is_no_space() => return Ok(()),
            done => done?,
        }
        self.gave_memory_back(from);
        Ok(())
    }

    /// Flushes the large tails, then, if that is not enough, the larger half of what is left.
    async fn flush_for_memory(&self) -> Result<(), CheckpointError> {
        self.take_touched();
        let active = self.active.borrow().clone();
        let mut large = self.members_of(&active);
        large.retain(|member| member.log.unflushed_bytes() >= LARGE_TAIL);
        self.flush(&large).await?;
        if self.journal.needs_memory() {
            self.flush(&larger_half(self.members_of(&active))).await?;
        }
        Ok(())
    }

    /// Called at the end: after a full disk it is tried again.
    pub(super) fn gave_memory_back(&self, from: u64) {
        self.flushed_at.set(from.max(self.flushed_at.get()));
        self.journal.memory_returned(from);
    }
}

/// The partitions with the longest tails, which together have half of what all have.
fn larger_half(mut members: Vec<Rc<Member>>) -> Vec<Rc<Member>> {
    let bytes = |member: &Rc<Member>| member.log.unflushed_bytes();
    let all: u64 = members.iter().map(bytes).sum();
    members.sort_by_key(|member| std::cmp::Reverse(bytes(member)));
    let mut taken = 0;
    members.retain(|member| {
        let wanted = taken < all.div_ceil(2) && bytes(member) > 0;
        taken += bytes(member);
        wanted
    });
    members
}
