//! A whole broker in a simulated machine: disks that fail, folders that are drained.
//!
//! Room:       `broker`, tests only.

use super::*;
use crate::config::MetaProperties;
use crate::config::meta_properties::FILE_NAME;
use crate::controller::{Controller, NewTopic, Request};
use crate::ids::ShardId;
use crate::io::Errno;
use crate::runtime::Runtime;
use crate::sim::clock::SECOND;
use crate::sim::node::{drive, spawn};
use crate::sim::{Fault, FaultKind, MachineId, World};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

const SHARDS: u16 = 2;

struct Machine {
    world: World,
    id: MachineId,
    plan: Plan,
}

/// How a broker ended, once it has.
type End<T> = Rc<RefCell<Option<T>>>;

impl Machine {
    /// Two log dirs, `/a` with the metadata log and `/b`, and a topic with partitions in both.
    fn new(seed: u64) -> Machine {
        let world = World::new(seed);
        let id = world.machine();
        let text = "log.dirs=/a,/b\nottla.journal.file.bytes.min=1048576";
        let machine = crate::config::Machine::default();
        let read = BrokerConfig::parse(text, "f", &[], &machine);
        let plan = Plan::new(read.expect("valid").0, SHARDS);
        let machine = Machine { world, id, plan };
        let end = machine.start();
        machine.world.run_for(SECOND);
        machine.stop(&end);
        machine.create_topic();
        machine
    }

    /// As control does, while no broker runs.
    fn create_topic(&self) {
        let runtime = Runtime::new(self.world.door(self.id));
        let (inner, config) = (runtime.clone(), self.plan.config.clone());
        runtime.block_on(async move {
            let controller = Controller::open(&inner, &config, "c").await;
            let topics = vec![NewTopic {
                name: "orders".to_owned(),
                partitions: 8,
                replication_factor: 1,
                assignments: Vec::new(),
                configs: Vec::new(),
            }];
            let request = Request::CreateTopics {
                topics,
                validate_only: false,
            };
            controller.expect("sound").decide(request).await;
        });
        self.world.kill(self.id);
    }

    /// Runs a future as control, beside the shards.
    fn run<T: 'static>(&self, control: impl AsyncFnOnce(Runtime, Plan) -> T + 'static) -> End<T> {
        for index in 0..SHARDS {
            let (_, runtime) = drive(&self.world, self.id);
            let shard = member(runtime.clone(), self.plan.clone(), ShardId(index));
            spawn(&runtime, shard);
        }
        let (_, runtime) = drive(&self.world, self.id);
        let end: End<T> = Rc::default();
        let (told, inner, plan) = (end.clone(), runtime.clone(), self.plan.clone());
        spawn(&runtime, async move {
            let ended = control(inner, plan).await;
            *told.borrow_mut() = Some(ended);
        });
        end
    }

    fn start(&self) -> End<Stopped> {
        self.run(async |runtime, plan| control(runtime, plan, Vec::new(), |_| {}).await)
    }

    /// SIGTERM; it ends cleanly.
    fn stop(&self, end: &End<Stopped>) {
        self.world.signal(self.id, libc::SIGTERM);
        let ended = || end.borrow().is_some();
        assert!(self.world.run_until(60 * SECOND, ended));
        let ended = end.take();
        assert!(matches!(ended, Some(Stopped::Cleanly)), "{ended:?}");
        self.world.kill(self.id);
    }

    fn order(&self, kind: FaultKind, path: &str) {
        self.world.disk(self.id, |disk| {
            disk.faults.ordered.push(Fault {
                kind,
                path: path.to_owned(),
                skip: 0,
                count: 1000,
                errno: Errno::IO,
            });
        });
    }

    fn heal(&self) {
        let world = &self.world;
        world.disk(self.id, |disk| disk.faults.ordered.clear());
    }

    fn names(&self, dir: &'static str) -> Vec<String> {
        let runtime = Runtime::new(self.world.door(self.id));
        let inner = runtime.clone();
        let listed = runtime.block_on(async move { inner.list_directory(Path::new(dir)).await });
        let names = listed.expect("it is there").into_iter();
        names.map(|entry| entry.name).collect()
    }

    fn partitions(&self, dir: &'static str) -> usize {
        let mut names = self.names(dir);
        names.retain(|name| name.starts_with("orders-"));
        names.len()
    }

    fn journals_in_use(&self, dir: &str) -> bool {
        let path = Path::new(dir).join(FILE_NAME);
        let runtime = Runtime::new(self.world.door(self.id));
        let inner = runtime.clone();
        let text = runtime.block_on(async move { inner.read_file(&path, 4096).await });
        let text = String::from_utf8(text.expect("it is there")).expect("it is text");
        let meta = MetaProperties::parse(&text).expect("it is whole");
        meta.journals_in_use
    }
}

