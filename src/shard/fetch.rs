//! Fetch on the shard that owns the partitions: read what is there, or watch for news.
//!
//! Room:       `shard`.
//! Called by:  `router`, for this core's connections and for others'.
//! Calls:      `partition`.
//! Never:      holds bytes for a waiting request, or reads a disk to throw away what it brought:
//!             how much may be read of each part is settled before (`router::fetch`).

use super::Shard;
use super::batches::end_of;
use super::message::{Behind, Depth, FetchAnswer, FetchPart};
use crate::ids::{LeaderEpoch, Offset, PartitionKey};
use crate::log::{Batches, ColdRead, Read};
use crate::partition::{Fetched, LeaderView, Partition, Watch};
use crate::protocol::ErrorCode;
use std::rc::Rc;

impl Shard {
    pub async fn fetch(self: &Rc<Self>, parts: Vec<FetchPart>, depth: Depth) -> Vec<FetchAnswer> {
        match depth {
            Depth::Memory { bytes_max } => self.fetch_from_memory(parts, bytes_max).await,
            Depth::Disk => self.fetch_all(parts).await,
        }
    }

    /// Hands `bytes_max` down the parts. What lies on disk is told, not read.
    async fn fetch_from_memory(
        self: &Rc<Self>,
        parts: Vec<FetchPart>,
        bytes_max: usize,
    ) -> Vec<FetchAnswer> {
        let mut answers = Vec::with_capacity(parts.len());
        let mut left = bytes_max;
        let mut is_first = true;
        let mut pace = self.runtime.pace();
        for mut part in parts {
            pace.step().await;
            part.bytes_max = part.bytes_max.min(left);
            part.at_least_one = is_first;
            let answer = match self.begin(part) {
                Ok(begun) => begun.finish_in_memory().await,
                Err(refused) => *refused,
            };
            // A first batch that is too large is taken only if it is the first of all shards.
            if answer.bytes <= part.bytes_max {
                left -= answer.bytes;
            }
            is_first &= answer.bytes == 0;
            answers.push(answer);
        }
        answers
    }

    /// Reads each part, up to its own bound.
    async fn fetch_all(self: &Rc<Self>, parts: Vec<FetchPart>) -> Vec<FetchAnswer> {
        let mut answers = Vec::with_capacity(parts.len());
        for parts in parts.chunks(READS_MAX) {
            let begun: Vec<_> = parts
                .iter()
                .map(|part| self.begin(*part).map(|begun| begun.start(self)))
                .collect();
            for begun in begun {
                answers.push(match begun {
                    Ok(begun) => begun.finish().await,
                    Err(refused) => *refused,
                });
            }
        }
        answers
    }

    /// Takes what is in memory; what is on disk has yet to be asked for.
    fn begin(self: &Rc<Self>, part: FetchPart) -> Result<Begun, Box<FetchAnswer>> {
        let Some(partition) = self.partition(part.key) else {
            return Err(Box::new(refused(self.absence(part.key))));
        };
        let fetched = partition.fetch(
            part.from,
            part.bytes_max,
            part.at_least_one,
            part.epochs,
            part.committed,
        );
        let (records, diverging) = match fetched {
            Ok(Fetched::Records(Read::Now(records))) => (Records::Here(records), None),
            Ok(Fetched::Records(Read::Later(read))) => (Records::OnDisk(read), None),
            Ok(Fetched::Diverging { epoch, end_offset }) => {
                (Records::Here(Batches::default()), Some((epoch, end_offset)))
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
            view: partition.view(),
            partition,
            records,
            diverging,
        })
    }

    /// Completes when what a reader may see beyond these offsets has grown by what `watch` wants,
    /// or leadership changes.
    pub async fn watch(
        self: &Rc<Self>,
        parts: Vec<(PartitionKey, Offset)>,
        committed: bool,
        watch: Watch,
    ) {
        let mut pace = self.runtime.pace();
        for (key, offset) in parts {
            pace.step().await;
            match self.partition(key) {
                Some(partition) if partition.leads() => {
                    partition.watch(&watch, offset, committed);
                }
                // Not here any more.
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
    /// Of the instant that bounds the read: who waits afterwards waits from there on.
    view: LeaderView,
    partition: Rc<Partition>,
    records: Records,
    diverging: Option<(LeaderEpoch, Offset)>,
}

enum Records {
    Here(Batches),
    OnDisk(ColdRead),
}

impl Begun {
    /// Has the disk asked beside what else goes on.
    fn start(mut self, shard: &Shard) -> Begun {
        if let Records::OnDisk(read) = self.records {
            let read = shard.runtime.spawn_with_result(read);
            self.records = Records::OnDisk(Box::pin(read));
        }
        self
    }

    async fn finish_in_memory(mut self) -> FetchAnswer {
        let is_on_disk = matches!(self.records, Records::OnDisk(_));
        if is_on_disk {
            self.records = Records::Here(Batches::default());
        }
        let mut answer = self.finish().await;
        if is_on_disk {
            answer.behind = Behind::OnDisk;
        }
        answer
    }

    async fn finish(self) -> FetchAnswer {
        let (part, partition, diverging) = (self.part, self.partition, self.diverging);
        let batches = match self.records {
            Records::Here(batches) => batches,
            Records::OnDisk(read) => match read.await {
                Ok(batches) => batches,
                Err(error) => return refused(error.error_code()),
            },
        };
        let end = part.committed.then(|| end_of(&batches.slices));
        let aborted = match end {
            None => None,
            Some(None) => Some(Vec::new()),
            Some(Some(end)) => match partition.log().aborted_transactions(part.from, end).await {
                Ok(aborted) => Some(aborted),
                Err(error) => return refused(error.error_code()),
            },
        };
        FetchAnswer {
            error: ErrorCode::None,
            view: Some(self.view),
            diverging,
            records: batches.slices,
            bytes: batches.bytes,
            behind: match batches.more {
                true => Behind::More,
                false => Behind::Nothing,
            },
            aborted,
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
        behind: Behind::Nothing,
        aborted: None,
    }
}
