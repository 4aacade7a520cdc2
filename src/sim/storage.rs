//! Storage under power cuts and kills: journal, log, checkpoints and recovery as one.
//!
//! Room:       `sim`.
//! Called by:  tests and `ottla-sim`.
//! Calls:      `journal`, `log`, `shard::{checkpointer, recovery}` behind a world's door.
//! Never:      looks at bytes on the disk: only at what a reader would be served.
//!
//! One machine lives many times. Each life has its own number of shards, appends to partitions at
//! both levels, moves log starts, cuts logs, creates and deletes partitions, lets checkpoints
//! run, and ends by a kill, a power cut or a clean stop. The model is a list of batches and where
//! each was journaled.
//!
//! What must hold after each recovery, for every partition:
//!   - what it serves is a prefix of what was appended in its life and recovered before it,
//!   - with everything in it whose group had reached the written mark (kill) or the synced mark
//!     (power cut), and whatever log start and cut had been made durable,
//!   - nothing else: no stale batch, no torn one, no gap; its producers know the same.

use super::clock::{MILLISECOND, Nanos};
use super::seed::Rng;
use super::storage_model::{Batch, Model, batch};
use super::world::{MachineId, World};
use crate::ids::{
    GroupSequence, LeaderEpoch, Offset, PartitionKey, RequiredMark, ShardId, TopicId,
};
use crate::journal::{Entry, Journal, JournalSettings, SyncMethod};
use crate::log::layout::folder_name;
use crate::log::{BatchInfo, Log, LogSettings, LogStorage, StorageSettings};
use crate::runtime::Runtime;
use crate::shard::checkpointer::Checkpointer;
use crate::shard::recovery::{Recovered, open_log, recover_with, remove_surplus};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub lives: u64,
    pub steps: u64,
}

/// What a run came to, so that it is seen to have done something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub batches: u64,
    /// Batches whose required mark was reached before their life ended.
    pub acknowledged: u64,
    pub recovered: u64,
    pub laps: u64,
    pub lives: u32,
    pub simulated: Nanos,
    pub trace: u64,
}

/// Runs one seed; panics where a promise is broken.
pub fn run(seed: u64, size: Size) -> Verdict {
    let world = World::new(seed);
    let machine = world.machine();
    world.make_directory(machine, DIR);
    let mut scenario = Scenario {
        rng: world.fork_rng(),
        world,
        machine,
        partitions: BTreeMap::new(),
        topic_next: 1,
        power_was_cut: false,
        verdict: Verdict::default(),
    };
    for _ in 0..size.lives {
        scenario.live(size.steps, ENDS);
    }
    // Cut, and cut again right after what the first one left was recovered; the last life looks.
    for steps in [size.steps / 4, 0, 0] {
        scenario.live(steps, &[(1, End::PowerCut)]);
    }
    scenario.verdict.trace = scenario.world.trace();
    scenario.verdict.simulated = scenario.world.now();
    scenario.verdict
}

/// A replay reads again what does not fit.
const KEPT_BYTES: u64 = 64 << 10;
const DIR: &str = "/data";

struct Scenario {
    world: World,
    machine: MachineId,
    rng: Rng,
    partitions: BTreeMap<PartitionKey, Model>,
    topic_next: u8,
    /// Since the last life served: what was only written has no promise left.
    power_was_cut: bool,
    verdict: Verdict,
}

/// One process.
struct Life {
    runtime: Runtime,
    journals: Vec<Journal>,
    checkpointers: Vec<Checkpointer>,
    storages: Vec<LogStorage>,
    logs: BTreeMap<PartitionKey, Log>,
    settings: LogSettings,
}

impl Drop for Life {
    /// Its tasks hold each other.
    fn drop(&mut self) {
        self.runtime.abandon();
    }
}

impl Life {
    fn wait<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        self.runtime.block_on(future)
    }

    fn sleep(&self, nanos: u64) {
        let runtime = self.runtime.clone();
        self.wait(async move { runtime.sleep(Duration::from_nanos(nanos)).await });
    }
}

#[derive(Clone, Copy)]
enum Step {
    Append,
    Burst,
    Pause,
    Sleep,
    MoveStart,
    Cut,
    Create,
    Drop,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    PowerCut,
    Stop,
}

