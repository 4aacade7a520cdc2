//! Opening a shard, and following the image: partitions come, change and go.
//!
//! Room:       `shard`.
//! Called by:  `broker::member`, at the start and whenever metadata changed.
//! Calls:      `journal`, `log`, `partition`.
//! Never:      deletes a folder that no image has disowned.

use super::checkpointer::Checkpointer;
use super::recovery::{Recovered, open_log};
use super::{DirPlan, Plan, Shard, ShardError};
use crate::config::BrokerConfig;
use crate::ids::{Offset, PartitionKey, ShardId};
use crate::io::Errno;
use crate::journal::{Entry, Journal, JournalSettings};
use crate::log::layout::{FolderName, folder_name, parse_partition_metadata};
use crate::log::{Log, LogSettings, LogStorage, StorageSettings};
use crate::map::Map;
use crate::metadata::{Image, PartitionImage, ResourceKind, TopicImage, changed_topics};
use crate::partition::{LogDir, Partition};
use crate::runtime::Runtime;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// A partition's folder as found at the start.
pub(super) struct FoundFolder {
    dir: usize,
    path: PathBuf,
    /// What recovery knows of its log dir.
    recovered: Recovered,
    high_watermark: Offset,
    /// It lost acknowledged records.
    refused: bool,
    /// A checkpoint knows it, so its folder's name is durable. One whose creation the last life
    /// did not get to journal may lose it yet.
    recorded: bool,
}

/// Part of the memory budget that flushed batches and blocks of older ones may take.
const CACHE_SHARE: u64 = 2;

/// The bound of a `partition.metadata`; a real one has two short lines.
const PARTITION_METADATA_BYTES_MAX: usize = 4 << 10;

impl Shard {
    /// Starts the journals, finds the folders, opens what the image says this shard owns.
    pub async fn open(
        runtime: &Runtime,
        id: ShardId,
        shards: u16,
        config: &Arc<BrokerConfig>,
        plan: Plan,
    ) -> Result<Rc<Shard>, ShardError> {
        let mut dirs = Vec::new();
        let mut checkpointers = Vec::new();
        let mut found = Map::default();
        for (index, dir) in plan.dirs.iter().enumerate() {
            let failed = |reason: &dyn std::fmt::Display| {
                ShardError(format!("{}: {reason}", dir.path.display()))
            };
            let journal = Journal::start(
                runtime,
                &dir.path,
                id,
                dir.recovered.incarnation,
                journal_settings(config, shards, plan.dirs.len()),
            )
            .await
            .map_err(|error| failed(&error))?;
            let cache = config.memory_bytes / CACHE_SHARE / u64::from(shards);
            let settings = StorageSettings {
                cache_bytes: (cache / plan.dirs.len() as u64) as usize,
                ..StorageSettings::default()
            };
            let storage = LogStorage::new(runtime, &dir.path, settings);
            find_folders(runtime, index, dir, &mut found)
                .await
                .map_err(|errno| failed(&errno))?;
            checkpointers.push(Checkpointer::start(runtime, &dir.path, id, journal.clone()));
            dirs.push(LogDir::new(dir.path.clone(), dir.id, journal, storage));
        }
        let shard = Rc::new(Shard {
            id,
            runtime: runtime.clone(),
            config: RefCell::new(config.clone()),
            shards,
            image: RefCell::new(Arc::new(Image::default())),
            partitions: RefCell::new(Map::default()),
            dirs,
            checkpointers,
            found: RefCell::new(found),
        });
        shard.follow(plan.image).await;
        for dir in &shard.dirs {
            shard.clone().follow_journal(dir.clone());
        }
        Ok(shard)
    }

