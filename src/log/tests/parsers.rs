//! Goal: no bytes on a disk make a parser of this room panic, or take in what it says is damaged.
//! Method: sound files with seeded accidents; what is taken is written and read again the same.

use super::*;
use crate::accidents::Accidents;
use crate::ids::LeaderEpoch;
use crate::log::checkpoint::{format_offsets, parse_offsets};
use crate::log::index::{AbortedTransaction, offset, time, transaction};
use crate::log::layout;
use crate::log::leader_epoch::{EpochCache, EpochEntry};

#[test]
fn text_files_are_read_or_refused() {
    let rows = [("orders", 3, Offset(17)), ("a.b", 0, Offset(i64::MAX))];
    Accidents::each_text(&[format_offsets(rows), format_offsets([])], |text| {
        if let Ok(read) = parse_offsets(text) {
            let rows = read.iter();
            let again = format_offsets(rows.map(|r| (&*r.topic, r.partition, r.offset)));
            assert_eq!(parse_offsets(&again), Ok(read));
        }
    });

    let entries = [(0, 0), (3, 10), (4, 500)].map(|(epoch, start)| EpochEntry {
        epoch: LeaderEpoch(epoch),
        start: Offset(start),
    });
    let sound = EpochCache::from_entries(entries).format();
    Accidents::each_text(&[sound], |text| {
        if let Ok(read) = EpochCache::parse(text) {
            let rises = |pair: &[EpochEntry]| {
                pair[0].epoch < pair[1].epoch && pair[0].start <= pair[1].start
            };
            assert!(read.entries().windows(2).all(rises), "{text}");
            let again = EpochCache::parse(&read.format()).expect("just written");
            assert_eq!(again.entries(), read.entries());
        }
    });

    let sound = layout::format_partition_metadata(TopicId([7; 16]));
    Accidents::each_text(&[sound], |text| {
        if let Some(topic) = layout::parse_partition_metadata(text) {
            let again = layout::format_partition_metadata(topic);
            assert_eq!(layout::parse_partition_metadata(&again), Some(topic));
        }
    });
}

#[test]
fn indexes_are_taken_as_far_as_they_are_sane() {
    let entries: Vec<_> = (1..9u32)
        .map(|n| offset::OffsetEntry {
            relative_offset: n * 10,
            position: n * 4096,
        })
        .collect();
    Accidents::each(&[offset::encode(&entries)], |bytes| {
        let (read, whole) = offset::parse(bytes, 40_000);
        assert!(
            read.windows(2)
                .all(|pair| pair[0].position < pair[1].position)
        );
        assert!(read.iter().all(|entry| entry.position < 40_000));
        let again = offset::encode(&read);
        assert!(bytes.starts_with(&again));
        assert_eq!(offset::parse(&again, 40_000), (read, true));
        assert!(!whole || bytes[again.len()..].iter().all(|byte| *byte == 0));
    });

    let entries: Vec<_> = (1..9u32)
        .map(|n| time::TimeEntry {
            timestamp: i64::from(n) * 1_000,
            relative_offset: n * 10,
        })
        .collect();
    Accidents::each(&[time::encode(&entries)], |bytes| {
        let (read, _) = time::parse(bytes);
        assert!(
            read.windows(2)
                .all(|pair| pair[0].timestamp < pair[1].timestamp)
        );
        let again = time::encode(&read);
        assert!(bytes.starts_with(&again));
        assert_eq!(time::parse(&again).0, read);
    });

    let entries: Vec<_> = (1..5i64)
        .map(|n| AbortedTransaction {
            producer_id: n,
            first_offset: Offset(n * 100),
            last_offset: Offset(n * 100 + 50),
            last_stable_offset: Offset(n * 100),
        })
        .collect();
    Accidents::each(&[transaction::encode(&entries)], |bytes| {
        let (read, _) = transaction::parse(bytes, Offset(100), Offset(1_000));
        let inside = |entry: &AbortedTransaction| {
            (100..1_000).contains(&entry.last_offset.0) && entry.first_offset <= entry.last_offset
        };
        assert!(read.iter().all(inside));
        assert!(bytes.starts_with(&transaction::encode(&read)));
    });
}
