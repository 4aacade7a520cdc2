//! How durable records were when they became visible, counted.
//!
//! Room:       `partition`.
//! Called by:  `Partition`, as its high watermark moves; `shard`, for a scrape.
//! Never:      decides what a record must reach: that came with its batch.

use crate::ids::{Offset, RequiredMark};
use std::cell::Cell;

/// Records by level, in the order of `RequiredMark`, since the partition was opened.
#[derive(Default)]
pub struct Levels([Cell<u64>; 3]);

impl Levels {
    /// The records between two offsets, markers of transactions among them.
    pub fn count(&self, level: RequiredMark, from: Offset, to: Offset) {
        let counter = &self.0[level as usize];
        let records = u64::try_from(to.0.saturating_sub(from.0));
        counter.set(counter.get() + records.unwrap_or(0));
    }

    /// Memory, written, synced.
    pub fn counted(&self) -> [u64; 3] {
        self.0.each_ref().map(Cell::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_has_its_count() {
        let levels = Levels::default();
        levels.count(RequiredMark::Synced, Offset(0), Offset(3));
        levels.count(RequiredMark::Memory, Offset(3), Offset(4));
        levels.count(RequiredMark::Synced, Offset(4), Offset(8));
        assert_eq!(levels.counted(), [1, 0, 7]);
    }
}
