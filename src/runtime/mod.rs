//! The executor of one thread: tasks, timers, and the door they wait for.
//!
//! Room:       `runtime`, one `Runtime` per shard, control shard included.
//! Called by:  every room that waits for something.
//! Calls:      `io`.
//! Never:      knows Kafka; starts a thread of its own (`thread` starts those of others).
//!
//! A turn: run every ready task, then those that waited for the turn's end (the journal seals its
//! group there, so all that was appended in a turn shares one write), then turn the door once.
//! Background work yields to the next turn after each slice of it.
//! Production calls `run`, the simulator's world calls `turn` of whichever door has the move.
//!
//! Always true:
//!   - a dropped future never frees a buffer the kernel still has: the door keeps it, and the
//!     orphaned completion is dropped (and what it opened is closed) when it comes.
//!   - tasks run in the order they were woken; nothing here draws on time or randomness.
//!
//! Wakers are `Arc`s around an index, not pointers to tasks: no unsafe code, 15 ns more a wake.

#![forbid(unsafe_code)]

pub mod ballast;
mod disk;
mod network;
mod operation;
mod pace;
pub mod sync;
mod task;
pub mod thread;
mod timers;

pub use disk::{File, FileError};
pub use network::{Inbox, Listener, Receiver, Socket};
pub use operation::{Operation, Operations};
pub use pace::Pace;
pub use timers::Sleep;

use crate::io::{Completion, Instant, Io, Op, Parcel, PeerId, Token, Waker, WallMillis};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

/// One thread's executor. Cloning shares it.
#[derive(Clone)]
pub struct Runtime(Rc<Inner>);

struct Inner {
    door: RefCell<Box<dyn Io>>,
    tasks: task::Tasks,
    operations: RefCell<operation::Table>,
    timers: RefCell<timers::Timers>,
    turn_end: RefCell<Vec<std::task::Waker>>,
    next_turn: RefCell<Vec<std::task::Waker>>,
    completions: RefCell<Vec<Completion>>,
    now: Cell<Instant>,
    stopping: Cell<bool>,
    turns: Cell<u64>,
}

/// Task polls between two turns of the door; a storm of wakes must not starve the sockets.
const POLLS_PER_TURN: usize = 4096;

impl Runtime {
    pub fn new(door: Box<dyn Io>) -> Runtime {
        let now = door.now();
        Runtime(Rc::new(Inner {
            door: RefCell::new(door),
            tasks: task::Tasks::new(),
            operations: RefCell::new(operation::Table::new()),
            timers: RefCell::new(timers::Timers::new()),
            turn_end: RefCell::new(Vec::new()),
            next_turn: RefCell::new(Vec::new()),
            completions: RefCell::new(Vec::new()),
            now: Cell::new(now),
            stopping: Cell::new(false),
            turns: Cell::new(0),
        }))
    }

