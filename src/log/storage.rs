//! What all logs of one (shard, log dir) share: the door, open files, memory, counters.
//!
//! Room:       `log`.
//! Called by:  `shard`, which makes one per log dir and hands it to every log it opens there.
//! Calls:      `runtime`, `cache`.
//! Never:      knows which topics there are.
//!
//! Always true: a log that nobody touches holds no open file and, under pressure, no bytes here.

use super::cache::BlockCache;
use super::index::{AbortedTransaction, OffsetEntry};
use super::layout::FileKind;
use super::{Inner, LogError};
use crate::ids::Offset;
use crate::io::{Errno, Instant, OpenOptions};
use crate::map::Map;
use crate::runtime::sync::Event;
use crate::runtime::{File, Runtime};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Bounds that hold for all logs of one (shard, log dir) together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageSettings {
    /// Bytes of flushed batches kept in memory because they are new.
    pub hot_bytes: usize,
    /// Bytes of older batches kept in memory because somebody read them.
    pub cache_bytes: usize,
    /// Files kept open between two uses.
    pub open_files: usize,
    /// `producer.id.expiration.ms`.
    pub producer_expiration_ms: i64,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            hot_bytes: 16 << 20,
            cache_bytes: 16 << 20,
            open_files: 128,
            producer_expiration_ms: 86_400_000,
        }
    }
}

/// Counted since the start; for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    pub flushed_bytes: Cell<u64>,
    /// Written although they were in the file already, or as padding.
    pub rewritten_bytes: Cell<u64>,
    pub hot_reads: Cell<u64>,
    pub cold_reads: Cell<u64>,
    /// Bytes read from disk for cold reads.
    pub cold_bytes: Cell<u64>,
    pub cache_hits: Cell<u64>,
    pub syncs: Cell<u64>,
    pub segments_rolled: Cell<u64>,
    pub segments_deleted: Cell<u64>,
    pub segments_compacted: Cell<u64>,
}

pub(super) fn count(counter: &Cell<u64>, by: u64) {
    counter.set(counter.get().wrapping_add(by));
}

/// Shared by all logs of one (shard, log dir). Cloning shares it.
#[derive(Clone)]
pub struct LogStorage(pub(super) Rc<Shared>);

pub(super) struct Shared {
    pub runtime: Runtime,
    pub dir: PathBuf,
    pub settings: Cell<StorageSettings>,
    pub cache: BlockCache,
    pub counters: Counters,
    files: RefCell<OpenFiles>,
    indexes: RefCell<IndexCache>,
    pub cursors: RefCell<Cursors>,
    hot: RefCell<HotList>,
    log_id_next: Cell<u32>,
}

#[derive(Default)]
struct OpenFiles {
    files: Map<(u32, Offset), OpenFile>,
    tick: u64,
}

struct OpenFile {
    file: Rc<File>,
    /// The order of uses, and the time of the last.
    tick: u64,
    used_at: Instant,
}

/// What index files of closed segments hold, for those looked up lately.
#[derive(Clone)]
pub(super) enum Cached {
    Offsets(Rc<[OffsetEntry]>),
    Aborted(Rc<[AbortedTransaction]>),
}

#[derive(Default)]
struct IndexCache {
    entries: Map<(u32, Offset, FileKind), (Cached, u64)>,
    bytes: usize,
    tick: u64,
}

impl Cached {
    fn bytes(&self) -> usize {
        let content = match self {
            Cached::Offsets(entries) => size_of_val(&**entries),
            Cached::Aborted(entries) => size_of_val(&**entries),
        };
        content + 64
    }
}

/// Where consumers that read old batches will go on: no index is asked again, and each one's
/// reads grow as it follows the file.
#[derive(Default)]
pub(super) struct Cursors {
    known: Map<(u32, Offset), Cursor>,
    order: VecDeque<(u32, Offset)>,
}

/// The batch at the offset under which this is known begins here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub base: Offset,
    pub position: u32,
    /// Blocks of the cache to read at once.
    pub ahead: u32,
    /// Truncations the log has seen; another number makes this worthless.
    pub cuts: u32,
}

