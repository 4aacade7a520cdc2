//! Losses of every kind at a start: told once, fenced in, and the rest serves.
//!
//! Room:       `shard`, tests only.

use crate::config::{BrokerConfig, Machine};
use crate::ids::{Offset, ShardId};
use crate::io::{Errno, Instant, OpenOptions, Slice};
use crate::partition::{EpochCheck, Origin, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::{BatchBuilder, BatchOptions};
use crate::runtime::Runtime;
use crate::shard::message::{Depth, FetchPart, ProducePart};
use crate::shard::owner;
use crate::sim::clock::SECOND;
use crate::sim::node::{LOG_DIR, Node, NodePlan, spawn};
use crate::sim::{Fault, FaultKind, MachineId, World};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

const PARTITIONS: usize = 4;
const SHARDS: u16 = 2;
/// A batch has one record of so many bytes, so that ten fill a segment.
const VALUE_BYTES: usize = 100_000;

/// One machine, and what its starts said as ERROR.
struct Bed {
    world: World,
    machine: MachineId,
    plan: NodePlan,
    /// Rises with each kill, as the controller has it.
    epoch: Cell<i32>,
    told: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Bed {
    fn new(seed: u64) -> Bed {
        let world = World::new(seed);
        let machine = world.machine();
        world.make_directory(machine, LOG_DIR);
        let text = "log.segment.bytes=1048576\nottla.journal.file.bytes.min=1048576";
        let config = BrokerConfig::parse(text, "f", &[], &Machine::default());
        let told: Arc<Mutex<Vec<u8>>> = Arc::default();
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::ERROR)
            .with_ansi(false)
            .with_writer({
                let told = told.clone();
                move || Lines(told.clone())
            })
            .finish();
        Bed {
            world,
            machine,
            plan: NodePlan {
                partitions: PARTITIONS,
                ..NodePlan::new(config.expect("valid").0)
            },
            epoch: Cell::new(1),
            told,
            _guard: tracing::subscriber::set_default(lines),
        }
    }

    /// Starts; what was said before is forgotten.
    fn start(&self) -> Node {
        self.told.lock().expect("one thread").clear();
        let node = Node::start(
            &self.world,
            self.machine,
            &self.plan,
            SHARDS,
            self.epoch.get(),
        );
        let settled = || node.is_up() || node.failed().is_some();
        assert!(self.world.run_until(600 * SECOND, settled));
        assert_eq!(node.failed(), None);
        node
    }

    fn errors(&self) -> Vec<String> {
        let told = self.told.lock().expect("one thread");
        let text = String::from_utf8_lossy(&told);
        text.lines().map(str::to_owned).collect()
    }

    fn kill(&self, node: Node) {
        self.world.kill(self.machine);
        self.epoch.set(self.epoch.get() + 1);
        drop(node);
    }

    fn stop(&self, node: Node) {
        let closed = node.stop();
        let all = usize::from(SHARDS);
        assert!(self.world.run_until(600 * SECOND, || closed.get() == all));
        assert_eq!(node.failed(), None);
        self.world.kill(self.machine);
        drop(node);
    }

    /// Appends batches of one record each, acknowledged as durable.
    fn produce(&self, node: &Node, partition: usize, batches: usize) {
        let (runtime, shard) = node.owner(partition);
        let done: Rc<Cell<bool>> = Rc::default();
        let (told, inner) = (done.clone(), runtime.clone());
        spawn(&runtime, async move {
            for index in 0..batches {
                let mut builder = BatchBuilder::new(BatchOptions::default());
                let value = vec![index as u8; VALUE_BYTES];
                builder.append(1_000, None, Some(&value), &[]);
                let part = ProducePart {
                    key: Node::key(partition),
                    records: Slice::from(builder.finish()),
                    guard: None,
                };
                let terms = Terms {
                    acks: -1,
                    zstd_allowed: true,
                    now: inner.wall(),
                    deadline: Instant::NEVER,
                    origin: Origin::CLIENT,
                };
                let answers = shard.produce(vec![part], terms).await;
                assert_eq!(answers[0].error, ErrorCode::None);
            }
            told.set(true);
        });
        assert!(self.world.run_until(600 * SECOND, || done.get()));
    }

    /// The answer to a fetch from each offset below `end`.
    fn codes(&self, node: &Node, partition: usize, end: i64) -> Vec<ErrorCode> {
        let (runtime, shard) = node.owner(partition);
        let codes: Rc<RefCell<Vec<ErrorCode>>> = Rc::default();
        let told = codes.clone();
        spawn(&runtime, async move {
            for from in 0..end {
                let part = FetchPart {
                    key: Node::key(partition),
                    from: Offset(from),
                    bytes_max: 1,
                    at_least_one: true,
                    epochs: EpochCheck {
                        current_leader_epoch: -1,
                        last_fetched_epoch: -1,
                    },
                    committed: false,
                };
                let answer = &shard.fetch(vec![part], Depth::Disk).await[0];
                if answer.error == ErrorCode::None {
                    let first: Vec<u8> = answer.records[0].iter().take(8).copied().collect();
                    let base = i64::from_be_bytes(first.try_into().expect("a header"));
                    assert_eq!(base, from, "another record is served");
                }
                told.borrow_mut().push(answer.error);
            }
        });
        let done = || codes.borrow().len() == end as usize;
        assert!(self.world.run_until(600 * SECOND, done));
        codes.take()
    }

    fn end(&self, node: &Node, partition: usize) -> i64 {
        let (_, shard) = node.owner(partition);
        let partition = shard.partition(Node::key(partition)).expect("it serves");
        partition.log().log_end_offset().0
    }

    fn serves(&self, node: &Node, partition: usize) -> bool {
        let (_, shard) = node.owner(partition);
        shard.partition(Node::key(partition)).is_some()
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let runtime = Runtime::new(self.world.door(self.machine));
        let (inner, path) = (runtime.clone(), Path::new(LOG_DIR).join(folder));
        let listed = runtime.block_on(async move { inner.list_directory(&path).await });
        self.world.kill(self.machine);
        let listed = listed.expect("it is there").into_iter();
        listed.map(|entry| entry.name).collect()
    }

    fn segment(&self, partition: usize, base: i64) -> PathBuf {
        Path::new(LOG_DIR).join(format!("orders-{partition}/{base:020}.log"))
    }

    /// Takes the last `batches` off a file. Nothing runs.
    fn shorten(&self, path: &Path, batches: u64) -> u64 {
        let runtime = Runtime::new(self.world.door(self.machine));
        let (inner, path) = (runtime.clone(), path.to_owned());
        let left = runtime.block_on(async move {
            let options = OpenOptions {
                write: true,
                ..OpenOptions::default()
            };
            let file = inner.open(&path, options).await.expect("it is there");
            // Every batch here is the same size.
            let size = batch_bytes();
            assert_eq!(file.length_at_open % size, 0, "{}", path.display());
            let left = file.length_at_open - batches * size;
            file.truncate(left).await.expect("a sound disk");
            file.sync().await.expect("a sound disk");
            left
        });
        self.world.kill(self.machine);
        left
    }
}

fn batch_bytes() -> u64 {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(1_000, None, Some(&vec![0; VALUE_BYTES]), &[]);
    builder.finish().len() as u64
}

/// Goal: a segment that lost batches, cut exactly between two of them, is noticed by the next
/// start, clean or not: one ERROR line with file, place, first lost offset and count; that range
/// answers an error or the log ends there; the rest serves, what comes later stays, and nobody
/// says it again.
#[test]
fn a_segment_cut_between_two_batches_is_told_once() {
    for (clean, closed) in [(true, true), (true, false), (false, true), (false, false)] {
        let bed = Bed::new(7);
        let node = bed.start();
        bed.produce(&node, 0, 25);
        bed.produce(&node, 1, 3);
        // Long enough for a checkpoint to cover all of it.
        bed.world.run_for(20 * SECOND);
        match clean {
            true => bed.stop(node),
            false => bed.kill(node),
        }
        let names = bed.files("orders-0");
        assert!(
            names.iter().any(|name| name == "00000000000000000020.log"),
            "{names:?}"
        );
        let (base, lost) = if closed { (10, 18..20) } else { (20, 23..25) };
        let path = bed.segment(0, base);
        let left = bed.shorten(&path, 2);

        let node = bed.start();
        let errors = bed.errors();
        assert_eq!(
            errors.len(),
            1,
            "clean {clean}, closed {closed}: {errors:?}"
        );
        for word in [
            path.display().to_string(),
            format!("position={left}"),
            format!("first_lost={}", lost.start),
            "records=2".to_owned(),
        ] {
            assert!(errors[0].contains(&word), "{word} in {}", errors[0]);
        }
        let end = if closed { 25 } else { 23 };
        assert_eq!(bed.end(&node, 0), end);
        let check = |node: &Node| {
            for (offset, code) in bed.codes(node, 0, end).into_iter().enumerate() {
                let is_lost = closed && lost.contains(&(offset as i64));
                let expected = match is_lost {
                    true => ErrorCode::CorruptMessage,
                    false => ErrorCode::None,
                };
                assert_eq!(code, expected, "offset {offset}, clean {clean}");
            }
        };
        check(&node);
        // What is appended now is not taken for what was lost.
        bed.produce(&node, 0, 1);
        bed.kill(node);
        let node = bed.start();
        assert_eq!(bed.end(&node, 0), end + 1, "clean {clean}, closed {closed}");
        check(&node);
        bed.world.run_for(10 * SECOND);
        bed.stop(node);
        let node = bed.start();
        assert_eq!(bed.errors(), Vec::<String>::new());
        assert_eq!(bed.end(&node, 0), end + 1);
        check(&node);
        bed.kill(node);
    }
}

impl Bed {
    /// What a file holds. Nothing runs.
    fn bytes(&self, name: &str) -> Vec<u8> {
        let runtime = Runtime::new(self.world.door(self.machine));
        let (inner, path) = (runtime.clone(), Path::new(LOG_DIR).join(name));
        let read = runtime.block_on(async move { inner.read_file(&path, 64 << 20).await });
        self.world.kill(self.machine);
        read.expect("it is there")
    }

    fn rot(&self, name: &str, position: u64) {
        let path = Path::new(LOG_DIR).join(name);
        let rotten = self
            .world
            .disk(self.machine, |disk| disk.rot(&path, position, 3));
        rotten.expect("it is there");
    }

    /// Where in a shard's journal the newest batch of this value lies: file and position.
    fn in_journal(&self, shard: u16, value: u8) -> (String, u64) {
        let prefix = format!("ottla-journal-{shard}-");
        let names = self.files("");
        let rings = names.into_iter().filter(|name| name.starts_with(&prefix));
        for name in rings {
            let bytes = self.bytes(&name);
            let run = vec![value; 2000];
            if let Some(at) = bytes.windows(run.len()).position(|at| at == &run[..]) {
                return (name, at as u64);
            }
        }
        panic!("shard {shard} has no such batch in its journal");
    }

    fn accept(&self, folder: &'static str) {
        let runtime = Runtime::new(self.world.door(self.machine));
        let inner = runtime.clone();
        runtime.block_on(async move {
            let dir = Path::new(LOG_DIR);
            let refused = super::refused(&inner, dir).await.expect("readable");
            assert!(refused.iter().any(|found| found.folder == folder));
            let accepted = super::accept_loss(&inner, dir, folder).await;
            accepted.expect("a sound disk");
        });
        self.world.kill(self.machine);
    }

    /// Partitions of one shard.
    fn owned(&self, shard: u16) -> Vec<usize> {
        let owned = |partition: &usize| owner(Node::key(*partition), SHARDS) == ShardId(shard);
        (0..PARTITIONS).filter(owned).collect()
    }
}

/// Goal: a batch that rotted in the journal before it was in a segment is a loss of its partition
/// alone; it is told with its place and the remedy, refuses until the loss was accepted, and then
/// serves what is left. Everything else serves all the time.
#[test]
fn a_group_that_rotted_takes_its_partition_off() {
    let bed = Bed::new(8);
    let node = bed.start();
    let [bad, other] = bed.owned(0)[..] else {
        panic!("two each");
    };
    bed.produce(&node, other, 2);
    bed.produce(&node, bad, 3);
    bed.produce(&node, other, 1);
    bed.kill(node);
    let (name, at) = bed.in_journal(0, 2);
    bed.rot(&name, at);

    let node = bed.start();
    let errors = bed.errors();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains(&name), "{}", errors[0]);
    let command = format!("accept-loss --topic orders --partition {bad} ");
    assert!(errors[1].contains(&command), "{}", errors[1]);
    assert!(errors[1].contains("first_lost=2"), "{}", errors[1]);
    for partition in 0..PARTITIONS {
        assert_eq!(bed.serves(&node, partition), partition != bad);
    }
    assert_eq!(bed.codes(&node, other, 3), vec![ErrorCode::None; 3]);
    bed.stop(node);
    let names = bed.files("");
    assert!(names.contains(&format!("{name}.damaged-1")), "{names:?}");

    // It stays so, without another ERROR.
    let node = bed.start();
    assert!(!bed.serves(&node, bad));
    assert_eq!(bed.errors(), Vec::<String>::new());
    bed.stop(node);
    let folder: &'static str = format!("orders-{bad}").leak();
    bed.accept(folder);
    let node = bed.start();
    assert_eq!(bed.errors(), Vec::<String>::new());
    assert_eq!(bed.codes(&node, bad, 2), vec![ErrorCode::None; 2]);
    assert_eq!(bed.end(&node, bad), 2);
    bed.produce(&node, bad, 1);
    bed.kill(node);
    let node = bed.start();
    assert_eq!(bed.codes(&node, bad, 3), vec![ErrorCode::None; 3]);
    bed.kill(node);
}

