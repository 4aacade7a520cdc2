//! The whole broker and its clients on simulated machines, under cut connections and crashes.
//!
//! Room:       `sim`.
//! Called by:  `scenario`.
//! Calls:      `broker` (what a process runs), `clients`.
//! Never:      reaches into the broker: what it does is seen on sockets only.
//!
//! A run is some lives of one broker's process on one disk, with another number of shards each
//! time. After each start everything is read and checked before clients go on.

use super::checker::Ending;
use super::clients::{self, Fleet};
use super::clock::{MICROSECOND, MILLISECOND, SECOND};
use super::model::{Durability, Level};
use super::node::{drive, spawn};
use super::scenario::Verdict;
use super::seed::Rng;
use super::world::{MachineId, World};
use crate::broker::{self, Listen, Plan, Stopped};
use crate::config::parse::Given;
use crate::config::{BrokerConfig, Machine};
use crate::ids::ShardId;
use crate::io::Address;
use crate::runtime::Runtime;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Where the broker keeps its data.
const LOG_DIR: &str = "/data";
const PORT: u16 = 9092;

/// Runs one seed in which clients send about `batches` batches; panics when a promise was broken.
pub fn run(seed: u64, batches: u32) -> Verdict {
    let mut run = Run::new(seed, batches);
    let mut ending = Ending::Clean;
    let mut is_first = true;
    while run.fleet.budget.get() > 0 {
        let Some(process) = run.start(ending) else {
            ending = ending.max(run.last_crash);
            continue;
        };
        if std::mem::take(&mut is_first) {
            run.with_operator(|fleet, runtime, mut rng, topic| async move {
                clients::prepare(&fleet, &runtime, &mut rng, &topic).await;
            });
        }
        run.check(ending);
        ending = run.live(process);
    }
    run.finish(ending)
}

struct Run {
    world: World,
    machine: MachineId,
    /// Those of the clients; links to them are cut now and then.
    clients: Vec<MachineId>,
    /// Where the operator sits who checks.
    desk: MachineId,
    config: BrokerConfig,
    /// Overrides of the topic.
    topic: Vec<(&'static str, String)>,
    /// Some clients count on what was acknowledged, which no weak level allows.
    is_numbered: bool,
    fleet: Rc<Fleet>,
    shards_max: u64,
    lives: u32,
    last_crash: Ending,
}

/// One process of the broker.
struct Process {
    up: Rc<Cell<bool>>,
    ended: Rc<RefCell<Option<Stopped>>>,
}

#[derive(Clone, Copy)]
enum Step {
    Wait,
    WaitLong,
    CutLink,
    Reset,
    Kill,
    PowerCut,
    Stop,
}

impl Run {
    fn new(seed: u64, batches: u32) -> Run {
        let world = World::new(seed);
        let machine = world.machine();
        let clients = vec![world.machine(), world.machine()];
        let desk = world.machine();
        let address = Address::Tcp((world.address(machine), PORT).into());
        let partitions = 1 + world.below(5) as usize;
        let value_bytes_max = world.choose(&[(3, 200), (2, 3_000), (1, 30_000)]);
        let mut fleet = Fleet::new(address, partitions, u64::from(batches), value_bytes_max);
        let (mut topic, level, level_of_brokers) = levels(&world, &mut fleet);
        if world.below(3) == 0 {
            topic.push(("segment.ms", (1 + world.below(200)).to_string()));
        }
        let run = Run {
            config: config(&world, machine, level_of_brokers),
            is_numbered: !fleet.levels_change && !level.is_weak(),
            shards_max: 1 + world.below(3),
            fleet: Rc::new(fleet),
            last_crash: Ending::Clean,
            lives: 0,
            machine,
            clients,
            desk,
            topic,
            world,
        };
        run.start_clients();
        run
    }

    fn start_clients(&self) {
        for machine in &self.clients {
            let (_, runtime) = drive(&self.world, *machine);
            let with = || (self.fleet.clone(), runtime.clone(), self.world.fork_rng());
            let (fleet, inner, rng) = with();
            spawn(&runtime, clients::produce(fleet, inner, rng));
            if self.is_numbered {
                let (fleet, inner, rng) = with();
                spawn(&runtime, clients::produce_numbered(fleet, inner, rng));
            }
            let (fleet, inner, rng) = with();
            spawn(&runtime, clients::consume(fleet, inner, rng));
        }
        let (_, runtime) = drive(&self.world, self.desk);
        let (fleet, rng) = (self.fleet.clone(), self.world.fork_rng());
        spawn(&runtime, clients::administer(fleet, runtime.clone(), rng));
    }

