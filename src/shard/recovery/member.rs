//! One partition while its journal is replayed: entries go into its log, losses are told.
//!
//! Room:       `shard`.
//! Called by:  `recovery`.
//! Calls:      `log`.
//! Never:      goes on behind an entry that cannot follow: then the partition refuses.

use super::RecoveryError;
use super::loss::{remedy, tell};
use crate::ids::{GroupSequence, Offset, PartitionKey};
use crate::io::Slice;
use crate::journal::Entry;
use crate::log::{BatchInfo, Log, LogError, OpenReport};
use crate::shard::checkpoint_file::Record;

/// A partition with entries to replay.
pub(super) struct Member {
    pub log: Log,
    pub folder: String,
    /// Below it nothing needs a replay.
    pub recovery_point: Offset,
    /// Group and offset of a cut below the recovery point: batches before it do not count, for
    /// it cut them off, and the segment is opened as it was after it.
    pub cut: Option<(GroupSequence, Offset)>,
    /// The first batch from the journal is in.
    pub started: bool,
    pub report: OpenReport,
    pub refused: bool,
    /// Why it was refused now.
    pub reason: Option<&'static str>,
    /// Behind the last record that the journal has of it; what a refusal lost is below.
    pub promised: Offset,
}

/// An entry in a word, with the offset it is about.
fn shown(entry: &Entry<'_>) -> String {
    match entry {
        Entry::Append { base_offset, .. } => format!("append {base_offset}"),
        Entry::Copy { base_offset, .. } => format!("copy {base_offset}"),
        Entry::Truncate { to, .. } => format!("truncate {to}"),
        Entry::LogStart { to, .. } => format!("log start {to}"),
        Entry::EpochStart { start, .. } => format!("epoch start {start}"),
        _ => "another".to_owned(),
    }
}

impl Member {
    /// One entry; entries that a segment has already change nothing.
    pub async fn apply(
        &mut self,
        sequence: GroupSequence,
        entry: Entry<'_>,
        slice: Slice,
    ) -> Result<(), RecoveryError> {
        if let Entry::Append { .. } | Entry::Copy { .. } = entry
            && let Ok(info) = BatchInfo::parse(&slice)
        {
            self.promised = self.promised.max(info.next_offset());
        }
        if self.refused {
            return Ok(());
        }
        tracing::debug!(
            folder = self.folder,
            group = sequence.0,
            log_end = self.log.log_end_offset().0,
            entry = shown(&entry),
            "an entry"
        );
        if let Some(cut) = self.cut {
            match entry {
                Entry::Truncate { to, .. } if (sequence, to) == cut => self.cut = None,
                Entry::LogStart { .. } | Entry::EpochStart { .. } => {}
                _ => return Ok(()),
            }
        }
        match entry {
            Entry::Append { base_offset, .. } => self.batch(base_offset, slice, false).await,
            Entry::Copy { base_offset, .. } => self.batch(base_offset, slice, true).await,
            Entry::Truncate { to, .. } => {
                let cut = self.log.truncate(to).await;
                cut.map(|_| ()).map_err(|error| self.failed(error))
            }
            Entry::LogStart { to, .. } => {
                self.log.set_log_start(to);
                Ok(())
            }
            Entry::EpochStart { epoch, start, .. } => {
                if start <= self.log.log_end_offset() {
                    self.log.assign_epoch(epoch, start);
                }
                Ok(())
            }
            Entry::Block { .. } | Entry::Create { .. } | Entry::Drop { .. } => Ok(()),
        }
    }

    async fn batch(
        &mut self,
        base: Offset,
        slice: Slice,
        is_copy: bool,
    ) -> Result<(), RecoveryError> {
        let info = match BatchInfo::parse(&slice) {
            Ok(info) if info.base_offset() == base && info.size() == slice.len() => info,
            _ => {
                self.refuse("a batch in the journal is no batch");
                return Ok(());
            }
        };
        if !self.started {
            if info.next_offset() <= self.recovery_point {
                return Ok(());
            }
            self.started = true;
            // What the segment has beyond the first batch of the journal was never synced.
            let failed = |error| RecoveryError::Log {
                folder: self.log.dir(),
                error,
            };
            self.log.prefer_journal(base).await.map_err(failed)?;
            if self.log.log_end_offset() > base {
                self.log.truncate(base).await.map_err(failed)?;
            }
            if base <= self.recovery_point {
                // The segments should reach up to here.
                self.report.damage.extend(self.log.lose_until(base));
            }
        }
        let end = self.log.log_end_offset();
        if base == end {
            let now = self.log.storage().runtime().now();
            self.log.append(slice, &info, GroupSequence(0), now);
        } else if !(is_copy && info.next_offset() <= end) {
            self.refuse("a batch in the journal does not begin where the log ends");
        }
        Ok(())
    }

    /// What comes from here on cannot follow what is there.
    pub fn refuse(&mut self, reason: &'static str) {
        self.refused = true;
        self.reason.get_or_insert(reason);
    }

    /// One ERROR line for each loss that the journal did not repair.
    pub fn tell(&mut self) {
        let left = self.log.damage();
        self.report
            .damage
            .retain(|loss| left.iter().any(|damage| damage.covers(&loss.range)));
        self.report
            .damage
            .extend(self.log.lost_end(self.recovery_point));
        self.report
            .damage
            .iter()
            .for_each(|loss| tell(&self.log, loss));
        let Some(reason) = self.reason else {
            return;
        };
        let first_lost = self.log.log_end_offset();
        tracing::error!(
            folder = %self.log.dir().display(), first_lost = first_lost.0,
            records_at_least = (self.promised.0 - first_lost.0).max(0),
            remedy = remedy(&self.log.dir()),
            "{reason}; acknowledged records are lost, and the partition refuses"
        );
    }

    pub fn record(&self, key: PartitionKey) -> Record {
        let (closed, whole) = self.log.closed_segments();
        Record {
            key,
            folder: self.folder.clone(),
            recovery_point: self.log.log_end_offset(),
            replay_from: GroupSequence(0),
            log_start: self.log.log_start_offset(),
            high_watermark: Offset(-1),
            epochs: self.log.epochs(),
            producers: self
                .log
                .with_producers(|producers| producers.encode_whole().into()),
            refused: self.refused,
            closed,
            whole: whole && !self.refused,
            damage: self.log.damage(),
        }
    }

    pub fn failed(&self, error: LogError) -> RecoveryError {
        RecoveryError::Log {
            folder: self.log.dir(),
            error,
        }
    }
}
