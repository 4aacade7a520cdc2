//! Why the journal could not do what it was asked.
//!
//! Room:   `journal`.
//! Never:  carries prose; the caller logs once, with its own context.

use crate::io::Errno;
use std::fmt;
use std::path::PathBuf;

/// See each variant for what it means for the log dir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// A write, a sync or a read failed: the log dir goes offline until the next start.
    Disk(Errno),
    /// There is no room for the first ring files. Nothing is broken.
    NoSpace,
    /// A batch larger than the ring can ever hold in one file; bytes.
    TooLarge { bytes: u64, limit: u64 },
    /// Written by a later version of this broker.
    Version { path: PathBuf, version: u16 },
    /// A journal newer than the checkpoint it must start from: that checkpoint file was lost.
    CheckpointLost {
        path: PathBuf,
        journal: u64,
        checkpoint: u64,
    },
    /// `close` was called.
    Closed,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Disk(errno) => write!(f, "journal: {errno}"),
            JournalError::NoSpace => write!(f, "journal: no space for its first files"),
            JournalError::TooLarge { bytes, limit } => {
                write!(f, "journal: a group of {bytes} bytes, {limit} fit")
            }
            JournalError::Version { path, version } => {
                write!(
                    f,
                    "{}: format version {version} is not known",
                    path.display()
                )
            }
            JournalError::CheckpointLost {
                path,
                journal,
                checkpoint,
            } => write!(
                f,
                "{}: incarnation {journal} without its checkpoint (found {checkpoint})",
                path.display()
            ),
            JournalError::Closed => write!(f, "journal: closed"),
        }
    }
}

impl std::error::Error for JournalError {}

impl From<Errno> for JournalError {
    fn from(errno: Errno) -> JournalError {
        match errno {
            Errno::NO_SPACE | Errno::QUOTA => JournalError::NoSpace,
            other => JournalError::Disk(other),
        }
    }
}
