//! A segment: one `.log` file of record batches, and while it grows, its indexes.
//!
//! Room:       `log`.
//! Called by:  `Log`, on the shard that owns the partition. Nobody else holds a segment.
//! Calls:      `index`.
//! Never:      sees topics, replicas, clients or the clock. Retention decides, the segment obeys.
//!
//! Always true:
//!   - flushed <= size; bytes below `flushed` are in the file, those above are in the tail.
//!   - an index entry points at the first byte of a batch, or the index is rebuilt.
//!   - only the segments that were not closed yet have a `Growth`; its file may end in zeros.
//!
//! ```text
//!   0                        flushed          size
//!   ├── batch ── batch ──┼── batch ──┼── batch ──┤   file, then tail
//! ```

use super::LogSettings;
use super::batch::BatchInfo;
use super::index::{AbortedTransaction, OffsetEntry, OffsetIndex, TimeEntry, TimeIndex};
use crate::ids::Offset;
use crate::io::Slice;
use ottla_protocol::record_batch::NO_TIMESTAMP;
use std::ops::{Deref, DerefMut};

#[derive(Debug)]
pub(super) struct Segment {
    pub base: Offset,
    /// Bytes of batches, those still in the tail included.
    pub size: u32,
    /// Bytes of batches in the file.
    pub flushed: u32,
    pub has_file: bool,
    /// `None` until somebody asked: the last entry of the time index knows.
    pub max_timestamp: Option<TimeMark>,
    pub growing: Option<Growth>,
}

/// The largest timestamp of a segment and the last offset of the batch it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeMark {
    /// Milliseconds since 1970, -1 when no record has one.
    pub timestamp: i64,
    pub offset: Offset,
}

/// `Growing` as it begins, until its first change: a segment without a batch, which is all that
/// most partitions of a large broker have, takes no memory for it.
#[derive(Debug, Default)]
pub(super) struct Growth(Option<Box<Growing>>);

impl Deref for Growth {
    type Target = Growing;

    fn deref(&self) -> &Growing {
        const BEGUN: &Growing = &Growing::begun();
        self.0.as_deref().unwrap_or(BEGUN)
    }
}

impl DerefMut for Growth {
    fn deref_mut(&mut self) -> &mut Growing {
        self.0.get_or_insert_with(|| Box::new(Growing::begun()))
    }
}

/// What only a segment that still grows needs.
#[derive(Debug)]
pub(super) struct Growing {
    pub offset_index: OffsetIndex,
    pub time_index: TimeIndex,
    /// All aborted transactions that ended here; few, so they stay until the segment is closed.
    pub aborted: Vec<AbortedTransaction>,
    /// They are not (all) in the `.txnindex` yet.
    pub aborted_dirty: bool,
    pub bytes_since_entry: u32,
    /// Max timestamp of the first batch; decides the roll by time.
    pub first_timestamp: Option<i64>,
    /// The last, partly filled block of the file, which the next flush writes again.
    pub partial: Option<Slice>,
    /// Bytes of file space taken ahead.
    pub allocated: u32,
    /// Zeros follow the last batch, up to the end of its block.
    pub padded: bool,
    /// State of the producers at `base`, to be written beside the segment.
    pub snapshot: Option<Vec<u8>>,
}

impl Growing {
    const fn begun() -> Growing {
        Growing {
            offset_index: OffsetIndex::new(),
            time_index: TimeIndex::new(),
            aborted: Vec::new(),
            aborted_dirty: false,
            bytes_since_entry: 0,
            first_timestamp: None,
            partial: None,
            allocated: 0,
            padded: false,
            snapshot: None,
        }
    }
}

impl Segment {
    /// An empty segment at `base`, without a file yet.
    pub fn new(base: Offset) -> Segment {
        Segment {
            base,
            size: 0,
            flushed: 0,
            has_file: false,
            max_timestamp: Some(TimeMark::NONE),
            growing: Some(Growth::default()),
        }
    }

    /// A closed segment found on disk.
    pub fn closed(base: Offset, size: u32) -> Segment {
        Segment {
            base,
            size,
            flushed: size,
            has_file: true,
            max_timestamp: None,
            growing: None,
        }
    }

