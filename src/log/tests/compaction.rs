//! Compaction against a list of records: what is served afterwards, and after a crash within.

use super::*;
use crate::io::Errno;
use crate::log::compaction::{Compaction, Lags, Pace};
use ottla_protocol::record_batch::{Batches, Records, decompress};
use std::collections::BTreeMap;
use std::time::Duration;

/// One record that was appended.
#[derive(Clone, Debug)]
struct Known {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    /// Of a transaction that was aborted, or is open.
    hidden: bool,
}

struct Run {
    seeded: Seeded,
    disk: SharedDisk,
    runtime: Runtime,
    log: Log,
    settings: LogSettings,
    records: BTreeMap<i64, Known>,
    /// Offsets of the open transaction's records.
    open: Vec<i64>,
    in_transaction: bool,
    sequence: i32,
    /// Of the last sync.
    recovery_point: Offset,
    cleaned: Offset,
}

struct AtOnce;

impl Pace for AtOnce {
    async fn chunk(&mut self, _bytes: u64, _took: Duration) -> bool {
        true
    }
}

const PRODUCER: i64 = 5;

impl Run {
    fn new(seed: u64) -> Run {
        let mut seeded = Seeded(seed);
        let disk = SharedDisk::default();
        let runtime = door::runtime(&disk, seed);
        let settings = LogSettings {
            segment_bytes: 2_000 + seeded.below(60_000) as u32,
            index_interval_bytes: 64 + seeded.below(4000) as u32,
            compact: true,
            delete: false,
            delete_delay_ms: seeded.below(2) * 60_000,
            ..LogSettings::default()
        };
        let storage = storage(&runtime, StorageSettings::default());
        let log = runtime
            .block_on(async move { Log::create(&storage, &folder(), key(), settings).await });
        Run {
            seeded,
            disk,
            runtime,
            log: log.expect("a new folder"),
            settings,
            records: BTreeMap::new(),
            open: Vec::new(),
            in_transaction: false,
            sequence: 0,
            recovery_point: Offset(0),
            cleaned: Offset(0),
        }
    }

