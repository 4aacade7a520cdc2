//! The simulator checks itself: its doors keep the contract, and a seed gives the same run again.
//!
//! Room:       `sim`, tests only.

use super::clock::{MILLISECOND, SECOND};
use super::*;
use crate::config::parse::Given;
use crate::config::{BrokerConfig, Machine};
use crate::ids::Offset;
use crate::io::conformance::Fixture;
use crate::io::*;
use crate::partition::{Origin, Terms};
use crate::protocol::record_batch::{BatchBuilder, BatchOptions};
use crate::runtime::Runtime;
use crate::shard::message::ProducePart;
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    static WORLD: (World, MachineId) = {
        let world = World::new(1);
        let machine = world.machine();
        (world, machine)
    };
}

struct Simulated;

impl Fixture for Simulated {
    fn open(count: usize) -> Vec<Box<dyn Io>> {
        WORLD.with(|(world, machine)| (0..count).map(|_| world.door(*machine)).collect())
    }

    fn directory(name: &str) -> PathBuf {
        WORLD.with(|(world, machine)| {
            let path = Path::new("/tests").join(format!("{name}-{}", world.below(u64::MAX)));
            world.make_directory(*machine, &path);
            path
        })
    }

    fn receive_buffers() -> usize {
        super::door::PROVIDED_MAX
    }

    fn refusing_file(errno: Errno) -> Option<PathBuf> {
        let path = Self::directory("refusing").join("a");
        let mut door = Self::open(1).remove(0);
        let mut done = Vec::new();
        let options = WRITE;
        let opened = Op::Open {
            path: path.clone(),
            options,
        };
        door.submit(Token(1), opened);
        while done.is_empty() {
            let until = door.now().plus(Duration::from_millis(1));
            door.turn(Some(until), &mut done);
        }
        let fault = Fault {
            kind: FaultKind::Write,
            path: path.to_str()?.to_owned(),
            skip: 0,
            count: 100,
            errno,
        };
        WORLD.with(|(world, machine)| {
            world.disk(*machine, |disk| disk.faults.ordered.push(fault));
        });
        Some(path)
    }

    fn block_signals() {}

    fn signal() {
        WORLD.with(|(world, machine)| world.signal(*machine, libc::SIGTERM));
    }
}

mod conformance {
    crate::conformance!(super::Simulated);
}

const WRITE: OpenOptions = OpenOptions {
    write: true,
    create: true,
    create_new: false,
    truncate: false,
    direct: false,
    inline: false,
};

fn drive(world: &World, machine: MachineId) -> Runtime {
    let (key, door) = world.open(machine);
    let runtime = Runtime::new(door);
    let turned = runtime.clone();
    world.drive(key, Box::new(move || turned.turn(true)));
    runtime
}

/// An echo server that also writes down what it saw.
fn serve(world: &World, machine: MachineId) {
    let runtime = drive(world, machine);
    let spawner = runtime.clone();
    runtime.spawn(async move {
        let runtime = spawner;
        let address = Address::Tcp("0.0.0.0:9092".parse().unwrap());
        let mut listener = runtime.listen(address, 16).await.unwrap();
        let file = runtime.open(Path::new("/seen"), WRITE).await.unwrap();
        let mut at = 0;
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                return;
            };
            let mut receiver = socket.receiver();
            while let Ok(bytes) = receiver.next().await {
                if bytes.is_empty() {
                    break;
                }
                let length = bytes.len() as u64;
                file.write(at, vec![bytes.clone()], at % 3 == 0)
                    .await
                    .unwrap();
                at += length;
                if socket.send(vec![bytes]).await.is_err() {
                    break;
                }
            }
        }
    });
}

