//! What a shard can be asked, and how it answers. Crosses threads: plain data and shared slices.
//!
//! Room:       `shard`.
//! Called by:  `router`, which delivers them; handlers, which make them.
//! Never:      carries copied record bytes.

use crate::coordinator::{self, Coordinated};
use crate::ids::{LeaderEpoch, Offset, PartitionKey};
use crate::io::{Address, Errno, Slice, WallMillis};
use crate::log::AbortedTransaction;
use crate::metadata::Image;
use crate::metrics::Sample;
use crate::partition::{EpochCheck, Guard, LeaderView, Marker, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::RefusedRecord;
use crate::shard::shares::message::{ShareReply, ShareRequest};
use std::path::PathBuf;
use std::sync::Arc;

/// A request from another core.
pub enum Request {
    Produce {
        parts: Vec<ProducePart>,
        terms: Terms,
    },
    /// Reads at once; an empty answer is an answer.
    Fetch { parts: Vec<FetchPart>, depth: Depth },
    /// Completes when what a reader may see beyond these offsets has grown by `bytes` in all,
    /// leadership changes, or the request is withdrawn.
    Watch {
        parts: Vec<(PartitionKey, Offset)>,
        committed: bool,
        bytes: usize,
    },
    /// Ends transactions; answered in order, when the markers are committed.
    Markers {
        markers: Vec<(PartitionKey, Marker)>,
    },
    /// One question per partition, answered in order.
    Ask {
        questions: Vec<(PartitionKey, Question)>,
    },
    /// One request per coordinator's partition, answered in order.
    Coordinate {
        parts: Vec<(PartitionKey, coordinator::Request)>,
    },
    /// The log dirs with the partitions this shard has in them: these, or all.
    Dirs {
        keys: Option<Arc<Vec<PartitionKey>>>,
    },
    /// Partitions that do not exist yet, and the log dirs they shall be in.
    Prefer {
        preferences: Arc<Vec<(Arc<str>, i32, PathBuf)>>,
    },
    /// About share partitions and share sessions.
    Share(Box<ShareRequest>),
    /// What the shard has counted.
    Sample,
    /// The newest metadata; answered when every partition follows it.
    Image(Arc<Image>),
}

/// The answer, by the request's kind.
pub enum Reply {
    Produce(Vec<ProduceAnswer>),
    Fetch(Vec<FetchAnswer>),
    Watched,
    Answers(Vec<Answer>),
    Marked(Vec<ErrorCode>),
    Coordinated(Vec<Coordinated>),
    Dirs(Vec<DirContent>),
    Share(ShareReply),
    Sample(Box<Sample>),
    Done,
    /// The shard is open; these partitions were found to have lost records.
    Started {
        lost: Vec<PartitionKey>,
    },
    /// Where a listener really listens.
    Listening(Address),
    Refused(Errno),
    /// It could not be done, in a sentence for the operator.
    Failed(String),
}

/// One partition's records.
#[derive(Clone)]
pub struct ProducePart {
    pub key: PartitionKey,
    pub records: Slice,
    /// From the answer that asked for the coordinator's word, which is here now.
    pub guard: Option<Guard>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceAnswer {
    pub error: ErrorCode,
    pub base_offset: Offset,
    /// -1 unless the topic stamps records itself.
    pub log_append_time: i64,
    pub log_start_offset: Offset,
    /// The records at fault (KIP-467).
    pub record_errors: Vec<RefusedRecord>,
    pub message: Option<String>,
    /// Nothing was appended: the transaction's coordinator must vouch for the partition first.
    pub unverified: Option<Guard>,
}

/// One partition of a Fetch.
#[derive(Clone, Copy, Debug)]
pub struct FetchPart {
    pub key: PartitionKey,
    pub from: Offset,
    pub bytes_max: usize,
    /// Its first batch may be larger than the bound.
    pub at_least_one: bool,
    pub epochs: EpochCheck,
    /// Only records below the last stable offset, with the aborted transactions among them.
    pub committed: bool,
}

/// How far a fetch reaches down.
#[derive(Clone, Copy, Debug)]
pub enum Depth {
    /// What is in memory, of all parts together at most `bytes_max`; the first batch of all may be
    /// larger. Costs no copy and no wait.
    Memory { bytes_max: usize },
    /// Each part up to its own bound.
    Disk,
}

/// What there is behind the records of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Nothing,
    /// More may be seen than the bound allowed.
    More,
    /// It lies on disk and was not read.
    OnDisk,
}

pub struct FetchAnswer {
    pub error: ErrorCode,
    /// `None` when the partition is not here or not led here.
    pub view: Option<LeaderView>,
    pub diverging: Option<(LeaderEpoch, Offset)>,
    pub records: Vec<Slice>,
    /// Sum of `records`.
    pub bytes: usize,
    pub behind: Behind,
    /// Of a committed fetch: which of the records do not count.
    pub aborted: Option<Vec<AbortedTransaction>>,
}

/// A log dir as one shard sees it.
#[derive(Clone, Debug)]
pub struct DirContent {
    pub path: PathBuf,
    /// Its disk failed: nothing in it is served until a restart.
    pub is_offline: bool,
    /// With the name of their topic.
    pub partitions: Vec<(Arc<str>, PartitionSize)>,
}

/// One replica's size, journaled bytes included.
#[derive(Clone, Copy, Debug)]
pub struct PartitionSize {
    pub partition: i32,
    pub bytes: i64,
    /// How far a future replica is behind.
    pub offset_lag: i64,
    pub is_future: bool,
}

/// What can be asked of one partition, beside Produce and Fetch.
#[derive(Clone, Debug)]
pub enum Question {
    /// ListOffsets: `at` as in the request (-1 latest, -2 earliest, -3 max timestamp, -4 earliest
    /// local, -5 last tiered, -6 earliest pending upload, or milliseconds).
    Offset {
        at: i64,
        current_leader_epoch: i32,
        committed: bool,
    },
    EpochEnd {
        epoch: LeaderEpoch,
        current_leader_epoch: i32,
    },
    /// DeleteRecords: -1 is the high watermark.
    DeleteBefore { offset: i64 },
    /// Producers that wrote lately (DescribeProducers).
    Producers { now: WallMillis },
    /// AlterReplicaLogDirs: the log dir of this path.
    MoveTo { dir: PathBuf },
}

#[derive(Clone, Debug)]
pub enum Answer {
    Refused(ErrorCode),
    /// Offset and timestamp, -1 and -1 when there is none.
    Offset {
        offset: i64,
        timestamp: i64,
        leader_epoch: i32,
    },
    EpochEnd {
        epoch: i32,
        end_offset: i64,
    },
    LowWatermark(Offset),
    /// The replica is there, or on its way.
    Moving,
    /// Sorted by producer id.
    Producers(Vec<ActiveProducer>),
}

/// A producer that wrote lately, as DescribeProducers tells it; -1 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveProducer {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    pub transaction_first_offset: i64,
}
