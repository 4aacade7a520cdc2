//! Compaction: of the records with one key only the newest is kept.
//!
//! Room:       `log`.
//! Called by:  `shard::cleaner`, for one log at a time.
//! Calls:      `pass` on the worker pool, `swap` under the log's turn.
//! Never:      touches the segment that grows, or anything a checkpoint does not cover; holds more
//!             in memory than its map and a few chunks.
//!
//! ```text
//!   ├── clean: no key twice ──┼──── dirty ────┼ too young, or not covered ┼ active ┤
//!                        first dirty        until
//! ```
//!
//! A pass over the dirty part learns the newest offset of each key; a pass over all segments up to
//! `until` copies what stays into new segments (`….cleaned`), several small ones into one; each
//! group is then put into the place of its originals (`swap`). Both go chunk by chunk: read, over
//! to the worker pool, write, and a pause that the caller measures out.

mod offset_map;
mod pass;
mod plan;
mod reader;
mod swap;
mod target;
mod transactions;

pub use plan::{Cleanable, Lags};
pub(super) use swap::complete_swaps;

use super::layout::FileKind;
use super::{Inner, Log, LogError, ReadError};
use crate::ids::Offset;
use crate::io::{Errno, Instant};
use crate::map::Map;
use offset_map::OffsetMap;
use pass::{Copy, LastBatch, Learn, Terms};
use reader::{Chunk, Reader};
use std::future::Future;
use std::time::Duration;
use target::Target;

/// What a compaction is to do, and with how much.
#[derive(Clone, Copy, Debug)]
pub struct Compaction {
    /// Where the dirty part begins.
    pub first_dirty: Offset,
    /// No segment that ends above is touched.
    pub until: Offset,
    /// Wall clock, milliseconds since 1970.
    pub now_ms: i64,
    pub delete_retention_ms: i64,
    /// Bound of the map of keys.
    pub map_bytes: usize,
    /// How full the map may be.
    pub load_factor: f64,
    /// Bytes read at once.
    pub chunk_bytes: usize,
}

/// What a compaction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Clean up to here: the next one begins there.
    pub up_to: Offset,
    pub stats: Stats,
}

/// Counted over one compaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub keys: u64,
    pub records_read: u64,
    pub records_kept: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
}

/// Measures out the work: called after each chunk with the bytes it moved and the time it took;
/// false ends the compaction.
pub trait Pace {
    fn chunk(&mut self, bytes: u64, took: Duration) -> impl Future<Output = bool>;
}

/// Why a compaction ended early. The log is as it was, up to whole groups of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompactError {
    Log(LogError),
    /// A batch is damaged, or too large to be looked at: somebody must look at the log.
    Uncleanable(Uncleanable),
    /// The map has no room for a single batch's keys.
    MapTooSmall,
    /// Segments were removed or cut meanwhile; the next look finds what is left.
    Moved,
    /// The caller's pace said so.
    Stopped,
}

/// Where a log cannot be compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncleanable {
    /// Base offset of the batch, -1 when not even that can be read.
    pub offset: Offset,
}

impl std::fmt::Display for CompactError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log(error) => write!(f, "{error}"),
            Self::Uncleanable(Uncleanable { offset }) => {
                write!(f, "the batch at offset {offset} is damaged")
            }
            Self::MapTooSmall => write!(
                f,
                "the keys of one batch do not fit; raise log.cleaner.dedupe.buffer.size"
            ),
            Self::Moved => write!(f, "its segments changed meanwhile"),
            Self::Stopped => write!(f, "stopped"),
        }
    }
}

impl std::error::Error for CompactError {}

impl From<LogError> for CompactError {
    fn from(error: LogError) -> CompactError {
        CompactError::Log(error)
    }
}

impl From<Errno> for CompactError {
    fn from(errno: Errno) -> CompactError {
        match errno {
            // Retention took the segment, or the whole folder went.
            Errno::NO_ENTRY => CompactError::Moved,
            errno => CompactError::Log(LogError::of(errno)),
        }
    }
}

impl From<Uncleanable> for CompactError {
    fn from(error: Uncleanable) -> CompactError {
        CompactError::Uncleanable(error)
    }
}

impl From<ReadError> for CompactError {
    fn from(error: ReadError) -> CompactError {
        match error {
            ReadError::Disk(errno) => errno.into(),
            ReadError::Closed => CompactError::Log(LogError::Closed),
            ReadError::Corrupt { first } => Uncleanable { offset: first }.into(),
            ReadError::OutOfRange { .. } => CompactError::Moved,
        }
    }
}

/// A closed segment as it was when the compaction began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    base: Offset,
    /// Offset after the last one it may hold.
    end: Offset,
    size: u32,
}

impl Log {
    /// Compacts the segments up to `work.until`.
    pub async fn compact(
        &self,
        work: &Compaction,
        pace: &mut impl Pace,
    ) -> Result<Compacted, CompactError> {
        let parts = self.0.parts(work.until);
        let learned = self.learn(work, &parts, pace).await?;
        if learned.up_to <= work.first_dirty {
            return match learned.is_full {
                true => Err(CompactError::MapTooSmall),
                false => Err(CompactError::Moved),
            };
        }
        let up_to = learned.up_to;
        let keys = learned.map.len() as u64;
        let terms = Terms {
            now_ms: work.now_ms,
            delete_retention_ms: work.delete_retention_ms,
        };
        let mut copy = learned.into_copy(terms, self.last_batches());
        copy.stats.keys = keys;
        let settings = self.settings();
        let touched = parts.iter().take_while(|part| part.base < up_to);
        let touched: Vec<Part> = touched.copied().collect();
        for group in plan::groups(&touched, &settings) {
            copy = self.replace_group(work, group, copy, pace).await?;
        }
        Ok(Compacted {
            up_to,
            stats: copy.stats,
        })
    }

