//! One core's share of the broker: its partitions, its inbox, its timers.
//!
//! Room:       `shard`, the per-core owner.
//! Called by:  `router` and `broker`.
//! Calls:      `partition`, `coordinator`, `journal`, `log`, `runtime`.
//! Never:      locks, or blocks its thread.
//!
//! Which shard owns a partition follows from its topic's id and its number alone, so any number
//! of shards finds its partitions again at the next start.

#![forbid(unsafe_code)]

mod ask;
mod background;
pub mod batches;
pub mod checkpoint_error;
pub mod checkpoint_file;
pub mod checkpointer;
mod cleaner;
mod cleaner_checkpoint;
mod close;
mod configs;
pub mod coordinators;
mod counts;
mod fetch;
mod folders;
mod full_disk;
mod markers;
pub mod message;
mod moves;
mod open;
mod produce;
pub mod recovery;
mod recovery_error;
mod retention;
pub mod shares;
mod walk;

use crate::config::BrokerConfig;
use crate::ids::{PartitionKey, ShardId};
use crate::io::Errno;
use crate::map::{Map, Set};
use crate::metadata::Image;
use crate::partition::{LogDir, Partition};
use crate::protocol::ErrorCode;
use crate::runtime::Runtime;
use crate::runtime::sync::{Queue, Turn};
use background::Background;
use checkpointer::Checkpointer;
use coordinators::Coordinators;
use shares::Shares;
use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// One core's share.
pub struct Shard {
    pub id: ShardId,
    pub runtime: Runtime,
    config: RefCell<Arc<BrokerConfig>>,
    shards: u16,
    image: RefCell<Arc<Image>>,
    /// Whose turn it is to make the partitions what an image says.
    following: Turn,
    partitions: RefCell<Map<PartitionKey, Rc<Partition>>>,
    dirs: Vec<Rc<LogDir>>,
    /// One per log dir, in the same order.
    checkpointers: Vec<Checkpointer>,
    /// Partition folders found at the start that no image has claimed yet.
    found: RefCell<folders::Found>,
    /// Partitions found to have lost records.
    lost: RefCell<Vec<PartitionKey>>,
    /// Partitions that belong here and cannot be served: lost records, or a failed disk.
    offline: RefCell<Set<PartitionKey>>,
    /// Log dirs whose disk failed, to be told to control.
    failures: Queue<(PathBuf, Errno)>,
    coordinators: Coordinators,
    shares: Shares,
    moves: moves::Moves,
    background: Background,
}

/// What a shard is started with.
pub struct Plan {
    pub image: Arc<Image>,
    pub dirs: Vec<DirPlan>,
}

/// A log dir that was locked and recovered.
#[derive(Clone)]
pub struct DirPlan {
    pub path: PathBuf,
    /// `directory.id` of its `meta.properties`.
    pub id: [u8; 16],
    pub recovered: recovery::Recovered,
}

/// Why a shard cannot start or stop: one line for the operator.
#[derive(Debug)]
pub struct ShardError(pub String);

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The shard that owns a partition, of `shards`. A topic's partitions go round.
pub fn owner(key: PartitionKey, shards: u16) -> ShardId {
    let id = u128::from_be_bytes(key.topic.0);
    // The halves are random already, but for the few bits a version 4 id fixes.
    let topic = (id >> 64) as u64 ^ id as u64;
    ShardId((topic.wrapping_add(key.partition as u64) % u64::from(shards)) as u16)
}

impl Shard {
    pub fn image(&self) -> Arc<Image> {
        self.image.borrow().clone()
    }

    pub fn config(&self) -> Arc<BrokerConfig> {
        self.config.borrow().clone()
    }

    pub fn partition(&self, key: PartitionKey) -> Option<Rc<Partition>> {
        self.partitions.borrow().get(&key).cloned()
    }

    /// What to say of a partition that is not here.
    fn absence(&self, key: PartitionKey) -> ErrorCode {
        match self.offline.borrow().contains(&key) {
            true => ErrorCode::KafkaStorageError,
            false => ErrorCode::UnknownTopicOrPartition,
        }
    }

    /// The next log dir whose disk failed under this shard.
    pub async fn next_failure(&self) -> Option<(PathBuf, Errno)> {
        self.failures.next().await
    }

    /// Another shard met a failed disk that this one uses too.
    pub fn fail_dir(&self, path: &Path, errno: Errno) {
        let dirs = self.dirs.iter().filter(|dir| dir.path == path);
        dirs.for_each(|dir| dir.journal.fail(errno));
    }

    /// All partitions here, in the order of their keys.
    pub fn partitions(&self) -> Vec<Rc<Partition>> {
        let mut all: Vec<Rc<Partition>> = self.partitions.borrow().values().cloned().collect();
        all.sort_by_key(|partition| partition.key);
        all
    }

    pub fn dirs(&self) -> &[Rc<LogDir>] {
        &self.dirs
    }

    /// Who brings a partition's records into segments.
    pub fn checkpointer(&self, dir: &Rc<LogDir>) -> &Checkpointer {
        &self.checkpointers[self.index_of(dir)]
    }

    fn index_of(&self, dir: &Rc<LogDir>) -> usize {
        let index = self.dirs.iter().position(|own| Rc::ptr_eq(own, dir));
        index.expect("a partition lies in one of its shard's log dirs")
    }

    fn owns(&self, key: PartitionKey) -> bool {
        owner(key, self.shards) == self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TopicId;

    #[test]
    fn partitions_of_a_topic_go_round_the_shards() {
        let topic = TopicId([7; 16]);
        let mut counts = [0; 3];
        for partition in 0..9 {
            counts[usize::from(owner(PartitionKey { topic, partition }, 3).0)] += 1;
        }
        assert_eq!(counts, [3, 3, 3]);
    }
}
