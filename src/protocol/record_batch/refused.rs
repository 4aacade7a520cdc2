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
    /// In the order of the batch: the first `REFUSED_RECORDS_MAX`.
    pub records: Vec<RefusedRecord>,
    /// How many there are in all.
    count: usize,
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
    /// None yet.
    pub(super) fn none() -> Self {
        Self {
            records: Vec::new(),
            count: 0,
        }
    }

    pub(super) fn push(&mut self, index: i32, why: Refusal) {
        self.count += 1;
        if self.records.len() < REFUSED_RECORDS_MAX {
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
        let Some(first) = self.records.first() else {
            return Ok(());
        };
        write!(f, "record {}: {}", first.index, first.why.text())?;
        match self.count - 1 {
            0 => Ok(()),
            more => write!(f, ", and {more} more records"),
        }
    }
}

/// A few bytes of a compressed batch can hold millions of records: of those at fault so many are
/// told. A client takes the others for victims of these.
pub const REFUSED_RECORDS_MAX: usize = 16_384;
