//! What lies in a log dir at the start: whose folders these are, and those nobody claims.
//!
//! Room:       `shard`.
//! Called by:  `open`.
//! Calls:      `log::layout` for names, `runtime` for files.
//! Never:      deletes records: a folder that no topic claims is kept under another name, as Kafka
//!             keeps it. Only what was being deleted already is deleted.
//!
//! ```text
//!   orders-0                      a topic of the image has the id in its partition.metadata
//!   orders-0.<32 digits>-stray    none had when this broker last started
//!   orders-0.<32 digits>-delete   a deletion that a stop interrupted: removed
//!   orders-0.<32 digits>-future   half a move between log dirs: see `moves`
//! ```

use super::checkpoint_file::Record;
use super::recovery::{Recovered, topic_of};
use super::{DirPlan, Shard};
use crate::ids::{Offset, PartitionKey, ShardId};
use crate::io::Errno;
use crate::journal::Entry;
use crate::log::layout::{
    FileKind, FileName, FolderName, PARTITION_METADATA_FILE, folder_name, parse_future_folder_name,
    stray_folder_name,
};
use crate::map::Map;
use crate::metadata::Image;
use crate::runtime::Runtime;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What was found at the start and is not claimed yet.
#[derive(Default)]
pub(super) struct Found {
    pub partitions: Map<PartitionKey, FoundFolder>,
    /// What is known of each log dir, until the first image was followed.
    recovered: Vec<Recovered>,
    /// Folders named like partitions that hold segments, but say of no topic that they are its.
    nameless: Vec<Nameless>,
    /// Folders of deletions that were interrupted.
    deleted: Vec<PathBuf>,
    /// Second folders of partitions.
    pub twins: Vec<(PartitionKey, FoundFolder)>,
    pub futures: Vec<Future>,
}

/// The folder of a replica that was being copied to another log dir.
pub(super) struct Future {
    /// Index of its log dir.
    pub dir: usize,
    pub path: PathBuf,
    pub key: PartitionKey,
}

/// A partition's folder as found at the start.
pub(super) struct FoundFolder {
    /// Index of its log dir.
    pub dir: usize,
    pub path: PathBuf,
    /// What recovery knows of its log dir.
    pub recovered: Recovered,
    pub high_watermark: Offset,
    /// It lost acknowledged records.
    pub refused: bool,
    /// A checkpoint knows it, so its folder's name is durable. One whose creation the last life
    /// did not get to journal may lose it yet.
    pub recorded: bool,
}

struct Nameless {
    dir: usize,
    path: PathBuf,
    topic: String,
    partition: i32,
}

/// The topic of the metadata log, whose folder is the controller's.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// Finds the folders of one log dir and whose they are. Other shards find those they own.
pub(super) async fn find(
    runtime: &Runtime,
    (index, dir): (usize, &DirPlan),
    image: &Image,
    owns: impl Fn(PartitionKey) -> bool,
    found: &mut Found,
) -> Result<(), Errno> {
    found.recovered.push(dir.recovered.clone());
    let recorded = recorded(dir, image);
    for entry in runtime.list_directory(&dir.path).await? {
        if !entry.is_directory {
            continue;
        }
        let path = dir.path.join(&entry.name);
        let (topic, partition) = match FolderName::parse(&entry.name) {
            // The controller's, which Apache Kafka says the topic of, too.
            FolderName::Partition { topic, .. } if topic == METADATA_TOPIC => continue,
            FolderName::Partition { topic, partition } => (topic, partition),
            FolderName::Future => {
                if let Some(partition) = parse_future_folder_name(&entry.name) {
                    // Without a topic it is being made at this moment, by a shard that is open.
                    let metadata = path.join(PARTITION_METADATA_FILE);
                    if let Some(topic) = topic_of(runtime, &metadata).await {
                        let (dir, key) = (index, PartitionKey { topic, partition });
                        found.futures.push(Future { dir, path, key });
                    }
                }
                continue;
            }
            FolderName::Delete => {
                found.deleted.push(path);
                continue;
            }
            FolderName::Stray | FolderName::Foreign => continue,
        };
        let topic_id = match recorded.get(entry.name.as_str()) {
            Some(Some(key)) => Some(key.topic),
            _ => topic_of(runtime, &path.join(PARTITION_METADATA_FILE)).await,
        };
        let key = topic_id.map(|topic| PartitionKey { topic, partition });
        match key {
            Some(key) if owns(key) => found.partition(key, index, path, dir),
            Some(_) => {}
            None if has_records(runtime, &path).await? => found.nameless.push(Nameless {
                dir: index,
                path,
                topic,
                partition,
            }),
            // A creation that a stop interrupted: the next one begins where it ended.
            None => {}
        }
    }
    Ok(())
}