    // ── a life ──

    /// Starts, or is cut short while starting.
    fn start(&mut self, before: Ending) -> Option<Process> {
        self.lives += 1;
        let shards = 1 + self.world.below(self.shards_max) as u16;
        let process = Process::start(&self.world, self.machine, &self.config, shards);
        if self.world.below(6) == 0 {
            let span = self.world.below(20 * MILLISECOND);
            let up = self.world.run_until(span, || process.is_settled());
            if !up {
                self.crash();
                return None;
            }
        }
        let settled = self.world.run_until(600 * SECOND, || process.is_settled());
        assert!(settled, "the broker does not come up after {before:?}");
        if let Some(stopped) = process.ended.take() {
            panic!("the broker does not start after {before:?}: {stopped:?}");
        }
        Some(process)
    }

    /// Holds everything there is against the promises, then lets clients go on.
    fn check(&mut self, ending: Ending) {
        self.calm();
        self.fleet.life.set(self.fleet.life.get() + 1);
        self.with_operator(move |fleet, runtime, mut rng, _| async move {
            clients::check(&fleet, &runtime, &mut rng, ending).await;
        });
        self.trouble();
        self.fleet.open.set(true);
    }

    /// Runs something at the desk to its end.
    fn with_operator<F: Future<Output = ()> + 'static>(
        &self,
        work: impl FnOnce(Rc<Fleet>, Runtime, Rng, Vec<(&'static str, String)>) -> F,
    ) {
        let (_, runtime) = drive(&self.world, self.desk);
        let (fleet, rng) = (self.fleet.clone(), self.world.fork_rng());
        let working = work(fleet, runtime.clone(), rng, self.topic.clone());
        let done: Rc<Cell<bool>> = Rc::default();
        let told = done.clone();
        spawn(&runtime, async move {
            working.await;
            told.set(true);
        });
        let ended = self.world.run_until(600 * SECOND, || done.get());
        runtime.abandon();
        assert!(ended, "the broker does not answer");
    }

    /// Clients at work, until the process ends in some way.
    fn live(&mut self, process: Process) -> Ending {
        loop {
            let step = self.world.choose(&[
                (40, Step::Wait),
                (3, Step::WaitLong),
                (3, Step::CutLink),
                (3, Step::Reset),
                (1, Step::Kill),
                (2, Step::PowerCut),
                (1, Step::Stop),
            ]);
            match step {
                Step::Wait => self.world.run_for(self.world.below(8 * MILLISECOND)),
                Step::WaitLong => self.world.run_for(self.world.below(3 * SECOND)),
                Step::CutLink => self.cut_link(),
                Step::Reset => {
                    let client = self.client();
                    self.world.reset_connections(client, self.machine);
                }
                Step::Kill | Step::PowerCut if self.fleet.budget.get() == 0 => return self.crash(),
                Step::Kill => return self.kill(),
                Step::PowerCut => return self.power_cut(),
                Step::Stop => return self.stop(&process),
            }
            let ended = process.ended.borrow();
            assert!(ended.is_none(), "the broker ended by itself: {ended:?}");
        }
    }

    fn client(&self) -> MachineId {
        self.clients[self.world.below(self.clients.len() as u64) as usize]
    }

    /// Nothing passes for a while; longer than anybody's patience, sometimes.
    fn cut_link(&self) {
        let client = self.client();
        let machine = self.machine;
        self.world.cut_link(client, machine);
        let span = self
            .world
            .choose(&[(6, 20 * MILLISECOND), (2, 2 * SECOND), (1, 40 * SECOND)]);
        let span = self.world.below(span);
        self.world
            .after(span, move |world| world.heal_link(client, machine));
    }

    fn crash(&mut self) -> Ending {
        match self.world.below(3) {
            0 => self.kill(),
            _ => self.power_cut(),
        }
    }

    fn kill(&mut self) -> Ending {
        self.fleet.open.set(false);
        self.world.kill(self.machine);
        self.last_crash = Ending::Kill;
        Ending::Kill
    }

    fn power_cut(&mut self) -> Ending {
        self.fleet.open.set(false);
        self.world.power_cut(self.machine);
        self.last_crash = Ending::PowerCut;
        Ending::PowerCut
    }

    /// SIGTERM, while clients go on; then nothing may be lost, whatever happens to the machine.
    /// Asked a second time before it is done, the broker leaves as if it was killed.
    fn stop(&mut self, process: &Process) -> Ending {
        self.world.signal(self.machine, libc::SIGTERM);
        let is_asked_twice = self.world.below(4) == 0;
        if is_asked_twice {
            let most = self.world.choose(&[(2, MILLISECOND), (1, SECOND)]);
            self.world.run_for(self.world.below(most));
            self.world.signal(self.machine, libc::SIGINT);
        }
        let stopped = self.until_stopped(process);
        let cut = match self.world.below(2) {
            0 => self.kill(),
            _ => self.power_cut(),
        };
        match stopped {
            Stopped::Cleanly => Ending::Clean,
            Stopped::AtOnce if is_asked_twice => cut,
            other => panic!("the broker stops with {other:?}"),
        }
    }

    fn until_stopped(&self, process: &Process) -> Stopped {
        let ended = self
            .world
            .run_until(600 * SECOND, || process.ended.borrow().is_some());
        assert!(ended, "the broker does not stop");
        process.ended.take().expect("it has ended")
    }

    /// Starts until a start is not cut short.
    fn start_surely(&mut self, ending: &mut Ending) -> Process {
        loop {
            match self.start(*ending) {
                Some(process) => return process,
                None => *ending = (*ending).max(self.last_crash),
            }
        }
    }

    /// The end of all trouble: what numbered producers insist on gets through, and stays. Before
    /// it the power is cut twice, the second time right after what the first one left was served.
    fn finish(mut self, mut ending: Ending) -> Verdict {
        for _ in 0..2 {
            let process = self.start_surely(&mut ending);
            self.check(ending);
            ending = self.power_cut();
            drop(process);
        }
        let process = self.start_surely(&mut ending);
        self.check(ending);
        self.calm();
        let fleet = self.fleet.clone();
        let settled = self
            .world
            .run_until(300 * SECOND, || fleet.waiting.get() == 0);
        assert!(
            settled,
            "{} numbered batches get no answer",
            fleet.waiting.get()
        );
        let mut ending = self.stop(&process);
        drop(process);
        let process = self.start_surely(&mut ending);
        self.check(ending);
        drop(process);
        self.end_world();
        let model = self.fleet.model.borrow();
        Verdict {
            trace: self.world.trace(),
            lives: self.lives,
            sent: model.batches.len() as u64,
            acknowledged: model.acknowledged,
            refused: model.refused,
            fetched: model.fetched,
            simulated: self.world.now(),
        }
    }

    fn end_world(&self) {
        self.fleet.open.set(false);
        self.world.kill(self.machine);
        for client in &self.clients {
            self.world.kill(*client);
        }
        self.world.kill(self.desk);
    }

    // ── the network ──

    fn calm(&self) {
        for client in &self.clients {
            self.world.heal_link(*client, self.machine);
        }
        self.world.network(|network| {
            network.faults.reset_ppm = 0;
            network.faults.refuse_ppm = 0;
        });
    }

    fn trouble(&self) {
        let (reset_ppm, refuse_ppm) =
            self.world
                .choose(&[(3, (0, 0)), (2, (300, 0)), (1, (3_000, 100_000))]);
        let piece = self.world.choose(&[(3, 16 << 10), (1, 100), (1, 1_500)]);
        let delay = self.world.choose(&[(3, 30), (1, 3_000)]) * MICROSECOND;
        self.world.network(|network| {
            network.faults.reset_ppm = reset_ppm;
            network.faults.refuse_ppm = refuse_ppm;
            network.faults.piece_bytes_max = piece;
            network.faults.delay = super::clock::Latency::around(delay, 5 * delay);
        });
    }
}

impl Process {
    /// Begins a start, as `cli::server` does on real threads.
    fn start(world: &World, machine: MachineId, config: &BrokerConfig, shards: u16) -> Process {
        let plan = Plan::new(config.clone(), shards);
        for shard in 0..shards {
            let (_, runtime) = drive(world, machine);
            let member = broker::member(runtime.clone(), plan.clone(), ShardId(shard));
            spawn(&runtime, member);
        }
        let (_, runtime) = drive(world, machine);
        let process = Process {
            up: Rc::default(),
            ended: Rc::default(),
        };
        let address = Address::Tcp((world.address(machine), PORT).into());
        let listen = Listen {
            clients: vec![(0, address)],
            metrics: None,
        };
        let (up, ended) = (process.up.clone(), process.ended.clone());
        let control = broker::control(runtime.clone(), plan, listen, move |_| up.set(true));
        spawn(&runtime, async move {
            let stopped = control.await;
            *ended.borrow_mut() = Some(stopped);
        });
        process
    }

