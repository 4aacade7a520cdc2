//! What is wrong on a disk is told, fenced in or rebuilt, and the rest serves.

use super::*;
use crate::io::Errno;
use crate::runtime::sync::both;
use ottla_protocol::record_batch::BATCH_HEADER_BYTES;

/// A closed log of batches of two records, each about a kilobyte, in segments of 10 batches.
struct Bench {
    disk: SharedDisk,
    runtime: Runtime,
    batches: Vec<Vec<u8>>,
    settings: LogSettings,
}

impl Bench {
    fn new(count: i64) -> Bench {
        Bench::of((0..count).map(|n| plain(n * 2, &[n as u8; 500])).collect())
    }

    fn of(batches: Vec<Vec<u8>>) -> Bench {
        let disk = SharedDisk::default();
        let runtime = door::runtime(&disk, 1);
        let settings = LogSettings {
            segment_bytes: batches[0].len() as u32 * 10,
            index_interval_bytes: 1000,
            ..LogSettings::default()
        };
        let storage = storage(&runtime, StorageSettings::default());
        let to_write = batches.clone();
        runtime.block_on(async move {
            let log = Log::create(&storage, &folder(), key(), settings).await;
            let log = log.expect("a new folder");
            to_write.iter().for_each(|batch| append(&log, batch));
            log.close().await.expect("close");
        });
        Bench {
            disk,
            runtime,
            batches,
            settings,
        }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let file = self.disk.borrow().file(name).expect("the file is there");
        change(&mut file.borrow_mut().data);
    }

    fn remove(&self, name: &str) {
        let path = folder().join(name);
        assert!(self.disk.borrow_mut().files.remove(&path).is_some());
    }

    fn open(&mut self, clean: bool, recovery_point: i64) -> (Log, OpenReport) {
        self.open_known(Known {
            clean,
            recovery_point: Offset(recovery_point),
            ..Known::default()
        })
    }

    fn open_known(&mut self, known: Known) -> (Log, OpenReport) {
        self.runtime = door::runtime(&self.disk, 2);
        let storage = storage(&self.runtime, StorageSettings::default());
        let settings = self.settings;
        let opened = self
            .runtime
            .block_on(async move { Log::open(&storage, &folder(), key(), settings, known).await });
        opened.expect("a log always opens")
    }

    fn read(&self, log: &Log, from: i64) -> Result<Vec<u8>, ReadError> {
        let log = log.clone();
        let end = log.log_end_offset();
        let read = async move { log.read_all(Offset(from), end, 1 << 20, true).await };
        self.runtime.block_on(read).map(|slices| content(&slices))
    }

    /// Every offset answers with its batch, but for those of the batches in `lost`.
    fn check(&self, log: &Log, lost: &[usize]) {
        for (index, batch) in self.batches.iter().enumerate() {
            let offset = index as i64 * 2;
            if offset >= log.log_end_offset().0 {
                break;
            }
            match self.read(log, offset) {
                Ok(found) => {
                    assert!(!lost.contains(&index), "batch {index} is not whole");
                    assert!(found.starts_with(batch), "batch {index}");
                }
                Err(error) => {
                    assert!(lost.contains(&index), "batch {index}: {error}");
                    assert!(matches!(error, ReadError::Corrupt { .. }));
                }
            }
        }
    }
}

const FIRST: &str = "00000000000000000000.log";
const LAST: &str = "00000000000000000040.log";

#[test]
fn a_torn_end_is_cut_at_the_last_whole_batch() {
    for (clean, take) in [(false, 1), (false, 700), (true, 1), (true, 1030)] {
        let mut bench = Bench::new(25);
        let size = bench.batches[0].len();
        bench.change(LAST, |data| data.truncate(5 * size - take));
        let (log, report) = bench.open(clean, 0);
        let cut = report.cut.expect("an end was torn");
        assert_eq!(cut.first_lost, Offset(48));
        assert_eq!(cut.position, 4 * size as u64);
        assert_eq!(cut.records, if take < 900 { 2 } else { 0 });
        assert_eq!(log.log_end_offset(), Offset(48));
        bench.check(&log, &[]);
        // It goes on there.
        append(&log, &bench.batches[24].clone());
        let again = log.clone();
        bench
            .runtime
            .block_on(async move { again.close().await })
            .expect("close");
        let (log, report) = bench.open(true, 50);
        assert_eq!(report.cut, None);
        bench.check(&log, &[]);
        assert_eq!(log.log_end_offset(), Offset(50));
    }
}

