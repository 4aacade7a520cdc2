//! A log that is a copy of another and takes its place.

use super::*;
use crate::log::layout::future_folder_name;

fn numbered(producer: i64, sequence: i32, offset: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset: offset,
        producer: ProducerStamp {
            id: producer,
            epoch: 0,
            base_sequence: sequence,
        },
        ..BatchOptions::default()
    });
    builder.append(1_000, None, Some(b"value"), &[]);
    let mut bytes = builder.finish();
    patch_leader_epoch(&mut bytes, 1);
    bytes
}

/// Goal: a folder gets another name under a reader that is on its way to the disk.
#[test]
fn a_folder_is_renamed_under_its_readers() {
    let disk = SharedDisk::default();
    let runtime = door::runtime(&disk, 1);
    let settings = StorageSettings {
        hot_bytes: 0,
        cache_bytes: 0,
        ..StorageSettings::default()
    };
    let storage = storage(&runtime, settings);
    let inner = runtime.clone();
    runtime.block_on(async move {
        let future = future_folder_name("orders", 3, 7).expect("short");
        let future = Path::new("/data").join(future);
        let log = Log::create(&storage, &future, key(), LogSettings::default()).await;
        let log = log.expect("a new folder");
        (0..40).for_each(|n| append(&log, &plain(2 * n, b"value")));
        log.flush().await.expect("flush");
        log.sync().await.expect("sync");
        log.close_files();
        let readers: Vec<_> = (0..40)
            .map(|n| {
                let log = log.clone();
                inner.spawn_with_result(async move {
                    let read = log.read_all(Offset(2 * n), Offset(80), 1 << 20, true).await;
                    content(&read.expect("it is readable at every moment"))
                })
            })
            .collect();
        log.rename_folder(&folder()).await.expect("renamed");
        assert_eq!(log.dir(), folder());
        let one = plain(0, b"value").len();
        for (n, reader) in readers.into_iter().enumerate() {
            assert_eq!(reader.await.len(), (40 - n) * one);
        }
        append(&log, &plain(80, b"value"));
        log.flush().await.expect("flush");
        log.sync().await.expect("sync");
    });
    let disk = disk.borrow();
    assert!(disk.files.keys().all(|path| path.starts_with(folder())));
}

/// Goal: a copy knows the producers whose batches were deleted before it was made, and the epochs
/// in which nothing was written; what is behind its end it does not know yet.
#[test]
fn a_copy_takes_over_what_batches_do_not_tell() {
    let disk = SharedDisk::default();
    let runtime = door::runtime(&disk, 1);
    let storage = storage(&runtime, StorageSettings::default());
    runtime.block_on(async move {
        let original = Log::create(&storage, &folder(), key(), LogSettings::default()).await;
        let original = original.expect("a new folder");
        for (producer, offset) in [(11, 0), (12, 1), (13, 2)] {
            append(&original, &numbered(producer, 0, offset));
        }
        original.assign_epoch(LeaderEpoch(5), Offset(3));
        let other = Path::new("/data/other-3");
        let copy = Log::create(&storage, other, key(), LogSettings::default()).await;
        let copy = copy.expect("a new folder");
        // The first batch was deleted, the last comes later.
        copy.truncate_fully(Offset(1)).await.expect("an empty log");
        append(&copy, &numbered(12, 0, 1));
        copy.adopt(&original);
        let known = |log: &Log, id| log.with_producers(|producers| producers.get(id).cloned());
        assert_eq!(known(&copy, 11), known(&original, 11));
        assert_eq!(known(&copy, 12), known(&original, 12));
        assert_eq!(known(&copy, 13), None);
        assert_eq!(copy.epochs()[..], original.epochs()[..1]);
        append(&copy, &numbered(13, 0, 2));
        copy.adopt(&original);
        assert_eq!(known(&copy, 13), known(&original, 13));
        assert_eq!(copy.epochs(), original.epochs());
    });
}