    /// It serves, or it will not.
    fn is_settled(&self) -> bool {
        self.up.get() || self.ended.borrow().is_some()
    }
}

/// What is set for the topic and for all brokers, and what that comes to.
fn levels(
    world: &World,
    fleet: &mut Fleet,
) -> (Vec<(&'static str, String)>, Durability, &'static str) {
    const ANY: &[(u32, Durability)] = &[
        (4, Durability::Acks),
        (1, Durability::Always(Level::Memory)),
        (1, Durability::Always(Level::Written)),
        (2, Durability::Always(Level::Synced)),
    ];
    let of_brokers = world.choose(ANY);
    let of_topic = (world.below(2) == 0).then(|| world.choose(ANY));
    fleet.levels_change = world.below(4) == 0;
    let holds = of_topic.unwrap_or(of_brokers);
    fleet.model.borrow_mut().end_durability(holds);
    let topic = of_topic.map(|level| ("ottla.durability", level.name().to_owned()));
    (topic.into_iter().collect(), holds, of_brokers.name())
}

fn config(world: &World, machine: MachineId, durability: &str) -> BrokerConfig {
    let listener = format!("PLAINTEXT://{}:{PORT}", world.address(machine));
    let given = [
        Given::argument("listeners", &listener),
        Given::argument("log.dirs", LOG_DIR),
        Given::argument("ottla.durability", durability),
    ];
    let (mut config, _) =
        BrokerConfig::from_given(&given, &Machine::default()).expect("this is a broker");
    // Small, so that a short run goes round the ring.
    config.journal.file_bytes_min = world.choose(&[(3, 256 << 10), (1, 1 << 20)]);
    config.journal.file_bytes_max = config.journal.file_bytes_min * (1 + world.below(3));
    config.memory_bytes = 16 << 20;
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Seeds;

    /// Goal: over sockets as beneath them, nothing acknowledged is lost, and everything goes on.
    #[test]
    fn the_whole_broker_keeps_what_it_acknowledged() {
        for seed in Seeds::from_env(4) {
            let verdict = run(seed, 30);
            assert!(verdict.lives >= 4, "two power cuts and a stop: {verdict:?}");
        }
    }

    /// Goal: whoever asks twice is not kept waiting, and loses no more than by a kill or by the
    /// power cut that follows.
    #[test]
    fn asked_twice_it_leaves_at_once_and_loses_nothing() {
        for seed in Seeds::from_env(4) {
            let mut run = Run::new(seed, 1_000);
            let mut ending = Ending::Clean;
            let first = run.start_surely(&mut ending);
            run.with_operator(|fleet, runtime, mut rng, topic| async move {
                clients::prepare(&fleet, &runtime, &mut rng, &topic).await;
            });
            drop(first);
            ending = run.kill();
            for is_cut in [true, false, true] {
                let process = run.start_surely(&mut ending);
                run.check(ending);
                run.world.run_for(200 * MILLISECOND);
                let before = run.world.now();
                run.world.signal(run.machine, libc::SIGINT);
                run.world.run_for(run.world.below(100 * MICROSECOND));
                run.world.signal(run.machine, libc::SIGINT);
                let stopped = run.until_stopped(&process);
                assert!(
                    matches!(stopped, Stopped::AtOnce),
                    "seed {seed}: {stopped:?}"
                );
                assert!(run.world.now() - before < 10 * MILLISECOND, "seed {seed}");
                ending = match is_cut {
                    true => run.power_cut(),
                    false => run.kill(),
                };
            }
            let process = run.start_surely(&mut ending);
            run.check(ending);
            drop(process);
            assert!(run.fleet.model.borrow().acknowledged > 0, "seed {seed}");
            run.end_world();
        }
    }
}
