//! Compaction under power cuts and kills: journal, checkpoints, segments and swaps as one.
//!
//! Room:       `sim`.
//! Called by:  tests and `ottla-sim`.
//! Calls:      `log::compaction`, `journal`, `shard::{checkpointer, recovery}` in a world.
//! Never:      looks at bytes on the disk: only at what a reader would be served.
//!
//! One partition lives many times. Keyed records are appended while the log is compacted again and
//! again; each life ends in the middle of whatever is under way. What must hold afterwards: the
//! log reaches as far as was acknowledged; every record it serves is one that was appended, at its
//! offset; and the newest of each key is there, but for one that was deleted, of which nothing
//! older may be there either.

use super::clock::MILLISECOND;
use super::seed::Rng;
use super::world::{MachineId, World};
use crate::ids::{
    GroupSequence, LeaderEpoch, Offset, PartitionKey, RequiredMark, ShardId, TopicId,
};
use crate::journal::{Entry, Journal, JournalSettings};
use crate::log::compaction::{CompactError, Compaction, Lags, Pace};
use crate::log::layout::folder_name;
use crate::log::{BatchInfo, Log, LogSettings, LogStorage, StorageSettings};
use crate::protocol::record_batch::{
    BatchBuilder, BatchOptions, Batches, Compression, Records, decompress,
};
use crate::runtime::Runtime;
use crate::shard::checkpointer::Checkpointer;
use crate::shard::recovery::{open_log, recover_with};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// What a run came to, so that it is seen to have done something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub records: u64,
    pub compactions: u64,
    pub interrupted: u64,
    pub trace: u64,
}

/// Runs one seed; panics where a promise is broken.
pub fn run(seed: u64, lives: u64, steps: u64) -> Verdict {
    let world = World::new(seed);
    let machine = world.machine();
    world.make_directory(machine, DIR);
    let mut scenario = Scenario {
        rng: world.fork_rng(),
        world,
        machine,
        records: BTreeMap::new(),
        ends: Vec::new(),
        exists: false,
        epoch: 0,
        cleaned: Rc::default(),
        compactions: Rc::default(),
        verdict: Verdict::default(),
    };
    for _ in 0..lives {
        scenario.live(steps);
    }
    scenario.verdict.compactions = scenario.compactions.get();
    scenario.verdict.trace = scenario.world.trace();
    scenario.verdict
}

/// A replay reads again what does not fit.
const KEPT_BYTES: u64 = 64 << 10;
const DIR: &str = "/data";
const KEY: PartitionKey = PartitionKey {
    topic: TopicId([9; 16]),
    partition: 0,
};

struct Scenario {
    world: World,
    machine: MachineId,
    rng: Rng,
    /// By offset: key and value.
    records: BTreeMap<i64, (Vec<u8>, Option<Vec<u8>>)>,
    /// End of each batch, and its group if that is not known to be durable.
    ends: Vec<(Offset, Option<GroupSequence>)>,
    exists: bool,
    epoch: i32,
    /// Where the last whole compaction ended. As in Kafka's file: an older value is true as well.
    cleaned: Rc<Cell<Offset>>,
    compactions: Rc<Cell<u64>>,
    verdict: Verdict,
}

struct Life {
    runtime: Runtime,
    journal: Journal,
    checkpointer: Checkpointer,
    log: Log,
    /// A compaction is under way; a cleaner has one at a time.
    busy: Rc<Cell<bool>>,
}

/// Rests a little after each chunk, so that appends and cuts fall between.
struct Rest(Runtime);

impl Pace for Rest {
    async fn chunk(&mut self, _bytes: u64, took: Duration) -> bool {
        self.0.sleep(took).await;
        true
    }
}

impl Scenario {
    fn live(&mut self, steps: u64) {
        let life = self.start();
        for _ in 0..steps {
            match self.rng.below(20) {
                0 => self.compact(&life),
                1..5 => sleep(&life.runtime, self.rng.below(40) * MILLISECOND),
                _ => self.append(&life),
            }
            assert_eq!(life.journal.failed(), None, "no fault was ordered");
        }
        if self.rng.flip() {
            self.verdict.interrupted += 1;
            self.compact(&life);
            sleep(&life.runtime, self.rng.below(60 * MILLISECOND));
        }
        let power = self.rng.flip();
        let reached = match power {
            true => life.journal.synced(),
            false => life.journal.written(),
        };
        match power {
            true => self.world.power_cut(self.machine),
            false => self.world.kill(self.machine),
        }
        for (_, group) in &mut self.ends {
            group.take_if(|group| *group <= reached);
        }
    }

