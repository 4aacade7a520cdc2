//! One process of shards over one log dir, without connections: what the workload starts and kills.
//!
//! Room:       `sim`.
//! Called by:  `workload`.
//! Calls:      `shard` (recovery, open, close), behind driven doors.
//! Never:      waits in wall time, or outlives its machine.

use super::world::{DoorKey, MachineId, World};
use crate::config::BrokerConfig;
use crate::ids::{LeaderEpoch, PartitionKey, ShardId, TopicId};
use crate::metadata::{Image, PartitionImage, ResourceKind, TopicImage};
use crate::runtime::Runtime;
use crate::shard::{self, DirPlan, Shard, owner, recovery};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

pub const LOG_DIR: &str = "/data";
pub const TOPIC: TopicId = TopicId(*b"simulated topic.");
const NAME: &str = "orders";

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
    members: Members,
    failed: Rc<RefCell<Option<String>>>,
}

/// What all lives of a node have in common.
pub struct NodePlan {
    pub config: Arc<BrokerConfig>,
    pub partitions: usize,
    /// Overrides of the topic.
    pub topic: Vec<(&'static str, String)>,
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
        let node = Node {
            world: world.clone(),
            machine,
            shards,
            members: Rc::default(),
            failed: Rc::default(),
        };
        let runtimes: Vec<Runtime> = (0..shards).map(|_| drive(world, machine).1).collect();
        let (_, control) = drive(world, machine);
        let image = Arc::new(plan.image(epoch));
        let config = plan.config.clone();
        let (members, failed) = (node.members.clone(), node.failed.clone());
        let recovering = control.clone();
        spawn(&control, async move {
            let dir = Path::new(LOG_DIR);
            let recovered = match recovery::recover(&recovering, dir, &config).await {
                Ok(recovered) => recovered,
                Err(error) => {
                    *failed.borrow_mut() = Some(format!("recovery: {error}"));
                    return;
                }
            };
            if let Err(errno) = recovery::remove_surplus(&recovering, dir, shards).await {
                *failed.borrow_mut() = Some(format!("surplus journals: {errno}"));
                return;
            }
            for (index, runtime) in runtimes.into_iter().enumerate() {
                let plan = shard::Plan {
                    image: image.clone(),
                    dirs: vec![DirPlan {
                        path: PathBuf::from(LOG_DIR),
                        id: [1; 16],
                        recovered: recovered.clone(),
                    }],
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
                partition.go_offline(crate::io::Errno::IO);
            }
        }
    }
}

impl NodePlan {
    fn image(&self, epoch: i32) -> Image {
        let node = self.config.node_id;
        let mut image = Image::empty("simulated", node);
        image.offset = 1;
        let partition = PartitionImage {
            leader: node,
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: epoch,
            replicas: vec![node],
            isr: vec![node],
            directories: vec![[1; 16]],
            elr: Vec::new(),
            last_known_elr: Vec::new(),
        };
        image.put_topic(TopicImage {
            id: TOPIC,
            name: NAME.into(),
            partitions: vec![partition; self.partitions],
        });
        let overrides = self.topic.iter();
        let overrides = overrides.map(|(name, value)| ((*name).to_owned(), value.clone()));
        Arc::make_mut(&mut image.configs)
            .insert((ResourceKind::Topic, NAME.to_owned()), overrides.collect());
        image
    }
}
