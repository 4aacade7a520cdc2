//! The world: time, machines, the disks and networks between them, and whose move it is.
//!
//! Room:       `sim`.
//! Called by:  tests and `ottla-sim`.
//! Calls:      `door`, `files`, `network`, `mesh` for what an operation does when its time comes.
//! Never:      looks at a real clock or draws from anything but its seed.
//!
//! A door without a driver waits by letting the world go on (`Runtime::block_on` works); a door
//! with one (`drive`) never waits: the world gives it its turn when something came for it. So a
//! test writes its client straight down while a whole cluster runs behind its back.
//!
//! Always true:
//!   - the same seed and the same calls give the same trace.
//!   - nothing of a killed machine happens any more: its operations, parcels and turns are gone.

use super::clock::{Latency, MICROSECOND, Nanos, Timeline};
use super::disk::{Disk, Faults};
use super::door::{DoorState, SimDoor};
use super::files::FileWork;
use super::mesh::Letter;
use super::network::{Network, Segment};
use super::seed::Rng;
use super::trace::Trace;
use crate::io::{Buffer, Completion, Instant, Io, Job, Outcome, PeerId, Slice, Token};
use crate::map::Map;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A computer of the world: one disk, one address, at most one process at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(pub usize);

/// A door of the world, over all machines and restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DoorKey(pub usize);

/// Gives a door's runtime one turn; returns when its next timer is due (in the door's time).
pub type Driver = Box<dyn FnMut() -> Option<Instant>>;

/// A simulated world. Cloning shares it.
#[derive(Clone)]
pub struct World(pub(super) Rc<Shared>);

pub(super) struct Shared {
    pub core: RefCell<Core>,
    drivers: RefCell<BTreeMap<DoorKey, Driver>>,
}

/// An operation in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct OpKey(pub u64);

/// What an operation in flight still has to do.
pub(super) enum Work {
    File(FileWork),
    /// Nothing more: this is its answer.
    Answer(Outcome),
    Job(Job),
    Accept(u32),
    Receive(u32),
    ReceiveInto(u32, Buffer),
    Send {
        socket: u32,
        from: Vec<Slice>,
        slice: usize,
        position: usize,
    },
    Connect(u32),
    Post,
    Inbox,
    Signals,
}

pub(super) struct InFlight {
    pub door: DoorKey,
    pub token: Token,
    pub work: Work,
}

/// What can happen next.
pub(super) enum Event {
    /// A driven door has its turn.
    Run(DoorKey),
    /// An operation takes effect and completes.
    Finish(OpKey),
    /// Bytes or a state of a connection reach the other side.
    Arrive(Segment),
    /// A connection without an answer for too long.
    Expire { socket: u32, progress: u64 },
    /// A parcel reaches another door of its process.
    Deliver(DoorKey, Letter),
    /// Something a test planned.
    Script(Box<dyn FnOnce(&World)>),
}

pub(super) struct Machine {
    pub disk: Disk,
    /// Doors of the running process, by `PeerId`.
    pub doors: Vec<DoorKey>,
    pub up: bool,
    /// Added to world time to make this machine's monotonic clock.
    pub monotonic_base: Nanos,
    /// Milliseconds added to the world's wall clock.
    pub wall_skew: i64,
    /// Locked files and the handle that has each.
    pub locks: Map<super::disk::NodeId, (DoorKey, u32)>,
}

pub(super) struct Core {
    pub rng: Rng,
    pub timeline: Timeline<Event>,
    pub machines: Vec<Machine>,
    pub doors: Vec<DoorState>,
    pub network: Network,
    pub operations: Map<OpKey, InFlight>,
    operation_next: u64,
    pub trace: Trace,
    /// Set by any door's wake or returned buffer; saves looking at each.
    pub any_woken: Arc<AtomicBool>,
    pub pace: Pace,
}

/// How fast the threads of the world are.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From a completion to the turn that sees it.
    pub wake: Latency,
    /// How long one turn keeps its core busy.
    pub turn: Latency,
}

/// What the wall clock says when the world begins, in milliseconds since 1970.
pub const WALL_START_MS: i64 = 1_750_000_000_000;

impl World {
    pub fn new(seed: u64) -> World {
        let core = Core {
            rng: Rng::new(seed),
            timeline: Timeline::new(),
            machines: Vec::new(),
            doors: Vec::new(),
            network: Network::default(),
            operations: Map::default(),
            operation_next: 0,
            trace: Trace::default(),
            any_woken: Arc::new(AtomicBool::new(false)),
            pace: Pace {
                wake: Latency::around(200, 5 * MICROSECOND),
                turn: Latency::around(500, 20 * MICROSECOND),
            },
        };
        World(Rc::new(Shared {
            core: RefCell::new(core),
            drivers: RefCell::new(BTreeMap::new()),
        }))
    }