/// Folders whose partition a record names, and a topic of the image claims: it need not be read
/// from each. `None`: two records name the folder, which a kill in a deletion can leave.
fn recorded<'r>(dir: &'r DirPlan, image: &Image) -> Map<&'r str, Option<PartitionKey>> {
    let mut recorded: Map<&str, Option<PartitionKey>> = Map::default();
    for record in dir.recovered.records() {
        let key = record.key;
        let topic = image.topic_by_id(key.topic);
        let is_its = topic.is_some_and(|t| folder_name(&t.name, key.partition) == record.folder);
        let twice = recorded
            .insert(&record.folder, is_its.then_some(key))
            .is_some();
        if twice {
            recorded.insert(&record.folder, None);
        }
    }
    recorded
}

async fn has_records(runtime: &Runtime, path: &Path) -> Result<bool, Errno> {
    let entries = match runtime.list_directory(path).await {
        // Its owner, which is open already, has given it another name.
        Err(Errno::NO_ENTRY) => return Ok(false),
        entries => entries?,
    };
    Ok(entries.iter().any(|entry| {
        let name = FileName::parse(&entry.name);
        matches!(
            name,
            FileName::Segment {
                kind: FileKind::Log,
                ..
            }
        )
    }))
}

impl Found {
    /// What the checkpoints knew of a partition, in whatever log dir.
    pub fn record(&self, key: PartitionKey) -> Option<&Record> {
        self.recovered.iter().find_map(|dir| dir.record(key))
    }

    fn partition(&mut self, key: PartitionKey, index: usize, path: PathBuf, dir: &DirPlan) {
        let record = dir.recovered.record(key);
        let folder = FoundFolder {
            dir: index,
            path,
            recovered: dir.recovered.clone(),
            high_watermark: record.map_or(Offset(-1), |record| record.high_watermark),
            refused: record.is_some_and(|record| record.refused),
            recorded: record.is_some(),
        };
        match self.partitions.contains_key(&key) {
            true => self.twins.push((key, folder)),
            false => drop(self.partitions.insert(key, folder)),
        }
    }

    /// Log dirs, but for `here`, whose checkpoint has a record of this partition.
    pub fn dirs_that_know(&self, key: PartitionKey, here: usize) -> Vec<usize> {
        let others = self.recovered.iter().enumerate();
        let others = others.filter(|(index, dir)| *index != here && dir.record(key).is_some());
        others.map(|(index, _)| index).collect()
    }
}

impl Shard {
    /// Before partitions are created: folders of this name may stand in their way.
    pub(super) async fn set_nameless_aside(&self, image: &Image) {
        let nameless = std::mem::take(&mut self.found.borrow_mut().nameless);
        for folder in nameless {
            // One shard for each: the one that would create a partition of that name.
            let claimed = image.topic(&folder.topic).map(|topic| PartitionKey {
                topic: topic.id,
                partition: folder.partition,
            });
            if claimed.map_or(self.id == ShardId(0), |key| self.owns(key)) {
                self.set_aside(folder.dir, &folder.path).await;
            }
        }
    }

    /// After the first complete image was followed: what no topic of it claims.
    pub(super) async fn set_strays_aside(&self) {
        let mut rest: Vec<_> = self
            .found
            .borrow_mut()
            .partitions
            .drain()
            .filter(|(key, _)| self.owns(*key))
            .collect();
        rest.sort_unstable_by_key(|(key, _)| *key);
        self.found.borrow_mut().recovered.clear();
        for (key, folder) in rest {
            // A partition of this key may live beside it, in another log dir.
            if self.partition(key).is_none()
                && let Err(error) = self.dirs[folder.dir].journal.note(Entry::Drop { key })
            {
                tracing::warn!(%error, "a stray folder stays known to the checkpoints");
            }
            self.set_aside(folder.dir, &folder.path).await;
        }
    }

