//! Records of one partition out of one fetch, checked, decompressed, and read without copies.
//!
//! Room:       `client::consumer`.
//! Called by:  the fetcher (builds), the caller of `poll` (reads).
//! Calls:      `record_batch`.
//! Never:      hands out control records, records below the asked offset, or, when only committed
//!             ones are wanted, records of aborted transactions.

use std::sync::Arc;
use std::time::Instant;

use crate::client::error::ClientError;
use crate::protocol::record_batch::{
    Batch, BatchHeader, Batches, Compression, HeaderError, Headers, Records, TimestampType,
    decompress,
};

/// What one partition gave in one fetch.
#[derive(Debug)]
pub struct Fetched {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Records below it are on every in-sync replica.
    pub high_watermark: i64,
    /// The first offset still in the log.
    pub log_start_offset: i64,
    /// Where the next fetch goes on.
    pub next_offset: i64,
    /// Bytes of the batches as they came.
    pub bytes: usize,
    /// When the last byte of the answer was read from the socket.
    pub received_at: Instant,
    frame: Arc<Vec<u8>>,
    pieces: Vec<Piece>,
    from_offset: i64,
}

/// One batch: where its records lie.
#[derive(Debug)]
struct Piece {
    header: BatchHeader,
    records: Place,
}

#[derive(Debug)]
enum Place {
    /// Inside the fetched frame.
    Frame(std::ops::Range<usize>),
    /// Decompressed.
    Own(Vec<u8>),
}

/// One record, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct ConsumedRecord<'f> {
    pub offset: i64,
    /// Milliseconds since the epoch; -1 when the record has none.
    pub timestamp: i64,
    pub timestamp_type: TimestampType,
    pub leader_epoch: i32,
    pub key: Option<&'f [u8]>,
    pub value: Option<&'f [u8]>,
    pub headers: Headers<'f>,
}

/// How a partition's bytes are to be read.
pub struct Reading<'r> {
    pub topic: &'r Arc<str>,
    pub partition: i32,
    pub from_offset: i64,
    pub high_watermark: i64,
    pub log_start_offset: i64,
    pub received_at: Instant,
    pub check_crcs: bool,
    /// Aborted transactions, producer id and first offset, or `None` to read everything.
    pub aborted: Option<Vec<(i64, i64)>>,
}

impl Fetched {
    /// Reads `range` of `frame`. A batch that is cut off at the end is left for the next fetch.
    ///
    /// # Errors
    /// `Records` for damage: wrong checksums, contents that can't be read.
    pub fn read(
        reading: Reading<'_>,
        frame: &Arc<Vec<u8>>,
        range: std::ops::Range<usize>,
    ) -> Result<Self, ClientError> {
        let mut fetched = Self {
            topic: Arc::clone(reading.topic),
            partition: reading.partition,
            high_watermark: reading.high_watermark,
            log_start_offset: reading.log_start_offset,
            next_offset: reading.from_offset,
            bytes: 0,
            received_at: reading.received_at,
            frame: Arc::clone(frame),
            pieces: Vec::new(),
            from_offset: reading.from_offset,
        };
        let mut aborted = Aborted::new(reading.aborted.unwrap_or_default());
        let mut batches = Batches::new(&frame[range.clone()]);
        loop {
            let at = range.start + batches.position();
            let batch = match batches.next() {
                None | Some(Err(HeaderError::Truncated { .. })) => break,
                Some(Err(cause)) => return Err(fetched.damaged(cause.to_string())),
                Some(Ok(batch)) => batch,
            };
            if reading.check_crcs && !batch.crc_is_valid() {
                return Err(fetched.damaged("the checksum does not match".into()));
            }
            fetched.bytes += batch.bytes.len();
            if aborted.admits(&batch) && batch.header.last_offset() >= reading.from_offset {
                fetched.keep(&batch, at)?;
            }
            fetched.next_offset = fetched.next_offset.max(batch.header.next_offset());
        }
        Ok(fetched)
    }

    fn keep(&mut self, batch: &Batch<'_>, at: usize) -> Result<(), ClientError> {
        let codec = batch.header.attributes.codec();
        let codec = codec.map_err(|id| self.damaged(format!("codec {id} is unknown")))?;
        let records = match codec {
            Compression::None => {
                let end = at + batch.bytes.len();
                Place::Frame(end - batch.records_bytes().len()..end)
            }
            codec => {
                let mut own = Vec::new();
                let read = decompress(codec, batch.records_bytes(), BATCH_BYTES_MAX, &mut own);
                read.map_err(|cause| self.damaged(cause.to_string()))?;
                Place::Own(own)
            }
        };
        self.pieces.push(Piece {
            header: batch.header,
            records,
        });
        Ok(())
    }

    fn damaged(&self, cause: String) -> ClientError {
        ClientError::Records {
            topic: self.topic.to_string(),
            partition: self.partition,
            offset: self.next_offset,
            cause,
        }
    }

