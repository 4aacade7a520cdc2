//! Builds record batches: what a producer sends, and what coordinators and tests write.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  the client's producer, coordinators, tests, the load generator.
//! Calls:      `compression`, `crc`, `header`.
//! Never:      asks a clock, or copies uncompressed records a second time: they are written behind
//!             the place of the header from the start.

use super::compression::{Compression, compress};
use super::header::{
    Attributes, BATCH_HEADER_BYTES, BatchHeader, LENGTH_OVERHEAD_BYTES, NO_PARTITION_LEADER_EPOCH,
    NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, TimestampType, computed_crc,
};

/// What holds for the whole batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchOptions {
    pub codec: Compression,
    /// The codec's own scale; `None` is Kafka's default.
    pub level: Option<i32>,
    pub timestamp_type: TimestampType,
    pub transactional: bool,
    pub control: bool,
    pub producer: ProducerStamp,
    /// 0 in what a producer sends.
    pub base_offset: i64,
}

/// Who sends, for idempotence (KIP-98). The default is a producer without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    pub id: i64,
    pub epoch: i16,
    /// Sequence number of the first record, counted per partition.
    pub base_sequence: i32,
}

impl ProducerStamp {
    /// The stamp of what follows so many records: sequences begin at 0 again behind the largest.
    pub fn after(self, records: usize) -> ProducerStamp {
        if self.base_sequence == NO_SEQUENCE {
            return self;
        }
        let next = i64::from(self.base_sequence) + records as i64;
        ProducerStamp {
            base_sequence: (next % (i64::from(i32::MAX) + 1)) as i32,
            ..self
        }
    }
}

impl Default for ProducerStamp {
    fn default() -> Self {
        Self {
            id: NO_PRODUCER_ID,
            epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
        }
    }
}

/// One batch in the making.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    options: BatchOptions,
    /// Room for the header, then records.
    bytes: Vec<u8>,
    count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl BatchBuilder {
    pub fn new(options: BatchOptions) -> Self {
        Self::with_buffer(options, Vec::new())
    }

    /// As `new`, over the memory of an earlier batch.
    pub fn with_buffer(options: BatchOptions, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.resize(BATCH_HEADER_BYTES, 0);
        Self {
            options,
            bytes,
            count: 0,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
        }
    }

    /// Appends one record; `timestamp` in milliseconds since the epoch, -1 for none.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(self.base_timestamp);
        let length = body_bytes(timestamp_delta, self.count, key, value, headers);
        let out = &mut self.bytes;
        out.reserve(length + VARINT_BYTES_MAX);
        put_varint(out, length as i32);
        out.push(0);
        put_varlong(out, timestamp_delta);
        put_varint(out, self.count);
        put_bytes(out, key);
        put_bytes(out, value);
        put_varint(out, headers.len() as i32);
        for (key, value) in headers {
            put_bytes(out, Some(key.as_bytes()));
            put_bytes(out, *value);
        }
        self.count += 1;
    }

    /// Ends the batch and returns its bytes, ready to send.
    pub fn finish(self) -> Vec<u8> {
        let producer = self.options.producer;
        self.finish_as(producer)
    }

    /// As `finish`, with a producer stamp that is known only when the batch is sent.
    pub fn finish_as(self, producer: ProducerStamp) -> Vec<u8> {
        let options = self.options;
        let mut bytes = self.bytes;
        if options.codec != Compression::None {
            let mut packed = Vec::with_capacity(bytes.len() / 2 + BATCH_HEADER_BYTES);
            packed.resize(BATCH_HEADER_BYTES, 0);
            compress(
                options.codec,
                options.level,
                &bytes[BATCH_HEADER_BYTES..],
                &mut packed,
            );
            bytes = packed;
        }
        let attributes = Attributes::default()
            .with_codec(options.codec)
            .with_timestamp_type(options.timestamp_type)
            .with_transactional(options.transactional)
            .with_control(options.control);
        let mut header = BatchHeader {
            base_offset: options.base_offset,
            length: (bytes.len() - LENGTH_OVERHEAD_BYTES) as i32,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            crc: 0,
            attributes,
            last_offset_delta: self.count - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: producer.base_sequence,
            records_count: self.count,
        };
        write_header(&header, &mut bytes);
        header.crc = computed_crc(&bytes);
        write_header(&header, &mut bytes);
        bytes
    }

    pub fn count(&self) -> i32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the batch so far, before compression.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// So many bytes a record without headers adds whose timestamp is the batch's.
    pub fn record_bytes(offset_delta: i32, key: usize, value: usize) -> usize {
        let sized = |bytes: usize| varint_bytes(bytes as i64) + bytes;
        let body = 3 + varint_bytes(i64::from(offset_delta)) + sized(key) + sized(value);
        varint_bytes(body as i64) + body
    }

    /// At most this many bytes does a record of these sizes add, headers aside.
    pub fn record_bytes_max(key: usize, value: usize) -> usize {
        key + value + 5 * VARINT_BYTES_MAX + 11
    }
}

