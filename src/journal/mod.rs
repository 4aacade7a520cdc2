//! A shard's one sequential write stream on one disk: groups, marks, recycling, replay.
//!
//! Room:       `journal`, durability. One `Journal` per (shard, log dir).
//! Called by:  `partition` (append, wait), `shard` (start, checkpoint, recovery).
//! Calls:      `runtime` for the door.
//! Never:      knows topics by name, replicas, or clients; reads a segment; decides what is kept
//!             (`shard::checkpoint` does and says `release`).
//!
//! Always true:
//!   - groups are numbered without gaps; both marks move over them in that order only.
//!   - synced <= written < the sequence of the open group.
//!   - after a failed write or sync no mark moves again and nothing more is written.
//!   - a file is overwritten only after the superblock says durably that nothing in it is needed.
//!
//! Files lie in the log dir itself, never in a folder of it: Kafka's loader reads every folder
//! name as topic-partition and refuses to start on another, but steps over plain files.
//!
//!   ottla-journal-0          superblock of shard 0, two copies
//!   ottla-journal-0-1, -2 …  ring files: group after group, block-aligned
//!   ottla-journal-0-copies   what was acknowledged as written before the ring had it
//!
//! One incarnation number serves all journals of a log dir: the checkpoint that ends a recovery
//! names the next one, and every journal of an earlier one is void from that instant. So a
//! recovery over several journals ends at one rename, whatever the shard counts before and after.

#![forbid(unsafe_code)]

mod copies;
mod error;
mod group;
mod growth;
mod handle;
pub mod inspect;
mod keeper;
mod listing;
mod marks;
mod open_group;
mod reader;
mod replay;
mod ring;
mod seek;
mod slab_budget;
mod superblock;
mod writer;

pub use error::JournalError;
pub use group::{Entry, Group, Incarnation, Kind};
pub use handle::Journal;
pub use listing::{newest, remove, shards_in};
pub use replay::{DAMAGED, Damage, Found, Replay};

pub use slab_budget::SlabBudget;

use ring::superblock_path;
use std::sync::Arc;

/// How a journal is kept. The defaults are DESIGN §4's.
#[derive(Clone)]
pub struct JournalSettings {
    /// Size of the first ring files, bytes.
    pub file_bytes_first: u64,
    /// Largest size of a ring file, bytes.
    pub file_bytes_max: u64,
    /// Most ring files at a time.
    pub files_max: usize,
    /// How many journals share the file system; together they take at most 1/8 of it.
    pub journals: u64,
    /// Size of the slabs batches are copied into, bytes; one large batch gets a larger one.
    pub slab_bytes: usize,
    pub sync: SyncMethod,
    /// Small groups are written through the page cache first (`copies`).
    pub copies: bool,
    /// Told about slabs taken and given back.
    pub budget: Option<Arc<SlabBudget>>,
    /// More than this waiting for the disk is latency without throughput: produce waits.
    pub queued_bytes_max: usize,
}

/// How a group becomes durable while acks=all batches come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMethod {
    /// Each write with RWF_DSYNC.
    DurableWrite,
    /// Plain writes, one fdatasync behind them.
    SyncAfter,
}

/// How full the journal is. Produce is slowed, not refused, when `is_high`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Bytes of ring files that hold groups not yet released.
    pub dirty_bytes: u64,
    /// Bytes of all ring files.
    pub capacity_bytes: u64,
    /// Bytes sealed or open, not yet written.
    pub queued_bytes: u64,
    /// How much may be, before produce waits.
    pub queued_bytes_max: u64,
    /// No free file is left behind the one being written.
    pub last_file: bool,
}

impl Pressure {
    pub fn is_high(&self) -> bool {
        self.queued_bytes > self.queued_bytes_max || self.last_file
    }
}

impl Default for JournalSettings {
    fn default() -> JournalSettings {
        JournalSettings {
            file_bytes_first: 4 << 20,
            file_bytes_max: 256 << 20,
            files_max: 4,
            journals: 1,
            slab_bytes: 1 << 20,
            sync: SyncMethod::DurableWrite,
            copies: true,
            budget: None,
            queued_bytes_max: 16 << 20,
        }
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod tests;