    fn start(&mut self) -> Life {
        let runtime = Runtime::new(self.world.door(self.machine));
        let settings = LogSettings {
            segment_bytes: 24 << 10,
            compact: true,
            delete: false,
            delete_delay_ms: self.rng.below(2) * 50,
            ..LogSettings::default()
        };
        let inner = runtime.clone();
        let recovered = runtime
            .block_on(
                async move { recover_with(&inner, Path::new(DIR), settings, KEPT_BYTES).await },
            )
            .expect("recovery never fails on a sound disk");
        let journal_settings = JournalSettings {
            file_bytes_first: 128 << 10,
            file_bytes_max: 512 << 10,
            slab_bytes: 64 << 10,
            ..JournalSettings::default()
        };
        let inner = runtime.clone();
        let incarnation = recovered.incarnation;
        let started = runtime.block_on(async move {
            let dir = Path::new(DIR);
            Journal::start(&inner, dir, ShardId(0), incarnation, journal_settings).await
        });
        let journal = started.expect("a journal starts on a sound disk");
        let dir = Path::new(DIR);
        let checkpointer = Checkpointer::start(&runtime, dir, ShardId(0), journal.clone());
        let storage = LogStorage::new(&runtime, dir, StorageSettings::default());
        let log = if self.exists {
            let opened = runtime.block_on(async move {
                open_log(&storage, &folder(), KEY, settings, &recovered).await
            });
            let (log, report) = opened.expect("a log always opens");
            assert_eq!(report.damage, vec![]);
            checkpointer.add(&log, Offset(-1));
            log
        } else {
            let created = runtime
                .block_on(async move { Log::create(&storage, &folder(), KEY, settings).await });
            let log = created.expect("no fault was ordered");
            checkpointer.add_new(&log).expect("a sound journal");
            log
        };
        let life = Life {
            runtime,
            journal,
            checkpointer,
            log,
            busy: Rc::default(),
        };
        self.compare(&life);
        self.epoch += 1;
        let (epoch, start) = (LeaderEpoch(self.epoch), life.log.log_end_offset());
        let (key, entry) = (KEY, life.journal.clone());
        let noted = entry.note(Entry::EpochStart { key, epoch, start });
        let (group, _) = noted.expect("a sound journal");
        life.log.assign_epoch(epoch, start);
        // From here on the partition is known to be there.
        let waited = life
            .runtime
            .block_on(async move { entry.wait(group, RequiredMark::Synced).await });
        waited.expect("no fault was ordered");
        self.exists = true;
        life
    }

    fn append(&mut self, life: &Life) {
        let base = life.log.log_end_offset();
        let codec = Compression::ALL[self.rng.below(5) as usize];
        let mut builder = BatchBuilder::new(BatchOptions {
            codec,
            ..BatchOptions::default()
        });
        for n in 0..1 + self.rng.below(5) as i64 {
            let key = format!("key {}", self.rng.below(40)).into_bytes();
            let size = self.rng.choose(&[(6, 20), (3, 300), (1, 4000)]);
            let noise = self.rng.bits().to_le_bytes();
            let value: Vec<u8> = noise.iter().copied().cycle().take(size).collect();
            let value = (self.rng.below(6) > 0).then_some(value);
            let at = 1_000 + base.0 + n;
            builder.append(at, Some(&key), value.as_deref(), &[]);
            self.records.insert(base.0 + n, (key, value));
            self.verdict.records += 1;
        }
        let bytes = builder.finish();
        let epoch = LeaderEpoch(self.epoch);
        let appended = life
            .journal
            .append(KEY, epoch, RequiredMark::Written, base, &[&bytes]);
        let (group, slice) = appended.expect("a sound journal takes a batch");
        let info = BatchInfo::parse(&slice).expect("it was built a moment ago");
        life.log.append(slice, &info, group, life.runtime.now());
        self.ends.push((info.next_offset(), Some(group)));
    }

