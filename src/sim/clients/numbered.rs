//! An idempotent producer: numbers its batches, sends again what it heard nothing of, in order.
//!
//! Room:       `sim`.
//! Called by:  `clients`, one task per producer.
//! Never:      changes a batch or its number once it was sent.

use super::{Fleet, Link, may_be_refused, produce_answers, produce_request, think};
use crate::ids::Offset;
use crate::protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProduceRequest};
use crate::protocol::record_batch::ProducerStamp;
use crate::protocol::{ErrorCode, ProducerId};
use crate::runtime::Runtime;
use crate::runtime::sync::Reply;
use crate::sim::model::{CODECS, Sending};
use crate::sim::seed::Rng;
use crate::sim::wire::Frame;
use std::collections::VecDeque;
use std::rc::Rc;

/// `max.in.flight.requests.per.connection` of an idempotent producer: a broker remembers as many.
const IN_FLIGHT_MAX: usize = 5;

/// One partition as its producer sees it.
#[derive(Clone, Default)]
struct Lane {
    next_sequence: i32,
    /// Sent and not acknowledged, oldest first.
    waiting: VecDeque<usize>,
}

struct Producer {
    fleet: Rc<Fleet>,
    runtime: Runtime,
    rng: Rng,
    id: Option<(i64, i16)>,
    lanes: Vec<Lane>,
    /// In the order of the connection: partition, batch.
    in_flight: VecDeque<(usize, usize, Reply<Frame>)>,
}

/// Sends as long as the world runs.
pub async fn produce_numbered(fleet: Rc<Fleet>, runtime: Runtime, mut rng: Rng) {
    let mut producer = Producer {
        lanes: vec![Lane::default(); fleet.partitions],
        rng: rng.fork(),
        id: None,
        in_flight: VecDeque::new(),
        fleet: fleet.clone(),
        runtime: runtime.clone(),
    };
    loop {
        let link = fleet.link(&runtime, &mut rng).await;
        producer.in_flight.clear();
        if producer.begin(&link).await {
            producer.resend(&link).await;
            producer.go_on(&link).await;
        }
    }
}

impl Producer {
    /// Gets an id if there is none. Sometimes a producer begins anew, as its process would.
    async fn begin(&mut self, link: &Link) -> bool {
        if self.rng.below(20) == 0 {
            let lanes = vec![Lane::default(); self.fleet.partitions];
            let gone = std::mem::replace(&mut self.lanes, lanes);
            let gone: usize = gone.iter().map(|lane| lane.waiting.len()).sum();
            self.fleet.waiting.set(self.fleet.waiting.get() - gone);
            self.id = None;
        }
        if self.id.is_some() {
            return true;
        }
        let version = link.connection.version::<InitProducerIdRequest<'_>>(0);
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 60_000,
            producer_id: ProducerId(-1),
            producer_epoch: -1,
            ..InitProducerIdRequest::default()
        };
        let Some(frame) = link.connection.call(&request, version).await else {
            return false;
        };
        let response: InitProducerIdResponse = frame.message();
        match response.error_code {
            ErrorCode::None => {}
            ErrorCode::NotController | ErrorCode::RequestTimedOut => return false,
            code => panic!("no producer id: {code:?}"),
        }
        let id = (response.producer_id.0, response.producer_epoch);
        self.fleet.model.borrow_mut().take_producer_id(id.0);
        self.id = Some(id);
        true
    }

    async fn resend(&mut self, link: &Link) {
        for partition in 0..self.lanes.len() {
            for id in self.lanes[partition].waiting.clone() {
                while self.in_flight.len() >= IN_FLIGHT_MAX && link.may_send() {
                    if !self.settle(link).await {
                        return;
                    }
                }
                if !link.may_send() {
                    return;
                }
                self.fleet.model.borrow_mut().send_again(id);
                self.send(link, partition, id);
            }
        }
    }

    async fn go_on(&mut self, link: &Link) {
        while link.may_send() {
            think(&self.runtime, &mut self.rng).await;
            let is_full = self.in_flight.len() >= IN_FLIGHT_MAX;
            if is_full || !self.in_flight.is_empty() && self.rng.below(3) == 0 {
                if !self.settle(link).await {
                    return;
                }
                continue;
            }
            if self.rng.below(60) == 0 {
                return; // Another connection, without a word.
            }
            if !link.may_send() || !self.fleet.take() {
                if self.in_flight.is_empty() {
                    self.runtime.sleep(super::LOOK).await;
                } else if !self.settle(link).await {
                    return;
                }
                continue;
            }
            let partition = self.rng.below(self.lanes.len() as u64) as usize;
            let id = self.make(partition);
            self.send(link, partition, id);
        }
    }

    fn make(&mut self, partition: usize) -> usize {
        let (producer, epoch) = self.id.expect("it begins by asking for an id");
        let lane = &mut self.lanes[partition];
        let records = 1 + self.rng.below(4) as i32;
        let id = self.fleet.model.borrow_mut().send(Sending {
            partition,
            acks: -1,
            stream: 0,
            stamp: Some(ProducerStamp {
                id: producer,
                epoch,
                base_sequence: lane.next_sequence,
            }),
            records,
            value_bytes: self.fleet.value_bytes(&mut self.rng),
            codec: self.rng.choose(&CODECS),
            timestamp: self.runtime.wall().0,
        });
        lane.next_sequence += records;
        lane.waiting.push_back(id);
        self.fleet.waiting.set(self.fleet.waiting.get() + 1);
        id
    }

    fn send(&mut self, link: &Link, partition: usize, id: usize) {
        tracing::debug!(partition, id, producer = ?self.id, "numbered batch");
        let bytes = self.fleet.model.borrow().batches[id].bytes.clone();
        let version = link.connection.version::<ProduceRequest<'_>>(3);
        let batches = [(partition, bytes)];
        let request = produce_request(&self.fleet, version, -1, &batches);
        let reply = link.connection.send(&request, version);
        self.in_flight.push_back((partition, id, reply));
    }

    /// Waits for the oldest answer; `false`: this connection is of no more use.
    async fn settle(&mut self, link: &Link) -> bool {
        let Some((partition, id, reply)) = self.in_flight.pop_front() else {
            return true;
        };
        let frame = match link.connection.patiently(reply).await {
            Some(frame) if link.counts() => frame,
            _ => return false,
        };
        let answers = produce_answers(&frame);
        let (answered, code, base_offset) = answers[0];
        assert_eq!((answers.len(), answered), (1, partition));
        let mut model = self.fleet.model.borrow_mut();
        match code {
            ErrorCode::None => {
                model.acknowledge(id, Offset(base_offset));
            }
            // The batch is there, and five newer ones.
            ErrorCode::DuplicateSequenceNumber => {}
            // Those behind it on the way will be out of order: begin again with this one.
            code if may_be_refused(code) => {
                model.refused += 1;
                return false;
            }
            code => panic!(
                "partition {partition}: batch {id} was refused: {code:?}; waiting are {:?}",
                self.lanes[partition].waiting
            ),
        }
        drop(model);
        let first = self.lanes[partition].waiting.pop_front();
        assert_eq!(first, Some(id), "answers come in the order of the requests");
        self.fleet.waiting.set(self.fleet.waiting.get() - 1);
        true
    }
}
