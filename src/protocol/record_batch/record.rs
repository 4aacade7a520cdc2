//! Records inside one uncompressed (or decompressed) batch, borrowed and strictly checked.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  the client, the tools, compaction, coordinators that replay their logs.
//! Never:      allocates, or yields a record whose lengths were not all compared with the bytes.
//!
//! ```text
//!   length | attributes | timestamp delta | offset delta | key          | value        | headers
//!   varint | i8         | varlong         | varint       | varint, key  | varint, value|
//!                                                      headers: varint n, n × (key, value)
//! ```

use super::header::Batch;

/// One record. Deltas count from the base fields of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// No bit has a meaning yet.
    pub attributes: i8,
    /// Milliseconds after the batch's base timestamp.
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

/// The headers of one record, already checked, read on demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    count: i32,
    bytes: &'a [u8],
}

/// One header: its key is UTF-8 by convention only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their number, and their bytes as they lie in the record.
    pub(super) fn raw(&self) -> (i32, &'a [u8]) {
        (self.count, self.bytes)
    }

    pub fn iter(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let mut cursor = Cursor { bytes: self.bytes };
        (0..self.count).map_while(move |_| cursor.header().ok())
    }
}

/// Iterates the records of a batch: exactly `count`, offset deltas rising, no byte over.
/// Ends after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    cursor: Cursor<'a>,
    left: i32,
    offset_delta_last: i32,
}

impl<'a> Records<'a> {
    /// `bytes` are the records after decompression, `count` is what the header says.
    pub fn new(bytes: &'a [u8], count: i32) -> Self {
        Self {
            cursor: Cursor { bytes },
            left: count.max(0),
            offset_delta_last: -1,
        }
    }

    /// The records of an uncompressed batch; a compressed one is decompressed first.
    pub fn of(batch: &Batch<'a>) -> Self {
        Self::new(batch.records_bytes(), batch.header.records_count)
    }

    fn read(&mut self) -> Result<Record<'a>, RecordError> {
        let record = self.cursor.record()?;
        // Compaction leaves gaps, so deltas rise but need not be contiguous in what is read back.
        if record.offset_delta <= self.offset_delta_last {
            return Err(RecordError::OffsetDelta {
                expected: self.offset_delta_last.saturating_add(1),
                found: record.offset_delta,
            });
        }
        self.offset_delta_last = record.offset_delta;
        Ok(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let over = std::mem::take(&mut self.cursor.bytes).len();
            return (over > 0).then_some(Err(RecordError::BytesOver));
        }
        let record = self.read();
        self.left -= 1;
        if record.is_err() {
            (self.left, self.cursor.bytes) = (0, &[]);
        }
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A record takes 7 bytes at least, so a lying count reserves nothing large.
        let most = self.cursor.bytes.len() / 7 + 1;
        (0, Some(most.min(self.left as usize + 1)))
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The record, or one of its fields, reaches past the bytes there are.
    Truncated,
    /// A variable-length number has too many bytes.
    Varint,
    /// The record's fields end elsewhere than its length says, or a length is negative.
    Length,
    /// A negative number of headers, or more than the bytes could hold.
    Headers,
    /// Offset deltas must be 0, 1, 2 … in what a producer sends.
    OffsetDelta { expected: i32, found: i32 },
    /// Bytes follow the last record.
    BytesOver,
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Truncated => write!(f, "the records end too early"),
            Self::Varint => write!(f, "a variable-length number is too long"),
            Self::Length => write!(f, "a length does not fit the record"),
            Self::Headers => write!(f, "the header count does not fit the record"),
            Self::OffsetDelta { expected, found } => {
                write!(f, "offset delta {found} where {expected} was expected")
            }
            Self::BytesOver => write!(f, "bytes follow the last record"),
        }
    }
}

impl std::error::Error for RecordError {}

