//! Which old segments go: by time, by size, by the log's start; and how a whole log goes.
//!
//! Room:       `log`.
//! Called by:  `shard`'s background work, `partition` when a topic is deleted.
//! Calls:      `storage`.
//! Never:      asks a clock, or deletes above the bound it is given.
//!
//! The rules are Kafka's: only a run of segments from the oldest on goes; by time a segment goes
//! when its largest timestamp is old enough, its file's age standing in where no record has one;
//! by size as long as what is left is not less than `retention.bytes`.

use super::storage::count;
use super::{Inner, Log, LogError};
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::layout::{FileKind, FolderName, delete_folder_name};
use crate::log::segment::TimeMark;
use std::rc::Rc;

impl Log {
    /// Deletes segments that `retention.ms`, `retention.bytes` or the log's start no longer keep,
    /// all below `bound` (the smaller of high watermark and recovery point). `now_ms` is the wall
    /// clock. Returns the bytes freed. The log's start moves up with them.
    pub async fn delete_old_segments(&self, now_ms: i64, bound: Offset) -> Result<u64, LogError> {
        let _turn = self.0.turns.take().await;
        self.0.state.borrow().check_online()?;
        let result = self.0.delete_old(now_ms, bound).await;
        self.0.guard(result)
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
    async fn delete_old(self: &Rc<Self>, now_ms: i64, bound: Offset) -> Result<u64, Errno> {
        let mut freed = 0;
        while let Some(base) = self.oldest_to_delete(now_ms, bound).await? {
            if !self.keep_one(base).await? {
                break;
            }
            let size = {
                let mut state = self.state.borrow_mut();
                let state = &mut *state;
                let segment = state.segments.remove(0);
                let start = state.segments[0].base;
                state.size -= u64::from(segment.size);
                state.dirty.retain(|dirty| *dirty != base);
                state.dirty_indexes.retain(|(dirty, _)| *dirty != base);
                state.damage.retain(|damage| damage.to > start);
                state.tail.drop_below(start);
                if start > state.log_start {
                    state.log_start = start;
                    state.epochs_dirty |= state.epochs.truncate_from_start(start);
                    state.producers.on_log_start(start);
                }
                segment.size
            };
            // Readers under way keep the open file; its bytes go when they are done.
            self.unlink_segment(base).await?;
            count(&self.storage.0.counters.segments_deleted, 1);
            freed += u64::from(size);
        }
        Ok(freed)
    }

    /// The oldest segment, if it is to go.
    async fn oldest_to_delete(&self, now_ms: i64, bound: Offset) -> Result<Option<Offset>, Errno> {
        let (base, size, end, last, total, log_start, settings) = {
            let state = self.state.borrow();
            let segment = &state.segments[0];
            (
                segment.base,
                segment.size,
                state.segment_end(segment.base),
                state.segments.len() == 1,
                state.size,
                state.log_start,
                state.settings,
            )
        };
        if end > bound || size == 0 && last {
            return Ok(None);
        }
        let before_start = end <= log_start && !last;
        let over = settings
            .retention_bytes
            .is_some_and(|most| !last && total - u64::from(size) >= most);
        if before_start || settings.delete && over {
            return Ok(Some(base));
        }
        if settings.delete
            && let Some(most) = settings.retention_ms
            && now_ms.saturating_sub(self.newest_time(base).await?) > most
        {
            return Ok(Some(base));
        }
        Ok(None)
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
        self.storage.remove_folder(&renamed).await
    }
}
