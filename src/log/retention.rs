//! Which old segments go: by time, by size, by the log's start; and how a whole log goes.
//!
//! Room:       `log`.
//! Called by:  `shard::retention`, `shard` when a topic is deleted.
//! Calls:      `storage`.
//! Never:      asks a clock, removes above the bound it is given, or moves the log's start: the
//!             caller does, durably, in between.
//!
//! The rules are Kafka's: only a run of segments from the oldest on goes; by time a segment goes
//! when its largest timestamp is old enough, its file's age standing in where no record has one;
//! by size as long as what is left is not less than `retention.bytes`.

use super::storage::count;
use super::{Inner, Log, LogError};
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::layout::{DELETED_SUFFIX, FileKind, FolderName, delete_folder_name};
use crate::log::segment::TimeMark;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

impl Log {
    /// Where the log should start: behind the segments that `retention.ms` and `retention.bytes`
    /// no longer keep, all below `bound`. `now_ms` is the wall clock. Changes nothing.
    pub async fn retained_from(&self, now_ms: i64, bound: Offset) -> Result<Offset, LogError> {
        let _turn = self.0.turns.take().await;
        self.0.state.borrow().check_online()?;
        let result = self.0.retained_from(now_ms, bound).await;
        self.0.guard(result)
    }

    /// Removes segments that end at or below the log's start and at or below `bound` (the high
    /// watermark, the checkpoint): they leave the log now, the disk after `file.delete.delay.ms`.
    /// `active_too`: also the segment that grows, when there is nothing else in it. Returns the
    /// bytes that go.
    pub async fn drop_old_segments(
        &self,
        bound: Offset,
        active_too: bool,
    ) -> Result<u64, LogError> {
        let _turn = self.0.turns.take().await;
        self.0.state.borrow().check_online()?;
        let result = self.0.drop_old(bound, active_too).await;
        self.0.guard(result)
    }

    /// Whether a whole segment lies below the log's start.
    pub fn has_segments_below_start(&self) -> bool {
        let state = self.0.state.borrow();
        let second = state.segments.get(1);
        second.is_some_and(|second| second.base <= state.log_start)
    }

    /// Removes the folder with all that is in it; the log takes no further change. `unique` makes
    /// the name under which it waits for its removal.
    pub async fn delete(&self, unique: u128) -> Result<(), LogError> {
        let _turn = self.0.turns.take().await;
        self.0.state.borrow_mut().failed = Some(LogError::Closed);
        self.0.leave();
        self.0.remove_folder(unique).await.map_err(LogError::of)
    }
}

impl Inner {
    async fn retained_from(&self, now_ms: i64, bound: Offset) -> Result<Offset, Errno> {
        let (bases, mut total, mut from, settings) = {
            let state = self.state.borrow();
            let bases: Vec<Offset> = state.segments.iter().map(|s| s.base).collect();
            (bases, state.size, state.log_start, state.settings.clone())
        };
        if !settings.delete {
            return Ok(from);
        }
        for base in bases {
            let (size, end, is_last) = {
                let state = self.state.borrow();
                let Some(segment) = state.segment(base) else {
                    break;
                };
                let is_last = state.active().base == base;
                (segment.size, state.segment_end(base), is_last)
            };
            if end > bound || is_last && size == 0 {
                break;
            }
            let rest = total - u64::from(size);
            let over = settings.retention_bytes.is_some_and(|most| rest >= most);
            let old = match settings.retention_ms {
                Some(most) => now_ms.saturating_sub(self.newest_time(base).await?) > most,
                None => false,
            };
            if !over && !old && end > from {
                break;
            }
            total = rest;
            from = from.max(end);
        }
        Ok(from)
    }

    async fn drop_old(self: &Rc<Self>, bound: Offset, active_too: bool) -> Result<u64, Errno> {
        let mut freed = 0;
        loop {
            let (base, is_last) = {
                let state = self.state.borrow();
                let segment = &state.segments[0];
                let is_last = state.segments.len() == 1;
                let end = state.segment_end(segment.base);
                let may_go = !is_last || active_too && segment.size > 0;
                if !may_go || end > bound || end > state.log_start {
                    break;
                }
                (segment.base, is_last)
            };
            if is_last && !self.keep_one(base).await? {
                break;
            }
            let size = self.take_out_first();
            // Readers under way keep the open file; its bytes go when they are done.
            self.retire_segment(base, &FileKind::ALL).await?;
            count(&self.storage.0.counters.segments_deleted, 1);
            freed += u64::from(size);
        }
        Ok(freed)
    }

