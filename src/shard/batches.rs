//! Looking at batches in slices, as a fetch gathered them: where they end, how many fit.
//!
//! Room:       `shard`.
//! Called by:  `fetch`; `router`, which cuts an answer to what is left of the request's bound.
//! Never:      copies more than a header, or looks at records.

use crate::ids::Offset;
use crate::io::Slice;
use crate::protocol::record_batch::{BATCH_HEADER_BYTES, BatchHeader};

/// The offset behind the last batch. A batch read from disk may lie in several slices.
pub(super) fn end_of(records: &[Slice]) -> Option<Offset> {
    let mut end = None;
    each(records, |header, _| {
        end = Some(Offset(header.next_offset()));
        true
    });
    end
}

/// Keeps the leading batches that have at most `bytes_max` bytes together; returns their bytes.
pub fn cut(records: &mut Vec<Slice>, bytes_max: usize) -> usize {
    let mut kept = 0;
    each(records, |header, at| {
        let fits = at + header.size() <= bytes_max;
        if fits {
            kept = at + header.size();
        }
        fits
    });
    let mut left = kept;
    let mut slices = 0;
    while left > 0 {
        let slice = &mut records[slices];
        let taken = slice.len().min(left);
        *slice = slice.range(0, taken);
        left -= taken;
        slices += 1;
    }
    records.truncate(slices);
    kept
}

/// Shows each batch's header and where the batch begins, until `look` says false.
fn each(records: &[Slice], mut look: impl FnMut(&BatchHeader, usize) -> bool) {
    let mut slices = records.iter();
    let mut rest: &[u8] = &[];
    let mut at = 0;
    loop {
        let mut head = [0; BATCH_HEADER_BYTES];
        let mut filled = 0;
        // Bytes of the batch that its header does not tell of yet.
        let mut left = 0;
        while filled < head.len() || left > 0 {
            if rest.is_empty() {
                match slices.next() {
                    Some(next) => rest = next,
                    None => return,
                }
                continue;
            }
            if filled < head.len() {
                let taken = rest.len().min(head.len() - filled);
                head[filled..filled + taken].copy_from_slice(&rest[..taken]);
                filled += taken;
                rest = &rest[taken..];
                if filled == head.len() {
                    let Ok(header) = BatchHeader::parse(&head) else {
                        return;
                    };
                    if !look(&header, at) {
                        return;
                    }
                    left = header.size().saturating_sub(head.len());
                    at += header.size();
                }
            } else {
                let taken = rest.len().min(left);
                left -= taken;
                rest = &rest[taken..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions};

    /// Four batches of three records each, and the length of one.
    fn batches() -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        for base in 0..4 {
            let mut builder = BatchBuilder::new(BatchOptions {
                base_offset: base * 3,
                ..BatchOptions::default()
            });
            (0..3).for_each(|_| builder.append(0, None, Some(&[7; 40]), &[]));
            bytes.extend(builder.finish());
        }
        let length = bytes.len() / 4;
        (bytes, length)
    }

    #[test]
    fn the_end_is_found_wherever_slices_part() {
        let (bytes, _) = batches();
        assert_eq!(end_of(&[]), None);
        for size in 1..bytes.len() {
            let slices: Vec<Slice> = bytes.chunks(size).map(Slice::copy_of).collect();
            assert_eq!(end_of(&slices), Some(Offset(12)), "slices of {size}");
        }
    }

    #[test]
    fn whole_batches_stay_wherever_slices_part() {
        let (bytes, length) = batches();
        for size in 1..bytes.len() {
            for bound in [0, 1, length - 1, length, length + 1, 3 * length, 9 * length] {
                let mut slices: Vec<Slice> = bytes.chunks(size).map(Slice::copy_of).collect();
                let kept = cut(&mut slices, bound);
                assert_eq!(kept, (bound / length).min(4) * length);
                let left: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
                assert_eq!(left, bytes[..kept], "slices of {size}, bound {bound}");
            }
        }
    }
}
