//! One node, a few lives: leader epochs as readers hear of them, and producers on a slow disk.
//!
//! Room:       `sim`, tests only.
//! Calls:      `node` (shards behind simulated doors).
//! Never:      chooses by chance: each test is one story.

use super::clock::{Latency, MILLISECOND, SECOND};
use super::disk::{Disk, DiskLatencies};
use super::node::{LOG_DIR, Node, NodePlan, spawn};
use super::world::{MachineId, World};
use crate::config::{BrokerConfig, Machine};
use crate::ids::{LeaderEpoch, Offset};
use crate::io::{Instant, Slice, WallMillis};
use crate::partition::{EpochCheck, Origin, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::{BatchBuilder, BatchOptions, Compression};
use crate::shard::Shard;
use crate::shard::message::{Answer, Depth, FetchAnswer, FetchPart, ProducePart, Question};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

pub(super) struct Story {
    pub world: World,
    machine: MachineId,
    pub plan: NodePlan,
}

impl Story {
    pub fn new(seed: u64, durability: &str) -> Story {
        let world = World::new(seed);
        let machine = world.machine();
        world.make_directory(machine, LOG_DIR);
        let nothing_given = BrokerConfig::from_given(&[], &Machine::default());
        let (mut config, _) = nothing_given.expect("the defaults are a broker");
        config.memory_bytes = 16 << 20;
        let plan = NodePlan {
            topic: vec![("ottla.durability", durability.to_owned())],
            ..NodePlan::new(config)
        };
        Story {
            world,
            machine,
            plan,
        }
    }

    pub fn start(&self, epoch: i32) -> Node {
        let node = Node::start(&self.world, self.machine, &self.plan, 1, epoch);
        let up = self.world.run_until(600 * SECOND, || node.is_up());
        assert!(up, "{:?} {}", node.failed(), node.describe());
        node
    }

    /// Writes and syncs take so long from now on; how long everything took before.
    fn slow_down(&self, slow: Latency) -> DiskLatencies {
        let quick = self.world.disk(self.machine, |disk| disk.faults.latencies);
        self.set_latencies(DiskLatencies {
            write: slow,
            sync: slow,
            ..quick
        });
        quick
    }

    fn set_latencies(&self, latencies: DiskLatencies) {
        let set = |disk: &mut Disk| disk.faults.latencies = latencies;
        self.world.disk(self.machine, set);
    }

    /// The next life, in another epoch.
    fn restart(&self, node: Node, epoch: i32) -> Node {
        self.world.kill(self.machine);
        drop(node);
        self.start(epoch)
    }

    fn on_shard<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        node: &Node,
        job: impl FnOnce(Rc<Shard>) -> F,
    ) -> T {
        let (runtime, shard) = node.owner(0);
        let told: Rc<RefCell<Option<T>>> = Rc::default();
        let (tell, job) = (told.clone(), job(shard));
        spawn(&runtime, async move {
            let result = job.await;
            *tell.borrow_mut() = Some(result);
        });
        let is_done = || told.borrow().is_some();
        assert!(self.world.run_until(60 * SECOND, is_done));
        told.take().expect("it is done")
    }

    /// Appends a batch of so many records; its base offset.
    fn produce(&self, node: &Node, records: usize) -> i64 {
        self.produce_to(node, 0, records)
    }

    fn produce_to(&self, node: &Node, partition: usize, records: usize) -> i64 {
        let part = ProducePart {
            key: Node::key(partition),
            ..part(records, 10)
        };
        self.on_shard(node, move |shard| async move {
            let answers = shard.produce(vec![part], terms()).await;
            assert_eq!(answers[0].error, ErrorCode::None);
            answers[0].base_offset.0
        })
    }

    fn fetch(&self, node: &Node, from: i64, current: i32, last_fetched: i32) -> FetchAnswer {
        let part = FetchPart {
            key: Node::key(0),
            from: Offset(from),
            bytes_max: 1 << 20,
            at_least_one: true,
            epochs: EpochCheck {
                current_leader_epoch: current,
                last_fetched_epoch: last_fetched,
            },
            committed: false,
        };
        self.on_shard(node, move |shard| async move {
            let answers = shard.fetch(vec![part], Depth::Disk).await;
            answers.into_iter().next().expect("one answer per part")
        })
    }

    fn ask(&self, node: &Node, question: Question) -> Answer {
        self.on_shard(node, move |shard| async move {
            let answers = shard.ask(vec![(Node::key(0), question)]).await;
            answers.into_iter().next().expect("one answer per question")
        })
    }

    fn epoch_end(&self, node: &Node, epoch: i32, current: i32) -> Result<(i32, i64), ErrorCode> {
        let question = Question::EpochEnd {
            epoch: LeaderEpoch(epoch),
            current_leader_epoch: current,
        };
        match self.ask(node, question) {
            Answer::EpochEnd { epoch, end_offset } => Ok((epoch, end_offset)),
            Answer::Refused(code) => Err(code),
            other => panic!("{other:?}"),
        }
    }
}

