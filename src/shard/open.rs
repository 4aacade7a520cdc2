//! Opening a shard, and following the image: partitions come, change and go.
//!
//! Room:       `shard`.
//! Called by:  `broker::member`, at the start and whenever metadata changed.
//! Calls:      `journal`, `log`, `partition`.
//! Never:      deletes a folder that no image has disowned.

use super::background::Background;
use super::checkpointer::Checkpointer;
use super::configs::expiration_ms;
use super::coordinators::{Coordinators, is_coordinated};
use super::folders::{Found, FoundFolder, find};
use super::recovery::{open_log, remedy, tell_all};
use super::shares::Shares;
use super::{Plan, Shard, ShardError, owner};
use crate::config::BrokerConfig;
use crate::ids::{Offset, PartitionKey, ShardId};
use crate::journal::{Entry, Journal, JournalError, JournalSettings};
use crate::log::layout::folder_name;
use crate::log::{Log, LogError, LogStorage, OpenReport, StorageSettings};
use crate::map::Map;
use crate::metadata::{Image, PartitionImage, TopicImage, changed_topics};
use crate::partition::{LogDir, Partition, TopicSettings};
use crate::runtime::sync::{Queue, Turn};
use crate::runtime::{Pace, Runtime};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A partition to open or to create.
struct Missing {
    key: PartitionKey,
    topic: Arc<TopicImage>,
    settings: Rc<TopicSettings>,
    /// Index of its log dir.
    dir: usize,
    found: Option<FoundFolder>,
    /// What a checkpoint knew of it, though no folder is its: where it began and ended.
    gone: Option<Gone>,
}

/// A partition whose folder is gone.
struct Gone {
    log_start: Offset,
    end: Offset,
    refused: bool,
}

/// Partitions that are opened at the same time at the start: each waits for the disk mostly.
const AT_ONCE: usize = 64;

/// The same, or removed, while the shard serves. The kernel makes and removes folders on threads of
/// its own, which take the shards' cores (`made` in `perf/limits.md`).
const AT_ONCE_SERVING: usize = 8;

/// How often a folder that found no room is tried again.
const RETRY_NO_SPACE: Duration = Duration::from_secs(1);

/// How often files that nobody uses are looked for: half a wake-up a second of an idle shard.
const UNUSED_LOOK: Duration = Duration::from_secs(2);

