//! The transaction index: the aborted transactions that ended in a segment (KIP-98).
//!
//! Room:       `log::index`.
//!
//! ```text
//!   entry  ├ version i16 = 0 ┤ producer id i64 ┤ first, last offset i64 ┤ last stable offset i64 ┤
//! ```

use crate::ids::Offset;

/// One aborted transaction: what a read_committed consumer is told to skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    /// First offset of its data in this partition.
    pub first_offset: Offset,
    /// Offset of the abort marker.
    pub last_offset: Offset,
    /// The last stable offset once the marker was written; ends the search for older ones.
    pub last_stable_offset: Offset,
}

/// Entries as they lie in a `.txnindex` file.
pub fn encode(entries: &[AbortedTransaction]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&0i16.to_be_bytes());
        bytes.extend_from_slice(&entry.producer_id.to_be_bytes());
        bytes.extend_from_slice(&entry.first_offset.0.to_be_bytes());
        bytes.extend_from_slice(&entry.last_offset.0.to_be_bytes());
        bytes.extend_from_slice(&entry.last_stable_offset.0.to_be_bytes());
    }
    bytes
}

/// The sane beginning of a `.txnindex` file: version 0, last offsets rise and lie in
/// `base..end`. The second value says whether that was all of it.
pub fn parse(bytes: &[u8], base: Offset, end: Offset) -> (Vec<AbortedTransaction>, bool) {
    let mut entries: Vec<AbortedTransaction> = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
    let (chunks, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    for chunk in chunks {
        let number = |place: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&chunk[place..place + 8]);
            i64::from_be_bytes(field)
        };
        let entry = AbortedTransaction {
            producer_id: number(2),
            first_offset: Offset(number(10)),
            last_offset: Offset(number(18)),
            last_stable_offset: Offset(number(26)),
        };
        let rises = entries
            .last()
            .is_none_or(|last| entry.last_offset > last.last_offset);
        let inside = entry.last_offset >= base && entry.last_offset < end;
        let sane = chunk[..2] == [0, 0] && entry.first_offset <= entry.last_offset;
        if !rises || !inside || !sane {
            return (entries, false);
        }
        entries.push(entry);
    }
    (entries, rest.is_empty())
}

pub const ENTRY_BYTES: usize = 34;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_both_ways_and_garbage_is_cut() {
        let entry = |n: i64| AbortedTransaction {
            producer_id: 7,
            first_offset: Offset(n),
            last_offset: Offset(n + 5),
            last_stable_offset: Offset(n + 6),
        };
        let entries = vec![entry(100), entry(110)];
        let mut bytes = encode(&entries);
        assert_eq!(bytes.len(), 68);
        let (base, end) = (Offset(100), Offset(1000));
        assert_eq!(parse(&bytes, base, end), (entries.clone(), true));
        assert_eq!(parse(&bytes, base, Offset(110)).0.len(), 1);
        bytes.extend_from_slice(&[9; 10]);
        assert_eq!(parse(&bytes, base, end), (entries.clone(), false));
        bytes.extend_from_slice(&[9; 24]);
        assert_eq!(parse(&bytes, base, end), (entries, false));
    }
}
