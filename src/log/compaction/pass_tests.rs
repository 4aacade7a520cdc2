//! What stays of batches, case by case, as Kafka's cleaner chooses.
//!
//! Room:       `log::compaction`, tests of `pass`.
//! Called by:  `cargo test`.

use super::*;
use crate::log::AbortedTransaction;
use ottla_protocol::record_batch::{BatchBuilder, BatchOptions, ProducerStamp};

const TERMS: Terms = Terms {
    now_ms: 10_000,
    delete_retention_ms: 500,
};

/// Records `(key, value)` in one batch.
fn batch(base: i64, codec: Compression, records: &[(&str, Option<&str>)]) -> Vec<u8> {
    let options = BatchOptions {
        codec,
        base_offset: base,
        ..BatchOptions::default()
    };
    build(options, records)
}

fn build(options: BatchOptions, records: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(options);
    for (key, value) in records {
        builder.append(1_000, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    builder.finish()
}

fn of_producer(base: i64, id: i64, sequence: i32, key: &str) -> Vec<u8> {
    let options = BatchOptions {
        base_offset: base,
        transactional: true,
        producer: ProducerStamp {
            id,
            epoch: 0,
            base_sequence: sequence,
        },
        ..BatchOptions::default()
    };
    build(options, &[(key, Some("v"))])
}

fn marker(base: i64, id: i64, commit: u8) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset: base,
        transactional: true,
        control: true,
        producer: ProducerStamp {
            id,
            epoch: 0,
            base_sequence: -1,
        },
        ..BatchOptions::default()
    });
    builder.append(1_000, Some(&[0, 0, 0, commit]), Some(&[0; 6]), &[]);
    builder.finish()
}

fn aborted(id: i64, first: i64, last: i64) -> AbortedTransaction {
    AbortedTransaction {
        producer_id: id,
        first_offset: Offset(first),
        last_offset: Offset(last),
        last_stable_offset: Offset(last + 1),
    }
}

struct Run {
    aborted: Vec<AbortedTransaction>,
    last: Map<i64, LastBatch>,
    now_ms: i64,
}

impl Default for Run {
    fn default() -> Run {
        Run {
            aborted: Vec::new(),
            last: Map::default(),
            now_ms: TERMS.now_ms,
        }
    }
}

impl Run {
    fn clean(&self, log: &[u8]) -> (Vec<u8>, Copy) {
        let mut learn = Learn::new(OffsetMap::new(1 << 16, 0.9), Offset(0));
        learn.transactions.add(&self.aborted);
        learn.feed(log).expect("whole batches");
        let terms = Terms {
            now_ms: self.now_ms,
            ..TERMS
        };
        let mut copy = learn.into_copy(terms, self.last.clone());
        copy.transactions.add(&self.aborted);
        let mut out = Vec::new();
        copy.feed(log, &mut out).expect("whole batches");
        (out, copy)
    }
}

/// `offset=key:value` of each record, `[offset..offset]` of a batch without any.
fn shown(log: &[u8]) -> String {
    let mut lines = Vec::new();
    for batch in Batches::new(log) {
        let batch = batch.expect("whole");
        assert!(batch.crc_is_valid());
        let records = plain(&batch).expect("readable");
        if batch.header.records_count == 0 {
            let (base, last) = (batch.header.base_offset, batch.header.last_offset());
            lines.push(format!("[{base}..{last}]"));
        }
        for record in Records::new(&records, batch.header.records_count) {
            let record = record.expect("sound");
            let offset = batch.header.base_offset + i64::from(record.offset_delta);
            if batch.header.attributes.is_control() {
                lines.push(format!("{offset}=marker"));
                continue;
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let key = record.key.map_or("-".to_owned(), text);
            let value = record.value.map_or("-".to_owned(), text);
            lines.push(format!("{offset}={key}:{value}"));
        }
    }
    lines.join(" ")
}

#[test]
fn the_newest_record_of_a_key_stays_with_every_codec() {
    for codec in Compression::ALL {
        let log = [
            batch(
                0,
                codec,
                &[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))],
            ),
            batch(3, codec, &[("b", Some("2"))]),
            batch(4, codec, &[("a", Some("2")), ("a", Some("3"))]),
        ]
        .concat();
        let (out, copy) = Run::default().clean(&log);
        assert_eq!(shown(&out), "2=c:1 3=b:2 5=a:3");
        assert!(copy.changed);
        for batch in Batches::new(&out) {
            assert_eq!(batch.unwrap().header.attributes.codec(), Ok(codec));
        }
        let (again, copy) = Run::default().clean(&out);
        assert_eq!(again, out, "nothing is left to do");
        assert!(!copy.changed);
    }
}

