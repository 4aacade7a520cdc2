//! A batch that the broker finds too large, as two halves.
//!
//! Room:       `client::producer`.
//! Called by:  `settle`.
//! Never:      loses a record or a sequence: the halves bear the numbers that the whole one had.

use super::Shared;
use super::queue::Built;
use crate::client::properties::ProducerConfig;
use crate::protocol::record_batch::{
    Batch, BatchBuilder, BatchOptions, Record, Records, decompress,
};

impl Shared {
    /// Puts the halves back to be sent again. False: it has none, and is lost.
    pub(super) fn split(&self, n: usize, built: &Built) -> bool {
        let Some([first, second]) = built.halves(&self.config) else {
            return false;
        };
        let mut state = self.state();
        state.unsettled += 1;
        let queue = &mut state.queues[n];
        queue.in_flight -= 1;
        queue.put_back(second);
        queue.put_back(first);
        true
    }
}

impl Built {
    /// The batch in two, as Kafka's producer does it: what is too large together may pass by
    /// itself. `None`: it is a single record.
    fn halves(&self, config: &ProducerConfig) -> Option<[Built; 2]> {
        let middle = self.tags.len() / 2;
        if middle == 0 {
            return None;
        }
        let batch = Batch::parse(&self.bytes).ok()?;
        let mut plain = Vec::new();
        let codec = batch.header.attributes.codec().ok()?;
        // It is the producer's own: whatever it takes, it had been there before.
        decompress(codec, batch.records_bytes(), u64::MAX, &mut plain).ok()?;
        let records = Records::new(&plain, batch.header.records_count);
        let records: Vec<Record<'_>> = records.collect::<Result<_, _>>().ok()?;
        let (first, second) = records.split_at_checked(middle)?;
        let buffered = self.buffered / 2;
        let half = |records: &[Record<'_>], tags: &[u64], buffered| {
            let mut builder = BatchBuilder::new(BatchOptions {
                codec: config.compression,
                level: config.compression_level,
                ..Default::default()
            });
            for record in records {
                let timestamp = batch.header.base_timestamp + record.timestamp_delta;
                append(&mut builder, timestamp, record);
            }
            self.part(builder, tags.to_vec(), buffered)
        };
        let mut second = half(second, &self.tags[middle..], self.buffered - buffered);
        second.stamp = second.stamp.after(middle);
        Some([half(first, &self.tags[..middle], buffered), second])
    }
}

fn append(builder: &mut BatchBuilder, timestamp: i64, record: &Record<'_>) {
    let headers = record.headers.iter();
    let headers = headers.map(|header| {
        let key = str::from_utf8(header.key).expect("its name was given as text");
        (key, header.value)
    });
    let headers: Vec<(&str, Option<&[u8]>)> = headers.collect();
    builder.append(timestamp, record.key, record.value, &headers);
}

#[cfg(test)]
mod tests {
    use super::super::Outgoing;
    use super::super::queue::{Queue, record_bytes};
    use super::*;
    use crate::protocol::Uuid;
    use crate::protocol::record_batch::Compression;

    /// Goal: both halves together are the batch: records, headers, times, tags, sequences, room.
    #[test]
    fn halves_are_the_whole() {
        for codec in [Compression::None, Compression::Zstd] {
            let config = ProducerConfig {
                compression: codec,
                ..Default::default()
            };
            let mut queue = Queue::new("t", Uuid::ZERO, 0, 1);
            queue.stamp.id = 7;
            queue.stamp.base_sequence = i32::MAX;
            for tag in 0..5 {
                let value = [tag as u8; 40];
                let record = Outgoing {
                    timestamp: 1_000 + tag as i64,
                    key: (tag == 1).then_some(b"key"),
                    value: (tag != 2).then_some(&value),
                    headers: &[("name", Some(b"value")), ("none", None)],
                    tag,
                };
                queue.append(&record, record_bytes(&record), &config);
            }
            let mut whole = queue.take(true).expect("a batch is open");
            whole.finish();
            let mut halves = whole.halves(&config).expect("it has five records");
            let mut got = Vec::new();
            for half in &mut halves {
                half.finish();
                got.extend(told(half));
            }
            assert_eq!(got, told(&whole));
            assert_eq!(
                [&halves[0].tags[..], &halves[1].tags[..]].concat(),
                whole.tags
            );
            assert_eq!(halves[0].buffered + halves[1].buffered, whole.buffered);
            assert_eq!(halves[0].stamp.base_sequence, i32::MAX);
            assert_eq!(halves[1].stamp.base_sequence, 1);
            assert!(halves.iter().all(|half| half.order == whole.order));
        }
    }

    #[test]
    fn a_single_record_has_no_halves() {
        let (mut queue, config) = (Queue::new("t", Uuid::ZERO, 0, 1), ProducerConfig::default());
        let record = Outgoing {
            timestamp: 1,
            key: None,
            value: None,
            headers: &[],
            tag: 0,
        };
        queue.append(&record, record_bytes(&record), &config);
        let mut built = queue.take(false).expect("a batch is open");
        built.finish();
        assert!(built.halves(&config).is_none());
    }

    /// Time, key, value and headers of each record, as text.
    fn told(built: &Built) -> Vec<String> {
        let batch = Batch::parse(&built.bytes).expect("it is a batch");
        assert!(batch.crc_is_valid());
        let mut plain = Vec::new();
        let codec = batch.header.attributes.codec().expect("it is known");
        decompress(codec, batch.records_bytes(), 1 << 20, &mut plain).expect("it is sound");
        let records = Records::new(&plain, batch.header.records_count);
        let told = records.map(|record| {
            let record = record.expect("it is sound");
            let headers: Vec<_> = record.headers.iter().collect();
            let time = batch.header.base_timestamp + record.timestamp_delta;
            format!("{time} {:?} {:?} {headers:?}", record.key, record.value)
        });
        told.collect()
    }
}
