//! The walk over a batch's records that a broker owes before it acknowledges them.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  `validate`: on the shard for uncompressed batches, on the worker pool for others.
//! Calls:      `compression` for content, in pieces of 16 KiB.
//! Never:      builds a record, keeps more than one piece, or trusts a count.

use super::compression::{Compression, DecompressError, Decompressor};
use super::header::{BatchHeader, NO_TIMESTAMP, TimestampType};
use super::record::{RecordError, zigzag};
use super::refused::{Refusal, RefusedRecords};
use super::validate::InvalidBatch;

/// What the topic asks of each record.
#[derive(Clone, Copy, Debug)]
pub struct WalkLimits {
    /// The most bytes that compressed records may become.
    pub decompressed_bytes_max: u64,
    /// A compacted topic takes no record without a key.
    pub key_required: bool,
    /// `message.timestamp.type` of the topic: with `LogAppendTime` the client's times don't matter.
    pub timestamp_type: TimestampType,
    /// Record timestamps outside are refused (`message.timestamp.{before,after}.max.ms`, KIP-937),
    /// in milliseconds since the epoch, both inclusive. A record without timestamp passes.
    pub timestamp_min: i64,
    pub timestamp_max: i64,
}

impl Default for WalkLimits {
    fn default() -> Self {
        Self {
            decompressed_bytes_max: 256 << 20,
            key_required: false,
            timestamp_type: TimestampType::CreateTime,
            timestamp_min: i64::MIN,
            timestamp_max: i64::MAX,
        }
    }
}

/// What only a walk can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The largest timestamp of a record, milliseconds; -1 when none has one.
    pub max_timestamp: i64,
    /// Offset delta of the first record with that timestamp.
    pub max_timestamp_offset_delta: i32,
    /// Bytes of the records after decompression.
    pub records_bytes: u64,
}

/// Walks the records of a batch whose header was checked; `records` are the bytes after it.
///
/// # Errors
/// What a broker must refuse, as Kafka's `LogValidator` finds it: the first thing that is wrong
/// with the bytes, else all records that the topic does not take.
pub fn walk(
    header: &BatchHeader,
    records: &[u8],
    limits: &WalkLimits,
) -> Result<Walked, InvalidBatch> {
    let codec = header
        .attributes
        .codec()
        .map_err(|id| InvalidBatch::Codec { id })?;
    if codec == Compression::None {
        let source = Slice {
            bytes: records,
            length: records.len(),
        };
        return walk_source(header, source, limits);
    }
    let from = Decompressor::new(codec, records, limits.decompressed_bytes_max);
    let from = from.map_err(|cause| refused(0, Fault::Content(cause)))?;
    walk_source(header, Stream::new(from), limits)
}

fn walk_source(
    header: &BatchHeader,
    mut source: impl Source,
    limits: &WalkLimits,
) -> Result<Walked, InvalidBatch> {
    let mut walked = Walked {
        max_timestamp: NO_TIMESTAMP,
        max_timestamp_offset_delta: 0,
        records_bytes: 0,
    };
    let mut refusals = RefusedRecords::none();
    // Kafka takes it where the topic has CreateTime, as if each record had the batch's time.
    let claims_append_time = header.attributes.timestamp_type() == TimestampType::LogAppendTime;
    for index in 0..header.records_count {
        let seen = walk_record(&mut source).map_err(|fault| refused(index, fault))?;
        if seen.offset_delta != index {
            let cause = RecordError::OffsetDelta {
                expected: index,
                found: seen.offset_delta,
            };
            return Err(InvalidBatch::Record { index, cause });
        }
        if limits.key_required && !seen.has_key {
            refusals.push(index, Refusal::KeyMissing);
            continue;
        }
        let timestamp = match claims_append_time {
            true => header.max_timestamp,
            false => header.base_timestamp.wrapping_add(seen.timestamp_delta),
        };
        if limits.timestamp_type == TimestampType::CreateTime && timestamp != NO_TIMESTAMP {
            let allowed = limits.timestamp_min..=limits.timestamp_max;
            if !allowed.contains(&timestamp) {
                refusals.push(index, Refusal::Timestamp);
                continue;
            }
        } else if claims_append_time {
            refusals.push(index, Refusal::TimestampType);
            continue;
        }
        if timestamp > walked.max_timestamp {
            walked.max_timestamp = timestamp;
            walked.max_timestamp_offset_delta = index;
        }
    }
    let count = header.records_count;
    if !source.is_empty().map_err(|fault| refused(count, fault))? {
        return Err(InvalidBatch::Record {
            index: count,
            cause: RecordError::BytesOver,
        });
    }
    walked.records_bytes = source.consumed();
    match refusals.records.is_empty() {
        true => Ok(walked),
        false => Err(InvalidBatch::Refused(refusals)),
    }
}

