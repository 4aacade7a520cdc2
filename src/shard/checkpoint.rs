//! Checkpoints: what is in the journal gets into segments, and the journal is free again.
//!
//! Room:       `shard`.
//! Called by:  `shard::open` (the background task), `broker::member` at the end.
//! Calls:      `journal`, `log`.
//! Never:      on the latency path.

use super::{Shard, ShardError};
use std::rc::Rc;

impl Shard {
    /// The end: everything is in segments, the journals are empty and clean.
    pub async fn close(self: &Rc<Self>) -> Result<(), ShardError> {
        for partition in self.partitions() {
            let failed = |error: &dyn std::fmt::Display| {
                ShardError(format!(
                    "{}-{}: {error}",
                    partition.topic, partition.key.partition
                ))
            };
            partition
                .log
                .close()
                .await
                .map_err(|error| failed(&error))?;
        }
        for dir in self.dirs() {
            let failed = |error: &dyn std::fmt::Display| {
                ShardError(format!("{}: {error}", dir.path.display()))
            };
            dir.journal
                .close(true)
                .await
                .map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}
