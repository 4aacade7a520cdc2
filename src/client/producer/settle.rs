//! What becomes of batches that come back: done, to be sent again, or lost.
//!
//! Room:       `client::producer`.
//! Called by:  the senders and receivers.
//! Calls:      `queue`, `cluster` for leaders and producer ids.
//! Never:      calls `on_delivery` with the producer's lock held, or twice for one batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::queue::{Built, Queue};
use super::sender::node_of;
use super::{Delivery, Shared, State};
use crate::client::clock;
use crate::client::cluster::{Cluster, Retry};
use crate::client::connection::Answer;
use crate::client::error::ClientError;
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::messages::produce::{PartitionProduceResponse, ProduceResponse};
use crate::protocol::record_batch::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, ProducerStamp};
use crate::protocol::{ErrorCode, ProducerId, Uuid};

impl Shared {
    /// Topic names and ids of the batches, so that the request can borrow them without the lock.
    pub(super) fn names(&self, batches: &[(usize, Built)]) -> Vec<Named> {
        let state = self.state();
        let named = |(n, _): &(usize, Built)| {
            let queue = &state.queues[*n];
            (Arc::clone(&queue.topic), queue.topic_id, queue.partition)
        };
        batches.iter().map(named).collect()
    }

    pub(super) fn settle_answer(&self, batches: Vec<(usize, Built)>, answer: &Answer) {
        let response: ProduceResponse<'_> = match answer.decode() {
            Ok(response) => response,
            Err(failure) => return self.settle_all(batches, &failure),
        };
        let names = self.names(&batches);
        for ((n, built), (topic, topic_id, partition)) in batches.into_iter().zip(names) {
            let by_id = answer.version() >= PRODUCE_BY_ID;
            let mut answers = response
                .responses
                .iter()
                .filter(|t| {
                    if by_id {
                        t.topic_id == topic_id
                    } else {
                        t.name == *topic
                    }
                })
                .flat_map(|t| &t.partition_responses);
            let result = match answers.find(|answer| answer.index == partition) {
                Some(answer) => settled(answer, &topic),
                None => Err(ClientError::UnknownPartition {
                    topic: topic.to_string(),
                    partition: Some(partition),
                }),
            };
            self.settle(n, built, result);
        }
    }

    pub(super) fn settle_all(&self, batches: Vec<(usize, Built)>, failure: &ClientError) {
        for (n, built) in batches {
            self.settle(n, built, Err(repeat(failure)));
        }
    }

    /// One batch came back: done, to be sent again, or lost.
    pub(super) fn settle(&self, n: usize, mut built: Built, result: Result<i64, ClientError>) {
        let failure = match result {
            Ok(offset) => {
                self.state().queues[n].stored(&built);
                return self.report(n, built, Ok(offset));
            }
            Err(failure) => failure,
        };
        let now = clock::now();
        let code = failure.code();
        let in_time = now.saturating_duration_since(built.opened_at) < self.config.delivery_timeout;
        let may_go_on = in_time && !self.is_closed();
        if code == Some(ErrorCode::MessageTooLarge) && may_go_on && self.split(n, &built) {
            return;
        }
        let mut state = self.state();
        let queue = &mut state.queues[n];
        // An earlier batch is missing: it waits to be sent again, or was given up, after which
        // this one is numbered anew. Either way this one is not stored.
        let follows = code == Some(ErrorCode::OutOfOrderSequenceNumber)
            && (queue.waits_before(built.order) || queue.needs_new_id);
        let retried = failure.retriable() && built.retries < self.config.retries;
        if (retried || follows) && may_go_on {
            built.retries += u32::from(!follows);
            queue.in_flight -= 1;
            queue.not_before = Some(now + self.cluster.config().retry_backoff);
            let stale = code.is_none_or(|code| code != ErrorCode::CorruptMessage);
            if stale && !follows {
                queue.leader_stale = true;
            }
            queue.last_failure = Some(failure.to_string());
            queue.put_back(built);
            return;
        }
        // Its sequence will never be stored, so later ones need a new id.
        queue.needs_new_id |= self.config.idempotent;
        drop(state);
        self.report(n, built, Err(failure));
    }

    /// Final: tells the caller and frees the room.
    fn report(&self, n: usize, built: Built, result: Result<i64, ClientError>) {
        self.tell(n, &built, result);
        let mut state = self.state();
        state.queues[n].in_flight -= 1;
        self.free(&mut state, &built);
    }

    fn tell(&self, n: usize, built: &Built, result: Result<i64, ClientError>) {
        let (topic, partition) = {
            let state = self.state();
            (
                Arc::clone(&state.queues[n].topic),
                state.queues[n].partition,
            )
        };
        (self.on_delivery)(&Delivery {
            topic: &topic,
            partition,
            tags: &built.tags,
            result: result.as_ref().copied(),
            batch_bytes: built.bytes.len(),
            at: clock::now(),
        });
    }

    fn free(&self, state: &mut State, built: &Built) {
        state.buffered -= built.buffered;
        state.unsettled -= 1;
        // Whoever waits for room is woken for an eighth of the buffer, not for every batch.
        let has_room = state.buffered <= self.config.buffer_bytes / 8 * 7;
        if state.unsettled == 0 || (has_room && std::mem::take(&mut state.waits_for_room)) {
            self.room.notify_all();
        }
    }

    /// Batches that waited longer than `delivery.timeout.ms` are given up.
    pub(super) fn give_up_expired(&self) {
        let now = clock::now();
        let mut expired = Vec::new();
        {
            let mut state = self.state();
            for (n, queue) in state.queues.iter_mut().enumerate() {
                while let Some(built) = queue.take_expired(now, self.config.delivery_timeout) {
                    queue.needs_new_id |= self.config.idempotent;
                    expired.push((n, built));
                }
            }
        }
        for (n, built) in expired {
            let failure = {
                let state = self.state();
                let queue = &state.queues[n];
                ClientError::Expired {
                    what: format!("partition {}-{}", queue.topic, queue.partition),
                    after: self.config.delivery_timeout,
                    cause: queue.last_failure.clone(),
                }
            };
            self.tell(n, &built, Err(failure));
            self.free(&mut self.state(), &built);
        }
    }

    pub(super) fn has_stale_leader(&self) -> bool {
        self.state().queues.iter().any(|queue| queue.leader_stale)
    }

    /// Looks up the leaders of all partitions anew; failures show when they are used.
    pub(super) fn find_leaders(self: &Arc<Self>) {
        let topics: BTreeSet<Arc<str>> = self
            .state()
            .queues
            .iter()
            .map(|queue| Arc::clone(&queue.topic))
            .collect();
        let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
        if self.cluster.refresh(Some(&topics), false).is_err() {
            return;
        }
        let mut state = self.state();
        let mut leaders = BTreeSet::new();
        for queue in &mut state.queues {
            queue.leader_stale = false;
            let Some((leader, _, topic_id)) = self.cluster.leader(&queue.topic, queue.partition)
            else {
                queue.leader_stale = true;
                continue;
            };
            queue.topic_id = topic_id;
            // A partition changes its sender only while nothing of it is under way.
            if queue.in_flight == 0 {
                queue.leader = leader;
            } else {
                queue.leader_stale = queue.leader != leader;
            }
            leaders.insert(queue.leader);
        }
        for leader in leaders {
            node_of(self, &mut state, leader).wake();
        }
    }

    /// New producer ids for partitions that lost a sequence.
    pub(super) fn renew_ids(&self) {
        let wanting: Vec<usize> = {
            let state = self.state();
            let mut queues = state.queues.iter().enumerate();
            let wants = |(n, queue): (usize, &Queue)| {
                (queue.needs_new_id && queue.in_flight == 0).then_some(n)
            };
            queues.by_ref().filter_map(wants).collect()
        };
        for n in wanting {
            // Asked once: a broker that is gone must not keep what is waiting from being given up.
            let Ok(stamp) = ask_producer_id(&self.cluster) else {
                return;
            };
            let mut state = self.state();
            let queue = &mut state.queues[n];
            if queue.in_flight == 0 {
                queue.renumber(stamp);
            }
        }
    }
}

