//! Writes a batch anew: with some of its records, with none, or with another codec.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  compaction, and produce where the topic names a codec of its own.
//! Calls:      `compression`, `header`, and the number coding of `builder`.
//! Never:      changes a record's offset or time, nor what the batch says of its producer.
//!
//! The offset range and the sequence stay those of the original, so a batch that lost records in
//! its front, middle or end still takes the same place in the log (KIP-98).

use super::builder::{put_varint, put_varlong, varint_bytes, write_header};
use super::compression::{Compression, DecompressError, compress, decompress};
use super::header::{
    BATCH_HEADER_BYTES, BatchHeader, LENGTH_OVERHEAD_BYTES, NO_TIMESTAMP, TimestampType,
    computed_crc,
};
use super::record::Record;

/// A batch in the making that takes the place of another one.
#[derive(Clone, Debug)]
pub struct Rebuild {
    original: BatchHeader,
    delete_horizon: Option<i64>,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    /// Room for the header, then records.
    bytes: Vec<u8>,
    count: i32,
}

impl Rebuild {
    /// `delete_horizon`: when, in milliseconds since the epoch, its tombstones and markers may go
    /// (KIP-534). It takes the place of the base timestamp.
    pub fn of(original: &BatchHeader, delete_horizon: Option<i64>) -> Rebuild {
        Rebuild {
            original: *original,
            delete_horizon,
            base_timestamp: delete_horizon,
            max_timestamp: NO_TIMESTAMP,
            bytes: vec![0; BATCH_HEADER_BYTES],
            count: 0,
        }
    }

    /// Takes over a record of the original.
    pub fn append(&mut self, record: &Record<'_>) {
        let original = &self.original;
        let timestamp = match original.attributes.timestamp_type() {
            TimestampType::CreateTime => {
                original.base_timestamp.wrapping_add(record.timestamp_delta)
            }
            TimestampType::LogAppendTime => original.max_timestamp,
        };
        let base = *self.base_timestamp.get_or_insert(timestamp);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(base);
        let (header_count, headers) = record.headers.raw();
        let sized = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => varint_bytes(bytes.len() as i64) + bytes.len(),
            None => 1,
        };
        let length = 1
            + varint_bytes(timestamp_delta)
            + varint_bytes(i64::from(record.offset_delta))
            + sized(record.key)
            + sized(record.value)
            + varint_bytes(i64::from(header_count))
            + headers.len();
        let out = &mut self.bytes;
        put_varint(out, length as i32);
        out.push(record.attributes as u8);
        put_varlong(out, timestamp_delta);
        put_varint(out, record.offset_delta);
        for field in [record.key, record.value] {
            match field {
                Some(bytes) => {
                    put_varint(out, bytes.len() as i32);
                    out.extend_from_slice(bytes);
                }
                None => put_varint(out, -1),
            }
        }
        put_varint(out, header_count);
        out.extend_from_slice(headers);
        self.count += 1;
    }

    pub fn count(&self) -> i32 {
        self.count
    }

    /// The batch, compressed with the codec of the original.
    pub fn finish(self) -> Vec<u8> {
        let codec = self.original.attributes.codec();
        let codec = codec.unwrap_or(Compression::None);
        let mut bytes = self.bytes;
        if codec != Compression::None {
            let mut packed = vec![0; BATCH_HEADER_BYTES];
            compress(codec, None, &bytes[BATCH_HEADER_BYTES..], &mut packed);
            bytes = packed;
        }
        let max_timestamp = match self.original.attributes.timestamp_type() {
            TimestampType::CreateTime => self.max_timestamp,
            TimestampType::LogAppendTime => self.original.max_timestamp,
        };
        let header = BatchHeader {
            attributes: self
                .original
                .attributes
                .with_codec(codec)
                .with_delete_horizon(self.delete_horizon.is_some()),
            base_timestamp: self.base_timestamp.unwrap_or(NO_TIMESTAMP),
            max_timestamp,
            records_count: self.count,
            ..self.original
        };
        seal(header, bytes)
    }
}

/// The batch without any record: what is left when only its producer's sequence still matters.
pub fn emptied(original: &BatchHeader) -> Vec<u8> {
    let header = BatchHeader {
        attributes: original
            .attributes
            .with_codec(Compression::None)
            .with_delete_horizon(false),
        base_timestamp: NO_TIMESTAMP,
        records_count: 0,
        ..*original
    };
    seal(header, vec![0; BATCH_HEADER_BYTES])
}

/// The same records in another codec. `batch` is one whole batch; `level` is the codec's own
/// scale, `limit` bounds what the records may become in between.
pub fn recompressed(
    batch: &[u8],
    codec: Compression,
    level: Option<i32>,
    limit: u64,
) -> Result<Vec<u8>, DecompressError> {
    let corrupt = |_| DecompressError::Corrupt;
    let header = BatchHeader::parse(batch).map_err(corrupt_header)?;
    let from = header.attributes.codec().map_err(corrupt)?;
    let packed = batch
        .get(BATCH_HEADER_BYTES..header.size())
        .ok_or(DecompressError::Corrupt)?;
    let mut plain = Vec::new();
    let records = match from {
        Compression::None => packed,
        _ => {
            decompress(from, packed, limit, &mut plain)?;
            &plain
        }
    };
    let mut bytes = Vec::with_capacity(BATCH_HEADER_BYTES + records.len() / 2);
    bytes.resize(BATCH_HEADER_BYTES, 0);
    compress(codec, level, records, &mut bytes);
    let attributes = header.attributes.with_codec(codec);
    let header = BatchHeader {
        attributes,
        ..header
    };
    Ok(seal(header, bytes))
}

