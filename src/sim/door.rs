//! The simulated opener of the door: operations go in, completions come out when their time came.
//!
//! Room:       `sim`.
//! Called by:  `runtime`, which cannot tell it from a ring.
//! Calls:      `world` for everything.
//! Never:      blocks the thread; a door without a driver lets the world go on while it waits.

use super::clock::{Latency, MICROSECOND, MILLISECOND, Nanos};
use super::seed::Rng;
use super::world::{
    Core, DoorKey, Event, InFlight, MachineId, OpKey, Shared, WALL_START_MS, Work, World,
};
use crate::io::buffer::OnRelease;
use crate::io::{
    Completion, Errno, Instant, Io, Op, Outcome, PeerId, Token, Wake, Waker, WallMillis,
};
use crate::map::Map;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Weak;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the world knows of one door.
pub(super) struct DoorState {
    pub machine: MachineId,
    pub peer: PeerId,
    /// False once its process died or it was dropped.
    pub alive: bool,
    pub driven: bool,
    pub ready: Vec<Completion>,
    pub tokens: Map<Token, OpKey>,
    pub files: Map<u32, super::files::Handle>,
    pub file_next: u32,
    pub run_at: Option<Nanos>,
    pub busy_until: Nanos,
    /// Added to world time to make this door's clock.
    pub base: Nanos,
    pub rng: Rng,
    pub flags: Arc<Flags>,
    /// Receives that wait for provided buffers to come back.
    pub starved: VecDeque<OpKey>,
    pub inbox: Option<OpKey>,
    pub letters: super::mesh::Letters,
    pub signals: Option<OpKey>,
}

/// What other threads, and whoever drops a buffer, may touch.
pub(super) struct Flags {
    woken: AtomicBool,
    any_woken: Arc<AtomicBool>,
    /// Provided buffers that are out.
    pub provided: AtomicUsize,
    /// Detached sockets nobody attached.
    pub orphans: Mutex<Vec<u32>>,
}

/// Provided buffers of a door. Few, so that running out of them is common.
pub(super) const PROVIDED_MAX: usize = 64;
pub(super) const PROVIDED_BYTES: usize = 4096;

impl Flags {
    pub fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    pub fn orphan(&self, socket: u32) {
        let mut orphans = self
            .orphans
            .lock()
            .expect("no code panics holding the orphans");
        orphans.push(socket);
        self.any_woken.store(true, Ordering::Release);
    }
}

impl Wake for Flags {
    fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.any_woken.store(true, Ordering::Release);
    }
}

impl OnRelease for Flags {
    fn release(&self, _key: u64, _length: usize) {
        self.provided.fetch_sub(1, Ordering::AcqRel);
        self.any_woken.store(true, Ordering::Release);
    }
}

impl DoorState {
    pub fn new(
        machine: MachineId,
        peer: PeerId,
        base: Nanos,
        rng: Rng,
        any_woken: Arc<AtomicBool>,
    ) -> DoorState {
        DoorState {
            machine,
            peer,
            alive: true,
            driven: false,
            ready: Vec::new(),
            tokens: Map::default(),
            files: Map::default(),
            file_next: 0,
            run_at: None,
            busy_until: 0,
            base,
            rng,
            flags: Arc::new(Flags {
                woken: AtomicBool::new(false),
                any_woken,
                provided: AtomicUsize::new(0),
                orphans: Mutex::new(Vec::new()),
            }),
            starved: VecDeque::new(),
            inbox: None,
            letters: super::mesh::Letters::default(),
            signals: None,
        }
    }
}

/// One door of a simulated process.
pub(super) struct SimDoor {
    /// Weak: drivers hold runtimes, runtimes hold doors, and the world holds drivers.
    shared: Weak<Shared>,
    key: DoorKey,
    flags: Arc<Flags>,
    base: Nanos,
    /// The latest time told; asking takes a little time, so that nobody spins for ever.
    told: Cell<Nanos>,
    idle_turns: u32,
}

