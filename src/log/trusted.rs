//! Opening a log as its checkpoint describes it, without reading what is in its folder.
//!
//! Room:       `log`.
//! Called by:  `shard::recovery`, for logs that were closed and nobody touched since.
//! Calls:      `storage`, for the names and lengths of files.
//! Never:      takes a checkpoint's word for a file that another life may have written to.
//!
//! All segments are closed then, and none is read until somebody asks for it: that is what lets a
//! start with 100,000 partitions take seconds. The price is that the next append begins a segment,
//! so where there are few logs `Log::open` looks at them instead.

use super::leader_epoch::EpochCache;
use super::recovery::Known;
use super::segment::Segment;
use super::{Inner, Log, LogSettings, LogStorage, State};
use crate::ids::{Offset, PartitionKey};
use crate::io::Errno;
use crate::log::layout::{FileKind, segment_path};
use std::path::Path;
use std::rc::Rc;

impl Log {
    /// Opens the log in `dir` by what is known of it. `None`: that is not enough, or the files
    /// are not as long as it says.
    pub async fn trust(
        storage: &LogStorage,
        dir: &Path,
        key: PartitionKey,
        settings: impl Into<Rc<LogSettings>>,
        known: &Known,
    ) -> Result<Option<Log>, Errno> {
        let settings = settings.into();
        let end = known.recovery_point;
        let producers = match &known.producers {
            Some((at, state)) if *at == end => state.clone(),
            _ => return Ok(None),
        };
        let is_blank = known.closed.is_empty();
        let start = known.log_start.unwrap_or_default();
        if !known.whole
            || !known.damage.is_empty()
            || settings.compact && !is_blank
            || is_blank && end != Offset(0)
            || start > end
            || !known.clean && !is_untouched(storage, dir, known).await?
        {
            return Ok(None);
        }
        let inner = Inner::empty(storage, dir, key, settings);
        inner.state.borrow_mut().take_for_true(known, start, end);
        inner.state.borrow_mut().producers = producers;
        // As in `open`: nobody knows whether the folder's name is durable.
        inner.state.borrow_mut().folder_dirty = !known.clean;
        Ok(Some(Log(inner)))
    }
}

impl State {
    fn take_for_true(&mut self, known: &Known, start: Offset, end: Offset) {
        self.log_start = start;
        self.log_end = end;
        self.flushed = end;
        self.synced = end;
        self.recovery_point = end;
        self.epochs = EpochCache::from_entries(known.epochs.iter().copied());
        let segments = known.closed.iter();
        let segments = segments.map(|(base, size)| Segment::closed(*base, *size));
        let mut segments: Vec<Segment> = segments.collect();
        self.size = segments.iter().map(|s| u64::from(s.size)).sum();
        if segments.is_empty() {
            return;
        }
        // An empty last one has its file already, and is the one that grows.
        if let Some(last) = segments.last_mut().filter(|last| last.size == 0) {
            *last = Segment::new(last.base);
            last.has_file = true;
        }
        self.segments = segments;
        self.closed_at = Some(end);
    }

    /// Nothing was ever appended, and there are no files but the one that says whose it is.
    pub(super) fn is_blank(&self) -> bool {
        let only = &self.segments[0];
        self.segments.len() == 1 && self.log_end == Offset(0) && only.size == 0 && !only.has_file
    }
}

/// After a kill: the last segment is as long as it was, no next one was begun, and a folder
/// without any still says whose it is.
async fn is_untouched(storage: &LogStorage, dir: &Path, known: &Known) -> Result<bool, Errno> {
    let runtime = storage.runtime();
    if let Some((base, size)) = known.closed.last() {
        let path = segment_path(dir, *base, FileKind::Log);
        match runtime.status(&path).await {
            Ok(status) if status.length == u64::from(*size) => {}
            Ok(_) | Err(Errno::NO_ENTRY) => return Ok(false),
            Err(errno) => return Err(errno),
        }
        if *size == 0 {
            return Ok(true);
        }
    } else if !storage.says_whose(dir).await? {
        return Ok(false);
    }
    let next = segment_path(dir, known.recovery_point, FileKind::Log);
    match runtime.status(&next).await {
        Ok(_) => Ok(false),
        Err(Errno::NO_ENTRY) => Ok(true),
        Err(errno) => Err(errno),
    }
}
