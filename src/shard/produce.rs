//! Produce on the shard that owns the partitions: append now, answer when the marks say so.
//!
//! Room:       `shard`.
//! Called by:  `router`, for this core's connections and for others'.
//! Calls:      `partition`.
//! Never:      waits before everything that can be appended is appended: that keeps the order.

use super::Shard;
use super::message::{ProduceAnswer, ProducePart};
use crate::ids::Offset;
use crate::metadata::is_internal;
use crate::partition::{Append, AppendError, Appended, Partition, Terms};
use crate::protocol::ErrorCode;
use std::future::Future;
use std::rc::Rc;

/// A part on its way: appended, refused, or away in validation.
struct Pending {
    /// Or why there is none.
    partition: Result<Rc<Partition>, ErrorCode>,
    append: Append,
}

impl Shard {
    /// Appends in this call (the order of calls is the order in the logs); the returned future
    /// completes when each part is acknowledged as `terms.acks` asks.
    pub fn produce(
        self: &Rc<Self>,
        parts: Vec<ProducePart>,
        terms: Terms,
    ) -> impl Future<Output = Vec<ProduceAnswer>> + 'static {
        let pending: Vec<Pending> = parts
            .into_iter()
            .map(|part| self.append_part(part, terms))
            .collect();
        let shard = self.clone();
        async move {
            let mut answers = Vec::with_capacity(pending.len());
            // All are under way, whoever waits for them: one after the other costs nothing.
            for part in pending {
                answers.push(shard.acknowledge(part, terms).await);
            }
            answers
        }
    }

    fn append_part(self: &Rc<Self>, part: ProducePart, terms: Terms) -> Pending {
        match self.partition(part.key) {
            Some(partition) => {
                // What was acknowledged stays readable on a full disk; more is not taken.
                let append = match self.has_no_room(&partition) {
                    true => Append::Now(Err(AppendError::NoSpace)),
                    false => partition.append(&self.runtime, part.records, terms, part.guard),
                };
                Pending {
                    partition: Ok(partition),
                    append,
                }
            }
            None => Pending {
                partition: Err(self.absence(part.key)),
                append: Append::Now(Err(AppendError::NotLeader)),
            },
        }
    }

    /// A full disk keeps its last room for what the broker itself must write: consumers commit
    /// offsets and transactions end, as long as the journal gets rid of them.
    fn has_no_room(&self, partition: &Partition) -> bool {
        let dir = &partition.dir();
        self.checkpointer(dir).no_space()
            && (!is_internal(&partition.topic) || dir.journal.pressure().is_high())
    }

    async fn acknowledge(&self, part: Pending, terms: Terms) -> ProduceAnswer {
        let outcome = match part.append {
            Append::Now(outcome) => outcome,
            Append::Later(outcome) => outcome.await,
        };
        let partition = match part.partition {
            Ok(partition) => partition,
            Err(code) => return refused(code, None),
        };
        match outcome {
            Ok(appended) => {
                let marks = wait(&partition, &appended, terms.acks);
                // Appended all the same: a retry will be recognised and join the wait.
                let waited = self.runtime.deadline(terms.deadline, marks).await;
                match waited.unwrap_or(Err(ErrorCode::RequestTimedOut)) {
                    Ok(()) => accepted(&partition, &appended),
                    Err(code) => refused(code, None),
                }
            }
            Err(error) => refused(error.error_code(), Some(error)),
        }
    }
}

/// Waits as the acknowledgement table of DESIGN §3 says.
pub(super) async fn wait(
    partition: &Partition,
    appended: &Appended,
    acks: i16,
) -> Result<(), ErrorCode> {
    let seen = match (acks, appended.group) {
        // It has moved to another log dir since, and nothing moves that is not synced.
        (0 | 1, Some(_)) if appended.moves != partition.moves() => return Ok(()),
        // Nobody hears of acks=0, but its bytes count against the connection until then.
        (0 | 1, Some(group)) => {
            let journal = partition.dir().journal.clone();
            return journal
                .wait(group, appended.required)
                .await
                .map_err(|_| ErrorCode::KafkaStorageError);
        }
        // acks=all; and a duplicate, which joins the wait of its original.
        _ => partition.visible(appended.end).await,
    };
    match seen {
        // The level may have been raised since the original came: what it needed is not enough.
        true if appended.group.is_none() => {
            let journal = partition.dir().journal.clone();
            let reached = journal.wait(journal.newest(), appended.required).await;
            reached.map_err(|_| ErrorCode::KafkaStorageError)
        }
        true => Ok(()),
        false if partition.is_offline() => Err(ErrorCode::KafkaStorageError),
        false => Err(ErrorCode::NotLeaderOrFollower),
    }
}

fn accepted(partition: &Partition, appended: &Appended) -> ProduceAnswer {
    ProduceAnswer {
        error: ErrorCode::None,
        base_offset: appended.base_offset,
        log_append_time: appended.log_append_time.unwrap_or(-1),
        log_start_offset: partition.log().log_start_offset(),
        record_errors: Vec::new(),
        message: None,
        unverified: None,
    }
}

fn refused(error: ErrorCode, cause: Option<AppendError>) -> ProduceAnswer {
    let unverified = match cause {
        Some(AppendError::Unverified { guard }) => Some(guard),
        _ => None,
    };
    let (record_errors, message) = match cause {
        Some(AppendError::Invalid(invalid)) => {
            let message = invalid.to_string();
            (invalid.into_records(), Some(message))
        }
        _ => (Vec::new(), None),
    };
    ProduceAnswer {
        error,
        base_offset: Offset(-1),
        log_append_time: -1,
        log_start_offset: Offset(-1),
        record_errors,
        message,
        unverified,
    }
}
