//! Recovery of a log dir: journals into segments, then one rename, then nothing is left to replay.
//!
//! Room:       `shard`.
//! Called by:  the broker's start, for each log dir, before any shard of it is opened.
//! Calls:      `journal` (what was found), `log` (open, append, flush, sync), `checkpoint_file`.
//! Never:      consults metadata, runs beside a writing shard, or skips a loss in silence.
//!
//! What cannot be brought back is told, and the partitions it concerns refuse until a person has
//! decided (`ottla storage accept-loss`); all others serve.
//!
//!   1. saved blocks go back into segments: a torn rewrite of a last block is undone
//!   2. each partition with entries is opened at its recovery point, and entries follow in order;
//!      a batch must begin where the log ends
//!   3. segments are flushed and synced
//!   4. the base checkpoint of the next incarnation is renamed into place: from here on every
//!      journal is void
//!
//! Interrupted before 4 it is done again from the start: recovery points have not moved, and
//! every step gives the same bytes. Journals of several shards are independent, for a partition
//! belongs to one shard from one recovery to the next.

pub use super::recovery_error::RecoveryError;
pub use accept::{Refused, accept_loss, refused, set_aside};
pub(super) use folder::topic_of;
pub use kafkas::tell_log_starts;
pub use loss::{remedy, tell_all};
mod accept;
mod folder;
mod kafkas;
mod loss;
mod member;
#[cfg(test)]
mod tests;

use super::checkpoint_file::{Checkpoints, Encoder, Record, base_path};
use super::owner;
use crate::config::BrokerConfig;
use crate::ids::{GroupSequence, Offset, PartitionKey, ShardId};
use crate::io::{Errno, OpenOptions, Slice};
use crate::journal::{self, Entry, Found, Incarnation};
use crate::log::layout::{
    FileKind, PARTITION_METADATA_FILE, format_partition_metadata, segment_path,
};
use crate::log::{
    Epochs, Known, Log, LogError, LogSettings, LogStorage, OpenReport, StorageSettings,
};
use crate::map::{Map, Set};
use crate::runtime::{Runtime, ballast};
use folder::is_folder_of;
use member::Member;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// What recovery found out about one log dir. Cheap to clone; crosses threads.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The incarnation that the journals of this log dir start with now.
    pub incarnation: Incarnation,
    /// The last stop was not clean: leader epochs must rise before anything is served.
    pub unclean: bool,
    records: Arc<Map<PartitionKey, Record>>,
}

/// Bytes in memory from which a replay writes segments before it reads on.
const UNFLUSHED_MAX: u64 = 32 << 20;
/// One part in so many of the broker's memory is for what is kept of journals meanwhile.
const KEPT_SHARE: u64 = 4;
/// Logs of a log dir that are all looked at when they are opened.
const LOOKED_AT_MAX: usize = 1000;
/// Logs that are written or made durable at the same time.
const AT_ONCE: usize = 32;
/// Why partitions refuse whose entries were in a group that is lost.
const LOST_GROUP: &str = "its journal lost a group";

impl Recovered {
    /// What is known of a partition's log before it is opened.
    pub fn known(&self, key: PartitionKey) -> Known {
        match self.records.get(&key) {
            Some(record) => record.known(!self.unclean),
            None => Known {
                clean: false,
                ..Known::default()
            },
        }
    }

    pub fn record(&self, key: PartitionKey) -> Option<&Record> {
        self.records.get(&key)
    }

    /// All of them, for what a folder's name tells.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// Whether a log is opened by its record alone: nothing is in it, or there are so many that
    /// looking at each would take too long.
    fn trusts(&self, known: &Known) -> bool {
        known.whole && (known.closed.is_empty() || self.records.len() > LOOKED_AT_MAX)
    }

    /// Acknowledged records of it were lost: it answers KAFKA_STORAGE_ERROR.
    pub fn is_refused(&self, key: PartitionKey) -> bool {
        self.records.get(&key).is_some_and(|record| record.refused)
    }
}