const STEPS: &[(u32, Step)] = &[
    (50, Step::Append),
    (4, Step::Burst),
    (30, Step::Pause),
    (4, Step::Sleep),
    (3, Step::MoveStart),
    (2, Step::Cut),
    (2, Step::Create),
    (1, Step::Drop),
];

const ENDS: &[(u32, End)] = &[(2, End::Kill), (3, End::PowerCut), (1, End::Stop)];

impl Scenario {
    fn live(&mut self, steps: u64, ends: &[(u32, End)]) {
        self.verdict.lives += 1;
        let shards = 1 + self.rng.below(3) as usize;
        let life = self.start(shards);
        for _ in 0..steps {
            match self.rng.choose(STEPS) {
                Step::Append => self.append(&life, 1),
                Step::Burst => {
                    let count = 5 + self.rng.below(60);
                    self.append(&life, count);
                }
                Step::Pause => life.sleep(self.rng.below(300_000)),
                Step::Sleep => life.sleep(self.rng.below(3_000) * MILLISECOND),
                Step::MoveStart => self.move_start(&life),
                Step::Cut => self.cut(&life),
                Step::Create => self.create_in(&life),
                Step::Drop => self.drop_one(&life),
            }
            for journal in &life.journals {
                assert_eq!(journal.failed(), None, "no fault was ordered");
            }
        }
        let end = self.rng.choose(ends);
        for checkpointer in &life.checkpointers {
            self.verdict.laps += checkpointer.counters().laps.get();
        }
        tracing::debug!(?end, "the life ends");
        match end {
            End::Stop => {
                for checkpointer in life.checkpointers.clone() {
                    let closed = life.wait(async move { checkpointer.close().await });
                    closed.expect("no fault was ordered");
                }
                self.settle(|_, _| true);
                self.world.kill(self.machine);
            }
            End::Kill => {
                let marks: Vec<_> = life.journals.iter().map(Journal::written).collect();
                let synced: Vec<_> = life.journals.iter().map(Journal::synced).collect();
                self.world.kill(self.machine);
                self.settle(|shard, group| group <= synced[shard]);
                self.settle_written(|shard, group| group <= marks[shard]);
            }
            End::PowerCut => {
                let marks: Vec<_> = life.journals.iter().map(Journal::synced).collect();
                self.power_cut();
                self.settle(|shard, group| group <= marks[shard]);
            }
        }
    }

    /// Forgets where durable things were journaled; `is_durable` says it of a shard's group.
    fn settle(&mut self, is_durable: impl Fn(usize, GroupSequence) -> bool) {
        for model in self.partitions.values_mut() {
            let shard = model.shard;
            for batch in &mut model.batches {
                let durable = batch.group.take_if(|group| is_durable(shard, *group));
                self.verdict.acknowledged += u64::from(durable.is_some());
            }
            if let Some((to, _)) = model
                .log_start_asked
                .take_if(|(_, group)| is_durable(shard, *group))
            {
                model.log_start = model.log_start.max(to);
            }
            if model.dropped.is_some_and(|group| is_durable(shard, group)) {
                model.dropped = Some(GroupSequence(0));
            }
        }
    }

    /// After a kill: what was written must be there, until the power goes too.
    fn settle_written(&mut self, is_written: impl Fn(usize, GroupSequence) -> bool) {
        for model in self.partitions.values_mut() {
            for batch in &mut model.batches {
                let group = batch.group.filter(|group| is_written(model.shard, *group));
                batch.written = group.is_some();
                self.verdict.acknowledged += u64::from(batch.written);
            }
        }
    }

    fn power_cut(&mut self) {
        self.power_was_cut = true;
        self.world.power_cut(self.machine);
    }