/// What looking at the clock costs.
const CLOCK_COST: Nanos = 20;
/// What a turn that may not wait costs.
const POLL_COST: Nanos = MICROSECOND;
/// Turns without anything left to happen after which waiting is called a bug.
const IDLE_TURNS_MAX: u32 = 1_000;

impl SimDoor {
    pub fn new(shared: Weak<Shared>, key: DoorKey, state: &DoorState) -> SimDoor {
        SimDoor {
            shared,
            key,
            flags: state.flags.clone(),
            base: state.base,
            told: Cell::new(0),
            idle_turns: 0,
        }
    }
}

impl Io for SimDoor {
    fn submit(&mut self, token: Token, op: Op) {
        if let Some(shared) = self.shared.upgrade() {
            shared.core.borrow_mut().submit(self.key, token, op);
        }
    }

    fn turn(&mut self, until: Option<Instant>, done: &mut Vec<Completion>) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let limit = until.map_or(Nanos::MAX, |until| {
            let soonest = self
                .told
                .get()
                .max(shared.core.borrow().timeline.now() + self.base);
            let limit = until.0.max(soonest + POLL_COST);
            limit.saturating_sub(self.base)
        });
        let world = World(shared);
        loop {
            {
                let core = &mut *world.0.core.borrow_mut();
                core.close_orphans(self.key);
                core.resume_starved(self.key);
                let state = &mut core.doors[self.key.0];
                let woken = self.flags.take_woken();
                let came = !state.ready.is_empty();
                done.append(&mut state.ready);
                if came || woken || state.driven || !state.alive {
                    self.idle_turns = 0;
                    return;
                }
            }
            if !world.step_until(limit) {
                break;
            }
        }
        if limit == Nanos::MAX {
            self.idle_turns += 1;
            assert!(
                self.idle_turns < IDLE_TURNS_MAX,
                "a door waits for something that cannot come: nothing is left to happen"
            );
            std::thread::yield_now();
        } else {
            world.0.core.borrow_mut().timeline.advance(limit);
        }
    }

    fn now(&self) -> Instant {
        let now = self.shared.upgrade().map_or(0, |shared| {
            // The clock is asked for inside operations of the world only by mistake.
            shared.core.borrow().timeline.now() + self.base
        });
        self.told.set(now.max(self.told.get() + CLOCK_COST));
        Instant(self.told.get())
    }

    fn wall(&self) -> WallMillis {
        let Some(shared) = self.shared.upgrade() else {
            return WallMillis(WALL_START_MS);
        };
        let core = shared.core.borrow();
        core.wall(core.doors[self.key.0].machine)
    }

    fn random(&mut self) -> u64 {
        self.shared.upgrade().map_or(0, |shared| {
            shared.core.borrow_mut().doors[self.key.0].rng.bits()
        })
    }

    fn waker(&self) -> Waker {
        Waker(self.flags.clone())
    }

    fn describe(&self) -> String {
        format!("simulated door {}", self.key.0)
    }
}

impl Drop for SimDoor {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let core = &mut *shared.core.borrow_mut();
            core.abandon(self.key);
            core.close_door_sockets(self.key);
        }
    }
}

impl Core {
    pub fn wall(&self, machine: MachineId) -> WallMillis {
        let elapsed = (self.timeline.now() / MILLISECOND) as i64;
        WallMillis(WALL_START_MS + elapsed + self.machines[machine.0].wall_skew)
    }

