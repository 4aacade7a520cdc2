//! stub
use super::*;

/// What the caller knows of a log before it is opened.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The last stop was clean: files end where batches end and nothing needs a check.
    pub clean: bool,
    /// Below it everything was synced.
    pub recovery_point: Offset,
    /// From the log start checkpoint.
    pub log_start: Option<Offset>,
    /// From a checkpoint of the shard: producers as they were at an offset.
    pub producers: Option<(Offset, ProducerState)>,
    /// From a checkpoint of the shard, when newer than the file.
    pub epochs: Vec<EpochEntry>,
}

/// Offsets `from..to` that are lost although later ones are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    pub from: Offset,
    pub to: Offset,
}

/// A segment whose end was cut at the last whole batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailCut {
    pub file: PathBuf,
    /// Bytes of the file that were kept.
    pub position: u64,
    /// The first offset that is gone.
    pub first_lost: Offset,
    /// Bytes cut off.
    pub bytes: u64,
}

/// What an opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// To be logged as one ERROR line, unless the journal brings the batches back.
    pub cut: Option<TailCut>,
    /// Each to be logged as one ERROR line, unless the journal repairs it.
    pub damage: Vec<Damage>,
    /// Bytes that were looked at.
    pub scanned_bytes: u64,
}

impl Log {
    /// Makes the folder of a new partition, durably, with its `partition.metadata`.
    pub async fn create(
        storage: &LogStorage,
        dir: &Path,
        key: PartitionKey,
        settings: LogSettings,
    ) -> Result<Log, LogError> {
        let _ = (storage, dir, key, settings);
        unimplemented!("lands next")
    }

    /// Opens what lies in `dir`. Damage is no error: it is cut off or fenced in, and reported.
    pub async fn open(
        storage: &LogStorage,
        dir: &Path,
        key: PartitionKey,
        settings: LogSettings,
        known: Known,
    ) -> Result<(Log, OpenReport), LogError> {
        let _ = (storage, dir, key, settings, known);
        unimplemented!("lands next")
    }

    /// Before the journal is replayed from `first` on: what was cut or damaged at or above comes
    /// from the journal instead, so the log is cut there.
    pub async fn prefer_journal(&self, first: Offset) -> Result<(), LogError> {
        let _ = first;
        unimplemented!("lands next")
    }
}
