//! The shard's memory for answers: what is being read for clients, and what they have not taken.
//!
//! Room:       `handlers`.
//! Called by:  `fetch` (before it reads), `connection` (answers that wait for their socket).
//! Never:      cuts a client off; it says how patient one may be with those who take nothing.
//!
//! A client that takes its answers never waits long here, however many others take none: short of
//! memory it is answered with less. Of one client only the request whose answer is the next to be
//! sent goes on like that; those behind it wait until their turn comes, or there is memory.

use crate::io::Instant;
use crate::runtime::Runtime;
use crate::runtime::sync::Event;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

pub struct Answers {
    bytes_max: usize,
    /// Read or being read, and not on a socket yet.
    bytes: Cell<usize>,
    waiting: Cell<usize>,
    released: Event,
}

/// Answers of one connection that it has not taken.
pub struct Owed {
    answers: Rc<Answers>,
    bytes: Cell<usize>,
    /// Requests so far, and how many of them are answered up to the socket, in their order.
    asked: Cell<u64>,
    sent: Cell<u64>,
    closed: Cell<bool>,
}

/// Memory taken ahead of an answer.
pub struct Room {
    answers: Rc<Answers>,
    bytes: usize,
}

/// A shard's least share: some answers of a MiB at a time on any number of cores.
const SHARD_BYTES_MIN: usize = 4 << 20;

/// Below this much free memory a read waits.
const FREE_BYTES_MIN: usize = 256 << 10;

/// What a read may take when waiting has not helped; a first batch is sent whatever its size.
const SCARCE_BYTES: usize = 64 << 10;

/// How long a client that takes its answers waits for those who do not.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// How long one send may take when memory is short, and when it is twice exceeded.
const SHORT_PATIENCE: Duration = Duration::from_secs(10);
const NO_PATIENCE: Duration = Duration::from_secs(1);

impl Answers {
    /// `share_bytes` is what the shard has for answers.
    pub fn new(share_bytes: usize) -> Rc<Answers> {
        Rc::new(Answers {
            bytes_max: share_bytes.max(SHARD_BYTES_MIN),
            bytes: Cell::new(0),
            waiting: Cell::new(0),
            released: Event::new(),
        })
    }

    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    pub fn is_over(&self) -> bool {
        self.bytes.get() > self.bytes_max
    }

    /// Bytes that there may be.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Waits until clients have taken more of them.
    pub async fn taken(&self) {
        self.waiting.set(self.waiting.get() + 1);
        let _waiter = Waiter(&self.waiting);
        self.released.next().await;
    }

    /// How long one send may take, when `usual` holds in better times.
    pub fn patience(&self, usual: Duration) -> Duration {
        match self.bytes.get() {
            bytes if bytes > self.bytes_max.saturating_mul(2) => usual.min(NO_PATIENCE),
            bytes if bytes + FREE_BYTES_MIN > self.bytes_max => usual.min(SHORT_PATIENCE),
            _ => usual,
        }
    }

    /// Room for an answer of at most `wanted` bytes to `request`: an eighth of what is free, so
    /// that many find some at once (2 MiB with default settings on two cores; more is no faster).
    pub async fn room(
        self: &Rc<Self>,
        owed: &Owed,
        request: u64,
        wanted: usize,
        runtime: &Runtime,
    ) -> Room {
        let least = FREE_BYTES_MIN.min(wanted);
        let mut free = self.free();
        if free < least {
            free = self.wait(owed, request, least, runtime).await;
        }
        let bytes = match free < least {
            true => SCARCE_BYTES.min(wanted),
            false => (free / 8).max(least).min(wanted),
        };
        self.add(bytes);
        Room {
            answers: self.clone(),
            bytes,
        }
    }

    /// Waits for `least` free bytes and returns how many there are: a client that takes its
    /// answers does not wait long.
    async fn wait(&self, owed: &Owed, request: u64, least: usize, runtime: &Runtime) -> usize {
        self.waiting.set(self.waiting.get() + 1);
        let _waiter = Waiter(&self.waiting);
        let until = runtime.now().plus(WAIT_MAX);
        while self.free() < least && !owed.closed.get() {
            let at = match owed.sent.get() >= request {
                true if runtime.now() >= until => break,
                true => until,
                false => Instant::NEVER,
            };
            let _ = runtime.deadline(at, self.released.next()).await;
        }
        self.free()
    }

    fn free(&self) -> usize {
        self.bytes_max.saturating_sub(self.bytes.get())
    }

    fn add(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes);
    }

    fn release(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() - bytes);
        if self.waiting.get() > 0 {
            self.released.notify();
        }
    }
}