    // ── machines and doors ──

    /// Adds a machine with an empty disk, running no process yet.
    pub fn machine(&self) -> MachineId {
        let mut core = self.0.core.borrow_mut();
        let monotonic_base = core.rng.below(1 << 50);
        core.machines.push(Machine {
            disk: Disk::new(),
            doors: Vec::new(),
            up: true,
            monotonic_base,
            wall_skew: 0,
            locks: Map::default(),
        });
        MachineId(core.machines.len() - 1)
    }

    /// Opens the next door (`PeerId` 0, 1, …) of the machine's process.
    pub fn door(&self, machine: MachineId) -> Box<dyn Io> {
        self.open(machine).1
    }

    /// As `door`, with the key that `drive` wants.
    pub fn open(&self, machine: MachineId) -> (DoorKey, Box<dyn Io>) {
        let mut core = self.0.core.borrow_mut();
        let key = DoorKey(core.doors.len());
        let rng = core.rng.fork();
        let base = core.machines[machine.0].monotonic_base;
        let gone = |door: &DoorKey| !core.doors[door.0].alive;
        if core.machines[machine.0].doors.iter().all(gone) {
            // The process before this one has ended: its doors no longer count.
            core.machines[machine.0].doors.clear();
        }
        let peer = PeerId(core.machines[machine.0].doors.len() as u16);
        let state = DoorState::new(machine, peer, base, rng, core.any_woken.clone());
        let door = SimDoor::new(Rc::downgrade(&self.0), key, &state);
        core.doors.push(state);
        core.machines[machine.0].doors.push(key);
        core.machines[machine.0].up = true;
        (key, Box::new(door))
    }

    /// From now on the world gives the door its turns by calling `driver`, first one soon.
    pub fn drive(&self, door: DoorKey, driver: Driver) {
        self.0.drivers.borrow_mut().insert(door, driver);
        let mut core = self.0.core.borrow_mut();
        core.doors[door.0].driven = true;
        let now = core.timeline.now();
        core.plan_run(door, now);
    }

