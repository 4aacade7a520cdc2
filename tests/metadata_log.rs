//! The metadata log against power cuts, failing disks and rot, behind the simulated door.
//!
//! Room:       tests of `controller::Store`.

use ottla::controller::{Store, StoreError};
use ottla::io::Errno;
use ottla::metadata::Image;
use ottla::protocol::records::metadata::{MetadataRecord, TopicRecord};
use ottla::protocol::{TopicName, Uuid};
use ottla::runtime::Runtime;
use ottla::sim::{Fault, FaultKind, MachineId, Seeds, World};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

const NODE: i32 = 1;
const MILLISECOND: u64 = 1_000_000;

/// What one life of a broker knows: how many changes it tried, and how many it was told are
/// durable. Change N makes topics named `N-0`, `N-1` and so on.
#[derive(Default)]
struct Life {
    tried: Cell<usize>,
    committed: Cell<usize>,
    found: RefCell<Option<Result<Vec<String>, String>>>,
}

fn names(change: usize) -> Vec<String> {
    (0..1 + change % 3)
        .map(|topic| format!("{change}-{topic}"))
        .collect()
}

fn records(names: &[String]) -> Vec<MetadataRecord<'_>> {
    let id = |name: &str| {
        name.bytes()
            .fold(7u128, |hash, byte| hash * 257 + u128::from(byte))
    };
    let records = names.iter().map(|name| {
        MetadataRecord::Topic(TopicRecord {
            name: TopicName(name),
            topic_id: Uuid::from_u128(id(name)),
        })
    });
    records.collect()
}

fn dir() -> &'static Path {
    Path::new("/data")
}

async fn open(runtime: &Runtime) -> Result<(Store, Image), StoreError> {
    let mut image = Image::empty("cluster", NODE);
    let store = Store::open(runtime, dir(), NODE, |offset, record| {
        assert!(offset >= image.offset, "offsets only rise");
        image.offset = offset;
        image.apply(record);
    });
    let store = store.await?;
    image.offset = store.last_offset();
    Ok((store, image))
}

fn topics(image: &Image) -> Vec<String> {
    let mut names: Vec<_> = image.topics().map(|topic| topic.name.to_string()).collect();
    let numbers = |name: &String| -> Vec<usize> {
        let numbers = name.split('-').map(|number| number.parse());
        numbers.map(|number| number.expect("our names")).collect()
    };
    names.sort_by_key(numbers);
    names
}

/// A broker that opens its log and commits changes as fast as it can, with a snapshot at times.
fn start(world: &World, machine: MachineId, first: usize, snapshot_every: usize) -> Rc<Life> {
    let (key, door) = world.open(machine);
    let runtime = Runtime::new(door);
    let turned = runtime.clone();
    world.drive(key, Box::new(move || turned.turn(true)));
    let life = Rc::new(Life::default());
    life.tried.set(first);
    life.committed.set(first);
    let (told, runtime_inside) = (life.clone(), runtime.clone());
    runtime.spawn(async move {
        let (store, image) = match open(&runtime_inside).await {
            Ok(opened) => opened,
            Err(error) => return *told.found.borrow_mut() = Some(Err(error.to_string())),
        };
        let found = topics(&image);
        let mut all = found.clone();
        let mut next = found.last().map_or(0, |last| {
            1 + last
                .split('-')
                .next()
                .and_then(|n| n.parse::<usize>().ok())
                .expect("a number")
        });
        *told.found.borrow_mut() = Some(Ok(found));
        loop {
            let new = names(next);
            told.tried.set(next + 1);
            if store.append(&records(&new), 5).await.is_err() {
                return;
            }
            next += 1;
            told.committed.set(next);
            all.extend(new);
            if next.is_multiple_of(snapshot_every)
                && store.snapshot(&records(&all), 5).await.is_err()
            {
                return;
            }
        }
    });
    life
}

/// Goal: a committed change survives any power cut, whole; what was not committed is there whole
/// or not at all.
/// Method: lives of one broker that commits and takes snapshots until its power is cut.
#[test]
fn committed_changes_survive_power_cuts() {
    let mut most = 0;
    for seed in Seeds::from_env(60) {
        let world = World::new(seed);
        let machine = world.machine();
        world.make_directory(machine, dir());
        let (mut committed, mut tried) = (0, 0);
        for _ in 0..12 {
            let every = 1 + world.below(40) as usize;
            let life = start(&world, machine, committed, every);
            world.run_for(world.below(60 * MILLISECOND));
            world.power_cut(machine);
            if let Some(found) = life.found.borrow().clone() {
                let found = found.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                let last = (0..tried.max(committed) + 1)
                    .find(|count| (0..*count).flat_map(names).collect::<Vec<_>>() == found);
                let last =
                    last.unwrap_or_else(|| panic!("seed {seed}: no whole changes: {found:?}"));
                assert!(
                    last >= committed,
                    "seed {seed}: {committed} committed, {last} found"
                );
                committed = life.committed.get().max(last);
                tried = life.tried.get().max(last);
            }
        }
        most = most.max(committed);
    }
    assert!(
        most > 100,
        "lives are long enough to mean something: {most}"
    );
}