/// A slice that is eaten from the front.
#[derive(Clone, Debug)]
struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn record(&mut self) -> Result<Record<'a>, RecordError> {
        let length = usize::try_from(self.varint()?).map_err(|_| RecordError::Length)?;
        let mut body = Cursor {
            bytes: self.take(length)?,
        };
        let attributes = body.take(1)?[0] as i8;
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        let key = body.nullable()?;
        let value = body.nullable()?;
        let count = body.varint()?;
        // A header takes two bytes at least.
        if count < 0 || count as usize > body.bytes.len() / 2 {
            return Err(RecordError::Headers);
        }
        let headers = Headers {
            count,
            bytes: body.bytes,
        };
        for _ in 0..count {
            body.header()?;
        }
        if !body.bytes.is_empty() {
            return Err(RecordError::Length);
        }
        Ok(Record {
            attributes,
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers,
        })
    }

    fn header(&mut self) -> Result<Header<'a>, RecordError> {
        let length = usize::try_from(self.varint()?).map_err(|_| RecordError::Length)?;
        Ok(Header {
            key: self.take(length)?,
            value: self.nullable()?,
        })
    }

    fn nullable(&mut self) -> Result<Option<&'a [u8]>, RecordError> {
        // Kafka reads every negative length as null.
        match usize::try_from(self.varint()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(RecordError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<i32, RecordError> {
        if let [first @ 0..0x80, rest @ ..] = self.bytes {
            self.bytes = rest;
            return Ok(zigzag(u64::from(*first)) as i32);
        }
        self.varint_of(5)
            .map(|raw| zigzag(u64::from(raw as u32)) as i32)
    }

    #[inline]
    fn varlong(&mut self) -> Result<i64, RecordError> {
        self.varint_of(10).map(zigzag)
    }

    fn varint_of(&mut self, bytes_max: usize) -> Result<u64, RecordError> {
        let mut raw = 0;
        for (n, byte) in self.bytes.iter().take(bytes_max).enumerate() {
            raw |= u64::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                self.bytes = &self.bytes[n + 1..];
                return Ok(raw);
            }
        }
        Err(if self.bytes.len() < bytes_max {
            RecordError::Truncated
        } else {
            RecordError::Varint
        })
    }
}

/// Undoes the zigzag coding: 0, -1, 1, -2 … from 0, 1, 2, 3 …
#[inline]
pub(super) fn zigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::super::builder::{put_varint, put_varlong};
    use super::*;

    fn record(offset_delta: i32, value: &[u8]) -> Vec<u8> {
        let mut body = vec![0];
        put_varlong(&mut body, -3);
        put_varint(&mut body, offset_delta);
        put_varint(&mut body, -1);
        put_varint(&mut body, value.len() as i32);
        body.extend_from_slice(value);
        put_varint(&mut body, 1);
        put_varint(&mut body, 2);
        body.extend_from_slice(b"hk");
        put_varint(&mut body, -1);
        let mut bytes = Vec::new();
        put_varint(&mut bytes, body.len() as i32);
        bytes.extend_from_slice(&body);
        bytes
    }

    #[test]
    fn fields_are_borrowed() {
        let bytes = [record(0, b"one"), record(1, &[7; 300])].concat();
        let read: Vec<Record<'_>> = Records::new(&bytes, 2).map(|r| r.unwrap()).collect();
        assert_eq!(read[0].value, Some(&b"one"[..]));
        assert_eq!(read[0].key, None);
        assert_eq!(read[0].timestamp_delta, -3);
        assert_eq!(read[1].value.map(<[u8]>::len), Some(300));
        assert_eq!(read[1].headers.len(), 1);
        assert!(read[1].headers.iter().eq([Header {
            key: b"hk",
            value: None
        }]));
    }

    #[test]
    fn counts_and_lengths_must_be_exact() {
        let bytes = [record(0, b"a"), record(1, b"b")].concat();
        fn last(bytes: &[u8], count: i32) -> Result<Record<'_>, RecordError> {
            Records::new(bytes, count).last().unwrap()
        }
        assert_eq!(last(&bytes, 1), Err(RecordError::BytesOver));
        assert_eq!(last(&bytes, 3), Err(RecordError::Truncated));
        assert_eq!(
            last(&bytes[..bytes.len() - 1], 2),
            Err(RecordError::Truncated)
        );
        let mut longer = record(0, b"a");
        longer[0] += 2; // one byte more, zigzag
        longer.push(0);
        assert_eq!(last(&longer, 1), Err(RecordError::Length));
        let twice = [record(0, b"a"), record(0, b"b")].concat();
        assert_eq!(
            last(&twice, 2),
            Err(RecordError::OffsetDelta {
                expected: 1,
                found: 0
            })
        );
        assert_eq!(last(&[0xff; 20], 1), Err(RecordError::Varint));
    }
}