/// A new producer id with sequences from 0 (KIP-98).
pub fn new_producer_id(cluster: &Cluster) -> Result<ProducerStamp, ClientError> {
    let mut retry = Retry::new(cluster.config());
    loop {
        match ask_producer_id(cluster) {
            Err(failure) if failure.retriable() && retry.pause() => {}
            done => return done,
        }
    }
}

fn ask_producer_id(cluster: &Cluster) -> Result<ProducerStamp, ClientError> {
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        producer_id: ProducerId(NO_PRODUCER_ID),
        producer_epoch: NO_PRODUCER_EPOCH,
        ..Default::default()
    };
    let answer = cluster.call_any(&request)?;
    let response: InitProducerIdResponse = answer.decode()?;
    ClientError::check(response.error_code, None, || "InitProducerId".into())?;
    Ok(ProducerStamp {
        id: response.producer_id.0,
        epoch: response.producer_epoch,
        base_sequence: 0,
    })
}

/// Topic, its id, and the partition of one batch.
pub type Named = (Arc<str>, Uuid, i32);

/// The broker's word on one batch.
fn settled(answer: &PartitionProduceResponse<'_>, topic: &str) -> Result<i64, ClientError> {
    match answer.error_code {
        ErrorCode::None => Ok(answer.base_offset),
        // It is stored already: an answer was lost, not the batch.
        ErrorCode::DuplicateSequenceNumber => Ok(-1),
        code => Err(ClientError::Refused {
            what: format!("partition {topic}-{}", answer.index),
            code,
            message: answer.error_message.map(str::to_owned),
        }),
    }
}

/// The same failure for another batch: an I/O error has no copy, its kind and text are enough.
fn repeat(failure: &ClientError) -> ClientError {
    match failure {
        ClientError::Connection {
            address,
            api,
            cause,
        } => ClientError::Connection {
            address: address.clone(),
            api,
            cause: std::io::Error::new(cause.kind(), cause.to_string()),
        },
        ClientError::Timeout {
            address,
            api,
            after,
        } => ClientError::Timeout {
            address: address.clone(),
            api,
            after: *after,
        },
        ClientError::Decode {
            address,
            api,
            cause,
        } => ClientError::Decode {
            address: address.clone(),
            api,
            cause: *cause,
        },
        ClientError::Encode {
            api,
            version,
            cause,
        } => ClientError::Encode {
            api,
            version: *version,
            cause: *cause,
        },
        other => ClientError::Connection {
            address: "the broker".into(),
            api: "Produce",
            cause: std::io::Error::other(other.to_string()),
        },
    }
}

/// From this version Produce names topics by id only (KIP-516).
const PRODUCE_BY_ID: i16 = 13;