    /// Starts a task; it runs in this turn if there is one, else in the next.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.0.tasks.spawn(Box::pin(future));
    }

    /// Starts a task and returns a future of its result; dropping that future leaves it running.
    pub fn spawn_with_result<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> sync::Reply<T> {
        let (answer, reply) = sync::reply();
        self.spawn(async move { answer.send(future.await) });
        reply
    }

    /// Does a job with each item, at most `at_once` at the same time; the results are in the order
    /// of the items.
    pub async fn each<T: 'static, R: 'static, F>(
        &self,
        items: Vec<T>,
        at_once: usize,
        job: impl Fn(T) -> F + 'static,
    ) -> Vec<R>
    where
        F: Future<Output = R> + 'static,
    {
        let count = items.len();
        let results: Vec<Option<R>> = (0..count).map(|_| None).collect();
        let results = Rc::new(RefCell::new(results));
        let (items, job) = (
            Rc::new(RefCell::new(items.into_iter().enumerate())),
            Rc::new(job),
        );
        let work = || {
            let (items, job, results) = (items.clone(), job.clone(), results.clone());
            self.spawn_with_result(async move {
                loop {
                    let next = items.borrow_mut().next();
                    let Some((index, item)) = next else {
                        return;
                    };
                    let result = job(item).await;
                    results.borrow_mut()[index] = Some(result);
                }
            })
        };
        let under_way: Vec<_> = (0..count.min(at_once)).map(|_| work()).collect();
        for worker in under_way {
            worker.await;
        }
        results.take().into_iter().flatten().collect()
    }

    /// Runs `future` to its end, turning the door meanwhile. For start-up and tests.
    pub fn block_on<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let slot = Rc::new(RefCell::new(None));
        let target = slot.clone();
        self.spawn(async move { *target.borrow_mut() = Some(future.await) });
        loop {
            self.run_ready();
            if let Some(result) = slot.borrow_mut().take() {
                return result;
            }
            self.turn(true);
        }
    }

    /// Turns until `stop` is called.
    pub fn run(&self) {
        while !self.0.stopping.get() {
            self.turn(true);
        }
    }

    /// Makes `run` return after this turn.
    pub fn stop(&self) {
        self.0.stopping.set(true);
    }

    /// Drops all tasks where they stand, as the death of a process does. They hold this runtime,
    /// so without it neither they nor the door would ever be freed. For the simulator.
    pub fn abandon(&self) {
        self.0.tasks.clear();
    }

    /// One turn. `park`: wait for a completion or the next timer when nothing is ready. Returns
    /// when the next timer is due, `None` without one; a past instant when tasks are ready.
    pub fn turn(&self, park: bool) -> Option<Instant> {
        self.run_ready();
        let yielded = self.0.next_turn.take();
        let busy = self.0.tasks.has_ready() || self.0.stopping.get() || !yielded.is_empty();
        let until = match (park && !busy, self.0.timers.borrow().next()) {
            (false, _) => Some(Instant(0)),
            (true, next) => next,
        };
        let mut completions = self.0.completions.take();
        self.0.door.borrow_mut().turn(until, &mut completions);
        self.0.now.set(self.0.door.borrow().now());
        self.0.turns.set(self.0.turns.get() + 1);
        for completion in completions.drain(..) {
            self.complete(completion);
        }
        self.0.completions.replace(completions);
        self.0.timers.borrow_mut().fire(self.0.now.get());
        yielded.into_iter().for_each(std::task::Waker::wake);
        if self.0.tasks.has_ready() {
            Some(Instant(0))
        } else {
            self.0.timers.borrow().next()
        }
    }

    /// Runs ready tasks, then those at the turn's end, until nothing is ready or the bound is met.
    fn run_ready(&self) {
        let mut polls = 0;
        loop {
            polls += self.0.tasks.run(POLLS_PER_TURN - polls);
            if polls >= POLLS_PER_TURN {
                return;
            }
            let waiting = self.0.turn_end.take();
            if waiting.is_empty() {
                return;
            }
            waiting.into_iter().for_each(std::task::Waker::wake);
        }
    }

    fn complete(&self, completion: Completion) {
        let orphan = self.0.operations.borrow_mut().complete(completion);
        if let Some(op) = orphan {
            // What an abandoned operation opened has no owner: close it, ignore the answer.
            self.submit_detached(op);
        }
    }

    /// Submits an operation with one completion.
    pub fn operation(&self, op: Op) -> Operation {
        let token = self.0.operations.borrow_mut().insert();
        self.0.door.borrow_mut().submit(token, op);
        Operation::new(self.clone(), token)
    }

    /// Submits a multishot operation; dropping the stream cancels it.
    pub fn operations(&self, op: Op) -> Operations {
        let token = self.0.operations.borrow_mut().insert();
        self.0.door.borrow_mut().submit(token, op);
        Operations::new(self.clone(), token)
    }

    /// Submits an operation nobody waits for.
    pub fn submit_detached(&self, op: Op) {
        let token = self.0.operations.borrow_mut().insert_detached();
        self.0.door.borrow_mut().submit(token, op);
    }

    /// Sends `parcel` to another door; order per pair is kept.
    pub fn post(&self, to: PeerId, parcel: Parcel) {
        self.submit_detached(Op::Post { to, parcel });
    }

    /// Time at the start of this turn: one clock read serves all its tasks.
    pub fn now(&self) -> Instant {
        self.0.now.get()
    }

    /// Time at this moment, for measuring inside a turn.
    pub fn now_exact(&self) -> Instant {
        self.0.door.borrow().now()
    }

    /// Wall clock in milliseconds since 1970.
    pub fn wall(&self) -> WallMillis {
        self.0.door.borrow().wall()
    }

    pub fn random(&self) -> u64 {
        self.0.door.borrow_mut().random()
    }

    /// Wakes this runtime's turn from another thread.
    pub fn waker(&self) -> Waker {
        self.0.door.borrow().waker()
    }

    /// The opener's description of itself and the kernel.
    pub fn describe(&self) -> String {
        self.0.door.borrow().describe()
    }

    /// Turns taken since the start; for metrics.
    pub fn turns(&self) -> u64 {
        self.0.turns.get()
    }

    pub fn sleep(&self, span: Duration) -> Sleep {
        self.sleep_until(self.now().plus(span))
    }

    pub fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::new(self.clone(), at)
    }

    /// Completes after every task that is ready now has run, at the end of this turn.
    pub fn turn_end(&self) -> TurnEnd {
        TurnEnd {
            runtime: self.clone(),
            waited: false,
        }
    }

    /// Lets everybody else go first: completes in the next turn, behind what its door brings.
    pub fn yield_now(&self) -> impl Future<Output = ()> {
        let mut yielded = false;
        std::future::poll_fn(move |cx| {
            if yielded {
                return std::task::Poll::Ready(());
            }
            yielded = true;
            self.0.next_turn.borrow_mut().push(cx.waker().clone());
            std::task::Poll::Pending
        })
    }

    /// For work over many things; the time it may hold a turn up starts now.
    pub fn pace(&self) -> Pace {
        Pace::new(self.clone())
    }

    /// Waits for `future` at most until `at`; `None` when the time came first.
    pub async fn deadline<T>(&self, at: Instant, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let mut sleep = std::pin::pin!(self.sleep_until(at));
        std::future::poll_fn(|cx| {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(cx) {
                return std::task::Poll::Ready(Some(value));
            }
            sleep.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// Runs `job` on the worker pool and returns its result.
    pub async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let op = Op::Work {
            job: Box::new(move || Box::new(job())),
        };
        match self.operation(op).await {
            crate::io::Outcome::Worked(result) => *result
                .downcast::<T>()
                .expect("a job's result has the type of its job"),
            _ => unreachable!("a job completes with `Worked`"),
        }
    }
}

/// See `Runtime::turn_end`.
pub struct TurnEnd {
    runtime: Runtime,
    waited: bool,
}

impl Future for TurnEnd {
    type Output = ();

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        if self.waited {
            return std::task::Poll::Ready(());
        }
        self.waited = true;
        self.runtime
            .0
            .turn_end
            .borrow_mut()
            .push(cx.waker().clone());
        std::task::Poll::Pending
    }
}

pub(crate) fn token_of(index: u32, generation: u32) -> Token {
    Token(u64::from(generation) << 32 | u64::from(index))
}
