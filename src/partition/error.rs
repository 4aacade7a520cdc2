//! Why a partition refuses, and the number each reason has on the wire.
//!
//! Room:       `partition`.
//! Called by:  `shard`, which answers with the code.
//! Never:      carries prose: numbers only, so tests compare them and logs stay greppable.

use super::Guard;
use crate::ids::{LeaderEpoch, Offset};
use crate::io::Errno;
use crate::journal::JournalError;
use crate::log::{ProducerError, ReadError as LogReadError};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::InvalidBatch;

/// Why a batch was refused. Nothing was written when one of these comes back, except for `Disk`
/// and `Journal`, after which the log dir is offline.
#[derive(Debug)]
pub enum AppendError {
    Invalid(InvalidBatch),
    Producer(ProducerError),
    /// Data of a transaction that nobody has vouched for here: the coordinator must say that the
    /// partition belongs to it, and the batch come again with this guard (KIP-890).
    Unverified {
        guard: Guard,
    },
    NotLeader,
    TooFewInSync {
        insync: i32,
        required: i32,
    },
    Journal(JournalError),
    /// The disk is full: what is in the journal waits for room, nothing more is taken.
    NoSpace,
    Disk(Errno),
}

impl AppendError {
    /// No `_` arm: a new variant cannot compile before it has chosen its code.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Invalid(invalid) => invalid.error_code(),
            Self::Producer(refused) => refused.error_code(),
            Self::Unverified { .. } => ErrorCode::InvalidTxnState,
            Self::NotLeader => ErrorCode::NotLeaderOrFollower,
            Self::TooFewInSync { .. } => ErrorCode::NotEnoughReplicas,
            Self::Journal(JournalError::TooLarge { .. }) => ErrorCode::MessageTooLarge,
            Self::Journal(_) | Self::NoSpace | Self::Disk(_) => ErrorCode::KafkaStorageError,
        }
    }
}

impl From<ProducerError> for AppendError {
    fn from(error: ProducerError) -> AppendError {
        AppendError::Producer(error)
    }
}

impl From<JournalError> for AppendError {
    fn from(error: JournalError) -> AppendError {
        AppendError::Journal(error)
    }
}

/// Why a read was refused.
#[derive(Debug)]
pub enum ReadError {
    OffsetOutOfRange {
        start: Offset,
        end: Offset,
    },
    NotLeader,
    /// The client's leader epoch is older than ours.
    Fenced {
        current: LeaderEpoch,
    },
    /// The client's leader epoch is newer than ours.
    UnknownEpoch {
        current: LeaderEpoch,
    },
    Log(LogReadError),
    Disk(Errno),
}

impl ReadError {
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            Self::NotLeader => ErrorCode::NotLeaderOrFollower,
            Self::Fenced { .. } => ErrorCode::FencedLeaderEpoch,
            Self::UnknownEpoch { .. } => ErrorCode::UnknownLeaderEpoch,
            Self::Log(error) => error.error_code(),
            Self::Disk(_) => ErrorCode::KafkaStorageError,
        }
    }
}

impl From<LogReadError> for ReadError {
    fn from(error: LogReadError) -> ReadError {
        ReadError::Log(error)
    }
}
