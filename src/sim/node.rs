//! One process of shards over some log dirs, without connections: the workload starts and kills it.
//!
//! Room:       `sim`.
//! Called by:  `workload`.
//! Calls:      `shard` (recovery, open, close), behind driven doors.
//! Never:      waits in wall time, or outlives its machine.

use super::world::{DoorKey, MachineId, World};
use crate::config::BrokerConfig;
use crate::ids::{LeaderEpoch, PartitionKey, ShardId, TopicId};
use crate::io::Errno;
use crate::metadata::{Image, PartitionImage, ResourceKind, TopicImage};
use crate::runtime::Runtime;
use crate::shard::{self, DirPlan, Shard, owner, recovery};
use smallvec::smallvec;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

pub const LOG_DIR: &str = "/data";
/// The log dirs a node may have; each seems a disk of its own, for faults go by path.
pub const LOG_DIRS: [&str; 3] = [LOG_DIR, "/second", "/third"];
pub const TOPIC: TopicId = TopicId(*b"simulated topic.");

/// A runtime whose turns the world gives, and whose tasks die with it.
pub fn drive(world: &World, machine: MachineId) -> (DoorKey, Runtime) {
    struct Tasks(Runtime);
    impl Drop for Tasks {
        fn drop(&mut self) {
            self.0.abandon();
        }
    }
    let (key, door) = world.open(machine);
    let runtime = Runtime::new(door);
    let tasks = Tasks(runtime.clone());
    world.drive(key, Box::new(move || tasks.0.turn(true)));
    (key, runtime)
}

/// Starts a task on a driven runtime from outside of its turns.
pub fn spawn(runtime: &Runtime, task: impl Future<Output = ()> + 'static) {
    runtime.spawn(task);
    runtime.waker().wake();
}

/// Each shard with the runtime it lives on.
type Members = Rc<RefCell<Vec<(Runtime, Rc<Shard>)>>>;

/// A process: it starts, serves, and is stopped or killed.
pub struct Node {
    pub world: World,
    pub machine: MachineId,
    pub shards: u16,
    epoch: i32,
    /// Images so far.
    configured: Cell<i64>,
    members: Members,
    failed: Rc<RefCell<Option<String>>>,
}