#[test]
fn zeros_behind_the_end_are_no_damage() {
    for clean in [false, true] {
        let mut bench = Bench::new(25);
        bench.change(LAST, |data| data.extend_from_slice(&[0; 100_000]));
        let (log, report) = bench.open(clean, 0);
        assert_eq!(report.cut, None);
        assert_eq!(report.damage, []);
        assert_eq!(log.log_end_offset(), Offset(50));
    }
}

#[test]
fn damage_in_the_middle_loses_that_range_only() {
    for (clean, name, within, lost) in [
        (false, FIRST, 3, 3),
        (true, FIRST, 3, 3),
        (false, LAST, 2, 22),
        (true, LAST, 2, 22),
    ] {
        // In the records, in the CRC, in the length, in the magic, in the base offset.
        for place in [300, 17, 9, 16, 3] {
            let mut bench = Bench::new(25);
            let size = bench.batches[0].len();
            bench.change(name, |data| data[within * size + place] ^= 0x55);
            let (log, report) = bench.open(clean, 0);
            assert_eq!(report.cut, None, "place {place} of {name}, clean {clean}");
            assert_eq!(log.log_end_offset(), Offset(50));
            if !clean {
                let from = Offset(lost as i64 * 2);
                let to = from.plus(2);
                let damage: Vec<Damage> = report.damage.iter().map(|loss| loss.range).collect();
                assert_eq!(damage, [Damage { from, to }]);
                assert_eq!(report.damage[0].file, folder().join(name));
                assert_eq!(report.damage[0].position, (within * size) as u64);
            }
            bench.check(&log, &[lost]);
            bench.check(&log, &[lost]);
        }
    }
}

/// Goal: one bit of a header, also of those that no checksum covers, costs its own batch at most.
#[test]
fn a_bit_of_a_header_costs_no_other_batch() {
    const COUNT: usize = 4;
    for bit in 0..BATCH_HEADER_BYTES * 8 {
        let within = bit % (COUNT - 1);
        for recovery_point in [0, 2 * COUNT as i64] {
            if recovery_point == 0 && LEADER_EPOCH_BYTES.contains(&(bit / 8)) {
                // Above the recovery point a higher epoch ends what an older leader wrote; what
                // was acknowledged of it is in the journal.
                continue;
            }
            let mut bench = Bench::new(COUNT as i64);
            let size = bench.batches[0].len();
            let byte = within * size + bit / 8;
            bench.change(FIRST, |data| data[byte] ^= 1 << (bit % 8));
            let (log, report) = bench.open(false, recovery_point);
            let place = format!("bit {bit} of batch {within}, recovery point {recovery_point}");
            assert_eq!(report.cut, None, "{place}");
            assert_eq!(log.log_end_offset().0, 2 * COUNT as i64, "{place}");
            for (index, batch) in bench.batches.iter().enumerate() {
                let found = bench.read(&log, 2 * index as i64);
                if index != within {
                    let found = found.expect("not where the damage is");
                    assert!(found.starts_with(batch), "{place}: batch {index}");
                }
            }
        }
    }
}

const LEADER_EPOCH_BYTES: std::ops::Range<usize> = 12..16;

/// A batch of one record, so that an index entry may be of the very batch at an offset.
fn single(offset: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset: offset,
        ..BatchOptions::default()
    });
    builder.append(1_000 + offset, None, Some(&[offset as u8; 1_000]), &[]);
    let mut bytes = builder.finish();
    patch_leader_epoch(&mut bytes, 1);
    bytes
}

/// Goal: where a scan begins at an index entry and what follows lies about its offset, the batch
/// that the entry is of stands.
#[test]
fn a_header_that_lies_takes_no_batch_that_an_index_confirms() {
    let mut bench = Bench::of((0..25).map(single).collect());
    let size = bench.batches[0].len();
    bench.change(FIRST, |data| data[8 * size..8 * size + 8].fill(0));
    // One entry for each batch but the first: the last one left is of the seventh.
    bench.change(&FIRST.replace(".log", ".index"), |index| {
        index.truncate(7 * 8)
    });
    let (log, report) = bench.open_known(Known {
        recovery_point: Offset(8),
        producers: Some((Offset(8), ProducerState::default())),
        ..Known::default()
    });
    let range = Damage {
        from: Offset(8),
        to: Offset(9),
    };
    assert_eq!(log.damage(), [range]);
    assert_eq!(report.damage.len(), 1);
    assert!(bench.read(&log, 7).is_ok());
}

