//! The tail: the newest batches as slices, which is where consumers that keep up are served from.
//!
//! Room:       `log`.
//! Called by:  `Log::append`, `Log::read`, `flush` (which swaps the slices for those of its own
//!             large buffers).
//! Never:      copies a batch, or holds one twice.
//!
//! Always true: entries rise by offset without a gap but those the batches themselves have; what
//! is not in a segment yet is never dropped from here.

use super::read::Batches;
use crate::ids::{GroupSequence, Offset};
use crate::io::Slice;
use std::collections::VecDeque;

/// One batch in memory.
#[derive(Clone, Debug)]
pub(super) struct TailEntry {
    pub base: Offset,
    /// Offset after its last record.
    pub next: Offset,
    pub slice: Slice,
    /// Group of the journal that holds it; means nothing once flushed.
    pub group: GroupSequence,
}

#[derive(Debug, Default)]
pub(super) struct Tail {
    entries: VecDeque<TailEntry>,
}

impl Tail {
    pub fn push(&mut self, entry: TailEntry) {
        self.entries.push_back(entry);
    }

    /// First offset in memory.
    pub fn first(&self) -> Option<Offset> {
        self.entries.front().map(|entry| entry.base)
    }

    /// Index of the first entry that begins at or above `offset`.
    pub fn index_of(&self, offset: Offset) -> usize {
        self.entries.partition_point(|entry| entry.base < offset)
    }

    /// Whole batches from the one that contains `from`, all below `limit`; `None` when that batch
    /// is not in memory. Neighbours in memory come as one slice.
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        min_one: bool,
    ) -> Option<Batches> {
        if self.first()? > from {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.next <= from);
        let mut batches = Batches::default();
        for entry in self.entries.range(start..) {
            if entry.next > limit {
                break;
            }
            let bytes = batches.bytes + entry.slice.len();
            if bytes > max_bytes && !(min_one && batches.bytes == 0) {
                batches.more = true;
                break;
            }
            batches.bytes = bytes;
            push_joined(&mut batches.slices, &entry.slice);
        }
        Some(batches)
    }

    /// Bytes of the batches from `from` up to `to`; `None` when not all are in memory.
    pub fn bytes_between(&self, from: Offset, to: Offset) -> Option<usize> {
        if self.first()? > from {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.next <= from);
        let entries = self.entries.range(start..);
        let within = entries.take_while(|entry| entry.next <= to);
        Some(within.map(|entry| entry.slice.len()).sum())
    }

    /// Entries from index `start` on.
    pub fn range(&self, start: usize) -> impl DoubleEndedIterator<Item = &TailEntry> {
        self.entries.range(start.min(self.entries.len())..)
    }

    /// Entries before index `end`, newest first.
    pub fn before(&self, end: usize) -> impl Iterator<Item = &TailEntry> {
        self.entries.range(..end.min(self.entries.len())).rev()
    }

    /// Puts another slice with the same bytes in the place of an entry's.
    pub fn replace(&mut self, index: usize, slice: Slice) {
        let entry = &mut self.entries[index];
        assert_eq!(entry.slice.len(), slice.len(), "the bytes are the same");
        entry.slice = slice;
    }

    /// Puts an entry's bytes into another group of the journal. False when it is not here.
    pub fn carry(&mut self, base: Offset, slice: Slice, group: GroupSequence) -> bool {
        let index = self.index_of(base);
        match self.entries.get_mut(index) {
            Some(entry) if entry.base == base && entry.slice.len() == slice.len() => {
                entry.slice = slice;
                entry.group = group;
                true
            }
            _ => false,
        }
    }

    /// Drops entries that end at or below `end`.
    pub fn drop_below(&mut self, end: Offset) {
        while self.entries.front().is_some_and(|entry| entry.next <= end) {
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        } else if self.entries.capacity() > 64 + 4 * self.entries.len() {
            self.entries.shrink_to(2 * self.entries.len());
        }
    }

    /// Drops entries that end above `to`; returns the bytes dropped.
    pub fn truncate(&mut self, to: Offset) -> usize {
        let mut bytes = 0;
        while let Some(last) = self.entries.back().filter(|entry| entry.next > to) {
            bytes += last.slice.len();
            self.entries.pop_back();
        }
        bytes
    }

    pub fn clear(&mut self) {
        self.entries = VecDeque::new();
    }
}

/// Appends a slice, as one with the last where they touch in memory.
pub(super) fn push_joined(slices: &mut Vec<Slice>, next: &Slice) {
    if let Some(last) = slices.last_mut()
        && let Some(joined) = last.joined(next)
    {
        *last = joined;
        return;
    }
    slices.push(next.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(count: i64) -> Tail {
        let mut memory = crate::io::Buffer::with_room(1000);
        let mut tail = Tail::default();
        for n in 0..count {
            memory.extend(&[n as u8; 10]);
            tail.push(TailEntry {
                base: Offset(n * 5),
                next: Offset(n * 5 + 5),
                slice: memory.split_frozen(),
                group: GroupSequence(n as u64),
            });
        }
        tail
    }

    fn bytes(read: Option<Batches>) -> Option<Vec<u8>> {
        read.map(|read| {
            read.slices
                .iter()
                .flat_map(|slice| slice.to_vec())
                .collect()
        })
    }

    #[test]
    fn reads_begin_with_the_batch_that_holds_the_offset() {
        let mut tail = tail(4);
        let all = Offset(20);
        let read = tail.read(Offset(7), all, 1000, false).expect("in memory");
        assert_eq!(read.slices.len(), 1, "neighbours are joined");
        assert_eq!((read.bytes, read.more), (30, false));
        assert_eq!(read.slices[0].len(), 30);
        assert_eq!(read.slices[0][0], 1);
        let part = tail.read(Offset(7), all, 29, false).expect("in memory");
        assert_eq!((part.bytes, part.more), (20, true));
        assert_eq!(tail.bytes_between(Offset(5), Offset(15)), Some(20));
        assert_eq!(tail.bytes_between(Offset(15), Offset(20)), Some(10));
        assert_eq!(tail.bytes_between(Offset(20), Offset(20)), Some(0));
        assert_eq!(
            bytes(tail.read(Offset(7), Offset(15), 1000, false)).map(|b| b.len()),
            Some(20)
        );
        assert_eq!(bytes(tail.read(Offset(7), all, 9, false)), Some(vec![]));
        assert_eq!(
            bytes(tail.read(Offset(7), all, 9, true)),
            Some(vec![1u8; 10])
        );
        assert_eq!(bytes(tail.read(Offset(20), all, 9, true)), Some(vec![]));
        tail.drop_below(Offset(10));
        assert_eq!(tail.read(Offset(7), all, 1000, false).map(|_| ()), None);
        assert_eq!(tail.first(), Some(Offset(10)));
        assert_eq!(tail.bytes_between(Offset(5), Offset(15)), None);
    }

    #[test]
    fn truncation_takes_whole_batches() {
        let mut tail = tail(4);
        assert_eq!(tail.truncate(Offset(12)), 20);
        assert_eq!(tail.entries.len(), 2);
        assert_eq!(tail.truncate(Offset(10)), 0);
    }
}
