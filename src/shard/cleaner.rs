//! The log cleaner: compacts the dirtiest log of this shard, one at a time.
//!
//! Room:       `shard`, background work.
//! Called by:  `open`, once per shard.
//! Calls:      `log::compaction`, `checkpointer`, `cleaner_checkpoint`.
//! Never:      hurries: after each chunk it rests as long as the chunk took, so that it has at
//!             most half of one worker and of the disk's attention, and less where a rate is set.
//!
//! Which log: of those with `cleanup.policy=compact` whose dirty part is over
//! `min.cleanable.dirty.ratio`, or whose oldest dirty record is over `max.compaction.lag.ms`, the
//! one with the largest dirty ratio, as in Kafka. Up to where: the last stable offset, so that the
//! end of every transaction is known; and what a checkpoint covers, so that the journal holds
//! nothing any more of what is compacted.

use super::Shard;
use super::background::Background;
use super::cleaner_checkpoint::CleanedOffsets;
use crate::ids::{Offset, PartitionKey};
use crate::log::LogError;
use crate::log::compaction::{Cleanable, CompactError, Compaction, Lags, Pace};
use crate::map::{Map, Set};
use crate::partition::Partition;
use std::rc::Rc;
use std::time::Duration;

/// Part of the memory budget that the keys of compactions may take, of all shards together.
const MEMORY_SHARE: u64 = 8;
/// Below this a compaction would get nowhere.
const MAP_BYTES_MIN: u64 = 1 << 20;

impl Shard {
    /// Runs until the shard is closed.
    pub(super) async fn clean(self: Rc<Self>, background: Background) {
        let mut cleaner = Cleaner {
            cleaned: self.read_cleaned().await,
            uncleanable: Set::default(),
            too_small: Map::default(),
            background: background.clone(),
            shard: self,
        };
        loop {
            let config = cleaner.shard.config().cleaner;
            let busy = config.enabled && cleaner.clean_one().await;
            let wait = match busy {
                true => Duration::ZERO,
                false => Duration::from_millis(config.backoff_ms.max(1)),
            };
            let runtime = &cleaner.shard.runtime;
            if !background.pause(runtime, wait).await {
                return;
            }
        }
    }
}

struct Cleaner {
    shard: Rc<Shard>,
    background: Background,
    cleaned: CleanedOffsets,
    /// Damaged; nobody looks at them again before the next start.
    uncleanable: Set<PartitionKey>,
    /// The size of the map that a segment's keys did not fit into, bytes: looked at again once it
    /// is larger.
    too_small: Map<PartitionKey, u64>,
}

impl Cleaner {
    /// Compacts the dirtiest log; false when none is dirty enough.
    async fn clean_one(&mut self) -> bool {
        self.forget_gone().await;
        let Some((partition, found)) = self.dirtiest().await else {
            return false;
        };
        let Some(found) = self.covered(&partition, found).await else {
            return false;
        };
        self.compact(&partition, &found).await
    }

    /// A topic that comes again under an old name begins anew.
    async fn forget_gone(&mut self) {
        let shard = self.shard.clone();
        let before = self.cleaned.len();
        self.cleaned
            .retain(|key, _| shard.partition(*key).is_some());
        let is_here = |key: &PartitionKey| shard.partition(*key).is_some();
        self.uncleanable.retain(is_here);
        self.too_small.retain(|key, _| is_here(key));
        if self.cleaned.len() < before {
            for dir in shard.dirs() {
                self.write(dir).await;
            }
        }
    }

    async fn dirtiest(&self) -> Option<(Rc<Partition>, Cleanable)> {
        let mut best: Option<(Rc<Partition>, Cleanable)> = None;
        let map_bytes = self.map_bytes();
        let mut walk = self.shard.walk();
        while let Some(partition) = walk.next().await {
            let config = partition.config();
            let skip = !config.cleanup.compact
                || partition.is_offline()
                || partition.is_copying()
                || self.uncleanable.contains(&partition.key)
                || self
                    .too_small
                    .get(&partition.key)
                    .is_some_and(|tried| map_bytes <= *tried);
            if skip || self.background.is_stopping() {
                continue;
            }
            let found = match self.look(&partition, stable(&partition)).await {
                Ok(found) => found,
                Err(error) => {
                    self.told(&partition, CompactError::Log(error));
                    continue;
                }
            };
            let ratio = found.dirty_ratio();
            let due = found.overdue || ratio > config.min_cleanable_dirty_ratio;
            let dirtier = best
                .as_ref()
                .is_none_or(|(_, best)| ratio > best.dirty_ratio());
            if found.dirty_bytes > 0 && due && dirtier {
                best = Some((partition, found));
            }
        }
        best
    }

    async fn look(&self, partition: &Partition, limit: Offset) -> Result<Cleanable, LogError> {
        let config = partition.config();
        let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let lags = Lags {
            now_ms: self.shard.runtime.wall().0,
            min_ms: ms(config.min_compaction_lag_ms),
            max_ms: ms(config.max_compaction_lag_ms),
        };
        let checkpoint = self.cleaned.get(&partition.key).copied();
        let checkpoint = checkpoint.unwrap_or(Offset(0));
        partition.log().cleanable(checkpoint, limit, &lags).await
    }