/// Opens a log after its log dir was recovered. What the report says is to be told.
pub async fn open_log(
    storage: &LogStorage,
    path: &Path,
    key: PartitionKey,
    settings: impl Into<Rc<LogSettings>>,
    recovered: &Recovered,
) -> Result<(Log, OpenReport), LogError> {
    let settings = settings.into();
    let known = recovered.known(key);
    if recovered.trusts(&known)
        && let Some(log) = Log::trust(storage, path, key, settings.clone(), &known).await?
    {
        return Ok((log, OpenReport::default()));
    }
    let (log, mut report) = Log::open(storage, path, key, settings, known).await?;
    // Recovery left the log ending where its record says. What is behind that was never synced,
    // or was cut off and the cut was not synced: it must not come back, whole or damaged.
    if let Some(record) = recovered.record(key) {
        let end = record.recovery_point;
        if log.log_end_offset() > end {
            log.truncate(end).await?;
        }
        // A cut above was nobody's; one below is a loss of everything up to the end.
        report.cut = None;
        report.damage.retain(|loss| loss.range.from < end);
        report.damage.extend(log.lost_end(end));
        log.end_replay();
    }
    Ok((log, report))
}

/// Replays all journals of `dir` into segments; afterwards they are void.
pub async fn recover(
    runtime: &Runtime,
    dir: &Path,
    config: &BrokerConfig,
) -> Result<Recovered, RecoveryError> {
    let settings = LogSettings::of_topic(&config.topic_defaults);
    recover_with(runtime, dir, settings, config.memory_bytes / KEPT_SHARE).await
}

/// As `recover`; topics' own settings are not known yet, so segments roll by these. Of what is read
/// of journals, `kept_bytes` are kept and not read again.
pub async fn recover_with(
    runtime: &Runtime,
    dir: &Path,
    settings: LogSettings,
    kept_bytes: u64,
) -> Result<Recovered, RecoveryError> {
    let checkpoints = Checkpoints::load(runtime, dir).await?;
    let mut since = checkpoints.incarnation;
    let newest = journal::newest(runtime, dir).await?;
    if newest > since {
        tracing::error!(
            dir = %dir.display(),
            "the base checkpoint was lost; segments are looked at from their start instead"
        );
        since = newest;
    }
    let began = runtime.now();
    let found = Found::all(runtime, dir, since, kept_bytes).await?;
    let scanned = runtime.now();
    let unclean = checkpoints.damaged
        || newest > checkpoints.incarnation
        || found.iter().any(|journal| !journal.clean);
    let mut known = checkpoints.records;
    let was_kafkas = !unclean && kafkas::had(runtime, dir).await;
    if was_kafkas {
        known.clear();
    }
    let shards = found.iter().map(|journal| journal.shard.0 + 1).max();
    let mut replay = Replay {
        runtime: runtime.clone(),
        shards: shards.unwrap_or(1),
        dir: dir.to_owned(),
        settings: Rc::new(settings),
        storage: LogStorage::new(runtime, dir, StorageSettings::default()),
        records: known,
        members: BTreeMap::new(),
        dropped: Set::default(),
        shut: Set::default(),
        refused: false,
        folders: None,
    };
    for journal in &found {
        replay.journal(journal).await?;
    }
    if was_kafkas {
        replay.begin_as_kafkas().await?;
    }
    let replayed = runtime.now();
    let (records, refused) = replay.finish().await?;
    if unclean {
        tracing::info!(
            dir = %dir.display(), scan = ?scanned.since(began), replay = ?replayed.since(scanned),
            sync = ?runtime.now().since(replayed),
            "the last stop was not clean; what the journal held is in segments now"
        );
    }
    let incarnation = Incarnation(since.0 + 1);
    let mut encoder = Encoder::new(incarnation);
    let mut sorted: Vec<&Record> = records.values().collect();
    sorted.sort_unstable_by_key(|record| record.key);
    sorted.into_iter().for_each(|record| encoder.push(record));
    runtime
        .replace_file(&base_path(dir), encoder.finish())
        .await?;
    // From here on nothing is replayed again; what follows only tidies up.
    for journal in found.iter().filter(|journal| !journal.clean) {
        if refused || !journal.damage.is_empty() {
            journal.set_aside(runtime).await?;
        }
    }
    for path in checkpoints.shard_files {
        runtime.unlink(&path).await?;
    }
    if was_kafkas {
        kafkas::forget(runtime, dir).await?;
    }
    Ok(Recovered {
        incarnation,
        unclean,
        records: Arc::new(records),
    })
}

/// Removes the void journals, and the ballast, of shards that do not exist any more, and future
/// replicas that are nobody's. Only after `recover`.
pub async fn remove_surplus(runtime: &Runtime, dir: &Path, shards: u16) -> Result<(), Errno> {
    super::moves::remove_nameless(runtime, dir).await?;
    for shard in journal::shards_in(runtime, dir).await? {
        if shard >= ShardId(shards) {
            journal::remove(runtime, dir, shard).await?;
        }
    }
    let is_gone = |owner: &str| owner.parse().is_ok_and(|shard: u16| shard >= shards);
    ballast::remove(runtime, dir, is_gone).await
}