    async fn learn(
        &self,
        work: &Compaction,
        parts: &[Part],
        pace: &mut impl Pace,
    ) -> Result<Learn, CompactError> {
        let map = OffsetMap::new(work.map_bytes, work.load_factor);
        let mut learn = Learn::new(map, work.first_dirty);
        for part in parts.iter().filter(|part| part.end > work.first_dirty) {
            let aborted = self.aborted_transactions(part.base, part.end).await?;
            learn.transactions.add(&aborted);
            let mut reader = self.reader(part, work).await?;
            while let Some(chunk) = reader.next().await? {
                learn = self
                    .chunk(chunk, pace, move |batches| {
                        learn.feed(batches).map(|()| (learn, 0))
                    })
                    .await?;
                if learn.is_full {
                    return Ok(learn);
                }
            }
            // The rest of its range was compacted away before.
            learn.up_to = part.end;
        }
        Ok(learn)
    }

    /// Puts one new segment with what stays of a few neighbours into their place.
    async fn replace_group(
        &self,
        work: &Compaction,
        group: &[Part],
        copy: Copy,
        pace: &mut impl Pace,
    ) -> Result<Copy, CompactError> {
        let base = group[0].base;
        let copied = self.copy_group(work, group, copy, pace).await;
        if copied.is_err() {
            // Best gone at once, as the disk may be full; the next compaction would see to it too.
            let _ = target::remove(&self.0, base).await;
        }
        copied
    }

    async fn copy_group(
        &self,
        work: &Compaction,
        group: &[Part],
        mut copy: Copy,
        pace: &mut impl Pace,
    ) -> Result<Copy, CompactError> {
        copy.changed = group.len() > 1;
        let mut target = Target::create(&self.0, group[0].base).await?;
        for part in group {
            let aborted = self.aborted_transactions(part.base, part.end).await?;
            copy.transactions.add(&aborted);
            let mut reader = self.reader(part, work).await?;
            while let Some(chunk) = reader.next().await? {
                let out;
                (copy, out) = self
                    .chunk(chunk, pace, move |batches| {
                        let mut out = Vec::with_capacity(batches.len());
                        copy.feed(batches, &mut out)?;
                        let written = out.len() as u64;
                        Ok(((copy, out), written))
                    })
                    .await?;
                target.push(out).await?;
            }
        }
        let kept = copy.transactions.take_kept();
        if copy.changed {
            let cleaned = target.finish(kept).await?;
            self.0.swap(group, cleaned).await?;
        } else {
            drop(target);
            target::remove(&self.0, group[0].base).await?;
        }
        Ok(copy)
    }

    /// One chunk on the worker pool, and the pause after it. `job` returns what it travels with
    /// and the bytes it made.
    async fn chunk<T: Send + 'static>(
        &self,
        chunk: Chunk,
        pace: &mut impl Pace,
        job: impl FnOnce(&[u8]) -> Result<(T, u64), Uncleanable> + Send + 'static,
    ) -> Result<T, CompactError> {
        let runtime = self.storage().runtime();
        let began: Instant = chunk.began;
        let read = chunk.bytes.len() as u64;
        let (done, written) = runtime.work(move || job(&chunk.bytes)).await?;
        let took = runtime.now().since(began);
        match pace.chunk(read + written, took).await {
            true => Ok(done),
            false => Err(CompactError::Stopped),
        }
    }

    async fn reader(&self, part: &Part, work: &Compaction) -> Result<Reader, CompactError> {
        self.0.state.borrow().check_online()?;
        let same = self.0.is_unchanged(part);
        if !same {
            return Err(CompactError::Moved);
        }
        if part.size == 0 {
            return Ok(Reader::empty(self.storage().runtime()));
        }
        let file = self.0.segment_file(part.base, false).await?;
        let runtime = self.storage().runtime();
        Ok(Reader::new(runtime, file, part.size, work.chunk_bytes))
    }

    /// The last batch of each producer, which keeps its sequence.
    fn last_batches(&self) -> Map<i64, LastBatch> {
        self.with_producers(|producers| {
            let entries = producers.entries().into_iter();
            entries
                .map(|(id, entry)| {
                    let last = LastBatch {
                        data_offset: (entry.last_offset() >= 0)
                            .then(|| Offset(entry.last_offset())),
                        producer_epoch: entry.producer_epoch,
                    };
                    (id, last)
                })
                .collect()
        })
    }
}

impl Inner {
    /// The closed segments that end at or below `until`, from the first one on.
    fn parts(&self, until: Offset) -> Vec<Part> {
        let state = self.state.borrow();
        let closed = state.segments.iter().map(|segment| {
            let end = state.segment_end(segment.base);
            let part = Part {
                base: segment.base,
                end,
                size: segment.size,
            };
            (segment.growing.is_none(), part)
        });
        closed
            .take_while(|(is_closed, part)| *is_closed && part.end <= until)
            .map(|(_, part)| part)
            .collect()
    }

    fn is_unchanged(&self, part: &Part) -> bool {
        let state = self.state.borrow();
        let segment = state.segment(part.base);
        segment.is_some_and(|segment| segment.growing.is_none() && segment.size == part.size)
            && state.segment_end(part.base) == part.end
    }
}

/// The files of a cleaned segment; its producer snapshot stays the original's.
const CLEANED_KINDS: [FileKind; 4] = [
    FileKind::Log,
    FileKind::OffsetIndex,
    FileKind::TimeIndex,
    FileKind::TransactionIndex,
];
