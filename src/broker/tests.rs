//! A whole broker in a simulated machine: disks that fail, folders that are drained, ports in use,
//! leader epochs after each kind of end.
//!
//! Room:       `broker`, tests only.

use super::*;
use crate::config::MetaProperties;
use crate::config::meta_properties::FILE_NAME;
use crate::controller::{Controller, NewTopic, Request};
use crate::ids::ShardId;
use crate::io::{Address, Errno};
use crate::runtime::Runtime;
use crate::sim::clock::{Latency, SECOND};
use crate::sim::disk::DiskLatencies;
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
        Machine::with(seed, "")
    }

    fn with(seed: u64, text: &str) -> Machine {
        let world = World::new(seed);
        let id = world.machine();
        let text = format!("log.dirs=/a,/b\nottla.journal.file.bytes.min=1048576\n{text}");
        let machine = crate::config::Machine::default();
        let read = BrokerConfig::parse(&text, "f", &[], &machine);
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
        self.run(async |runtime, plan| control(runtime, plan, Listen::default(), |_| {}).await)
    }

    /// Listens too; the addresses are told once clients can connect.
    fn start_at(&self, address: Address) -> (End<Stopped>, End<Vec<(usize, Address)>>) {
        let listening: End<Vec<(usize, Address)>> = Rc::default();
        let told = listening.clone();
        let end = self.run(async move |runtime, plan| {
            let ready = move |at: &Listen| *told.borrow_mut() = Some(at.clients.clone());
            let listen = Listen {
                clients: vec![(0, address)],
                metrics: None,
            };
            control(runtime, plan, listen, ready).await
        });
        (end, listening)
    }

    /// What the metadata log says, while no broker runs.
    fn image(&self) -> std::sync::Arc<crate::metadata::Image> {
        let runtime = Runtime::new(self.world.door(self.id));
        let (inner, config) = (runtime.clone(), self.plan.config.clone());
        let opened = runtime
            .block_on(async move { Controller::open(&inner, &config, "c").await.expect("sound") });
        self.world.kill(self.id);
        opened.image()
    }

    /// Leader epochs of the topic's partitions.
    fn epochs(&self) -> Vec<i32> {
        let image = self.image();
        let topic = image.topic("orders").expect("it was created");
        let epochs = topic.partitions.iter().map(|p| p.leader_epoch.0);
        epochs.collect()
    }

    /// Rewrites the marks in the log dirs.
    fn mark(&self, journals_in_use: bool) {
        let runtime = Runtime::new(self.world.door(self.id));
        let inner = runtime.clone();
        runtime.block_on(async move {
            for dir in ["/a", "/b"] {
                let path = Path::new(dir).join(FILE_NAME);
                let text = inner.read_file(&path, 4096).await.expect("it is there");
                let text = String::from_utf8(text).expect("it is text");
                let meta = MetaProperties {
                    journals_in_use,
                    ..MetaProperties::parse(&text).expect("it is whole")
                };
                let text = meta.format().into_bytes();
                inner.replace_file(&path, text).await.expect("room");
            }
        });
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

    /// Each write and sync takes half a minute; what they took before.
    fn slow_down(&self) -> DiskLatencies {
        let slow = Latency::around(30 * SECOND, SECOND);
        self.world.disk(self.id, |disk| {
            let swift = disk.faults.latencies;
            disk.faults.latencies.sync = slow;
            disk.faults.latencies.write = slow;
            swift
        })
    }

    fn speed_up(&self, swift: DiskLatencies) {
        self.world
            .disk(self.id, |disk| disk.faults.latencies = swift);
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

/// Goal: a partition never serves in a leader epoch in which it may have lost records: epochs rise
/// where the mark in a folder or one of its journals says that the last stop was not clean, and
/// only there.
#[test]
fn an_unclean_start_raises_leader_epochs() {
    let machine = Machine::new(5);
    let one_life = |is_clean: bool| {
        let end = machine.start();
        machine.world.run_for(SECOND);
        assert!(end.borrow().is_none(), "{:?}", end.borrow());
        match is_clean {
            true => machine.stop(&end),
            false => machine.world.kill(machine.id),
        }
    };
    let risen = |by: i32| vec![by; 8];
    one_life(true);
    assert_eq!(machine.epochs(), risen(0));
    one_life(false);
    assert_eq!(machine.epochs(), risen(0));
    // The mark and the journals say so.
    one_life(true);
    assert_eq!(machine.epochs(), risen(1));
    one_life(false);
    machine.mark(false);
    // The journals alone say so.
    one_life(true);
    assert_eq!(machine.epochs(), risen(2));
    machine.mark(true);
    // The mark alone says so: a start was interrupted behind its recovery.
    one_life(true);
    assert_eq!(machine.epochs(), risen(3));
    one_life(true);
    assert_eq!(machine.epochs(), risen(3));
}

/// Goal: a start that fails because its port is taken changes nothing on the disk: the folders are
/// not marked, and the metadata knows of no new broker epoch.
#[test]
fn a_port_in_use_leaves_the_folders_clean() {
    let machine = Machine::new(6);
    let before = machine.image().offset;
    let address = Address::Tcp((machine.world.address(machine.id), 9092).into());
    let taken = address.clone();
    let end = machine.run(async move |runtime, plan| {
        let _listener = runtime.listen(taken.clone(), 8).await.expect("free");
        let listen = Listen {
            clients: vec![(0, taken)],
            metrics: None,
        };
        control(runtime, plan, listen, |_| {}).await
    });
    let ended = || end.borrow().is_some();
    assert!(machine.world.run_until(30 * SECOND, ended));
    let Some(Stopped::Failed(error)) = end.take() else {
        panic!("the port is in use");
    };
    assert!(error.0.contains("listeners"), "{error}");
    assert!(!machine.journals_in_use("/a") && !machine.journals_in_use("/b"));
    machine.world.kill(machine.id);
    assert_eq!(machine.image().offset, before);
    let (end, listening) = machine.start_at(address.clone());
    machine.world.run_for(SECOND);
    assert_eq!(*listening.borrow(), Some(vec![(0, address)]));
    assert!(machine.journals_in_use("/a") && machine.journals_in_use("/b"));
    machine.stop(&end);
}

/// Goal: a listener with port 0 advertises the port it got, as Kafka's does.
#[test]
fn port_zero_advertises_what_was_bound() {
    let world = World::new(0);
    let machine = world.machine();
    let host = world.address(machine);
    drop(world);
    let machine = Machine::with(7, &format!("listeners=PLAINTEXT://{host}:0"));
    let (end, listening) = machine.start_at(Address::Tcp((host, 0).into()));
    machine.world.run_for(SECOND);
    let bound = listening.take().expect("it is up");
    machine.stop(&end);
    let Some((0, Address::Tcp(bound))) = bound.first() else {
        panic!("{bound:?}");
    };
    let image = machine.image();
    let told = &image.brokers[&machine.plan.config.node_id].endpoints[0];
    assert_eq!((told.port, bound.port() > 0), (bound.port(), true));
}

/// Goal: a disk too slow for a clean stop does not keep the broker from ending in time; the
/// folders say that recovery has something to do.
#[test]
fn a_stop_ends_in_time_on_a_slow_disk() {
    let machine = Machine::new(8);
    let end = machine.start();
    machine.world.run_for(SECOND);
    let swift = machine.slow_down();
    machine.world.signal(machine.id, libc::SIGTERM);
    let ended = || end.borrow().is_some();
    assert!(machine.world.run_until(10 * SECOND, ended));
    assert!(matches!(end.take(), Some(Stopped::Unfinished)));
    machine.world.kill(machine.id);
    machine.speed_up(swift);
    assert!(machine.journals_in_use("/a") && machine.journals_in_use("/b"));
    let end = machine.start();
    machine.world.run_for(SECOND);
    machine.stop(&end);
    assert!(!machine.journals_in_use("/a") && !machine.journals_in_use("/b"));
}

/// Goal: who asks a broker to stop while it starts does not wait for the start.
#[test]
fn a_stop_ends_a_start_on_a_slow_disk() {
    let machine = Machine::new(9);
    let end = machine.start();
    machine.world.run_for(SECOND);
    machine.stop(&end);
    let swift = machine.slow_down();
    let end = machine.start();
    machine.world.run_for(SECOND);
    machine.world.signal(machine.id, libc::SIGTERM);
    let ended = || end.borrow().is_some();
    assert!(machine.world.run_until(10 * SECOND, ended));
    assert!(matches!(end.take(), Some(Stopped::Unfinished)));
    machine.world.kill(machine.id);
    machine.speed_up(swift);
    let end = machine.start();
    machine.world.run_for(SECOND);
    machine.stop(&end);
}
