//! The header of a record batch: parsed once, checked, and patched in place.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  handlers, partition, log, recovery, client: whoever hops from batch to batch.
//! Never:      looks at records, computes a CRC unasked, or allocates.
//!
//! Always true of a parsed header: magic is 2 and `length` covers at least the header itself.

use super::compression::Compression;
use super::crc::{crc32c, replace_prefix};

/// The 61 bytes before the first record, as numbers. Field names are Kafka's
/// (`DefaultRecordBatch`); timestamps are in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Bytes after this field; the whole batch is 12 more.
    pub length: i32,
    pub partition_leader_epoch: i32,
    pub crc: u32,
    pub attributes: Attributes,
    pub last_offset_delta: i32,
    /// What timestamp deltas count from; the delete horizon when that attribute is set (KIP-534).
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`. Only the header has to be there, not the records.
    ///
    /// # Errors
    /// `Truncated` when fewer bytes than the header are left, `Length` when the batch claims to be
    /// smaller than its own header, `Magic` for the formats before KIP-98 and for garbage.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        // Magic and length stand at the same place in every format, so they are judged first.
        let available = bytes.len();
        let Some(start) = bytes.first_chunk::<{ place::CRC }>() else {
            return Err(HeaderError::Truncated {
                needed: BATCH_HEADER_BYTES,
                available,
            });
        };
        let length = i32::from_be_bytes(at(start, place::LENGTH));
        let magic = start[place::MAGIC] as i8;
        if magic != MAGIC {
            return Err(HeaderError::Magic { magic, length });
        }
        if length < (BATCH_HEADER_BYTES - LENGTH_OVERHEAD_BYTES) as i32 {
            return Err(HeaderError::Length { length });
        }
        let Some(head) = bytes.first_chunk::<BATCH_HEADER_BYTES>() else {
            return Err(HeaderError::Truncated {
                needed: BATCH_HEADER_BYTES,
                available,
            });
        };
        Ok(Self {
            base_offset: i64::from_be_bytes(at(head, place::BASE_OFFSET)),
            length,
            partition_leader_epoch: i32::from_be_bytes(at(head, place::PARTITION_LEADER_EPOCH)),
            crc: u32::from_be_bytes(at(head, place::CRC)),
            attributes: Attributes(i16::from_be_bytes(at(head, place::ATTRIBUTES))),
            last_offset_delta: i32::from_be_bytes(at(head, place::LAST_OFFSET_DELTA)),
            base_timestamp: i64::from_be_bytes(at(head, place::BASE_TIMESTAMP)),
            max_timestamp: i64::from_be_bytes(at(head, place::MAX_TIMESTAMP)),
            producer_id: i64::from_be_bytes(at(head, place::PRODUCER_ID)),
            producer_epoch: i16::from_be_bytes(at(head, place::PRODUCER_EPOCH)),
            base_sequence: i32::from_be_bytes(at(head, place::BASE_SEQUENCE)),
            records_count: i32::from_be_bytes(at(head, place::RECORDS_COUNT)),
        })
    }

    /// Writes the header, magic included, over the first 61 bytes.
    pub fn write(&self, head: &mut [u8; BATCH_HEADER_BYTES]) {
        put(head, place::BASE_OFFSET, self.base_offset.to_be_bytes());
        put(head, place::LENGTH, self.length.to_be_bytes());
        put(
            head,
            place::PARTITION_LEADER_EPOCH,
            self.partition_leader_epoch.to_be_bytes(),
        );
        put(head, place::MAGIC, MAGIC.to_be_bytes());
        put(head, place::CRC, self.crc.to_be_bytes());
        put(head, place::ATTRIBUTES, self.attributes.0.to_be_bytes());
        put(
            head,
            place::LAST_OFFSET_DELTA,
            self.last_offset_delta.to_be_bytes(),
        );
        put(
            head,
            place::BASE_TIMESTAMP,
            self.base_timestamp.to_be_bytes(),
        );
        put(head, place::MAX_TIMESTAMP, self.max_timestamp.to_be_bytes());
        put(head, place::PRODUCER_ID, self.producer_id.to_be_bytes());
        put(
            head,
            place::PRODUCER_EPOCH,
            self.producer_epoch.to_be_bytes(),
        );
        put(head, place::BASE_SEQUENCE, self.base_sequence.to_be_bytes());
        put(head, place::RECORDS_COUNT, self.records_count.to_be_bytes());
    }

    /// The whole batch, header included, in bytes.
    pub fn size(&self) -> usize {
        self.length as usize + LENGTH_OVERHEAD_BYTES
    }

    /// Offset of the last record (of the last one the batch had before compaction).
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .wrapping_add(i64::from(self.last_offset_delta))
    }

    /// Offset of the record after this batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// Sequence number of the last record; sequences wrap to 0 after 2³¹-1.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        (last % (i64::from(i32::MAX) + 1)) as i32
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }
}

/// The attribute bits: 0–2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    #[must_use]
    pub fn with_codec(self, codec: Compression) -> Self {
        Self((self.0 & !CODEC_MASK) | codec.id())
    }

    #[must_use]
    pub fn with_timestamp_type(self, kind: TimestampType) -> Self {
        self.with(TIMESTAMP_TYPE_BIT, kind == TimestampType::LogAppendTime)
    }

    #[must_use]
    pub fn with_transactional(self, yes: bool) -> Self {
        self.with(TRANSACTIONAL_BIT, yes)
    }

    #[must_use]
    pub fn with_control(self, yes: bool) -> Self {
        self.with(CONTROL_BIT, yes)
    }

    #[must_use]
    pub fn with_delete_horizon(self, yes: bool) -> Self {
        self.with(DELETE_HORIZON_BIT, yes)
    }

    fn with(self, bit: i16, yes: bool) -> Self {
        Self(if yes { self.0 | bit } else { self.0 & !bit })
    }

    /// The codec, or the number that is none (5–7).
    pub fn codec(self) -> Result<Compression, i16> {
        Compression::from_id(self.codec_id()).ok_or(self.codec_id())
    }

    pub fn codec_id(self) -> i16 {
        self.0 & CODEC_MASK
    }

    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & TIMESTAMP_TYPE_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL_BIT != 0
    }

    pub fn is_control(self) -> bool {
        self.0 & CONTROL_BIT != 0
    }

    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON_BIT != 0
    }
}

/// Who says when a record happened (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer, record by record.
    #[default]
    CreateTime,
    /// The broker, once per batch: `max_timestamp` holds for every record.
    LogAppendTime,
}

/// One whole batch inside a longer slice.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub header: BatchHeader,
    /// Header and records, exactly `header.size()` bytes.
    pub bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Splits the first batch off `bytes`.
    ///
    /// # Errors
    /// Those of [`BatchHeader::parse`], and `Truncated` when the batch reaches past the slice.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let header = BatchHeader::parse(bytes)?;
        let needed = header.size();
        match bytes.get(..needed) {
            Some(bytes) => Ok(Self { header, bytes }),
            None => Err(HeaderError::Truncated {
                needed,
                available: bytes.len(),
            }),
        }
    }

    /// The bytes after the header: records, compressed as the attributes say.
    pub fn records_bytes(&self) -> &'a [u8] {
        &self.bytes[BATCH_HEADER_BYTES..]
    }

    /// Whether the stored checksum is the one of the bytes. Scans the batch.
    pub fn crc_is_valid(&self) -> bool {
        computed_crc(self.bytes) == self.header.crc
    }
}

/// Walks the batches that lie back to back in a slice: a `records` field, a piece of a segment.
/// Ends after the first error. A fetch response may end inside a batch: that is `Truncated`.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Batches<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Where the next batch starts; after an error, where the refused one starts.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.position..)?;
        if rest.is_empty() {
            return None;
        }
        let batch = Batch::parse(rest);
        match &batch {
            Ok(batch) => self.position += batch.bytes.len(),
            Err(_) => self.bytes = &self.bytes[..self.position],
        }
        Some(batch)
    }
}

/// Why no batch starts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The bytes end before the header or the batch does.
    Truncated { needed: usize, available: usize },
    /// The batch claims to be smaller than its own header.
    Length { length: i32 },
    /// Not magic 2. `length` is what the same place says, unchecked.
    Magic { magic: i8, length: i32 },
}

impl std::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Truncated { needed, available } => {
                write!(f, "the batch needs {needed} bytes, {available} are left")
            }
            Self::Length { length } => {
                write!(f, "a batch length of {length} is less than a header")
            }
            Self::Magic { magic, .. } => write!(f, "magic {magic} is not 2"),
        }
    }
}

impl std::error::Error for HeaderError {}

/// The checksum the batch should carry. `batch` is one whole batch.
pub fn computed_crc(batch: &[u8]) -> u32 {
    crc32c(batch.get(place::ATTRIBUTES..).unwrap_or_default())
}

/// Sets the base offset in place; it lies outside the CRC. `batch` starts with a parsed header.
pub fn patch_base_offset(batch: &mut [u8], base_offset: i64) {
    put(batch, place::BASE_OFFSET, base_offset.to_be_bytes());
}

/// Sets the leader epoch in place; it lies outside the CRC. `batch` starts with a parsed header.
pub fn patch_leader_epoch(batch: &mut [u8], leader_epoch: i32) {
    put(
        batch,
        place::PARTITION_LEADER_EPOCH,
        leader_epoch.to_be_bytes(),
    );
}

/// Sets timestamp type and max timestamp in place, and the CRC with them, without a second scan:
/// only the first 22 covered bytes change, so their difference is folded into the old CRC.
/// `head` starts with the parsed header of a batch of `size` bytes whose CRC is right.
pub fn patch_timestamps(head: &mut [u8], size: usize, kind: TimestampType, max_timestamp: i64) {
    let covered = place::ATTRIBUTES..place::PRODUCER_ID;
    let mut old = [0; place::PRODUCER_ID - place::ATTRIBUTES];
    old.copy_from_slice(&head[covered.clone()]);
    let attributes = Attributes(i16::from_be_bytes(at(head, place::ATTRIBUTES)));
    put(
        head,
        place::ATTRIBUTES,
        attributes.with_timestamp_type(kind).0.to_be_bytes(),
    );
    put(head, place::MAX_TIMESTAMP, max_timestamp.to_be_bytes());
    let crc = u32::from_be_bytes(at(head, place::CRC));
    let crc = replace_prefix(
        crc,
        &old,
        &head[covered],
        (size - place::PRODUCER_ID) as u64,
    );
    put(head, place::CRC, crc.to_be_bytes());
}

/// `N` bytes at a constant place of a slice that was checked to hold a header.
fn at<const N: usize>(head: &[u8], position: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&head[position..position + N]);
    field
}

fn put<const N: usize>(head: &mut [u8], position: usize, field: [u8; N]) {
    head[position..position + N].copy_from_slice(&field);
}

/// Where each field starts.
pub mod place {
    pub const BASE_OFFSET: usize = 0;
    pub const LENGTH: usize = 8;
    pub const PARTITION_LEADER_EPOCH: usize = 12;
    pub const MAGIC: usize = 16;
    pub const CRC: usize = 17;
    /// The first byte the CRC covers.
    pub const ATTRIBUTES: usize = 21;
    pub const LAST_OFFSET_DELTA: usize = 23;
    pub const BASE_TIMESTAMP: usize = 27;
    pub const MAX_TIMESTAMP: usize = 35;
    pub const PRODUCER_ID: usize = 43;
    pub const PRODUCER_EPOCH: usize = 51;
    pub const BASE_SEQUENCE: usize = 53;
    pub const RECORDS_COUNT: usize = 57;
}

/// Bytes before the first record.
pub const BATCH_HEADER_BYTES: usize = 61;
/// Bytes that the length field doesn't count: base offset and itself.
pub const LENGTH_OVERHEAD_BYTES: usize = 12;
/// The only format since Kafka 0.11.
pub const MAGIC: i8 = 2;
pub const NO_TIMESTAMP: i64 = -1;
pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;
pub const NO_SEQUENCE: i32 = -1;
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;

const CODEC_MASK: i16 = 0x07;
const TIMESTAMP_TYPE_BIT: i16 = 0x08;
const TRANSACTIONAL_BIT: i16 = 0x10;
const CONTROL_BIT: i16 = 0x20;
const DELETE_HORIZON_BIT: i16 = 0x40;

#[cfg(test)]
mod tests {
    use super::super::{BatchBuilder, BatchOptions};
    use super::*;

    fn batch(records: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for n in 0..records {
            builder.append(1_000 + n as i64, Some(b"key"), Some(&[n as u8; 40]), &[]);
        }
        builder.finish()
    }

    #[test]
    fn what_is_written_is_parsed() {
        let header = BatchHeader {
            base_offset: 7,
            length: 49,
            partition_leader_epoch: 3,
            crc: 0xdead_beef,
            attributes: Attributes(0x15),
            last_offset_delta: 2,
            base_timestamp: -5,
            max_timestamp: 1 << 40,
            producer_id: 99,
            producer_epoch: 4,
            base_sequence: i32::MAX,
            records_count: 3,
        };
        let mut bytes = [0; BATCH_HEADER_BYTES];
        header.write(&mut bytes);
        assert_eq!(BatchHeader::parse(&bytes), Ok(header));
        assert_eq!(header.last_offset(), 9);
        assert_eq!(header.last_sequence(), 1);
        assert_eq!(header.size(), BATCH_HEADER_BYTES);
    }

    #[test]
    fn short_small_and_old_headers_are_told_apart() {
        let good = batch(1);
        for len in 0..BATCH_HEADER_BYTES {
            assert!(matches!(
                BatchHeader::parse(&good[..len]),
                Err(HeaderError::Truncated { .. })
            ));
        }
        let mut small = good.clone();
        small[place::LENGTH..place::LENGTH + 4].copy_from_slice(&48i32.to_be_bytes());
        assert_eq!(
            BatchHeader::parse(&small),
            Err(HeaderError::Length { length: 48 })
        );
        small[place::LENGTH..place::LENGTH + 4].copy_from_slice(&i32::MIN.to_be_bytes());
        assert_eq!(
            BatchHeader::parse(&small),
            Err(HeaderError::Length { length: i32::MIN })
        );
        let mut old = good.clone();
        old[place::MAGIC] = 1;
        assert!(matches!(
            BatchHeader::parse(&old),
            Err(HeaderError::Magic { magic: 1, .. })
        ));
        let mut long = good.clone();
        long[place::LENGTH..place::LENGTH + 4].copy_from_slice(&i32::MAX.to_be_bytes());
        assert!(matches!(
            Batch::parse(&long),
            Err(HeaderError::Truncated { .. })
        ));
    }

    #[test]
    fn batches_are_walked_and_a_torn_one_ends_the_walk() {
        let (one, two) = (batch(1), batch(3));
        let whole = [one.clone(), two.clone()].concat();
        let counts: Vec<i32> = Batches::new(&whole)
            .map(|batch| batch.unwrap().header.records_count)
            .collect();
        assert_eq!(counts, [1, 3]);
        let mut torn = Batches::new(&whole[..whole.len() - 1]);
        assert!(torn.next().is_some_and(|batch| batch.is_ok()));
        assert!(torn.next().is_some_and(|batch| batch.is_err()));
        assert_eq!(torn.position(), one.len());
        assert!(torn.next().is_none());
    }

    #[test]
    fn patching_keeps_the_crc_right() {
        let mut bytes = batch(5);
        patch_base_offset(&mut bytes, 1 << 33);
        patch_leader_epoch(&mut bytes, 12);
        assert!(Batch::parse(&bytes).unwrap().crc_is_valid());
        let size = bytes.len();
        patch_timestamps(
            &mut bytes,
            size,
            TimestampType::LogAppendTime,
            1_700_000_000_000,
        );
        let batch = Batch::parse(&bytes).unwrap();
        assert!(batch.crc_is_valid());
        assert_eq!(batch.header.max_timestamp, 1_700_000_000_000);
        assert_eq!(
            batch.header.attributes.timestamp_type(),
            TimestampType::LogAppendTime
        );
        assert_eq!(batch.header.base_offset, 1 << 33);
        assert_eq!(batch.header.partition_leader_epoch, 12);
    }
}
