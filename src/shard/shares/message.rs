//! What a shard can be asked about share partitions and share sessions. Crosses threads.
//!
//! Room:       `shard::shares`.
//! Called by:  `router`, which delivers them; handlers, which make them.

use crate::coordinator::share::partition::{Acknowledgement, Acquired, Mode};
use crate::ids::{LeaderEpoch, Offset, PartitionKey};
use crate::io::Slice;
use crate::protocol::ErrorCode;
use std::sync::Arc;

/// A member of a share group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    pub group: Arc<str>,
    pub id: Arc<str>,
}

pub enum ShareRequest {
    Session(Member, SessionStep),
    Fetch(ShareWanted),
    /// Completes when there may be something to acquire, or when it is withdrawn.
    Watch {
        group: Arc<str>,
        committed: bool,
        parts: Vec<(PartitionKey, Seen)>,
    },
    Acknowledge {
        member: Member,
        parts: Vec<(PartitionKey, Vec<Acknowledgement>)>,
    },
    /// The member has gone: what it has in these partitions is given back.
    Release {
        member: Member,
        parts: Vec<PartitionKey>,
    },
}

pub enum ShareReply {
    Session(Result<Session, ErrorCode>),
    Fetch(Vec<ShareAnswer>),
    Acknowledged(Vec<ErrorCode>),
}

/// What a request does to its member's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionStep {
    /// ShareFetch: opens at epoch 0, goes on with the epoch that is its turn; at -1 it is over.
    Fetch {
        epoch: i32,
        add: Vec<PartitionKey>,
        forget: Vec<PartitionKey>,
        acknowledges: bool,
    },
    /// ShareAcknowledge: goes on, or is over at -1.
    Acknowledge { epoch: i32 },
    /// Ends it, whatever its epoch; only the one that was opened as this when `opened` is given.
    End { opened: Option<u64> },
}

/// A session as a request finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Names this opening of it.
    pub opened: u64,
    /// Its partitions, and whether the member has never been told of them; those of its whole life
    /// when it ends.
    pub partitions: Vec<(PartitionKey, bool)>,
}

/// What a member wants of some partitions.
#[derive(Clone, Debug)]
pub struct ShareWanted {
    pub member: Member,
    pub mode: Mode,
    pub records_max: i64,
    pub batch_size: i64,
    /// Of each partition, about.
    pub bytes_max: usize,
    /// Only looks how much there is.
    pub peeks: bool,
    pub parts: Vec<PartitionKey>,
}

/// One partition's answer.
#[derive(Debug)]
pub struct ShareAnswer {
    pub error: ErrorCode,
    pub leader_epoch: LeaderEpoch,
    pub records: Vec<Slice>,
    /// Sum of `records`; for who peeks, what they would be.
    pub bytes: usize,
    pub acquired: Vec<Acquired>,
    pub seen: Seen,
}

/// What was the case when a fetch found nothing: a change is news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub version: u64,
    /// The log had nothing from here on; `None` when nothing of it could be given.
    pub from: Option<Offset>,
}
