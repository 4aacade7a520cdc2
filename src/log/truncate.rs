//! Cutting a log's end: a follower that went another way than its leader, damage the journal mends.
//!
//! Room:       `log`.
//! Called by:  `partition`, which keeps appends away meanwhile; `recovery`.
//! Calls:      `scan`, `storage`.
//! Never:      leaves half a batch: a cut inside one takes all of it.
//!
//! Memory is cut first, so that no read sees what goes; then files, newest first, so that a crash
//! in between leaves a log that ends somewhere between the two ends.

use super::leader_epoch::EpochCache;
use super::scan::Found;
use super::segment::Segment;
use super::{Inner, Log, LogError, ProducerState};
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::layout::{FileKind, FileName};
use std::rc::Rc;

impl Log {
    /// Cuts off all batches that end above `to`. Returns the log's new end: `to`, or the base
    /// offset of the batch `to` was in the middle of. The log's start stays, even above the end.
    /// Nothing may be appended meanwhile. Durable after `sync`.
    pub async fn truncate(&self, to: Offset) -> Result<Offset, LogError> {
        let _turn = self.0.turns.take().await;
        self.0.state.borrow().check_online()?;
        let (first, log_start, log_end) = {
            let state = self.0.state.borrow();
            (state.segments[0].base, state.log_start, state.log_end)
        };
        if to >= log_end {
            return Ok(log_end);
        }
        let result = if to <= first {
            self.0.begin_anew(to.max(Offset(0)), log_start).await
        } else {
            self.0.cut_to(to).await
        };
        self.0.guard(result)?;
        Ok(self.log_end_offset())
    }

    /// Drops everything and begins anew at `start` (a follower too far behind its leader).
    /// Nothing may be appended meanwhile. Durable after `sync`.
    pub async fn truncate_fully(&self, start: Offset) -> Result<(), LogError> {
        let _turn = self.0.turns.take().await;
        self.0.state.borrow().check_online()?;
        let result = self.0.begin_anew(start, start).await;
        self.0.guard(result)
    }
}

/// Where a cut goes through a file.
#[derive(Clone, Copy)]
struct Place {
    /// Of the segment.
    base: Offset,
    position: u32,
    /// The log's new end.
    end: Offset,
}

impl Inner {
    async fn begin_anew(&self, start: Offset, log_start: Offset) -> Result<(), Errno> {
        let gone: Vec<Offset> = {
            let mut state = self.state.borrow_mut();
            let gone = state.segments.iter().map(|segment| segment.base).collect();
            state.cuts += 1;
            state.segments = vec![Segment::new(start)];
            state.tail.clear();
            state.size = 0;
            state.log_start = log_start;
            state.log_end = start;
            state.flushed = start;
            state.synced = start;
            state.recovery_point = start;
            state.epochs = EpochCache::default();
            state.epochs_dirty = true;
            // At this very end a checkpoint may know them, though their batches are gone.
            let known = state.known_producers(start).filter(|(at, _)| *at == start);
            state.producers = known.map_or_else(ProducerState::default, |(_, known)| known);
            state.damage.clear();
            state.dirty.clear();
            state.dirty_indexes.clear();
            gone
        };
        for base in gone.into_iter().rev() {
            self.unlink_segment(base).await?;
        }
        for at in self.snapshots().await? {
            let path = self.path(at, FileKind::ProducerSnapshot);
            self.storage.0.runtime.unlink_if_there(&path).await?;
        }
        self.make_active_file().await
    }

    /// Gives the empty active segment its file: the name holds the log's end.
    pub(super) async fn make_active_file(&self) -> Result<(), Errno> {
        let base = self.state.borrow().active().base;
        self.segment_file(base, true).await?;
        let mut state = self.state.borrow_mut();
        state.names_dirty = true;
        state.active_mut().has_file = true;
        Ok(())
    }

    async fn cut_to(self: &Rc<Self>, to: Offset) -> Result<(), Errno> {
        let flushed = self.state.borrow().flushed;
        // Where the file of the segment that holds `to` will end, if that is not beyond it.
        let place = if to < flushed {
            Some(self.place_of(to).await?)
        } else {
            None
        };
        let gone = self.cut_memory(to, place);
        for (base, has_file) in gone.into_iter().rev() {
            if has_file {
                self.unlink_segment(base).await?;
            }
        }
        if let Some(place) = place {
            self.cut_file(place.position).await?;
        } else {
            self.remark_active().await?;
        }
        let snapshots = self.snapshots().await?;
        let end = self.state.borrow().log_end;
        for at in snapshots.iter().filter(|at| **at > end) {
            let path = self.path(*at, FileKind::ProducerSnapshot);
            self.storage.0.runtime.unlink_if_there(&path).await?;
        }
        self.relearn(&snapshots).await?;
        {
            let mut state = self.state.borrow_mut();
            let log_start = state.log_start;
            state.epochs.truncate_from_start(log_start);
        }
        self.write_epochs().await
    }

