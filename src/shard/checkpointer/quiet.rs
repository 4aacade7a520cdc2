//! Partitions that nobody writes to at the moment: into their segments, for Kafka's tools to read.
//!
//! Room:       `shard`.
//! Called by:  the checkpointer's task, at each tick and by laps.
//! Calls:      `log`.
//! Never:      syncs: the journal has all of it until the next lap does.
//!
//! Quiet is who had no append for a second. Where more partitions are in use than `AT_ONCE`, it
//! takes longer in proportion, so that no more than so many are written each second for being
//! quiet: ten thousand partitions with a record a second each are none of them quiet, and one
//! write of two blocks for each of their records is what a disk can not do.

use super::{CheckpointError, IDLE, Inner, Member, unless_deleted};
use crate::io::Instant;
use std::rc::Rc;
use std::time::Duration;

/// How long a partition is without an append before it counts as quiet, at least.
pub(super) const QUIET: Duration = Duration::from_secs(1);
/// Partitions in use up to which it is not longer.
const AT_ONCE: usize = 1024;

/// How long a partition is without an append before it counts as quiet, where so many are in use.
fn quiet_after(active: usize) -> Duration {
    let times = active.div_ceil(AT_ONCE).max(1);
    // Not longer than until the lap of an idle journal, which leaves nothing in use.
    QUIET.saturating_mul(times as u32).min(IDLE)
}

impl Inner {
    /// Called at each tick, before a lap takes `active`.
    pub(super) fn count_quiet_after(&self) {
        self.quiet_after
            .set(quiet_after(self.active.borrow().len()));
    }

    pub(super) fn is_quiet(&self, member: &Member, now: Instant) -> bool {
        now.since(member.log.quiet_since()) >= self.quiet_after.get()
    }

    /// Writes what quiet partitions of `active` still have in memory alone.
    pub(super) async fn flush_quiet(
        &self,
        mut quiet: Vec<Rc<Member>>,
        now: Instant,
    ) -> Result<(), CheckpointError> {
        quiet.retain(|member| self.is_quiet(member, now));
        quiet.retain(|member| member.log.unflushed_bytes() > 0 || member.log.is_padded());
        let mut unflushed = quiet.clone();
        unflushed.retain(|member| member.log.unflushed_bytes() > 0);
        self.flush(&unflushed).await?;
        self.trim(&quiet, now).await?;
        self.close_quiet_files(&quiet, now);
        Ok(())
    }

    /// Cuts the files of quiet partitions to their batches, for Kafka's tools to read.
    pub(super) async fn trim(
        &self,
        members: &[Rc<Member>],
        now: Instant,
    ) -> Result<(), CheckpointError> {
        for member in members.iter().filter(|member| self.is_quiet(member, now)) {
            if member.log.is_padded() {
                unless_deleted(member.log.trim().await)?;
            }
            unless_deleted(member.log.show_epochs().await)?;
        }
        Ok(())
    }

    /// Closes files of partitions that nobody has written to meanwhile.
    pub(super) fn close_quiet_files(&self, members: &[Rc<Member>], now: Instant) {
        for member in members {
            if self.is_quiet(member, now) && member.log.unflushed_bytes() == 0 {
                member.log.close_files();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a second for who has a thousand partitions in use or less; above, a bounded rate of
    /// writes, and never longer than an idle journal takes to empty.
    #[test]
    fn quiet_takes_longer_where_many_partitions_are_in_use() {
        for (active, seconds) in [
            (0, 1),
            (1, 1),
            (1024, 1),
            (1025, 2),
            (4096, 4),
            (1 << 40, 5),
        ] {
            assert_eq!(
                quiet_after(active),
                Duration::from_secs(seconds),
                "{active}"
            );
        }
    }
}