fn walk_record(source: &mut impl Source) -> Result<Seen, Fault> {
    if let Some((seen, length)) = plain_record(source.ahead()) {
        source.skip(length as u64)?;
        return Ok(seen);
    }
    let length = u64::try_from(varint(source)?).map_err(|_| RecordError::Length)?;
    let end = source.consumed() + length;
    source.skip(1)?; // attributes
    let timestamp_delta = zigzag(raw_varint(source, 10)?);
    let offset_delta = varint(source)?;
    let has_key = skip_field(source, end)?;
    skip_field(source, end)?;
    let headers = varint(source)?;
    if headers < 0 || u64::from(headers as u32) > end.saturating_sub(source.consumed()) {
        return Err(RecordError::Headers.into());
    }
    for _ in 0..headers {
        if !skip_field(source, end)? {
            return Err(RecordError::Length.into());
        }
        skip_field(source, end)?;
    }
    if source.consumed() != end {
        return Err(RecordError::Length.into());
    }
    Ok(Seen {
        timestamp_delta,
        offset_delta,
        has_key,
    })
}

/// A record as nearly all are: whole in `bytes`, small numbers, no headers. With its length. `None`
/// is no verdict, only a case for the careful way, which also finds what is wrong.
///
/// A third of the broker's CPU per 100 B record went into reading these bytes one by one. Branches
/// on each number's size are nearly always foreseen, so that the next number, and the next record,
/// are read before this one is done; arithmetic over eight bytes at once, without branches, made a
/// chain of waits and took three times as long.
#[inline(always)]
fn plain_record(bytes: &[u8]) -> Option<(Seen, usize)> {
    let (length, at) = short_varint(bytes, 0)?;
    let end = at + usize::try_from(length).ok()?;
    let record = bytes.get(..end)?;
    let (timestamp_delta, at) = short_varint(record, at + 1)?; // behind the attributes
    let (offset_delta, at) = short_varint(record, at)?;
    let (key_length, at) = short_varint(record, at)?;
    let at = at + key_length.max(0) as usize;
    let (value_length, at) = short_varint(record, at)?;
    let at = at + value_length.max(0) as usize;
    if record.get(at) != Some(&0) || at + 1 != end {
        return None;
    }
    let seen = Seen {
        timestamp_delta: i64::from(timestamp_delta),
        offset_delta,
        has_key: key_length >= 0,
    };
    Some((seen, end))
}

/// A number of at most four bytes at `at`, and where it ends.
#[inline(always)]
fn short_varint(bytes: &[u8], at: usize) -> Option<(i32, usize)> {
    let mut raw = 0;
    for n in 0..4 {
        let byte = u32::from(*bytes.get(at + n)?);
        raw |= (byte & 0x7f) << (7 * n);
        if byte < 0x80 {
            return Some((zigzag(u64::from(raw)) as i32, at + n + 1));
        }
    }
    None
}

/// Skips a length-prefixed field of a record that ends at `end`; false when the field is null.
#[inline]
fn skip_field(source: &mut impl Source, end: u64) -> Result<bool, Fault> {
    let Ok(length) = u64::try_from(varint(source)?) else {
        return Ok(false);
    };
    if length > end.saturating_sub(source.consumed()) {
        return Err(RecordError::Length.into());
    }
    source.skip(length)?;
    Ok(true)
}

#[inline]
fn varint(source: &mut impl Source) -> Result<i32, Fault> {
    raw_varint(source, 5).map(|raw| zigzag(u64::from(raw as u32)) as i32)
}

#[inline]
fn raw_varint(source: &mut impl Source, bytes_max: u32) -> Result<u64, Fault> {
    let first = source.byte()?;
    if first < 0x80 {
        return Ok(u64::from(first));
    }
    let mut raw = u64::from(first & 0x7f);
    for n in 1..bytes_max {
        let byte = source.byte()?;
        raw |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Ok(raw);
        }
    }
    Err(RecordError::Varint.into())
}

/// What the walk keeps of one record.
struct Seen {
    timestamp_delta: i64,
    offset_delta: i32,
    has_key: bool,
}

enum Fault {
    Record(RecordError),
    Content(DecompressError),
}