    /// Takes the oldest segment out of the log; another one follows it. Returns its bytes.
    fn take_out_first(&self) -> u32 {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let segment = state.segments.remove(0);
        let start = state.segments[0].base;
        state.size -= u64::from(segment.size);
        state.dirty.retain(|dirty| *dirty != segment.base);
        state
            .dirty_indexes
            .retain(|(dirty, _)| *dirty != segment.base);
        state.damage.retain(|damage| damage.to > start);
        state.tail.drop_below(start);
        segment.size
    }

    /// Gives a segment's files names that say they are deleted, the batches first (an index
    /// without a segment is ignored), and removes them after `file.delete.delay.ms`. What a crash
    /// leaves of them goes when the log is opened.
    pub(super) async fn retire_segment(
        self: &Rc<Self>,
        base: Offset,
        kinds: &[FileKind],
    ) -> Result<(), Errno> {
        self.storage.forget_segment(self.id, base);
        let runtime = &self.storage.0.runtime;
        let mut retired = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let path = self.path(base, *kind);
            let mut name = path.clone().into_os_string();
            name.push(DELETED_SUFFIX);
            match runtime.rename(&path, Path::new(&name)).await {
                Ok(()) => retired.push(PathBuf::from(name)),
                Err(Errno::NO_ENTRY) => {}
                Err(errno) => return Err(errno),
            }
        }
        self.state.borrow_mut().names_dirty = true;
        let delay = Duration::from_millis(self.state.borrow().settings.delete_delay_ms);
        self.state.borrow_mut().retiring += 1;
        let (waiting, inner) = (runtime.clone(), Rc::downgrade(self));
        runtime.spawn(async move {
            if !delay.is_zero() {
                waiting.sleep(delay).await;
            }
            for path in retired {
                // Gone with its folder, or for the next opening to remove.
                let _ = waiting.unlink(&path).await;
            }
            if let Some(inner) = inner.upgrade() {
                inner.state.borrow_mut().retiring -= 1;
            }
        });
        Ok(())
    }

    /// The largest timestamp of the segment, or when its file was last written.
    async fn newest_time(&self, base: Offset) -> Result<i64, Errno> {
        let mark = self.time_mark(base).await?;
        if mark.timestamp >= 0 {
            return Ok(mark.timestamp);
        }
        let path = self.path(base, FileKind::Log);
        match self.storage.0.runtime.status(&path).await {
            Ok(status) => Ok(status.modified.0),
            // Not in a file yet, so as new as can be.
            Err(Errno::NO_ENTRY) => Ok(i64::MAX),
            Err(errno) => Err(errno),
        }
    }

    /// Before the only segment goes, an empty one takes its place. False when it may not go yet.
    async fn keep_one(&self, base: Offset) -> Result<bool, Errno> {
        {
            let mut state = self.state.borrow_mut();
            if state.active().base != base {
                return Ok(true);
            }
            if state.active().flushed < state.active().size {
                return Ok(false);
            }
            let end = state.log_end;
            state.roll(end);
        }
        count(&self.storage.0.counters.segments_rolled, 1);
        self.make_active_file().await?;
        // The new name holds the log's end: it is durable before the old one goes.
        let dir = self.dir();
        self.storage.0.runtime.sync_directory(&dir).await?;
        Ok(true)
    }

    /// The segment's largest timestamp: known, or the last entry of its time index, or found.
    pub(super) async fn time_mark(&self, base: Offset) -> Result<TimeMark, Errno> {
        self.until_swapped().await;
        let (known, size) = {
            let state = self.state.borrow();
            let segment = state.segment(base);
            let known = segment.map_or(Some(TimeMark::NONE), |s| s.max_timestamp);
            (known, segment.map_or(0, |segment| segment.flushed))
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let (_, times, whole) = self.load_indexes(base, size).await?;
        let mark = match times.last().filter(|_| whole) {
            Some(entry) => TimeMark {
                timestamp: entry.timestamp,
                offset: base.plus(i64::from(entry.relative_offset)),
            },
            None => self.scan_time_mark(base, size).await?,
        };
        if let Some(segment) = self.state.borrow_mut().segment_mut(base) {
            segment.max_timestamp = Some(mark);
        }
        Ok(mark)
    }

    async fn remove_folder(&self, unique: u128) -> Result<(), Errno> {
        let runtime = &self.storage.0.runtime;
        let dir = self.dir();
        let name = dir.file_name().and_then(|name| name.to_str());
        let renamed = match FolderName::parse(name.unwrap_or_default()) {
            FolderName::Partition { topic, partition } => {
                dir.with_file_name(delete_folder_name(&topic, partition, unique))
            }
            _ => dir.to_path_buf(),
        };
        if renamed != *dir {
            runtime.rename(&dir, &renamed).await?;
        }
        let parent = renamed.parent().unwrap_or(std::path::Path::new("."));
        runtime.sync_directory(parent).await?;
        runtime.remove_folder(&renamed).await
    }
}