    /// The records, in order. The first damaged one ends the iteration with an error.
    pub fn records(&self) -> impl Iterator<Item = Result<ConsumedRecord<'_>, ClientError>> {
        self.pieces
            .iter()
            .flat_map(move |piece| self.piece_records(piece))
    }

    fn piece_records<'f>(
        &'f self,
        piece: &'f Piece,
    ) -> impl Iterator<Item = Result<ConsumedRecord<'f>, ClientError>> {
        let header = &piece.header;
        let bytes = match &piece.records {
            Place::Frame(range) => &self.frame[range.clone()],
            Place::Own(bytes) => bytes,
        };
        let kind = header.attributes.timestamp_type();
        Records::new(bytes, header.records_count).filter_map(move |record| {
            let record = match record {
                Ok(record) => record,
                Err(cause) => return Some(Err(self.damaged(cause.to_string()))),
            };
            let offset = header
                .base_offset
                .wrapping_add(i64::from(record.offset_delta));
            (offset >= self.from_offset).then_some(Ok(ConsumedRecord {
                offset,
                timestamp: match kind {
                    TimestampType::CreateTime => {
                        header.base_timestamp.wrapping_add(record.timestamp_delta)
                    }
                    TimestampType::LogAppendTime => header.max_timestamp,
                },
                timestamp_type: kind,
                leader_epoch: header.partition_leader_epoch,
                key: record.key,
                value: record.value,
                headers: record.headers,
            }))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// Which transactions are aborted at the place of the walk: from their first offset to their
/// marker (KIP-98).
struct Aborted {
    /// Sorted by first offset, the earliest last.
    ahead: Vec<(i64, i64)>,
    open: Vec<i64>,
}

impl Aborted {
    fn new(mut ahead: Vec<(i64, i64)>) -> Self {
        ahead.sort_unstable_by_key(|(_, first_offset)| std::cmp::Reverse(*first_offset));
        Self {
            ahead,
            open: Vec::new(),
        }
    }

    /// Whether the batch holds records for the caller.
    fn admits(&mut self, batch: &Batch<'_>) -> bool {
        let header = &batch.header;
        while let Some((producer, first_offset)) = self.ahead.last().copied()
            && first_offset <= header.last_offset()
        {
            self.ahead.pop();
            self.open.push(producer);
        }
        if header.attributes.is_control() {
            if is_abort_marker(batch) {
                self.open.retain(|producer| *producer != header.producer_id);
            }
            return false;
        }
        !(header.attributes.is_transactional() && self.open.contains(&header.producer_id))
    }
}

/// A control record's key: version and type, both i16; type 0 aborts.
fn is_abort_marker(batch: &Batch<'_>) -> bool {
    let marker = Records::of(batch).next();
    let key = marker.and_then(Result::ok).and_then(|record| record.key);
    key.is_some_and(|key| key.get(2..4) == Some(&[0, 0]))
}

/// The most that one batch may decompress to: more than a broker with default settings stores.
const BATCH_BYTES_MAX: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions, ProducerStamp};

    fn batch(base_offset: i64, id: i64, control: bool, values: &[&str]) -> Vec<u8> {
        let producer = ProducerStamp {
            id,
            epoch: 0,
            base_sequence: 0,
        };
        let transactional = id >= 0;
        let options = BatchOptions {
            base_offset,
            producer,
            transactional,
            control,
            ..Default::default()
        };
        let mut builder = BatchBuilder::new(options);
        for value in values {
            let key: &[u8] = if control { &[0, 0, 0, 0] } else { b"k" };
            builder.append(7, Some(key), Some(value.as_bytes()), &[]);
        }
        builder.finish()
    }

    fn values(bytes: Vec<u8>, from_offset: i64, aborted: Option<Vec<(i64, i64)>>) -> Vec<String> {
        let topic: Arc<str> = "t".into();
        let reading = Reading {
            topic: &topic,
            partition: 0,
            from_offset,
            high_watermark: 0,
            log_start_offset: 0,
            received_at: crate::client::clock::now(),
            check_crcs: true,
            aborted,
        };
        let length = bytes.len();
        let fetched = Fetched::read(reading, &Arc::new(bytes), 0..length).unwrap();
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap()).into_owned();
        fetched
            .records()
            .map(|record| text(record.unwrap().value))
            .collect()
    }

    #[test]
    fn records_before_the_asked_offset_and_torn_batches_are_left_out() {
        let mut bytes = batch(10, -1, false, &["a", "b", "c"]);
        bytes.extend(batch(13, -1, false, &["d"]));
        let torn = batch(14, -1, false, &["e"]);
        bytes.extend(&torn[..torn.len() - 1]);
        assert_eq!(values(bytes, 11, None), ["b", "c", "d"]);
    }

    #[test]
    fn aborted_transactions_end_with_their_marker() {
        let bytes = [
            batch(0, 5, false, &["aborted"]),
            batch(1, 6, false, &["other"]),
            batch(2, 5, true, &["marker"]),
            batch(3, 5, false, &["later"]),
        ]
        .concat();
        assert_eq!(
            values(bytes.clone(), 0, Some(vec![(5, 0)])),
            ["other", "later"]
        );
        assert_eq!(values(bytes, 0, None), ["aborted", "other", "later"]);
    }
}
