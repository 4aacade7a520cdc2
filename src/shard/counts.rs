//! What this shard tells a scrape of its partitions.
//!
//! Room:       `shard`.
//! Called by:  `broker::member`.
//! Calls:      `partition`.
//! Never:      looks at all partitions in one turn: there may be 100,000.

use super::Shard;
use crate::ids::PartitionKey;
use crate::map::Map;
use crate::metrics::Sample;
use std::sync::Arc;

/// Partitions looked at in one turn: some tens of microseconds.
const STEP: usize = 256;

impl Shard {
    /// Fills in how many partitions there are, and what became of their records.
    pub async fn count(&self, sample: &mut Sample) {
        let keys: Vec<PartitionKey> = self.partitions.borrow().keys().copied().collect();
        sample.partitions = keys.len();
        sample.partitions_offline = self.offline.borrow().len();
        let mut topics: Map<Arc<str>, [u64; 3]> = Map::default();
        for step in keys.chunks(STEP) {
            for partition in step.iter().filter_map(|key| self.partition(*key)) {
                sample.partitions_offline += usize::from(partition.is_offline());
                let levels = partition.levels.counted();
                if levels != [0; 3] {
                    let sums = topics.entry(partition.topic.clone()).or_default();
                    sums.iter_mut()
                        .zip(levels)
                        .for_each(|(sum, level)| *sum += level);
                }
            }
            self.runtime.yield_now().await;
        }
        sample.topics = topics.into_iter().collect();
    }
}