    fn start(&mut self, shards: usize) -> Life {
        let runtime = Runtime::new(self.world.door(self.machine));
        let settings = LogSettings {
            segment_bytes: 64 << 10,
            ..LogSettings::default()
        };
        // Now and then the recovery itself is interrupted.
        if self.rng.below(4) == 0 {
            let inner = runtime.clone();
            runtime.spawn(async move {
                let _ = recover_with(&inner, Path::new(DIR), settings, KEPT_BYTES).await;
            });
            let span = self.rng.below(8 * MILLISECOND);
            let inner = runtime.clone();
            runtime.block_on(async move { inner.sleep(Duration::from_nanos(span)).await });
            match self.rng.below(2) {
                0 => self.world.kill(self.machine),
                _ => self.power_cut(),
            }
            runtime.abandon();
            return self.start(shards);
        }
        let inner = runtime.clone();
        let recovered = runtime
            .block_on(
                async move { recover_with(&inner, Path::new(DIR), settings, KEPT_BYTES).await },
            )
            .expect("recovery never fails on a sound disk");
        let inner = runtime.clone();
        runtime
            .block_on(async move { remove_surplus(&inner, Path::new(DIR), shards as u16).await })
            .expect("surplus journals can be removed");
        let mut life = Life {
            runtime,
            journals: Vec::new(),
            checkpointers: Vec::new(),
            storages: Vec::new(),
            logs: BTreeMap::new(),
            settings,
        };
        for shard in 0..shards {
            let journal = self.journal(&life, shard, &recovered);
            let shard = ShardId(shard as u16);
            let checkpointer =
                Checkpointer::start(&life.runtime, Path::new(DIR), shard, journal.clone());
            life.journals.push(journal);
            life.checkpointers.push(checkpointer);
            let storage =
                LogStorage::new(&life.runtime, Path::new(DIR), StorageSettings::default());
            life.storages.push(storage);
        }
        self.open_all(&mut life, &recovered);
        if self.partitions.len() < 3 {
            self.create_in(&life);
        }
        life
    }

    fn journal(&mut self, life: &Life, shard: usize, recovered: &Recovered) -> Journal {
        let settings = JournalSettings {
            file_bytes_first: 128 << 10,
            file_bytes_max: 512 << 10,
            slab_bytes: 64 << 10,
            sync: self
                .rng
                .choose(&[(2, SyncMethod::DurableWrite), (1, SyncMethod::SyncAfter)]),
            ..JournalSettings::default()
        };
        let incarnation = recovered.incarnation;
        let runtime = life.runtime.clone();
        let started = life.wait(async move {
            let shard = ShardId(shard as u16);
            Journal::start(&runtime, Path::new(DIR), shard, incarnation, settings).await
        });
        started.expect("a journal starts on a sound disk")
    }

    /// Opens every partition and holds what it serves against the model.
    fn open_all(&mut self, life: &mut Life, recovered: &Recovered) {
        let shards = life.journals.len();
        let mut gone = Vec::new();
        for (key, model) in &mut self.partitions {
            assert!(
                !recovered.is_refused(*key),
                "{key:?} lost records it had acknowledged"
            );
            if model.dropped.is_some() {
                gone.push(*key);
                continue;
            }
            model.shard = (key.topic.0[0] as usize + key.partition as usize) % shards;
            let storage = life.storages[model.shard].clone();
            let (recovered, settings, key) = (recovered.clone(), life.settings, *key);
            let path = folder(key);
            let opened = life
                .wait(async move { open_log(&storage, &path, key, settings, &recovered).await });
            let (log, report) = opened.expect("a log always opens");
            assert_eq!(report.damage, vec![], "{key:?}");
            let served = serve(life, &log);
            model.compare(key, &log, &served, self.power_was_cut);
            self.verdict.recovered += model.batches.len() as u64;
            life.checkpointers[model.shard].add(&log, Offset(-1));
            life.logs.insert(key, log);
        }
        self.power_was_cut = false;
        for key in gone {
            self.partitions.remove(&key);
        }
        // After an unclean stop leader epochs rise before anything is appended.
        for (key, log) in &life.logs {
            let model = self
                .partitions
                .get_mut(key)
                .expect("it was opened from the model");
            model.epoch = LeaderEpoch(model.epoch.0 + 1);
            let start = log.log_end_offset();
            let epoch = model.epoch;
            let noted = life.journals[model.shard].note(Entry::EpochStart {
                key: *key,
                epoch,
                start,
            });
            noted.expect("a new journal takes entries");
            log.assign_epoch(epoch, start);
        }
    }

