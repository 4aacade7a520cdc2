//! The one door to the outside: disk, network, mesh, worker pool, clocks, randomness.
//!
//! Room:       `io`, one door per thread.
//! Called by:  `runtime`, which turns the door and hands completions to tasks.
//! Calls:      the kernel (`uring`), or a simulated world (`sim::door`).
//! Never:      knows Kafka, tasks or futures.
//!
//! The broker holds its door as `Box<dyn Io>` and cannot tell who opened it. A generic parameter
//! was refused: it would spread through every room and cost compile time, to save one indirect
//! call per operation (about 2 ns against an operation's microseconds).
//!
//! Always true:
//!   - `submit` never fails; what exceeds the opener's queue depth waits inside, in order.
//!   - every submitted operation completes, cancelled ones too; its buffers belong to the door
//!     until its last completion (`more == false`) comes out.
//!   - completions of different operations come in any order.

pub mod buffer;
pub mod clock;
#[cfg(test)]
pub mod conformance;
pub mod op;
pub mod uring;

pub use buffer::{Buffer, Slice};
pub use clock::{Instant, WallMillis};
pub use op::*;

/// The door. Four verbs and two clocks, so that it is easy to fake completely.
pub trait Io {
    /// Queues one operation; `token` comes back with each of its completions.
    fn submit(&mut self, token: Token, op: Op);

    /// Hands over what is queued, waits until a completion or until `until` (`None`: for ever; a
    /// past instant: not at all), and appends what completed to `done`.
    fn turn(&mut self, until: Option<Instant>, done: &mut Vec<Completion>);

    /// Monotonic time, nanoseconds since an arbitrary start; does not go backwards.
    fn now(&self) -> Instant;

    /// Wall clock, milliseconds since 1970; may jump in both directions.
    fn wall(&self) -> WallMillis;

    /// 64 random bits; in the simulator drawn from the seed.
    fn random(&mut self) -> u64;

    /// A handle that wakes this door's `turn` from any thread (signals, the worker pool).
    fn waker(&self) -> Waker;

    /// What the opener is and which kernel features it found, one line for the log.
    fn describe(&self) -> String;
}

/// Wakes a door that waits in `turn`, from any thread; further calls before it wakes are one.
#[derive(Clone)]
pub struct Waker(pub std::sync::Arc<dyn Wake>);

impl Waker {
    pub fn wake(&self) {
        self.0.wake();
    }
}

/// What an opener does to end its own waiting.
pub trait Wake: Send + Sync {
    fn wake(&self);
}