/// Goal: where a scan begins at an index entry and finds nothing whole, only what lies there is
/// lost.
#[test]
fn a_scan_that_begins_at_a_damaged_batch_loses_no_earlier_one() {
    for (name, base, lost) in [(FIRST, 0, 8), ("00000000000000000020.log", 20, 23)] {
        let mut bench = Bench::of((0..25).map(single).collect());
        let size = bench.batches[0].len();
        let within = (lost - base) as usize;
        bench.change(name, |data| {
            data.truncate((within + 1) * size);
            // In the records: the header still confirms the index entry.
            data[within * size + 300] ^= 0x55;
        });
        // One entry for each batch but the first: the last one left is of the damaged batch.
        bench.change(&name.replace(".log", ".index"), |index| {
            index.truncate(within * 8)
        });
        let lost = Offset(lost);
        let (log, report) = bench.open_known(Known {
            recovery_point: lost,
            producers: Some((lost, ProducerState::default())),
            ..Known::default()
        });
        if name == FIRST {
            let to = Offset(10);
            assert_eq!(log.damage(), [Damage { from: lost, to }]);
        } else {
            assert_eq!(report.cut.map(|cut| cut.first_lost), Some(lost));
            assert_eq!(log.log_end_offset(), lost);
        }
        assert!(bench.read(&log, lost.0 - 1).is_ok(), "{name}");
    }
}

/// Goal: a cut at a batch whose header lies about its offset leaves nothing of it.
#[test]
fn a_cut_takes_a_batch_whose_header_lies() {
    let mut bench = Bench::new(25);
    let size = bench.batches[0].len();
    // Its base offset is outside the checksum; what is behind it is whole.
    bench.change(LAST, |data| data[2 * size..2 * size + 8].fill(0));
    let (log, report) = bench.open(false, 44);
    assert_eq!(report.damage.len(), 1);
    let (cut, again) = (log.clone(), bench.batches[22].clone());
    let end = bench.runtime.block_on(async move {
        let end = cut.truncate(Offset(44)).await;
        append(&cut, &again);
        cut.close().await.expect("close");
        end
    });
    assert_eq!(end, Ok(Offset(44)));
    let (log, report) = bench.open(false, 0);
    assert_eq!((report.cut, report.damage), (None, Vec::new()));
    assert_eq!(log.log_end_offset(), Offset(46));
    bench.check(&log, &[]);
}

#[test]
fn indexes_that_are_gone_or_garbage_are_rebuilt() {
    let names = [
        "00000000000000000000.index",
        "00000000000000000000.timeindex",
        "00000000000000000040.index",
        "00000000000000000040.timeindex",
    ];
    for name in names {
        for damage in 0..4 {
            for clean in [false, true] {
                let mut bench = Bench::new(25);
                match damage {
                    0 => bench.remove(name),
                    1 => bench.change(name, |data| data.truncate(5)),
                    2 => bench.change(name, |data| data.fill(0x5a)),
                    _ => bench.change(name, |data| data.reverse()),
                }
                let (log, report) = bench.open(clean, 30);
                assert_eq!(report.cut, None, "{name} {damage}");
                assert_eq!(report.damage, []);
                bench.check(&log, &[]);
                let search = log.clone();
                let found = bench.runtime.block_on(async move {
                    search.offset_for_timestamp(1_000 + 33, Offset(50)).await
                });
                assert_eq!(found, Ok(Some((Offset(34), 1_034))), "{name} {damage}");
            }
        }
    }
}

#[test]
fn strays_are_left_alone_and_leftovers_go() {
    let mut bench = Bench::new(3);
    let names = [
        "00000000000000000999.index",
        "00000000000000000000.log.deleted",
        "00000000000000000007.log.cleaned",
        "notes.txt",
    ];
    for name in names {
        let mut disk = bench.disk.borrow_mut();
        disk.files.insert(folder().join(name), Default::default());
    }
    let (log, _) = bench.open(true, 0);
    bench.check(&log, &[]);
    let disk = bench.disk.borrow();
    let left: Vec<&str> = names
        .into_iter()
        .filter(|name| disk.files.contains_key(&folder().join(name)))
        .collect();
    assert_eq!(left, ["notes.txt"]);
}