    /// A partition that lives, by chance.
    fn pick(&mut self, life: &Life) -> Option<PartitionKey> {
        let count = life.logs.len() as u64;
        let live: Vec<PartitionKey> = life
            .logs
            .keys()
            .filter(|key| {
                self.partitions
                    .get(key)
                    .is_some_and(|model| model.dropped.is_none())
            })
            .copied()
            .collect();
        let draw = self.rng.below(count.max(1)) as usize;
        live.get(draw).copied()
    }

    fn append(&mut self, life: &Life, count: u64) {
        let Some(key) = self.pick(life) else {
            return;
        };
        for _ in 0..count {
            let required = self
                .rng
                .choose(&[(3, RequiredMark::Written), (1, RequiredMark::Synced)]);
            let records = 1 + self.rng.below(4) as i32;
            let size = self.rng.choose(&[(6, 20), (3, 1000), (1, 9000)]);
            let value = vec![self.rng.below(256) as u8; size];
            let model = self
                .partitions
                .get_mut(&key)
                .expect("picked from the model");
            let base = model.end();
            let bytes = batch(base, records, model.sequence, &value);
            let journal = &life.journals[model.shard];
            let log = &life.logs[&key];
            let appended = journal.append(key, model.epoch, required, base, &[&bytes]);
            let (group, slice) = appended.expect("a sound journal takes a batch");
            let info = BatchInfo::parse(&slice).expect("it was built a moment ago");
            let bytes = slice.to_vec();
            log.append(slice, &info, group, life.runtime.now());
            model.sequence += records;
            model.batches.push(Batch {
                base,
                next: info.next_offset(),
                bytes,
                group: Some(group),
                written: false,
                sequence_next: model.sequence,
            });
            self.verdict.batches += 1;
        }
    }

    fn move_start(&mut self, life: &Life) {
        let Some(key) = self.pick(life) else {
            return;
        };
        let model = self
            .partitions
            .get_mut(&key)
            .expect("picked from the model");
        if model.batches.is_empty() || model.log_start_asked.is_some() {
            return;
        }
        let index = self.rng.below(model.batches.len() as u64) as usize;
        let to = model.batches[index].base;
        let log = &life.logs[&key];
        if to <= log.log_start_offset() {
            return;
        }
        // As DeleteRecords: only what is written may be deleted, answered when durable.
        let journal = life.journals[model.shard].clone();
        let (group, _) = journal
            .note(Entry::LogStart { key, to })
            .expect("a sound journal takes an entry");
        log.set_log_start(to);
        let waited = life.wait(async move { journal.wait(group, RequiredMark::Synced).await });
        waited.expect("no fault was ordered");
        model.log_start_asked = Some((to, group));
    }

    /// As a follower that finds it has diverged: the cut is durable before the segment is touched.
    fn cut(&mut self, life: &Life) {
        let Some(key) = self.pick(life) else {
            return;
        };
        let model = self
            .partitions
            .get_mut(&key)
            .expect("picked from the model");
        let count = model.batches.len() as u64;
        if count == 0 {
            return;
        }
        let keep = count - 1 - self.rng.below(count.min(20));
        let to = model.batches[keep as usize].next;
        let log = &life.logs[&key];
        if to < log.log_start_offset() || to == log.log_end_offset() {
            return;
        }
        let checkpointer = life.checkpointers[model.shard].clone();
        let done = life.wait(async move { checkpointer.truncate(key, to).await });
        done.expect("no fault was ordered");
        model.batches.truncate(keep as usize + 1);
        model.sequence = model.batches.last().map_or(0, |batch| batch.sequence_next);
        // What comes now is another leader's.
        model.epoch = LeaderEpoch(model.epoch.0 + 1);
    }