    /// Moves waiting requests on whenever a journal's marks have moved.
    fn follow_journal(self: Rc<Self>, dir: Rc<LogDir>) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            loop {
                let seen = dir.journal.progress().count();
                dir.advance();
                if let Some(errno) = dir.journal.failed() {
                    tracing::error!(
                        dir = %dir.path.display(), %errno,
                        "the disk failed: partitions in this log dir are offline until a restart"
                    );
                    self.partitions()
                        .iter()
                        .filter(|partition| Rc::ptr_eq(&partition.dir, &dir))
                        .for_each(|partition| partition.go_offline(errno));
                    return;
                }
                dir.journal.progress().after(seen).await;
            }
        });
    }

    /// Makes this shard's partitions what the image says. Returns when all of them are.
    pub async fn follow(self: &Rc<Self>, image: Arc<Image>) {
        let before = self.image();
        if image.offset < before.offset {
            return;
        }
        self.follow_configs(&before, &image);
        let (changed, removed) = changed_topics(&before, &image);
        for topic in changed {
            self.follow_topic(topic, &image).await;
        }
        for topic in removed {
            self.drop_topic(topic).await;
        }
        *self.image.borrow_mut() = image;
    }

    /// Topics whose own records did not change may still have other settings.
    fn follow_configs(&self, before: &Image, image: &Image) {
        if Arc::ptr_eq(&before.configs, &image.configs) {
            return;
        }
        let config = self.config();
        let node = config.node_id.to_string();
        let default = image.overrides(ResourceKind::Broker, "");
        let own = image.overrides(ResourceKind::Broker, &node);
        match config.with_dynamic(default, own) {
            Ok(config) => *self.config.borrow_mut() = Arc::new(config),
            Err(error) => tracing::warn!(%error, "dynamic configuration not applied"),
        }
        for partition in self.partitions() {
            partition.configure(self.topic_config(image, &partition.topic));
        }
    }

    fn topic_config(&self, image: &Image, topic: &str) -> crate::config::TopicConfig {
        let config = self.config();
        let overrides = image.overrides(ResourceKind::Topic, topic);
        config.topic(overrides).unwrap_or_else(|error| {
            // Validated before it was committed; another version may have known other values.
            tracing::warn!(%error, topic, "topic configuration not understood; defaults apply");
            config.topic_defaults
        })
    }

    async fn follow_topic(self: &Rc<Self>, topic: &Arc<TopicImage>, image: &Image) {
        let node = self.config().node_id;
        for (index, placed) in topic.partitions.iter().enumerate() {
            let key = PartitionKey {
                topic: topic.id,
                partition: index as i32,
            };
            if !self.owns(key) || !placed.replicas.contains(&node) {
                continue;
            }
            let partition = match self.partition(key) {
                Some(partition) => partition,
                None => match self.open_partition(key, topic, image).await {
                    Some(partition) => partition,
                    None => continue,
                },
            };
            self.follow_leadership(&partition, placed, node).await;
        }
    }

    async fn follow_leadership(
        &self,
        partition: &Rc<Partition>,
        placed: &PartitionImage,
        node: i32,
    ) {
        if placed.leader != node {
            partition.resign();
            return;
        }
        let epoch = placed.leader_epoch;
        if partition.leads() && partition.leader_epoch() == epoch {
            return;
        }
        let start = partition.log.log_end_offset();
        let noted = partition.dir.journal.note(Entry::EpochStart {
            key: partition.key,
            epoch,
            start,
        });
        match noted {
            Ok(_) => partition.lead(epoch),
            Err(error) => tracing::error!(%error, topic = %partition.topic, "cannot lead"),
        }
    }

    async fn open_partition(
        self: &Rc<Self>,
        key: PartitionKey,
        topic: &Arc<TopicImage>,
        image: &Image,
    ) -> Option<Rc<Partition>> {
        let config = self.topic_config(image, &topic.name);
        let settings = LogSettings::of_topic(&config);
        let found = self.found.borrow_mut().remove(&key);
        if found.as_ref().is_some_and(|found| found.refused) {
            tracing::error!(
                topic = %topic.name, partition = key.partition,
                "acknowledged records were lost; the partition is offline"
            );
            return None;
        }
        let (dir, opened) = match found {
            Some(found) => {
                let dir = self.dirs[found.dir].clone();
                let recovered = &found.recovered;
                let opened = open_log(&dir.storage, &found.path, key, settings, recovered).await;
                if let Ok((log, _)) = &opened {
                    if !found.recorded
                        && let Err(error) = log.sync().await
                    {
                        tracing::error!(topic = %topic.name, %error, "folder not made durable");
                        return None;
                    }
                    self.checkpointer(&dir).add(log, found.high_watermark);
                }
                (dir, opened.map(|(log, _)| log))
            }
            None => {
                let dir = self.emptiest_dir();
                let path = dir.path.join(folder_name(&topic.name, key.partition));
                let created = Log::create(&dir.storage, &path, key, settings).await;
                if let Ok(log) = &created
                    && let Err(error) = self.checkpointer(&dir).add_new(log)
                {
                    tracing::error!(topic = %topic.name, %error, "creation not journaled");
                    return None;
                }
                (dir, created)
            }
        };
        match opened {
            Ok(log) => {
                let name = topic.name.clone();
                let partition = Partition::new(key, name, dir, log, config);
                self.partitions.borrow_mut().insert(key, partition.clone());
                Some(partition)
            }
            Err(error) => {
                tracing::error!(
                    topic = %topic.name, partition = key.partition, %error,
                    "the partition cannot be opened and is offline"
                );
                None
            }
        }
    }

    /// The log dir of this shard with the fewest of its partitions, the first on a tie.
    fn emptiest_dir(&self) -> Rc<LogDir> {
        let mut counts = vec![0; self.dirs.len()];
        for partition in self.partitions.borrow().values() {
            let place = self
                .dirs
                .iter()
                .position(|dir| Rc::ptr_eq(dir, &partition.dir));
            counts[place.unwrap_or_default()] += 1;
        }
        let emptiest = (0..counts.len())
            .filter(|index| self.dirs[*index].journal.failed().is_none())
            .min_by_key(|index| counts[*index]);
        self.dirs[emptiest.unwrap_or_default()].clone()
    }

    async fn drop_topic(self: &Rc<Self>, topic: &Arc<TopicImage>) {
        for index in 0..topic.partitions.len() {
            let key = PartitionKey {
                topic: topic.id,
                partition: index as i32,
            };
            let Some(partition) = self.partitions.borrow_mut().remove(&key) else {
                continue;
            };
            partition.resign();
            self.checkpointer(&partition.dir).remove(key);
            let noted = partition.dir.journal.note(Entry::Drop { key });
            if let Err(error) = noted {
                tracing::warn!(%error, topic = %topic.name, "deletion not journaled");
            }
            if let Err(error) = partition
                .log
                .delete(u128::from(self.runtime.random()))
                .await
            {
                tracing::warn!(%error, topic = %topic.name, "folder not removed");
            }
        }
    }
}

