//! Closing a shard: the last checkpoint of each log dir.
//!
//! Room:       `shard`.
//! Called by:  `broker::member` at the end.
//! Calls:      `background`, `checkpointer`.
//! Never:      runs while clients are served.

use super::{Shard, ShardError};
use std::rc::Rc;

impl Shard {
    /// The end: everything is in segments, the journals are empty and clean. A log dir that
    /// fails does not keep the others from that.
    pub async fn close(self: &Rc<Self>) -> Result<(), ShardError> {
        self.background.stop().await;
        let mut failed = None;
        for (dir, checkpointer) in self.dirs.iter().zip(&self.checkpointers) {
            let had_failed = dir.journal.failed().is_some();
            if let Err(error) = checkpointer.close().await
                && !had_failed
            {
                failed.get_or_insert(ShardError(format!("{}: {error}", dir.path.display())));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
