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
use crate::runtime::Pace;
use std::rc::Rc;

pub(super) struct Walk<'s> {
    shard: &'s Shard,
    keys: std::vec::IntoIter<PartitionKey>,
    pace: Pace,
}

impl Shard {
    /// All partitions that are here when each one's turn comes, in no order.
    pub(super) fn walk(&self) -> Walk<'_> {
        self.walk_over(self.partitions.borrow().keys().copied().collect())
    }

    /// Those of them that are here, in this order.
    pub(super) fn walk_over(&self, keys: Vec<PartitionKey>) -> Walk<'_> {
        Walk {
            shard: self,
            keys: keys.into_iter(),
            pace: self.runtime.pace(),
        }
    }
}

impl Walk<'_> {
    pub async fn next(&mut self) -> Option<Rc<Partition>> {
        loop {
            let key = self.keys.next()?;
            self.pace.stride().await;
            if let Some(partition) = self.shard.partition(key) {
                return Some(partition);
            }
        }
    }
}