    async fn set_aside(&self, dir: usize, path: &Path) {
        let name = path.file_name().map(|name| name.to_string_lossy());
        let FolderName::Partition { topic, partition } =
            FolderName::parse(name.as_deref().unwrap_or_default())
        else {
            return;
        };
        let unique = u128::from(self.runtime.random()) << 64 | u128::from(self.runtime.random());
        let stray = path.with_file_name(stray_folder_name(&topic, partition, unique));
        let renamed = match self.runtime.rename(path, &stray).await {
            Ok(()) => self.runtime.sync_directory(&self.dirs[dir].path).await,
            failed => failed,
        };
        match renamed {
            Ok(()) => tracing::warn!(
                folder = %path.display(), stray = %stray.display(),
                "no topic claims this folder: it was set aside, delete it if nobody needs it"
            ),
            Err(errno) => {
                let folder = path.display();
                tracing::error!(%folder, %errno, "no topic claims this folder; it stays");
            }
        }
    }

    /// Finishes interrupted deletions, beside everything else.
    pub(super) fn remove_deleted(self: &Rc<Self>) {
        let deleted = std::mem::take(&mut self.found.borrow_mut().deleted);
        if self.id != ShardId(0) || deleted.is_empty() {
            return;
        }
        let shard = self.clone();
        self.runtime.spawn(async move {
            for path in deleted {
                if let Err(errno) = shard.runtime.remove_folder(&path).await {
                    let folder = path.display();
                    tracing::warn!(%folder, %errno, "a deleted partition's folder stays");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, Machine};
    use crate::io::OpenOptions;
    use crate::sim::clock::SECOND;
    use crate::sim::node::{LOG_DIR, Node, NodePlan};
    use crate::sim::{MachineId, World};

    const WRITE: OpenOptions = OpenOptions {
        write: true,
        create: true,
        create_new: false,
        truncate: false,
        direct: false,
        inline: false,
    };

    fn names(world: &World, machine: MachineId) -> Vec<String> {
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        let listed =
            runtime.block_on(async move { inner.list_directory(Path::new(LOG_DIR)).await });
        let folders = listed.expect("it is there").into_iter();
        let folders = folders.filter(|entry| entry.is_directory);
        folders.map(|entry| entry.name).collect()
    }

    fn life(world: &World, machine: MachineId, partitions: usize, epoch: i32) {
        let config = BrokerConfig::from_given(&[], &Machine::default());
        let plan = NodePlan {
            partitions,
            ..NodePlan::new(config.expect("the defaults are a broker").0)
        };
        let node = Node::start(world, machine, &plan, 2, epoch);
        assert!(world.run_until(60 * SECOND, || node.is_up()));
        world.run_for(SECOND);
        let closed = node.stop();
        assert!(world.run_until(60 * SECOND, || closed.get() == 2));
        assert_eq!(node.failed(), None);
        world.kill(machine);
    }

    /// Goal: what no topic claims is kept under a name that Kafka knows, once; what was being
    /// deleted goes; what is claimed stays.
    #[test]
    fn strays_are_set_aside_and_deletions_finished() {
        let world = World::new(3);
        let machine = world.machine();
        world.make_directory(machine, LOG_DIR);
        life(&world, machine, 2, 1);
        assert_eq!(names(&world, machine), ["orders-0", "orders-1"]);
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        let deleted = "gone-0.00000000000000000000000000000007-delete";
        runtime.block_on(async move {
            for (folder, file) in [
                (deleted, "00000000000000000000.log"),
                ("nameless-3", "00000000000000000000.log"),
                ("begun-4", "partition.metadata"),
                ("no partition", "letter"),
            ] {
                let folder = Path::new(LOG_DIR).join(folder);
                inner.create_directory(&folder).await.expect("room");
                let file = inner.open(&folder.join(file), WRITE).await.expect("room");
                file.sync().await.expect("a sound disk");
            }
        });
        for (start, partitions) in [(2, 1), (3, 1)] {
            life(&world, machine, partitions, start);
            let names = names(&world, machine);
            let count = |begin: &str, end: &str| {
                let fits = |name: &&String| name.starts_with(begin) && name.ends_with(end);
                names.iter().filter(fits).count()
            };
            assert_eq!(names.len(), 5, "{names:?}");
            assert_eq!(count("orders-0", "-0"), 1, "{names:?}");
            assert_eq!(count("orders-1.", "-stray"), 1, "{names:?}");
            assert_eq!(count("nameless-3.", "-stray"), 1, "{names:?}");
            assert_eq!(count("", "-delete"), 0, "{names:?}");
        }
    }
}
