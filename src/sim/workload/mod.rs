//! The storage workload: produce, fetch, checkpoint, crash, recover, with other shard counts.
//!
//! Room:       `sim`.
//! Called by:  `ottla-sim` and tests, with one seed a run.
//! Calls:      `node` (shards behind simulated doors), `model` and `checker`; `traffic` for what
//!             clients do, `levels` for what operators do, `trouble` for what disks do.
//! Never:      knows how the broker keeps its promises.
//!
//! A run is some lives of one broker: start (recovering what the life before left), steps chosen
//! by the seed, an end chosen by the seed. After each start the whole log is read and checked.
//! Some lives end while they still start. The power is cut at least twice, the second time right
//! after what the first one left was recovered.

mod levels;
#[cfg(test)]
mod tests;
mod traffic;
mod trouble;

use super::checker::Ending;
use super::clock::{MILLISECOND, SECOND};
use super::model::Model;
use super::node::{LOG_DIRS, Node, NodePlan, spawn};
use super::scenario::Verdict;
use super::world::{MachineId, World};
use crate::config::parse::Given;
use crate::config::{BrokerConfig, Machine};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use traffic::check_partition;
use trouble::Trouble;

#[derive(Clone, Copy, Debug)]
enum Step {
    Produce,
    ProduceNumbered,
    Fetch,
    Delete,
    Wait,
    WaitLong,
    ChangeLevel,
    Trouble,
    Crash,
}

const STEPS: &[(u32, Step)] = &[
    (40, Step::Produce),
    (20, Step::ProduceNumbered),
    (12, Step::Fetch),
    (2, Step::Delete),
    (20, Step::Wait),
    (2, Step::WaitLong),
    (2, Step::ChangeLevel),
    (5, Step::Trouble),
    (6, Step::Crash),
];

struct Run {
    world: World,
    machine: MachineId,
    plan: NodePlan,
    model: Rc<RefCell<Model>>,
    levels: levels::Levels,
    steps_left: u32,
    lives: u32,
    value_bytes_max: u64,
    shards_max: u64,
    trouble: Trouble,
    /// Somebody else has all space of the disk.
    is_full: bool,
    last_crash: Ending,
    /// A disk failed while a broker started, and none has been looked at since.
    failed_at_start: bool,
    /// Partitions that could not be opened then.
    unopenable: BTreeSet<usize>,
}

/// Runs one seed; panics when a promise was broken.
pub fn run(seed: u64, steps: u32) -> Verdict {
    let mut run = Run::new(seed, steps);
    let mut ending = Ending::Clean;
    while run.steps_left > 0 {
        ending = run.live(ending);
    }
    // The end of all faults: everything promised is served, and goes on being served.
    run.trouble = Trouble::None;
    run.set_full(false);
    run.calm();
    for _ in 0..2 {
        let node = run.start_without_crash();
        run.check(&node, ending);
        run.world.power_cut(run.machine);
        drop(node);
        ending = Ending::PowerCut;
    }
    let node = run.start_without_crash();
    run.check(&node, ending);
    let (trace, simulated) = (run.world.trace(), run.world.now());
    // World and tasks hold each other.
    run.world.kill(run.machine);
    drop(node);
    let model = run.model.borrow();
    Verdict {
        trace,
        lives: run.lives,
        sent: model.batches.len() as u64,
        acknowledged: model.acknowledged,
        refused: model.refused,
        fetched: model.fetched,
        simulated,
    }
}

impl Run {
    fn new(seed: u64, steps: u32) -> Run {
        let world = World::new(seed);
        let machine = world.machine();
        // Now and then so many that some have their first records while others are flushed.
        let partitions = world.choose(&[(11, 1 + world.below(4)), (1, 8 + world.below(24))]);
        let partitions = partitions as usize;
        let dirs = world.choose(&[(3, 1), (1, 2), (1, 3)]);
        for dir in &LOG_DIRS[..dirs] {
            world.make_directory(machine, dir);
        }
        let levels = levels::Levels::choose(&world);
        let mut run = Run {
            plan: plan(&world, partitions, dirs),
            model: Rc::new(RefCell::new(Model::new(partitions))),
            levels,
            steps_left: steps,
            lives: 0,
            value_bytes_max: world.choose(&[(4, 500), (3, 5_000), (1, 60_000)]),
            shards_max: 1 + world.below(3),
            trouble: Trouble::choose(&world),
            is_full: false,
            last_crash: Ending::Clean,
            failed_at_start: false,
            unopenable: BTreeSet::new(),
            world,
            machine,
        };
        run.set_first_levels();
        run.set_pace_of_disk();
        run
    }

    /// One life of the broker; says how it ended.
    fn live(&mut self, before: Ending) -> Ending {
        let Some(node) = self.start() else {
            // Ended while it started: the worse of the two ends counts.
            return before.max(self.last_crash);
        };
        self.check(&node, before);
        self.resend(&node);
        self.begin_trouble();
        loop {
            if self.steps_left == 0 {
                return self.end(node);
            }
            self.steps_left -= 1;
            match self.world.choose(STEPS) {
                Step::Produce => self.produce(&node),
                Step::ProduceNumbered => self.produce_numbered(&node),
                Step::Fetch => self.fetch(&node),
                Step::Delete => self.delete(&node),
                Step::Wait => self.world.run_for(self.world.below(3 * MILLISECOND)),
                Step::WaitLong => self.world.run_for(self.world.below(8 * SECOND)),
                Step::ChangeLevel => self.change_level(&node),
                Step::Trouble => self.make_trouble(&node),
                Step::Crash => return self.end(node),
            }
        }
    }

