//! What a broker checks before it takes a batch from a client, as Apache Kafka checks it.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  handlers/produce: `check` at once, `walk` at once or on the worker pool.
//! Calls:      `header`, `crc`, `walk`.
//! Never:      changes the batch, knows offsets, or decides about sequences (the partition does).
//!
//! Sources: `ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords`,
//! `LogValidator` and `DefaultRecord.readFrom` of Apache Kafka 4.3, observed through its answers.
//! One difference on purpose: undecodable compressed content and unknown codecs end as
//! UNKNOWN_SERVER_ERROR there, which tells a client nothing; here they have codes of their own.
//! And gaps in the offset deltas of uncompressed records are refused, which Kafka stores.

use super::compression::Compression;
use super::header::{
    Batch, BatchHeader, HeaderError, LENGTH_OVERHEAD_BYTES, NO_SEQUENCE, computed_crc,
};
use super::record::RecordError;
use super::refused::{Refusal, RefusedRecord, RefusedRecords};
use super::walk::{WalkLimits, Walked, walk};
use crate::ErrorCode;

/// Bounds of the cheap step.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `max.message.bytes` of the topic: the whole batch, compressed as it came.
    pub batch_bytes_max: usize,
    /// Produce v7 and later: before it no consumer could read zstd (KIP-110).
    pub zstd_allowed: bool,
}

impl Default for Limits {
    fn default() -> Self {
        // Kafka's default of `message.max.bytes`.
        Self {
            batch_bytes_max: 1_048_588,
            zstd_allowed: true,
        }
    }
}

/// A batch whose frame, checksum and header are right; its records were not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    pub header: BatchHeader,
    pub codec: Compression,
    /// Bytes of the batch. A torn rest after it, which Kafka ignores too, doesn't count.
    pub size: usize,
}

/// A batch that may be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validated {
    pub checked: Checked,
    pub walked: Walked,
}

/// The cheap step: length, magic, CRC, header. One scan of the bytes, no look at records.
///
/// # Errors
/// Everything of [`InvalidBatch`] that doesn't name a record.
pub fn check(records: &[u8], limits: &Limits) -> Result<Checked, InvalidBatch> {
    let batch = only_batch(records)?;
    let header = batch.header;
    if header.base_offset != 0 {
        return Err(InvalidBatch::BaseOffset {
            base_offset: header.base_offset,
        });
    }
    if batch.bytes.len() > limits.batch_bytes_max {
        let (bytes, max) = (batch.bytes.len(), limits.batch_bytes_max);
        return Err(InvalidBatch::TooLarge { bytes, max });
    }
    let computed = computed_crc(batch.bytes);
    if computed != header.crc {
        return Err(InvalidBatch::ChecksumMismatch {
            stored: header.crc,
            computed,
        });
    }
    let codec = header
        .attributes
        .codec()
        .map_err(|id| InvalidBatch::Codec { id })?;
    if codec == Compression::Zstd && !limits.zstd_allowed {
        return Err(InvalidBatch::Codec { id: codec.id() });
    }
    let (count, last_offset_delta) = (header.records_count, header.last_offset_delta);
    if count <= 0 || last_offset_delta != count - 1 {
        return Err(InvalidBatch::Count {
            count,
            last_offset_delta,
        });
    }
    if header.attributes.is_control() {
        return Err(InvalidBatch::Control);
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return Err(InvalidBatch::Sequence {
            base_sequence: header.base_sequence,
        });
    }
    if header.attributes.is_transactional() && !header.has_producer_id() {
        return Err(InvalidBatch::Sequence {
            base_sequence: NO_SEQUENCE,
        });
    }
    Ok(Checked {
        header,
        codec,
        size: batch.bytes.len(),
    })
}

/// Both steps in one call, for whoever has no worker pool.
pub fn validate(
    records: &[u8],
    limits: &Limits,
    walk_limits: &WalkLimits,
) -> Result<Validated, InvalidBatch> {
    let checked = check(records, limits)?;
    let walked = checked.walk(records, walk_limits)?;
    Ok(Validated { checked, walked })
}

impl Checked {
    /// The second step. `records` is what was given to [`check`].
    pub fn walk(&self, records: &[u8], limits: &WalkLimits) -> Result<Walked, InvalidBatch> {
        let records = records
            .get(super::BATCH_HEADER_BYTES..self.size)
            .unwrap_or_default();
        walk(&self.header, records, limits)
    }

    /// Whether the walk has to decompress, so that it belongs on the worker pool.
    pub fn is_compressed(&self) -> bool {
        self.codec != Compression::None
    }
}

/// The one batch that a partition's `records` field may hold.
fn only_batch(records: &[u8]) -> Result<Batch<'_>, InvalidBatch> {
    let first = Batch::parse(records).map_err(|cause| frame_fault(records, cause))?;
    match records.get(first.bytes.len()..) {
        None | Some([]) => Ok(first),
        Some(rest) => match Batch::parse(rest) {
            Ok(_) => Err(InvalidBatch::SeveralBatches),
            // A torn rest is cut off in silence; a sick one is not.
            Err(cause) => match frame_fault(rest, cause) {
                InvalidBatch::Missing => Ok(first),
                InvalidBatch::Magic { magic: 0 | 1 } => Err(InvalidBatch::SeveralBatches),
                fault => Err(fault),
            },
        },
    }
}

