//! The seeded steps, and the list they are compared with.

use super::*;
use ottla_protocol::record_batch::Batches;

#[derive(Clone)]
struct Known {
    base: i64,
    next: i64,
    bytes: Vec<u8>,
    info: BatchInfo,
    /// (offset, timestamp) of each record.
    times: Vec<(i64, i64)>,
}

struct Run {
    seeded: Seeded,
    disk: SharedDisk,
    runtime: Runtime,
    log: Log,
    settings: LogSettings,
    batches: Vec<Known>,
    log_start: i64,
    log_end: i64,
    epoch: i32,
    /// Of the last sync.
    recovery_point: i64,
    sequences: [(i16, i32, bool); 3],
}

fn storage_settings(seeded: &mut Seeded) -> StorageSettings {
    StorageSettings {
        hot_bytes: seeded.below(3) as usize * 20_000,
        cache_bytes: 1 + seeded.below(3) as usize * 200_000,
        open_files: 1 + seeded.below(4) as usize,
        producer_expiration_ms: i64::MAX,
    }
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut seeded = Seeded(seed);
        let disk = SharedDisk::default();
        let runtime = door::runtime(&disk, seed);
        let settings = LogSettings {
            segment_bytes: 3_000 + seeded.below(300_000) as u32,
            index_interval_bytes: 64 + seeded.below(4000) as u32,
            retention_ms: None,
            ..LogSettings::default()
        };
        let storage = storage(&runtime, storage_settings(&mut seeded));
        let log = runtime
            .block_on(async move { Log::create(&storage, &folder(), key(), settings).await });
        Run {
            seeded,
            disk,
            runtime,
            log: log.expect("a new folder"),
            settings,
            batches: Vec::new(),
            log_start: 0,
            log_end: 0,
            epoch: 0,
            recovery_point: 0,
            sequences: [(0, 0, false); 3],
        }
    }

    fn wait<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        self.runtime.block_on(future)
    }

    fn step(&mut self) {
        let choice = self.seeded.below(100);
        if std::env::var("OTTLA_LOG_TRACE").is_ok() {
            eprintln!(
                "{choice}: {}..{} rp {}",
                self.log_start, self.log_end, self.recovery_point
            );
        }
        match choice {
            0..45 => (0..1 + self.seeded.below(5)).for_each(|_| self.append()),
            45..60 => {
                let log = self.log.clone();
                self.wait(async move { log.flush().await }).expect("flush");
                self.check_flushed();
            }
            60..64 => self.sync(),
            64..66 => {
                let log = self.log.clone();
                self.wait(async move { log.trim().await }).expect("trim");
                assert!(!self.log.is_padded());
            }
            66..84 => self.read(),
            84..87 => self.truncate(),
            87..90 => self.search(),
            90..92 => self.move_start(),
            92..94 => self.reopen_clean(),
            94..96 => self.aborted(),
            96..98 => self.crash(false),
            _ => self.crash(true),
        }
    }

    fn append(&mut self) {
        if self.seeded.below(10) == 0 {
            self.epoch += 1;
        }
        let (bytes, times) = self.make_batch();
        let info = BatchInfo::parse(&bytes).expect("the test builds whole batches");
        match info.marker {
            Some(_) => assert_eq!(self.log.check_marker(&info, 1), Ok(())),
            None => assert_eq!(self.log.check_producer(&info), Ok(ProducerCheck::New)),
        }
        append(&self.log, &bytes);
        self.log_end = info.next_offset().0;
        self.batches.push(Known {
            base: info.base_offset().0,
            next: info.next_offset().0,
            bytes,
            info,
            times,
        });
        assert_eq!(self.log.log_end_offset().0, self.log_end);
    }

    fn make_batch(&mut self) -> (Vec<u8>, Vec<(i64, i64)>) {
        let which = self.seeded.below(4) as usize;
        let base = self.log_end;
        if which < 3 && self.sequences[which].2 && self.seeded.below(2) == 0 {
            return (self.make_marker(which, base), vec![(base, 0)]);
        }
        let size = match self.seeded.below(20) {
            0 => 60_000,
            1..5 => 3_000,
            _ => 10,
        };
        let count = 1 + self.seeded.below(3) as i64;
        let noise = self.seeded.next().to_le_bytes();
        let value: Vec<u8> = noise.iter().copied().cycle().take(size).collect();
        let times: Vec<(i64, i64)> = (0..count)
            .map(|n| {
                (
                    base + n,
                    1_000_000 + base * 3 + self.seeded.below(200) as i64,
                )
            })
            .collect();
        let records: Vec<(i64, &[u8])> = times.iter().map(|(_, t)| (*t, &value[..])).collect();
        let codec = match self.seeded.below(4) {
            0 => Compression::Lz4,
            _ => Compression::None,
        };
        let mut producer = ProducerStamp::default();
        let mut transactional = false;
        if which < 3 {
            let (epoch, sequence, open) = &mut self.sequences[which];
            producer = ProducerStamp {
                id: which as i64,
                epoch: *epoch,
                base_sequence: *sequence,
            };
            *sequence += count as i32;
            transactional = which > 0;
            *open |= transactional;
        }
        let mut builder = BatchBuilder::new(BatchOptions {
            codec,
            producer,
            transactional,
            base_offset: base,
            ..BatchOptions::default()
        });
        for (timestamp, value) in &records {
            builder.append(*timestamp, None, Some(value), &[]);
        }
        let mut bytes = builder.finish();
        patch_leader_epoch(&mut bytes, self.epoch);
        (bytes, times)
    }

    fn make_marker(&mut self, which: usize, base: i64) -> Vec<u8> {
        let commit = self.seeded.below(2) as u8;
        self.sequences[which].2 = false;
        let mut builder = BatchBuilder::new(BatchOptions {
            producer: ProducerStamp {
                id: which as i64,
                epoch: self.sequences[which].0,
                base_sequence: -1,
            },
            transactional: true,
            control: true,
            base_offset: base,
            ..BatchOptions::default()
        });
        builder.append(0, Some(&[0, 0, 0, commit]), Some(&[0, 0, 0, 0, 0, 9]), &[]);
        let mut bytes = builder.finish();
        patch_leader_epoch(&mut bytes, self.epoch);
        bytes
    }

    fn sync(&mut self) {
        let log = self.log.clone();
        self.wait(async move {
            log.flush().await?;
            log.sync().await
        })
        .expect("sync");
        self.check_flushed();
        self.recovery_point = self.log.recovery_point().0;
        assert!(self.recovery_point <= self.log_end);
        if self.settings.segment_bytes > 0 {
            let bound = Offset(self.recovery_point);
            let log = self.log.clone();
            let dropped = self.wait(async move { log.drop_old_segments(bound, false).await });
            dropped.expect("retention");
        }
    }

    fn read(&mut self) {
        let span = (self.log_end - self.log_start) as u64;
        let mut from = self.log_start + self.seeded.below(span + 1) as i64;
        // Small ones too: what is no first batch may not fit.
        let max = 1 + self.seeded.below(150_000);
        let max = self.seeded.below(max) as usize;
        let min_one = self.seeded.below(3) > 0;
        // A few in a row, as a consumer reads.
        for _ in 0..1 + self.seeded.below(4) {
            let log = self.log.clone();
            let limit = Offset(self.log_end);
            let read = async move { log.read_all(Offset(from), limit, max, min_one).await };
            let slices = self.wait(read).expect("readable");
            let mut expected = Vec::new();
            let mut next = from;
            for batch in self.batches.iter().filter(|batch| batch.next > from) {
                let fits = expected.len() + batch.bytes.len() <= max;
                if !(fits || expected.is_empty() && min_one) {
                    break;
                }
                expected.extend_from_slice(&batch.bytes);
                next = batch.next;
            }
            let found = content(&slices);
            // A read may end early (at a segment's end), never otherwise differ.
            assert!(expected.starts_with(&found), "from {from}, max {max}");
            assert!(
                found.is_empty() == expected.is_empty(),
                "from {from}, max {max}"
            );
            if let Some(last) = ottla_protocol::record_batch::Batches::new(&found).last() {
                next = last.expect("whole").header.next_offset();
            }
            from = next;
        }
        for outside in [self.log_start - 1, self.log_end + 1] {
            let read = self.log.read(Offset(outside), Offset(i64::MAX), 1, true);
            assert!(matches!(read, Err(ReadError::OutOfRange { .. })));
        }
    }

    fn search(&mut self) {
        let at = 1_000_000 + self.seeded.below(self.log_end as u64 * 3 + 300) as i64;
        let log = self.log.clone();
        let limit = Offset(self.log_end);
        let found = self.wait(async move { log.offset_for_timestamp(at, limit).await });
        let all = self.batches.iter().flat_map(|batch| batch.times.iter());
        let mut readable = all.filter(|(offset, _)| *offset >= self.log_start);
        let expected = readable.find(|(_, time)| *time >= at).copied();
        let found = found
            .expect("searchable")
            .map(|(offset, time)| (offset.0, time));
        assert_eq!(found, expected, "at {at}");
    }

    fn aborted(&mut self) {
        let span = (self.log_end - self.log_start) as u64;
        let from = Offset(self.log_start + self.seeded.below(span + 1) as i64);
        let to = from.plus(1 + self.seeded.below(50) as i64);
        let log = self.log.clone();
        let found = self.wait(async move { log.aborted_transactions(from, to).await });
        let found = found.expect("readable");
        let mut state = ProducerState::default();
        let mut expected = Vec::new();
        for batch in &self.batches {
            if let Some(done) = state.update(&batch.info)
                && done.aborted
                && done.last_offset >= from
                && done.first_offset < to
                && done.last_offset.0 >= self.log_start
            {
                expected.push((done.producer_id, done.first_offset, done.last_offset));
            }
        }
        let found: Vec<_> = found
            .iter()
            .map(|entry| (entry.producer_id, entry.first_offset, entry.last_offset))
            .collect();
        assert_eq!(found, expected, "{from} to {to}");
    }

    fn truncate(&mut self) {
        let span = (self.log_end - self.log_start) as u64;
        let back = self.seeded.below(span.min(40) + 1) as i64;
        let to = (self.log_end - back).max(self.log_start + 1);
        let kept = self.batches.iter().rfind(|batch| batch.next <= to);
        if kept.is_none_or(|kept| kept.next <= self.log_start) {
            // Nothing readable would be left: `a_log_begins_anew` is about that.
            return;
        }
        let log = self.log.clone();
        let end = self.wait(async move { log.truncate(Offset(to)).await });
        let end = end.expect("truncate").0;
        self.batches.retain(|batch| batch.next <= to);
        let expected = self.batches.last().map_or(0, |batch| batch.next);
        let expected = if to >= self.log_end {
            self.log_end
        } else {
            expected
        };
        assert_eq!(end, expected.max(self.log_start), "cut to {to}");
        self.log_end = end;
        self.recovery_point = self.recovery_point.min(end);
        self.refresh();
        self.check_state();
        // Only a later start may forget more than what was cut.
        self.sync();
    }

    /// Producers and the epoch go on from what is left.
    fn refresh(&mut self) {
        let mut state = ProducerState::default();
        for batch in &self.batches {
            state.update(&batch.info);
        }
        for which in 0..3 {
            let entry = state.get(which as i64);
            let last = entry.map_or(-1, |entry| entry.last_sequence());
            let epoch = entry.map_or(0, |entry| entry.producer_epoch);
            let open = entry.is_some_and(|entry| entry.transaction_first_offset.is_some());
            self.sequences[which] = (epoch, last + 1, open);
        }
        let last = self.batches.last();
        let epoch = last.map_or(0, |batch| batch.info.header.partition_leader_epoch);
        self.epoch = self.epoch.max(epoch);
    }

    fn move_start(&mut self) {
        let span = (self.log_end - self.log_start) as u64;
        let to = self.log_start + self.seeded.below(span / 4 + 1) as i64;
        self.log.set_log_start(Offset(to));
        self.log_start = to;
    }

    fn reopen_clean(&mut self) {
        let log = self.log.clone();
        self.wait(async move { log.close().await }).expect("close");
        self.recovery_point = self.log_end;
        self.check_files();
        if self.seeded.below(2) == 0 {
            self.open_trusting();
        } else {
            let report = self.open(true);
            assert_eq!(report.damage, []);
            assert_eq!(report.cut, None);
        }
        assert_eq!(self.log.log_end_offset().0, self.log_end);
        self.check_state();
    }

    /// The journal keeps what is above the recovery point, and gives it back.
    fn crash(&mut self, power: bool) {
        if power {
            self.disk.borrow_mut().cut_power(&mut self.seeded);
        }
        self.open(false);
        let first = self.recovery_point;
        eprintln!(
            "opened to {} damage {:?}",
            self.log.log_end_offset(),
            self.log.damage()
        );
        let log = self.log.clone();
        self.wait(async move { log.prefer_journal(Offset(first)).await })
            .expect("repair");
        assert_eq!(self.log.damage(), []);
        let end = self.log.log_end_offset().0;
        assert!(end >= first, "{end} is below the recovery point {first}");
        assert!(end <= self.log_end, "{end} was never written");
        for batch in self.batches.iter().filter(|batch| batch.base >= end) {
            append(&self.log, &batch.bytes);
        }
        assert_eq!(self.log.log_end_offset().0, self.log_end);
        self.check_state();
    }

    fn open(&mut self, clean: bool) -> OpenReport {
        let known = super::super::Known {
            clean,
            recovery_point: Offset(self.recovery_point),
            log_start: Some(Offset(self.log_start)),
            ..Default::default()
        };
        // A new broker: nothing of the old one's memory.
        self.runtime = door::runtime(&self.disk, self.seeded.next());
        let storage = storage(&self.runtime, storage_settings(&mut self.seeded));
        let settings = self.settings;
        let opened =
            self.wait(async move { Log::open(&storage, &folder(), key(), settings, known).await });
        let (log, report) = opened.expect("a log always opens");
        self.log = log;
        report
    }

    /// By what the checkpoint of the stop says of it, without a look at the files.
    fn open_trusting(&mut self) {
        let (closed, whole) = self.log.closed_segments();
        let known = super::super::Known {
            clean: self.seeded.below(2) == 0,
            recovery_point: Offset(self.recovery_point),
            log_start: Some(Offset(self.log_start)),
            epochs: self.log.epochs(),
            producers: Some(self.log.with_producers(|state| {
                let whole = ProducerState::decode_whole(&state.encode_whole());
                (Offset(self.recovery_point), whole.expect("just encoded"))
            })),
            closed,
            whole,
            damage: Vec::new(),
        };
        self.runtime = door::runtime(&self.disk, self.seeded.next());
        let storage = storage(&self.runtime, storage_settings(&mut self.seeded));
        let settings = self.settings;
        let opened = self
            .wait(async move { Log::trust(&storage, &folder(), key(), settings, &known).await });
        match opened.expect("a sound disk") {
            Some(log) => self.log = log,
            None => {
                assert!(!whole, "a closed log is as its checkpoint says");
                let _ = self.open(true);
            }
        }
    }

    fn check_state(&self) {
        let mut producers = ProducerState::default();
        let mut epochs = EpochCache::default();
        for batch in &self.batches {
            producers.update(&batch.info);
            epochs.assign(batch.info.leader_epoch(), batch.info.base_offset());
        }
        epochs.truncate_from_start(self.log.log_start_offset());
        let found = self.log.with_producers(|state| state.encode());
        assert_eq!(found, producers.encode(), "producers");
        assert_eq!(self.log.epochs()[..], *epochs.entries(), "epochs");
    }

    /// What was flushed is in the files, and readable there.
    fn check_flushed(&self) {
        let disk = self.disk.borrow();
        let logs = disk
            .files
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "log"));
        let mut end = -1;
        for (_, file) in logs {
            let file = file.borrow();
            for batch in Batches::new(&file.data) {
                match batch {
                    Ok(batch) => end = batch.header.next_offset(),
                    Err(_) => break,
                }
            }
        }
        let flushed = self.log.flushed_offset().0;
        assert!(
            end == flushed || end == -1,
            "files end at {end}, flushed {flushed}"
        );
    }

    /// Closed segments, one behind the other, are the batches and nothing else.
    fn check_files(&self) {
        let disk = self.disk.borrow();
        let logs = disk
            .files
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "log"));
        let found: Vec<u8> = logs
            .flat_map(|(_, file)| file.borrow().data.clone())
            .collect();
        let all: Vec<u8> = self.batches.iter().flat_map(|b| b.bytes.clone()).collect();
        if !all.ends_with(&found) {
            for (path, file) in &disk.files {
                eprintln!("{path:?} {}", file.borrow().data.len());
            }
            let mut from = 0;
            for batch in Batches::new(&found) {
                match batch {
                    Ok(batch) => from = batch.header.next_offset(),
                    Err(error) => eprintln!("behind {from}: {error}"),
                }
            }
        }
        // For Apache Kafka's own tools to look at.
        if let Ok(target) = std::env::var("OTTLA_LOG_KEEP") {
            for (path, file) in &disk.files {
                let path = PathBuf::from(format!("{target}/{}", path.display()));
                std::fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder");
                std::fs::write(path, &file.borrow().data).expect("a file");
            }
        }
        assert!(
            all.ends_with(&found),
            "files hold the batches, nothing else"
        );
    }
}

fn seeds() -> u64 {
    let asked = std::env::var("OTTLA_LOG_SEEDS");
    asked
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(40)
}

#[test]
fn a_log_is_a_list_of_batches() {
    let first = std::env::var("OTTLA_LOG_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = match first {
        Some(seed) => seed..seed + 1,
        None => 0..seeds(),
    };
    for seed in seeds {
        eprintln!("OTTLA_LOG_SEED={seed}");
        let mut run = Run::new(seed);
        for _ in 0..150 {
            run.step();
        }
    }
}