    fn submit(&mut self, door: DoorKey, token: Token, op: Op) {
        if !self.doors[door.0].alive {
            return;
        }
        match op {
            Op::Listen { address, backlog } => self.listen(door, token, address, backlog),
            Op::Accept { listener } => self.accept(door, token, listener),
            Op::Connect { address } => self.connect(door, token, address),
            Op::Receive { socket } => self.receive(door, token, socket, None),
            Op::ReceiveInto { socket, into } => self.receive(door, token, socket, Some(into)),
            Op::Send { socket, from } => self.send(door, token, socket, from),
            Op::Shutdown { socket, how } => self.shutdown(door, token, socket, how),
            Op::CloseSocket { socket } => self.close_socket(door, token, socket),
            Op::Detach { socket } => self.detach(door, token, socket),
            Op::Attach { socket } => self.attach(door, token, socket),
            Op::Post { to, parcel } => self.post(door, token, to, parcel),
            Op::Inbox => self.open_inbox(door, token),
            Op::Signals => self.open_signals(door, token),
            Op::Work { job } => {
                let key = self.begin(door, token, Work::Job(job));
                let span = Latency::around(10 * MICROSECOND, 200 * MICROSECOND);
                let span = span.draw(&mut self.rng);
                self.plan_after(span, Event::Finish(key));
            }
            Op::Cancel { target } => self.cancel(door, token, target),
            op => self.submit_file(door, token, op),
        }
    }

    /// Half of the time the operation was too far to be stopped, and completes as it would have.
    fn cancel(&mut self, door: DoorKey, token: Token, target: Token) {
        self.answer(door, token, Outcome::Done, MICROSECOND);
        let Some(key) = self.doors[door.0].tokens.get(&target).copied() else {
            return;
        };
        let late = match &self.operations[&key].work {
            Work::Answer(_) | Work::Job(_) | Work::File(_) => self.rng.flip(),
            Work::Post => true,
            Work::Send { from, slice, .. } => *slice == from.len(),
            _ => false,
        };
        if !late {
            self.stop(key, Errno::CANCELED);
        }
    }

    /// Ends an operation early; what it had is let go, a buffer goes back to its owner.
    pub fn stop(&mut self, key: OpKey, errno: Errno) {
        let Some(operation) = self.operations.remove(&key) else {
            return;
        };
        let (door, token) = (operation.door, operation.token);
        let outcome = self.abort(operation, errno);
        self.doors[door.0].tokens.remove(&token);
        self.complete(door, token, outcome, false);
    }

    fn abort(&mut self, operation: InFlight, errno: Errno) -> Outcome {
        let door = operation.door;
        match operation.work {
            Work::File(work) => self.half_done(door, work, errno),
            Work::ReceiveInto(socket, into) => {
                self.forget_receive(socket);
                let result = Err(errno);
                Outcome::Filled { into, result }
            }
            Work::Accept(socket) | Work::Receive(socket) => {
                self.forget_receive(socket);
                Outcome::Failed(errno)
            }
            Work::Send { socket, .. } => {
                self.forget_send(socket);
                Outcome::Failed(errno)
            }
            Work::Connect(socket) => {
                self.drop_socket(socket, true);
                Outcome::Failed(errno)
            }
            Work::Inbox => {
                self.doors[door.0].inbox = None;
                Outcome::Failed(errno)
            }
            Work::Signals => {
                self.doors[door.0].signals = None;
                Outcome::Failed(errno)
            }
            Work::Answer(_) | Work::Job(_) | Work::Post => Outcome::Failed(errno),
        }
    }

    /// The end of a door: its operations in flight happened, did not, or half did; their buffers
    /// are free; its files are closed.
    pub fn abandon(&mut self, door: DoorKey) {
        let state = &mut self.doors[door.0];
        if !state.alive {
            return;
        }
        state.alive = false;
        state.ready.clear();
        state.starved.clear();
        state.letters = super::mesh::Letters::default();
        let mut keys: Vec<OpKey> = std::mem::take(&mut state.tokens).into_values().collect();
        keys.sort_unstable();
        for key in keys {
            if let Some(operation) = self.operations.remove(&key) {
                self.abort(operation, Errno::CANCELED);
            }
        }
        let mut files: Vec<u32> = self.doors[door.0].files.keys().copied().collect();
        files.sort_unstable();
        for file in files {
            self.close_file(door, file);
        }
    }
}