    fn wait<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        self.runtime.block_on(future)
    }

    fn step(&mut self) {
        match self.seeded.below(100) {
            0..60 => self.append(),
            60..70 => self.end_transaction(),
            70..80 => self.sync(),
            80..92 => self.compact(),
            92..95 => self.reopen(true),
            _ => self.crash(),
        }
    }

    fn append(&mut self) {
        let transactional = self.seeded.below(3) == 0;
        if self.in_transaction && !transactional {
            // One producer writes all: nothing but its transaction until that is over.
            return;
        }
        let codec = Compression::ALL[self.seeded.below(5) as usize];
        let base = self.log.log_end_offset();
        let mut builder = BatchBuilder::new(BatchOptions {
            codec,
            transactional,
            base_offset: base.0,
            producer: ProducerStamp {
                id: PRODUCER,
                epoch: 0,
                base_sequence: self.sequence,
            },
            ..BatchOptions::default()
        });
        let count = 1 + self.seeded.below(6) as i64;
        for n in 0..count {
            let key = format!("key {}", self.seeded.below(12)).into_bytes();
            let size = [3, 40, 900][self.seeded.below(3) as usize];
            let noise = self.seeded.next().to_le_bytes();
            let value = noise
                .iter()
                .copied()
                .cycle()
                .take(size)
                .collect::<Vec<u8>>();
            let value = (self.seeded.below(5) > 0).then_some(value);
            builder.append(1_000 + base.0 + n, Some(&key), value.as_deref(), &[]);
            let offset = base.0 + n;
            if transactional {
                self.open.push(offset);
            }
            let hidden = transactional;
            self.records.insert(offset, Known { key, value, hidden });
        }
        self.in_transaction |= transactional;
        self.sequence += count as i32;
        append(&self.log, &builder.finish());
    }

    fn end_transaction(&mut self) {
        if !self.in_transaction {
            return;
        }
        let commit = self.seeded.below(2) as u8;
        let base = self.log.log_end_offset();
        let mut builder = BatchBuilder::new(BatchOptions {
            transactional: true,
            control: true,
            base_offset: base.0,
            producer: ProducerStamp {
                id: PRODUCER,
                epoch: 0,
                base_sequence: -1,
            },
            ..BatchOptions::default()
        });
        builder.append(0, Some(&[0, 0, 0, commit]), Some(&[0, 0, 0, 0, 0, 9]), &[]);
        append(&self.log, &builder.finish());
        for offset in self.open.drain(..) {
            let known = self.records.get_mut(&offset).expect("it was appended");
            known.hidden = commit == 0;
        }
        self.in_transaction = false;
    }

    fn sync(&mut self) {
        let log = self.log.clone();
        self.wait(async move {
            log.flush().await?;
            log.sync().await
        })
        .expect("sync");
        self.recovery_point = self.log.recovery_point();
        // A transaction ends for its readers, and for a compaction, once its marker is durable.
        self.log.on_high_watermark(self.recovery_point);
    }

    /// What may be compacted; the wall clock is the log's end, so that tombstones get old.
    fn work(&mut self) -> Option<Compaction> {
        let unstable = self.log.first_unstable_offset();
        let limit = unstable.map_or(self.recovery_point, |at| at.min(self.recovery_point));
        let lags = Lags {
            now_ms: self.log.log_end_offset().0,
            min_ms: 0,
            max_ms: i64::MAX,
        };
        let (log, from) = (self.log.clone(), self.cleaned);
        let found = self.wait(async move { log.cleanable(from, limit, &lags).await });
        let found = found.expect("readable");
        (found.dirty_bytes > 0).then_some(Compaction {
            first_dirty: found.first_dirty,
            until: found.until,
            now_ms: lags.now_ms,
            delete_retention_ms: 100,
            map_bytes: 24 * (4 + self.seeded.below(40) as usize),
            load_factor: 0.9,
            chunk_bytes: 64 << 10,
        })
    }

    fn compact(&mut self) {
        let Some(work) = self.work() else {
            return;
        };
        let log = self.log.clone();
        let done = self.wait(async move { log.compact(&work, &mut AtOnce).await });
        match done {
            Ok(done) => {
                assert!(done.up_to > work.first_dirty && done.up_to <= work.until);
                self.cleaned = done.up_to;
                self.check(Some(done.up_to));
            }
            Err(error) => assert_eq!(error, crate::log::compaction::CompactError::MapTooSmall),
        }
    }

    /// Power goes, in the middle of a compaction if there is one to do.
    fn crash(&mut self) {
        if let Some(work) = self.work() {
            let log = self.log.clone();
            self.runtime.spawn(async move {
                let _ = log.compact(&work, &mut AtOnce).await;
            });
            for _ in 0..self.seeded.below(120) {
                self.runtime.turn(false);
            }
        }
        self.runtime.abandon();
        self.disk.borrow_mut().cut_power(&mut self.seeded);
        self.reopen(false);
    }

    fn reopen(&mut self, clean: bool) {
        if clean {
            let log = self.log.clone();
            self.wait(async move { log.close().await }).expect("close");
            self.recovery_point = self.log.log_end_offset();
        }
        let known = crate::log::Known {
            clean,
            recovery_point: self.recovery_point,
            ..Default::default()
        };
        self.runtime = door::runtime(&self.disk, self.seeded.next());
        let storage = storage(&self.runtime, StorageSettings::default());
        let settings = self.settings;
        let opened =
            self.wait(async move { Log::open(&storage, &folder(), key(), settings, known).await });
        let (log, report) = opened.expect("a log always opens");
        assert_eq!(report.damage, []);
        assert!(log.log_end_offset() >= self.recovery_point);
        log.on_high_watermark(log.log_end_offset());
        self.log = log;
        // What was not synced may be gone: the records here, and a transaction with them.
        let end = self.log.log_end_offset().0;
        let _ = self.records.split_off(&end);
        self.open.retain(|offset| *offset < end);
        let first_unstable = self.log.first_unstable_offset();
        self.in_transaction = first_unstable.is_some();
        if let Some(first) = first_unstable {
            // Its marker was lost: it is open again.
            for (offset, known) in self.records.range_mut(first.0..) {
                known.hidden = true;
                if !self.open.contains(offset) {
                    self.open.push(*offset);
                }
            }
        } else {
            self.open.clear();
        }
        let last = |producers: &ProducerState| producers.get(PRODUCER).map(|p| p.last_sequence());
        if let Some(last) = self.log.with_producers(last) {
            self.sequence = last + 1;
        }
        for name in self.disk.borrow().files.keys() {
            let name = name.to_string_lossy();
            let rest = [".cleaned", ".swap", ".deleted"];
            assert!(!rest.iter().any(|rest| name.ends_with(rest)), "{name}");
        }
        self.sync();
        self.check(None);
    }

    /// Everything a read_committed reader gets: offset, key, value.
    fn served(&self) -> Vec<(i64, Vec<u8>, Option<Vec<u8>>)> {
        let log = self.log.clone();
        let end = log.log_end_offset();
        let read = async move {
            let mut batches = Vec::new();
            let mut from = log.log_start_offset();
            let aborted = log.aborted_transactions(from, end).await?;
            while from < end {
                let slices = log.read_all(from, end, 10_000, true).await?;
                let bytes = content(&slices);
                let Some(last) = Batches::new(&bytes).last() else {
                    break;
                };
                from = Offset(last.expect("whole").header.next_offset());
                batches.extend_from_slice(&bytes);
            }
            Ok::<_, ReadError>((aborted, batches))
        };
        let (mut aborted, bytes) = self.wait(read).expect("readable");
        let mut served = Vec::new();
        let mut skipping = false;
        for batch in Batches::new(&bytes) {
            let batch = batch.expect("whole");
            let header = batch.header;
            assert!(batch.crc_is_valid());
            // As a consumer does: a producer is skipped from the first offset to the marker.
            if aborted
                .first()
                .is_some_and(|next| next.first_offset.0 <= header.last_offset())
            {
                aborted.remove(0);
                skipping = true;
            }
            if header.attributes.is_control() {
                let info = BatchInfo::parse(batch.bytes).expect("whole");
                skipping &= info.marker.is_none_or(|marker| marker.commit);
                continue;
            }
            if skipping && header.attributes.is_transactional() {
                continue;
            }
            let codec = header.attributes.codec().expect("known");
            let mut plain = Vec::new();
            decompress(codec, batch.records_bytes(), 1 << 20, &mut plain).expect("sound");
            for record in Records::new(&plain, header.records_count) {
                let record = record.expect("sound");
                let offset = header.base_offset + i64::from(record.offset_delta);
                let at = header.base_timestamp + record.timestamp_delta;
                assert_eq!(at, 1_000 + offset, "its time");
                let key = record.key.expect("all have one").to_vec();
                served.push((offset, key, record.value.map(<[u8]>::to_vec)));
            }
        }
        served
    }

    fn check(&self, cleaned: Option<Offset>) {
        let served = self.served();
        let unstable = self.log.first_unstable_offset();
        let stable = unstable.unwrap_or(self.log.log_end_offset()).0;
        let mut newest: BTreeMap<&[u8], i64> = BTreeMap::new();
        for (offset, known) in self.records.iter().filter(|(offset, _)| **offset < stable) {
            if !known.hidden {
                newest.insert(&known.key, *offset);
            }
        }
        let mut last = -1;
        let mut found: BTreeMap<&[u8], i64> = BTreeMap::new();
        for (offset, key, value) in served.iter().filter(|(offset, _, _)| *offset < stable) {
            let known = self.records.get(offset).expect("only what was appended");
            assert!(!known.hidden, "aborted record {offset} is served");
            assert_eq!((key, value), (&known.key, &known.value), "record {offset}");
            assert!(*offset > last);
            last = *offset;
            if let (Some(before), Some(cleaned)) = (found.insert(key, *offset), cleaned) {
                assert!(before >= cleaned.0 || *offset >= cleaned.0, "{key:?} twice");
            }
        }
        for (key, offset) in newest {
            match found.get(key) {
                Some(found) => assert_eq!(*found, offset, "newest of {key:?}"),
                None => assert_eq!(self.records[&offset].value, None, "{key:?} is lost"),
            }
        }
    }
}

