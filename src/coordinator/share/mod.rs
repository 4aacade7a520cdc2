//! Share groups (KIP-932): what became of the records that a group's members take one by one.
//!
//! Room:       `coordinator`.
//! Called by:  `shard`: `States` has a seat over each partition of `__share_group_state`, a
//!             `SharePartition` lives beside the data it is about.
//! Calls:      `protocol` for requests and records.
//! Never:      knows members: who belongs to a group is the group coordinator's (`group::share`).
//!
//! ```text
//!   member ── fetch, acknowledge ──▶ SharePartition ── batches of states ──▶ States ──▶ its log
//!                                    (what is in flight)                     (what survives)
//! ```
//!
//! A record is available, acquired by a member for a while, and at last acknowledged or archived.
//! What is acquired is known in memory only: after a restart such a record is available again, so
//! that each record is delivered at least once.

mod batches;
pub mod partition;
mod states;
#[cfg(test)]
mod tests;
pub mod wire;

pub use batches::{StateBatch, combine};
pub use states::{Settings, States};

use crate::ids::PartitionKey;

/// Names a share partition; where its state is kept follows from this.
pub fn key(group: &str, partition: PartitionKey) -> String {
    format!("{group}:{}:{}", partition.topic, partition.partition)
}

/// No offset is known yet: where a share partition starts follows from `share.auto.offset.reset`
/// when it is first fetched.
pub const UNINITIALIZED: i64 = -1;

/// States of a record as they are written down.
pub mod delivery {
    pub const AVAILABLE: i8 = 0;
    pub const ACKNOWLEDGED: i8 = 2;
    pub const ARCHIVED: i8 = 4;

    /// Whether a record in this state is never delivered again.
    pub fn is_final(state: i8) -> bool {
        state == ACKNOWLEDGED || state == ARCHIVED
    }
}
