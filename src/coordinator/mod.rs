//! Coordinators: what groups, share groups and transactions decide, as state machines over a
//! partition's log.
//!
//! Room:       `coordinator`, one machine per partition of an internal topic.
//! Called by:  `shard::coordinators`, on the shard that owns the partition.
//! Calls:      `protocol` for requests and records, `metadata` for topics and settings.
//! Never:      does I/O, reads a clock, draws on chance, or sees a connection: a step is given the
//!             time and a random number, and says what shall be done.
//!
//! A machine is made empty, replays the records of its partition, and then takes steps. What a
//! step changes and must survive goes into records; the caller appends them before anything else
//! happens, as one batch per step, and lets the step's answers and questions leave when everything
//! up to there is committed. So a machine changes its state at once and never waits. When the
//! append is refused the caller throws the machine away and loads another from the log.
//!
//! Always true:
//!   - a machine made by replaying the log knows all that any answer that left has promised.
//!   - every token of a request gets one answer, at once or in a later step.

#![forbid(unsafe_code)]

mod dismantle;
pub mod group;
mod place;
pub mod share;
mod step;
pub mod transaction;

pub use place::{Kind, java_hash, partition_of};
pub use step::{
    Ask, CREATE_TOPICS_VERSION, Coordinated, Effects, Millis, NewBatch, NewRecord, NewTopic,
    Producer, Step, Ticket, Token, encoded,
};

use crate::config::BrokerConfig;
use crate::metadata::Image;
use crate::protocol::{ApiKey, DecodeError};
use std::sync::Arc;

/// A state machine over one partition of an internal topic.
pub trait Machine {
    /// Applies a record of the log. Types that a newer broker wrote are skipped, as Kafka does.
    ///
    /// # Errors
    /// When the record cannot be understood: the partition is then not coordinated here.
    fn replay(&mut self, record: &Replayed<'_>) -> Result<(), DecodeError>;

    /// A transaction of this producer ended here: a control batch was replayed or appended.
    fn transaction_completed(&mut self, step: &mut Step, completed: Completed);

    /// The log is replayed to its end; timers start from now. Whether there is more to begin: it
    /// is called again then, after others had their turn, and before the first request.
    fn loaded(&mut self, step: &mut Step) -> bool;

    /// The broker's properties are now these; called before the first request, and when an
    /// operator has changed some.
    fn configure(&mut self, config: &BrokerConfig);

    /// The cluster's metadata is now this; called once before the first request.
    fn follow(&mut self, step: &mut Step, image: &Arc<Image>);

    /// A client's request; `token` is answered now or later, once.
    fn request(&mut self, step: &mut Step, token: Token, request: &Request);

    /// What came of an `Ask`.
    fn replied(&mut self, step: &mut Step, ticket: Ticket, reply: Coordinated);

    /// The time of `next_timeout` has come.
    fn timeout(&mut self, step: &mut Step);

    /// When the machine wants to be woken, if nothing else happens.
    fn next_timeout(&self) -> Option<Millis>;

    /// Gives back some of its memory. Whether there is more to give back: it is called again then,
    /// after others had their turn, and nothing else is any more.
    fn dismantle(&mut self) -> bool;
}

/// A request as its machine gets it: the body encoded, so that it crosses threads as it is.
#[derive(Clone, Debug)]
pub struct Request {
    pub api: ApiKey,
    pub version: i16,
    pub client: Client,
    pub body: Vec<u8>,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    /// As Kafka prints it: `/127.0.0.1`.
    pub host: String,
}

/// One record read back from the log.
#[derive(Clone, Copy, Debug)]
pub struct Replayed<'a> {
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Set when it belongs to a transaction, which is open until it is completed.
    pub producer: Option<Producer>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

/// The end of a transaction in this partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    pub producer: Producer,
    pub committed: bool,
}

/// A new machine for a partition of this kind.
pub fn machine(kind: Kind, config: &Arc<BrokerConfig>) -> Box<dyn Machine> {
    match kind {
        Kind::Group => Box::new(group::GroupMachine::new(config.group())),
        Kind::Transaction => {
            let settings = transaction::Settings::of(config);
            Box::new(transaction::Transactions::new(settings))
        }
        Kind::Share => Box::new(share::States::new(share::Settings::of(config))),
    }
}
