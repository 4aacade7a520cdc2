//! What a machine wrote, as a broker has it: out of its heap. Records are copied into pieces that
//! never move, and what the machine made of them is given back at once.

use ottla::coordinator::{NewBatch, NewRecord, Replayed};

/// Bytes of a piece, whose pages are touched as they are used: more than what glibc ever puts into
/// its heap (`DEFAULT_MMAP_THRESHOLD_MAX`, 32 MiB).
const PIECE_BYTES: usize = 64 << 20;

/// Bytes before a record: the length of its key, and of its value or `TOMBSTONE`.
const HEAD_BYTES: usize = 8;

const TOMBSTONE: u32 = u32::MAX;

#[derive(Default)]
pub struct Written {
    pieces: Vec<Vec<u8>>,
}

impl Written {
    pub fn append(&mut self, batches: Vec<NewBatch>) {
        for record in batches.iter().flat_map(|batch| &batch.records) {
            self.put(record);
        }
    }

    fn put(&mut self, record: &NewRecord) {
        let value = record.value.as_deref();
        let length = HEAD_BYTES + record.key.len() + value.map_or(0, <[u8]>::len);
        let room = |piece: &Vec<u8>| piece.capacity() - piece.len();
        if self.pieces.last().is_none_or(|piece| room(piece) < length) {
            self.pieces
                .push(Vec::with_capacity(PIECE_BYTES.max(length)));
        }
        let piece = self.pieces.last_mut().expect("one at least");
        let told = value.map_or(TOMBSTONE, |value| value.len() as u32);
        piece.extend_from_slice(&(record.key.len() as u32).to_le_bytes());
        piece.extend_from_slice(&told.to_le_bytes());
        piece.extend_from_slice(&record.key);
        piece.extend_from_slice(value.unwrap_or_default());
    }

    /// Each record in its order, with offsets from 0.
    pub fn each(&self, mut see: impl FnMut(&Replayed)) {
        let mut offset = 0;
        for mut left in self.pieces.iter().map(Vec::as_slice) {
            while let Some((head, rest)) = left.split_first_chunk::<HEAD_BYTES>() {
                let head = u64::from_le_bytes(*head);
                let (key, rest) = rest.split_at(head as u32 as usize);
                let value = Some((head >> 32) as u32).filter(|&length| length != TOMBSTONE);
                let (value, rest) = match value {
                    Some(length) => {
                        let (value, rest) = rest.split_at(length as usize);
                        (Some(value), rest)
                    }
                    None => (None, rest),
                };
                see(&Replayed {
                    offset,
                    timestamp: 0,
                    producer: None,
                    key: Some(key),
                    value,
                });
                offset += 1;
                left = rest;
            }
        }
    }
}
