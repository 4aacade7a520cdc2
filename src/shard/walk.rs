//! A walk over all partitions of a shard, some in each turn.
//!
//! Room:       `shard`.
//! Called by:  background work that looks at each of them: retention, the cleaner, a scrape.
//! Calls:      `runtime`, to let everybody else go first.
//! Never:      touches all partitions in one turn: with 100,000 of them, cold ones mostly, that is
//!             milliseconds for which a client would wait.

use super::Shard;
use crate::ids::PartitionKey;
use crate::partition::Partition;
use std::rc::Rc;

/// Partitions between two turns: some tens of microseconds when they are cold.
const STEP: usize = 256;

pub(super) struct Walk<'s> {
    shard: &'s Shard,
    keys: std::vec::IntoIter<PartitionKey>,
    steps: usize,
}

impl Shard {
    /// All partitions that are here when each one's turn comes, in no order.
    pub(super) fn walk(&self) -> Walk<'_> {
        let keys: Vec<PartitionKey> = self.partitions.borrow().keys().copied().collect();
        Walk {
            shard: self,
            keys: keys.into_iter(),
            steps: 0,
        }
    }
}

impl Walk<'_> {
    pub async fn next(&mut self) -> Option<Rc<Partition>> {
        loop {
            let key = self.keys.next()?;
            self.steps += 1;
            if self.steps.is_multiple_of(STEP) {
                self.shard.runtime.yield_now().await;
            }
            if let Some(partition) = self.shard.partition(key) {
                return Some(partition);
            }
        }
    }
}
