//! Fetch on the shard that owns the partitions: read what is there, or watch for news.
//!
//! Room:       `shard`.
//! Called by:  `router`, for this core's connections and for others'.
//! Calls:      `partition`.
//! Never:      holds bytes for a waiting request.

use super::Shard;
use super::message::{FetchAnswer, FetchPart};
use crate::ids::{LeaderEpoch, Offset, PartitionKey};
use crate::io::Slice;
use crate::log::{ColdRead, Read};
use crate::partition::{Fetched, Partition, Watch};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::{BATCH_HEADER_BYTES, BatchHeader};
use std::rc::Rc;

impl Shard {
    /// Reads each part, up to its own bound. Hot data costs no wait at all.
    pub async fn fetch(self: &Rc<Self>, parts: Vec<FetchPart>) -> Vec<FetchAnswer> {
        let mut answers = Vec::with_capacity(parts.len());
        for parts in parts.chunks(READS_MAX) {
            let begun: Vec<_> = parts.iter().map(|part| self.begin(*part)).collect();
            for begun in begun {
                answers.push(match begun {
                    Ok(begun) => begun.finish().await,
                    Err(refused) => *refused,
                });
            }
        }
        answers
    }

    /// Takes what is in memory; what is on disk is asked for beside that of the other parts.
    fn begin(self: &Rc<Self>, part: FetchPart) -> Result<Begun, Box<FetchAnswer>> {
        let Some(partition) = self.partition(part.key) else {
            return Err(Box::new(refused(self.absence(part.key))));
        };
        // A bound of zero still gets one batch: the gatherer decides whether to send it.
        let fetched = partition.fetch(part.from, part.bytes_max, true, part.epochs, part.committed);
        let (records, diverging) = match fetched {
            Ok(Fetched::Records(Read::Now(records))) => (Records::Here(records), None),
            Ok(Fetched::Records(Read::Later(read))) => {
                let read = self.runtime.spawn_with_result(read);
                (Records::Read(Box::pin(read)), None)
            }
            Ok(Fetched::Diverging { epoch, end_offset }) => {
                (Records::Here(Vec::new()), Some((epoch, end_offset)))
            }
            Err(error) => {
                let view = partition.leads().then(|| partition.view());
                return Err(Box::new(FetchAnswer {
                    view,
                    ..refused(error.error_code())
                }));
            }
        };
        Ok(Begun {
            part,
            partition,
            records,
            diverging,
        })
    }

    /// Completes when what a reader may see passes one of these offsets, or leadership changes.
    pub async fn watch(
        self: &Rc<Self>,
        parts: Vec<(PartitionKey, Offset)>,
        committed: bool,
        watch: Watch,
    ) {
        for (key, offset) in parts {
            match self.partition(key) {
                Some(partition)
                    if partition.leads() && partition.visible_to(committed) <= offset =>
                {
                    partition.watch(&watch, offset, committed);
                }
                // Not here any more, or there is news already.
                _ => watch.fire(),
            }
        }
        watch.fired().await;
    }
}

/// Partitions of one fetch whose cold reads may be under way together.
const READS_MAX: usize = 16;

/// One part of a fetch on its way.
struct Begun {
    part: FetchPart,
    partition: Rc<Partition>,
    records: Records,
    diverging: Option<(LeaderEpoch, Offset)>,
}

enum Records {
    Here(Vec<Slice>),
    Read(ColdRead),
}

impl Begun {
    async fn finish(self) -> FetchAnswer {
        let (part, partition, diverging) = (self.part, self.partition, self.diverging);
        let records = match self.records {
            Records::Here(records) => records,
            Records::Read(read) => match read.await {
                Ok(records) => records,
                Err(error) => return refused(error.error_code()),
            },
        };
        let aborted = match (part.committed, end_of(&records)) {
            (false, _) => None,
            (true, None) => Some(Vec::new()),
            (true, Some(end)) => match partition.log.aborted_transactions(part.from, end).await {
                Ok(aborted) => Some(aborted),
                Err(error) => return refused(error.error_code()),
            },
        };
        let bytes = records.iter().map(|slice| slice.len()).sum();
        let view = Some(partition.view());
        FetchAnswer {
            error: ErrorCode::None,
            view,
            diverging,
            records,
            bytes,
            aborted,
        }
    }
}

/// The offset behind the last batch. A batch read from disk may lie in several slices.
fn end_of(records: &[Slice]) -> Option<Offset> {
    let mut end = None;
    let mut slices = records.iter();
    let mut rest: &[u8] = slices.next()?;
    loop {
        let mut head = [0; BATCH_HEADER_BYTES];
        let mut filled = 0;
        // Bytes of the batch that its header does not tell of yet.
        let mut left = 0;
        while filled < head.len() || left > 0 {
            if rest.is_empty() {
                match slices.next() {
                    Some(next) => rest = next,
                    None => return end,
                }
                continue;
            }
            if filled < head.len() {
                let taken = rest.len().min(head.len() - filled);
                head[filled..filled + taken].copy_from_slice(&rest[..taken]);
                filled += taken;
                rest = &rest[taken..];
                if filled == head.len() {
                    let header = BatchHeader::parse(&head).ok()?;
                    left = header.size().saturating_sub(head.len());
                    end = Some(Offset(header.next_offset()));
                }
            } else {
                let taken = rest.len().min(left);
                left -= taken;
                rest = &rest[taken..];
            }
        }
    }
}

fn refused(error: ErrorCode) -> FetchAnswer {
    FetchAnswer {
        error,
        view: None,
        diverging: None,
        records: Vec::new(),
        bytes: 0,
        aborted: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions};

    #[test]
    fn the_end_is_found_wherever_slices_part() {
        let mut bytes = Vec::new();
        for base in 0..4 {
            let mut builder = BatchBuilder::new(BatchOptions {
                base_offset: base * 3,
                ..BatchOptions::default()
            });
            (0..3).for_each(|_| builder.append(0, None, Some(&[7; 40]), &[]));
            bytes.extend(builder.finish());
        }
        assert_eq!(end_of(&[]), None);
        for size in 1..bytes.len() {
            let slices: Vec<Slice> = bytes.chunks(size).map(Slice::copy_of).collect();
            assert_eq!(end_of(&slices), Some(Offset(12)), "slices of {size}");
        }
    }
}
