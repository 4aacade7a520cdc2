//! Ends of transactions on the shard that owns the partitions: append now, answer when committed.
//!
//! Room:       `shard`.
//! Called by:  `router`, for coordinators and for WriteTxnMarkers.
//! Calls:      `partition`.
//! Never:      waits for one marker before the next is appended.

use super::Shard;
use super::produce::wait;
use crate::coordinator::{Completed, Producer};
use crate::ids::PartitionKey;
use crate::partition::{AppendError, Appended, Marker, Partition};
use crate::protocol::ErrorCode;
use std::future::Future;
use std::rc::Rc;

/// A marker on its way, with the partition it is in.
type Begun = Result<(Rc<Partition>, Appended), ErrorCode>;

impl Shard {
    /// Appends in this call; the future completes when each marker is committed, or is not.
    pub fn end_transactions(
        self: &Rc<Self>,
        markers: Vec<(PartitionKey, Marker)>,
    ) -> impl Future<Output = Vec<ErrorCode>> + 'static {
        let begun: Vec<Begun> = markers
            .iter()
            .map(|(key, marker)| self.end_transaction(*key, marker))
            .collect();
        async move {
            let mut codes = Vec::with_capacity(begun.len());
            for begun in begun {
                codes.push(match begun {
                    Ok((partition, appended)) => match wait(&partition, &appended, -1).await {
                        Ok(()) => ErrorCode::None,
                        Err(code) => code,
                    },
                    Err(code) => code,
                });
            }
            codes
        }
    }

    fn end_transaction(self: &Rc<Self>, key: PartitionKey, marker: &Marker) -> Begun {
        let partition = self
            .partition(key)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if self.checkpointer(&partition.dir).no_space() {
            return Err(AppendError::NoSpace.error_code());
        }
        let (wall, now) = (self.runtime.wall(), self.runtime.now());
        match partition.end_transaction(marker, wall, now) {
            Ok(appended) => {
                let producer = Producer {
                    id: marker.producer_id,
                    epoch: marker.producer_epoch,
                };
                let completed = Completed {
                    producer,
                    committed: marker.commit,
                };
                self.transaction_completed(key, completed);
                Ok((partition, appended))
            }
            Err(error) => Err(error.error_code()),
        }
    }
}