    fn new_node(&mut self) -> Node {
        self.lives += 1;
        self.settle_levels();
        let shards = 1 + self.world.below(self.shards_max) as u16;
        let epoch = self.lives as i32;
        Node::start(&self.world, self.machine, &self.plan, shards, epoch)
    }

    /// Starts, or is cut short while starting.
    fn start(&mut self) -> Option<Node> {
        self.rot_at_rest();
        if self.world.below(6) > 0 {
            return Some(self.start_without_crash());
        }
        // On a disk that goes on failing, sometimes.
        match self.trouble {
            Trouble::Fails if self.world.below(2) == 0 => {
                self.failed_at_start = true;
                self.begin_trouble();
            }
            _ => self.calm(),
        }
        let node = self.new_node();
        let span = self.world.below(20 * MILLISECOND);
        self.world.run_until(span, || node.is_up());
        self.crash(node);
        None
    }

    fn start_without_crash(&mut self) -> Node {
        self.calm();
        let node = self.new_node();
        let up = || node.is_up() || node.failed().is_some();
        let ended = self.world.run_until(600 * SECOND, up);
        if let Some(reason) = node.failed() {
            // Somebody took the room that the ballast had given up: no start without any. Nor on
            // a disk that fails.
            let is_excused = self.is_full && reason.contains("space")
                || self.trouble.fails() && reason.contains("Input/output");
            assert!(is_excused, "the broker does not start: {reason}");
            self.set_full(false);
            self.calm();
            self.world.kill(self.machine);
            drop(node);
            return self.start_without_crash();
        }
        assert!(ended, "the broker does not come up: {}", node.describe());
        node
    }

    fn end(&mut self, node: Node) -> Ending {
        if self.world.below(5) == 0 {
            return self.stop(node);
        }
        self.crash(node)
    }

    fn crash(&mut self, node: Node) -> Ending {
        let power_cut = self.world.below(3) > 0;
        match power_cut {
            true => self.world.power_cut(self.machine),
            false => self.world.kill(self.machine),
        }
        drop(node);
        self.last_crash = match power_cut {
            true => Ending::PowerCut,
            false => Ending::Kill,
        };
        self.last_crash
    }

    /// SIGTERM; then nothing may be lost, whatever happens to the machine.
    fn stop(&mut self, node: Node) -> Ending {
        // What is under way is answered first, as the broker does.
        self.world.run_for(SECOND);
        let closed = node.stop();
        let shards = usize::from(node.shards);
        let ended = self
            .world
            .run_until(600 * SECOND, || closed.get() == shards);
        assert!(ended, "the broker does not stop: {}", node.describe());
        let has_failed = node.failed_dirs().next().is_some();
        if node.failed().is_some() || has_failed {
            assert!(
                self.trouble.fails() || self.is_full,
                "the broker stops with an error: {:?}",
                node.failed()
            );
            return self.crash(node);
        }
        match self.world.below(2) {
            0 => self.world.kill(self.machine),
            _ => self.world.power_cut(self.machine),
        }
        Ending::Clean
    }

    /// Reads every log from its start to its end and holds it against the model.
    fn check(&mut self, node: &Node, ending: Ending) {
        for partition in 0..self.plan.partitions {
            if self.is_unopenable(node, partition) || self.waits_for_room(node, partition) {
                continue;
            }
            let (runtime, shard) = node.owner(partition);
            let model = self.model.clone();
            let done: Rc<Cell<bool>> = Rc::default();
            let told = done.clone();
            spawn(&runtime, async move {
                check_partition(&shard, &model, partition, ending).await;
                told.set(true);
            });
            let read = self.world.run_until(60 * SECOND, || done.get());
            assert!(read, "partition {partition} cannot be read");
        }
        self.failed_at_start = false;
    }
}

fn plan(world: &World, partitions: usize, dirs: usize) -> NodePlan {
    let given = [Given::argument("log.dirs", &LOG_DIRS[..dirs].join(","))];
    let given = BrokerConfig::from_given(&given, &Machine::default());
    let (mut config, _) = given.expect("this is a broker");
    // Small, so that a short run goes round the ring.
    config.journal.file_bytes_min = world.choose(&[(2, 256 << 10), (1, 1 << 20), (1, 4 << 20)]);
    config.journal.file_bytes_max = config.journal.file_bytes_min * (1 + world.below(3));
    config.memory_bytes = 16 << 20;
    let mut topic = Vec::new();
    if world.below(2) == 0 {
        topic.push(("segment.ms", (1 + world.below(200)).to_string()));
    }
    NodePlan {
        partitions,
        topic,
        dirs,
        ..NodePlan::new(config)
    }
}
