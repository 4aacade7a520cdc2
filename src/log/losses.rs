//! Records that are lost: where they lay, which of them a checkpoint remembers.
//!
//! Room:       `log`.
//! Called by:  `recovery`, and `read` for what it meets later.
//! Calls:      `scan`, to see where a segment that has become shorter ends now.
//! Never:      logs, but for what a read meets: who opens a log knows what the journal mends.
//!
//! A closed segment never changes, so a checkpoint that knows its length tells a shorter one even
//! where it was cut between two batches. Only compaction rewrites them: compacted logs have gaps
//! of their own, and nothing is compared there.

use super::recovery::{Known, OpenReport};
use super::scan::{Found, NO_CHECK};
use super::{Inner, Log};
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::layout::FileKind;
use std::path::PathBuf;

/// Offsets `from..to` that are lost although later ones are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    pub from: Offset,
    pub to: Offset,
}

/// Records that are lost, and where they lay. To be logged as one ERROR line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub file: PathBuf,
    /// Byte of the file at which they began.
    pub position: u64,
    pub range: Damage,
}

impl Damage {
    pub fn covers(&self, other: &Damage) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// Whether it has some of the offsets `from..to`.
    pub fn touches(&self, from: Offset, to: Offset) -> bool {
        self.from < to && from < self.to
    }

    /// Offsets in it: records, where nothing was compacted.
    pub fn records(&self) -> i64 {
        self.to.0 - self.from.0
    }
}

impl Log {
    /// Segments that never change again, with their bytes, for a checkpoint, and whether they are
    /// all there are; none of a compacted log.
    pub fn closed_segments(&self) -> (Vec<(Offset, u32)>, bool) {
        let state = self.0.state.borrow();
        let is_blank = state.is_blank();
        if state.settings.compact || is_blank {
            return (Vec::new(), is_blank);
        }
        let grows = state.active().growing.is_some() && !state.is_unchanged();
        let count = state.segments.len() - usize::from(grows);
        let closed = state.segments[..count].iter();
        let closed = closed.map(|segment| (segment.base, segment.size));
        (closed.collect(), !grows && state.retiring == 0)
    }

    /// What lies between the log's end and `to` is nowhere: those offsets answer an error, and
    /// the log goes on at `to`.
    pub fn lose_until(&self, to: Offset) -> Option<Loss> {
        let mut state = self.0.state.borrow_mut();
        let range = Damage {
            from: state.log_end,
            to,
        };
        if range.from >= to {
            return None;
        }
        let (base, position) = (state.active().base, u64::from(state.active().size));
        state.damage.push(range);
        state.skip_to(to);
        drop(state);
        Some(self.0.loss(base, position, range))
    }

    /// What was lost at the log's end, if it should reach up to `to` and does not.
    pub fn lost_end(&self, to: Offset) -> Option<Loss> {
        let state = self.0.state.borrow();
        let range = Damage {
            from: state.log_end,
            to,
        };
        let (base, position) = (state.active().base, u64::from(state.active().size));
        drop(state);
        (range.from < to).then(|| self.0.loss(base, position, range))
    }
}

impl Inner {
    pub(super) fn loss(&self, base: Offset, position: u64, range: Damage) -> Loss {
        Loss {
            file: self.path(base, FileKind::Log),
            position,
            range,
        }
    }

    /// Looks for segments that a checkpoint knew longer, or that are gone: what lay between what
    /// is left and the next one is lost.
    pub(super) async fn compare_lengths(
        &self,
        known: &Known,
        report: &mut OpenReport,
    ) -> Result<(), Errno> {
        let (present, log_start) = {
            let state = self.state.borrow();
            if state.settings.compact {
                return Ok(());
            }
            let present = state.segments.iter().map(|s| (s.base, s.size));
            (present.collect::<Vec<_>>(), state.log_start)
        };
        let first = present[0].0;
        for (base, size) in known.closed.iter().copied() {
            if base < first {
                // Retention took it.
                continue;
            }
            let above = present.partition_point(|(other, _)| *other <= base);
            let Some((next, _)) = present.get(above).copied() else {
                // The log ends before it: that is told by its end.
                break;
            };
            let (at, length) = present[above - 1];
            let (from, position) = match at == base {
                true if length >= size => continue,
                true => self.end_of(base, length).await?,
                false => (base, 0),
            };
            let range = Damage {
                from: from.max(log_start),
                to: next,
            };
            if range.from < range.to {
                report.damage.push(self.loss(base, position, range));
            }
        }
        Ok(())
    }

    /// Where the batches of a closed segment of `length` bytes end.
    async fn end_of(&self, base: Offset, length: u32) -> Result<(Offset, u64), Errno> {
        let mut end = (base, 0);
        if length == 0 {
            return Ok(end);
        }
        let mut scanner = self.scanner_from(base, NO_CHECK, length).await?;
        loop {
            match scanner.next_above(end.0).await? {
                Found::Batch { info, .. } => end = (info.next_offset(), scanner.position()),
                Found::Garbage if scanner.resync(end.0).await?.is_some() => {}
                Found::Garbage | Found::End => return Ok(end),
            }
        }
    }

    /// What was noted of these offsets was wrong: they are whole.
    pub(super) fn forget_damage(&self, whole: Damage) {
        let damage = &mut self.state.borrow_mut().damage;
        damage.retain(|damage| !damage.covers(&whole));
    }

    /// Remembers damage met by a read, so that nobody looks there again; told once.
    pub(super) fn note_damage(&self, base: Offset, position: u32, range: Damage) {
        let mut state = self.state.borrow_mut();
        let known = state.damage.iter().any(|other| other.covers(&range));
        if known || range.from >= range.to {
            return;
        }
        state.damage.push(range);
        drop(state);
        let loss = self.loss(base, u64::from(position), range);
        tracing::error!(
            file = %loss.file.display(), position,
            first_lost = range.from.0, records = range.records(),
            "records are damaged: this range answers an error, the rest serves"
        );
    }
}
