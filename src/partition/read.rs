//! Reading: epoch rules first, then whole batches below the high watermark, or below the last
//! stable offset for who wants committed records only.
//!
//! Room:       `partition`.
//! Called by:  `shard::fetch`, `shard::offsets`.
//! Calls:      `log`.
//! Never:      serves what the high watermark has not passed.

use super::{Partition, ReadError};
use crate::ids::{LeaderEpoch, Offset, RequiredMark};
use crate::io::Errno;
use crate::journal::Entry;
use crate::log::Read;

/// What a client believes about the leader; -1 means it doesn't say (KIP-320).
#[derive(Clone, Copy, Debug)]
pub struct EpochCheck {
    pub current_leader_epoch: i32,
    /// Epoch of the last record the client has, -1 unknown (KIP-595).
    pub last_fetched_epoch: i32,
}

/// The marks a Fetch answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderView {
    pub high_watermark: Offset,
    pub last_stable_offset: Offset,
    pub log_start_offset: Offset,
    pub leader_epoch: LeaderEpoch,
}

/// What there is to send.
pub enum Fetched {
    Records(Read),
    /// The client's log has diverged: it must truncate to the end of this epoch.
    Diverging {
        epoch: LeaderEpoch,
        end_offset: Offset,
    },
}

impl Partition {
    pub fn view(&self) -> LeaderView {
        LeaderView {
            high_watermark: self.high_watermark(),
            last_stable_offset: self.last_stable_offset(),
            log_start_offset: self.log().log_start_offset(),
            leader_epoch: self.leader_epoch(),
        }
    }

    /// Refuses a client that knows an older or newer leader epoch, or a replica that cannot answer.
    pub fn check_epoch(&self, current_leader_epoch: i32) -> Result<(), ReadError> {
        if let Some(errno) = self.offline.get() {
            return Err(ReadError::Disk(errno));
        }
        let current = self.leader_epoch();
        if current_leader_epoch >= 0 && current_leader_epoch < current.0 {
            return Err(ReadError::Fenced { current });
        }
        if current_leader_epoch > current.0 {
            return Err(ReadError::UnknownEpoch { current });
        }
        if !self.leads() {
            return Err(ReadError::NotLeader);
        }
        Ok(())
    }

    /// Moves the log's start forward (never back); returns where it starts once that is durable.
    pub async fn delete_before(&self, to: Offset) -> Result<Offset, ReadError> {
        self.released().await;
        let (dir, log) = (self.dir(), self.log());
        let disk = |_| ReadError::Disk(dir.journal.failed().unwrap_or(Errno::IO));
        if to > log.log_start_offset() {
            let entry = Entry::LogStart { key: self.key, to };
            let (group, _) = dir.journal.note(entry).map_err(disk)?;
            // In the same breath: a checkpoint between the two would let the entry go without
            // having seen where the log starts.
            log.set_log_start(to);
            self.log_start_group.set(group);
            self.watchers.wake_all();
        }
        // Also for a start that another request moved and that is not durable yet.
        let start = log.log_start_offset();
        let group = self.log_start_group.get();
        dir.journal
            .wait(group, RequiredMark::Synced)
            .await
            .map_err(disk)?;
        Ok(start)
    }

    /// Whole batches from the one that holds `from`, below what the reader may see, of about
    /// `bytes_max` bytes; the first batch may be larger when `at_least_one`.
    pub fn fetch(
        &self,
        from: Offset,
        bytes_max: usize,
        at_least_one: bool,
        epochs: EpochCheck,
        committed: bool,
    ) -> Result<Fetched, ReadError> {
        self.check_epoch(epochs.current_leader_epoch)?;
        let log = self.log();
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        if epochs.last_fetched_epoch >= 0 {
            let known = log.end_offset_for(LeaderEpoch(epochs.last_fetched_epoch));
            let Some((epoch, end_offset)) = known else {
                return Err(ReadError::OffsetOutOfRange { start, end });
            };
            if epoch.0 < epochs.last_fetched_epoch || end_offset < from {
                return Ok(Fetched::Diverging { epoch, end_offset });
            }
        }
        if from < start || from > end {
            return Err(ReadError::OffsetOutOfRange { start, end });
        }
        let limit = self.visible_to(committed);
        let read = log.read(from, limit, bytes_max, at_least_one)?;
        Ok(Fetched::Records(read))
    }
}
