//! Puts a compacted segment into the place of its originals, so that a crash leaves one or the
//! other: Kafka's names and order.
//!
//! Room:       `log::compaction`.
//! Called by:  `Log::compact`; `recovery`, to end what a crash interrupted.
//! Calls:      `runtime`, `retention` (which lets the originals go later).
//! Never:      lets a reader see half of it: cold reads wait from the first renaming to the last.
//!
//!   1. the new files are whole and synced under `.cleaned`; the batches are renamed to `.swap`
//!      first, then the indexes; the folder is synced: this is the point of no return
//!   2. the originals are renamed to `.deleted`
//!   3. `.swap` goes away from the new names, the batches first, then the indexes
//!
//! What a start finds: batches under `.swap` say that 2 is not done yet, so whatever lies in their
//! range goes and they take its place. Only an index under `.swap` says that 3 had begun. Without
//! either, `.cleaned` files are rests. This needs of a file system that names change in order
//! within a folder, which all with a journal keep; the folder is synced before the next group, so
//! that a tombstone never goes while what it hides can come back.

use super::target::{Cleaned, cleaned_path, suffixed};
use super::{CLEANED_KINDS, CompactError, Part};
use crate::ids::Offset;
use crate::io::{Errno, OpenOptions};
use crate::log::layout::{FileKind, FileName, SWAP_SUFFIX, segment_path};
use crate::log::scan::{Found, HEADER_WINDOW_BYTES, NO_CHECK, Scanner};
use crate::log::storage::count;
use crate::log::{Inner, LogStorage};
use crate::map::Map;
use crate::runtime::sync::Event;
use std::path::{Path, PathBuf};
use std::rc::Rc;

impl Inner {
    /// Replaces the segments of `group`.
    pub(super) async fn swap(
        self: &Rc<Self>,
        group: &[Part],
        cleaned: Cleaned,
    ) -> Result<(), CompactError> {
        let _turn = self.turns.take().await;
        self.state.borrow().check_online()?;
        if !group.iter().all(|part| self.is_unchanged(part)) {
            return Err(CompactError::Moved);
        }
        let result = self.swap_in_turn(group, cleaned).await;
        Ok(self.guard(result)?)
    }

    async fn swap_in_turn(self: &Rc<Self>, group: &[Part], cleaned: Cleaned) -> Result<(), Errno> {
        let runtime = self.storage.0.runtime.clone();
        let (dir, base) = (self.dir(), cleaned.segment.base);
        for kind in &cleaned.kinds {
            let from = cleaned_path(&dir, base, *kind);
            runtime.rename(&from, &swap_path(&dir, base, *kind)).await?;
        }
        runtime.sync_directory(&dir).await?;
        {
            let mut state = self.state.borrow_mut();
            state.cuts += 1;
            state.swapping = Some(Event::new());
        }
        let replaced = self.replace_files(group, &cleaned.kinds).await;
        if replaced.is_ok() {
            self.replace_in_memory(group, cleaned);
        }
        let waiting = {
            let mut state = self.state.borrow_mut();
            state.cuts += 1;
            state.swapping.take()
        };
        waiting.inspect(Event::notify);
        replaced?;
        runtime.sync_directory(&dir).await?;
        count(
            &self.storage.0.counters.segments_compacted,
            group.len() as u64,
        );
        Ok(())
    }

    async fn replace_files(
        self: &Rc<Self>,
        group: &[Part],
        kinds: &[FileKind],
    ) -> Result<(), Errno> {
        let runtime = self.storage.0.runtime.clone();
        let dir = self.dir();
        for part in &group[1..] {
            self.retire_segment(part.base, &FileKind::ALL).await?;
        }
        // The first one's producer snapshot is the new one's as well.
        let base = group[0].base;
        self.retire_segment(base, &CLEANED_KINDS).await?;
        for kind in kinds {
            let to = segment_path(&dir, base, *kind);
            runtime.rename(&swap_path(&dir, base, *kind), &to).await?;
        }
        Ok(())
    }

    fn replace_in_memory(&self, group: &[Part], cleaned: Cleaned) {
        for part in group {
            self.storage.forget_segment(self.id, part.base);
        }
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let first = group[0].base;
        let end = group[group.len() - 1].end;
        let from = state.segments.partition_point(|s| s.base < first);
        let to = state.segments.partition_point(|s| s.base < end);
        let size = cleaned.segment.size;
        let replaced = state.segments.splice(from..to, [cleaned.segment]);
        let before: u64 = replaced.map(|segment| u64::from(segment.size)).sum();
        state.size = state.size - before + u64::from(size);
        let inside = |base: &Offset| *base >= first && *base < end;
        state.dirty.retain(|base| !inside(base));
        state.dirty_indexes.retain(|(base, _)| !inside(base));
        // What memory still has of them is of another make; its aborted data nobody names now.
        state.tail.drop_below(end);
    }
}

fn swap_path(dir: &Path, base: Offset, kind: FileKind) -> PathBuf {
    suffixed(segment_path(dir, base, kind), SWAP_SUFFIX)
}

/// Ends what a crash interrupted; see the head of the file. `names` are those in the folder.
pub(in crate::log) async fn complete_swaps(
    storage: &LogStorage,
    dir: &Path,
    names: &[FileName],
) -> Result<(), Errno> {
    let runtime = storage.runtime();
    let mut swaps: Map<Offset, Vec<FileKind>> = Map::default();
    let mut segments = Vec::new();
    for name in names {
        match name {
            FileName::Swap { base, kind } => swaps.entry(*base).or_default().push(*kind),
            FileName::Segment { base, kind } => segments.push((*base, *kind)),
            _ => {}
        }
    }
    let mut bases: Vec<Offset> = swaps.keys().copied().collect();
    bases.sort_unstable();
    for base in bases {
        let kinds = &swaps[&base];
        let path = segment_path(dir, base, FileKind::Log);
        if kinds.contains(&FileKind::Log) {
            let swapped = swap_path(dir, base, FileKind::Log);
            let end = end_of(storage, &swapped, base).await?;
            // The batches go first: an index without them is ignored.
            segments.sort_by_key(|(_, kind)| *kind != FileKind::Log);
            for (of, kind) in &segments {
                let replaced =
                    *of > base && *of < end || *of == base && *kind != FileKind::ProducerSnapshot;
                if replaced {
                    let old = segment_path(dir, *of, *kind);
                    runtime.unlink_if_there(&old).await?;
                }
            }
            runtime.rename(&swapped, &path).await?;
        }
        for kind in kinds.iter().filter(|kind| **kind != FileKind::Log) {
            let from = swap_path(dir, base, *kind);
            match runtime.status(&path).await {
                Ok(_) => {
                    let to = segment_path(dir, base, *kind);
                    runtime.rename(&from, &to).await?;
                }
                Err(Errno::NO_ENTRY) => runtime.unlink_if_there(&from).await?,
                Err(errno) => return Err(errno),
            }
        }
    }
    runtime.sync_directory(dir).await
}

/// Offset after the last batch of a segment file.
async fn end_of(storage: &LogStorage, path: &Path, base: Offset) -> Result<Offset, Errno> {
    let options = OpenOptions {
        direct: true,
        ..OpenOptions::default()
    };
    let file = storage.runtime().open(path, options).await?;
    let length = file.length_at_open;
    let mut scanner = Scanner::new(Rc::new(file), 0, length, HEADER_WINDOW_BYTES);
    let mut end = base;
    while let Found::Batch { info, .. } = scanner.next(NO_CHECK).await? {
        end = info.next_offset();
    }
    Ok(end)
}