/// A recovery under way.
struct Replay {
    runtime: Runtime,
    dir: PathBuf,
    settings: Rc<LogSettings>,
    storage: LogStorage,
    records: Map<PartitionKey, Record>,
    members: BTreeMap<PartitionKey, Member>,
    /// How many shards wrote these journals: that tells whose partitions are whose.
    shards: u16,
    /// Deleted partitions: their ids never come back.
    dropped: Set<PartitionKey>,
    /// Partitions that cannot be opened, or have no folder: their entries go nowhere.
    shut: Set<PartitionKey>,
    /// A partition refuses that did not before.
    refused: bool,
    /// Folders of partitions no checkpoint names; listed once, when first asked.
    folders: Option<Map<PartitionKey, String>>,
}

/// What must be known of a partition before its log is opened.
#[derive(Default)]
struct Notes {
    /// Lowest offset it was ever cut to, and by which group.
    cut: Option<(Offset, GroupSequence)>,
    folder: Option<String>,
}

impl Replay {
    async fn journal(&mut self, found: &Found) -> Result<(), RecoveryError> {
        if found.clean {
            return Ok(());
        }
        let notes = self.notes(found).await?;
        let refused = self.damage(found).await?;
        let mut groups = found.replay(&self.runtime);
        let mut bytes = 0;
        while let Some(group) = groups.next().await? {
            for (entry, slice) in group.entries() {
                let key = entry.key();
                if self.dropped.contains(&key) || self.shut.contains(&key) {
                    continue;
                }
                if matches!(entry, Entry::Block { .. } | Entry::Drop { .. })
                    || self.is_early(key, group.sequence)
                {
                    continue;
                }
                if !self.members.contains_key(&key) {
                    self.open(key, notes.get(&key)).await?;
                }
                let Some(member) = self.members.get_mut(&key) else {
                    continue;
                };
                if refused.get(&key).is_some_and(|at| group.sequence >= *at) {
                    member.refuse(LOST_GROUP);
                }
                bytes += slice.len() as u64;
                member.apply(group.sequence, entry, slice).await?;
            }
            if bytes > UNFLUSHED_MAX {
                bytes = 0;
                self.flush().await?;
            }
        }
        for key in refused.into_keys() {
            match self.members.get_mut(&key) {
                Some(member) => member.refuse(LOST_GROUP),
                None => self.refuse(key, LOST_GROUP).await?,
            }
        }
        Ok(())
    }

    /// Entries of this group are in the partition's segments, or in its record.
    fn is_early(&self, key: PartitionKey, group: GroupSequence) -> bool {
        let record = self.records.get(&key);
        record.is_some_and(|record| group < record.replay_from)
    }

    /// First pass: blocks go back, cuts and deletions are known before the first log is opened.
    async fn notes(&mut self, found: &Found) -> Result<Map<PartitionKey, Notes>, RecoveryError> {
        let mut notes: Map<PartitionKey, Notes> = Map::default();
        let mut blocks = Vec::new();
        for (sequence, entry, slice) in found.notes() {
            let key = entry.key();
            if self.is_early(key, sequence) {
                continue;
            }
            let note = notes.entry(key).or_default();
            match entry {
                Entry::Truncate { to, .. } => match note.cut {
                    Some((lowest, _)) if lowest < to => {}
                    _ => note.cut = Some((to, sequence)),
                },
                Entry::Block {
                    segment, position, ..
                } => blocks.push((key, segment, position, slice)),
                Entry::Create { folder, .. } => {
                    note.folder = std::str::from_utf8(folder).ok().map(str::to_owned);
                }
                Entry::Drop { .. } => {
                    self.dropped.insert(key);
                    self.records.remove(&key);
                }
                _ => {}
            }
        }
        for (key, segment, position, bytes) in blocks {
            if !self.dropped.contains(&key)
                && let Some(folder) = self.folder(key, made_as(&notes, key)).await?
            {
                let path = segment_path(&self.dir.join(folder), segment, FileKind::Log);
                self.restore(&path, u64::from(position), bytes).await?;
            }
        }
        Ok(notes)
    }