    fn create_in(&mut self, life: &Life) {
        // A running life's map of logs is fixed; a partition made in it is served by the next.
        let key = PartitionKey {
            topic: TopicId([self.topic_next; 16]),
            partition: i32::from(self.topic_next % 3),
        };
        self.topic_next = self.topic_next.wrapping_add(1).max(1);
        if self.partitions.len() > 12 || self.partitions.contains_key(&key) {
            return;
        }
        let shard = (key.topic.0[0] as usize + key.partition as usize) % life.journals.len();
        let storage = life.storages[shard].clone();
        let (settings, path) = (life.settings, folder(key));
        let created = life.wait(async move { Log::create(&storage, &path, key, settings).await });
        let log = created.expect("no fault was ordered");
        life.checkpointers[shard]
            .add_new(&log)
            .expect("a sound journal takes an entry");
        let mut model = Model {
            shard,
            ..Model::default()
        };
        let journal = life.journals[shard].clone();
        for number in 0..1 + self.rng.below(3) {
            let base = model.end();
            let bytes = batch(base, 1, model.sequence, &[number as u8; 100]);
            let appended = journal.append(key, model.epoch, RequiredMark::Synced, base, &[&bytes]);
            let (group, slice) = appended.expect("a sound journal takes a batch");
            let info = BatchInfo::parse(&slice).expect("it was built a moment ago");
            let bytes = slice.to_vec();
            log.append(slice, &info, group, life.runtime.now());
            model.sequence += 1;
            model.batches.push(Batch {
                base,
                next: info.next_offset(),
                bytes,
                group: Some(group),
                written: false,
                sequence_next: model.sequence,
            });
        }
        // Answered when durable: from here on it must exist.
        let last = model.batches.last().and_then(|batch| batch.group);
        let waited = life.wait(async move {
            journal
                .wait(last.unwrap_or_default(), RequiredMark::Synced)
                .await
        });
        waited.expect("no fault was ordered");
        self.partitions.insert(key, model);
    }

    fn drop_one(&mut self, life: &Life) {
        let Some(key) = self.pick(life) else {
            return;
        };
        let model = self
            .partitions
            .get_mut(&key)
            .expect("picked from the model");
        life.checkpointers[model.shard].remove(key);
        let journal = life.journals[model.shard].clone();
        let log = life.logs[&key].clone();
        let unique = u128::from(self.rng.bits());
        let group = life.wait(async move {
            let (group, _) = journal.note(Entry::Drop { key })?;
            journal.wait(group, RequiredMark::Synced).await?;
            log.delete(unique).await.expect("no fault was ordered");
            Ok::<_, crate::journal::JournalError>(group)
        });
        model.dropped = Some(group.expect("no fault was ordered"));
    }
}

fn folder(key: PartitionKey) -> PathBuf {
    Path::new(DIR).join(folder_name(
        &format!("topic{}", key.topic.0[0]),
        key.partition,
    ))
}

/// Everything a reader gets from the log's start to its end.
fn serve(life: &Life, log: &Log) -> Vec<u8> {
    let log = log.clone();
    life.wait(async move {
        let mut served = Vec::new();
        let mut at = log.log_start_offset();
        let end = log.log_end_offset();
        while at < end {
            let slices = log.read_all(at, end, 1 << 20, true).await;
            let slices = slices.expect("what was recovered can be read");
            assert!(!slices.is_empty(), "there is a batch below the end");
            for slice in slices {
                let mut rest = &slice[..];
                while !rest.is_empty() {
                    let info = BatchInfo::parse(rest).expect("whole batches are served");
                    at = info.next_offset();
                    served.extend_from_slice(&rest[..info.size()]);
                    rest = &rest[info.size()..];
                }
            }
        }
        served
    })
}

#[cfg(test)]
mod tests {
    use super::super::seed::Seeds;
    use super::*;

    /// Goal: no acknowledged batch is lost and no stale one comes back, over power cuts, kills,
    /// interrupted recoveries and changing shard counts.
    #[test]
    fn storage_keeps_its_promises() {
        let mut total = Verdict::default();
        for seed in Seeds::from_env(10) {
            let size = Size {
                lives: 6,
                steps: 120,
            };
            let verdict = run(seed, size);
            total.batches += verdict.batches;
            total.recovered += verdict.recovered;
            total.laps += verdict.laps;
        }
        assert!(total.recovered > 0, "{total:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let size = Size {
            lives: 3,
            steps: 80,
        };
        assert_eq!(run(5, size), run(5, size));
    }
}
