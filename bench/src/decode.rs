//! Question:  what does it cost to decode a Produce request, to check its batch, and to walk its
//!            records?
//! Budget:    decoding <= 100 ns per partition whatever the batch; checking is the CRC (16 KiB in
//!            ~1 us); walking ~5 ns per record.
//! Workload:  one topic, one partition, batches of 1, 16 and 160 records of 100 B, uncompressed.
//! Prints:    one line per size and step, and a hash of what was found.

use crate::Size;
use crate::measure::repeat;
use ottla_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_protocol::produce::ProduceView;
use ottla_protocol::record_batch::{BatchBuilder, BatchOptions, Limits, WalkLimits, check};
use ottla_protocol::{Reader, TopicName, Uuid};
use std::hint::black_box;

const VERSION: i16 = 11;

pub fn run(size: &Size) {
    let mut hash = 0usize;
    for records in [1, 16, 160] {
        let batch = batch_of(records);
        let request = request_of(&batch);
        let line = |step: &str, count: u64, elapsed: std::time::Duration| {
            let each = elapsed.as_nanos() as f64 / count as f64;
            println!(
                "decode   {records:>4} records  {:>6} B  {step:<18} {each:9.1} ns",
                batch.len()
            );
        };
        let (count, elapsed) = repeat(size.span, || {
            let mut reader = Reader::new(black_box(&request));
            let view = ProduceView::decode(&mut reader, VERSION).expect("we encoded it");
            for partition in view.partitions() {
                hash = hash.wrapping_add(partition.range.len());
            }
        });
        line("borrowed request", count, elapsed);
        let (count, elapsed) = repeat(size.span, || {
            let mut reader = Reader::new(black_box(&request));
            let owned = ProduceRequest::decode(&mut reader, VERSION).expect("we encoded it");
            hash = hash.wrapping_add(owned.topic_data.len());
        });
        line("generated request", count, elapsed);
        let limits = Limits::default();
        let (count, elapsed) = repeat(size.span, || {
            let checked = check(black_box(&batch), &limits).expect("we built it");
            hash = hash.wrapping_add(checked.size);
        });
        line("check batch", count, elapsed);
        let checked = check(&batch, &limits).expect("we built it");
        let walk_limits = WalkLimits {
            timestamp_min: i64::MIN,
            timestamp_max: i64::MAX,
            ..WalkLimits::default()
        };
        let (count, elapsed) = repeat(size.span, || {
            let walked = checked.walk(black_box(&batch), &walk_limits);
            hash = hash.wrapping_add(usize::from(walked.is_ok()));
        });
        line("walk records", count, elapsed);
        assert!(checked.walk(&batch, &walk_limits).is_ok(), "we built it");
    }
    println!("decode   hash {:016x}", black_box(hash));
}

pub fn batch_of(records: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for number in 0..records {
        let value: Vec<u8> = (0..100).map(|at| (at * 7 + number) as u8).collect();
        builder.append(1_700_000_000_000 + number as i64, None, Some(&value), &[]);
    }
    builder.finish()
}

fn request_of(batch: &[u8]) -> Vec<u8> {
    let request = ProduceRequest {
        transactional_id: None,
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: TopicName("orders"),
            topic_id: Uuid::default(),
            partition_data: vec![PartitionProduceData {
                index: 0,
                records: Some(batch),
            }],
        }],
    };
    let mut bytes = Vec::new();
    request
        .encode(&mut bytes, VERSION)
        .expect("nothing in it is too long");
    bytes
}
