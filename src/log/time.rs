//! Finding records by their timestamps (ListOffsets).
//!
//! Room:       `log`.
//! Called by:  `partition`.
//! Calls:      `read` for batches, the worker pool to decompress.
//! Never:      decompresses on the shard.

use super::index::time;
use super::scan::{Found, HEADER_WINDOW_BYTES, NO_CHECK, Scanner};
use super::segment::TimeMark;
use super::{BatchInfo, Inner, Log, ReadError};
use crate::ids::Offset;
use crate::io::{Errno, Slice};
use ottla_protocol::record_batch::{
    Batch, Batches, Compression, Records, TimestampType, decompress,
};

impl Log {
    /// The first record in `log start..limit` whose timestamp is at or after `at` (milliseconds
    /// since 1970): its offset and timestamp.
    pub async fn offset_for_timestamp(
        &self,
        at: i64,
        limit: Offset,
    ) -> Result<Option<(Offset, i64)>, ReadError> {
        for base in self.0.bases() {
            let end = self.0.state.borrow().segment_end(base).min(limit);
            if end <= self.log_start_offset() {
                continue;
            }
            let mark = self.0.time_mark(base).await.map_err(ReadError::Disk)?;
            if mark.timestamp < at {
                continue;
            }
            let older = self.0.older_than(base, at).await.map_err(ReadError::Disk)?;
            let from = older.max(base).max(self.log_start_offset());
            if let Some(found) = self.search(from, end, at).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first of the records with the largest timestamp below `limit`: offset and timestamp.
    pub async fn max_timestamp(&self, limit: Offset) -> Result<Option<(Offset, i64)>, ReadError> {
        let mut largest = TimeMark::NONE;
        for base in self.0.bases() {
            let mark = self.0.time_mark(base).await.map_err(ReadError::Disk)?;
            if mark.timestamp > largest.timestamp {
                largest = mark;
            }
        }
        if largest.timestamp < 0 || largest.offset < self.log_start_offset() {
            return Ok(None);
        }
        let end = self.log_end_offset();
        let found = self.search(largest.offset, end, largest.timestamp).await?;
        Ok(found.filter(|(offset, _)| *offset < limit))
    }

    /// Walks batches from `from` to `end` for the first record at or after `at`.
    async fn search(
        &self,
        from: Offset,
        end: Offset,
        at: i64,
    ) -> Result<Option<(Offset, i64)>, ReadError> {
        let mut next = from;
        while next < end {
            let slices = self.read_all(next, end, SEARCH_BYTES, true).await?;
            let bytes = contiguous(&slices);
            if bytes.is_empty() {
                return Ok(None);
            }
            for batch in Batches::new(&bytes) {
                let corrupt = ReadError::Corrupt { first: next };
                let batch = batch.map_err(|_| corrupt)?;
                next = Offset(batch.header.next_offset());
                if batch.header.max_timestamp < at {
                    continue;
                }
                let lowest = self
                    .log_start_offset()
                    .max(Offset(batch.header.base_offset));
                let found = self.first_record(&batch, lowest, at).await;
                if let Some(found) = found.map_err(|()| corrupt)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    async fn first_record(
        &self,
        batch: &Batch<'_>,
        lowest: Offset,
        at: i64,
    ) -> Result<Option<(Offset, i64)>, ()> {
        let header = batch.header;
        if header.attributes.timestamp_type() == TimestampType::LogAppendTime {
            return Ok(Some((lowest, header.max_timestamp)));
        }
        let codec = header.attributes.codec().map_err(|_| ())?;
        if codec == Compression::None {
            return first_of(Records::of(batch), &header, lowest, at);
        }
        let packed = batch.records_bytes().to_vec();
        let runtime = self.storage().runtime();
        runtime
            .work(move || {
                let mut records = Vec::new();
                decompress(codec, &packed, RECORDS_BYTES_MAX, &mut records).map_err(|_| ())?;
                first_of(
                    Records::new(&records, header.records_count),
                    &header,
                    lowest,
                    at,
                )
            })
            .await
    }
}

fn first_of(
    records: Records<'_>,
    header: &ottla_protocol::record_batch::BatchHeader,
    lowest: Offset,
    at: i64,
) -> Result<Option<(Offset, i64)>, ()> {
    for record in records {
        let record = record.map_err(|_| ())?;
        let offset = Offset(header.base_offset + i64::from(record.offset_delta));
        // With a delete horizon (KIP-534) deltas still count from the first timestamp.
        let timestamp = header.base_timestamp.wrapping_add(record.timestamp_delta);
        if timestamp >= at && offset >= lowest {
            return Ok(Some((offset, timestamp)));
        }
    }
    Ok(None)
}

fn contiguous(slices: &[Slice]) -> Slice {
    match slices {
        [] => Slice::empty(),
        [one] => one.clone(),
        many => Slice::from(many.concat()),
    }
}

impl Inner {
    fn bases(&self) -> Vec<Offset> {
        let state = self.state.borrow();
        state.segments.iter().map(|segment| segment.base).collect()
    }

    /// An offset of the segment up to which all records are older than `at`.
    async fn older_than(&self, base: Offset, at: i64) -> Result<Offset, Errno> {
        let (recent, on_file, size) = {
            let state = self.state.borrow();
            let Some(segment) = state.segment(base) else {
                return Ok(base);
            };
            let size = segment.flushed;
            match &segment.growing {
                Some(growing) => (
                    time::lookup(&growing.time_index.recent, at),
                    growing.time_index.on_file > 0,
                    size,
                ),
                None => (None, true, size),
            }
        };
        let mut entry = recent;
        if entry.is_none() && on_file {
            let (_, times, whole) = self.load_indexes(base, size).await?;
            entry = time::lookup(&times, at).filter(|_| whole);
        }
        let older = entry.map_or(0, |entry| i64::from(entry.relative_offset) + 1);
        Ok(base.plus(older))
    }

    /// Finds the active segment's largest timestamp anew, after its end was cut in memory.
    pub(super) async fn remark_active(&self) -> Result<(), Errno> {
        let (base, size, recent, on_file) = {
            let state = self.state.borrow();
            let segment = state.active();
            let times = segment.growing.as_ref().map(|g| &g.time_index);
            let recent = times.and_then(|times| times.recent.last().copied());
            let on_file = times.map_or(0, |times| times.on_file as usize);
            (segment.base, segment.flushed, recent, on_file)
        };
        let mut last = recent;
        if last.is_none() && on_file > 0 {
            let (_, mut times, _) = self.load_indexes(base, size).await?;
            times.truncate(on_file);
            last = times.pop();
        }
        let mut mark = last.map_or(TimeMark::NONE, |entry| TimeMark {
            timestamp: entry.timestamp,
            offset: base.plus(i64::from(entry.relative_offset)),
        });
        if size > 0 {
            let mut scanner = self.scanner_from(base, mark.offset.max(base), size).await?;
            while let Found::Batch { info, .. } = scanner.next(NO_CHECK).await? {
                mark.raise(&info);
            }
        }
        let mut state = self.state.borrow_mut();
        let first = state.tail.index_of(state.flushed.max(base));
        for entry in state.tail.range(first) {
            if let Ok(info) = BatchInfo::parse(&entry.slice) {
                mark.raise(&info);
            }
        }
        let segment = state.active_mut();
        segment.max_timestamp = Some(mark);
        if let Some(growing) = &mut segment.growing {
            growing.time_index.last = last;
        }
        Ok(())
    }

    /// The largest timestamp of a segment without a time index.
    pub(super) async fn scan_time_mark(&self, base: Offset, size: u32) -> Result<TimeMark, Errno> {
        let mut mark = TimeMark::NONE;
        if size == 0 {
            return Ok(mark);
        }
        let file = self.segment_file(base, false).await?;
        let mut scanner = Scanner::new(file, 0, u64::from(size), HEADER_WINDOW_BYTES);
        let mut expected = base;
        loop {
            match scanner.next_above(expected).await? {
                Found::Batch { info, .. } => {
                    expected = info.next_offset();
                    mark.raise(&info);
                }
                Found::Garbage if scanner.resync(expected).await?.is_some() => {}
                Found::Garbage | Found::End => return Ok(mark),
            }
        }
    }
}

/// One read of a search; index entries are at most 64 KiB apart.
const SEARCH_BYTES: usize = 128 << 10;
/// As large as a batch may become that was accepted (see `record_batch::WalkLimits`).
const RECORDS_BYTES_MAX: u64 = 256 << 20;
