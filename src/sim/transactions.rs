//! Transactions in partitions: what a committed reader sees, through kills and power cuts.
//!
//! Room:       `sim`, tests only.
//! Calls:      `node` (shards behind simulated doors).
//! Never:      has a coordinator: the test is it, and knows how each transaction ended.
//!
//! A few producers write to two partitions, end their transactions one way or the other, and the
//! broker dies now and then. The model is the list of acknowledged batches and each transaction's
//! end. After every step a committed reader gets exactly the records of committed transactions
//! below the first open one, and the last stable offset is there.

use super::clock::SECOND;
use super::node::{LOG_DIR, Node, NodePlan, spawn};
use super::seed::Seeds;
use super::world::{MachineId, World};
use crate::config::{BrokerConfig, Machine};
use crate::ids::Offset;
use crate::io::{Instant, Slice};
use crate::map::Map;
use crate::partition::{EpochCheck, Marker, Origin, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::{
    BatchBuilder, BatchOptions, Batches, Compression, ProducerStamp, Records,
};
use crate::shard::Shard;
use crate::shard::message::{Answer, Depth, FetchPart, ProduceAnswer, ProducePart, Question};
use std::cell::RefCell;
use std::rc::Rc;

const PARTITIONS: usize = 2;
const PRODUCERS: usize = 4;
const FIRST_ID: i64 = 500;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Open,
    Committed,
    Aborted,
}

struct Written {
    offset: i64,
    value: u64,
    transaction: usize,
}

#[derive(Default, Clone, Copy)]
struct Producer {
    epoch: i16,
    /// Per partition.
    sequence: [i32; PARTITIONS],
    transaction: Option<usize>,
    touched: [bool; PARTITIONS],
}

struct Scenario {
    world: World,
    machine: MachineId,
    plan: NodePlan,
    written: Vec<Vec<Written>>,
    ends: Vec<End>,
    producers: [Producer; PRODUCERS],
    values: u64,
    lives: i32,
}

fn run(seed: u64, steps: u32) {
    let world = World::new(seed);
    let machine = world.machine();
    world.make_directory(machine, LOG_DIR);
    let nothing_given = BrokerConfig::from_given(&[], &Machine::default());
    let (mut config, _) = nothing_given.expect("the defaults are a broker");
    config.journal.file_bytes_min = 256 << 10;
    config.journal.file_bytes_max = 512 << 10;
    config.memory_bytes = 16 << 20;
    let plan = NodePlan {
        partitions: PARTITIONS,
        topic: vec![("segment.ms", (1 + world.below(300)).to_string())],
        ..NodePlan::new(config)
    };
    let mut scenario = Scenario {
        world,
        machine,
        plan,
        written: (0..PARTITIONS).map(|_| Vec::new()).collect(),
        ends: Vec::new(),
        producers: [Producer::default(); PRODUCERS],
        values: 0,
        lives: 0,
    };
    let mut node = scenario.start();
    for _ in 0..steps {
        let who = scenario.world.below(PRODUCERS as u64) as usize;
        match scenario.world.below(100) {
            0..60 => scenario.write(&node, who),
            60..78 => scenario.end(&node, who, true),
            78..92 => scenario.end(&node, who, false),
            92..95 => scenario.world.run_for(scenario.world.below(3 * SECOND)),
            _ => node = scenario.crash(node, who),
        }
        let partition = scenario.world.below(PARTITIONS as u64) as usize;
        scenario.check(&node, partition);
    }
    (0..PRODUCERS).for_each(|who| scenario.end(&node, who, true));
    (0..PARTITIONS).for_each(|partition| scenario.check(&node, partition));
}

impl Scenario {
    fn start(&mut self) -> Node {
        self.lives += 1;
        let shards = 1 + self.world.below(2) as u16;
        let node = Node::start(&self.world, self.machine, &self.plan, shards, self.lives);
        let up = self.world.run_until(600 * SECOND, || node.is_up());
        assert!(up, "{:?} {}", node.failed(), node.describe());
        node
    }

