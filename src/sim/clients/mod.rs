//! Simulated Kafka clients: producers, consumers, an operator; bytes on sockets.
//!
//! Room:       `sim`.
//! Called by:  `whole`, which starts them once and keeps their broker alive or not.
//! Calls:      `wire` for connections; `model` and `checker` with every answer.
//! Never:      knows that a broker was killed but by what its sockets say.
//!
//! Always true:
//!   - nothing is sent from a crash until what it left has been checked: else a batch on its way
//!     looks like one that was lost.
//!   - an answer counts for the life whose connection brought it; one of a broker whose remains
//!     were checked already is forgotten.

mod consumer;
mod numbered;
mod operator;
mod plain;

pub use consumer::consume;
pub use numbered::produce_numbered;
pub use operator::{administer, check, prepare};
pub use plain::produce;

use super::clock::{MILLISECOND, Nanos};
use super::model::Model;
use super::seed::Rng;
use super::wire::{Connection, Frame};
use crate::io::Address;
use crate::protocol::messages::produce::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{ProduceRequest, ProduceResponse};
use crate::protocol::{ErrorCode, TopicName, Uuid};
use crate::runtime::Runtime;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

pub const TOPIC: &str = "orders";

/// What all clients of a run share.
pub struct Fleet {
    pub address: Address,
    pub partitions: usize,
    pub topic_id: Cell<Uuid>,
    pub model: RefCell<Model>,
    /// Topics beside `TOPIC`: whether they must be there or must not; `None`: not known.
    pub topics: RefCell<BTreeMap<String, Option<bool>>>,
    /// Clients may send.
    pub open: Cell<bool>,
    /// Counts up when the remains of a broker are checked.
    pub life: Cell<u32>,
    /// Batches that may still be sent.
    pub budget: Cell<u64>,
    pub value_bytes_max: u64,
    /// The operator changes the topic's durability.
    pub levels_change: bool,
    /// The last life in which such a change got no answer.
    level_unknown_in: Cell<u32>,
    /// Numbered batches without an answer.
    pub waiting: Cell<usize>,
    streams: Cell<u64>,
}

/// A connection, and the broker's life it belongs to.
pub struct Link {
    pub connection: Connection,
    fleet: Rc<Fleet>,
    life: u32,
}

/// How often a client looks whether it may go on.
const LOOK: Duration = Duration::from_millis(3);

impl Fleet {
    pub fn new(address: Address, partitions: usize, budget: u64, value_bytes_max: u64) -> Fleet {
        Fleet {
            address,
            partitions,
            topic_id: Cell::default(),
            model: RefCell::new(Model::new(partitions)),
            topics: RefCell::default(),
            open: Cell::new(false),
            life: Cell::new(0),
            budget: Cell::new(budget),
            value_bytes_max,
            levels_change: false,
            level_unknown_in: Cell::new(0),
            waiting: Cell::new(0),
            streams: Cell::new(0),
        }
    }

    /// Tries until there is a connection to a broker that may be used.
    async fn link(self: &Rc<Self>, runtime: &Runtime, rng: &mut Rng) -> Rc<Link> {
        loop {
            while !self.open.get() {
                runtime.sleep(LOOK).await;
            }
            if let Some(link) = self.link_now(runtime, rng).await
                && link.may_send()
            {
                return Rc::new(link);
            }
            let pause = Duration::from_nanos(rng.below(10 * MILLISECOND));
            runtime.sleep(pause).await;
        }
    }

    /// One attempt, whether clients may send or not.
    async fn link_now(self: &Rc<Self>, runtime: &Runtime, rng: &mut Rng) -> Option<Link> {
        let life = self.life.get();
        let connection = Connection::open(runtime, self.address.clone(), rng.fork()).await?;
        Some(Link {
            connection,
            fleet: self.clone(),
            life,
        })
    }

    /// Takes one batch off the budget.
    fn take(&self) -> bool {
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(1));
        left > 0
    }

    fn next_stream(&self) -> u64 {
        self.streams.set(self.streams.get() + 1);
        self.streams.get()
    }

    fn value_bytes(&self, rng: &mut Rng) -> usize {
        let most = 1 + rng.below(self.value_bytes_max);
        8 + rng.below(most) as usize
    }
}

impl Link {
    /// Whether this is still the way to the broker that runs.
    fn may_send(&self) -> bool {
        self.fleet.open.get() && self.counts() && !self.connection.is_lost()
    }

    /// Whether an answer that came here still means something.
    fn counts(&self) -> bool {
        self.life == self.fleet.life.get()
    }
}

/// Seldom long, mostly none at all.
async fn think(runtime: &Runtime, rng: &mut Rng) {
    let most: Nanos = rng.choose(&[(4, 0), (10, 2 * MILLISECOND), (1, 300 * MILLISECOND)]);
    if most > 0 {
        runtime.sleep(Duration::from_nanos(rng.below(most))).await;
    }
}

/// One request with some batches, each of another partition.
fn produce_request<'a>(
    fleet: &Fleet,
    version: i16,
    acks: i16,
    batches: &'a [(usize, Vec<u8>)],
) -> ProduceRequest<'a> {
    let partitions = batches
        .iter()
        .map(|(partition, bytes)| PartitionProduceData {
            index: *partition as i32,
            records: Some(bytes),
        });
    ProduceRequest {
        acks,
        timeout_ms: 60_000,
        topic_data: vec![TopicProduceData {
            name: TopicName(if version <= 12 { TOPIC } else { "" }),
            topic_id: topic_id(fleet, version > 12),
            partition_data: partitions.collect(),
        }],
        ..ProduceRequest::default()
    }
}

fn topic_id(fleet: &Fleet, by_id: bool) -> Uuid {
    match by_id {
        true => fleet.topic_id.get(),
        false => Uuid::ZERO,
    }
}

/// Partition, error and base offset of each batch, in the order of the answer.
fn produce_answers(frame: &Frame) -> Vec<(usize, ErrorCode, i64)> {
    let response: ProduceResponse<'_> = frame.message();
    let partitions = response.responses.iter();
    let partitions = partitions.flat_map(|topic| &topic.partition_responses);
    partitions
        .map(|part| (part.index as usize, part.error_code, part.base_offset))
        .collect()
}

/// What a sound broker may answer a producer while it stops, or when it had no time.
fn may_be_refused(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RequestTimedOut | ErrorCode::NotLeaderOrFollower
    )
}
