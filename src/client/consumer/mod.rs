//! The consumer: assigned partitions, one outstanding fetch per broker, read ahead of the caller.
//!
//! Room:       `client`.
//! Called by:  `cli`: console-consumer, perf.
//! Calls:      `fetcher` (a thread per leader), `admin` for offsets.
//! Never:      joins a group, commits an offset, or holds more than `READ_AHEAD` fetched parts.
//!
//! ```text
//!   broker ◀─ Fetch ─ fetcher (one per leader) ─▶ parts, checked and decompressed ─▶ poll()
//! ```

mod fetched;
mod fetcher;

pub use fetched::{ConsumedRecord, Fetched, Reading};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::admin::{OffsetSpec, list_offsets};
use super::clock;
use super::cluster::{Cluster, lock};
use super::error::ClientError;
use super::properties::OffsetReset;
use crate::protocol::Uuid;

/// Where to begin in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Offset(i64),
    Earliest,
    Latest,
    /// The first record at or after this time, milliseconds; the end when there is none.
    Time(i64),
}

/// A consumer of assigned partitions. `poll` is for one thread.
pub struct Consumer {
    shared: Arc<Shared>,
    parts: Receiver<Result<Fetched, ClientError>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    cluster: Arc<Cluster>,
    /// Every assigned partition; each is worked on by the fetcher of its leader only.
    positions: Mutex<Vec<Position>>,
    closed: AtomicBool,
    parts: SyncSender<Result<Fetched, ClientError>>,
}

/// How far one partition was fetched.
#[derive(Clone, Debug)]
struct Position {
    topic: Arc<str>,
    topic_id: Uuid,
    partition: i32,
    leader: i32,
    leader_epoch: i32,
    offset: i64,
    /// An error was handed to the caller; nothing more is fetched.
    failed: bool,
}

impl Consumer {
    /// Starts to fetch. Offsets that have to be asked for are asked for here.
    ///
    /// # Errors
    /// An unknown topic or partition, or brokers that can't be reached.
    pub fn assign(
        cluster: Arc<Cluster>,
        assignment: &[(&str, i32, Start)],
    ) -> Result<Self, ClientError> {
        let mut names: Vec<&str> = assignment.iter().map(|(topic, ..)| *topic).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            cluster.topic(name, false)?;
        }
        let positions = positions(&cluster, assignment)?;
        let mut leaders: Vec<i32> = positions.iter().map(|position| position.leader).collect();
        leaders.sort_unstable();
        leaders.dedup();
        let (sender, parts) = sync_channel(READ_AHEAD);
        let shared = Arc::new(Shared {
            cluster,
            positions: Mutex::new(positions),
            closed: AtomicBool::new(false),
            parts: sender,
        });
        let mut consumer = Self {
            shared,
            parts,
            threads: Vec::new(),
        };
        // Leaders can move to any broker later, so each gets its thread; idle ones only wait.
        for node in consumer.shared.cluster.known().brokers.into_keys() {
            consumer
                .threads
                .push(fetcher::spawn(&consumer.shared, node)?);
        }
        Ok(consumer)
    }

    /// Records of one partition, or `None` when none came within `timeout`. An error is told once;
    /// its partition is not fetched any more, the others go on.
    pub fn poll(&mut self, timeout: Duration) -> Result<Option<Fetched>, ClientError> {
        match self.parts.recv_timeout(timeout) {
            Ok(part) => part.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            // The sender lives in `shared`, so this means the same as an empty channel.
            Err(RecvTimeoutError::Disconnected) => Ok(None),
        }
    }

    /// The partitions that still are fetched.
    pub fn active(&self) -> usize {
        lock(&self.shared.positions)
            .iter()
            .filter(|position| !position.failed)
            .count()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Fetchers that wait for room in the channel must see it end.
        let (_, empty) = sync_channel(0);
        drop(std::mem::replace(&mut self.parts, empty));
        for thread in self.threads.drain(..) {
            // A fetcher that panicked has printed why.
            let _ = thread.join();
        }
    }
}

fn positions(
    cluster: &Cluster,
    assignment: &[(&str, i32, Start)],
) -> Result<Vec<Position>, ClientError> {
    let spec = |start| match start {
        Start::Offset(_) => None,
        Start::Earliest => Some(OffsetSpec::Earliest),
        Start::Latest => Some(OffsetSpec::Latest),
        Start::Time(time) => Some(OffsetSpec::Time(time)),
    };
    let ask: Vec<(&str, i32, OffsetSpec)> = assignment
        .iter()
        .filter_map(|(topic, partition, start)| Some((*topic, *partition, spec(*start)?)))
        .collect();
    let mut listed = list_offsets(cluster, &ask)?.into_iter();
    let mut positions = Vec::with_capacity(assignment.len());
    for (topic, partition, start) in assignment {
        let offset = match start {
            Start::Offset(offset) => *offset,
            _ => listed.next().map_or(-1, |listed| listed.offset),
        };
        let (leader, leader_epoch, topic_id) =
            cluster
                .leader(topic, *partition)
                .ok_or_else(|| ClientError::UnknownPartition {
                    topic: (*topic).to_owned(),
                    partition: Some(*partition),
                })?;
        let offset = match offset {
            // No record at or after the time: as Kafka's consumer does, go on at the end.
            -1 => list_offsets(cluster, &[(topic, *partition, OffsetSpec::Latest)])?[0].offset,
            offset => offset,
        };
        positions.push(Position {
            topic: (*topic).into(),
            topic_id,
            partition: *partition,
            leader,
            leader_epoch,
            offset,
            failed: false,
        });
    }
    Ok(positions)
}

impl Shared {
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// What an offset outside of the log becomes.
    fn reset_offset(&self, position: &Position) -> Result<i64, ClientError> {
        let spec = match self.cluster.config().consumer.offset_reset {
            OffsetReset::Earliest => OffsetSpec::Earliest,
            OffsetReset::Latest => OffsetSpec::Latest,
            OffsetReset::Back(ms) => OffsetSpec::Time((clock::wall_ms() - ms).max(0)),
            OffsetReset::Refuse => {
                return Err(ClientError::Refused {
                    what: format!(
                        "offset {} of {}-{}",
                        position.offset, position.topic, position.partition
                    ),
                    code: crate::protocol::ErrorCode::OffsetOutOfRange,
                    message: Some("auto.offset.reset is none".into()),
                });
            }
        };
        let ask = |spec| {
            let wanted = [(&*position.topic, position.partition, spec)];
            list_offsets(&self.cluster, &wanted).map(|listed| listed[0].offset)
        };
        match ask(spec)? {
            // No record is that young.
            -1 => ask(OffsetSpec::Latest),
            offset => Ok(offset),
        }
    }
}

/// Parts fetched ahead of the caller. With what a fetcher holds in hand this is a few fetches.
const READ_AHEAD: usize = 8;