    /// Runs a job on a partition's owner to its end.
    fn on_owner<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        node: &Node,
        partition: usize,
        job: impl FnOnce(Rc<Shard>) -> F,
    ) -> T {
        let (runtime, shard) = node.owner(partition);
        let told: Rc<RefCell<Option<T>>> = Rc::default();
        let (tell, job) = (told.clone(), job(shard));
        spawn(&runtime, async move {
            let result = job.await;
            *tell.borrow_mut() = Some(result);
        });
        let done = self
            .world
            .run_until(60 * SECOND, || told.borrow().is_some());
        assert!(done, "{}", node.describe());
        told.take().expect("it is done")
    }

    fn batch(&mut self, who: usize, partition: usize) -> (Slice, u64) {
        let producer = &self.producers[who];
        let mut builder = BatchBuilder::new(BatchOptions {
            transactional: true,
            producer: ProducerStamp {
                id: FIRST_ID + who as i64,
                epoch: producer.epoch,
                base_sequence: producer.sequence[partition],
            },
            codec: match self.world.below(4) {
                0 => Compression::Lz4,
                _ => Compression::None,
            },
            ..BatchOptions::default()
        });
        self.values += 1;
        let mut value = self.values.to_be_bytes().to_vec();
        value.resize(8 + self.world.below(20_000) as usize, 0);
        builder.append(1000, None, Some(&value), &[]);
        (Slice::copy_of(&builder.finish()), self.values)
    }

    fn terms() -> Terms {
        Terms {
            acks: -1,
            zstd_allowed: true,
            now: crate::io::WallMillis(1000),
            deadline: Instant::NEVER,
            origin: Origin::Client { verified: false },
        }
    }

    /// A batch as the broker's handler sends it: the coordinator's word is asked for when needed.
    fn write(&mut self, node: &Node, who: usize) {
        let partition = self.world.below(PARTITIONS as u64) as usize;
        let (records, value) = self.batch(who, partition);
        let key = Node::key(partition);
        let send = |guard| {
            let records = records.clone();
            let part = ProducePart {
                key,
                records,
                guard,
            };
            self.on_owner(node, partition, move |shard| async move {
                let answers = shard.produce(vec![part], Self::terms()).await;
                answers.into_iter().next().expect("one answer per part")
            })
        };
        let mut answer: ProduceAnswer = send(None);
        let first = !self.producers[who].touched[partition];
        assert_eq!(answer.unverified.is_some(), first, "{answer:?}");
        if first {
            assert_eq!(answer.error, ErrorCode::InvalidTxnState);
            answer = send(answer.unverified);
        }
        assert_eq!(answer.error, ErrorCode::None, "{answer:?}");
        let producer = &mut self.producers[who];
        producer.touched[partition] = true;
        producer.sequence[partition] += 1;
        let transaction = *producer.transaction.get_or_insert_with(|| {
            self.ends.push(End::Open);
            self.ends.len() - 1
        });
        self.written[partition].push(Written {
            offset: answer.base_offset.0,
            value,
            transaction,
        });
    }

    /// Ends a producer's transaction as transactions v2 do: with the epoch after it.
    fn end(&mut self, node: &Node, who: usize, commit: bool) {
        let Some(transaction) = self.producers[who].transaction.take() else {
            return;
        };
        self.producers[who].epoch += 1;
        self.producers[who].sequence = [0; PARTITIONS];
        let marker = Marker {
            producer_id: FIRST_ID + who as i64,
            producer_epoch: self.producers[who].epoch,
            coordinator_epoch: self.lives,
            commit,
            transaction_version: 2,
        };
        for partition in 0..PARTITIONS {
            if !std::mem::take(&mut self.producers[who].touched[partition]) {
                continue;
            }
            let codes = self.on_owner(node, partition, move |shard| async move {
                let key = Node::key(partition);
                shard.end_transactions(vec![(key, marker)]).await
            });
            assert_eq!(codes, [ErrorCode::None]);
        }
        self.ends[transaction] = match commit {
            true => End::Committed,
            false => End::Aborted,
        };
    }

    /// Kills the broker while a batch is on its way; its transaction cannot commit any more.
    fn crash(&mut self, node: Node, who: usize) -> Node {
        let doomed = self.world.below(2) == 0 && self.producers[who].touched[0];
        if doomed {
            let (records, _) = self.batch(who, 0);
            let part = ProducePart {
                key: Node::key(0),
                records,
                guard: None,
            };
            let (runtime, shard) = node.owner(0);
            spawn(&runtime, async move {
                shard.produce(vec![part], Self::terms()).await;
            });
            self.world.run_for(self.world.below(SECOND / 1000));
        }
        match self.world.below(2) {
            0 => self.world.kill(self.machine),
            _ => self.world.power_cut(self.machine),
        }
        drop(node);
        let node = self.start();
        if doomed {
            self.end(&node, who, false);
        }
        node
    }

    fn check(&self, node: &Node, partition: usize) {
        let open = |written: &&Written| self.ends[written.transaction] == End::Open;
        let first_open = self.written[partition].iter().find(open);
        let (read, view_stable) = self.on_owner(node, partition, move |shard| async move {
            (
                read_committed(&shard, partition).await,
                stable(&shard, partition).await,
            )
        });
        if let Some(first) = first_open {
            assert_eq!(
                view_stable, first.offset,
                "the last stable offset is the first open one"
            );
        }
        let committed = self.written[partition].iter().filter(|written| {
            written.offset < view_stable && self.ends[written.transaction] == End::Committed
        });
        let committed: Vec<(i64, u64)> = committed.map(|w| (w.offset, w.value)).collect();
        assert_eq!(read, committed, "exactly what was committed");
    }
}