fn part(records: usize, value_bytes: usize) -> ProducePart {
    part_in(Compression::None, records, value_bytes)
}

fn part_in(codec: Compression, records: usize, value_bytes: usize) -> ProducePart {
    let mut builder = BatchBuilder::new(BatchOptions {
        codec,
        ..BatchOptions::default()
    });
    let value = vec![7; value_bytes];
    (0..records).for_each(|_| builder.append(1000, None, Some(&value), &[]));
    ProducePart {
        key: Node::key(0),
        records: Slice::copy_of(&builder.finish()),
        guard: None,
    }
}

fn terms() -> Terms {
    Terms {
        acks: 1,
        zstd_allowed: true,
        now: WallMillis(1000),
        deadline: Instant::NEVER,
        origin: Origin::CLIENT,
    }
}

/// Goal: a reader that knows another epoch than the leader's is told so, and one whose records
/// have gone another way is told where (KIP-101, KIP-279, KIP-320, KIP-595).
#[test]
fn epochs_fence_readers_and_tell_where_logs_part() {
    let story = Story::new(1, "acks");
    let node = story.start(3);
    assert_eq!(story.produce(&node, 5), 0);
    let node = story.restart(node, 5);
    assert_eq!(story.produce(&node, 4), 5);
    let node = story.restart(node, 8);
    // Epoch 3 has offsets 0 to 4, epoch 5 has 5 to 8, epoch 8 none yet.
    for (current, code) in [
        (-1, ErrorCode::None),
        (8, ErrorCode::None),
        (5, ErrorCode::FencedLeaderEpoch),
        (0, ErrorCode::FencedLeaderEpoch),
        (9, ErrorCode::UnknownLeaderEpoch),
    ] {
        assert_eq!(story.fetch(&node, 0, current, -1).error, code, "{current}");
        let at = story.ask(
            &node,
            Question::Offset {
                at: -1,
                current_leader_epoch: current,
                committed: false,
            },
        );
        match (at, code) {
            (Answer::Offset { offset: 9, .. }, ErrorCode::None) => {}
            (Answer::Refused(told), expected) => assert_eq!(told, expected),
            (other, _) => panic!("{other:?}"),
        }
        let end = story.epoch_end(&node, 5, current);
        match code {
            ErrorCode::None => assert_eq!(end, Ok((5, 9))),
            code => assert_eq!(end, Err(code)),
        }
    }
    let diverging = |from, last_fetched| {
        let answer = story.fetch(&node, from, -1, last_fetched);
        assert_eq!(answer.error, ErrorCode::None);
        let told = answer.diverging.map(|(epoch, end)| (epoch.0, end.0));
        assert_eq!(told.is_some(), answer.bytes == 0 && from < 9, "{from}");
        told
    };
    assert_eq!(diverging(5, 3), None, "epoch 3 ends at 5");
    assert_eq!(diverging(7, 5), None);
    assert_eq!(diverging(9, 5), None, "the end");
    assert_eq!(
        diverging(7, 3),
        Some((3, 5)),
        "more of epoch 3 than there is"
    );
    assert_eq!(
        diverging(7, 4),
        Some((3, 5)),
        "an epoch nobody here has seen"
    );
    let beyond = story.fetch(&node, 4, -1, 9);
    assert_eq!(beyond.error, ErrorCode::OffsetOutOfRange, "newer than all");
    assert_eq!(story.epoch_end(&node, 3, -1), Ok((3, 5)));
    assert_eq!(story.epoch_end(&node, 4, -1), Ok((3, 5)));
    assert_eq!(story.epoch_end(&node, 8, -1), Ok((8, 9)));
    assert_eq!(story.epoch_end(&node, 9, -1), Ok((-1, -1)));
}