impl From<RecordError> for Fault {
    fn from(cause: RecordError) -> Self {
        Self::Record(cause)
    }
}

fn refused(index: i32, fault: Fault) -> InvalidBatch {
    match fault {
        Fault::Record(cause) => InvalidBatch::Record { index, cause },
        Fault::Content(DecompressError::Corrupt) => InvalidBatch::Content,
        Fault::Content(DecompressError::TooLarge { limit }) => {
            InvalidBatch::DecompressedTooLarge { max: limit }
        }
    }
}

/// Where record bytes come from: eaten front to back, never kept.
trait Source {
    fn byte(&mut self) -> Result<u8, Fault>;
    fn skip(&mut self, bytes: u64) -> Result<(), Fault>;
    fn is_empty(&mut self) -> Result<bool, Fault>;
    /// Bytes eaten so far.
    fn consumed(&self) -> u64;
    /// The next bytes as far as they lie in memory in one piece; perhaps none.
    fn ahead(&self) -> &[u8];
}

struct Slice<'a> {
    bytes: &'a [u8],
    length: usize,
}

impl Source for Slice<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.bytes.split_first().ok_or(RecordError::Truncated)?;
        self.bytes = rest;
        Ok(*first)
    }

    #[inline]
    fn skip(&mut self, bytes: u64) -> Result<(), Fault> {
        let bytes = usize::try_from(bytes).map_err(|_| RecordError::Truncated)?;
        self.bytes = self.bytes.get(bytes..).ok_or(RecordError::Truncated)?;
        Ok(())
    }

    fn is_empty(&mut self) -> Result<bool, Fault> {
        Ok(self.bytes.is_empty())
    }

    #[inline]
    fn consumed(&self) -> u64 {
        (self.length - self.bytes.len()) as u64
    }

    #[inline]
    fn ahead(&self) -> &[u8] {
        self.bytes
    }
}

struct Stream<'a> {
    from: Decompressor<'a>,
    piece: Vec<u8>,
    position: usize,
    /// Bytes of all pieces before this one.
    before: u64,
}

impl<'a> Stream<'a> {
    fn new(from: Decompressor<'a>) -> Self {
        Self {
            from,
            piece: Vec::with_capacity(PIECE_BYTES),
            position: 0,
            before: 0,
        }
    }

    /// Reads the next piece; false at the end of the content.
    fn refill(&mut self) -> Result<bool, Fault> {
        self.before += self.piece.len() as u64;
        self.position = 0;
        self.piece.resize(PIECE_BYTES, 0);
        let read = self.from.read(&mut self.piece);
        self.piece.truncate(*read.as_ref().unwrap_or(&0));
        read.map(|read| read > 0).map_err(Fault::Content)
    }
}

impl Source for Stream<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        if self.position == self.piece.len() && !self.refill()? {
            return Err(RecordError::Truncated.into());
        }
        let byte = self.piece[self.position];
        self.position += 1;
        Ok(byte)
    }

    fn skip(&mut self, mut bytes: u64) -> Result<(), Fault> {
        loop {
            let here = bytes.min((self.piece.len() - self.position) as u64);
            self.position += here as usize;
            bytes -= here;
            if bytes == 0 {
                return Ok(());
            }
            if !self.refill()? {
                return Err(RecordError::Truncated.into());
            }
        }
    }

    fn is_empty(&mut self) -> Result<bool, Fault> {
        Ok(self.position == self.piece.len() && !self.refill()?)
    }

    fn consumed(&self) -> u64 {
        self.before + self.position as u64
    }

    #[inline]
    fn ahead(&self) -> &[u8] {
        &self.piece[self.position..]
    }
}

