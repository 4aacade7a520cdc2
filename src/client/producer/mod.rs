//! The producer: batches per partition, pipelined per broker, retried in order.
//!
//! Room:       `client`.
//! Called by:  `cli`: console-producer, perf.
//! Calls:      `cluster` for leaders, `connection`, `record_batch` for batches.
//! Never:      reorders a partition: while one of its batches waits to be sent again, no later one
//!             leaves. With idempotence a batch sent twice is stored once.
//!
//! ```text
//!   send() ─▶ queue of a partition ─▶ sender (one per leader) ─▶ socket ─▶ broker
//!              open batch, full ones      ≤ max.in.flight          │
//!                     ▲                                            ▼
//!                     └──── retriable failure ◀──── receiver (one per connection) ─▶ on_delivery
//! ```
//!
//! With `linger.ms=0` the caller's own thread sends when the connection is free, so that a lone
//! record pays for no thread switch.

mod queue;
mod sender;
mod settle;
mod split;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock;
use super::cluster::{Cluster, lock};
use super::error::ClientError;
use super::properties::ProducerConfig;
use crate::map::Map;
use queue::Queue;
use sender::Node;

/// What became of one batch.
#[derive(Debug)]
pub struct Delivery<'d> {
    pub topic: &'d str,
    pub partition: i32,
    /// The `tag` of each record, in order.
    pub tags: &'d [u64],
    /// The offset of the first record; -1 where the broker didn't say (acks=0, a duplicate).
    pub result: Result<i64, &'d ClientError>,
    /// Bytes of the batch as sent.
    pub batch_bytes: usize,
    /// When the answer was read, or the failure became final.
    pub at: Instant,
}

/// Called once per batch, on a thread of the producer's; must be quick.
pub type OnDelivery = Box<dyn Fn(&Delivery<'_>) + Send + Sync>;

/// A producer of records. Threads may share it; the order of one thread's `send`s is kept.
pub struct Producer {
    shared: Arc<Shared>,
}

/// A partition of a topic, as `Producer::partition` gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionHandle(usize);

/// One record on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'r> {
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    pub key: Option<&'r [u8]>,
    pub value: Option<&'r [u8]>,
    pub headers: &'r [(&'r str, Option<&'r [u8]>)],
    /// Handed back in `Delivery::tags`: a number, a time, whatever the caller needs.
    pub tag: u64,
}

/// What sender, receivers and callers share.
struct Shared {
    cluster: Arc<Cluster>,
    config: ProducerConfig,
    on_delivery: OnDelivery,
    state: Mutex<State>,
    /// A batch left the buffer, or all of them did.
    room: Condvar,
    closed: AtomicBool,
}

struct State {
    queues: Vec<Queue>,
    nodes: Map<i32, Arc<Node>>,
    threads: Vec<JoinHandle<()>>,
    /// Bytes of records neither acknowledged nor given up.
    buffered: usize,
    /// Batches neither acknowledged nor given up.
    unsettled: usize,
    /// Somebody waits until the buffer has room again.
    waits_for_room: bool,
    /// `flush` was called: batches leave without waiting for `linger`.
    flushing: bool,
}