    /// Puts back what the last block of a segment held before it was written again.
    async fn restore(&self, path: &Path, position: u64, bytes: Slice) -> Result<(), Errno> {
        let options = OpenOptions {
            write: true,
            ..OpenOptions::default()
        };
        let file = match self.runtime.open(path, options).await {
            Ok(file) => file,
            // Deleted by retention since.
            Err(Errno::NO_ENTRY) => return Ok(()),
            Err(errno) => return Err(errno),
        };
        if file.length_at_open < position {
            return Ok(());
        }
        let end = bytes.len();
        let there = crate::io::Buffer::with_room(end);
        let (there, result) = file.read(position, there).await;
        if result.is_ok() && there.filled().get(..end) == Some(&bytes[..]) {
            return Ok(());
        }
        file.write(position, vec![bytes], false).await?;
        file.sync().await
    }

    /// Partitions that lost acknowledged entries, each with the first group that is lost to it.
    async fn damage(
        &mut self,
        found: &Found,
    ) -> Result<BTreeMap<PartitionKey, GroupSequence>, RecoveryError> {
        let mut refused: BTreeMap<PartitionKey, GroupSequence> = BTreeMap::new();
        for damage in &found.damage {
            let keys = match &damage.keys {
                Some(keys) => keys.clone(),
                // Whose it was is unknown, so it was everybody's of that shard.
                None => self.partitions_of(found.shard).await?,
            };
            let place = damage.place.as_ref();
            let place = place.map(|(path, at)| format!("{} at byte {at}", path.display()));
            tracing::error!(
                dir = %self.dir.display(),
                shard = found.shard.0,
                group = damage.sequence.0,
                place = place.as_deref().unwrap_or("nowhere"),
                partitions = keys.len(),
                "the journal lost an acknowledged group; the partitions in it refuse"
            );
            for key in keys {
                if !self.dropped.contains(&key) && !self.is_early(key, damage.sequence) {
                    refused.entry(key).or_insert(damage.sequence);
                }
            }
        }
        Ok(refused)
    }

    /// All partitions that a shard had, those made since the last checkpoint too.
    async fn partitions_of(&mut self, shard: ShardId) -> Result<Vec<PartitionKey>, Errno> {
        let mut keys: Set<PartitionKey> = self.records.keys().copied().collect();
        keys.extend(self.folders().await?.keys());
        let mut keys: Vec<PartitionKey> = keys.into_iter().collect();
        keys.retain(|key| owner(*key, self.shards) == shard);
        keys.sort_unstable();
        Ok(keys)
    }

    /// A partition that has no log to replay into: it is kept as it is, and refuses.
    async fn refuse(&mut self, key: PartitionKey, reason: &str) -> Result<(), RecoveryError> {
        self.shut.insert(key);
        let folder = match self.records.get(&key) {
            Some(record) if record.refused => return Ok(()),
            Some(record) => record.folder.clone(),
            None => match self.folder(key, None).await? {
                Some(folder) => folder,
                None => return Ok(()),
            },
        };
        let record = self.records.entry(key).or_insert_with(|| Record {
            key,
            folder,
            recovery_point: Offset(0),
            replay_from: GroupSequence(0),
            log_start: Offset(0),
            high_watermark: Offset(-1),
            epochs: Epochs::new(),
            producers: SmallVec::new(),
            refused: true,
            closed: Vec::new(),
            whole: false,
            damage: Vec::new(),
        });
        record.refused = true;
        self.refused = true;
        let path = self.dir.join(&record.folder);
        tracing::error!(
            folder = %path.display(), first_lost = record.recovery_point.0,
            remedy = remedy(&path), "{reason}; the partition refuses"
        );
        Ok(())
    }

