//! What index files tell of a segment, so that not all of it must be read.
//!
//! Room:       `log`.
//! Called by:  `recovery` when a log is opened; `truncate`, `read` and others for one segment.
//! Calls:      `index` to parse, `scan` for the batch that must confirm an entry.
//! Never:      begins a scan at an index entry that no batch confirms: it begins at the start then.

use super::Look;
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::index::{OffsetEntry, TimeEntry, offset, time, transaction};
use crate::log::layout::FileKind;
use crate::log::scan::{Found, HEADER_WINDOW_BYTES, NO_CHECK, Scanner};
use crate::log::segment::{Segment, TimeMark};
use crate::log::{AbortedTransaction, BatchInfo, Inner};

/// Kafka's are at most `segment.index.bytes`, 10 MiB by default.
const INDEX_FILE_BYTES_MAX: usize = 64 << 20;

/// A batch that an index entry points at, and what the index files hold.
struct IndexStart {
    at: BatchInfo,
    position: u32,
    entries: Vec<OffsetEntry>,
    times: Vec<TimeEntry>,
}

impl Inner {
    /// The part of a segment before what is scanned, from its index files, and the offset from
    /// which on is scanned.
    pub(super) async fn begin_segment(
        &self,
        base: Offset,
        look: &Look,
        length: u32,
        scanner: &mut Scanner,
    ) -> Result<(Segment, Offset), Errno> {
        let mut segment = Segment::new(base);
        segment.has_file = true;
        let in_file = self.load_aborted(base, Offset(i64::MAX)).await?;
        if let Some(growing) = &mut segment.growing {
            let known = in_file.iter().copied();
            growing.aborted = known
                .filter(|entry| entry.last_offset < look.learn_from)
                .collect();
            // What the file has beyond may be of batches that are gone.
            growing.aborted_dirty = growing.aborted.len() < in_file.len();
        }
        let Some(start) = self.index_start(base, look.from, length, scanner).await? else {
            return Ok((segment, base));
        };
        let first = match scanner.look(0, NO_CHECK).await? {
            Found::Batch { info, .. } => info,
            _ => return Ok((segment, base)),
        };
        let IndexStart {
            at,
            position,
            entries,
            times,
        } = start;
        let start_offset = segment.relative(at.base_offset());
        let times_before = times.partition_point(|entry| entry.relative_offset < start_offset);
        let last_time = times[..times_before].last().copied();
        segment.size = position;
        segment.expect_entry();
        if let Some(entry) = last_time {
            segment.max_timestamp = Some(TimeMark {
                timestamp: entry.timestamp,
                offset: base.plus(i64::from(entry.relative_offset)),
            });
        }
        if let Some(growing) = &mut segment.growing {
            let before = entries.partition_point(|entry| entry.position < position);
            growing.offset_index.on_file = before as u32;
            growing.time_index.on_file = times_before as u32;
            growing.time_index.last = last_time;
            growing.first_timestamp = Some(first.header.max_timestamp);
        }
        Ok((segment, at.base_offset()))
    }

    /// An intact segment's state as a scan finds it, after its file was cut at `size`.
    pub(in crate::log) async fn survey(&self, base: Offset, size: u32) -> Result<Segment, Errno> {
        let end = Offset(i64::MAX);
        let look = Look {
            from: end,
            check_from: NO_CHECK,
            learn_from: end,
            next_base: None,
        };
        let file = self.segment_file(base, false).await?;
        let mut scanner = Scanner::new(file, 0, u64::from(size), HEADER_WINDOW_BYTES);
        let begun = self.begin_segment(base, &look, size, &mut scanner);
        let (mut segment, mut expected) = begun.await?;
        scanner.go_to(u64::from(segment.size));
        let settings = self.state.borrow().settings.clone();
        while segment.size < size {
            match scanner.next_above(expected).await? {
                Found::Batch { info, position, .. } => {
                    segment.size = position as u32;
                    segment.note(&info, &settings);
                    expected = info.next_offset();
                }
                Found::Garbage if scanner.resync(expected).await?.is_some() => {
                    segment.size = scanner.position() as u32;
                    segment.expect_entry();
                }
                Found::Garbage | Found::End => break,
            }
        }
        segment.size = size;
        segment.flushed = size;
        let end = self.state.borrow().log_end;
        if let Some(growing) = &mut segment.growing {
            growing.aborted.retain(|entry| entry.last_offset < end);
        }
        Ok(segment)
    }

