//! The time index: the largest timestamp so far and the batch it came in, for some batches.
//!
//! Room:       `log::index`.
//!
//! ```text
//!   entry  ├ timestamp, ms: i64 ┤ last offset of its batch, minus the segment's base: i32 ┤
//! ```
//!
//! All records up to an entry's offset have timestamps not above the entry's.

/// A timestamp that no earlier record exceeds, and the last offset of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    pub relative_offset: u32,
}

/// The growing time index of one segment; its two parts are those of the offset index.
#[derive(Clone, Debug, Default)]
pub struct TimeIndex {
    pub on_file: u32,
    /// The last entry of the file part, by which the next one is judged.
    pub last: Option<TimeEntry>,
    pub recent: Vec<TimeEntry>,
}

impl TimeIndex {
    pub const fn new() -> TimeIndex {
        TimeIndex {
            on_file: 0,
            last: None,
            recent: Vec::new(),
        }
    }

    /// Adds the entry if its timestamp is above the last one's, as Kafka does.
    pub fn maybe_append(&mut self, entry: TimeEntry) {
        let rises = self.last.is_none_or(|last| {
            entry.timestamp > last.timestamp && entry.relative_offset > last.relative_offset
        });
        if rises && entry.timestamp >= 0 {
            self.recent.push(entry);
            self.last = Some(entry);
        }
    }

    pub fn len(&self) -> usize {
        self.on_file as usize + self.recent.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets entries at or beyond `relative_offset`; true when some may be in the file.
    pub fn truncate(&mut self, relative_offset: u32) -> bool {
        let keep = self
            .recent
            .partition_point(|entry| entry.relative_offset < relative_offset);
        self.recent.truncate(keep);
        self.last = self.recent.last().copied();
        keep == 0 && self.on_file > 0
    }
}

/// The last entry whose timestamp is below `timestamp`: every record up to its offset is too old.
pub fn lookup(entries: &[TimeEntry], timestamp: i64) -> Option<TimeEntry> {
    let above = entries.partition_point(|entry| entry.timestamp < timestamp);
    Some(entries[above.checked_sub(1)?])
}

/// Entries as they lie in a `.timeindex` file.
pub fn encode(entries: &[TimeEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&entry.timestamp.to_be_bytes());
        bytes.extend_from_slice(&entry.relative_offset.to_be_bytes());
    }
    bytes
}

/// The sane beginning of a `.timeindex` file: timestamps rise, offsets do not fall. The second
/// value says whether that was all of it, but for a zero tail.
pub fn parse(bytes: &[u8]) -> (Vec<TimeEntry>, bool) {
    let mut entries: Vec<TimeEntry> = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
    let (chunks, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    for (index, chunk) in chunks.iter().enumerate() {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *chunk;
        let entry = TimeEntry {
            timestamp: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            relative_offset: u32::from_be_bytes([i, j, k, l]),
        };
        let rises = entries.last().is_none_or(|last| {
            entry.timestamp > last.timestamp && entry.relative_offset >= last.relative_offset
        });
        let sane = entry.timestamp >= 0 && entry.relative_offset < 1 << 31;
        if !rises || !sane || *chunk == [0; ENTRY_BYTES] {
            let zeros = bytes[index * ENTRY_BYTES..].iter().all(|byte| *byte == 0);
            return (entries, zeros);
        }
        entries.push(entry);
    }
    (entries, rest.is_empty())
}

pub const ENTRY_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(timestamp: i64, relative_offset: u32) -> TimeEntry {
        TimeEntry {
            timestamp,
            relative_offset,
        }
    }

    #[test]
    fn only_rising_timestamps_are_kept() {
        let mut index = TimeIndex::default();
        for (timestamp, offset) in [(10, 1), (9, 2), (10, 3), (12, 4), (-1, 5)] {
            index.maybe_append(entry(timestamp, offset));
        }
        assert_eq!(index.recent, [entry(10, 1), entry(12, 4)]);
        assert!(!index.truncate(4));
        assert_eq!(index.last, Some(entry(10, 1)));
    }

    #[test]
    fn lookup_finds_what_is_surely_older() {
        let entries = [entry(10, 1), entry(20, 5)];
        assert_eq!(lookup(&entries, 10), None);
        assert_eq!(lookup(&entries, 11), Some(entries[0]));
        assert_eq!(lookup(&entries, 20), Some(entries[0]));
        assert_eq!(lookup(&entries, 21), Some(entries[1]));
    }

    #[test]
    fn a_file_goes_both_ways_and_garbage_is_cut() {
        let entries = vec![entry(10, 1), entry(20, 5)];
        let mut bytes = encode(&entries);
        assert_eq!(parse(&bytes), (entries.clone(), true));
        bytes.extend_from_slice(&[0; 24]);
        assert_eq!(parse(&bytes), (entries.clone(), true));
        bytes[24] = 0x80;
        assert_eq!(parse(&bytes), (entries, false));
    }
}
