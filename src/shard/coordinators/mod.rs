//! The coordinators of this shard: a machine per internal partition it leads, loaded from the log,
//! driven by requests and time, its effects carried out.
//!
//! Room:       `shard`.
//! Called by:  `shard::open`, when leadership comes and goes; `router`, with requests.
//! Calls:      `coordinator` for what is decided, `partition` and `log` for what is kept.
//! Never:      lets an answer leave before all that was appended until then is committed.
//!
//! Always true:
//!   - a machine has applied exactly the records of its partition's log: an append that is refused
//!     ends the machine, and another one is loaded.
//!   - a token is answered once, by the machine or by the end of its seat.

mod load;
mod seat;

use super::Shard;
use crate::config::BrokerConfig;
use crate::coordinator::{Ask, Completed, Coordinated, Kind, Request, Ticket};
use crate::ids::{LeaderEpoch, PartitionKey};
use crate::map::Map;
use crate::metadata::{Image, is_internal};
use crate::partition::Partition;
use crate::protocol::ErrorCode;
use crate::runtime::sync::{Queue, Reply, reply};
use seat::Seat;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

/// This shard's seats, and what their machines ask of others.
#[derive(Default)]
pub struct Coordinators {
    seats: RefCell<Map<PartitionKey, Rc<Seat>>>,
    asks: Queue<PendingAsk>,
    /// The properties that machines have heard of.
    config: RefCell<Option<Arc<BrokerConfig>>>,
}

/// A machine's question on its way.
pub struct PendingAsk {
    pub from: PartitionKey,
    pub epoch: LeaderEpoch,
    ticket: Ticket,
    pub ask: Ask,
}

impl Shard {
    /// Begins the first of these requests in this call, and each when the one before it has held
    /// the turn up for so long that others go first; each goes to the machine of its partition.
    pub fn coordinate(
        self: &Rc<Self>,
        parts: Vec<(PartitionKey, Request)>,
    ) -> impl Future<Output = Vec<Coordinated>> + 'static {
        let mut pace = self.runtime.pace();
        let mut begun = Vec::with_capacity(parts.len());
        let mut parts = parts.into_iter();
        for (key, request) in parts.by_ref() {
            begun.push(self.coordinate_one(key, &request));
            if pace.is_over() {
                break;
            }
        }
        let shard = self.clone();
        async move {
            for (key, request) in parts {
                pace.stride().await;
                begun.push(shard.coordinate_one(key, &request));
            }
            let mut answers = Vec::with_capacity(begun.len());
            for answer in begun {
                let answer = answer.checked().await;
                answers.push(answer.unwrap_or(Err(ErrorCode::NotCoordinator)));
                pace.step().await;
            }
            answers
        }
    }

    fn coordinate_one(self: &Rc<Self>, key: PartitionKey, request: &Request) -> Reply<Coordinated> {
        match self.seat(key) {
            Some(seat) => seat.request(self, request),
            None => refused(ErrorCode::NotCoordinator),
        }
    }

    /// The next question of a machine here to somebody else; one task may wait at a time.
    pub async fn next_ask(&self) -> Option<PendingAsk> {
        self.coordinators.asks.next().await
    }

    /// The answer to a machine's question. One that has gone does not hear it.
    pub fn ask_answered(self: &Rc<Self>, asked: &PendingAsk, reply: Coordinated) {
        let seat = self.seat(asked.from);
        if let Some(seat) = seat.filter(|seat| seat.epoch == asked.epoch) {
            seat.step(self, |machine, step| {
                machine.replied(step, asked.ticket, reply);
            });
        }
    }

    /// A control batch was appended to a partition: its coordinator, if it has one, must know.
    pub fn transaction_completed(self: &Rc<Self>, key: PartitionKey, completed: Completed) {
        if let Some(seat) = self.seat(key) {
            seat.step(self, |machine, step| {
                machine.transaction_completed(step, completed);
            });
        }
    }

    /// Begins to coordinate a partition that is led here since this epoch.
    pub(super) fn take_seat(self: &Rc<Self>, partition: &Rc<Partition>) {
        let Some(kind) = Kind::of_topic(&partition.topic) else {
            return;
        };
        self.leave_seat(partition.key);
        let seat = Seat::new(kind, partition.clone());
        let mut seats = self.coordinators.seats.borrow_mut();
        seats.insert(partition.key, seat.clone());
        drop(seats);
        seat.load(self);
    }

    /// Ends coordinating a partition: whoever waits looks elsewhere.
    pub(super) fn leave_seat(&self, key: PartitionKey) {
        let seat = self.coordinators.seats.borrow_mut().remove(&key);
        if let Some(seat) = seat {
            seat.leave(&self.runtime);
        }
    }

    /// Machines hear of new metadata, and of properties that have changed.
    pub(super) fn tell_seats(self: &Rc<Self>, image: &Arc<Image>) {
        let config = self.config();
        let told = self.coordinators.config.replace(Some(config.clone()));
        let is_new = told.is_none_or(|told| !Arc::ptr_eq(&told, &config));
        let mut seats: Vec<Rc<Seat>> = self.coordinators.seats.borrow().values().cloned().collect();
        seats.sort_by_key(|seat| seat.partition.key);
        for seat in seats {
            seat.step(self, |machine, step| {
                if is_new {
                    machine.configure(&config);
                }
                machine.follow(step, image);
            });
        }
    }

    fn seat(&self, key: PartitionKey) -> Option<Rc<Seat>> {
        self.coordinators.seats.borrow().get(&key).cloned()
    }
}

/// Whether a topic's partitions may be coordinated.
pub(super) fn is_coordinated(topic: &str) -> bool {
    is_internal(topic) && Kind::of_topic(topic).is_some()
}

fn refused(code: ErrorCode) -> Reply<Coordinated> {
    let (answer, reply) = reply();
    answer.send(Err(code));
    reply
}
