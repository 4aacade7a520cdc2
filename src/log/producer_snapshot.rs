//! Producer state as bytes: Kafka's `.snapshot` files, and the whole of it for our checkpoints.
//!
//! Room:       `log`.
//! Called by:  `flush` (at each roll and close), `recovery`, `shard::checkpoint`, the tools.
//! Never:      touches a disk, or reserves more than the bytes could hold.
//!
//! ```text
//!   .snapshot  ├ version i16 = 1 ┤ CRC-32C of the rest u32 ┤ count i32 ┤ entries of 46 bytes ┤
//!   entry      ├ producer id i64 ┤ epoch i16 ┤ last sequence i32 ┤ last offset i64 ┤ delta i32 ┤
//!              ├ timestamp i64 ┤ coordinator epoch i32 ┤ open transaction's first i64 or -1 ┤
//! ```
//!
//! Kafka's format keeps one batch of each producer; a retry of an earlier one is then unknown.
//! `encode_whole` keeps all five, and the ended transactions the high watermark has not passed.

use super::producer_state::{BATCHES_KEPT, BatchMark, ProducerEntry, ProducerState};
use crate::ids::Offset;
use ottla_protocol::record_batch::{NO_SEQUENCE, crc32c};
use smallvec::SmallVec;

/// Why bytes are no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    Version { version: i16 },
    Checksum,
    Truncated,
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SnapshotError::Version { version } => write!(f, "version {version} is unknown"),
            SnapshotError::Checksum => write!(f, "the checksum does not match"),
            SnapshotError::Truncated => write!(f, "the bytes end too early, or go on too long"),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl ProducerState {
    /// The bytes of a `.snapshot` file.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(4 + self.len() * ENTRY_BYTES);
        body.extend_from_slice(&(self.len() as i32).to_be_bytes());
        for (id, entry) in self.entries() {
            let last = entry.batches.last();
            put_entry_start(&mut body, id, entry.producer_epoch);
            let sequence = last.map_or(NO_SEQUENCE, |batch| batch.last_sequence);
            body.extend_from_slice(&sequence.to_be_bytes());
            body.extend_from_slice(&entry.last_offset().to_be_bytes());
            body.extend_from_slice(&last.map_or(0, |batch| batch.offset_delta).to_be_bytes());
            put_entry_end(&mut body, entry);
        }
        sealed(KAFKA_VERSION, body)
    }

    /// The reverse of `encode`.
    pub fn decode(bytes: &[u8]) -> Result<ProducerState, SnapshotError> {
        let mut cursor = opened(KAFKA_VERSION, bytes)?;
        let mut state = ProducerState::default();
        for _ in 0..cursor.i32()? {
            let id = cursor.i64()?;
            let mut entry = ProducerEntry::new();
            entry.producer_epoch = cursor.i16()?;
            let mut mark = BatchMark {
                last_sequence: cursor.i32()?,
                last_offset: Offset(cursor.i64()?),
                offset_delta: cursor.i32()?,
                timestamp: 0,
            };
            cursor.entry_end(&mut entry)?;
            mark.timestamp = entry.last_timestamp;
            if mark.last_offset.0 >= 0 {
                entry.batches.push(mark);
            }
            state.restore(id, entry);
        }
        cursor.end(state)
    }

    /// All there is to know, for a checkpoint of our own.
    pub fn encode_whole(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(8 + self.len() * 2 * ENTRY_BYTES);
        body.extend_from_slice(&(self.len() as i32).to_be_bytes());
        for (id, entry) in self.entries() {
            put_entry_start(&mut body, id, entry.producer_epoch);
            body.push(entry.batches.len() as u8);
            for mark in &entry.batches {
                body.extend_from_slice(&mark.last_sequence.to_be_bytes());
                body.extend_from_slice(&mark.last_offset.0.to_be_bytes());
                body.extend_from_slice(&mark.offset_delta.to_be_bytes());
                body.extend_from_slice(&mark.timestamp.to_be_bytes());
            }
            put_entry_end(&mut body, entry);
        }
        let unreplicated = self.unreplicated();
        body.extend_from_slice(&(unreplicated.len() as i32).to_be_bytes());
        for (first, last) in unreplicated {
            body.extend_from_slice(&first.0.to_be_bytes());
            body.extend_from_slice(&last.0.to_be_bytes());
        }
        sealed(WHOLE_VERSION, body)
    }

    /// The reverse of `encode_whole`.
    pub fn decode_whole(bytes: &[u8]) -> Result<ProducerState, SnapshotError> {
        let mut cursor = opened(WHOLE_VERSION, bytes)?;
        let mut state = ProducerState::default();
        for _ in 0..cursor.i32()? {
            let id = cursor.i64()?;
            let mut entry = ProducerEntry::new();
            entry.producer_epoch = cursor.i16()?;
            let [count] = cursor.take::<1>()?;
            if usize::from(count) > BATCHES_KEPT {
                return Err(SnapshotError::Truncated);
            }
            let mut batches = SmallVec::new();
            for _ in 0..count {
                batches.push(BatchMark {
                    last_sequence: cursor.i32()?,
                    last_offset: Offset(cursor.i64()?),
                    offset_delta: cursor.i32()?,
                    timestamp: cursor.i64()?,
                });
            }
            entry.batches = batches;
            cursor.entry_end(&mut entry)?;
            state.restore(id, entry);
        }
        for _ in 0..cursor.i32()? {
            let first = Offset(cursor.i64()?);
            let last = Offset(cursor.i64()?);
            state.restore_unreplicated(first, last);
        }
        cursor.end(state)
    }
}

