//! Which records of a batch a topic does not take, and why.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  `walk`, which finds them; handlers/produce tells them to the producer (KIP-467).
//! Never:      knows more of a record than its place in the batch.
//!
//! Clients tell the program that sent a record whether that one was at fault or another of its
//! batch. So all must be told, not only the first: librdkafka takes a single one for a word about
//! the whole batch.

use crate::ErrorCode;

/// Records that may not be in the topic; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRecords {
    /// In the order of the batch.
    pub records: Vec<RefusedRecord>,
    /// How many there may be; those after it are not told.
    most: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedRecord {
    /// Its place in the batch.
    pub index: i32,
    pub why: Refusal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A record of a compacted topic has no key.
    KeyMissing,
    /// Its time is too far from now (KIP-937).
    Timestamp,
    /// A producer may not claim the broker's time where the topic takes it from the broker.
    TimestampType,
    /// Its bytes are no record.
    Malformed,
}

impl RefusedRecords {
    /// None yet. A few bytes of a compressed batch can hold millions of records, so what is told of
    /// them grows with what was sent.
    pub(super) fn of_batch(bytes: usize) -> Self {
        Self {
            records: Vec::new(),
            most: (bytes / BYTES_PER_RECORD).max(RECORDS_MIN),
        }
    }

    pub(super) fn push(&mut self, index: i32, why: Refusal) {
        if self.records.len() < self.most {
            self.records.push(RefusedRecord { index, why });
        }
    }

    /// Kafka answers INVALID_TIMESTAMP where a time is wrong, whatever else is.
    pub fn error_code(&self) -> ErrorCode {
        let times = [Refusal::Timestamp, Refusal::TimestampType];
        match self.records.iter().any(|one| times.contains(&one.why)) {
            true => ErrorCode::InvalidTimestamp,
            false => ErrorCode::InvalidRecord,
        }
    }
}

impl Refusal {
    /// For the producer.
    pub fn text(self) -> &'static str {
        match self {
            Self::KeyMissing => "the record has no key, which a compacted topic needs",
            Self::Timestamp => "the timestamp of the record is out of range",
            Self::TimestampType => "a producer may not set LogAppendTime",
            Self::Malformed => "the record is malformed",
        }
    }
}

impl std::fmt::Display for RefusedRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, others @ ..] = &self.records[..] else {
            return Ok(());
        };
        write!(f, "record {}: {}", first.index, first.why.text())?;
        match others.len() {
            0 => Ok(()),
            count => write!(f, ", and {count} more like it"),
        }
    }
}

/// The smallest records with a value of a few bytes: of an uncompressed batch all are told.
const BYTES_PER_RECORD: usize = 16;

/// However small the batch is.
const RECORDS_MIN: usize = 16;