    /// The address under which other machines reach this one.
    pub fn address(&self, machine: MachineId) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(
            10,
            0,
            (machine.0 >> 8) as u8,
            machine.0 as u8 + 1,
        ))
    }

    // ── time ──

    /// Nanoseconds since the world began.
    pub fn now(&self) -> Nanos {
        self.0.core.borrow().timeline.now()
    }

    /// Lets the next thing happen; false when nothing ever will.
    pub fn step(&self) -> bool {
        self.step_until(Nanos::MAX)
    }

    /// Lets the next thing happen if it does so before or at `until`.
    pub fn step_until(&self, until: Nanos) -> bool {
        let event = {
            let core = &mut *self.0.core.borrow_mut();
            core.notice_wakes();
            core.timeline.pop(until)
        };
        match event {
            None => return false,
            Some(Event::Run(door)) => self.run_driver(door),
            Some(Event::Script(script)) => script(self),
            Some(event) => self.0.core.borrow_mut().happen(event),
        }
        true
    }

    /// Lets time pass, and what happens in it.
    pub fn run_for(&self, span: Nanos) {
        let until = self.now() + span;
        while self.step_until(until) {}
        self.0.core.borrow_mut().timeline.advance(until);
    }

    pub fn run_ms(&self, ms: u64) {
        self.run_for(ms * super::clock::MILLISECOND);
    }

    /// Goes on until `done` or until `span` has passed; says whether `done`.
    pub fn run_until(&self, span: Nanos, mut done: impl FnMut() -> bool) -> bool {
        let until = self.now().saturating_add(span);
        while !done() {
            if !self.step_until(until) {
                return done();
            }
        }
        true
    }

    /// Plans something for later, such as a fault.
    pub fn after(&self, span: Nanos, script: impl FnOnce(&World) + 'static) {
        let core = &mut *self.0.core.borrow_mut();
        let at = core.timeline.now().saturating_add(span);
        core.plan(at, Event::Script(Box::new(script)));
    }

    fn run_driver(&self, door: DoorKey) {
        {
            let core = &mut *self.0.core.borrow_mut();
            let now = core.timeline.now();
            let state = &mut core.doors[door.0];
            if !state.alive || state.run_at != Some(now) {
                return;
            }
            state.run_at = None;
            let turn = core.pace.turn;
            let busy = now + turn.draw(&mut core.rng);
            core.doors[door.0].busy_until = busy;
            core.trace.number(now);
            core.trace.number(door.0 as u64);
        }
        let Some(mut driver) = self.0.drivers.borrow_mut().remove(&door) else {
            return;
        };
        let next = driver();
        let core = &mut *self.0.core.borrow_mut();
        let state = &core.doors[door.0];
        if !state.alive {
            // It brought itself down; the runtime goes when the caller lets the borrow go.
            core.trace.number(u64::MAX);
            return;
        }
        self.0.drivers.borrow_mut().insert(door, driver);
        if let Some(next) = next {
            let at = next.0.saturating_sub(state.base);
            if next != Instant::NEVER {
                core.plan_run(door, at);
            }
        }
        if !core.doors[door.0].ready.is_empty() {
            let now = core.timeline.now();
            core.plan_run(door, now);
        }
    }

    // ── misfortune ──

    /// kill -9: everything written survives; what was in flight happened, did not, or half did.
    pub fn kill(&self, machine: MachineId) {
        self.end_process(machine, |core| {
            core.machines[machine.0].disk.close_all();
            core.hang_up(machine, true);
        });
    }

    /// Power loss: as `kill`, then each unsynced sector and name is kept or lost. Peers hear
    /// nothing. `door` brings the machine up again on the same disk.
    pub fn power_cut(&self, machine: MachineId) {
        self.end_process(machine, |core| {
            let Core { rng, machines, .. } = core;
            machines[machine.0].disk.power_cut(rng);
            machines[machine.0].up = false;
            machines[machine.0].monotonic_base = rng.below(1 << 50);
            core.hang_up(machine, false);
        });
    }

    fn end_process(&self, machine: MachineId, leave: impl FnOnce(&mut Core)) {
        let drivers: Vec<Driver> = {
            let core = &mut *self.0.core.borrow_mut();
            core.trace.number(machine.0 as u64 ^ 0xdead);
            let doors = std::mem::take(&mut core.machines[machine.0].doors);
            for door in &doors {
                core.abandon(*door);
            }
            core.machines[machine.0].locks.clear();
            leave(core);
            let mut drivers = self.0.drivers.borrow_mut();
            doors
                .iter()
                .filter_map(|door| drivers.remove(door))
                .collect()
        };
        // The runtimes go only now: their tasks still talk to their (dead) doors as they end.
        drop(drivers);
    }

    /// SIGTERM, SIGINT and the like to the machine's process.
    pub fn signal(&self, machine: MachineId, signal: i32) {
        self.0.core.borrow_mut().signal(machine, signal);
    }

    /// Moves the machine's wall clock.
    pub fn jump_wall(&self, machine: MachineId, ms: i64) {
        self.0.core.borrow_mut().machines[machine.0].wall_skew += ms;
    }

    /// The machine's disk: capacity, faults, bit rot, names.
    pub fn disk<T>(&self, machine: MachineId, with: impl FnOnce(&mut Disk) -> T) -> T {
        with(&mut self.0.core.borrow_mut().machines[machine.0].disk)
    }

    pub fn set_disk_faults(&self, machine: MachineId, faults: Faults) {
        self.disk(machine, |disk| disk.faults = faults);
    }

    /// The network: faults, cuts, resets.
    pub fn network<T>(&self, with: impl FnOnce(&mut Network) -> T) -> T {
        with(&mut self.0.core.borrow_mut().network)
    }

    /// Nothing passes between the two machines until `heal_link`.
    pub fn cut_link(&self, one: MachineId, other: MachineId) {
        self.network(|network| network.cut(one, other));
    }

    /// What was held back arrives now.
    pub fn heal_link(&self, one: MachineId, other: MachineId) {
        self.0.core.borrow_mut().heal_link(one, other);
    }

    /// Breaks every connection between the two machines.
    pub fn reset_connections(&self, one: MachineId, other: MachineId) {
        self.0.core.borrow_mut().reset_connections(one, other);
    }

    pub fn set_pace(&self, pace: Pace) {
        self.0.core.borrow_mut().pace = pace;
    }

    /// Makes a directory and those above it, synced; for tests that want a place to start.
    pub fn make_directory(&self, machine: MachineId, path: impl AsRef<Path>) {
        self.disk(machine, |disk| {
            let mut above: Vec<&Path> = path.as_ref().ancestors().collect();
            above.reverse();
            for directory in above {
                if disk.create_directory(directory).is_ok() {
                    let parent = directory.parent().unwrap_or(Path::new("/"));
                    let synced = disk.sync_directory(parent, disk.mark());
                    synced.expect("the parent was just made");
                }
            }
        });
    }

    /// A choice by weight, from the world's seed.
    pub fn choose<T: Copy>(&self, choices: &[(u32, T)]) -> T {
        self.0.core.borrow_mut().rng.choose(choices)
    }

    /// A number below `bound`, from the world's seed.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.core.borrow_mut().rng.below(bound)
    }

    /// A source of choices that does not disturb the world's.
    pub fn fork_rng(&self) -> Rng {
        self.0.core.borrow_mut().rng.fork()
    }

    /// A hash of everything that happened: the same seed run twice must print the same.
    pub fn trace(&self) -> u64 {
        self.0.core.borrow().trace.value()
    }
}

