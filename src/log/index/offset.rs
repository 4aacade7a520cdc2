//! The offset index: where in a segment a batch begins, for some batches.
//!
//! Room:       `log::index`.
//!
//! ```text
//!   entry  ├ last offset of the batch minus segment's base i32 ┤ position of the batch i32 ┤
//! ```
//!
//! An index grows in two parts. What is `on_file` was written to the `.index` file and forgotten,
//! so a quiet partition costs no memory; `recent` came after it. Lookups ask `recent` first.

/// One batch's last offset and the byte position at which the batch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetEntry {
    pub relative_offset: u32,
    pub position: u32,
}

/// The growing index of one segment.
#[derive(Clone, Debug, Default)]
pub struct OffsetIndex {
    /// Entries already in the file, all before those of `recent`.
    pub on_file: u32,
    pub recent: Vec<OffsetEntry>,
}

impl OffsetIndex {
    pub const fn new() -> OffsetIndex {
        OffsetIndex {
            on_file: 0,
            recent: Vec::new(),
        }
    }

    pub fn append(&mut self, entry: OffsetEntry) {
        self.recent.push(entry);
    }

    pub fn len(&self) -> usize {
        self.on_file as usize + self.recent.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets entries at or beyond `position`; true when some of them may be in the file.
    pub fn truncate(&mut self, position: u32) -> bool {
        let keep = self
            .recent
            .partition_point(|entry| entry.position < position);
        self.recent.truncate(keep);
        keep == 0 && self.on_file > 0
    }
}

/// Where to begin the search for `relative_offset`: the last entry not above it.
pub fn lookup(entries: &[OffsetEntry], relative_offset: u32) -> Option<OffsetEntry> {
    let above = entries.partition_point(|entry| entry.relative_offset <= relative_offset);
    Some(entries[above.checked_sub(1)?])
}

/// Entries as they lie in an `.index` file.
pub fn encode(entries: &[OffsetEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&entry.relative_offset.to_be_bytes());
        bytes.extend_from_slice(&entry.position.to_be_bytes());
    }
    bytes
}

/// The sane beginning of an `.index` file: offsets and positions rise, positions lie below
/// `segment_bytes`. The second value says whether that was all of it, but for a zero tail, which a
/// preallocated index of Kafka has.
pub fn parse(bytes: &[u8], segment_bytes: u64) -> (Vec<OffsetEntry>, bool) {
    let mut entries: Vec<OffsetEntry> = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
    let (chunks, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    for (index, chunk) in chunks.iter().enumerate() {
        let [a, b, c, d, e, f, g, h] = *chunk;
        let entry = OffsetEntry {
            relative_offset: u32::from_be_bytes([a, b, c, d]),
            position: u32::from_be_bytes([e, f, g, h]),
        };
        let rises = entries.last().is_none_or(|last| {
            entry.relative_offset > last.relative_offset && entry.position > last.position
        });
        let inside = u64::from(entry.position) < segment_bytes && entry.relative_offset < 1 << 31;
        // A first entry of zeros points at the first batch of one record: true but useless.
        if !rises || !inside || *chunk == [0; ENTRY_BYTES] {
            let zeros = bytes[index * ENTRY_BYTES..].iter().all(|byte| *byte == 0);
            return (entries, zeros);
        }
        entries.push(entry);
    }
    (entries, rest.is_empty())
}

pub const ENTRY_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(relative_offset: u32, position: u32) -> OffsetEntry {
        OffsetEntry {
            relative_offset,
            position,
        }
    }

    #[test]
    fn lookup_finds_the_last_entry_not_above() {
        let entries = [entry(9, 100), entry(19, 200), entry(29, 300)];
        assert_eq!(lookup(&entries, 8), None);
        assert_eq!(lookup(&entries, 9), Some(entries[0]));
        assert_eq!(lookup(&entries, 28), Some(entries[1]));
        assert_eq!(lookup(&entries, 1000), Some(entries[2]));
        assert_eq!(lookup(&[], 1000), None);
    }

    #[test]
    fn a_file_goes_both_ways_and_garbage_is_cut() {
        let entries = vec![entry(9, 100), entry(19, 200)];
        let mut bytes = encode(&entries);
        assert_eq!(parse(&bytes, 1000), (entries.clone(), true));
        bytes.extend_from_slice(&[0; 80]);
        assert_eq!(parse(&bytes, 1000), (entries.clone(), true));
        assert_eq!(parse(&bytes, 150), (vec![entries[0]], false));
        bytes.truncate(20);
        assert_eq!(parse(&bytes, 1000), (entries.clone(), false));
        bytes.truncate(16);
        bytes.extend_from_slice(&[7; 8]);
        bytes.extend_from_slice(&[3; 8]);
        assert_eq!(parse(&bytes, 1000), (entries, false));
    }

    #[test]
    fn truncation_says_when_the_file_has_more() {
        let mut index = OffsetIndex {
            on_file: 2,
            recent: vec![entry(29, 300), entry(39, 400)],
        };
        assert!(!index.truncate(350));
        assert_eq!(index.len(), 3);
        assert!(index.truncate(300));
        assert_eq!(index.len(), 2);
    }
}