    async fn open(
        &mut self,
        key: PartitionKey,
        notes: Option<&Notes>,
    ) -> Result<(), RecoveryError> {
        let record = self.records.get(&key);
        let mut known = record.map_or_else(Known::default, |record| record.known(false));
        let mut cut = None;
        if let Some((to, sequence)) = notes.and_then(|notes| notes.cut)
            && to < known.recovery_point
        {
            // Everything the journal has from before that cut was cut off by it. The producers of
            // the checkpoint knew more than what is left.
            known.recovery_point = to;
            known.producers = None;
            // What lay behind is gone for good; a segment that ends above may have been cut.
            let bases = known.closed.iter().map(|(base, _)| *base);
            let ends = bases.skip(1).take_while(|end| *end <= to).count();
            known.closed.truncate(ends);
            cut = Some((sequence, to));
        }
        let refused = record.is_some_and(|record| record.refused);
        let recovery_point = known.recovery_point;
        let named = notes.and_then(|notes| notes.folder.clone());
        // All there ever was is in the journal then: a folder whose name was lost is made again.
        let blank = record.filter(|record| record.recovery_point == Offset(0));
        let named = named.or_else(|| blank.map(|record| record.folder.clone()));
        let (folder, exists) = match (self.folder(key, named.as_deref()).await?, named) {
            (Some(folder), _) => (folder, true),
            (None, Some(folder)) if is_folder_of(&folder, key) => (folder, false),
            (None, _) => {
                tracing::error!(
                    dir = %self.dir.display(), topic_id = %key.topic, partition = key.partition,
                    "the journal has records of a partition whose folder is gone"
                );
                self.shut.insert(key);
                return Ok(());
            }
        };
        let path = self.dir.join(&folder);
        if exists && notes.is_some_and(|notes| notes.folder.is_some()) {
            // Made since the last checkpoint: a kill left it readable, not durable.
            let metadata = format_partition_metadata(key.topic).into_bytes();
            let file = path.join(PARTITION_METADATA_FILE);
            self.runtime.replace_file(&file, metadata).await?;
        }
        let opened = if exists {
            Log::open(&self.storage, &path, key, self.settings.clone(), known).await
        } else {
            // The power went before its name was durable; its records were.
            let created = Log::create(&self.storage, &path, key, self.settings.clone()).await;
            created.map(|log| (log, OpenReport::default()))
        };
        let (log, report) = match opened {
            Ok(opened) => opened,
            Err(error @ LogError::NoSpace) => {
                return Err(RecoveryError::Log {
                    folder: path,
                    error,
                });
            }
            // One partition's files: the others of the log dir do not depend on them.
            Err(error) => {
                return self
                    .refuse(key, &format!("cannot be opened: {error}"))
                    .await;
            }
        };
        tracing::debug!(
            folder,
            log_end = log.log_end_offset().0,
            recovery_point = recovery_point.0,
            ?cut,
            ?report,
            "replaying"
        );
        self.members.insert(
            key,
            Member {
                log,
                folder,
                recovery_point,
                cut,
                started: false,
                report,
                refused,
                reason: None,
                promised: recovery_point,
            },
        );
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), RecoveryError> {
        self.each(|log| async move { log.flush().await.map(drop) })
            .await
    }

    /// Does something with all logs, some at a time: most of it is waiting for the disk.
    async fn each<W>(&self, work: impl Fn(Log) -> W + 'static) -> Result<(), RecoveryError>
    where
        W: Future<Output = Result<(), LogError>> + 'static,
    {
        let logs = self.members.values().map(|member| member.log.clone());
        let done = self.runtime.each(logs.collect(), AT_ONCE, work).await;
        for (member, done) in self.members.values().zip(done) {
            done.map_err(|error| member.failed(error))?;
        }
        Ok(())
    }

    /// Everything into synced segments; the records of the next base, and whether a partition
    /// had to be refused that was not before.
    async fn finish(mut self) -> Result<(Map<PartitionKey, Record>, bool), RecoveryError> {
        self.flush().await?;
        for (key, member) in &mut self.members {
            let end = member.recovery_point;
            let is_known = self.records.contains_key(key);
            if is_known && !member.started && member.log.log_end_offset() > end {
                // As in `open_log`: no batch of it is in the journal, so none counts.
                let cut = member.log.truncate(end).await;
                cut.map_err(|error| member.failed(error))?;
            }
            member.tell();
            member.log.end_replay();
            let before = self.records.get(key).is_some_and(|record| record.refused);
            self.refused |= member.refused && !before;
        }
        self.each(|log| async move {
            log.trim().await?;
            log.sync().await
        })
        .await?;
        for (key, member) in &self.members {
            self.records.insert(*key, member.record(*key));
        }
        // The names of folders made again.
        self.runtime.sync_directory(&self.dir).await?;
        for record in self.records.values_mut() {
            // Groups of the next incarnation begin anew.
            record.replay_from = GroupSequence(0);
        }
        Ok((self.records, self.refused))
    }
}

/// What the journal calls the folder that was made for a partition.
fn made_as(notes: &Map<PartitionKey, Notes>, key: PartitionKey) -> Option<&str> {
    notes.get(&key).and_then(|notes| notes.folder.as_deref())
}
