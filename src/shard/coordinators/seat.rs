//! A seat: one partition, its machine, and who waits for what.
//!
//! Room:       `shard::coordinators`.
//! Called by:  `shard::coordinators`.
//! Calls:      `partition` to append, `coordinator`'s machine to decide.
//! Never:      keeps a machine whose records the log refused.

use super::{PendingAsk, Shard, refused};
use crate::coordinator::Ask;
use crate::coordinator::{
    Coordinated, Effects, Kind, Machine, Millis, NewBatch, Request, Step, Ticket, Token,
};
use crate::ids::{LeaderEpoch, Offset};
use crate::io::{Instant, Slice};
use crate::map::Map;
use crate::partition::{Append, AppendError, Origin, Partition, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::{BatchBuilder, BatchOptions, ProducerStamp};
use crate::runtime::Runtime;
use crate::runtime::sync::{Answer, Event, Reply, either, reply};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// One partition that is coordinated here, in one leader epoch.
pub(super) struct Seat {
    pub kind: Kind,
    pub partition: Rc<Partition>,
    pub epoch: LeaderEpoch,
    state: RefCell<State>,
    tokens: Cell<u64>,
    waiting: RefCell<Map<Token, Answer<Coordinated>>>,
    /// When the machine wants to be woken.
    next: Cell<Option<Millis>>,
    /// `next` is earlier than it was, or the machine has gone.
    news: Event,
    /// Counts machines, so that the tasks of an earlier one end.
    pub(super) life: Cell<u64>,
}

pub(super) enum State {
    Loading,
    /// Its log is replayed and its timers begin: it hears of everything but requests.
    Beginning(Box<dyn Machine>),
    Ready(Box<dyn Machine>),
    /// Its log cannot be understood.
    Refused,
    Gone,
}

/// How long a machine whose append was refused waits before it is loaded again.
pub(super) const RELOAD_PAUSE: Duration = Duration::from_millis(100);

impl State {
    /// A machine that has begun hears of requests too.
    fn serve(&mut self) {
        *self = match std::mem::replace(self, State::Gone) {
            State::Beginning(machine) => State::Ready(machine),
            other => other,
        };
    }
}

impl Seat {
    pub fn new(kind: Kind, partition: Rc<Partition>) -> Rc<Seat> {
        let epoch = partition.leader_epoch();
        Rc::new(Seat {
            kind,
            partition,
            epoch,
            state: RefCell::new(State::Loading),
            tokens: Cell::new(0),
            waiting: RefCell::new(Map::default()),
            next: Cell::new(None),
            news: Event::new(),
            life: Cell::new(0),
        })
    }

    /// Begins a request.
    pub fn request(self: &Rc<Self>, shard: &Rc<Shard>, request: &Request) -> Reply<Coordinated> {
        match &*self.state.borrow() {
            State::Ready(_) => {}
            State::Loading | State::Beginning(_) => {
                return refused(ErrorCode::CoordinatorLoadInProgress);
            }
            State::Refused | State::Gone => return refused(ErrorCode::NotCoordinator),
        }
        let token = Token(self.tokens.get());
        self.tokens.set(token.0 + 1);
        let (answer, reply) = reply();
        self.waiting.borrow_mut().insert(token, answer);
        self.step(shard, |machine, step| machine.request(step, token, request));
        reply
    }

    /// Lets the machine take a step, if it is loaded, and carries out what it wants.
    pub fn step(self: &Rc<Self>, shard: &Rc<Shard>, act: impl FnOnce(&mut dyn Machine, &mut Step)) {
        let mut state = self.state.borrow_mut();
        let (State::Beginning(machine) | State::Ready(machine)) = &mut *state else {
            return;
        };
        let mut step = new_step(shard);
        let most = self.partition.config().message_bytes_max as usize;
        step.record_bytes_max = most.min(self.partition.dir().journal.batch_bytes_max());
        act(machine.as_mut(), &mut step);
        let next = machine.next_timeout();
        drop(state);
        let before = self.next.replace(next);
        if next.is_some_and(|next| before.is_none_or(|before| next < before)) {
            self.news.notify();
        }
        self.carry_out(shard, step);
    }

    /// Takes a machine whose log is replayed; requests are served once it has begun.
    pub async fn become_ready(self: &Rc<Self>, shard: &Rc<Shard>, machine: Box<dyn Machine>) {
        let life = self.life.get();
        *self.state.borrow_mut() = State::Beginning(machine);
        // What changed while it was loading.
        let (image, config) = (shard.image(), shard.config());
        self.step(shard, |machine, step| {
            machine.configure(&config);
            machine.follow(step, &image);
        });
        let mut has_more = true;
        while has_more {
            has_more = false;
            self.step(shard, |machine, step| has_more = machine.loaded(step));
            if has_more {
                shard.runtime.yield_now().await;
            }
            // Its records were refused, or another broker leads.
            if self.life.get() != life {
                return;
            }
        }
        self.state.borrow_mut().serve();
        let (seat, shard, life) = (self.clone(), shard.clone(), self.life.get());
        let runtime = shard.runtime.clone();
        runtime.spawn(async move { seat.keep_time(&shard, life).await });
    }

    pub fn is_loading(&self) -> bool {
        matches!(*self.state.borrow(), State::Loading)
    }

    /// The log cannot be understood: nothing is coordinated here until a restart.
    pub fn refuse(&self) {
        let machine = self.end(State::Refused, ErrorCode::NotCoordinator);
        debug_assert!(machine.is_none(), "who loads it has it");
    }

    pub fn leave(&self, runtime: &Runtime) {
        if let Some(machine) = self.end(State::Gone, ErrorCode::NotCoordinator) {
            give_back(runtime, machine);
        }
    }

    /// The machine, if there was one, is to be given back.
    #[must_use]
    fn end(&self, state: State, code: ErrorCode) -> Option<Box<dyn Machine>> {
        let before = self.state.replace(state);
        self.life.set(self.life.get() + 1);
        self.next.set(None);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        let mut waiting: Vec<_> = waiting.into_iter().collect();
        waiting.sort_by_key(|(token, _)| *token);
        for (_, answer) in waiting {
            answer.send(Err(code));
        }
        self.news.notify();
        match before {
            State::Beginning(machine) | State::Ready(machine) => Some(machine),
            State::Loading | State::Refused | State::Gone => None,
        }
    }

    /// Wakes the machine when it wants to be woken, as long as it lives.
    async fn keep_time(self: Rc<Self>, shard: &Rc<Shard>, life: u64) {
        while self.life.get() == life {
            let seen = self.news.count();
            let Some(next) = self.next.get() else {
                self.news.after(seen).await;
                continue;
            };
            let at = instant(next);
            if shard.runtime.now() < at {
                either(shard.runtime.sleep_until(at), self.news.after(seen)).await;
                continue;
            }
            self.step(shard, |machine, step| machine.timeout(step));
            // A machine that always wants to be woken at once must not stop the others.
            shard.runtime.yield_now().await;
        }
    }

    fn carry_out(self: &Rc<Self>, shard: &Rc<Shard>, step: Step) {
        let Effects {
            batches,
            answers,
            asks,
            prunes,
        } = step.effects;
        let before = prunes.then(|| self.partition.log().log_end_offset());
        for batch in batches {
            if let Err(error) = self.append(shard, batch, step.wall) {
                let code = error.error_code();
                tracing::warn!(
                    topic = %self.partition.topic, partition = self.partition.key.partition, ?code,
                    "a coordinator's records were refused; it is loaded again"
                );
                if let Some(machine) = self.end(State::Loading, coordinator_code(code)) {
                    give_back(&shard.runtime, machine);
                }
                self.load(shard);
                return;
            }
        }
        let end = self.partition.log().log_end_offset();
        if let Some(before) = before {
            self.let_past_go(shard, before, end);
        }
        if answers.is_empty() && asks.is_empty() {
            return;
        }
        if self.partition.high_watermark() >= end {
            self.let_go(shard, answers, asks);
            return;
        }
        let visible = self.partition.visible(end);
        let (seat, shard, life) = (self.clone(), shard.clone(), self.life.get());
        let runtime = shard.runtime.clone();
        runtime.spawn(async move {
            if !visible.await {
                seat.answer_all(answers, ErrorCode::NotCoordinator);
            } else if seat.life.get() == life {
                seat.let_go(&shard, answers, asks);
            }
        });
    }

    /// Drops the log before `before` once all up to `end` is committed.
    fn let_past_go(self: &Rc<Self>, shard: &Rc<Shard>, before: Offset, end: Offset) {
        let (seat, life) = (self.clone(), self.life.get());
        let visible = self.partition.visible(end);
        shard.runtime.spawn(async move {
            if visible.await && seat.life.get() == life {
                // A disk that failed says so to who appends next.
                let _ = seat.partition.delete_before(before).await;
            }
        });
    }

    fn let_go(
        &self,
        shard: &Rc<Shard>,
        answers: Vec<(Token, Coordinated)>,
        asks: Vec<(Ticket, Ask)>,
    ) {
        for (token, body) in answers {
            self.answer(token, body);
        }
        for (ticket, ask) in asks {
            shard.coordinators.asks.push(PendingAsk {
                from: self.partition.key,
                epoch: self.epoch,
                ticket,
                ask,
            });
        }
    }

    fn answer_all(&self, answers: Vec<(Token, Coordinated)>, code: ErrorCode) {
        for (token, _) in answers {
            self.answer(token, Err(code));
        }
    }

    fn answer(&self, token: Token, body: Coordinated) {
        let answer = self.waiting.borrow_mut().remove(&token);
        if let Some(answer) = answer {
            answer.send(body);
        }
    }

    fn append(&self, shard: &Rc<Shard>, batch: NewBatch, wall: i64) -> Result<(), AppendError> {
        if batch.records.is_empty() {
            return Ok(());
        }
        let terms = Terms {
            acks: -1,
            zstd_allowed: true,
            now: shard.runtime.wall(),
            deadline: Instant::NEVER,
            origin: Origin::Coordinator,
        };
        let bytes_max = self.partition.config().message_bytes_max as usize;
        for records in built(&batch, wall, bytes_max) {
            match self
                .partition
                .append(&shard.runtime, Slice::from(records), terms, None)
            {
                Append::Now(appended) => {
                    appended?;
                }
                // Somebody else's batch is being checked before it. This one follows in its order,
                // and is in the log when the machine is loaded again.
                Append::Later(_) => return Err(AppendError::NotLeader),
            }
        }
        Ok(())
    }
}

/// Gives a machine back piece by piece: a hundred thousand members at once hold up the shard.
pub(super) fn give_back(runtime: &Runtime, mut machine: Box<dyn Machine>) {
    let others = runtime.clone();
    runtime.spawn(async move {
        while machine.dismantle() {
            others.yield_now().await;
        }
    });
}

/// One batch, or several when its records pass the size a batch may have.
fn built(batch: &NewBatch, wall: i64, bytes_max: usize) -> Vec<Vec<u8>> {
    let stamp = batch
        .producer
        .map_or(ProducerStamp::default(), |producer| ProducerStamp {
            id: producer.id,
            epoch: producer.epoch,
            base_sequence: 0,
        });
    let options = BatchOptions {
        transactional: batch.producer.is_some(),
        producer: stamp,
        ..BatchOptions::default()
    };
    let mut finished = Vec::new();
    let mut builder = BatchBuilder::new(options);
    for record in &batch.records {
        let value = record.value.as_deref();
        let (key_bytes, value_bytes) = (record.key.len(), value.map_or(0, <[u8]>::len));
        let more = BatchBuilder::record_bytes(builder.count(), key_bytes, value_bytes);
        if !builder.is_empty() && builder.size() + more > bytes_max {
            let full = std::mem::replace(&mut builder, BatchBuilder::new(options));
            finished.push(full.finish());
        }
        builder.append(wall, Some(&record.key), value, &[]);
    }
    finished.push(builder.finish());
    finished
}

/// What a client is told when its coordinator could not write, as Kafka tells it.
fn coordinator_code(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::NotEnoughReplicas
        | ErrorCode::UnknownTopicOrPartition
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        code => code,
    }
}

pub(super) fn new_step(shard: &Shard) -> Step {
    let runtime = &shard.runtime;
    let random = u128::from(runtime.random()) << 64 | u128::from(runtime.random());
    Step::at(millis(runtime.now()), runtime.wall().0, random)
}

fn millis(at: Instant) -> Millis {
    Millis(at.0 / NANOS_PER_MILLI)
}

fn instant(at: Millis) -> Instant {
    Instant(at.0.saturating_mul(NANOS_PER_MILLI))
}

const NANOS_PER_MILLI: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::NewRecord;
    use crate::protocol::record_batch::{Batch, Records};

    #[test]
    fn records_that_do_not_fit_one_batch_make_several() {
        let record = |size: usize| NewRecord {
            key: vec![1; 10],
            value: Some(vec![2; size]),
        };
        let batch = NewBatch {
            producer: None,
            records: vec![record(400), record(400), record(400), record(2000)],
        };
        let built = built(&batch, 5, 1000);
        let counts: Vec<usize> = built
            .iter()
            .map(|bytes| Records::of(&Batch::parse(bytes).expect("whole")).count())
            .collect();
        assert_eq!(counts, [2, 1, 1]);
    }
}