    /// Cuts the index files to what the segment counts on: entries beyond may be of batches that
    /// are gone, and a later start could take them for true.
    pub(in crate::log) async fn trim_indexes(&self, segment: &Segment) -> Result<(), Errno> {
        let growing = segment.growing.as_ref();
        let offsets = growing.map_or(0, |growing| growing.offset_index.on_file);
        let times = growing.map_or(0, |growing| growing.time_index.on_file);
        let (base, nothing) = (segment.base, Vec::new);
        let length = u64::from(offsets) * offset::ENTRY_BYTES as u64;
        self.write_index(base, FileKind::OffsetIndex, length, nothing())
            .await?;
        let length = u64::from(times) * time::ENTRY_BYTES as u64;
        self.write_index(base, FileKind::TimeIndex, length, nothing())
            .await
    }

    /// The index entry from which to look for `from`, if the index files are whole and a batch
    /// confirms the entry.
    async fn index_start(
        &self,
        base: Offset,
        from: Offset,
        length: u32,
        scanner: &mut Scanner,
    ) -> Result<Option<IndexStart>, Errno> {
        let (entries, times, whole) = self.load_indexes(base, length).await?;
        let relative = (from.0 - base.0).clamp(0, i64::from(u32::MAX)) as u32;
        let Some(entry) = offset::lookup(&entries, relative).filter(|_| whole) else {
            return Ok(None);
        };
        let found = scanner.look(u64::from(entry.position), NO_CHECK).await?;
        let last = base.plus(i64::from(entry.relative_offset));
        Ok(match found {
            Found::Batch { info, .. } if info.last_offset() == last => Some(IndexStart {
                at: info,
                position: entry.position,
                entries,
                times,
            }),
            _ => None,
        })
    }

    /// A scanner that begins at the index entry before `from`, or at the segment's start.
    pub(in crate::log) async fn scanner_from(
        &self,
        base: Offset,
        from: Offset,
        size: u32,
    ) -> Result<Scanner, Errno> {
        let file = self.segment_file(base, false).await?;
        let mut scanner = Scanner::new(file, 0, u64::from(size), HEADER_WINDOW_BYTES);
        if let Some(start) = self.index_start(base, from, size, &mut scanner).await? {
            scanner.go_to(u64::from(start.position));
        }
        Ok(scanner)
    }

    /// Entries of the index files, and whether both are there and whole.
    pub(in crate::log) async fn load_indexes(
        &self,
        base: Offset,
        size: u32,
    ) -> Result<(Vec<OffsetEntry>, Vec<TimeEntry>, bool), Errno> {
        let offsets = self.read_index(base, FileKind::OffsetIndex).await?;
        let times = self.read_index(base, FileKind::TimeIndex).await?;
        let (Some(offsets), Some(times)) = (offsets, times) else {
            return Ok((Vec::new(), Vec::new(), false));
        };
        let (offsets, offsets_whole) = offset::parse(&offsets, u64::from(size));
        let (times, times_whole) = time::parse(&times);
        Ok((offsets, times, offsets_whole && times_whole))
    }

    /// Aborted transactions in the segment's `.txnindex` whose markers lie below `end`.
    pub(in crate::log) async fn load_aborted(
        &self,
        base: Offset,
        end: Offset,
    ) -> Result<Vec<AbortedTransaction>, Errno> {
        let bytes = self.read_index(base, FileKind::TransactionIndex).await?;
        let (entries, _) = transaction::parse(&bytes.unwrap_or_default(), base, end);
        Ok(entries)
    }

    /// An index file's bytes; `None` when there is none, or one too large to be one.
    pub(in crate::log) async fn read_index(
        &self,
        base: Offset,
        kind: FileKind,
    ) -> Result<Option<Vec<u8>>, Errno> {
        let path = self.path(base, kind);
        let runtime = &self.storage.0.runtime;
        match runtime.read_file(&path, INDEX_FILE_BYTES_MAX).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Errno::NO_ENTRY | Errno(libc::EFBIG)) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}