/// What all lives of a node have in common.
pub struct NodePlan {
    pub config: Arc<BrokerConfig>,
    pub partitions: usize,
    pub name: &'static str,
    /// Overrides of the topic.
    pub topic: Vec<(&'static str, String)>,
    /// Those of all brokers.
    pub brokers: Vec<(&'static str, String)>,
    /// How many of `LOG_DIRS`; `config` names as many.
    pub dirs: usize,
}

impl Node {
    /// Begins a start; `is_up` says when it is done.
    pub fn start(
        world: &World,
        machine: MachineId,
        plan: &NodePlan,
        shards: u16,
        epoch: i32,
    ) -> Node {
        let runtimes: Vec<Runtime> = (0..shards).map(|_| drive(world, machine).1).collect();
        let (_, control) = drive(world, machine);
        let node = Node {
            world: world.clone(),
            machine,
            shards,
            epoch,
            configured: Cell::new(1),
            members: Rc::default(),
            failed: Rc::default(),
        };
        let image = Arc::new(plan.image(epoch, 1));
        let (config, dirs) = (plan.config.clone(), &LOG_DIRS[..plan.dirs]);
        let (members, failed) = (node.members.clone(), node.failed.clone());
        let recovering = control.clone();
        spawn(&control, async move {
            let dirs = match recover_all(&recovering, &config, dirs, shards).await {
                Ok(dirs) => dirs,
                Err(reason) => {
                    *failed.borrow_mut() = Some(reason);
                    return;
                }
            };
            for (index, runtime) in runtimes.into_iter().enumerate() {
                let plan = shard::Plan {
                    image: image.clone(),
                    dirs: dirs.clone(),
                };
                let (config, members, failed) = (config.clone(), members.clone(), failed.clone());
                let opening = runtime.clone();
                spawn(&runtime, async move {
                    let id = ShardId(index as u16);
                    match Shard::open(&opening, id, shards, &config, plan).await {
                        Ok(shard) => members.borrow_mut().push((opening, shard)),
                        Err(error) => *failed.borrow_mut() = Some(error.to_string()),
                    }
                });
            }
        });
        node
    }

    /// Has all shards follow the settings that the plan has now; the cell is set when they do.
    pub fn configure(&self, plan: &NodePlan) -> Rc<Cell<usize>> {
        self.configured.set(self.configured.get() + 1);
        let image = Arc::new(plan.image(self.epoch, self.configured.get()));
        let followed: Rc<Cell<usize>> = Rc::default();
        for (runtime, shard) in self.members.borrow().iter() {
            let (shard, image, followed) = (shard.clone(), image.clone(), followed.clone());
            spawn(runtime, async move {
                shard.follow(image).await;
                followed.set(followed.get() + 1);
            });
        }
        followed
    }

    pub fn is_up(&self) -> bool {
        self.members.borrow().len() == usize::from(self.shards)
    }

    /// Why it did not start.
    pub fn failed(&self) -> Option<String> {
        self.failed.borrow().clone()
    }

    /// How far each shard's journal is, for the message of a run that does not get on.
    pub fn describe(&self) -> String {
        let members = self.members.borrow();
        let journals = members.iter().flat_map(|(_, shard)| {
            shard.dirs().iter().map(|dir| {
                let journal = &dir.journal;
                format!(
                    "shard {}: written {}, synced {}, upcoming {}, stalled {}, failed {:?}, {:?}",
                    shard.id.0,
                    journal.written().0,
                    journal.synced().0,
                    journal.upcoming().0,
                    journal.is_stalled(),
                    journal.failed(),
                    journal.pressure(),
                )
            })
        });
        journals.collect::<Vec<_>>().join("; ")
    }

    /// Log dirs whose disk failed, by shard.
    pub fn failed_dirs(&self) -> impl Iterator<Item = (ShardId, PathBuf)> {
        let members = self.members.borrow();
        let dirs = members.iter().flat_map(|(_, shard)| {
            let failed = shard.dirs().iter();
            let failed = failed.filter(|dir| dir.journal.failed().is_some());
            failed.map(|dir| (shard.id, dir.path.clone()))
        });
        dirs.collect::<Vec<_>>().into_iter()
    }

    /// Whether a partition is served and its disk has not failed.
    pub fn is_sound(&self, partition: usize) -> bool {
        let (_, shard) = self.owner(partition);
        let partition = shard.partition(Node::key(partition));
        partition.is_some_and(|partition| partition.dir().journal.failed().is_none())
    }

    pub fn key(partition: usize) -> PartitionKey {
        PartitionKey {
            topic: TOPIC,
            partition: partition as i32,
        }
    }

    /// The runtime and the shard that own a partition; the node is up.
    pub fn owner(&self, partition: usize) -> (Runtime, Rc<Shard>) {
        let owner = owner(Node::key(partition), self.shards);
        let members = self.members.borrow();
        let found = members.iter().find(|(_, shard)| shard.id == owner);
        found.expect("the node is up").clone()
    }

    /// Begins a clean stop; the cell is set when all shards are closed.
    pub fn stop(&self) -> Rc<Cell<usize>> {
        let closed: Rc<Cell<usize>> = Rc::default();
        for (runtime, shard) in self.members.borrow().iter() {
            let (shard, closed, failed) = (shard.clone(), closed.clone(), self.failed.clone());
            spawn(runtime, async move {
                if let Err(error) = shard.close().await {
                    *failed.borrow_mut() = Some(error.to_string());
                }
                closed.set(closed.get() + 1);
            });
        }
        closed
    }
}

impl Drop for Node {
    /// Shards, logs and partitions hold each other while requests wait; the failing of the
    /// partitions lets the waiting ones go.
    fn drop(&mut self) {
        for (_, shard) in self.members.borrow().iter() {
            for partition in shard.partitions() {
                partition.go_offline(Errno::IO);
            }
        }
    }
}

/// A partition whose only replica is `node`'s.
pub(super) fn led_by(node: i32, epoch: i32) -> PartitionImage {
    PartitionImage {
        leader: node,
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: epoch,
        replicas: smallvec![node],
        isr: smallvec![node],
        directories: smallvec![[1; 16]],
        ..PartitionImage::default()
    }
}

impl NodePlan {
    /// One log dir, one partition, nothing set.
    pub fn new(config: BrokerConfig) -> NodePlan {
        NodePlan {
            config: Arc::new(config),
            partitions: 1,
            name: "orders",
            topic: Vec::new(),
            brokers: Vec::new(),
            dirs: 1,
        }
    }

    fn image(&self, epoch: i32, offset: i64) -> Image {
        let node = self.config.node_id;
        let mut image = Image::empty("simulated", node);
        image.offset = offset;
        image.put_topic(TopicImage {
            id: TOPIC,
            name: self.name.into(),
            partitions: vec![led_by(node, epoch); self.partitions],
        });
        let owned = |all: &[(&str, String)]| {
            let pairs = all.iter();
            let pairs = pairs.map(|(name, value)| ((*name).to_owned(), value.clone()));
            pairs.collect()
        };
        let configs = Arc::make_mut(&mut image.configs);
        configs.insert(
            (ResourceKind::Topic, self.name.to_owned()),
            owned(&self.topic),
        );
        configs.insert((ResourceKind::Broker, String::new()), owned(&self.brokers));
        image
    }
}

/// Recovers every log dir, as the broker's start does: one whose disk fails leaves the others.
async fn recover_all(
    runtime: &Runtime,
    config: &BrokerConfig,
    paths: &[&str],
    shards: u16,
) -> Result<Vec<DirPlan>, String> {
    let mut dirs = Vec::new();
    for (index, dir) in paths.iter().map(Path::new).enumerate() {
        let recovered = match recovery::recover(runtime, dir, config).await {
            Ok(recovered) => recovered,
            // In the first one is the metadata log.
            Err(error) if index > 0 && error.errno() == Some(Errno::IO) => continue,
            Err(error) => return Err(format!("recovery of {}: {error}", dir.display())),
        };
        let removed = recovery::remove_surplus(runtime, dir, shards).await;
        removed.map_err(|errno| format!("surplus journals: {errno}"))?;
        dirs.push(DirPlan {
            path: dir.to_owned(),
            id: [index as u8 + 1; 16],
            recovered,
        });
    }
    Ok(dirs)
}
