//! Why the log could not do what it was asked.
//!
//! Room:       `log`.
//! Called by:  `partition`, `shard`, which log it once and answer the client.

use crate::ids::Offset;
use crate::io::Errno;
use ottla_protocol::ErrorCode;

/// Why a change or an opening failed. After `Disk` the log is offline until it is opened anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogError {
    /// The disk refused a read, write or sync; what it holds can no longer be known.
    Disk(Errno),
    /// No space left. Nothing is lost: the tail stays in the journal, try again later.
    NoSpace,
    /// The folder to create is there already.
    Exists,
    /// The log was closed or deleted.
    Closed,
}

impl LogError {
    pub(super) fn of(errno: Errno) -> LogError {
        match errno {
            Errno::NO_SPACE | Errno::QUOTA => LogError::NoSpace,
            errno => LogError::Disk(errno),
        }
    }

    /// The only place where such a failure becomes a number on the wire.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Disk(_) | Self::NoSpace | Self::Exists | Self::Closed => {
                ErrorCode::KafkaStorageError
            }
        }
    }
}

impl std::fmt::Display for LogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LogError::Disk(errno) => write!(f, "the disk failed: {errno}"),
            LogError::NoSpace => write!(f, "no space is left on the disk"),
            LogError::Exists => write!(f, "the folder exists already"),
            LogError::Closed => write!(f, "the log is closed"),
        }
    }
}

impl std::error::Error for LogError {}

/// Why a read has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Below the log's start or above its end.
    OutOfRange {
        from: Offset,
        log_start: Offset,
        log_end: Offset,
    },
    /// The bytes on disk are not what was written: offsets from `first` on, up to the next batch
    /// that is whole, cannot be served.
    Corrupt { first: Offset },
    /// The disk refused the read.
    Disk(Errno),
    /// The log was closed or deleted meanwhile.
    Closed,
}

impl ReadError {
    /// The only place where such a failure becomes a number on the wire.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            Self::Corrupt { .. } => ErrorCode::CorruptMessage,
            Self::Disk(_) | Self::Closed => ErrorCode::KafkaStorageError,
        }
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadError::OutOfRange {
                from,
                log_start,
                log_end,
            } => write!(f, "offset {from} is not in {log_start}..{log_end}"),
            ReadError::Corrupt { first } => write!(f, "the batch at offset {first} is damaged"),
            ReadError::Disk(errno) => write!(f, "the disk failed: {errno}"),
            ReadError::Closed => write!(f, "the log is closed"),
        }
    }
}

impl std::error::Error for ReadError {}
