//! stub
use super::*;

/// What a flush brought into segment files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flushed {
    /// Every batch that ends at or below is in a segment file now (not yet synced).
    pub up_to: Offset,
    /// Once synced, recovery need not look below it: `up_to` rounded down to the first batch of
    /// the last, partly filled block, which the next flush writes again.
    pub recovery_point: Offset,
    /// The newest of the journal's groups that this flush wrote something of.
    pub group: Option<GroupSequence>,
    /// Bytes of batches this flush wrote.
    pub bytes: u64,
}

impl Log {
    /// Writes the tail into segment files; does not sync.
    pub async fn flush(&self) -> Result<Flushed, LogError> {
        unimplemented!("lands next")
    }

    /// Makes what was flushed durable: fdatasync of its files, fsync of the folder.
    pub async fn sync(&self) -> Result<(), LogError> {
        unimplemented!("lands next")
    }

    /// Flushes, closes all segments as Kafka leaves them (exact length, indexes, producer
    /// snapshot, leader epochs) and syncs. The log takes no further change.
    pub async fn close(&self) -> Result<(), LogError> {
        unimplemented!("lands next")
    }
}