fn put_entry_start(body: &mut Vec<u8>, id: i64, epoch: i16) {
    body.extend_from_slice(&id.to_be_bytes());
    body.extend_from_slice(&epoch.to_be_bytes());
}

fn put_entry_end(body: &mut Vec<u8>, entry: &ProducerEntry) {
    body.extend_from_slice(&entry.last_timestamp.to_be_bytes());
    body.extend_from_slice(&entry.coordinator_epoch.to_be_bytes());
    let first = entry.transaction_first_offset.map_or(-1, |first| first.0);
    body.extend_from_slice(&first.to_be_bytes());
}

fn sealed(version: i16, body: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes.extend_from_slice(&crc32c(&body).to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn opened(version: i16, bytes: &[u8]) -> Result<Cursor<'_>, SnapshotError> {
    let mut cursor = Cursor { bytes };
    let found = cursor.i16()?;
    if found != version {
        return Err(SnapshotError::Version { version: found });
    }
    let crc = u32::from_be_bytes(cursor.take()?);
    if crc32c(cursor.bytes) != crc {
        return Err(SnapshotError::Checksum);
    }
    Ok(cursor)
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (taken, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or(SnapshotError::Truncated)?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn i16(&mut self) -> Result<i16, SnapshotError> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, SnapshotError> {
        self.take().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, SnapshotError> {
        self.take().map(i64::from_be_bytes)
    }

    fn entry_end(&mut self, entry: &mut ProducerEntry) -> Result<(), SnapshotError> {
        entry.last_timestamp = self.i64()?;
        entry.coordinator_epoch = self.i32()?;
        let first = self.i64()?;
        entry.transaction_first_offset = (first >= 0).then_some(Offset(first));
        Ok(())
    }

    fn end(self, state: ProducerState) -> Result<ProducerState, SnapshotError> {
        if self.bytes.is_empty() {
            Ok(state)
        } else {
            Err(SnapshotError::Truncated)
        }
    }
}

const KAFKA_VERSION: i16 = 1;
/// Not a number Kafka uses, so that neither reads the other's bytes.
const WHOLE_VERSION: i16 = 0x4f01;
const HEAD_BYTES: usize = 6;
const ENTRY_BYTES: usize = 46;

#[cfg(test)]
mod tests {
    use super::super::producer_state::tests::{info, marker, transactional};
    use super::*;

    fn state() -> ProducerState {
        let mut state = ProducerState::default();
        for n in 0..6 {
            state.update(&info(1, 2, n * 10, i64::from(n) * 10, 10));
        }
        state.update(&transactional(info(2, 0, 0, 60, 3)));
        state.update(&transactional(info(3, 0, 0, 63, 3)));
        state.update(&marker(3, 0, 66, false));
        state
    }

    #[test]
    fn the_whole_goes_both_ways() {
        let state = state();
        let bytes = state.encode_whole();
        assert_eq!(ProducerState::decode_whole(&bytes), Ok(state));
    }

    #[test]
    fn kafkas_format_keeps_the_last_batch_of_each() {
        let state = state();
        let bytes = state.encode();
        assert_eq!(bytes.len(), HEAD_BYTES + 4 + 3 * ENTRY_BYTES);
        let read = ProducerState::decode(&bytes).expect("just encoded");
        assert_eq!(read.encode(), bytes);
        let entry = read.get(1).expect("it was there");
        assert_eq!(entry.batches.len(), 1);
        assert_eq!(entry.last_sequence(), 59);
        assert_eq!(read.first_unstable_offset(), Some(Offset(60)));
    }

    #[test]
    fn no_damage_goes_unseen() {
        for bytes in [state().encode(), state().encode_whole()] {
            for place in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[place] ^= 0x10;
                assert!(ProducerState::decode(&bad).is_err());
                assert!(ProducerState::decode_whole(&bad).is_err());
                assert!(ProducerState::decode(&bytes[..place]).is_err());
            }
        }
        // A count that lies under a right checksum.
        let bytes = sealed(KAFKA_VERSION, i32::MAX.to_be_bytes().to_vec());
        assert_eq!(ProducerState::decode(&bytes), Err(SnapshotError::Truncated));
    }

    /// Goal: no bytes, under a checksum that fits or not, make it panic or ask for memory that
    /// their length does not pay for; what is read is written again the same.
    #[test]
    fn no_bytes_make_it_panic() {
        let sound = [state().encode(), state().encode_whole()];
        crate::accidents::Accidents::each(&sound, |bytes| {
            let _ = ProducerState::decode(bytes);
            let _ = ProducerState::decode_whole(bytes);
            let body = bytes.get(HEAD_BYTES..).unwrap_or_default().to_vec();
            if let Ok(read) = ProducerState::decode(&sealed(KAFKA_VERSION, body.clone())) {
                assert!(read.len() * ENTRY_BYTES <= body.len());
                assert_eq!(
                    ProducerState::decode(&read.encode()).map(|r| r.encode()),
                    Ok(read.encode())
                );
            }
            if let Ok(read) = ProducerState::decode_whole(&sealed(WHOLE_VERSION, body)) {
                let again = ProducerState::decode_whole(&read.encode_whole());
                assert_eq!(again.map(|a| a.encode_whole()), Ok(read.encode_whole()));
            }
        });
    }
}
