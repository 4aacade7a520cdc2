//! A share partition at work: its machine, who waits for what, its clock.
//!
//! Room:       `shard::shares`.
//! Called by:  `shard::shares`.
//! Calls:      `coordinator::share` for what is decided, `partition` and `log` for data.
//! Never:      lets two fetches read it at once: the second would read what the first acquires.

use super::message::Seen;
use super::{Shard, StateAsk};
use crate::config::ShareReset;
use crate::coordinator::share::partition::{Limits, SharePartition, Write};
use crate::coordinator::share::wire::{self, Asked, Said};
use crate::coordinator::share::{self, UNINITIALIZED};
use crate::coordinator::{Coordinated, Millis};
use crate::ids::{LeaderEpoch, Offset};
use crate::io::Instant;
use crate::partition::{Partition, Watchers};
use crate::protocol::ErrorCode;
use crate::runtime::sync::{Answer, Event, Reply, either, reply};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

/// One share partition, while members are here and in one leader epoch.
pub struct ShareSeat {
    pub group: Rc<str>,
    pub partition: Rc<Partition>,
    pub epoch: LeaderEpoch,
    pub(super) state: RefCell<State>,
    /// Members that have fetched here and not gone.
    pub(super) members: RefCell<BTreeSet<Rc<str>>>,
    /// Acknowledgements that count once their write is done.
    waiting: RefCell<Vec<(Write, Answer<ErrorCode>)>>,
    is_read: Cell<bool>,
    /// Somebody came while it was read.
    was_missed: Cell<bool>,
    /// Counts what may be news to who found nothing.
    version: Cell<u64>,
    pub(super) watchers: Watchers,
    /// When the machine wants to be woken.
    next: Cell<Option<Millis>>,
    timing: Event,
}

pub enum State {
    Loading,
    Ready(SharePartition),
    /// Not any more, and why.
    Gone(ErrorCode),
}

/// How a fetch begins.
pub enum Begun {
    Gone(ErrorCode),
    /// Not now.
    Nothing,
    Read(Reading, Offset),
}

/// The right to read; given back when dropped.
pub struct Reading(Rc<ShareSeat>);

const NANOS_PER_MILLI: u64 = 1_000_000;

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.is_read.set(false);
        if self.0.was_missed.replace(false) {
            self.0.tell();
        }
    }
}

impl ShareSeat {
    pub fn new(group: Rc<str>, partition: Rc<Partition>) -> Rc<ShareSeat> {
        let epoch = partition.leader_epoch();
        Rc::new(ShareSeat {
            group,
            partition,
            epoch,
            state: RefCell::new(State::Loading),
            members: RefCell::new(BTreeSet::new()),
            waiting: RefCell::new(Vec::new()),
            is_read: Cell::new(false),
            was_missed: Cell::new(false),
            version: Cell::new(0),
            watchers: Watchers::default(),
            next: Cell::new(None),
            timing: Event::new(),
        })
    }

    /// Whether it is still about the same replica in the same epoch.
    pub fn holds(&self, partition: &Rc<Partition>) -> bool {
        Rc::ptr_eq(&self.partition, partition)
            && self.epoch == partition.leader_epoch()
            && partition.leads()
    }