    /// Its file ends in zeros.
    pub fn is_padded(&self) -> bool {
        let growing = self.growing.as_ref();
        growing.is_some_and(|growing| growing.padded)
    }

    pub fn relative(&self, offset: Offset) -> u32 {
        (offset.0 - self.base.0).clamp(0, i64::from(i32::MAX)) as u32
    }

    /// Whether a batch must open the next segment, by the rules of Kafka's `LogSegment.shouldRoll`.
    pub fn should_roll(&self, info: &BatchInfo, settings: &LogSettings, roll_ms: i64) -> bool {
        let Some(growing) = &self.growing else {
            return true;
        };
        if self.size == 0 {
            return false;
        }
        let full = u64::from(self.size) + info.size() as u64 > u64::from(settings.segment_bytes);
        let index_full = (growing.offset_index.len() + 1) * 8 > settings.index_bytes as usize
            || (growing.time_index.len() + 2) * 12 > settings.index_bytes as usize;
        let offset_overflow = info.last_offset().0 - self.base.0 > i64::from(i32::MAX);
        let old = match growing.first_timestamp {
            Some(first) if first >= 0 && info.header.max_timestamp >= 0 => {
                info.header.max_timestamp.saturating_sub(first) > roll_ms
            }
            _ => false,
        };
        full || index_full || offset_overflow || old
    }

    /// Takes note of a batch that now lies at the end of the segment.
    pub fn note(&mut self, info: &BatchInfo, settings: &LogSettings) {
        let last = self.relative(info.last_offset());
        let position = self.size;
        let mark = self.max_timestamp.get_or_insert(TimeMark::NONE);
        mark.raise(info);
        let mark = *mark;
        let time = TimeEntry {
            timestamp: mark.timestamp,
            relative_offset: self.relative(mark.offset),
        };
        let growing = self.growing.as_mut().expect("only the last segment grows");
        growing
            .first_timestamp
            .get_or_insert(info.header.max_timestamp);
        if growing.bytes_since_entry > index_interval(position, settings) {
            growing.offset_index.append(OffsetEntry {
                relative_offset: last,
                position,
            });
            growing.time_index.maybe_append(time);
            growing.bytes_since_entry = 0;
        }
        growing.bytes_since_entry = growing.bytes_since_entry.saturating_add(info.size() as u32);
        self.size = position + info.size() as u32;
    }

    /// The next batch gets an index entry: what lies before it could not be hopped over.
    pub fn expect_entry(&mut self) {
        if let Some(growing) = &mut self.growing {
            growing.bytes_since_entry = u32::MAX;
        }
    }

    /// The last entry of the time index: the segment's largest timestamp.
    pub fn finish_time_index(&mut self) {
        let mark = self.max_timestamp.unwrap_or(TimeMark::NONE);
        let relative_offset = self.relative(mark.offset);
        if let Some(growing) = &mut self.growing {
            growing.time_index.maybe_append(TimeEntry {
                timestamp: mark.timestamp,
                relative_offset,
            });
        }
    }
}

impl TimeMark {
    pub const NONE: TimeMark = TimeMark {
        timestamp: NO_TIMESTAMP,
        offset: Offset(-1),
    };

    /// Takes note of a batch behind those seen before.
    pub fn raise(&mut self, info: &BatchInfo) {
        if info.header.max_timestamp > self.timestamp {
            *self = TimeMark {
                timestamp: info.header.max_timestamp,
                offset: info.last_offset(),
            };
        }
    }
}

/// Bytes between two index entries. Dense at the segment's start, so that small segments are not
/// without entries; 64 KiB later, so that 1 GiB of batches needs 128 KiB of memory, not 2 MiB: a
/// lookup then reads one block of the cache instead of a sixteenth.
pub(super) fn index_interval(position: u32, settings: &LogSettings) -> u32 {
    (position / 64).clamp(
        settings.index_interval_bytes,
        INDEX_INTERVAL_MAX.max(settings.index_interval_bytes),
    )
}

const INDEX_INTERVAL_MAX: u32 = 64 << 10;