    /// What of it a checkpoint covers, after one was made where that is needed.
    async fn covered(&self, partition: &Rc<Partition>, found: Cleanable) -> Option<Cleanable> {
        let checkpointer = self.shard.checkpointer(&partition.dir());
        if found.until <= checkpointer.covered(partition.key) {
            return Some(found);
        }
        self.shard.cover(std::slice::from_ref(partition)).await;
        let limit = checkpointer.covered(partition.key).min(stable(partition));
        let found = self.look(partition, limit).await.ok()?;
        (found.dirty_bytes > 0).then_some(found)
    }

    /// True when something was compacted.
    async fn compact(&mut self, partition: &Rc<Partition>, found: &Cleanable) -> bool {
        let shard = self.shard.clone();
        let (config, topic) = (shard.config(), partition.config());
        let map_bytes = self.map_bytes();
        let work = Compaction {
            first_dirty: found.first_dirty,
            until: found.until,
            now_ms: shard.runtime.wall().0,
            delete_retention_ms: i64::try_from(topic.delete_retention_ms).unwrap_or(i64::MAX),
            map_bytes: map_bytes as usize,
            load_factor: config.cleaner.load_factor,
            chunk_bytes: config.cleaner.io_bytes as usize,
        };
        let mut rest = Rest {
            shard: shard.clone(),
            background: self.background.clone(),
            partition: partition.clone(),
        };
        match partition.log().compact(&work, &mut rest).await {
            // What was compacted is being left for a copy that was not.
            Ok(_) if partition.is_copying() => false,
            Ok(done) => {
                let stats = done.stats;
                tracing::info!(
                    topic = %partition.topic, partition = partition.key.partition,
                    up_to = %done.up_to, keys = stats.keys,
                    records_before = stats.records_read, records = stats.records_kept,
                    bytes_before = stats.bytes_read, bytes = stats.bytes_written, "compacted"
                );
                self.cleaned.insert(partition.key, done.up_to);
                self.write(&partition.dir()).await;
                true
            }
            Err(error) => {
                self.told(partition, error);
                match error {
                    CompactError::Uncleanable(_) => {
                        self.uncleanable.insert(partition.key);
                    }
                    CompactError::MapTooSmall => {
                        self.too_small.insert(partition.key, map_bytes);
                    }
                    _ => {}
                }
                false
            }
        }
    }

    /// The room for the keys of one compaction, bytes.
    fn map_bytes(&self) -> u64 {
        let config = self.shard.config();
        let bytes = config
            .cleaner
            .dedupe_bytes
            .min(config.memory_bytes / MEMORY_SHARE);
        (bytes / u64::from(self.shard.shards)).max(MAP_BYTES_MIN)
    }

    async fn write(&self, dir: &crate::partition::LogDir) {
        let written = self.shard.write_cleaned(dir, &self.cleaned).await;
        if let Err(errno) = written {
            let dir = dir.path.display();
            tracing::warn!(%dir, %errno, "compacted logs not noted; they may be compacted again");
        }
    }

    fn told(&self, partition: &Partition, error: CompactError) {
        let (topic, index) = (&partition.topic, partition.key.partition);
        match error {
            CompactError::Stopped | CompactError::Moved => {}
            // It was deleted, or its disk failed, which has been said.
            CompactError::Log(LogError::Closed | LogError::Disk(_)) => {}
            CompactError::Uncleanable(_) => tracing::error!(
                %topic, partition = index, %error, "not compacted any more until the next start"
            ),
            error => tracing::warn!(%topic, partition = index, %error, "not compacted"),
        }
    }
}

/// Below it the end of every transaction is known.
fn stable(partition: &Partition) -> Offset {
    let readable = partition.high_watermark();
    let unstable = partition.log().first_unstable_offset();
    unstable.map_or(readable, |unstable| unstable.min(readable))
}

/// See `Never` at the head of the file.
struct Rest {
    shard: Rc<Shard>,
    background: Background,
    partition: Rc<Partition>,
}

impl Pace for Rest {
    async fn chunk(&mut self, bytes: u64, took: Duration) -> bool {
        let config = self.shard.config();
        let rate = config.cleaner.io_bytes_per_second_max / f64::from(self.shard.shards);
        let due = match bytes as f64 / rate {
            seconds if seconds.is_finite() && seconds > 0.0 => {
                Duration::from_secs_f64(seconds.min(REST_SECONDS_MAX))
            }
            _ => Duration::ZERO,
        };
        let rest = took.max(due.saturating_sub(took));
        self.background.pause(&self.shard.runtime, rest).await && !self.partition.is_copying()
    }
}

/// A rate of nearly nothing must not keep the shard from hearing of a higher one.
const REST_SECONDS_MAX: f64 = 60.0;