/// Goal: where nobody can say whose entries were lost (a group's header, or both copies of the
/// superblock), all partitions of that shard refuse, those that no checkpoint knows yet too, and
/// those of other shards serve.
#[test]
fn a_loss_of_unknown_partitions_takes_one_shard_off() {
    for headless in [false, true] {
        let bed = Bed::new(9);
        let node = bed.start();
        for partition in 0..PARTITIONS {
            bed.produce(&node, partition, 2);
        }
        // The last group of shard 0 is known to be durable by the one behind it.
        bed.world.run_for(SECOND / 2);
        bed.kill(node);
        match headless {
            true => {
                bed.rot("ottla-journal-0", 20);
                bed.rot("ottla-journal-0", (64 << 10) + 20);
            }
            false => {
                let (name, at) = bed.in_journal(0, 1);
                let bytes = bed.bytes(&name);
                let header = (0..=at / 4096).rev().map(|block| block * 4096);
                let mut header = header.filter(|at| bytes[*at as usize..].starts_with(b"OTJ1"));
                bed.rot(&name, header.next().expect("a group begins before") + 24);
            }
        }
        let node = bed.start();
        let errors = bed.errors();
        assert_eq!(errors.len(), 1 + bed.owned(0).len(), "{errors:?}");
        for partition in 0..PARTITIONS {
            let serves = !bed.owned(0).contains(&partition);
            assert_eq!(bed.serves(&node, partition), serves, "headless {headless}");
        }
        for partition in bed.owned(1) {
            assert_eq!(bed.codes(&node, partition, 2), vec![ErrorCode::None; 2]);
            bed.produce(&node, partition, 1);
        }
        bed.stop(node);
        let names = bed.files("");
        let aside =
            |name: &&String| name.starts_with("ottla-journal-0") && name.contains("damaged");
        assert!(names.iter().any(|name| aside(&name)), "{names:?}");
    }
}