#[test]
fn a_log_begins_anew() {
    let mut bench = Bench::new(25);
    let (log, _) = bench.open(true, 0);
    let again = log.clone();
    let anew = async move { again.truncate_fully(Offset(1000)).await };
    bench.runtime.block_on(anew).expect("truncate");
    assert_eq!(log.log_start_offset(), Offset(1000));
    assert_eq!(log.log_end_offset(), Offset(1000));
    append(&log, &plain(1000, b"new"));
    let again = log.clone();
    bench
        .runtime
        .block_on(async move { again.close().await })
        .expect("close");
    let (log, _) = bench.open(true, 0);
    assert_eq!(log.log_start_offset(), Offset(1000));
    assert_eq!(bench.read(&log, 1000), Ok(plain(1000, b"new")));
}

#[test]
fn a_failed_disk_takes_the_log_offline_and_a_full_one_does_not() {
    let mut bench = Bench::new(3);
    let (log, _) = bench.open(true, 0);
    append(&log, &plain(6, b"x"));
    for (errno, expected) in [
        (Errno::NO_SPACE, LogError::NoSpace),
        (Errno::IO, LogError::Disk(Errno::IO)),
    ] {
        bench.disk.borrow_mut().fail_writes = Some(errno);
        let again = log.clone();
        let flushed = bench.runtime.block_on(async move { again.flush().await });
        assert_eq!(flushed, Err(expected));
        let readable = bench.read(&log, 6).is_ok();
        assert_eq!(readable, errno == Errno::NO_SPACE);
        bench.disk.borrow_mut().fail_writes = None;
    }
    let again = log.clone();
    let flushed = bench.runtime.block_on(async move { again.flush().await });
    assert_eq!(flushed, Err(LogError::Disk(Errno::IO)));
}

#[test]
fn many_readers_share_one_read() {
    let mut bench = Bench::new(25);
    let (log, _) = bench.open(true, 0);
    let read = |log: Log| async move { log.read_all(Offset(2), Offset(50), 3000, true).await };
    let before = bench.disk.borrow().reads;
    let (a, b) = bench.runtime.block_on(both(read(log.clone()), read(log)));
    assert_eq!(
        content(&a.expect("readable")),
        content(&b.expect("readable"))
    );
    assert_eq!(bench.disk.borrow().reads - before, 1);
}

/// Goal: a flush writes the last block again, and what one read of it got wrong does not stay.
#[test]
fn what_was_read_wrong_once_is_not_written_back() {
    let mut bench = Bench::new(3);
    let (log, _) = bench.open(true, 0);
    append(&log, &plain(6, b"x"));
    bench.disk.borrow_mut().misreads = 1;
    let again = log.clone();
    bench.runtime.block_on(async move {
        again.flush().await.expect("flush");
        again.close().await.expect("close");
    });
    assert_eq!(bench.disk.borrow().misreads, 0, "the block was read");
    let (log, _) = bench.open(true, 0);
    bench.check(&log, &[]);
    assert_eq!(bench.read(&log, 6), Ok(plain(6, b"x")));
}

#[test]
fn a_deleted_log_leaves_nothing() {
    let mut bench = Bench::new(25);
    let (log, _) = bench.open(true, 0);
    let again = log.clone();
    bench
        .runtime
        .block_on(async move { again.delete(7).await })
        .expect("delete");
    assert!(bench.disk.borrow().files.is_empty());
    assert_eq!(bench.read(&log, 0), Err(ReadError::Closed));
}

#[test]
fn producers_expire_when_the_setting_says() {
    let mut bench = Bench::new(1);
    let (log, _) = bench.open(true, 0);
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset: 2,
        producer: ProducerStamp {
            id: 9,
            epoch: 0,
            base_sequence: 0,
        },
        ..BatchOptions::default()
    });
    builder.append(5_000, None, Some(b"v"), &[]);
    append(&log, &builder.finish());
    let known = |log: &Log| log.with_producers(|producers| producers.encode().len());
    let with_one = known(&log);
    log.expire_producers(5_000 + 86_400_000 - 1);
    assert_eq!(known(&log), with_one);
    log.storage().set_producer_expiration(1_000);
    log.expire_producers(5_000 + 900);
    assert_eq!(known(&log), with_one);
    log.expire_producers(5_000 + 1_100);
    assert!(known(&log) < with_one);
}
