//! What producer snapshots, and the batches behind them, tell of a log's producers.
//!
//! Room:       `log`.
//! Called by:  `recovery` when a log is opened; `truncate` when its end went back.
//! Calls:      `producer_snapshot` to read, `reindex` to walk through segments.
//! Never:      takes a snapshot from above the log's end.

use super::OpenReport;
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::layout::FileKind;
use crate::log::{BatchInfo, Inner, ProducerState};

/// 46 bytes a producer.
const SNAPSHOT_BYTES_MAX: usize = 256 << 20;

impl Inner {
    /// The newest readable `.snapshot` at or below `limit`.
    pub(super) async fn newest_snapshot(
        &self,
        snapshots: &[Offset],
        limit: Offset,
    ) -> Option<(Offset, ProducerState)> {
        for at in snapshots.iter().rev().filter(|at| **at <= limit) {
            let path = self.path(*at, FileKind::ProducerSnapshot);
            let runtime = &self.storage.0.runtime;
            let bytes = runtime.read_file(&path, SNAPSHOT_BYTES_MAX).await;
            if let Ok(bytes) = bytes
                && let Ok(state) = ProducerState::decode(&bytes)
            {
                return Some((*at, state));
            }
        }
        None
    }

    /// Builds the producers anew up to the log's end: newest snapshot, then the batches behind it.
    pub(in crate::log) async fn relearn(&self, snapshots: &[Offset]) -> Result<(), Errno> {
        let (end, bases) = {
            let state = self.state.borrow();
            let bases: Vec<Offset> = state.segments.iter().map(|s| s.base).collect();
            (state.log_end, bases)
        };
        let newest = self.newest_snapshot(snapshots, end).await;
        let known = self.state.borrow().known_producers(end);
        let (from, producers) = match (known, newest) {
            (Some((at, whole)), Some((offset, _))) if at >= offset => (at, whole),
            (Some(known), None) => known,
            (_, Some(snapshot)) => snapshot,
            (None, None) => (bases[0], ProducerState::default()),
        };
        self.state.borrow_mut().producers = producers;
        let mut report = OpenReport::default();
        for (index, base) in bases.iter().enumerate() {
            let next = bases.get(index + 1).copied().unwrap_or(end);
            let (has_file, flushed) = {
                let state = self.state.borrow();
                let segment = state.segment(*base);
                let has_file = segment.is_some_and(|segment| segment.has_file);
                (has_file, state.flushed)
            };
            if has_file && from < next {
                let until = next.min(flushed);
                self.walk_closed(*base, from, until, &mut report).await?;
            }
        }
        self.relearn_tail(from);
        Ok(())
    }

    /// The same for batches that are not in a file yet.
    fn relearn_tail(&self, from: Offset) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let first = state.tail.index_of(state.flushed.max(from));
        for entry in state.tail.range(first) {
            if let Ok(info) = BatchInfo::parse(&entry.slice) {
                state.producers.update(&info);
            }
        }
    }

    /// Removes snapshots that belong to no segment, but for the one that was used.
    pub(super) async fn drop_snapshots(
        &self,
        snapshots: &[Offset],
        used: Offset,
    ) -> Result<(), Errno> {
        for at in snapshots {
            let keep = {
                let state = self.state.borrow();
                *at <= state.log_end && (*at == used || state.segment(*at).is_some())
            };
            if !keep {
                let path = self.path(*at, FileKind::ProducerSnapshot);
                self.storage.0.runtime.unlink_if_there(&path).await?;
            }
        }
        Ok(())
    }
}