/// Finds partition folders and whose they are. Folders that name no topic id are left alone.
async fn find_folders(
    runtime: &Runtime,
    index: usize,
    dir: &DirPlan,
    found: &mut Map<PartitionKey, FoundFolder>,
) -> Result<(), Errno> {
    for entry in runtime.list_directory(&dir.path).await? {
        if !entry.is_directory {
            continue;
        }
        let FolderName::Partition { partition, .. } = FolderName::parse(&entry.name) else {
            continue;
        };
        let path = dir.path.join(&entry.name);
        let metadata = path.join("partition.metadata");
        let Ok(text) = runtime
            .read_file(&metadata, PARTITION_METADATA_BYTES_MAX)
            .await
        else {
            continue;
        };
        let topic = std::str::from_utf8(&text)
            .ok()
            .and_then(parse_partition_metadata);
        if let Some(topic) = topic {
            let key = PartitionKey { topic, partition };
            let recovered = dir.recovered.clone();
            let record = dir.recovered.record(key);
            let high_watermark = record.map_or(Offset(-1), |record| record.high_watermark);
            let refused = record.is_some_and(|record| record.refused);
            found.insert(
                key,
                FoundFolder {
                    dir: index,
                    path,
                    recovered,
                    high_watermark,
                    refused,
                    recorded: record.is_some(),
                },
            );
        }
    }
    Ok(())
}

fn journal_settings(config: &BrokerConfig, shards: u16, dirs: usize) -> JournalSettings {
    JournalSettings {
        file_bytes_first: config.journal.file_bytes_min,
        file_bytes_max: config.journal.file_bytes_max,
        files_max: config.journal.files_max as usize,
        journals: u64::from(shards) * dirs as u64,
        ..JournalSettings::default()
    }
}
