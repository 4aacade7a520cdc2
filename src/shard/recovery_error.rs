//! Why a log dir could not be recovered.
//!
//! Room:       `shard`.
//! Called by:  `recovery`; `broker::control`, which tells a failed disk from damage.
//! Never:      stands for damage inside a partition: that partition refuses, the log dir serves.

use crate::io::Errno;
use crate::journal::JournalError;
use crate::log::LogError;
use std::fmt;
use std::path::PathBuf;

/// Why a log dir cannot be used. Damage inside a partition is no such reason.
#[derive(Debug)]
pub enum RecoveryError {
    Journal(JournalError),
    Log { folder: PathBuf, error: LogError },
    Disk(Errno),
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoveryError::Journal(error) => write!(f, "{error}"),
            RecoveryError::Log {
                folder,
                error: LogError::NoSpace,
            } => write!(
                f,
                "{}: no space is left for what the journals hold; make room on this disk",
                folder.display()
            ),
            RecoveryError::Log { folder, error } => write!(f, "{}: {error}", folder.display()),
            RecoveryError::Disk(errno) => f.write_str(&errno.told()),
        }
    }
}

impl RecoveryError {
    /// What the disk said, where it was the disk.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            RecoveryError::Disk(errno)
            | RecoveryError::Journal(JournalError::Disk(errno))
            | RecoveryError::Log {
                error: LogError::Disk(errno),
                ..
            } => Some(*errno),
            RecoveryError::Journal(_) | RecoveryError::Log { .. } => None,
        }
    }
}

impl std::error::Error for RecoveryError {}

impl From<JournalError> for RecoveryError {
    fn from(error: JournalError) -> RecoveryError {
        RecoveryError::Journal(error)
    }
}

impl From<Errno> for RecoveryError {
    fn from(errno: Errno) -> RecoveryError {
        RecoveryError::Disk(errno)
    }
}
