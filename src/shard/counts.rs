//! What this shard tells a scrape of its partitions.
//!
//! Room:       `shard`.
//! Called by:  `broker::member`.
//! Calls:      `partition`.
//! Never:      holds up the data path: see `walk`.

use super::Shard;
use crate::map::Map;
use crate::metrics::Sample;
use std::sync::Arc;

impl Shard {
    /// Fills in how many partitions there are, and what became of their records.
    pub async fn count(&self, sample: &mut Sample) {
        sample.partitions_offline = self.offline.borrow().len();
        let mut topics: Map<Arc<str>, [u64; 3]> = Map::default();
        let mut walk = self.walk();
        while let Some(partition) = walk.next().await {
            sample.partitions += 1;
            sample.partitions_offline += usize::from(partition.is_offline());
            let levels = partition.levels.counted();
            if levels != [0; 3] {
                let sums = topics.entry(partition.topic.clone()).or_default();
                let pairs = sums.iter_mut().zip(levels);
                pairs.for_each(|(sum, level)| *sum += level);
            }
        }
        sample.topics = topics.into_iter().collect();
    }
}