#[test]
fn the_newest_of_each_key_is_served_whatever_is_interrupted() {
    let asked = std::env::var("OTTLA_LOG_SEEDS");
    let seeds = asked
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(60);
    let first = std::env::var("OTTLA_LOG_SEED").ok();
    let first: Option<u64> = first.and_then(|seed| seed.parse().ok());
    for seed in first.map_or(0..seeds, |seed| seed..seed + 1) {
        eprintln!("OTTLA_LOG_SEED={seed}");
        let mut run = Run::new(seed);
        for _ in 0..200 {
            run.step();
        }
    }
}

#[test]
fn a_full_disk_stops_a_compaction_and_leaves_nothing() {
    let mut run = Run::new(3);
    for _ in 0..200 {
        run.append();
        run.end_transaction();
    }
    run.sync();
    let work = run.work().expect("there is something to do");
    let work = Compaction {
        map_bytes: 1 << 16,
        ..work
    };
    run.disk.borrow_mut().fail_writes = Some(Errno::NO_SPACE);
    let log = run.log.clone();
    let failed = run.wait(async move { log.compact(&work, &mut AtOnce).await });
    assert!(failed.is_err());
    run.disk.borrow_mut().fail_writes = None;
    let rests = run.disk.borrow();
    let rests = rests
        .files
        .keys()
        .filter(|p| p.to_string_lossy().ends_with(".cleaned"));
    assert_eq!(rests.count(), 0);
    assert_eq!(run.log.failed(), None);
    run.check(None);
}
