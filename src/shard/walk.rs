//! A walk over all partitions of a shard, some in each turn.
//!
//! Room:       `shard`.
//! Called by:  background work that looks at each of them: retention, the cleaner, a scrape.
//! Calls:      `runtime`, to let everybody else go first.
//! Never:      touches all partitions in one turn: with 100,000 of them, cold ones mostly, that is
//!             milliseconds for which a client would wait.

use super::Shard;
use crate::ids::PartitionKey;
use crate::io::Instant;
use crate::partition::Partition;
use std::rc::Rc;
use std::time::Duration;

/// Partitions between two turns at most: some tens of microseconds when they are cold.
const STEP: usize = 256;
/// How long the walk and what is done with each may hold a turn up.
const SPAN: Duration = Duration::from_micros(100);

pub(super) struct Walk<'s> {
    shard: &'s Shard,
    keys: std::vec::IntoIter<PartitionKey>,
    /// Since it gave way.
    steps: usize,
    since: Instant,
}

impl Shard {
    /// All partitions that are here when each one's turn comes, in no order.
    pub(super) fn walk(&self) -> Walk<'_> {
        let keys: Vec<PartitionKey> = self.partitions.borrow().keys().copied().collect();
        Walk {
            shard: self,
            keys: keys.into_iter(),
            steps: 0,
            since: self.runtime.now_exact(),
        }
    }
}

impl Walk<'_> {
    pub async fn next(&mut self) -> Option<Rc<Partition>> {
        loop {
            let key = self.keys.next()?;
            self.steps += 1;
            let runtime = &self.shard.runtime;
            if self.steps > STEP || runtime.now_exact().since(self.since) > SPAN {
                runtime.yield_now().await;
                (self.steps, self.since) = (0, runtime.now_exact());
            }
            if let Some(partition) = self.shard.partition(key) {
                return Some(partition);
            }
        }
    }
}