    /// The first flushed batch that ends above `to`.
    async fn place_of(&self, to: Offset) -> Result<Place, Errno> {
        let (base, end) = {
            let state = self.state.borrow();
            let segment = &state.segments[state.segment_of(to)];
            (segment.base, segment.flushed)
        };
        let mut scanner = self.scanner_from(base, to, end).await?;
        let mut expected = base;
        let place = |position: u64, end: Offset| Place {
            base,
            position: position as u32,
            end: end.min(to),
        };
        loop {
            match scanner.next_above(expected).await? {
                Found::Batch { info, position, .. } => {
                    if info.next_offset() > to {
                        return Ok(place(position, info.base_offset()));
                    }
                    expected = info.next_offset();
                }
                // What lies before the cut and is damaged stays so.
                Found::Garbage if expected < to && scanner.resync(expected).await?.is_some() => {}
                _ => return Ok(place(scanner.position(), expected)),
            }
        }
    }

    /// Returns the segments that are gone: base, and whether there is a file.
    fn cut_memory(&self, to: Offset, place: Option<Place>) -> Vec<(Offset, bool)> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        state.cuts += 1;
        let end = match place {
            Some(place) => place.end,
            None => {
                let first = state.tail.index_of(state.flushed);
                let kept = state.tail.range(first).take_while(|entry| entry.next <= to);
                kept.last().map_or(state.flushed, |entry| entry.next)
            }
        };
        state.tail.truncate(end);
        let keep = state
            .segments
            .partition_point(|segment| match place {
                // An empty segment that is left keeps its file, whose name is the log's end.
                Some(place) => segment.base <= place.base,
                None => segment.base < end,
            })
            .max(1);
        let gone = state.segments.split_off(keep);
        let tail_bytes: usize = {
            let base = state.active().base.max(state.flushed);
            let first = state.tail.index_of(base);
            state.tail.range(first).map(|entry| entry.slice.len()).sum()
        };
        let segment = state.active_mut();
        match place {
            Some(place) => {
                segment.size = place.position;
                segment.flushed = place.position;
            }
            None => segment.size = segment.flushed + tail_bytes as u32,
        }
        let (base, size, last) = (segment.base, segment.size, segment.relative(end));
        if let Some(growing) = &mut segment.growing {
            growing.offset_index.truncate(size);
            growing.time_index.truncate(last);
            growing.aborted.retain(|entry| entry.last_offset < end);
            growing.aborted_dirty = true;
            growing.partial = None;
        }
        state.log_end = end;
        state.flushed = state.flushed.min(end);
        state.synced = state.synced.min(end);
        state.recovery_point = state.recovery_point.min(end);
        state.size = state.segments.iter().map(|s| u64::from(s.size)).sum();
        state.epochs.truncate_from_end(end);
        state.epochs_dirty = true;
        state.damage.retain(|damage| damage.from < end);
        state.dirty.retain(|dirty| *dirty <= base);
        state.dirty_indexes.retain(|(dirty, _)| *dirty <= base);
        let gone = gone.into_iter();
        gone.map(|segment| (segment.base, segment.has_file))
            .collect()
    }

    /// Cuts the active segment's file and learns anew what its indexes hold.
    async fn cut_file(self: &Rc<Self>, position: u32) -> Result<(), Errno> {
        let base = self.state.borrow().active().base;
        self.storage.forget_segment(self.id, base);
        let file = self.segment_file(base, false).await?;
        file.truncate(u64::from(position)).await?;
        let mut segment = self.survey(base, position).await?;
        self.trim_indexes(&segment).await?;
        let mut state = self.state.borrow_mut();
        // What is not in a `.txnindex` yet is known here only.
        let before = state.active_mut().growing.take();
        if let (Some(mut before), Some(growing)) = (before, &mut segment.growing) {
            growing.aborted = std::mem::take(&mut before.aborted);
        }
        // The file may hold what is gone.
        if let Some(growing) = &mut segment.growing {
            growing.aborted_dirty = true;
        }
        *state.active_mut() = segment;
        if !state.dirty.contains(&base) {
            state.dirty.push(base);
        }
        Ok(())
    }

    pub(super) async fn snapshots(&self) -> Result<Vec<Offset>, Errno> {
        let dir = self.dir();
        let entries = self.storage.0.runtime.list_directory(&dir).await?;
        let offsets = entries
            .iter()
            .filter_map(|entry| match FileName::parse(&entry.name) {
                FileName::Segment {
                    base,
                    kind: FileKind::ProducerSnapshot,
                } => Some(base),
                _ => None,
            });
        // Names of equal length sort as their numbers do.
        Ok(offsets.collect())
    }
}