impl Core {
    pub fn plan(&mut self, at: Nanos, event: Event) {
        self.timeline.plan(&mut self.rng, at, event);
    }

    pub fn plan_after(&mut self, span: Nanos, event: Event) {
        let at = self.timeline.now().saturating_add(span);
        self.plan(at, event);
    }

    /// Gives a driven door its turn at `at`, or when it is no longer busy.
    pub fn plan_run(&mut self, door: DoorKey, at: Nanos) {
        let now = self.timeline.now();
        let wake = self.pace.wake.draw(&mut self.rng);
        let state = &mut self.doors[door.0];
        if !state.driven || !state.alive {
            return;
        }
        let at = at.max(now + wake).max(state.busy_until);
        if state.run_at.is_none_or(|planned| at < planned) {
            state.run_at = Some(at);
            self.plan(at, Event::Run(door));
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Finish(operation) => self.finish(operation),
            Event::Arrive(segment) => self.arrive(segment),
            Event::Expire { socket, progress } => self.expire(socket, progress),
            Event::Deliver(door, letter) => self.deliver(door, letter),
            Event::Run(_) | Event::Script(_) => unreachable!("the world itself does these"),
        }
    }

    fn notice_wakes(&mut self) {
        if !self.any_woken.swap(false, Ordering::AcqRel) {
            return;
        }
        for index in 0..self.doors.len() {
            let key = DoorKey(index);
            if !self.doors[index].alive {
                continue;
            }
            self.close_orphans(key);
            self.resume_starved(key);
            if self.doors[index].driven && self.doors[index].flags.take_woken() {
                let now = self.timeline.now();
                self.plan_run(key, now);
            }
        }
    }

    /// Takes an operation in; it completes when something finishes `OpKey`.
    pub fn begin(&mut self, door: DoorKey, token: Token, work: Work) -> OpKey {
        self.operation_next += 1;
        let key = OpKey(self.operation_next);
        self.operations.insert(key, InFlight { door, token, work });
        let before = self.doors[door.0].tokens.insert(token, key);
        assert!(before.is_none(), "{token:?} is in flight already");
        key
    }

    /// Answers after `span`, with no effect left.
    pub fn answer(&mut self, door: DoorKey, token: Token, outcome: Outcome, span: Nanos) {
        let key = self.begin(door, token, Work::Answer(outcome));
        self.plan_after(span, Event::Finish(key));
    }

    /// Takes an operation out and hands its last completion to its door.
    pub fn end(&mut self, key: OpKey, outcome: Outcome) -> Option<Work> {
        let operation = self.operations.remove(&key)?;
        self.doors[operation.door.0].tokens.remove(&operation.token);
        self.complete(operation.door, operation.token, outcome, false);
        Some(operation.work)
    }

    pub fn complete(&mut self, door: DoorKey, token: Token, outcome: Outcome, more: bool) {
        let now = self.timeline.now();
        self.trace.number(now);
        self.trace.number(token.0 ^ (door.0 as u64) << 48);
        self.trace.outcome(&outcome);
        let state = &mut self.doors[door.0];
        if !state.alive {
            return;
        }
        state.ready.push(Completion {
            token,
            outcome,
            more,
        });
        self.plan_run(door, now);
    }

    fn finish(&mut self, key: OpKey) {
        let Some(operation) = self.operations.remove(&key) else {
            return; // Cancelled, or its machine died.
        };
        let (door, token) = (operation.door, operation.token);
        let outcome = match operation.work {
            Work::Answer(outcome) => outcome,
            Work::Job(job) => Outcome::Worked(job()),
            Work::File(work) => self.perform(door, work),
            Work::Send { socket, .. } => self.sent(socket),
            Work::Accept(_)
            | Work::Receive(_)
            | Work::ReceiveInto(..)
            | Work::Connect(_)
            | Work::Post
            | Work::Inbox
            | Work::Signals => unreachable!("these end when something arrives"),
        };
        self.doors[door.0].tokens.remove(&token);
        self.complete(door, token, outcome, false);
    }
}
