//! Retention: lets old segments go, by time, by size, and behind a start that DeleteRecords moved.
//!
//! Room:       `shard`, background work.
//! Called by:  `open`, once per shard; then every `log.retention.check.interval.ms`.
//! Calls:      `log` (what is to go), `partition` (moves the log's start), `checkpointer`.
//! Never:      removes a segment the checkpoint does not cover: the journal could not tell then
//!             where the records it still holds belong.
//!
//! The log's start moves first, durably, and the files follow: whatever of them a crash leaves or
//! takes lies below the start and is no damage.

use super::Shard;
use super::background::Background;
use crate::ids::PartitionKey;
use crate::log::LogError;
use crate::partition::Partition;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

impl Shard {
    /// Runs until the shard is closed.
    pub(super) async fn retain(self: Rc<Self>, background: Background) {
        let delay = self.config().initial_task_delay_ms;
        let mut wait = Duration::from_millis(delay);
        while background.pause(&self.runtime, wait).await {
            self.look_for_old(&background).await;
            wait = Duration::from_millis(self.config().retention_check_interval_ms);
        }
    }

    /// One look at every partition.
    async fn look_for_old(self: &Rc<Self>, background: &Background) {
        let mut late = Vec::new();
        let mut walk = self.walk();
        while let Some(partition) = walk.next().await {
            if background.is_stopping() {
                return;
            }
            if partition.is_offline() {
                continue;
            }
            let now_ms = self.runtime.wall().0;
            partition.log().expire_producers(now_ms);
            match self.drop_old(&partition, now_ms).await {
                Ok(true) => {}
                Ok(false) => late.push(partition),
                Err(error) => told(&partition, error),
            }
        }
        if late.is_empty() {
            return;
        }
        self.cover(&late).await;
        for partition in late {
            let now_ms = self.runtime.wall().0;
            if let Err(error) = self.drop_old(&partition, now_ms).await {
                told(&partition, error);
            }
        }
    }

    /// Removes what may go. False: some of it is not covered by a checkpoint yet.
    async fn drop_old(&self, partition: &Rc<Partition>, now_ms: i64) -> Result<bool, LogError> {
        let (log, dir) = (partition.log(), partition.dir());
        let readable = partition.high_watermark();
        let to = log.retained_from(now_ms, readable).await?;
        let start = log.log_start_offset();
        let covered = self.checkpointer(&dir).covered(partition.key);
        let bound = covered.min(readable);
        let moves = to > start;
        if moves && to > bound {
            return Ok(false);
        }
        if moves && partition.delete_before(to).await.is_err() {
            // The journal failed; the shard says so.
            return Ok(true);
        }
        let freed = log.drop_old_segments(bound, moves).await?;
        if freed > 0 {
            tracing::info!(
                topic = %partition.topic, partition = partition.key.partition, bytes = freed,
                log_start = %log.log_start_offset(), "old segments removed"
            );
        }
        // Segments behind a start that a client moved wait for the checkpoint as well.
        Ok(!log.has_segments_below_start())
    }

    /// Has the checkpoint cover all that these partitions hold now.
    pub(super) async fn cover(&self, partitions: &[Rc<Partition>]) {
        let mut by_dir: BTreeMap<usize, Vec<PartitionKey>> = BTreeMap::new();
        for partition in partitions {
            let index = self.index_of(&partition.dir());
            by_dir.entry(index).or_default().push(partition.key);
        }
        for (dir, keys) in by_dir {
            self.checkpointers[dir].cover(&keys).await;
        }
    }
}

fn told(partition: &Partition, error: LogError) {
    match error {
        // It was deleted, or its disk failed, which has been said.
        LogError::Closed | LogError::Disk(_) => {}
        error => tracing::warn!(
            topic = %partition.topic, partition = partition.key.partition, %error,
            "old segments not removed"
        ),
    }
}