fn corrupt_header(_: super::HeaderError) -> DecompressError {
    DecompressError::Corrupt
}

/// Writes the header over the room that was left for it.
fn seal(mut header: BatchHeader, mut bytes: Vec<u8>) -> Vec<u8> {
    header.length = (bytes.len() - LENGTH_OVERHEAD_BYTES) as i32;
    write_header(&header, &mut bytes);
    header.crc = computed_crc(&bytes);
    write_header(&header, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, BatchBuilder, BatchOptions, ProducerStamp, Records};
    use super::*;

    fn original(codec: Compression) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions {
            codec,
            base_offset: 100,
            transactional: true,
            producer: ProducerStamp {
                id: 7,
                epoch: 2,
                base_sequence: 40,
            },
            ..BatchOptions::default()
        });
        builder.append(5_000, Some(b"a"), Some(&[1; 300]), &[("h", Some(b"x"))]);
        builder.append(4_000, Some(b"b"), None, &[]);
        builder.append(6_000, None, Some(b"v"), &[("n", None)]);
        builder.finish()
    }

    fn plain(batch: &Batch<'_>) -> Vec<u8> {
        let codec = batch.header.attributes.codec().unwrap();
        let mut plain = Vec::new();
        decompress(codec, batch.records_bytes(), 1 << 20, &mut plain).unwrap();
        plain
    }

    #[test]
    fn records_taken_over_keep_offset_time_and_headers() {
        for codec in Compression::ALL {
            let bytes = original(codec);
            let batch = Batch::parse(&bytes).unwrap();
            let records = plain(&batch);
            let mut rebuild = Rebuild::of(&batch.header, None);
            for record in Records::new(&records, 3).skip(1) {
                rebuild.append(&record.unwrap());
            }
            let bytes = rebuild.finish();
            let after = Batch::parse(&bytes).unwrap();
            assert!(after.crc_is_valid());
            assert_eq!(after.bytes.len(), bytes.len());
            assert_eq!(after.header.attributes, batch.header.attributes);
            assert_eq!(
                (after.header.base_offset, after.header.last_offset()),
                (100, 102)
            );
            assert_eq!(after.header.base_sequence, 40);
            assert_eq!(after.header.base_timestamp, 4_000);
            assert_eq!(after.header.max_timestamp, 6_000);
            assert_eq!(after.header.records_count, 2);
            let records = plain(&after);
            let read: Vec<_> = Records::new(&records, 2).map(|r| r.unwrap()).collect();
            assert_eq!((read[0].offset_delta, read[0].timestamp_delta), (1, 0));
            assert_eq!((read[0].key, read[0].value), (Some(&b"b"[..]), None));
            assert_eq!((read[1].offset_delta, read[1].timestamp_delta), (2, 2_000));
            assert_eq!(read[1].headers.len(), 1);
        }
    }

    #[test]
    fn a_delete_horizon_takes_the_place_of_the_base_timestamp() {
        let bytes = original(Compression::Lz4);
        let batch = Batch::parse(&bytes).unwrap();
        let records = plain(&batch);
        let mut rebuild = Rebuild::of(&batch.header, Some(90_000));
        Records::new(&records, 3).for_each(|record| rebuild.append(&record.unwrap()));
        let bytes = rebuild.finish();
        let after = Batch::parse(&bytes).unwrap();
        assert!(after.header.attributes.has_delete_horizon());
        assert_eq!(after.header.base_timestamp, 90_000);
        let records = plain(&after);
        let times: Vec<i64> = Records::new(&records, 3)
            .map(|record| 90_000 + record.unwrap().timestamp_delta)
            .collect();
        assert_eq!(times, [5_000, 4_000, 6_000]);
    }

    #[test]
    fn an_emptied_batch_keeps_its_range_and_its_producer() {
        let bytes = original(Compression::Zstd);
        let header = BatchHeader::parse(&bytes).unwrap();
        let bytes = emptied(&header);
        let after = Batch::parse(&bytes).unwrap();
        assert!(after.crc_is_valid());
        assert_eq!(after.bytes.len(), BATCH_HEADER_BYTES);
        assert_eq!(after.header.records_count, 0);
        assert_eq!(after.header.last_sequence(), header.last_sequence());
        assert_eq!(after.header.last_offset(), header.last_offset());
        assert_eq!(after.header.attributes.codec_id(), 0);
    }

    #[test]
    fn a_codec_changes_nothing_but_the_bytes() {
        for from in Compression::ALL {
            for to in Compression::ALL {
                let bytes = original(from);
                let before = Batch::parse(&bytes).unwrap();
                let level = (to == Compression::Gzip).then_some(9);
                let after = recompressed(&bytes, to, level, 1 << 20).unwrap();
                let after = Batch::parse(&after).unwrap();
                assert!(after.crc_is_valid());
                assert_eq!(after.header.attributes.codec(), Ok(to));
                assert_eq!(after.header.base_timestamp, before.header.base_timestamp);
                assert_eq!(plain(&after), plain(&before));
            }
        }
        let limit = recompressed(&original(Compression::Gzip), Compression::Lz4, None, 10);
        assert_eq!(limit, Err(DecompressError::TooLarge { limit: 10 }));
    }
}
