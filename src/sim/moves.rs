//! Replicas that change their log dir while they are written to, and lives that end meanwhile.
//!
//! Room:       `sim`, tests only.
//! Calls:      `shard` (recovery, open, produce, moves), behind simulated doors.
//! Never:      believes anything but what was acknowledged.
//!
//! Goal: whatever moment of a move a life ends in, by a kill, a power cut or a clean stop, each
//! acknowledged record is read again at its offset, once, and nothing that was deleted comes back;
//! and moves end: each replica has one folder, in the log dir that was asked for last. A life that
//! misses a log dir serves a replica whole, or not at all.

use super::clock::{MILLISECOND, SECOND};
use super::disk::{Disk, Fault, FaultKind};
use super::node::{drive, led_by, spawn};
use super::world::{MachineId, World};
use crate::config::{BrokerConfig, Machine};
use crate::ids::{Offset, PartitionKey, ShardId, TopicId};
use crate::io::{Errno, Instant, Slice};
use crate::map::Map;
use crate::metadata::{Image, ResourceKind, TopicImage};
use crate::partition::{EpochCheck, Origin, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::{BatchBuilder, BatchOptions, Batches, ProducerStamp, Records};
use crate::runtime::Runtime;
use crate::shard::message::{Answer, Depth, DirContent, FetchPart, ProducePart, Question};
use crate::shard::{self, DirPlan, Shard, recovery};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const DIRS: [&str; 3] = ["/one", "/two", "/three"];
const TOPIC: TopicId = TopicId(*b"a topic that mov");
const PARTITIONS: usize = 2;
const PRODUCER: i64 = 7;

/// What was promised of one partition.
#[derive(Default)]
struct Promised {
    /// By base offset: the number that each record of the batch has for a value, and the count.
    batches: Map<i64, (u64, i32)>,
    log_start: i64,
    /// Of the idempotent producer: the next sequence, and a batch that is not acknowledged.
    sequence: i32,
    waiting: Option<(u64, i32)>,
}

struct Story {
    world: World,
    machine: MachineId,
    config: Arc<BrokerConfig>,
    promised: Rc<RefCell<Vec<Promised>>>,
    /// Where each replica was asked to be last, once that was answered.
    asked: Rc<RefCell<[Option<usize>; PARTITIONS]>>,
    /// Of each replica, how often it was asked to move.
    requests: Rc<RefCell<[u32; PARTITIONS]>>,
    sent: u64,
    epoch: i32,
}

type Life = (Runtime, Rc<Shard>);

/// A partition's log start, and the number of each record by its offset.
type Found = (i64, Map<i64, u64>);

fn key(partition: usize) -> PartitionKey {
    PartitionKey {
        topic: TOPIC,
        partition: partition as i32,
    }
}

fn image(node: i32, epoch: i32) -> Image {
    let mut image = Image::empty("simulated", node);
    image.offset = 1;
    image.put_topic(TopicImage {
        id: TOPIC,
        name: "moving".into(),
        partitions: vec![led_by(node, epoch); PARTITIONS],
    });
    let settings = [("segment.ms", "150"), ("file.delete.delay.ms", "2000")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Arc::make_mut(&mut image.configs).insert(
        (ResourceKind::Topic, "moving".to_owned()),
        settings.into_iter().collect(),
    );
    image
}

impl Story {
    fn new(seed: u64) -> Story {
        let world = World::new(seed);
        let machine = world.machine();
        DIRS.iter()
            .for_each(|dir| world.make_directory(machine, dir));
        let given = BrokerConfig::from_given(&[], &Machine::default());
        let (mut config, _) = given.expect("the defaults are a broker");
        config.log_dirs = DIRS.iter().map(PathBuf::from).collect();
        config.journal.file_bytes_min = world.choose(&[(2, 256 << 10), (1, 4 << 20)]);
        config.journal.file_bytes_max = config.journal.file_bytes_min * 2;
        config.memory_bytes = 16 << 20;
        Story {
            world,
            machine,
            config: Arc::new(config),
            promised: Rc::new(RefCell::new(
                (0..PARTITIONS).map(|_| Promised::default()).collect(),
            )),
            asked: Rc::default(),
            requests: Rc::default(),
            sent: 0,
            epoch: 0,
        }
    }

    /// Begins a life; the shard is there when it serves.
    fn begin(&mut self) -> Rc<RefCell<Option<Life>>> {
        self.begin_with(DIRS.to_vec())
    }

    /// The same with only these log dirs.
    fn begin_with(&mut self, usable: Vec<&'static str>) -> Rc<RefCell<Option<Life>>> {
        self.epoch += 1;
        let (_, runtime) = drive(&self.world, self.machine);
        let (config, started) = (self.config.clone(), Rc::new(RefCell::new(None)));
        let image = Arc::new(image(config.node_id, self.epoch));
        let (told, inner) = (started.clone(), runtime.clone());
        spawn(&runtime, async move {
            let mut dirs = Vec::new();
            for path in usable {
                let recovered = recovery::recover(&inner, Path::new(path), &config).await;
                let cleared = recovery::remove_surplus(&inner, Path::new(path), 1).await;
                cleared.expect("sound disks");
                dirs.push(DirPlan {
                    path: PathBuf::from(path),
                    id: [1; 16],
                    recovered: recovered.expect("sound disks"),
                });
            }
            let plan = shard::Plan { image, dirs };
            let shard = Shard::open(&inner, ShardId(0), 1, &config, plan).await;
            let shard = shard.expect("sound disks");
            *told.borrow_mut() = Some((inner, shard));
        });
        started
    }

    fn start(&mut self) -> Life {
        self.start_with(DIRS.to_vec())
    }

    fn start_with(&mut self, usable: Vec<&'static str>) -> Life {
        let started = self.begin_with(usable);
        let is_up = self
            .world
            .run_until(600 * SECOND, || started.borrow().is_some());
        assert!(is_up, "it does not start");
        started.take().expect("it is up")
    }

    fn end(&self, life: Life) {
        match self.world.choose(&[(3, 0), (3, 1), (2, 2)]) {
            0 => self.world.kill(self.machine),
            1 => self.world.power_cut(self.machine),
            _ => {
                // Clients are answered before a stop.
                self.world.run_for(SECOND);
                let (closed, shard) = (Rc::new(Cell::new(false)), life.1.clone());
                let told = closed.clone();
                spawn(&life.0, async move {
                    shard.close().await.expect("sound disks");
                    told.set(true);
                });
                assert!(self.world.run_until(600 * SECOND, || closed.get()));
                self.world.power_cut(self.machine);
            }
        }
        self.leave(&life);
    }

    /// Nothing of a life that is over answers any more.
    fn leave(&self, life: &Life) {
        let partitions = life.1.partitions().into_iter();
        partitions.for_each(|partition| partition.go_offline(Errno::IO));
    }

    /// A life without one of the log dirs, which is there again in the next.
    fn live_without(&mut self, missing: usize) {
        let mut usable = DIRS.to_vec();
        usable.remove(missing);
        let life = self.start_with(usable);
        self.check(&life);
        (0..PARTITIONS).for_each(|partition| self.send(&life, partition));
        for _ in 0..self.world.below(10) {
            self.produce(&life);
            self.world.run_for(self.world.below(4 * MILLISECOND));
        }
        self.end(life);
    }

    /// A life in which a log dir begins to fail at some moment of the moves, and in the end is cut
    /// short; the disk is sound again in the next.
    fn live_with_failing(&mut self, failing: usize) {
        let life = self.start();
        (0..PARTITIONS).for_each(|partition| self.send(&life, partition));
        for kind in [FaultKind::Write, FaultKind::Sync, FaultKind::Metadata] {
            let fault = Fault {
                kind,
                path: DIRS[failing].to_owned(),
                skip: self.world.below(40) as u32,
                count: u32::MAX,
                errno: Errno::IO,
            };
            let order = |disk: &mut Disk| disk.faults.ordered.push(fault);
            self.world.disk(self.machine, order);
        }
        for _ in 0..20 + self.world.below(30) {
            match self.world.choose(&[(4, 0), (2, 1), (3, 2)]) {
                0 => self.produce(&life),
                1 => self.move_one(&life),
                _ => self.world.run_for(self.world.below(4 * MILLISECOND)),
            }
        }
        self.world.run_for(SECOND);
        self.check(&life);
        match self.world.below(2) {
            0 => self.world.kill(self.machine),
            _ => self.world.power_cut(self.machine),
        }
        self.leave(&life);
        let repair = |disk: &mut Disk| disk.faults.ordered.clear();
        self.world.disk(self.machine, repair);
        // A move that failed may be given up.
        *self.asked.borrow_mut() = Default::default();
    }

    /// One batch of an idempotent producer, which sends it until it is acknowledged.
    fn produce(&mut self, life: &Life) {
        let partition = self.world.below(PARTITIONS as u64) as usize;
        let promised = self.promised.borrow_mut();
        let is_waiting = promised[partition].waiting.is_some();
        drop(promised);
        if is_waiting {
            return;
        }
        self.sent += 1;
        let records = 1 + self.world.below(3) as i32;
        self.promised.borrow_mut()[partition].waiting = Some((self.sent, records));
        self.send(life, partition);
    }

    fn send(&self, life: &Life, partition: usize) {
        let mut promised = self.promised.borrow_mut();
        let promised = &mut promised[partition];
        let Some((number, records)) = promised.waiting else {
            return;
        };
        let mut builder = BatchBuilder::new(BatchOptions {
            producer: ProducerStamp {
                id: PRODUCER,
                epoch: 0,
                base_sequence: promised.sequence,
            },
            ..BatchOptions::default()
        });
        let mut value = number.to_be_bytes().to_vec();
        value.resize(8 + (number * 7919 % 20_000) as usize, number as u8);
        for _ in 0..records {
            builder.append(life.0.wall().0, None, Some(&value), &[]);
        }
        let part = ProducePart {
            key: key(partition),
            records: Slice::from(builder.finish()),
            guard: None,
        };
        let terms = Terms {
            acks: -1,
            zstd_allowed: true,
            now: life.0.wall(),
            deadline: Instant::NEVER,
            origin: Origin::CLIENT,
        };
        let (shard, model) = (life.1.clone(), self.promised.clone());
        spawn(&life.0, async move {
            let answers = shard.produce(vec![part], terms).await;
            let answer = &answers[0];
            match answer.error {
                ErrorCode::None => {}
                // The end of its life.
                ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => return,
                code => panic!("batch {number} was refused: {code:?}"),
            }
            let mut promised = model.borrow_mut();
            let promised = &mut promised[partition];
            let batch = (number, records);
            let before = promised.batches.insert(answer.base_offset.0, batch);
            assert!(
                before.is_none_or(|before| before == batch),
                "one offset, two batches"
            );
            if promised.waiting == Some(batch) {
                promised.waiting = None;
                promised.sequence += records;
            }
        });
    }

    fn move_one(&self, life: &Life) {
        let partition = self.world.below(PARTITIONS as u64) as usize;
        let dir = self.world.below(DIRS.len() as u64) as usize;
        let question = Question::MoveTo {
            dir: PathBuf::from(DIRS[dir]),
        };
        let (shard, asked) = (life.1.clone(), self.asked.clone());
        let requests = self.requests.clone();
        asked.borrow_mut()[partition] = None;
        requests.borrow_mut()[partition] += 1;
        let number = requests.borrow()[partition];
        spawn(&life.0, async move {
            let answers = shard.ask(vec![(key(partition), question)]).await;
            if let [Answer::Moving] = answers[..]
                && requests.borrow()[partition] == number
            {
                asked.borrow_mut()[partition] = Some(dir);
            }
        });
    }

    fn delete(&self, life: &Life) {
        let partition = self.world.below(PARTITIONS as u64) as usize;
        let (shard, model) = (life.1.clone(), self.promised.clone());
        let end = shard
            .partition(key(partition))
            .map(|p| p.high_watermark().0);
        let offset = self.world.below(end.unwrap_or_default() as u64 + 1) as i64;
        spawn(&life.0, async move {
            let question = Question::DeleteBefore { offset };
            let answers = shard.ask(vec![(key(partition), question)]).await;
            if let [Answer::LowWatermark(start)] = answers[..] {
                let promised = &mut model.borrow_mut()[partition];
                promised.log_start = promised.log_start.max(start.0);
            }
        });
    }

    /// Reads each partition from its start and holds it against what was promised.
    fn check(&self, life: &Life) {
        let misses_a_dir = contents(&life.1).iter().any(|dir| dir.is_offline);
        for partition in 0..PARTITIONS {
            let replica = life.1.partition(key(partition));
            if misses_a_dir && replica.is_none_or(|replica| replica.is_offline()) {
                continue;
            }
            let read: Rc<RefCell<Option<Found>>> = Rc::default();
            let (told, shard) = (read.clone(), life.1.clone());
            spawn(&life.0, async move {
                let found = read_all(&shard, partition).await;
                *told.borrow_mut() = Some(found);
            });
            let done = self
                .world
                .run_until(600 * SECOND, || read.borrow().is_some());
            assert!(done, "partition {partition} cannot be read");
            let (start, found) = read.take().expect("it was read");
            let promised = &self.promised.borrow()[partition];
            assert!(start >= promised.log_start, "what was deleted is back");
            for (base, (number, records)) in &promised.batches {
                for offset in (*base..*base + i64::from(*records)).filter(|at| *at >= start) {
                    let at = (partition, offset);
                    assert_eq!(found.get(&offset), Some(number), "acknowledged, at {at:?}");
                }
            }
            let mut numbers: Vec<(u64, i64)> = found.iter().map(|(at, n)| (*n, *at)).collect();
            numbers.sort_unstable();
            for pair in numbers.windows(2) {
                let [(one, at), (other, next)] = *pair else {
                    continue;
                };
                assert!(one != other || next == at + 1, "batch {one} is there twice");
            }
        }
    }

    /// The end of all faults: the moves end, and nothing is left behind.
    fn settle(&self, life: &Life) {
        let is_still = || {
            let contents = contents(&life.1);
            let mut sizes = contents.iter().flat_map(|dir| &dir.partitions);
            sizes.all(|(_, size)| !size.is_future)
        };
        assert!(
            self.world.run_until(600 * SECOND, is_still),
            "moves do not end"
        );
        let is_taken = || self.promised.borrow().iter().all(|p| p.waiting.is_none());
        assert!(
            self.world.run_until(600 * SECOND, is_taken),
            "everything is taken in the end"
        );
        // Beyond the delay of a deletion.
        self.world.run_for(10 * SECOND);
        for (dir, content) in DIRS.iter().zip(contents(&life.1)) {
            let mut wanted: Vec<String> = content
                .partitions
                .iter()
                .map(|(topic, size)| format!("{topic}-{}", size.partition))
                .collect();
            wanted.sort();
            assert_eq!(self.folders(life, dir), wanted, "in {dir}");
        }
        for (partition, asked) in self.asked.borrow().iter().enumerate() {
            let replica = life.1.partition(key(partition)).expect("it is here");
            let is_exact = !replica.log().is_padded();
            assert!(
                is_exact,
                "the file of a quiet replica ends with its batches"
            );
            if let Some(asked) = asked {
                assert_eq!(replica.dir().path, Path::new(DIRS[*asked]));
            }
        }
    }

    fn folders(&self, life: &Life, dir: &'static str) -> Vec<String> {
        let listed: Rc<RefCell<Option<Vec<String>>>> = Rc::default();
        let (told, runtime) = (listed.clone(), life.0.clone());
        spawn(&life.0, async move {
            let entries = runtime.list_directory(Path::new(dir)).await;
            let folders = entries.expect("it is there").into_iter();
            let folders = folders.filter(|entry| entry.is_directory);
            *told.borrow_mut() = Some(folders.map(|entry| entry.name).collect());
        });
        assert!(self.world.run_until(SECOND, || listed.borrow().is_some()));
        let mut names = listed.take().expect("it was listed");
        names.sort();
        names
    }
}

async fn read_all(shard: &Rc<Shard>, partition: usize) -> Found {
    let replica = shard.partition(key(partition)).expect("it is here");
    let start = replica.view().log_start_offset;
    let (mut at, mut found) = (start, Map::default());
    loop {
        let part = FetchPart {
            key: key(partition),
            from: at,
            bytes_max: 1 << 20,
            at_least_one: true,
            epochs: EpochCheck {
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
            },
            committed: false,
        };
        let answers = shard.fetch(vec![part], Depth::Disk).await;
        assert_eq!(answers[0].error, ErrorCode::None, "fetch at {at}");
        let before = at;
        // A batch read from a disk may lie in several slices.
        let slices = answers[0].records.iter();
        let bytes: Vec<u8> = slices.flat_map(|slice| slice.to_vec()).collect();
        for batch in Batches::new(&bytes) {
            let batch = batch.expect("whole batches");
            assert!(batch.crc_is_valid());
            for record in Records::of(&batch) {
                let record = record.expect("whole records");
                let value = record.value.and_then(|value| value.first_chunk());
                let number = u64::from_be_bytes(*value.expect("it was written so"));
                let offset = batch.header.base_offset + i64::from(record.offset_delta);
                assert!(found.insert(offset, number).is_none(), "read twice");
            }
            at = Offset(batch.header.next_offset());
        }
        if at == before {
            return (start.0, found);
        }
    }
}

fn run(seed: u64, lives: u32) -> u64 {
    let mut story = Story::new(seed);
    for _ in 0..lives {
        if story.world.below(5) == 0 {
            // Cut short while it starts.
            let started = story.begin();
            story.world.run_for(story.world.below(30 * MILLISECOND));
            if let Some(life) = started.take() {
                story.end(life);
            } else {
                story.world.kill(story.machine);
            }
            continue;
        }
        let life = story.start();
        story.check(&life);
        (0..PARTITIONS).for_each(|partition| story.send(&life, partition));
        for _ in 0..10 + story.world.below(60) {
            match story
                .world
                .choose(&[(40, 0), (10, 1), (1, 2), (20, 3), (1, 4)])
            {
                0 => story.produce(&life),
                1 => story.move_one(&life),
                2 => story.delete(&life),
                3 => story.world.run_for(story.world.below(4 * MILLISECOND)),
                _ => story.world.run_for(story.world.below(4 * SECOND)),
            }
        }
        story.end(life);
        if story.world.below(4) == 0 {
            story.live_without(story.world.below(DIRS.len() as u64) as usize);
        }
        if story.world.below(4) == 0 {
            story.live_with_failing(story.world.below(DIRS.len() as u64) as usize);
        }
    }
    let life = story.start();
    (0..PARTITIONS).for_each(|partition| story.send(&life, partition));
    story.settle(&life);
    story.check(&life);
    story.end(life);
    story.sent
}

#[test]
fn what_was_acknowledged_survives_moves_that_are_cut_short() {
    for seed in super::Seeds::from_env(30) {
        assert!(run(seed, 6) > 0, "seed {seed}");
    }
}

/// What lies in the log dirs now: so few partitions are looked at in one turn.
fn contents(shard: &Shard) -> Vec<DirContent> {
    let looking = std::pin::pin!(shard.dir_contents(None));
    match looking.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(contents) => contents,
        Poll::Pending => panic!("it waits for nobody"),
    }
}
