//! Fetch on the shard that owns the partitions: read what is there, or watch for news.
//!
//! Room:       `shard`.
//! Called by:  `router`, for this core's connections and for others'.
//! Calls:      `partition`.
//! Never:      holds bytes for a waiting request.

use super::Shard;
use super::message::{FetchAnswer, FetchPart};
use crate::ids::{Offset, PartitionKey};
use crate::log::Read;
use crate::partition::{Fetched, Watch};
use crate::protocol::ErrorCode;
use std::rc::Rc;

impl Shard {
    /// Reads each part, up to its own bound. Hot data costs no wait at all.
    pub async fn fetch(self: &Rc<Self>, parts: Vec<FetchPart>) -> Vec<FetchAnswer> {
        let mut answers = Vec::with_capacity(parts.len());
        for part in parts {
            answers.push(self.fetch_part(part).await);
        }
        answers
    }

    async fn fetch_part(self: &Rc<Self>, part: FetchPart) -> FetchAnswer {
        let Some(partition) = self.partition(part.key) else {
            return refused(ErrorCode::UnknownTopicOrPartition);
        };
        // A bound of zero still gets one batch: the gatherer decides whether to send it.
        let fetched = partition.fetch(part.from, part.bytes_max, true, part.epochs);
        let (records, diverging) = match fetched {
            Ok(Fetched::Records(Read::Now(records))) => (records, None),
            Ok(Fetched::Records(Read::Later(read))) => match read.await {
                Ok(records) => (records, None),
                Err(error) => return refused(error.error_code()),
            },
            Ok(Fetched::Diverging { epoch, end_offset }) => (Vec::new(), Some((epoch, end_offset))),
            Err(error) => {
                let view = partition.leads().then(|| partition.view());
                return FetchAnswer {
                    view,
                    ..refused(error.error_code())
                };
            }
        };
        let bytes = records.iter().map(|slice| slice.len()).sum();
        let view = Some(partition.view());
        FetchAnswer {
            error: ErrorCode::None,
            view,
            diverging,
            records,
            bytes,
        }
    }

    /// Completes when a high watermark passes one of these offsets, or leadership changes.
    pub async fn watch(self: &Rc<Self>, parts: Vec<(PartitionKey, Offset)>, watch: Watch) {
        for (key, offset) in parts {
            match self.partition(key) {
                Some(partition) if partition.leads() && partition.high_watermark() <= offset => {
                    partition.watch(&watch, offset);
                }
                // Not here any more, or there is news already.
                _ => watch.fire(),
            }
        }
        watch.fired().await;
    }
}

fn refused(error: ErrorCode) -> FetchAnswer {
    FetchAnswer {
        error,
        view: None,
        diverging: None,
        records: Vec::new(),
        bytes: 0,
    }
}
