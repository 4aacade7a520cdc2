//! Batches in what was read, and the part of it that was acquired.
//!
//! Room:       `shard::shares`.
//! Never:      looks behind a batch's header, or copies records.

use crate::coordinator::share::partition::{Acquired, Extent};
use crate::io::Slice;
use crate::log::AbortedTransaction;
use crate::protocol::record_batch::{BATCH_HEADER_BYTES, BatchHeader};

/// A batch, and where it lies in the slices.
pub struct Batch {
    pub header: BatchHeader,
    at: usize,
}

/// The whole batches of these slices, in which a batch may begin anywhere and go on in the next.
pub fn batches(records: &[Slice]) -> Vec<Batch> {
    let total: usize = records.iter().map(|slice| slice.len()).sum();
    let mut batches = Vec::new();
    let mut at = 0;
    while total - at >= BATCH_HEADER_BYTES {
        let mut head = [0; BATCH_HEADER_BYTES];
        copy(records, at, &mut head);
        let Ok(header) = BatchHeader::parse(&head) else {
            break;
        };
        let size = header.size();
        if size > total - at {
            break;
        }
        batches.push(Batch { header, at });
        at += size;
    }
    batches
}

fn copy(records: &[Slice], mut from: usize, into: &mut [u8]) {
    let mut filled = 0;
    for slice in records {
        if from >= slice.len() {
            from -= slice.len();
            continue;
        }
        let taken = (slice.len() - from).min(into.len() - filled);
        into[filled..filled + taken].copy_from_slice(&slice[from..from + taken]);
        (filled, from) = (filled + taken, 0);
        if filled == into.len() {
            return;
        }
    }
}

/// What a share partition must know of these batches.
pub fn extents(batches: &[Batch], aborted: &[AbortedTransaction]) -> Vec<Extent> {
    let is_aborted = |header: &BatchHeader| {
        let attributes = header.attributes;
        let mut aborted = aborted.iter();
        attributes.is_transactional()
            && !attributes.is_control()
            && aborted.any(|transaction| {
                transaction.producer_id == header.producer_id
                    && transaction.first_offset.0 <= header.base_offset
                    && header.base_offset <= transaction.last_offset.0
            })
    };
    let extents = batches.iter().map(|batch| Extent {
        base: batch.header.base_offset,
        last: batch.header.last_offset(),
        is_aborted: is_aborted(&batch.header),
    });
    extents.collect()
}

/// The batches with what was acquired.
pub fn cut(records: &[Slice], batches: &[Batch], acquired: &[Acquired]) -> Vec<Slice> {
    let (Some(first), Some(last)) = (acquired.first(), acquired.last()) else {
        return Vec::new();
    };
    let mut inside = batches.iter().filter(|batch| {
        batch.header.last_offset() >= first.first && batch.header.base_offset <= last.last
    });
    let Some(begin) = inside.next() else {
        return Vec::new();
    };
    let end = inside.next_back().unwrap_or(begin);
    let (from, to) = (begin.at, end.at + end.header.size());
    let mut at = 0;
    let mut cut = Vec::new();
    for slice in records {
        let (first, last) = (from.max(at), to.min(at + slice.len()));
        if first < last {
            cut.push(slice.range(first - at, last - at));
        }
        at += slice.len();
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions};

    #[test]
    fn batches_are_found_and_cut_wherever_slices_part() {
        let mut bytes = Vec::new();
        for base in 0..4 {
            let mut builder = BatchBuilder::new(BatchOptions {
                base_offset: base * 3,
                ..BatchOptions::default()
            });
            (0..3).for_each(|_| builder.append(0, None, Some(&[7; 40]), &[]));
            bytes.extend(builder.finish());
        }
        let one = bytes.len() / 4;
        let acquired = [Acquired {
            first: 4,
            last: 8,
            count: 1,
        }];
        for size in 1..bytes.len() {
            let slices: Vec<Slice> = bytes.chunks(size).map(Slice::copy_of).collect();
            let found = batches(&slices);
            let all = extents(&found, &[]);
            let bases: Vec<(i64, i64)> = all.iter().map(|e| (e.base, e.last)).collect();
            assert_eq!(bases, [(0, 2), (3, 5), (6, 8), (9, 11)]);
            let cut: Vec<u8> = cut(&slices, &found, &acquired)
                .iter()
                .flat_map(|s| s.to_vec())
                .collect();
            assert_eq!(cut, bytes[one..3 * one], "slices of {size}");
        }
        assert!(batches(&[Slice::copy_of(&bytes[..one - 1])]).is_empty());
    }
}