/// A log of ten changes on a machine that is at rest.
fn written(world: &World, snapshot_at: Option<usize>) -> MachineId {
    let machine = world.machine();
    world.make_directory(machine, dir());
    let runtime = Runtime::new(world.door(machine));
    let inside = runtime.clone();
    runtime.block_on(async move {
        let (store, _) = open(&inside).await.expect("a new log");
        let mut all = Vec::new();
        for change in 0..10 {
            let new = names(change);
            store.append(&records(&new), 5).await.expect("committed");
            all.extend(new);
            if Some(change) == snapshot_at {
                store.snapshot(&records(&all), 5).await.expect("written");
            }
        }
    });
    machine
}

fn reopened(world: &World, machine: MachineId) -> Result<Vec<String>, StoreError> {
    let runtime = Runtime::new(world.door(machine));
    let inside = runtime.clone();
    runtime.block_on(async move { open(&inside).await.map(|(_, image)| topics(&image)) })
}

fn everything() -> Vec<String> {
    (0..10).flat_map(names).collect()
}

fn log_file(base: u64) -> PathBuf {
    dir().join(format!("__cluster_metadata-0/{base:020}.log"))
}

#[test]
fn a_snapshot_and_what_came_after_say_the_same_as_the_log() {
    for snapshot_at in [None, Some(0), Some(4), Some(9)] {
        let world = World::new(3);
        let machine = written(&world, snapshot_at);
        world.kill(machine);
        assert_eq!(reopened(&world, machine).expect("whole"), everything());
        world.kill(machine);
        assert_eq!(reopened(&world, machine).expect("whole"), everything());
    }
}

#[test]
fn damage_before_the_end_is_refused_with_its_place() {
    let mut refused = 0;
    for position in (0..1100).step_by(7) {
        let world = World::new(4);
        let machine = written(&world, None);
        world.kill(machine);
        let path = log_file(0);
        if world
            .disk(machine, |disk| disk.rot(&path, position, 3))
            .is_err()
        {
            break;
        }
        match reopened(&world, machine) {
            // In the last change, or where no checksum looks (the leader's epoch).
            Ok(found) => assert!(everything().starts_with(&found), "{position}: {found:?}"),
            Err(StoreError::Damaged {
                path: at,
                position: place,
            }) => {
                assert_eq!(at, path);
                assert!(place as u64 <= position);
                refused += 1;
            }
            Err(other) => panic!("{position}: {other}"),
        }
    }
    assert!(refused > 50, "{refused} places refused");
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let world = World::new(5);
    let machine = written(&world, Some(9));
    world.kill(machine);
    // The leader change and twenty-one topics, counted from 0.
    let topics = everything().len();
    let name = format!(
        "__cluster_metadata-0/{:020}-0000000001.checkpoint",
        1 + topics
    );
    let path = dir().join(name);
    world
        .disk(machine, |disk| disk.rot(&path, 200, 1))
        .expect("it is there");
    assert!(matches!(
        reopened(&world, machine),
        Err(StoreError::Damaged { path: at, .. }) if at == path
    ));
}

#[test]
fn after_a_failed_write_nothing_is_committed() {
    for kind in [FaultKind::Write, FaultKind::Metadata] {
        let world = World::new(6);
        let machine = written(&world, None);
        world.kill(machine);
        let runtime = Runtime::new(world.door(machine));
        let inside = runtime.clone();
        let (fault, opened) = (world.clone(), Rc::new(Cell::new(false)));
        let seen = opened.clone();
        runtime.block_on(async move {
            let (store, _) = open(&inside).await.expect("whole");
            seen.set(true);
            let mut faults = ottla::sim::Faults::default();
            faults.ordered.push(Fault {
                kind,
                path: "__cluster_metadata".to_owned(),
                skip: 0,
                count: 1,
                errno: Errno::IO,
            });
            fault.set_disk_faults(machine, faults);
            let new = names(10);
            if kind == FaultKind::Write {
                assert!(store.append(&records(&new), 5).await.is_err());
            } else {
                assert!(store.snapshot(&records(&everything()), 5).await.is_err());
            }
            // The disk works again, but what it holds is not known any more.
            for _ in 0..3 {
                assert!(store.append(&records(&new), 5).await.is_err());
                assert!(store.snapshot(&records(&new), 5).await.is_err());
            }
        });
        assert!(opened.get());
        world.kill(machine);
        let found = reopened(&world, machine).expect("whole");
        assert!(found.starts_with(&everything()));
    }
}