impl Producer {
    /// A producer with the cluster's `config().producer`.
    pub fn new(cluster: Arc<Cluster>, on_delivery: OnDelivery) -> Self {
        let config = cluster.config().producer;
        let state = State {
            queues: Vec::new(),
            nodes: Map::default(),
            threads: Vec::new(),
            buffered: 0,
            unsettled: 0,
            waits_for_room: false,
            flushing: false,
        };
        let shared = Shared {
            cluster,
            config,
            on_delivery,
            state: Mutex::new(state),
            room: Condvar::new(),
            closed: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Prepares one partition: its leader is looked up, and with idempotence it gets a producer
    /// id (each partition its own, so that one's failure never stops the others).
    pub fn partition(&self, topic: &str, partition: i32) -> Result<PartitionHandle, ClientError> {
        let shared = &self.shared;
        if let Some(found) = shared.state().find(topic, partition) {
            return Ok(found);
        }
        if shared.cluster.leader(topic, partition).is_none() {
            shared.cluster.topic(topic, true)?;
        }
        let (leader, _, topic_id) = shared.cluster.leader(topic, partition).ok_or_else(|| {
            ClientError::UnknownPartition {
                topic: topic.into(),
                partition: Some(partition),
            }
        })?;
        let mut queue = Queue::new(topic, topic_id, partition, leader);
        if shared.config.idempotent {
            queue.stamp = settle::new_producer_id(&shared.cluster)?;
        }
        let mut state = shared.state();
        if let Some(found) = state.find(topic, partition) {
            return Ok(found);
        }
        state.queues.push(queue);
        let handle = PartitionHandle(state.queues.len() - 1);
        sender::node_of(shared, &mut state, leader);
        Ok(handle)
    }

    /// Puts a record into its partition's open batch. Waits while `buffer.memory` is full.
    ///
    /// # Errors
    /// `MESSAGE_TOO_LARGE` when the record can never be sent, a timeout when no room comes free
    /// within `max.block.ms`.
    pub fn send(&self, to: PartitionHandle, record: &Outgoing<'_>) -> Result<(), ClientError> {
        let shared = &self.shared;
        let bytes = queue::record_bytes(record);
        if bytes > shared.config.request_bytes_max {
            return Err(queue::too_large(bytes, shared.config.request_bytes_max));
        }
        let mut state = shared.state();
        if state.buffered + bytes > shared.config.buffer_bytes {
            state = shared.wait_for_room(state, bytes)?;
        }
        state.buffered += bytes;
        let queue = &mut state.queues[to.0];
        let was_full = queue.is_full();
        let opened = queue.append(record, bytes, &shared.config);
        let leader = queue.leader;
        let lone = shared.config.linger.is_zero();
        let is_ready = lone || (!was_full && queue.is_full());
        state.unsettled += usize::from(opened);
        // A new batch starts the sender's timer, a full one ends it.
        if opened || is_ready {
            let node = sender::node_of(shared, &mut state, leader);
            drop(state);
            if lone && node.pump_here(shared) {
                return Ok(());
            }
            node.wake();
        }
        Ok(())
    }

    /// Waits until every record sent so far is acknowledged or given up.
    ///
    /// # Errors
    /// `Timeout` after `timeout`; the records stay on their way.
    pub fn flush(&self, timeout: Duration) -> Result<(), ClientError> {
        let until = clock::now() + timeout;
        let mut state = self.shared.state();
        state.flushing = true;
        state.nodes.values().for_each(|node| node.wake());
        while state.unsettled > 0 {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                state.flushing = false;
                return Err(ClientError::Timeout {
                    address: "the cluster".into(),
                    api: "Produce",
                    after: timeout,
                });
            }
            state = wait(&self.shared.room, state, left);
        }
        state.flushing = false;
        Ok(())
    }

    /// Bytes of records that are neither acknowledged nor given up.
    pub fn buffered_bytes(&self) -> usize {
        self.shared.state().buffered
    }
}

impl Drop for Producer {
    /// What is not flushed is dropped.
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        let threads = {
            let mut state = self.shared.state();
            state.nodes.values().for_each(|node| node.close());
            std::mem::take(&mut state.threads)
        };
        for thread in threads {
            // A sender that panicked has printed why; there is nothing left to do here.
            let _ = thread.join();
        }
    }
}

impl State {
    fn find(&self, topic: &str, partition: i32) -> Option<PartitionHandle> {
        let mut queues = self.queues.iter();
        let at = queues.position(|q| &*q.topic == topic && q.partition == partition)?;
        Some(PartitionHandle(at))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn wait_for_room<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        bytes: usize,
    ) -> Result<MutexGuard<'s, State>, ClientError> {
        let block = self.cluster.config().api_timeout;
        let until = clock::now() + block;
        state.nodes.values().for_each(|node| node.wake());
        while state.buffered > 0 && state.buffered + bytes > self.config.buffer_bytes {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                let address = "the cluster".into();
                return Err(ClientError::Timeout {
                    address,
                    api: "Produce",
                    after: block,
                });
            }
            state.waits_for_room = true;
            state = wait(&self.room, state, left);
        }
        Ok(state)
    }
}

fn wait<'s>(
    condition: &Condvar,
    state: MutexGuard<'s, State>,
    timeout: Duration,
) -> MutexGuard<'s, State> {
    let waited = condition.wait_timeout(state, timeout);
    waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
}
