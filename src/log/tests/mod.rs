//! A log against a naive model of one: a list of batches.
//!
//! Goal: whatever is appended, flushed, synced, cut, closed, killed and opened again, the log
//! answers every question as the list does; after a power cut it holds a prefix that reaches the
//! recovery point at least, and the journal's copies bring the rest back.
//! Method: seeded steps over the door in `door`. `OTTLA_LOG_SEEDS` runs more of them.

mod compaction;
mod damage;
mod door;
mod model;
mod parsers;
mod relocate;

use super::*;
use crate::ids::TopicId;
use crate::io::Slice;
use crate::runtime::Runtime;
use door::{Seeded, SharedDisk};
use ottla_protocol::record_batch::{
    BatchBuilder, BatchOptions, Compression, ProducerStamp, patch_leader_epoch,
};

const NOW: Instant = Instant(0);

fn key() -> PartitionKey {
    PartitionKey {
        topic: TopicId([7; 16]),
        partition: 3,
    }
}

fn folder() -> PathBuf {
    PathBuf::from("/data/orders-3")
}

fn storage(runtime: &Runtime, settings: StorageSettings) -> LogStorage {
    LogStorage::new(runtime, Path::new("/data"), settings)
}

/// A batch of two records at `offset`, plain in every way.
fn plain(offset: i64, value: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset: offset,
        ..BatchOptions::default()
    });
    for _ in 0..2 {
        builder.append(1_000 + offset, None, Some(value), &[]);
    }
    let mut bytes = builder.finish();
    patch_leader_epoch(&mut bytes, 1);
    bytes
}

fn append(log: &Log, bytes: &[u8]) {
    let info = BatchInfo::parse(bytes).expect("the test builds whole batches");
    log.append(Slice::copy_of(bytes), &info, GroupSequence(1), NOW);
}

fn content(slices: &[Slice]) -> Vec<u8> {
    slices.iter().flat_map(|slice| slice.to_vec()).collect()
}

#[test]
fn a_quiet_log_holds_no_open_file_and_is_read_all_the_same() {
    let disk = SharedDisk::default();
    let runtime = door::runtime(&disk, 1);
    let storage = storage(&runtime, StorageSettings::default());
    runtime.block_on(async move {
        let log = Log::create(&storage, &folder(), key(), LogSettings::default()).await;
        let log = log.expect("a new folder");
        append(&log, &plain(0, b"v"));
        log.flush().await.expect("flush");
        log.sync().await.expect("sync");
        assert_eq!(storage.open_files(), 1);
        log.close_files();
        assert_eq!(storage.open_files(), 0);
        append(&log, &plain(2, b"w"));
        log.flush().await.expect("the file is opened again");
        log.sync().await.expect("sync");
        log.close_files();
        let read = log.read_all(Offset(0), Offset(4), 1 << 20, true).await;
        assert_eq!(
            content(&read.expect("read")).len(),
            2 * plain(0, b"v").len()
        );
    });
}

/// Goal: what a reader found too large is where the next one for that offset goes on, and nobody
/// else.
#[test]
fn a_read_that_takes_nothing_leads_no_other_astray() {
    const COUNT: i64 = 200;
    let disk = SharedDisk::default();
    let runtime = door::runtime(&disk, 1);
    let settings = LogSettings {
        index_interval_bytes: 1000,
        ..LogSettings::default()
    };
    let written = storage(&runtime, StorageSettings::default());
    runtime.block_on(async move {
        let log = Log::create(&written, &folder(), key(), settings).await;
        let log = log.expect("a new folder");
        for n in 0..COUNT {
            append(&log, &plain(2 * n, &[n as u8; 500]));
        }
        log.close().await.expect("close");
    });
    let runtime = door::runtime(&disk, 2);
    let storage = storage(&runtime, StorageSettings::default());
    let known = Known {
        clean: true,
        ..Known::default()
    };
    runtime.block_on(async move {
        let opened = Log::open(&storage, &folder(), key(), settings, known).await;
        let (log, _) = opened.expect("a log always opens");
        let end = Offset(2 * COUNT);
        for from in 0..2 * COUNT {
            let nothing = log.read_all(Offset(from), end, 1, false).await;
            assert_eq!(nothing.expect("readable").len(), 0);
            for from in [from, 0] {
                let read = log.read_all(Offset(from), end, 1, true).await;
                let batch = from / 2;
                let batch = plain(2 * batch, &[batch as u8; 500]);
                assert_eq!(content(&read.expect("readable")), batch, "from {from}");
            }
        }
    });
}
