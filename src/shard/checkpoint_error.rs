//! Why a checkpoint stopped, and which of the reasons are no failure.
//!
//! Room:       `shard`.
//! Called by:  `shard::checkpointer`.
//! Never:      decides what follows from it.

use crate::io::Errno;
use crate::journal::JournalError;
use crate::log::LogError;

/// Why a checkpoint stopped.
#[derive(Debug)]
pub enum CheckpointError {
    Log(LogError),
    Journal(JournalError),
    Disk(Errno),
}

/// `None`: the log was closed, which while the checkpointer runs is a deletion. It may come
/// between any two steps, and is no failure of the disk.
pub(super) fn unless_deleted<T>(done: Result<T, LogError>) -> Result<Option<T>, CheckpointError> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(LogError::Closed) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl CheckpointError {
    pub(super) fn is_no_space(&self) -> bool {
        matches!(
            self,
            CheckpointError::Log(LogError::NoSpace)
                | CheckpointError::Journal(JournalError::NoSpace)
                | CheckpointError::Disk(Errno::NO_SPACE | Errno::QUOTA)
        )
    }

    pub(super) fn errno(&self) -> Errno {
        match self {
            CheckpointError::Log(LogError::Disk(errno))
            | CheckpointError::Journal(JournalError::Disk(errno))
            | CheckpointError::Disk(errno) => *errno,
            CheckpointError::Log(_) | CheckpointError::Journal(_) => Errno::IO,
        }
    }
}

impl std::fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CheckpointError::Log(error) => write!(f, "{error}"),
            CheckpointError::Journal(error) => write!(f, "{error}"),
            CheckpointError::Disk(errno) => write!(f, "{errno}"),
        }
    }
}

impl std::error::Error for CheckpointError {}

impl From<LogError> for CheckpointError {
    fn from(error: LogError) -> CheckpointError {
        CheckpointError::Log(error)
    }
}

impl From<JournalError> for CheckpointError {
    fn from(error: JournalError) -> CheckpointError {
        CheckpointError::Journal(error)
    }
}

impl From<Errno> for CheckpointError {
    fn from(errno: Errno) -> CheckpointError {
        CheckpointError::Disk(errno)
    }
}