async fn stable(shard: &Rc<Shard>, partition: usize) -> i64 {
    let question = Question::Offset {
        at: -1,
        current_leader_epoch: -1,
        committed: true,
    };
    let answers = shard.ask(vec![(Node::key(partition), question)]).await;
    match answers[0] {
        Answer::Offset { offset, .. } => offset,
        ref other => panic!("{other:?}"),
    }
}

/// Reads from the start as a consumer does, skipping what is aborted as Kafka's client does.
async fn read_committed(shard: &Rc<Shard>, partition: usize) -> Vec<(i64, u64)> {
    let mut from = Offset(0);
    let mut read = Vec::new();
    loop {
        let part = FetchPart {
            key: Node::key(partition),
            from,
            bytes_max: 50_000,
            at_least_one: true,
            epochs: EpochCheck {
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
            },
            committed: true,
        };
        let answers = shard.fetch(vec![part], Depth::Disk).await;
        let answer = &answers[0];
        assert_eq!(answer.error, ErrorCode::None);
        let bytes: Vec<u8> = answer.records.iter().flat_map(|s| s.to_vec()).collect();
        if bytes.is_empty() {
            return read;
        }
        let mut aborted = answer
            .aborted
            .clone()
            .expect("a committed fetch has the list");
        aborted.sort_by_key(|aborted| aborted.first_offset);
        let mut aborted = aborted.into_iter().peekable();
        let mut skipping: Map<i64, ()> = Map::default();
        for batch in Batches::new(&bytes) {
            let batch = batch.expect("whole batches");
            let header = batch.header;
            from = Offset(header.next_offset());
            while let Some(next) = aborted.next_if(|a| a.first_offset.0 <= header.last_offset()) {
                skipping.insert(next.producer_id, ());
            }
            if header.attributes.is_control() {
                let record = Records::of(&batch).next().expect("one").expect("whole");
                if record.key.expect("a control record has a key")[3] == 0 {
                    skipping.remove(&header.producer_id);
                }
                continue;
            }
            if skipping.contains_key(&header.producer_id) {
                continue;
            }
            read.push((header.base_offset, first_value(&batch)));
        }
    }
}

fn first_value(batch: &crate::protocol::record_batch::Batch<'_>) -> u64 {
    let codec = batch.header.attributes.codec().expect("a codec");
    let mut plain = Vec::new();
    let records = match codec {
        Compression::None => batch.records_bytes(),
        codec => {
            let packed = batch.records_bytes();
            crate::protocol::record_batch::decompress(codec, packed, 1 << 20, &mut plain)
                .expect("it was packed by us");
            &plain
        }
    };
    let record = Records::new(records, 1)
        .next()
        .expect("one")
        .expect("whole");
    let value = record.value.expect("it has one");
    u64::from_be_bytes(value[..8].try_into().expect("eight bytes"))
}

/// Goal: committed records are read once and in order, aborted ones never, whatever happens to the
/// broker in between; open transactions hold readers, through restarts too.
#[test]
fn committed_readers_see_exactly_what_was_committed() {
    for seed in Seeds::from_env(4) {
        run(seed, 60);
    }
}

#[test]
fn a_restart_keeps_an_open_transaction_and_its_sequences() {
    run(4711, 150);
}
