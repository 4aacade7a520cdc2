//! The storage workload: produce, fetch, checkpoint, crash, recover, with other shard counts.
//!
//! Room:       `sim`.
//! Called by:  `ottla-sim` and tests, with one seed a run.
//! Calls:      `node` (shards behind simulated doors), `model` and `checker`.
//! Never:      knows how the broker keeps its promises.
//!
//! A run is some lives of one broker: start (recovering what the life before left), steps chosen
//! by the seed, an end chosen by the seed. After each start the whole log is read and checked.
//! Some lives end while they still start.

use super::checker::Ending;
use super::clock::{MILLISECOND, SECOND};
use super::disk::{Fault, FaultKind};
use super::model::{Model, Sending};
use super::node::{LOG_DIR, Node, NodePlan, spawn};
use super::scenario::Verdict;
use super::world::{MachineId, World};
use crate::config::{BrokerConfig, Machine};
use crate::ids::Offset;
use crate::io::{Errno, Instant, Slice};
use crate::partition::{EpochCheck, Origin, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::ProducerStamp;
use crate::runtime::Runtime;
use crate::shard::Shard;
use crate::shard::message::{Answer, Depth, FetchPart, ProducePart, Question};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
enum Step {
    Produce,
    ProduceNumbered,
    Fetch,
    Delete,
    Wait,
    WaitLong,
    FailDisk,
    FillDisk,
    FreeDisk,
    Crash,
}

struct Run {
    world: World,
    machine: MachineId,
    plan: NodePlan,
    model: Rc<RefCell<Model>>,
    steps_left: u32,
    lives: u32,
    value_bytes_max: u64,
    shards_max: u64,
    disk_fails: bool,
    /// Somebody else takes all space of the disk now and then, and gives it back.
    disk_fills: bool,
    is_full: bool,
    last_crash: Ending,
}

/// Runs one seed; panics when a promise was broken.
pub fn run(seed: u64, steps: u32) -> Verdict {
    let world = World::new(seed);
    let machine = world.machine();
    world.make_directory(machine, LOG_DIR);
    let partitions = 1 + world.below(4) as usize;
    let mut run = Run {
        plan: plan(&world, partitions),
        model: Rc::new(RefCell::new(Model::new(partitions))),
        steps_left: steps,
        lives: 0,
        value_bytes_max: world.choose(&[(4, 500), (3, 5_000), (1, 60_000)]),
        shards_max: 1 + world.below(3),
        disk_fails: false,
        disk_fills: false,
        is_full: false,
        last_crash: Ending::Clean,
        world,
        machine,
    };
    match run.world.below(8) {
        0 => run.disk_fails = true,
        1 => run.disk_fills = true,
        _ => {}
    }
    let mut ending = Ending::Clean;
    while run.steps_left > 0 {
        ending = run.live(ending);
    }
    // The end of all faults: everything promised is served, and goes on being served.
    run.disk_fails = false;
    run.set_full(false);
    run.steps_left = 1;
    let node = run.start_without_crash();
    run.check(&node, ending);
    drop(node);
    let model = run.model.borrow();
    Verdict {
        trace: run.world.trace(),
        lives: run.lives,
        sent: model.batches.len() as u64,
        acknowledged: model.acknowledged,
        refused: model.refused,
        fetched: model.fetched,
        simulated: run.world.now(),
    }
}

fn plan(world: &World, partitions: usize) -> NodePlan {
    let nothing_given = BrokerConfig::from_given(&[], &Machine::default());
    let (mut config, _) = nothing_given.expect("the defaults are a broker");
    // Small, so that a short run goes round the ring.
    config.journal.file_bytes_min = world.choose(&[(2, 256 << 10), (1, 1 << 20), (1, 4 << 20)]);
    config.journal.file_bytes_max = config.journal.file_bytes_min * (1 + world.below(3));
    config.memory_bytes = 16 << 20;
    let mut topic = Vec::new();
    if world.below(2) == 0 {
        topic.push(("segment.ms", (1 + world.below(200)).to_string()));
    }
    NodePlan {
        config: Arc::new(config),
        partitions,
        topic,
    }
}

impl Run {
    /// One life of the broker; says how it ended.
    fn live(&mut self, before: Ending) -> Ending {
        let Some(node) = self.start() else {
            // Ended while it started: the worse of the two ends counts.
            return before.max(self.last_crash);
        };
        self.check(&node, before);
        self.resend(&node);
        loop {
            if self.steps_left == 0 {
                return self.end(node);
            }
            self.steps_left -= 1;
            let step = self.world.choose(&[
                (40, Step::Produce),
                (20, Step::ProduceNumbered),
                (12, Step::Fetch),
                (2, Step::Delete),
                (20, Step::Wait),
                (2, Step::WaitLong),
                (1, Step::FailDisk),
                (2, Step::FillDisk),
                (2, Step::FreeDisk),
                (6, Step::Crash),
            ]);
            match step {
                Step::Produce => self.produce(&node),
                Step::ProduceNumbered => self.produce_numbered(&node),
                Step::Fetch => self.fetch(&node),
                Step::Delete => self.delete(&node),
                Step::Wait => self.world.run_for(self.world.below(3 * MILLISECOND)),
                Step::WaitLong => self.world.run_for(self.world.below(8 * SECOND)),
                Step::FailDisk => self.fail_disk(),
                Step::FillDisk if self.disk_fills => self.set_full(true),
                Step::FreeDisk if self.is_full => self.free_disk(&node),
                Step::FillDisk | Step::FreeDisk => {}
                Step::Crash => return self.end(node),
            }
        }
    }

    fn new_node(&mut self) -> Node {
        self.lives += 1;
        let shards = 1 + self.world.below(self.shards_max) as u16;
        let epoch = self.lives as i32;
        Node::start(&self.world, self.machine, &self.plan, shards, epoch)
    }

    /// Starts, or is cut short while starting.
    fn start(&mut self) -> Option<Node> {
        if self.world.below(6) > 0 {
            return Some(self.start_without_crash());
        }
        let node = self.new_node();
        let span = self.world.below(20 * MILLISECOND);
        self.world.run_until(span, || node.is_up());
        self.crash(node);
        None
    }

    fn start_without_crash(&mut self) -> Node {
        self.world
            .disk(self.machine, |disk| disk.faults.ordered.clear());
        let node = self.new_node();
        let up = || node.is_up() || node.failed().is_some();
        let ended = self.world.run_until(600 * SECOND, up);
        if let Some(reason) = node.failed() {
            // Somebody took the room that the ballast had given up: no start without any.
            assert!(
                self.is_full && reason.contains("space"),
                "the broker does not start: {reason}"
            );
            self.set_full(false);
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
        if node.failed().is_some() {
            assert!(
                self.disk_fails || self.is_full,
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
    }

    fn value_bytes(&self) -> usize {
        8 + self.world.below(1 + self.world.below(self.value_bytes_max)) as usize
    }

    fn produce(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        let acks = self.world.choose(&[(1, 0), (4, 1), (5, -1)]);
        let records = 1 + self.world.below(4) as i32;
        let (runtime, shard) = node.owner(partition);
        let timestamp = runtime.wall().0;
        let sent = self.model.borrow_mut().send(Sending {
            partition,
            acks,
            stream: 0,
            stamp: None,
            records,
            value_bytes: self.value_bytes(),
            timestamp,
        });
        send(&self.model, &runtime, shard, sent);
    }

    /// A producer with numbered batches: one at a time, sent again until it is acknowledged.
    fn produce_numbered(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        if self.model.borrow().producers[partition].waiting.is_some() {
            return;
        }
        // With acks=1 a power cut may take what the producer counts on.
        let acks = -1;
        let records = 1 + self.world.below(4) as i32;
        let (runtime, shard) = node.owner(partition);
        let timestamp = runtime.wall().0;
        let value_bytes = self.value_bytes();
        let mut model = self.model.borrow_mut();
        let stamp = ProducerStamp {
            id: 1000 + partition as i64,
            epoch: 0,
            base_sequence: model.producers[partition].next_sequence,
        };
        let sent = model.send(Sending {
            partition,
            acks,
            stream: 0,
            stamp: Some(stamp),
            records,
            value_bytes,
            timestamp,
        });
        model.producers[partition].next_sequence += records;
        model.producers[partition].waiting = Some(sent);
        drop(model);
        send(&self.model, &runtime, shard, sent);
    }

    /// After a restart: producers that heard nothing send again.
    fn resend(&self, node: &Node) {
        for partition in 0..self.plan.partitions {
            let waiting = self.model.borrow().producers[partition].waiting;
            if let Some(id) = waiting {
                self.model.borrow_mut().send_again(id);
                let (runtime, shard) = node.owner(partition);
                send(&self.model, &runtime, shard, id);
            }
        }
    }

    fn fetch(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        let (runtime, shard) = node.owner(partition);
        let Some(replica) = shard.partition(Node::key(partition)) else {
            return;
        };
        let view = replica.view();
        let span = (view.high_watermark.0 - view.log_start_offset.0).max(0) as u64;
        let from = view
            .log_start_offset
            .plus(self.world.below(span + 1) as i64);
        let bytes_max = 1 << self.world.below(20);
        let model = self.model.clone();
        spawn(&runtime, async move {
            fetch_and_check(&shard, &model, partition, from, bytes_max).await;
        });
    }

    fn delete(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        let (runtime, shard) = node.owner(partition);
        let Some(replica) = shard.partition(Node::key(partition)) else {
            return;
        };
        let end = replica.high_watermark();
        let offset = self.world.below(end.0.max(0) as u64 + 1) as i64;
        let model = self.model.clone();
        spawn(&runtime, async move {
            let question = Question::DeleteBefore { offset };
            let answers = shard.ask(vec![(Node::key(partition), question)]).await;
            if let Some(Answer::LowWatermark(start)) = answers.first() {
                let mut model = model.borrow_mut();
                model.log_start[partition] = model.log_start[partition].max(*start);
            }
        });
    }

    /// Leaves a disk with little or no room, or with all it needs.
    fn set_full(&mut self, is_full: bool) {
        let room = self.world.choose(&[(1, 0), (2, 64 << 10), (2, 4 << 20)]);
        let room = self.world.below(room + 1);
        self.is_full = is_full;
        self.world.disk(self.machine, |disk| {
            let (total, available) = disk.space();
            disk.capacity = match is_full {
                true => total - available + room,
                false => u64::MAX,
            };
        });
    }

    /// Space comes back: without a restart everything is taken again.
    fn free_disk(&mut self, node: &Node) {
        self.set_full(false);
        self.world.run_for(3 * SECOND);
        let refused = self.model.borrow().refused;
        let acknowledged = self.model.borrow().acknowledged;
        for partition in 0..self.plan.partitions {
            let (runtime, shard) = node.owner(partition);
            let timestamp = runtime.wall().0;
            let sent = self.model.borrow_mut().send(Sending {
                partition,
                acks: -1,
                stream: 0,
                stamp: None,
                records: 1,
                value_bytes: 100,
                timestamp,
            });
            send(&self.model, &runtime, shard, sent);
        }
        let wanted = acknowledged + self.plan.partitions as u64;
        let model = self.model.clone();
        let taken = || model.borrow().acknowledged >= wanted;
        let taken = self.world.run_until(10 * SECOND, taken);
        assert!(taken, "nothing is taken on a disk with room");
        assert_eq!(self.model.borrow().refused, refused, "refused with room");
    }

    /// The next write or sync of something fails.
    fn fail_disk(&self) {
        if !self.disk_fails {
            return;
        }
        let kind = self
            .world
            .choose(&[(1, FaultKind::Write), (1, FaultKind::Sync)]);
        let path = self.world.choose(&[(1, "journal"), (1, ".log")]);
        self.world.disk(self.machine, |disk| {
            disk.faults.ordered.push(Fault {
                kind,
                path: path.to_owned(),
                skip: 0,
                count: 1,
                errno: Errno::IO,
            });
        });
    }
}

/// Sends a batch to its shard; the answer goes into the model when it comes.
fn send(model: &Rc<RefCell<Model>>, runtime: &Runtime, shard: Rc<Shard>, id: usize) {
    let (records, partition, acks) = {
        let model = model.borrow();
        let batch = &model.batches[id];
        (Slice::copy_of(&batch.bytes), batch.partition, batch.acks)
    };
    let terms = Terms {
        acks,
        zstd_allowed: true,
        now: runtime.wall(),
        deadline: Instant::NEVER,
        origin: Origin::CLIENT,
    };
    let model = model.clone();
    spawn(runtime, async move {
        let key = Node::key(partition);
        let part = ProducePart {
            key,
            records,
            guard: None,
        };
        let answers = shard.produce(vec![part], terms).await;
        let mut model = model.borrow_mut();
        let answer = &answers[0];
        match answer.error {
            ErrorCode::None => {
                if acks != 0 {
                    let level = model.level_of(id);
                    model.promise(id, answer.base_offset, level);
                    model.acknowledged += 1;
                }
                if model.producers[partition].waiting == Some(id) {
                    model.producers[partition].waiting = None;
                }
            }
            ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => model.refused += 1,
            code => panic!("batch {id} was refused: {code:?} {:?}", answer.message),
        }
    });
}

const ANY_EPOCH: EpochCheck = EpochCheck {
    current_leader_epoch: -1,
    last_fetched_epoch: -1,
};

async fn fetch_and_check(
    shard: &Rc<Shard>,
    model: &Rc<RefCell<Model>>,
    partition: usize,
    from: Offset,
    bytes_max: usize,
) {
    let part = FetchPart {
        key: Node::key(partition),
        from,
        bytes_max,
        at_least_one: true,
        epochs: ANY_EPOCH,
        committed: false,
    };
    let answers = shard.fetch(vec![part], Depth::Disk).await;
    match answers[0].error {
        ErrorCode::None => {
            let bytes = answers[0].records.concat_bytes();
            let mut model = model.borrow_mut();
            let served = model.parse_served(partition, from, &bytes);
            model.observe(&served);
        }
        // Deleted meanwhile, or the disk failed.
        ErrorCode::OffsetOutOfRange
        | ErrorCode::KafkaStorageError
        | ErrorCode::NotLeaderOrFollower => {}
        code => panic!("partition {partition}: fetch from {from} refused: {code:?}"),
    }
}

async fn check_partition(
    shard: &Rc<Shard>,
    model: &Rc<RefCell<Model>>,
    partition: usize,
    ending: Ending,
) {
    let replica = shard.partition(Node::key(partition));
    let replica = replica.expect("every partition is opened at the start");
    let view = replica.view();
    assert_eq!(
        view.high_watermark,
        replica.log.log_end_offset(),
        "partition {partition}: what was recovered is durable, so all of it is visible"
    );
    let mut from = view.log_start_offset;
    let mut all = Vec::new();
    while from < view.high_watermark {
        let part = FetchPart {
            key: Node::key(partition),
            from,
            bytes_max: 256 << 10,
            at_least_one: true,
            epochs: ANY_EPOCH,
            committed: false,
        };
        let answers = shard.fetch(vec![part], Depth::Disk).await;
        let code = answers[0].error;
        assert_eq!(
            code,
            ErrorCode::None,
            "partition {partition} at {from} after {ending:?}"
        );
        let bytes = answers[0].records.concat_bytes();
        let served = model.borrow().parse_served(partition, from, &bytes);
        let last = served.last();
        from = last
            .expect("below the high watermark there is something")
            .next;
        all.extend(served);
    }
    let (start, end) = (view.log_start_offset, view.high_watermark);
    model
        .borrow_mut()
        .check_log(partition, start, end, &all, ending);
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<Slice> {
    fn concat_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.iter().map(|slice| slice.len()).sum());
        for slice in self {
            bytes.extend_from_slice(slice);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Seeds;

    #[test]
    fn what_was_acknowledged_survives_what_its_level_says() {
        for seed in Seeds::from_env(200) {
            run(seed, 60);
        }
    }

    #[test]
    fn a_seed_run_twice_gives_the_same_trace() {
        for seed in 0..5 {
            assert_eq!(run(seed, 60), run(seed, 60));
        }
    }
}