/// Goal: one partition that cannot be opened refuses; the log dir's others are recovered.
#[test]
fn a_partition_that_cannot_be_opened_leaves_the_others() {
    let bed = Bed::new(10);
    let node = bed.start();
    for partition in 0..PARTITIONS {
        bed.produce(&node, partition, 2);
    }
    // Long enough for everything to be in segments, not for a checkpoint.
    bed.world.run_for(3 * SECOND);
    bed.kill(node);
    bed.world.disk(bed.machine, |disk| {
        disk.faults.ordered.push(Fault {
            kind: FaultKind::Open,
            path: "orders-1/00000000000000000000.log".to_owned(),
            skip: 0,
            count: 1000,
            errno: Errno::IO,
        });
    });
    let node = bed.start();
    let errors = bed.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("accept-loss --topic orders --partition 1 "),
        "{errors:?}"
    );
    for partition in [0, 2, 3] {
        assert_eq!(bed.codes(&node, partition, 2), vec![ErrorCode::None; 2]);
    }
    assert!(!bed.serves(&node, 1));
    bed.stop(node);
    bed.world
        .disk(bed.machine, |disk| disk.faults.ordered.clear());
    bed.accept("orders-1");
    let node = bed.start();
    assert!(bed.serves(&node, 1));
    bed.kill(node);
}