impl Shard {
    /// Starts the journals, finds the folders, opens what the image says this shard owns.
    pub async fn open(
        runtime: &Runtime,
        id: ShardId,
        shards: u16,
        config: &Arc<BrokerConfig>,
        plan: Plan,
    ) -> Result<Rc<Shard>, ShardError> {
        let memory = config.memory_shares(shards);
        let slabs = crate::journal::SlabBudget::new(memory.slab_bytes);
        let mut dirs = Vec::new();
        let mut checkpointers = Vec::new();
        let mut found = Found::default();
        for (index, dir) in plan.dirs.iter().enumerate() {
            let failed = |reason: &dyn std::fmt::Display| {
                ShardError(format!("{}: {reason}", dir.path.display()))
            };
            let journal = Journal::start(
                runtime,
                &dir.path,
                id,
                dir.recovered.incarnation,
                journal_settings(config, shards, plan.dirs.len(), &slabs),
            )
            .await
            .map_err(|error| failed(&error))?;
            let settings = StorageSettings::default();
            let settings = StorageSettings {
                hot_bytes: memory.hot_bytes.min(settings.hot_bytes),
                cache_bytes: memory.cache_bytes,
                producer_expiration_ms: expiration_ms(config),
                ..settings
            };
            let storage = LogStorage::new(runtime, &dir.path, settings);
            let owns = |key| owner(key, shards) == id;
            find(runtime, (index, dir), &plan.image, owns, &mut found)
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
            following: Turn::new(),
            partitions: RefCell::new(Map::default()),
            dirs,
            checkpointers,
            found: RefCell::new(found),
            lost: RefCell::default(),
            offline: RefCell::default(),
            failures: Queue::new(),
            coordinators: Coordinators::default(),
            shares: Shares::default(),
            moves: super::moves::Moves::default(),
            background: Background::default(),
        });
        shard.settle_twins().await;
        shard.set_nameless_aside(&plan.image).await;
        shard.follow(plan.image).await;
        shard.take_up_moves().await;
        shard.set_strays_aside().await;
        shard.remove_deleted();
        for dir in &shard.dirs {
            shard.clone().follow_journal(dir.clone());
        }
        let background = shard.background.clone();
        background.start(runtime, shard.clone().retain(background.clone()));
        background.start(runtime, shard.clone().clean(background.clone()));
        background.start(runtime, shard.clone().close_unused(background.clone()));
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
                        .filter(|partition| Rc::ptr_eq(&partition.dir(), &dir))
                        .for_each(|partition| partition.go_offline(errno));
                    self.failures.push((dir.path.clone(), errno));
                    return;
                }
                dir.journal.progress().after(seen).await;
            }
        });
    }

    /// A cold partition holds no open file, whoever opened it.
    async fn close_unused(self: Rc<Self>, background: Background) {
        while background.pause(&self.runtime, UNUSED_LOOK).await {
            for dir in &self.dirs {
                dir.storage.close_unused();
            }
        }
    }

    /// Makes this shard's partitions what the image says. Returns when all of them are.
    pub async fn follow(self: &Rc<Self>, image: Arc<Image>) {
        let _turn = self.following.hold().await;
        let before = self.image();
        if image.offset < before.offset {
            return;
        }
        let at_once = match self.is_starting() {
            true => AT_ONCE,
            false => AT_ONCE_SERVING,
        };
        self.follow_configs(&before, &image);
        let (changed, removed) = changed_topics(&before, &image);
        // First those that go: one that comes may have the name of one that goes.
        let gone: Vec<_> = removed
            .into_iter()
            .flat_map(|topic| self.take_out(topic))
            .collect();
        let shard = self.clone();
        let runtime = &self.runtime;
        runtime
            .each(gone, at_once, move |gone| shard.clone().remove(gone))
            .await;
        let missing = self.missing(&image, &changed).await;
        let keys: Vec<PartitionKey> = missing.iter().map(|missing| missing.key).collect();
        let shard = self.clone();
        runtime
            .each(missing, at_once, move |missing| {
                shard.clone().open_partition(missing)
            })
            .await;
        let shut = keys
            .into_iter()
            .filter(|key| self.partition(*key).is_none());
        self.offline.borrow_mut().extend(shut);
        // A coordinator that begins while others are led must see what there is.
        *self.image.borrow_mut() = image.clone();
        let mut pace = self.runtime.pace();
        for topic in changed {
            self.follow_leaders(topic, &mut pace).await;
        }
        self.tell_seats(&image);
        self.tell_shares(&image);
    }

    /// Partitions of these topics that belong to this shard and are not open, each with the log
    /// dir it will be in.
    async fn missing(&self, image: &Image, topics: &[&Arc<TopicImage>]) -> Vec<Missing> {
        let mut pace = self.runtime.pace();
        let mut counts = self.partitions_by_dir();
        let is_starting = self.is_starting();
        let mut missing = Vec::new();
        for topic in topics {
            let settings = OnceCell::new();
            for (key, _) in self.placed_here(topic) {
                pace.step().await;
                if self.partition(key).is_some() || self.offline.borrow().contains(&key) {
                    continue;
                }
                let found = self.found.borrow_mut().partitions.remove(&key);
                if found.is_none() && is_starting && self.misses_a_dir() {
                    tracing::error!(
                        topic = %topic.name, partition = key.partition,
                        "the partition may lie in the log dir that failed; it is offline"
                    );
                    self.offline.borrow_mut().insert(key);
                    continue;
                }
                let dir = match &found {
                    Some(found) => found.dir,
                    None => self
                        .preferred_dir(&topic.name, key.partition)
                        .unwrap_or_else(|| self.emptiest_dir(&counts)),
                };
                counts[dir] += 1;
                let gone = match found {
                    Some(_) => None,
                    None => self.found.borrow().record(key).map(|record| Gone {
                        log_start: record.log_start,
                        end: record.recovery_point,
                        refused: record.refused,
                    }),
                };
                missing.push(Missing {
                    key,
                    topic: (*topic).clone(),
                    settings: settings
                        .get_or_init(|| self.topic_settings(image, &topic.name))
                        .clone(),
                    dir,
                    found,
                    gone,
                });
            }
        }
        missing
    }

    /// No image was followed yet.
    fn is_starting(&self) -> bool {
        self.image().offset == Image::default().offset
    }

    /// A log dir could not be used at the start: what lies there must not begin anew elsewhere.
    pub(super) fn misses_a_dir(&self) -> bool {
        self.dirs.len() < self.config().log_dirs.len()
    }

    /// The topic's partitions that this node has a replica of and this shard owns.
    pub(super) fn placed_here<'t>(
        &self,
        topic: &'t TopicImage,
    ) -> impl Iterator<Item = (PartitionKey, &'t PartitionImage)> {
        let node = self.config().node_id;
        let keys = topic.partitions.iter().enumerate().map(|(index, placed)| {
            let key = PartitionKey {
                topic: topic.id,
                partition: index as i32,
            };
            (key, placed)
        });
        keys.filter(move |(key, placed)| self.owns(*key) && placed.replicas.contains(&node))
    }

    async fn follow_leaders(self: &Rc<Self>, topic: &TopicImage, pace: &mut Pace) {
        let node = self.config().node_id;
        for (key, placed) in self.placed_here(topic) {
            pace.step().await;
            if let Some(partition) = self.partition(key) {
                self.follow_leadership(&partition, placed, node);
            }
        }
    }

    fn follow_leadership(
        self: &Rc<Self>,
        partition: &Rc<Partition>,
        placed: &PartitionImage,
        node: i32,
    ) {
        if placed.leader != node {
            self.leave_seat(partition.key);
            self.leave_shares(partition.key);
            partition.resign();
            return;
        }
        let epoch = placed.leader_epoch;
        if partition.leads() && partition.leader_epoch() == epoch {
            return;
        }
        let (dir, log) = (partition.dir(), partition.log());
        let key = partition.key;
        let start = log.log_end_offset();
        // After a clean stop the epoch goes on, and the log's checkpoint knows it.
        let is_known = log.latest_epoch().is_some_and(|known| known.epoch == epoch);
        let entry = Entry::EpochStart { key, epoch, start };
        if !is_known && let Err(error) = dir.journal.note(entry) {
            tracing::error!(%error, topic = %partition.topic, "cannot lead");
            return;
        }
        partition.lead(epoch);
        if is_coordinated(&partition.topic) {
            self.take_seat(partition);
        }
    }

    async fn open_partition(self: Rc<Self>, missing: Missing) {
        let Missing { key, topic, .. } = &missing;
        let dir = self.dirs[missing.dir].clone();
        let refused = missing.found.as_ref().is_some_and(|found| found.refused)
            || missing.gone.as_ref().is_some_and(|gone| gone.refused);
        if refused {
            let folder = dir.path.join(folder_name(&topic.name, key.partition));
            // Said as an error when it was found.
            tracing::warn!(
                topic = %topic.name, partition = key.partition, remedy = remedy(&folder),
                "acknowledged records were lost; the partition refuses"
            );
            return;
        }
        let opened = match &missing.found {
            Some(found) => self.open_found(&missing, found, &dir).await,
            None => self.create(&missing, &dir).await,
        };
        match opened {
            Ok(log) => {
                let name = topic.name.clone();
                let settings = missing.settings.clone();
                let partition = Partition::new(*key, name, dir, log, settings);
                self.partitions.borrow_mut().insert(*key, partition);
            }
            Err(LogError::NoSpace) => self.open_when_there_is_room(*key, dir),
            Err(error) => tracing::error!(
                topic = %topic.name, partition = key.partition, %error,
                "the partition cannot be opened and is offline"
            ),
        }
    }

    async fn open_found(
        &self,
        missing: &Missing,
        found: &FoundFolder,
        dir: &Rc<LogDir>,
    ) -> Result<Log, LogError> {
        let (key, settings) = (missing.key, missing.settings.log.clone());
        let recovered = &found.recovered;
        let (log, report) = open_log(&dir.storage, &found.path, key, settings, recovered).await?;
        if log.is_padded() {
            // A kill came before it was quiet, and nothing of it is in the journal any more.
            log.trim().await?;
        }
        if !found.recorded {
            log.sync().await?;
        }
        self.checkpointer(dir).add(&log, found.high_watermark);
        tell_all(&log, &report);
        if !report.damage.is_empty() {
            self.note_losses(&log, dir, &report)?;
        }
        Ok(log)
    }

    /// A replay must know where the log ends now, or it takes what is appended from there on for
    /// what the last checkpoint had; and the next checkpoint remembers what is lost.
    fn note_losses(
        &self,
        log: &Log,
        dir: &Rc<LogDir>,
        report: &OpenReport,
    ) -> Result<(), LogError> {
        let (key, end) = (log.key(), log.log_end_offset());
        let is_shorter = report.damage.iter().any(|loss| loss.range.from >= end);
        let entry = match is_shorter {
            true => Entry::Truncate { key, to: end },
            false => Entry::LogStart {
                key,
                to: log.log_start_offset(),
            },
        };
        self.lost.borrow_mut().push(key);
        dir.journal.note(entry).map_err(not_journaled)?;
        Ok(())
    }

    async fn create(&self, missing: &Missing, dir: &Rc<LogDir>) -> Result<Log, LogError> {
        let Missing { key, topic, .. } = missing;
        let path = dir.path.join(folder_name(&topic.name, key.partition));
        let log = loop {
            let settings = missing.settings.log.clone();
            match Log::create(&dir.storage, &path, *key, settings).await {
                Err(LogError::NoSpace) if self.checkpointer(dir).make_room().await => {}
                created => break created?,
            }
        };
        if let Some(gone) = &missing.gone
            && gone.end > Offset(0)
        {
            tracing::error!(
                folder = %path.display(), first_lost = gone.log_start.0,
                records = gone.end.0 - gone.log_start.0,
                "the folder of a partition is gone with all its records; it goes on behind them"
            );
            self.lost.borrow_mut().push(*key);
            log.truncate_fully(gone.end).await?;
        }
        let noted = self.checkpointer(dir).add_new(&log);
        noted.map_err(not_journaled)?;
        Ok(log)
    }

    /// Partitions that were found to have lost records since this was asked last: they must not
    /// serve in the leader epoch in which they had them.
    pub fn take_lost(&self) -> Vec<PartitionKey> {
        self.lost.take()
    }

    /// The topic was made while the disk had no room for its folder: again when it has.
    fn open_when_there_is_room(self: Rc<Self>, key: PartitionKey, dir: Rc<LogDir>) {
        let runtime = self.runtime.clone();
        runtime.clone().spawn(async move {
            while self.checkpointer(&dir).no_space() {
                runtime.sleep(RETRY_NO_SPACE).await;
            }
            // The image that had no room for it is followed to its end, and no other meanwhile.
            let _turn = self.following.hold().await;
            let image = self.image();
            let topic = image.topic_by_id(key.topic).cloned();
            let Some(topic) = topic.filter(|_| self.partition(key).is_none()) else {
                return;
            };
            let missing = Missing {
                key,
                topic: topic.clone(),
                settings: self.topic_settings(&image, &topic.name),
                dir: self.index_of(&dir),
                found: None,
                gone: None,
            };
            self.clone().open_partition(missing).await;
            if self.partition(key).is_some() {
                self.offline.borrow_mut().remove(&key);
                self.follow_leaders(&topic, &mut runtime.pace()).await;
            }
        });
    }

    /// How many of this shard's partitions are in each log dir.
    fn partitions_by_dir(&self) -> Vec<usize> {
        let mut counts = vec![0; self.dirs.len()];
        for partition in self.partitions.borrow().values() {
            let mut dirs = self.dirs.iter();
            let place = dirs.position(|dir| Rc::ptr_eq(dir, &partition.dir()));
            counts[place.unwrap_or_default()] += 1;
        }
        counts
    }

    /// The log dir with the fewest of this shard's partitions; on a tie shards begin with
    /// different ones.
    fn emptiest_dir(&self, counts: &[usize]) -> usize {
        let turn = |index: usize| (index + usize::from(self.id.0)) % counts.len();
        (0..counts.len())
            .filter(|index| self.dirs[*index].journal.failed().is_none())
            .min_by_key(|index| (counts[*index], turn(*index)))
            .unwrap_or_default()
    }

    /// This shard's partitions of a topic that is gone; from now on nobody finds them.
    fn take_out(&self, topic: &TopicImage) -> Vec<Rc<Partition>> {
        let mut partitions = self.partitions.borrow_mut();
        let indexes = 0..topic.partitions.len() as i32;
        let keys = indexes.map(|partition| PartitionKey {
            topic: topic.id,
            partition,
        });
        let mut offline = self.offline.borrow_mut();
        keys.inspect(|key| {
            offline.remove(key);
        })
        .filter_map(|key| partitions.remove(&key))
        .collect()
    }

    async fn remove(self: Rc<Self>, partition: Rc<Partition>) {
        let (key, topic) = (partition.key, &partition.topic);
        self.leave_seat(key);
        self.leave_shares(key);
        partition.resign();
        self.end_move(key).await;
        let dir = partition.dir();
        self.checkpointer(&dir).remove(key);
        if let Err(error) = dir.journal.note(Entry::Drop { key }) {
            tracing::warn!(%error, %topic, "deletion not journaled");
        }
        let unique = u128::from(self.runtime.random());
        if let Err(error) = partition.log().delete(unique).await {
            tracing::warn!(%error, %topic, "folder not removed");
        }
    }
}