/// Kafka judges the frame in this order: is there a length, is it sane, is it all there, and only
/// then (below the newest format) which format it is.
fn frame_fault(bytes: &[u8], cause: HeaderError) -> InvalidBatch {
    match cause {
        HeaderError::Length { length } => InvalidBatch::Length { length },
        HeaderError::Truncated { .. } => InvalidBatch::Missing,
        HeaderError::Magic { length, .. } if length < LENGTH_MIN => InvalidBatch::Length { length },
        HeaderError::Magic { magic, length } => {
            let whole = length as usize + LENGTH_OVERHEAD_BYTES <= bytes.len();
            let known = (0..=1).contains(&magic);
            if whole || !known {
                InvalidBatch::Magic { magic }
            } else {
                InvalidBatch::Missing
            }
        }
    }
}

/// Why a batch from a client is refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidBatch {
    /// There is no complete batch.
    Missing,
    /// The batch says it is smaller than any batch can be.
    Length { length: i32 },
    /// Formats 0 and 1 are not taken since Produce v3; others don't exist.
    Magic { magic: i8 },
    /// One batch per partition and request since Produce v3.
    SeveralBatches,
    /// A client's batch starts at offset 0; the broker gives the real one.
    BaseOffset { base_offset: i64 },
    /// Over `max.message.bytes`.
    TooLarge { bytes: usize, max: usize },
    /// The checksum in the header doesn't match the bytes.
    ChecksumMismatch { stored: u32, computed: u32 },
    /// A codec that doesn't exist, or zstd before Produce v7.
    Codec { id: i16 },
    /// No record, or a count that contradicts the offset range.
    Count { count: i32, last_offset_delta: i32 },
    /// Only coordinators write control batches.
    Control,
    /// A producer id without a sequence, or a transaction without a producer id.
    Sequence { base_sequence: i32 },
    /// The topic does not take records of this batch; the others went down with them.
    Refused(RefusedRecords),
    /// The structure of a record is wrong.
    Record { index: i32, cause: RecordError },
    /// The codec cannot read what the batch holds.
    Content,
    /// The records decompress to more than is allowed.
    DecompressedTooLarge { max: u64 },
}

impl InvalidBatch {
    /// The only place where a refused batch becomes a number on the wire.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Length { .. } | Self::ChecksumMismatch { .. } => ErrorCode::CorruptMessage,
            Self::Magic { magic: 0 | 1 } => ErrorCode::InvalidRecord,
            Self::Magic { .. } => ErrorCode::CorruptMessage,
            Self::TooLarge { .. } | Self::DecompressedTooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::Codec { .. } => ErrorCode::UnsupportedCompressionType,
            Self::Refused(refused) => refused.error_code(),
            Self::Missing
            | Self::SeveralBatches
            | Self::BaseOffset { .. }
            | Self::Count { .. }
            | Self::Control
            | Self::Sequence { .. }
            | Self::Record { .. }
            | Self::Content => ErrorCode::InvalidRecord,
        }
    }

    /// The records at fault, for `record_errors` of Produce v8 (KIP-467).
    pub fn into_records(self) -> Vec<RefusedRecord> {
        match self {
            Self::Refused(refused) => refused.records,
            Self::Record { index, .. } => vec![RefusedRecord {
                index,
                why: Refusal::Malformed,
            }],
            _ => Vec::new(),
        }
    }
}

impl std::fmt::Display for InvalidBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Missing => write!(f, "no complete record batch"),
            Self::Length { length } => write!(f, "a batch length of {length} is too small"),
            Self::Magic { magic } => write!(f, "magic {magic} where only 2 is taken"),
            Self::SeveralBatches => write!(f, "more than one record batch for a partition"),
            Self::BaseOffset { base_offset } => {
                write!(f, "base offset {base_offset} where a producer sends 0")
            }
            Self::TooLarge { bytes, max } => {
                write!(f, "the batch has {bytes} bytes, max.message.bytes is {max}")
            }
            Self::ChecksumMismatch { stored, computed } => {
                write!(
                    f,
                    "checksum {stored:#010x} stored, {computed:#010x} computed"
                )
            }
            Self::Codec { id } => write!(f, "compression codec {id} cannot be used here"),
            Self::Count {
                count,
                last_offset_delta,
            } => {
                write!(
                    f,
                    "{count} records with a last offset delta of {last_offset_delta}"
                )
            }
            Self::Control => write!(f, "clients may not write control records"),
            Self::Sequence { base_sequence } => {
                write!(f, "sequence {base_sequence} does not fit the producer id")
            }
            Self::Refused(ref refused) => write!(f, "{refused}"),
            Self::Record { index, cause } => write!(f, "record {index}: {cause}"),
            Self::Content => write!(f, "the compressed records cannot be read"),
            Self::DecompressedTooLarge { max } => {
                write!(f, "the records decompress to over {max} bytes")
            }
        }
    }
}

impl std::error::Error for InvalidBatch {}

/// The smallest length of any format, 14 bytes: below it Kafka calls the bytes corrupt.
const LENGTH_MIN: i32 = 14;

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
