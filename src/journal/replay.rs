//! What an unclean stop left: finding groups, judging tails, reading them again in order.
//!
//! Room:       `journal`.
//! Called by:  `shard::recovery`.
//! Never:      writes; consults metadata or segments.

use super::{Entry, Group, Incarnation, JournalError};
use crate::ids::{GroupSequence, PartitionKey, ShardId};
use crate::io::Slice;
use crate::runtime::Runtime;
use std::path::{Path, PathBuf};

/// One journal as it was found.
pub struct Found {
    pub shard: ShardId,
    pub incarnation: Incarnation,
    /// It was closed empty: nothing to replay.
    pub clean: bool,
    /// First and last group to replay; `first > last` when there is none.
    pub first: GroupSequence,
    pub last: GroupSequence,
    /// Groups that should be there and are not, in order.
    pub damage: Vec<Damage>,
}

/// A group at or below the durable mark that cannot be read: not a torn tail but a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub sequence: GroupSequence,
    /// Where its header stands, when it does.
    pub place: Option<(PathBuf, u64)>,
    /// Whose entries were in it; `None`: unknown, so anybody's of this journal.
    pub keys: Option<Vec<PartitionKey>>,
}

/// Reads the groups of one journal in order.
#[allow(dead_code, reason = "the scan is the next slice")]
pub struct Replay(());

impl Found {
    /// Finds every journal in `dir`. `since` is the incarnation the newest checkpoint names (0:
    /// there is no checkpoint): earlier journals are void, a later one means that it was lost.
    pub async fn all(
        runtime: &Runtime,
        dir: &Path,
        since: Incarnation,
    ) -> Result<Vec<Found>, JournalError> {
        let _ = (runtime, dir, since);
        unimplemented!("the scan")
    }

    /// Truncations and saved blocks among the groups to replay, in order: what recovery must
    /// know before it opens a log.
    pub fn notes(&self) -> impl Iterator<Item = (GroupSequence, Entry<'_>, Slice)> {
        std::iter::empty()
    }

    pub fn replay(&self, runtime: &Runtime) -> Replay {
        let _ = runtime;
        unimplemented!("the scan")
    }
}

impl Replay {
    /// The next whole group; damaged ones are left out (they are in `Found::damage`).
    pub async fn next(&mut self) -> Result<Option<Group>, JournalError> {
        unimplemented!("the scan")
    }
}