/// Goal: a disk that fails under one log dir leaves the others to serve, and its folder says that
/// journals may hold something.
#[test]
fn a_failed_log_dir_leaves_the_others() {
    let machine = Machine::new(1);
    machine.order(FaultKind::Write, "/b/ottla-journal-0-");
    let end = machine.start();
    machine.world.run_for(5 * SECOND);
    assert!(end.borrow().is_none(), "{:?}", end.borrow());
    machine.stop(&end);
    assert!(machine.journals_in_use("/b"));
    assert!(!machine.journals_in_use("/a"));
    machine.heal();
    let end = machine.start();
    machine.world.run_for(SECOND);
    machine.stop(&end);
    assert!(!machine.journals_in_use("/b"));
    assert_eq!((machine.partitions("/a"), machine.partitions("/b")), (4, 4));
}

/// Goal: the last log dir, or the metadata log's, ends the broker with its reason.
#[test]
fn without_its_metadata_log_a_broker_stops() {
    let machine = Machine::new(2);
    machine.order(FaultKind::Write, "/a/ottla-journal-1-");
    let end = machine.start();
    let ended = || end.borrow().is_some();
    assert!(machine.world.run_until(30 * SECOND, ended));
    let Some(Stopped::Failed(error)) = end.take() else {
        panic!("it should fail");
    };
    assert!(error.0.starts_with("/a: "), "{error}");
    assert!(error.0.contains("metadata log"), "{error}");
}

/// Goal: a log dir that cannot be opened at the start is offline, and what lies in it does not
/// begin anew elsewhere.
#[test]
fn a_log_dir_that_is_gone_is_offline() {
    let machine = Machine::new(3);
    let end = machine.start();
    machine.world.run_for(SECOND);
    machine.stop(&end);
    machine.order(FaultKind::Open, "/b");
    let end = machine.start();
    machine.world.run_for(2 * SECOND);
    machine.stop(&end);
    machine.heal();
    assert_eq!((machine.partitions("/a"), machine.partitions("/b")), (4, 4));
    // Without the metadata log there is no start.
    machine.order(FaultKind::Open, "/a");
    let end = machine.start();
    let ended = || end.borrow().is_some();
    assert!(machine.world.run_until(30 * SECOND, ended));
    assert!(matches!(end.take(), Some(Stopped::Failed(_))));
}

/// Goal: after a kill Kafka refuses the folders; drained, they hold no journals and it may open
/// them.
#[test]
fn drained_folders_hold_no_journals() {
    let machine = Machine::new(4);
    let end = machine.start();
    machine.world.run_for(SECOND);
    assert!(end.borrow().is_none());
    machine.world.kill(machine.id);
    assert!(machine.journals_in_use("/a") && machine.journals_in_use("/b"));
    let drained = machine.run(drain);
    let ended = || drained.borrow().is_some();
    assert!(machine.world.run_until(60 * SECOND, ended));
    assert!(drained.borrow().as_ref().is_some_and(Result::is_ok));
    machine.world.kill(machine.id);
    for dir in ["/a", "/b"] {
        assert!(!machine.journals_in_use(dir));
        let names = machine.names(dir);
        let ours = |name: &&String| name.contains("journal") || name.contains("ballast");
        assert_eq!(names.iter().find(ours), None, "{names:?}");
    }
    let end = machine.start();
    machine.world.run_for(SECOND);
    machine.stop(&end);
}