impl Cursors {
    pub fn take(&mut self, log: u32, offset: Offset) -> Option<Cursor> {
        // Its place in `order` stays until it is the oldest.
        self.known.get(&(log, offset)).copied()
    }

    pub fn put(&mut self, log: u32, offset: Offset, cursor: Cursor) {
        if self.known.insert((log, offset), cursor).is_none() {
            self.order.push_back((log, offset));
        }
        while self.order.len() > CURSORS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

/// Flushed batches in memory, oldest first.
#[derive(Default)]
struct HotList {
    entries: VecDeque<HotEntry>,
    bytes: usize,
}

struct HotEntry {
    log: Weak<Inner>,
    /// The bytes end at this offset.
    end: Offset,
    bytes: usize,
}

impl LogStorage {
    /// `dir` is the log dir in which the partitions' folders lie.
    pub fn new(runtime: &Runtime, dir: &Path, settings: StorageSettings) -> LogStorage {
        LogStorage(Rc::new(Shared {
            runtime: runtime.clone(),
            dir: dir.to_owned(),
            settings: Cell::new(settings),
            cache: BlockCache::new(settings.cache_bytes),
            counters: Counters::default(),
            files: RefCell::default(),
            indexes: RefCell::default(),
            cursors: RefCell::default(),
            hot: RefCell::default(),
            log_id_next: Cell::new(1),
        }))
    }

    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// Follows `producer.id.expiration.ms`.
    pub fn set_producer_expiration(&self, expiration_ms: i64) {
        let settings = StorageSettings {
            producer_expiration_ms: expiration_ms,
            ..self.0.settings.get()
        };
        self.0.settings.set(settings);
    }

    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Bytes of flushed batches in memory now, and of cached older ones.
    pub fn memory_bytes(&self) -> (usize, usize) {
        (self.0.hot.borrow().bytes, self.0.cache.bytes())
    }

    /// Makes the names in the log dir durable.
    pub async fn sync_dir(&self) -> Result<(), super::LogError> {
        let synced = self.0.runtime.sync_directory(&self.0.dir).await;
        synced.map_err(super::LogError::of)
    }

    pub(super) fn next_log_id(&self) -> u32 {
        let id = self.0.log_id_next.get();
        self.0.log_id_next.set(id + 1);
        id
    }

    /// The segment's file, opened if it is not: read-write and direct.
    pub(super) async fn segment_file(
        &self,
        log: u32,
        base: Offset,
        path: &Path,
        create: bool,
    ) -> Result<Rc<File>, Errno> {
        if let Some(file) = self.known_file(log, base) {
            return Ok(file);
        }
        let options = OpenOptions {
            write: true,
            create,
            direct: true,
            ..OpenOptions::default()
        };
        let file = Rc::new(self.0.runtime.open(path, options).await?);
        let mut open = self.0.files.borrow_mut();
        open.tick += 1;
        let opened = OpenFile {
            file: file.clone(),
            tick: open.tick,
            used_at: self.0.runtime.now(),
        };
        open.files.insert((log, base), opened);
        let bound = self.0.settings.get().open_files.max(1);
        while open.files.len() > bound {
            let oldest = open.files.iter().min_by_key(|(_, file)| file.tick);
            let Some(key) = oldest.map(|(key, _)| *key) else {
                break;
            };
            open.files.remove(&key);
        }
        Ok(file)
    }

    fn known_file(&self, log: u32, base: Offset) -> Option<Rc<File>> {
        let mut open = self.0.files.borrow_mut();
        open.tick += 1;
        let tick = open.tick;
        let known = open.files.get_mut(&(log, base))?;
        known.tick = tick;
        known.used_at = self.0.runtime.now();
        Some(known.file.clone())
    }

    /// Closes files that nobody has used for a while: what a start or a read of old batches
    /// opened, which no checkpoint will come by.
    pub fn close_unused(&self) {
        let now = self.0.runtime.now();
        let mut open = self.0.files.borrow_mut();
        open.files
            .retain(|_, file| now.since(file.used_at) < UNUSED);
    }

    pub(super) fn cached_index(&self, log: u32, base: Offset, kind: FileKind) -> Option<Cached> {
        let mut indexes = self.0.indexes.borrow_mut();
        indexes.tick += 1;
        let tick = indexes.tick;
        let (cached, used) = indexes.entries.get_mut(&(log, base, kind))?;
        *used = tick;
        Some(cached.clone())
    }

    pub(super) fn cache_index(&self, log: u32, base: Offset, kind: FileKind, cached: Cached) {
        let mut indexes = self.0.indexes.borrow_mut();
        indexes.tick += 1;
        let tick = indexes.tick;
        indexes.bytes += cached.bytes();
        if let Some((old, _)) = indexes.entries.insert((log, base, kind), (cached, tick)) {
            indexes.bytes -= old.bytes();
        }
        while indexes.bytes > INDEX_BYTES_MAX && indexes.entries.len() > 1 {
            let oldest = indexes.entries.iter().min_by_key(|(_, (_, used))| *used);
            let Some(key) = oldest.map(|(key, _)| *key) else {
                break;
            };
            if let Some((old, _)) = indexes.entries.remove(&key) {
                indexes.bytes -= old.bytes();
            }
        }
    }

    /// Forgets what the segment's index files held.
    pub(super) fn forget_indexes(&self, log: u32, base: Offset) {
        let mut indexes = self.0.indexes.borrow_mut();
        for kind in FileKind::ALL {
            if let Some((old, _)) = indexes.entries.remove(&(log, base, kind)) {
                indexes.bytes -= old.bytes();
            }
        }
    }

    /// Closes the segment's file and forgets what was read from it.
    pub(super) fn forget_segment(&self, log: u32, base: Offset) {
        self.0.files.borrow_mut().files.remove(&(log, base));
        self.0.cache.forget(log, base);
        self.forget_indexes(log, base);
    }

    /// How many segment files are open, of all logs.
    pub fn open_files(&self) -> usize {
        self.0.files.borrow().files.len()
    }

    /// Closes all files of a log.
    pub(super) fn close_files(&self, log: u32) {
        let mut open = self.0.files.borrow_mut();
        open.files.retain(|(of, _), _| *of != log);
    }

    /// Counts flushed bytes that stay in memory, and lets the oldest go that are over the bound.
    pub(super) fn keep_hot(&self, log: &Rc<Inner>, end: Offset, bytes: usize) {
        let bound = self.0.settings.get().hot_bytes;
        let mut dropped = Vec::new();
        {
            let mut hot = self.0.hot.borrow_mut();
            hot.bytes += bytes;
            hot.entries.push_back(HotEntry {
                log: Rc::downgrade(log),
                end,
                bytes,
            });
            while hot.bytes > bound {
                let Some(oldest) = hot.entries.pop_front() else {
                    break;
                };
                hot.bytes -= oldest.bytes;
                dropped.push(oldest);
            }
        }
        for oldest in dropped {
            if let Some(log) = oldest.log.upgrade() {
                log.state.borrow_mut().drop_hot(oldest.end);
            }
        }
    }
}

/// One change of a log at a time: flush, truncate, delete and close take turns.
#[derive(Default)]
pub(super) struct Turns {
    taken: Cell<bool>,
    freed: Event,
}

/// Held while a change runs.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub async fn take(&self) -> Turn<'_> {
        while self.taken.get() {
            self.freed.next().await;
        }
        self.taken.set(true);
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.taken.set(false);
        self.0.freed.notify();
    }
}

impl From<Errno> for LogError {
    fn from(errno: Errno) -> LogError {
        LogError::of(errno)
    }
}

/// A file that was not used for this long is closed.
const UNUSED: Duration = Duration::from_secs(1);
/// Consumers whose place is remembered; one costs about 60 bytes.
const CURSORS_MAX: usize = 1024;
/// Memory for indexes of closed segments; one of 1 GiB takes 128 KiB.
const INDEX_BYTES_MAX: usize = 4 << 20;