/// A partition whose entry is not in the journal does not serve.
fn not_journaled(error: JournalError) -> LogError {
    match error {
        JournalError::Disk(errno) => LogError::Disk(errno),
        _ => LogError::Closed,
    }
}

/// A budget is at least so many slabs: one of them is often held by a few bytes of its own.
const SLABS_MIN: usize = 16;

/// The sizes of slabs; a smaller one would make small groups, a larger one gains nothing.
const SLAB_BYTES: std::ops::RangeInclusive<usize> = (64 << 10)..=(1 << 20);

fn journal_settings(
    config: &BrokerConfig,
    shards: u16,
    dirs: usize,
    slabs: &Arc<crate::journal::SlabBudget>,
) -> JournalSettings {
    let slab_bytes = slabs.bytes_max() / SLABS_MIN;
    let slab_bytes = slab_bytes.clamp(*SLAB_BYTES.start(), *SLAB_BYTES.end());
    let defaults = JournalSettings::default();
    JournalSettings {
        // A power of two, as the pool has them.
        slab_bytes: 1 << slab_bytes.ilog2(),
        queued_bytes_max: defaults.queued_bytes_max.min(slabs.bytes_max() / 2),
        budget: Some(slabs.clone()),
        file_bytes_first: config.journal.file_bytes_min,
        file_bytes_max: config.journal.file_bytes_max,
        files_max: config.journal.files_max as usize,
        journals: u64::from(shards) * dirs as u64,
        ..defaults
    }
}