/// Goal: a partition whose folder was removed goes on behind what it had, and says so.
#[test]
fn a_folder_that_is_gone_is_told_and_offsets_are_not_used_again() {
    let bed = Bed::new(11);
    let node = bed.start();
    bed.produce(&node, 2, 5);
    bed.stop(node);
    let runtime = Runtime::new(bed.world.door(bed.machine));
    let inner = runtime.clone();
    runtime.block_on(async move {
        let folder = Path::new(LOG_DIR).join("orders-2");
        for entry in inner.list_directory(&folder).await.expect("it is there") {
            let gone = inner.unlink(&folder.join(entry.name)).await;
            gone.expect("a sound disk");
        }
        inner.remove_directory(&folder).await.expect("it is empty");
    });
    bed.world.kill(bed.machine);
    let node = bed.start();
    let errors = bed.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("records=5"), "{errors:?}");
    assert_eq!(bed.end(&node, 2), 5);
    bed.produce(&node, 2, 1);
    bed.kill(node);
    let node = bed.start();
    assert_eq!(bed.errors(), Vec::<String>::new());
    assert_eq!(bed.end(&node, 2), 6);
    bed.kill(node);
}

/// Goal: a stop does nothing about partitions that did not change since they were closed.
#[test]
fn a_stop_leaves_unchanged_logs_alone() {
    let bed = Bed::new(12);
    let node = bed.start();
    for partition in 0..PARTITIONS {
        bed.produce(&node, partition, 12);
    }
    bed.stop(node);
    // A stop of these logs could not end well.
    let node = bed.start();
    bed.produce(&node, 3, 1);
    bed.world.run_for(SECOND);
    for kind in [FaultKind::Write, FaultKind::Sync, FaultKind::Metadata] {
        for partition in 0..3 {
            bed.world.disk(bed.machine, |disk| {
                disk.faults.ordered.push(Fault {
                    kind,
                    path: format!("orders-{partition}/"),
                    skip: 0,
                    count: 1000,
                    errno: Errno::IO,
                });
            });
        }
    }
    bed.stop(node);
    bed.world
        .disk(bed.machine, |disk| disk.faults.ordered.clear());
    let node = bed.start();
    assert_eq!(bed.end(&node, 3), 13);
    bed.kill(node);
}

/// Goal: a cold partition holds no open file, whatever opened one: a start that looked at its
/// segments, or a reader of old records.
#[test]
fn files_nobody_uses_are_closed() {
    let bed = Bed::new(13);
    let node = bed.start();
    for partition in 0..PARTITIONS {
        bed.produce(&node, partition, 15);
    }
    bed.stop(node);
    let node = bed.start();
    let open = || -> usize {
        let shards = [bed.owned(0)[0], bed.owned(1)[0]];
        let shards = shards.map(|partition| node.owner(partition).1);
        let dirs = shards.iter().flat_map(|shard| shard.dirs());
        dirs.map(|dir| dir.storage.open_files()).sum()
    };
    bed.world.run_for(3 * SECOND);
    assert_eq!(open(), 0, "after a start");
    for partition in 0..PARTITIONS {
        assert_eq!(bed.codes(&node, partition, 5), vec![ErrorCode::None; 5]);
    }
    assert!(open() > 0);
    bed.world.run_for(3 * SECOND);
    assert_eq!(open(), 0, "after reads of old records");
    bed.kill(node);
}
