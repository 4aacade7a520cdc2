//! stub
use super::*;

impl Log {
    /// Deletes segments that `retention.ms`, `retention.bytes` or the log's start no longer keep,
    /// all below `bound` (the smaller of high watermark and checkpoint). Returns the bytes freed.
    pub async fn delete_old_segments(&self, now_ms: i64, bound: Offset) -> Result<u64, LogError> {
        let _ = (now_ms, bound);
        unimplemented!("lands next")
    }

    /// Removes the folder with all that is in it; the log takes no further change.
    pub async fn delete(&self) -> Result<(), LogError> {
        unimplemented!("lands next")
    }
}