/// Sends `count` bytes and reads them back; the number of bytes that came.
fn echo(world: &World, from: MachineId, to: MachineId, count: usize) -> usize {
    let runtime = Runtime::new(world.door(from));
    let inner = runtime.clone();
    let address = Address::Tcp((world.address(to), 9092).into());
    runtime.block_on(async move {
        let Ok(socket) = inner.connect(address).await else {
            return 0;
        };
        let bytes: Vec<u8> = (0..count).map(|at| at as u8).collect();
        if socket.send(vec![Slice::from(bytes.clone())]).await.is_err() {
            return 0;
        }
        let mut receiver = socket.receiver();
        let mut echoed = Vec::new();
        while echoed.len() < count {
            // A peer without power says nothing: patience ends the wait.
            let patience = inner.now().plus(Duration::from_secs(60));
            match inner.deadline(patience, receiver.next()).await {
                Some(Ok(piece)) if !piece.is_empty() => echoed.extend_from_slice(&piece),
                _ => break,
            }
        }
        assert!(
            bytes.starts_with(&echoed),
            "bytes of a stream keep their order"
        );
        echoed.len()
    })
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = |seed: u64| {
        let world = World::new(seed);
        let (server, client) = (world.machine(), world.machine());
        serve(&world, server);
        world.after(3 * MILLISECOND, move |world| world.kill(server));
        world.after(4 * MILLISECOND, move |world| serve(world, server));
        let mut echoed = Vec::new();
        for _ in 0..5 {
            echoed.push(echo(&world, client, server, 50_000));
            world.run_ms(1);
        }
        world.power_cut(server);
        let disk = world.disk(server, |disk| disk.fingerprint());
        (world.trace(), world.now(), disk, echoed)
    };
    for seed in Seeds::from_env(20) {
        assert_eq!(run(seed), run(seed));
    }
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn a_synced_write_survives_and_an_unsynced_one_may() {
    let mut lost = 0;
    for seed in Seeds::from_env(100) {
        let world = World::new(seed);
        let machine = world.machine();
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        runtime.block_on(async move {
            let file = inner.open(Path::new("/a"), WRITE).await.unwrap();
            inner.sync_directory(Path::new("/")).await.unwrap();
            file.write(0, vec![Slice::from(vec![1; 1000])], false)
                .await
                .unwrap();
            file.sync().await.unwrap();
            file.write(2048, vec![Slice::from(vec![2; 512])], true)
                .await
                .unwrap();
            file.write(0, vec![Slice::from(vec![3; 512])], false)
                .await
                .unwrap();
        });
        world.power_cut(machine);
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        let bytes = runtime
            .block_on(async move { inner.read_file(Path::new("/a"), 1 << 20).await.unwrap() });
        assert_eq!(bytes.len(), 2560);
        assert!(bytes[..512] == [1; 512] || bytes[..512] == [3; 512]);
        assert_eq!(bytes[512..1000], [1; 488]);
        assert_eq!(bytes[2048..], [2; 512]);
        lost += usize::from(bytes[0] == 1);
    }
    assert!(
        (20..80).contains(&lost) || std::env::var("OTTLA_SEEDS").is_ok(),
        "{lost}"
    );
}

#[test]
fn a_kill_keeps_what_was_written() {
    for seed in Seeds::from_env(50) {
        let world = World::new(seed);
        let machine = world.machine();
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        runtime.block_on(async move {
            let file = inner.open(Path::new("/a"), WRITE).await.unwrap();
            file.write(0, vec![Slice::from(vec![1; 4096])], false)
                .await
                .unwrap();
            // In flight when the process dies: any of its sectors.
            let pending = file.write(4096, vec![Slice::from(vec![2; 4096])], false);
            let mut pending = std::pin::pin!(pending);
            std::future::poll_fn(|cx| {
                let _ = pending.as_mut().poll(cx);
                std::task::Poll::Ready(())
            })
            .await;
        });
        world.kill(machine);
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        let bytes = runtime
            .block_on(async move { inner.read_file(Path::new("/a"), 1 << 20).await.unwrap() });
        assert_eq!(bytes[..4096], [1; 4096]);
        for sector in bytes[4096..].chunks(512) {
            assert!(sector == [2; 512] || sector == [0; 512]);
        }
    }
}

#[test]
fn a_cut_link_holds_everything_back_and_heals() {
    let world = World::new(4);
    let (server, client) = (world.machine(), world.machine());
    serve(&world, server);
    world.after(MILLISECOND / 2, move |world| world.cut_link(server, client));
    world.after(SECOND, move |world| world.heal_link(server, client));
    assert_eq!(echo(&world, client, server, 300_000), 300_000);
    assert!(world.now() > SECOND);
    // A link that stays cut ends the attempt.
    world.cut_link(server, client);
    assert_eq!(echo(&world, client, server, 10), 0);
    world.heal_link(server, client);
    assert_eq!(echo(&world, client, server, 10), 10);
}

#[test]
fn a_dead_machine_is_silent_and_a_new_process_resets() {
    for seed in Seeds::from_env(20) {
        let world = World::new(seed);
        let (server, client) = (world.machine(), world.machine());
        serve(&world, server);
        world.after(MILLISECOND, move |world| world.power_cut(server));
        assert!(echo(&world, client, server, 3_000_000) < 3_000_000);
        serve(&world, server);
        // It listens a little later than it starts.
        world.run_ms(20);
        assert_eq!(echo(&world, client, server, 1000), 1000);
    }
}

#[test]
fn timers_of_driven_doors_come_in_time() {
    let world = World::new(2);
    let machine = world.machine();
    let runtime = drive(&world, machine);
    let seen: Rc<RefCell<Vec<u64>>> = Rc::default();
    let (inner, ticks, clock) = (runtime.clone(), seen.clone(), world.clone());
    runtime.spawn(async move {
        for _ in 0..3 {
            inner.sleep(Duration::from_millis(10)).await;
            ticks.borrow_mut().push(clock.now() / MILLISECOND);
        }
    });
    world.run_ms(100);
    assert_eq!(*seen.borrow(), [10, 20, 30]);
    assert_eq!(world.now(), 100 * MILLISECOND);
}

#[test]
fn signals_and_jumping_clocks_reach_the_process() {
    let world = World::new(5);
    let machine = world.machine();
    let runtime = drive(&world, machine);
    let seen: Rc<Cell<i32>> = Rc::default();
    let (inner, told) = (runtime.clone(), seen.clone());
    runtime.spawn(async move {
        let mut signals = inner.signals();
        if let Some(Outcome::Signalled(signal)) = signals.next().await {
            told.set(signal);
        }
    });
    world.run_ms(1);
    let before = runtime.wall();
    world.jump_wall(machine, -3_600_000);
    assert!(runtime.wall() < before);
    world.signal(machine, libc::SIGTERM);
    world.run_ms(1);
    assert_eq!(seen.get(), libc::SIGTERM);
}

/// Goal: a clock that goes back by a day confuses nobody. Records are stamped with what it says, as
/// Kafka stamps them; timers come when they are due; retention deletes nothing that is not old.
#[test]
fn a_clock_that_goes_back_confuses_nobody() {
    const DAY_MS: i64 = 86_400_000;
    let world = World::new(7);
    let machine = world.machine();
    world.make_directory(machine, node::LOG_DIR);
    let given = [Given::argument("log.retention.check.interval.ms", "1000")];
    let config = BrokerConfig::from_given(&given, &Machine::default());
    let plan = node::NodePlan {
        topic: vec![
            ("retention.ms", "3600000".to_owned()),
            ("message.timestamp.type", "LogAppendTime".to_owned()),
        ],
        ..node::NodePlan::new(config.expect("valid").0)
    };
    let node = node::Node::start(&world, machine, &plan, 1, 1);
    assert!(world.run_until(60 * SECOND, || node.is_up()));
    let stamped: Rc<RefCell<Vec<i64>>> = Rc::default();
    let produce = || {
        let ((runtime, shard), stamped) = (node.owner(0), stamped.clone());
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(runtime.wall().0, None, Some(b"value"), &[]);
        let part = ProducePart {
            key: node::Node::key(0),
            records: Slice::from(builder.finish()),
            guard: None,
        };
        let terms = Terms {
            acks: -1,
            zstd_allowed: true,
            now: runtime.wall(),
            deadline: Instant::NEVER,
            origin: Origin::CLIENT,
        };
        node::spawn(&runtime, async move {
            let answers = shard.produce(vec![part], terms).await;
            stamped.borrow_mut().push(answers[0].log_append_time);
        });
        world.run_for(SECOND);
    };
    produce();
    world.jump_wall(machine, -DAY_MS);
    produce();
    // Retention looks ten times, and each look is a timer.
    world.run_for(10 * SECOND);
    produce();
    let stamped = stamped.borrow();
    assert_eq!(stamped.len(), 3, "timers and acknowledgements go on");
    assert!(stamped[1] - stamped[0] < -DAY_MS / 2, "{stamped:?}");
    assert!(stamped[2] - stamped[1] >= 10_000, "{stamped:?}");
    let (_, shard) = node.owner(0);
    let partition = shard.partition(node::Node::key(0)).expect("it is open");
    assert_eq!(partition.log().log_start_offset(), Offset(0));
    assert_eq!(partition.high_watermark(), Offset(3));
}

#[test]
fn a_failed_sync_is_told_and_a_full_disk_refuses() {
    let world = World::new(6);
    let machine = world.machine();
    world.disk(machine, |disk| {
        disk.capacity = 1 << 20;
        disk.faults.ordered.push(Fault {
            kind: FaultKind::Sync,
            path: "journal".to_owned(),
            skip: 0,
            count: 1,
            errno: Errno::IO,
        });
    });
    let runtime = Runtime::new(world.door(machine));
    let inner = runtime.clone();
    runtime.block_on(async move {
        let file = inner.open(Path::new("/journal"), WRITE).await.unwrap();
        assert_eq!(file.sync().await, Err(Errno::IO));
        assert_eq!(file.sync().await, Ok(()));
        let large = Slice::from(vec![1; 2 << 20]);
        let refused = file.write(0, vec![large], false).await;
        assert_eq!(refused, Err(Errno::NO_SPACE));
        assert_eq!(inner.space(Path::new("/")).await, Ok((1 << 20, 0)));
        inner.unlink(Path::new("/journal")).await.unwrap();
        drop(file);
    });
}

/// Goal: background work between whose slices there is a yield holds up nobody: the door is turned
/// at each.
#[test]
fn who_yields_lets_the_door_go_first() {
    let world = World::new(1);
    let runtime = Runtime::new(world.door(world.machine()));
    let inner = runtime.clone();
    let turns = runtime.block_on(async move {
        let before = inner.turns();
        for _ in 0..10 {
            inner.yield_now().await;
        }
        inner.turns() - before
    });
    assert_eq!(turns, 10);
}