/// Goal: a lap releases no group that it knows nothing of, here the first one of a partition: it
/// came while another partition was written for the lap.
#[test]
fn a_first_batch_beside_a_lap_survives_a_kill() {
    let mut story = Story::new(3, "synced");
    story.plan.partitions = 2;
    let node = story.start(1);
    // That both were made is in a checkpoint by then.
    story.world.run_for(10 * SECOND);
    story.produce(&node, 3);
    let quick = story.slow_down(Latency::around(100 * MILLISECOND, 10 * MILLISECOND));
    let (runtime, shard) = node.owner(0);
    let lapped: Rc<RefCell<bool>> = Rc::default();
    let told = lapped.clone();
    spawn(&runtime, async move {
        let checkpointer = shard.checkpointer(&shard.dirs()[0]);
        checkpointer.cover(&[Node::key(0)]).await;
        *told.borrow_mut() = true;
    });
    // The checkpointer has looked, and writes.
    story.world.run_for(20 * MILLISECOND);
    assert_eq!(story.produce_to(&node, 1, 5), 0);
    assert!(!*lapped.borrow(), "the lap is still under way");
    assert!(story.world.run_until(60 * SECOND, || *lapped.borrow()));
    story.set_latencies(quick);
    // The superblock follows.
    story.world.run_for(300 * MILLISECOND);
    let node = story.restart(node, 2);
    assert_eq!(story.produce_to(&node, 1, 1), 5, "behind what was there");
}

/// Goal: a producer that is acknowledged at once and is faster than the disk is slowed before it
/// fills memory; nothing is refused, and the order stays.
#[test]
fn a_slow_disk_slows_producers_that_wait_for_nothing() {
    const BATCHES: usize = 400;
    const BATCH_BYTES: usize = 20_000;
    let story = Story::new(2, "memory");
    let node = story.start(1);
    let quick = story.slow_down(Latency::around(2 * SECOND, SECOND));
    let (runtime, shard) = node.owner(0);
    let answered: Rc<RefCell<Vec<i64>>> = Rc::default();
    let (told, sending) = (answered.clone(), shard.clone());
    let inner = runtime.clone();
    spawn(&runtime, async move {
        for _ in 0..BATCHES {
            let producing = sending.produce(vec![part(1, BATCH_BYTES)], terms());
            let told = told.clone();
            inner.spawn(async move {
                let answers = producing.await;
                assert_eq!(answers[0].error, ErrorCode::None);
                told.borrow_mut().push(answers[0].base_offset.0);
            });
        }
    });
    story.world.run_for(500 * MILLISECOND);
    let taken = answered.borrow().len();
    let share = story.plan.config.memory_shares(1).slab_bytes;
    assert!(taken > 10, "{taken} batches were taken");
    assert!(taken * BATCH_BYTES <= share, "{taken} batches were taken");
    let queued = shard.dirs()[0].journal.pressure().queued_bytes as usize;
    assert!(queued <= share, "{queued} bytes wait for the disk");
    story.set_latencies(quick);
    let all = || answered.borrow().len() == BATCHES;
    assert!(
        story.world.run_until(60 * SECOND, all),
        "{}",
        node.describe()
    );
    let expected: Vec<i64> = (0..BATCHES as i64).collect();
    assert_eq!(
        *answered.borrow(),
        expected,
        "in the order in which they came"
    );
}

/// Goal: a request that waits for another shard first holds nobody up at the partitions of this
/// one: two requests that each began where the other waits would wait for ever.
#[test]
fn nobody_waits_behind_a_request_that_waits_elsewhere() {
    let story = Story::new(5, "acks");
    let node = story.start(1);
    story.on_shard(&node, |shard| async move {
        // On its way to the worker pool, and nobody asks for its answer yet.
        let elsewhere = shard.produce(vec![part_in(Compression::Gzip, 1, 100_000)], terms());
        let behind = shard.produce(vec![part(1, 10)], terms()).await;
        assert_eq!(behind[0].base_offset, Offset(1));
        assert_eq!(elsewhere.await[0].base_offset, Offset(0));
    });
}

/// Goal: a batch that never reaches the disk keeps nothing in memory once its partition is gone:
/// neither the partition nor, with it, the log dir and all that its logs hold.
#[test]
fn what_never_reaches_the_disk_goes_with_its_shard() {
    let story = Story::new(4, "synced");
    let node = story.start(1);
    story.slow_down(Latency::around(60 * SECOND, SECOND));
    let (runtime, shard) = node.owner(0);
    let partition = shard.partition(Node::key(0)).expect("it is open");
    spawn(&runtime, async move {
        shard.produce(vec![part(1, 10)], terms()).await;
    });
    story.world.run_for(100 * MILLISECOND);
    assert_eq!(partition.log().log_end_offset(), Offset(1));
    assert_eq!(partition.high_watermark(), Offset(0), "it waits");
    let gone = Rc::downgrade(&partition);
    drop(partition);
    story.world.kill(story.machine);
    drop(node);
    assert_eq!(gone.strong_count(), 0);
}