/// Counts as waiting as long as it lives.
struct Waiter<'a>(&'a Cell<usize>);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Owed {
    pub fn new(answers: Rc<Answers>) -> Rc<Owed> {
        Rc::new(Owed {
            answers,
            bytes: Cell::new(0),
            asked: Cell::new(0),
            sent: Cell::new(0),
            closed: Cell::new(false),
        })
    }

    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// One more request, `asked` is the number of the next.
    pub fn ask(&self) {
        self.asked.set(self.asked.get() + 1);
    }

    /// How many requests there were so far.
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// An answer is ready.
    pub fn add(&self, bytes: usize) {
        if !self.closed.get() {
            self.bytes.set(self.bytes.get() + bytes);
            self.answers.add(bytes);
        }
    }

    /// `bytes` have left; the first `sent` requests have their whole answers.
    pub fn release(&self, bytes: usize, sent: u64) {
        self.sent.set(sent);
        if !self.closed.get() {
            self.bytes.set(self.bytes.get() - bytes);
            self.answers.release(bytes);
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Nothing will be sent any more; whoever waits for room goes on.
    pub fn close(&self) {
        if !self.closed.replace(true) {
            self.answers.release(self.bytes.take());
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.close();
    }
}

impl Room {
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.answers.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::sync::both;
    use crate::sim::World;

    const MIB: usize = 1 << 20;

    fn runtime() -> (World, Runtime) {
        let world = World::new(1);
        let machine = world.machine();
        let runtime = Runtime::new(world.door(machine));
        (world, runtime)
    }

    #[test]
    fn room_halves_until_it_is_scarce_and_who_owes_nothing_is_served_soon() {
        let (_world, runtime) = runtime();
        let inner = runtime.clone();
        runtime.block_on(async move {
            let answers = Answers::new(0);
            let owed = Owed::new(answers.clone());
            let first = answers.room(&owed, 0, 50 * MIB, &inner).await;
            let second = answers.room(&owed, 0, 50 * MIB, &inner).await;
            let small = answers.room(&owed, 0, 100, &inner).await;
            assert_eq!(first.bytes(), MIB / 2);
            assert_eq!(second.bytes(), MIB / 16 * 7);
            assert_eq!(small.bytes(), 100);
            let deaf = Owed::new(answers.clone());
            deaf.add(3 * MIB);
            let before = inner.now();
            let other = Owed::new(answers.clone());
            let third = answers.room(&other, 0, 50 * MIB, &inner).await;
            assert_eq!(third.bytes(), SCARCE_BYTES);
            assert!(inner.now().since(before) >= WAIT_MAX);
            assert!(inner.now().since(before) < WAIT_MAX * 2);
            drop((first, second, third, small, deaf));
            assert_eq!(answers.bytes(), 0);
        });
    }

    #[test]
    fn who_takes_nothing_waits_until_it_is_gone() {
        let (_world, runtime) = runtime();
        let inner = runtime.clone();
        runtime.block_on(async move {
            let answers = Answers::new(0);
            let deaf = Owed::new(answers.clone());
            deaf.add(4 * MIB);
            let usual = Duration::from_secs(60);
            assert_eq!(answers.patience(usual), SHORT_PATIENCE);
            let asked = answers.room(&deaf, 1, MIB, &inner);
            let soon = inner.now().plus(Duration::from_secs(30));
            assert!(inner.deadline(soon, asked).await.is_none());
            let blocked = Owed::new(answers.clone());
            blocked.add(1);
            let asked = answers.room(&blocked, 0, MIB, &inner);
            let soon = inner.now().plus(WAIT_MAX * 2);
            // What waits for an earlier answer does not hold up that one.
            assert!(inner.deadline(soon, asked).await.is_some());
            let asked = answers.room(&blocked, 1, MIB, &inner);
            let turn = inner.now().plus(WAIT_MAX * 8);
            let sent = async {
                inner.sleep(WAIT_MAX * 4).await;
                blocked.release(1, 1);
            };
            assert!(inner.deadline(turn, both(sent, asked)).await.is_some());
            drop(blocked);
            let other = Owed::new(answers.clone());
            other.add(4 * MIB + 1);
            assert_eq!(answers.patience(usual), NO_PATIENCE);
            deaf.close();
            // What comes too late for a closed connection counts nothing.
            deaf.add(MIB);
            deaf.release(MIB, 1);
            assert_eq!(answers.bytes(), 4 * MIB + 1);
            drop(other);
            assert_eq!(answers.bytes(), 0);
            assert_eq!(answers.patience(usual), usual);
        });
    }
}
