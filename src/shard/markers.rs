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

/// A marker on its way.
enum Begun {
    /// In this partition.
    Appended(Rc<Partition>, Appended),
    Refused(ErrorCode),
    /// The partition takes nothing for a moment: not begun yet.
    Held(Rc<Partition>),
}

impl Shard {
    /// Appends in this call, as many as may be appended in one turn; the future completes when each
    /// marker is committed, or is not.
    pub fn end_transactions(
        self: &Rc<Self>,
        markers: Vec<(PartitionKey, Marker)>,
    ) -> impl Future<Output = Vec<ErrorCode>> + 'static {
        let mut pace = self.runtime.pace();
        let mut begun = Vec::with_capacity(markers.len());
        for (key, marker) in &markers {
            begun.push(self.end_transaction(*key, marker));
            if pace.is_over() {
                break;
            }
        }
        let shard = self.clone();
        async move {
            for (key, marker) in &markers[begun.len()..] {
                pace.stride().await;
                begun.push(shard.end_transaction(*key, marker));
            }
            let mut codes = Vec::with_capacity(begun.len());
            for (mut begun, (key, marker)) in begun.into_iter().zip(markers) {
                pace.step().await;
                while let Begun::Held(partition) = begun {
                    partition.released().await;
                    begun = shard.end_transaction(key, &marker);
                }
                codes.push(match begun {
                    Begun::Appended(partition, appended) => {
                        let waited = wait(&partition, &appended, -1).await;
                        waited.map_or_else(|code| code, |()| ErrorCode::None)
                    }
                    Begun::Refused(code) => code,
                    Begun::Held(_) => unreachable!("it was waited for"),
                });
            }
            codes
        }
    }

    fn end_transaction(self: &Rc<Self>, key: PartitionKey, marker: &Marker) -> Begun {
        let Some(partition) = self.partition(key) else {
            return Begun::Refused(ErrorCode::UnknownTopicOrPartition);
        };
        if partition.is_held() {
            return Begun::Held(partition);
        }
        if self.checkpointer(&partition.dir()).no_space() {
            return Begun::Refused(AppendError::NoSpace.error_code());
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
                Begun::Appended(partition, appended)
            }
            Err(error) => Begun::Refused(error.error_code()),
        }
    }
}
