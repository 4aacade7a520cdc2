//! Which aborted transactions have data in a range of offsets, from memory or from index files.
//!
//! Room:       `log`.
//! Called by:  `partition` (a read_committed Fetch), `compaction`.
//! Calls:      `recovery` (which reads index files), `storage` (which keeps them for a while).
//! Never:      looks at batches.

use super::layout::FileKind;
use super::segment::Segment;
use super::storage::Cached;
use super::{AbortedTransaction, Inner, Log, ReadError};
use crate::ids::Offset;
use std::rc::Rc;

impl Log {
    /// Aborted transactions with data in `from..to`, for a read_committed consumer.
    pub async fn aborted_transactions(
        &self,
        from: Offset,
        to: Offset,
    ) -> Result<Vec<AbortedTransaction>, ReadError> {
        let bases: Vec<Offset> = {
            let state = self.0.state.borrow();
            let first = state.segment_of(from);
            state.segments[first..].iter().map(|s| s.base).collect()
        };
        let mut found = Vec::new();
        for base in bases {
            let over = match self.0.aborted_in_memory(base, from, to, &mut found) {
                Some(over) => over,
                None => overlapping(&self.0.aborted_of(base).await?, from, to, &mut found),
            };
            if over {
                break;
            }
        }
        Ok(found)
    }
}

/// Adds the aborted transactions of one segment with data in `from..to`; true when no later
/// segment can have one.
fn overlapping(
    entries: &[AbortedTransaction],
    from: Offset,
    to: Offset,
    found: &mut Vec<AbortedTransaction>,
) -> bool {
    let first = entries.partition_point(|entry| entry.last_offset < from);
    for entry in &entries[first..] {
        if entry.first_offset < to {
            found.push(*entry);
        }
        if entry.last_stable_offset >= to {
            return true;
        }
    }
    false
}

impl Inner {
    /// As `overlapping`, when the segment still grows and so has its entries in memory.
    fn aborted_in_memory(
        &self,
        base: Offset,
        from: Offset,
        to: Offset,
        found: &mut Vec<AbortedTransaction>,
    ) -> Option<bool> {
        let state = self.state.borrow();
        let growing = state.segment(base)?.growing.as_ref()?;
        Some(overlapping(&growing.aborted, from, to, found))
    }

    async fn aborted_of(&self, base: Offset) -> Result<Rc<[AbortedTransaction]>, ReadError> {
        self.until_swapped().await;
        let cuts = self.state.borrow().cuts;
        let end = {
            let state = self.state.borrow();
            match state.segment(base) {
                None => return Ok(Rc::from([])),
                Some(Segment {
                    growing: Some(growing),
                    ..
                }) => return Ok(growing.aborted.clone().into()),
                Some(_) => state.segment_end(base),
            }
        };
        let kind = FileKind::TransactionIndex;
        if let Some(Cached::Aborted(entries)) = self.storage.cached_index(self.id, base, kind) {
            return Ok(entries);
        }
        let entries = self.load_aborted(base, end).await;
        let entries: Rc<[_]> = entries.map_err(ReadError::Disk)?.into();
        // What was read across a swap is of the segment before.
        if self.state.borrow().cuts == cuts {
            let cached = Cached::Aborted(entries.clone());
            self.storage.cache_index(self.id, base, kind, cached);
        }
        Ok(entries)
    }
}