    /// Begins a compaction; it goes on beside what comes next.
    fn compact(&mut self, life: &Life) {
        if life.busy.replace(true) {
            return;
        }
        let lags = Lags {
            now_ms: life.log.log_end_offset().0,
            min_ms: 0,
            max_ms: i64::MAX,
        };
        let map_bytes = 24 * (20 + self.rng.below(100) as usize);
        let (log, runtime) = (life.log.clone(), life.runtime.clone());
        let checkpointer = life.checkpointer.clone();
        let (cleaned, compactions) = (self.cleaned.clone(), self.compactions.clone());
        let busy = life.busy.clone();
        life.runtime.spawn(async move {
            checkpointer.cover(&[KEY]).await;
            let limit = checkpointer.covered(KEY);
            let found = log.cleanable(cleaned.get(), limit, &lags).await;
            let found = found.expect("no fault was ordered");
            if found.dirty_bytes == 0 {
                busy.set(false);
                return;
            }
            let work = Compaction {
                first_dirty: found.first_dirty,
                until: found.until,
                now_ms: lags.now_ms,
                delete_retention_ms: 200,
                map_bytes,
                load_factor: 0.9,
                chunk_bytes: 64 << 10,
            };
            match log.compact(&work, &mut Rest(runtime)).await {
                Ok(done) => {
                    cleaned.set(done.up_to);
                    compactions.set(compactions.get() + 1);
                }
                Err(CompactError::Moved | CompactError::MapTooSmall) => {}
                Err(error) => panic!("no fault was ordered: {error}"),
            }
            busy.set(false);
        });
    }

    /// Holds what is served against what was appended.
    fn compare(&mut self, life: &Life) {
        let durable = self.ends.iter().take_while(|(_, group)| group.is_none());
        let must = durable.last().map_or(Offset(0), |(end, _)| *end);
        let end = life.log.log_end_offset();
        assert!(end >= must, "it ends at {end}, acknowledged up to {must}");
        self.ends.retain(|(of, _)| *of <= end);
        self.ends.iter_mut().for_each(|(_, group)| *group = None);
        let _ = self.records.split_off(&end.0);
        let mut newest: BTreeMap<&[u8], i64> = BTreeMap::new();
        for (offset, (key, _)) in &self.records {
            newest.insert(key, *offset);
        }
        let served = serve(life);
        let mut found: BTreeMap<&[u8], i64> = BTreeMap::new();
        for (offset, key, value) in &served {
            let known = self.records.get(offset).expect("only what was appended");
            assert_eq!((key, value), (&known.0, &known.1), "record {offset}");
            let before = found.insert(key, *offset);
            assert!(before.is_none_or(|before| before < *offset), "in order");
        }
        for (key, offset) in newest {
            match found.get(key) {
                Some(found) => assert_eq!(*found, offset, "newest of {key:?}"),
                None => assert_eq!(self.records[&offset].1, None, "{key:?} is lost"),
            }
        }
    }
}

fn sleep(runtime: &Runtime, nanos: u64) {
    let inner = runtime.clone();
    runtime.block_on(async move { inner.sleep(Duration::from_nanos(nanos)).await });
}

fn folder() -> PathBuf {
    Path::new(DIR).join(folder_name("compacted", KEY.partition))
}

/// Offset, key and value of everything a reader gets.
fn serve(life: &Life) -> Vec<(i64, Vec<u8>, Option<Vec<u8>>)> {
    let log = life.log.clone();
    life.runtime.block_on(async move {
        let mut served = Vec::new();
        let (mut at, end) = (log.log_start_offset(), log.log_end_offset());
        while at < end {
            let slices = log.read_all(at, end, 1 << 20, true).await;
            let slices = slices.expect("what was recovered can be read");
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            let before = at;
            for batch in Batches::new(&bytes) {
                let batch = batch.expect("whole batches are served");
                assert!(batch.crc_is_valid());
                let header = batch.header;
                at = Offset(header.next_offset());
                let codec = header.attributes.codec().expect("it was built with one");
                let mut plain = Vec::new();
                let unpacked = decompress(codec, batch.records_bytes(), 1 << 24, &mut plain);
                unpacked.expect("sound");
                for record in Records::new(&plain, header.records_count) {
                    let record = record.expect("sound");
                    let offset = header.base_offset + i64::from(record.offset_delta);
                    let key = record.key.expect("all have one").to_vec();
                    served.push((offset, key, record.value.map(<[u8]>::to_vec)));
                }
            }
            if at == before {
                // The rest was compacted away, up to an empty segment.
                break;
            }
        }
        served
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Seeds;

    #[test]
    fn the_newest_of_each_key_survives_power_cuts() {
        let mut compactions = 0;
        for seed in Seeds::from_env(12) {
            let verdict = run(seed, 5, 120);
            compactions += verdict.compactions;
        }
        assert!(compactions > 0, "something was compacted");
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        assert_eq!(run(5, 3, 80), run(5, 3, 80));
    }
}