#[test]
fn a_tombstone_stays_until_its_horizon() {
    let log = batch(
        0,
        Compression::None,
        &[("a", Some("1")), ("a", None), ("b", Some("1"))],
    );
    let (first, _) = Run::default().clean(&log);
    assert_eq!(shown(&first), "1=a:- 2=b:1");
    let header = Batches::new(&first).next().unwrap().unwrap().header;
    assert!(header.attributes.has_delete_horizon());
    assert_eq!(
        header.base_timestamp,
        TERMS.now_ms + TERMS.delete_retention_ms
    );
    let later = |now_ms| Run {
        now_ms,
        ..Run::default()
    };
    let (early, copy) = later(10_499).clean(&first);
    assert_eq!(early, first);
    assert!(!copy.changed);
    let (late, _) = later(10_500).clean(&first);
    assert_eq!(shown(&late), "2=b:1");
}

#[test]
fn aborted_data_goes_and_its_marker_follows_a_pass_later() {
    let log = [
        of_producer(0, 7, 0, "a"),
        of_producer(1, 8, 0, "b"),
        marker(2, 7, 0),
        marker(3, 8, 1),
        batch(4, Compression::None, &[("c", Some("1"))]),
    ]
    .concat();
    let run = Run {
        aborted: vec![aborted(7, 0, 2)],
        ..Run::default()
    };
    let (first, mut copy) = run.clean(&log);
    assert_eq!(shown(&first), "1=b:v 2=marker 3=marker 4=c:1");
    assert_eq!(copy.transactions.take_kept(), run.aborted);
    // The abort's marker ends nothing now: it gets a horizon, and its entry goes.
    let (second, mut copy) = run.clean(&first);
    assert_eq!(shown(&second), "1=b:v 2=marker 3=marker 4=c:1");
    assert_eq!(copy.transactions.take_kept(), vec![]);
    let horizons: Vec<bool> = Batches::new(&second)
        .map(|batch| batch.unwrap().header.attributes.has_delete_horizon())
        .collect();
    assert_eq!(horizons, [false, true, false, false]);
    let late = Run {
        now_ms: 20_000,
        ..Run::default()
    };
    let (third, _) = late.clean(&second);
    assert_eq!(shown(&third), "1=b:v 3=marker 4=c:1");
}

#[test]
fn an_aborted_key_does_not_hide_an_older_one() {
    let log = [
        batch(0, Compression::None, &[("a", Some("1"))]),
        of_producer(1, 7, 0, "a"),
        marker(2, 7, 0),
    ]
    .concat();
    let run = Run {
        aborted: vec![aborted(7, 1, 2)],
        ..Run::default()
    };
    assert_eq!(shown(&run.clean(&log).0), "0=a:1 2=marker");
}

#[test]
fn the_last_batch_of_a_producer_stays_empty() {
    let log = [
        of_producer(0, 7, 0, "a"),
        marker(1, 7, 1),
        batch(2, Compression::Gzip, &[("a", Some("2"))]),
    ]
    .concat();
    let mut last = Map::default();
    let data_offset = Some(Offset(0));
    last.insert(
        7,
        LastBatch {
            data_offset,
            producer_epoch: 0,
        },
    );
    let run = Run {
        last,
        ..Run::default()
    };
    let (out, _) = run.clean(&log);
    assert_eq!(shown(&out), "[0..0] 1=marker 2=a:2");
    let (again, copy) = run.clean(&out);
    // The marker's transaction has an empty batch in it, so it stays as it is.
    assert_eq!(shown(&again), "[0..0] 1=marker 2=a:2");
    assert!(!copy.changed);
}

#[test]
fn what_the_map_could_not_take_stays() {
    let records: Vec<String> = (0..200).map(|n| format!("k{}", n % 100)).collect();
    let log: Vec<u8> = records
        .iter()
        .enumerate()
        .flat_map(|(n, key)| batch(n as i64, Compression::None, &[(key, Some("v"))]))
        .collect();
    let mut learn = Learn::new(OffsetMap::new(24 * 60, 0.9), Offset(0));
    learn.feed(&log).expect("whole batches");
    assert!(learn.is_full);
    assert_eq!(learn.up_to, Offset(54));
    let mut copy = learn.into_copy(TERMS, Map::default());
    let mut out = Vec::new();
    copy.feed(&log, &mut out).expect("whole batches");
    assert_eq!(out, log);
}

#[test]
fn damage_stops_the_pass_and_names_its_place() {
    let mut log = batch(5, Compression::None, &[("a", Some("1"))]);
    let last = log.len() - 1;
    log[last] ^= 1;
    let mut learn = Learn::new(OffsetMap::new(1 << 16, 0.9), Offset(0));
    let refused = learn.feed(&log).expect_err("its checksum is wrong");
    assert_eq!(refused.offset, Offset(5));
}