/// What is decompressed at a time.
const PIECE_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::super::refused::REFUSED_RECORDS_MAX;
    use super::super::{Batch, BatchBuilder, BatchOptions};
    use super::*;

    #[test]
    fn the_walk_finds_the_first_largest_timestamp() {
        for codec in Compression::ALL {
            let mut builder = BatchBuilder::new(BatchOptions {
                codec,
                ..Default::default()
            });
            for timestamp in [100, 300, 50, 300] {
                builder.append(timestamp, None, Some(&[b'x'; 10_000]), &[("h", Some(b"v"))]);
            }
            let bytes = builder.finish();
            let batch = Batch::parse(&bytes).unwrap();
            let limits = WalkLimits::default();
            let walked = walk(&batch.header, batch.records_bytes(), &limits).unwrap();
            assert_eq!(walked.max_timestamp, 300);
            assert_eq!(walked.max_timestamp_offset_delta, 1);
            assert!(walked.records_bytes > 40_000);
        }
    }

    #[test]
    fn keys_and_timestamps_are_judged_as_the_topic_asks() {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(100, Some(b"k"), None, &[]);
        builder.append(200, None, Some(b"v"), &[]);
        builder.append(150, None, Some(b"v"), &[]);
        builder.append(201, Some(b"k"), Some(b"v"), &[]);
        let bytes = builder.finish();
        let batch = Batch::parse(&bytes).unwrap();
        let with = |limits| match walk(&batch.header, batch.records_bytes(), &limits) {
            Ok(_) => Vec::new(),
            Err(refused) => refused
                .into_records()
                .iter()
                .map(|record| (record.index, record.why))
                .collect(),
        };
        let keyed = WalkLimits {
            key_required: true,
            ..Default::default()
        };
        let missing = |index| (index, Refusal::KeyMissing);
        assert_eq!(with(keyed), [missing(1), missing(2)]);
        let early = WalkLimits {
            timestamp_max: 199,
            ..Default::default()
        };
        let late = |index| (index, Refusal::Timestamp);
        assert_eq!(with(early), [late(1), late(3)]);
        let both = WalkLimits {
            key_required: true,
            ..early
        };
        // Each record is refused once, and a missing key is seen first.
        assert_eq!(with(both), [missing(1), missing(2), late(3)]);
        let append = WalkLimits {
            timestamp_type: TimestampType::LogAppendTime,
            ..early
        };
        assert_eq!(with(append), []);
    }

    #[test]
    fn of_refused_records_so_many_are_told() {
        for (count, told) in [
            (5_000, 5_000),
            (REFUSED_RECORDS_MAX + 7, REFUSED_RECORDS_MAX),
        ] {
            let mut builder = BatchBuilder::new(BatchOptions {
                codec: Compression::Gzip,
                ..Default::default()
            });
            for _ in 0..count {
                builder.append(100, None, Some(b""), &[]);
            }
            let bytes = builder.finish();
            let batch = Batch::parse(&bytes).unwrap();
            let limits = WalkLimits {
                key_required: true,
                ..Default::default()
            };
            let refused = walk(&batch.header, batch.records_bytes(), &limits).unwrap_err();
            let others = format!("and {} more records", count - 1);
            assert!(refused.to_string().ends_with(&others), "{refused}");
            assert_eq!(refused.into_records().len(), told);
        }
    }

    /// A source that never offers the short way.
    struct Careful<'a>(Slice<'a>);

    impl Source for Careful<'_> {
        fn byte(&mut self) -> Result<u8, Fault> {
            self.0.byte()
        }
        fn skip(&mut self, bytes: u64) -> Result<(), Fault> {
            self.0.skip(bytes)
        }
        fn is_empty(&mut self) -> Result<bool, Fault> {
            self.0.is_empty()
        }
        fn consumed(&self) -> u64 {
            self.0.consumed()
        }
        fn ahead(&self) -> &[u8] {
            &[]
        }
    }

    #[test]
    fn the_short_way_sees_what_the_careful_way_sees() {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let long = vec![b'v'; 20_000];
        for n in 0..300 {
            let key = [b'k'; 9];
            let key = (n % 3 > 0).then_some(&key[..n % 10]);
            let value = (n % 7 > 0).then(|| &long[..n * 61 % 20_000]);
            let headers: &[(&str, Option<&[u8]>)] = if n % 11 == 0 {
                &[("h", Some(b"v"))]
            } else {
                &[]
            };
            builder.append((n as i64 * 7_919) << (n % 30), key, value, headers);
        }
        let bytes = builder.finish();
        let batch = Batch::parse(&bytes).unwrap();
        let header = &batch.header;
        let limits = WalkLimits::default();
        let mut records = batch.records_bytes().to_vec();
        let mut random = 1u64;
        for round in 0..3_000 {
            let slice = || Slice {
                bytes: &records,
                length: records.len(),
            };
            let short = walk_source(header, slice(), &limits);
            let careful = walk_source(header, Careful(slice()), &limits);
            assert_eq!(short, careful, "round {round}");
            // From the second round on, damaged a little: undone before the next.
            records.copy_from_slice(batch.records_bytes());
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = (random >> 33) as usize % records.len().min(1 + round * 40);
            records[at] = (random >> 20) as u8;
        }
    }
}