pub(super) fn write_header(header: &BatchHeader, bytes: &mut [u8]) {
    let head = bytes
        .first_chunk_mut()
        .expect("the builder starts with room for a header");
    header.write(head);
}

/// Bytes of a record after its length field.
fn body_bytes(
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[(&str, Option<&[u8]>)],
) -> usize {
    let sized = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => varint_bytes(bytes.len() as i64) + bytes.len(),
        None => 1,
    };
    let mut length = 1 + varint_bytes(timestamp_delta) + varint_bytes(i64::from(offset_delta));
    length += sized(key) + sized(value) + varint_bytes(headers.len() as i64);
    for (key, value) in headers {
        length += sized(Some(key.as_bytes())) + sized(*value);
    }
    length
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_varint(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
        None => put_varint(out, -1),
    }
}

#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_varlong(out, i64::from(value));
}

#[inline]
pub(super) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = zag(value);
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

pub(super) fn varint_bytes(value: i64) -> usize {
    let bits = 64 - (zag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Zigzag coding: small numbers of either sign become small.
fn zag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const VARINT_BYTES_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::super::{Batch, Headers, Records, decompress};
    use super::*;

    #[test]
    fn a_batch_reads_back_with_every_codec() {
        for codec in Compression::ALL {
            let producer = ProducerStamp {
                id: 42,
                epoch: 3,
                base_sequence: 17,
            };
            let options = BatchOptions {
                codec,
                transactional: true,
                producer,
                ..Default::default()
            };
            let mut builder = BatchBuilder::new(options);
            builder.append(
                1_000,
                Some(b"k"),
                Some(b"v"),
                &[("h", Some(b"x")), ("n", None)],
            );
            builder.append(990, None, None, &[]);
            builder.append(1_500, Some(b""), Some(&[9; 5_000]), &[]);
            let bytes = builder.finish();
            let batch = Batch::parse(&bytes).unwrap();
            assert!(batch.crc_is_valid());
            assert_eq!(batch.header.base_timestamp, 1_000);
            assert_eq!(batch.header.max_timestamp, 1_500);
            assert_eq!(batch.header.producer_id, 42);
            assert_eq!(batch.header.base_sequence, 17);
            assert_eq!(batch.header.last_offset(), 2);
            assert!(batch.header.attributes.is_transactional());
            let mut plain = Vec::new();
            decompress(codec, batch.records_bytes(), 1 << 20, &mut plain).unwrap();
            let records: Vec<_> = Records::new(&plain, 3)
                .map(|record| record.unwrap())
                .collect();
            assert_eq!(records[0].headers.len(), 2);
            assert_eq!((records[1].key, records[1].value), (None, None));
            assert_eq!(records[1].timestamp_delta, -10);
            assert_eq!(records[2].key, Some(&b""[..]));
            assert_eq!(records[2].headers, Headers::default());
        }
    }

    #[test]
    fn number_sizes_are_what_is_written() {
        for value in [
            0,
            -1,
            1,
            63,
            64,
            -64,
            -65,
            8_191,
            8_192,
            i64::MAX,
            i64::MIN,
            1 << 35,
        ] {
            let mut out = Vec::new();
            put_varlong(&mut out, value);
            assert_eq!(out.len(), varint_bytes(value), "{value}");
        }
    }
}