    /// Asks what is known of it; members wait meanwhile.
    pub fn load(self: &Rc<Self>, shard: &Rc<Shard>) {
        let (seat, shard) = (self.clone(), shard.clone());
        let runtime = shard.runtime.clone();
        runtime.spawn(async move {
            let asked = Asked::Read {
                leader_epoch: seat.epoch.0,
            };
            let answer = seat.ask(&shard, &asked).checked().await;
            let answer = answer.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable));
            let loaded = match wire::said(&asked, &answer) {
                Ok(Said::State {
                    state_epoch,
                    start,
                    batches,
                }) => seat.begin(&shard, state_epoch, start, &batches).await,
                Ok(_) => Err(ErrorCode::UnknownServerError),
                Err(code) => Err(told(code)),
            };
            if !matches!(*seat.state.borrow(), State::Loading) {
                return;
            }
            match loaded {
                Ok(machine) => {
                    *seat.state.borrow_mut() = State::Ready(machine);
                    seat.flush(&shard);
                    seat.tell();
                    let runtime = shard.runtime.clone();
                    runtime.spawn(async move { seat.keep_time(&shard).await });
                }
                Err(code) => seat.leave(code),
            }
        });
    }

    async fn begin(
        &self,
        shard: &Rc<Shard>,
        state_epoch: i32,
        start: i64,
        batches: &[share::StateBatch],
    ) -> Result<SharePartition, ErrorCode> {
        let epochs = (state_epoch, self.epoch.0);
        let nonsense = |_| {
            tracing::error!(
                group = %self.group, topic = %self.partition.topic,
                partition = self.partition.key.partition,
                "what was written of a share partition makes no sense; it is not served"
            );
            ErrorCode::UnknownServerError
        };
        if start != UNINITIALIZED {
            return SharePartition::load(epochs, start, batches).map_err(nonsense);
        }
        let start = self.first_start(shard).await?;
        let fresh = SharePartition::load(epochs, start.0, &[]).map_err(nonsense)?;
        Ok(fresh.that_begins())
    }

    /// Where a group begins that has never read here.
    async fn first_start(&self, shard: &Rc<Shard>) -> Result<Offset, ErrorCode> {
        let latest = self.partition.high_watermark();
        match shard.share_config(&self.group).reset {
            ShareReset::Latest => Ok(latest),
            ShareReset::Earliest => Ok(self.partition.log().log_start_offset()),
            ShareReset::Before { ms } => {
                let at = shard.runtime.wall().0.saturating_sub(ms);
                let found = self.partition.log().offset_for_timestamp(at, latest).await;
                match found {
                    Ok(found) => Ok(found.map_or(latest, |(offset, _)| offset)),
                    Err(error) => Err(error.error_code()),
                }
            }
        }
    }

    /// Begins a fetch.
    pub fn begin_fetch(self: &Rc<Self>, limits: &Limits) -> Begun {
        let mut state = self.state.borrow_mut();
        let machine = match &mut *state {
            State::Ready(machine) => machine,
            State::Loading => return Begun::Nothing,
            State::Gone(code) => return Begun::Gone(*code),
        };
        if self.is_read.get() {
            self.was_missed.set(true);
            return Begun::Nothing;
        }
        if !machine.has_room(limits) {
            return Begun::Nothing;
        }
        self.is_read.set(true);
        let from = Offset(machine.fetch_offset());
        Begun::Read(Reading(self.clone()), from)
    }

    /// What was the case for a fetch that found nothing.
    pub fn seen(&self, from: Option<Offset>) -> Seen {
        Seen {
            version: self.version.get(),
            from,
        }
    }

    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// Something may be there that was not.
    pub fn tell(&self) {
        self.version.set(self.version.get() + 1);
        self.watchers.wake_all();
    }

    /// Lets the machine act, if it is there, and does what follows from that.
    pub fn act<T>(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        act: impl FnOnce(&mut SharePartition, Millis) -> T,
    ) -> Option<T> {
        let mut state = self.state.borrow_mut();
        let State::Ready(machine) = &mut *state else {
            return None;
        };
        let outcome = act(machine, millis(shard.runtime.now()));
        let next = machine.next_timeout();
        drop(state);
        let before = self.next.replace(next);
        if next.is_some_and(|next| before.is_none_or(|before| next < before)) {
            self.timing.notify();
        }
        self.flush(shard);
        Some(outcome)
    }

    /// The code of a write, once it is done.
    pub fn wait(&self, write: Write) -> Reply<ErrorCode> {
        let (answer, reply) = reply();
        self.waiting.borrow_mut().push((write, answer));
        reply
    }

    /// Has written what is to be written. What comes meanwhile goes with the next write.
    fn flush(self: &Rc<Self>, shard: &Rc<Shard>) {
        let begun = match &mut *self.state.borrow_mut() {
            State::Ready(machine) => machine.begin_write(),
            _ => None,
        };
        let Some((write, update)) = begun else {
            return;
        };
        let asked = Asked::Write(update);
        let answer = self.ask(shard, &asked);
        let (seat, shard) = (self.clone(), shard.clone());
        let runtime = shard.runtime.clone();
        runtime.spawn(async move {
            let answer = answer.checked().await;
            let answer = answer.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable));
            let code = match wire::said(&asked, &answer) {
                Ok(_) => ErrorCode::None,
                Err(code) => code,
            };
            seat.written(&shard, write, code);
        });
    }

    fn written(self: &Rc<Self>, shard: &Rc<Shard>, write: Write, code: ErrorCode) {
        let limits = shard.share_limits(&self.group);
        let is_done = code == ErrorCode::None;
        if !is_done {
            tracing::warn!(
                group = %self.group, topic = %self.partition.topic,
                partition = self.partition.key.partition, ?code,
                "a share partition's state was not written"
            );
        }
        self.act(shard, |machine, now| {
            machine.written(now, write, is_done, &limits)
        });
        let mut waiting = self.waiting.borrow_mut();
        let (done, rest): (Vec<_>, Vec<_>) = waiting.drain(..).partition(|(w, _)| *w == write);
        *waiting = rest;
        drop(waiting);
        for (_, answer) in done {
            answer.send(told(code));
        }
        if is_fenced(code) {
            self.leave(told(code));
            shard.forget_share(self);
        } else {
            self.tell();
            shard.forget_share_if_left(self);
        }
    }

    /// Whether a write is under way or to come.
    pub fn is_busy(&self) -> bool {
        match &*self.state.borrow() {
            State::Ready(machine) => machine.is_writing(),
            _ => false,
        }
    }

    /// It is over: whoever waits is told.
    pub fn leave(&self, code: ErrorCode) {
        *self.state.borrow_mut() = State::Gone(code);
        self.next.set(None);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        for (_, answer) in waiting {
            answer.send(code);
        }
        self.timing.notify();
        self.tell();
    }

    /// Gives back what members have had for too long, as long as it lives.
    async fn keep_time(self: Rc<Self>, shard: &Rc<Shard>) {
        loop {
            let seen = self.timing.count();
            if matches!(*self.state.borrow(), State::Gone(_)) {
                return;
            }
            let Some(next) = self.next.get() else {
                self.timing.after(seen).await;
                continue;
            };
            let at = Instant(next.0.saturating_mul(NANOS_PER_MILLI));
            if shard.runtime.now() < at {
                either(shard.runtime.sleep_until(at), self.timing.after(seen)).await;
                continue;
            }
            let limits = shard.share_limits(&self.group);
            self.act(shard, |machine, now| machine.timeout(now, &limits));
            self.tell();
            shard.runtime.yield_now().await;
        }
    }

    fn ask(&self, shard: &Shard, asked: &Asked) -> Reply<Coordinated> {
        let (answer, reply) = reply();
        let key = self.partition.key;
        shard.shares.asks.push(StateAsk {
            key: share::key(&self.group, key),
            request: wire::request(&self.group, key, asked),
            answer,
        });
        reply
    }
}

fn millis(at: Instant) -> Millis {
    Millis(at.0 / NANOS_PER_MILLI)
}

/// What a member is told when the state could not be read or written, as Kafka tells it.
fn told(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::None | ErrorCode::GroupIdNotFound | ErrorCode::UnknownTopicOrPartition => code,
        ErrorCode::NotCoordinator
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::CoordinatorLoadInProgress => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::FencedLeaderEpoch | ErrorCode::FencedStateEpoch => {
            ErrorCode::NotLeaderOrFollower
        }
        _ => ErrorCode::UnknownServerError,
    }
}

/// Whether the state is somebody else's now, or nobody's.
fn is_fenced(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::FencedLeaderEpoch
            | ErrorCode::FencedStateEpoch
            | ErrorCode::GroupIdNotFound
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::InvalidRequest
    )
}
