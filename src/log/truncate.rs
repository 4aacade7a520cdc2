//! stub
use super::*;

impl Log {
    /// Cuts off all batches that end above `to`. Returns the log's new end: `to`, or the base
    /// offset of the batch `to` was in the middle of.
    pub async fn truncate(&self, to: Offset) -> Result<Offset, LogError> {
        let _ = to;
        unimplemented!("lands next")
    }

    /// Drops everything and begins anew at `start` (a follower too far behind its leader).
    pub async fn truncate_fully(&self, start: Offset) -> Result<(), LogError> {
        let _ = start;
        unimplemented!("lands next")
    }
}
