//! The senders: one per leader, which takes ready batches, and one receiver per connection, which
//! settles them.
//!
//! Room:       `client::producer`.
//! Called by:  `Producer::send` (a pump of its own), and as threads.
//! Calls:      `queue`, `connection`, `cluster`.
//! Never:      holds the producer's lock while it compresses, writes, or waits for a broker.
//!
//! Always true: who takes batches of a node holds its connection lock until they are written, so
//! the order on the wire is the order in which they were numbered.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::queue::{Built, Queue, Ready};
use super::{Delivery, Shared, State};
use crate::client::clock;
use crate::client::cluster::{Cluster, Retry, lock};
use crate::client::connection::{Answer, ReceiveHalf, SendHalf, Sent};
use crate::client::error::ClientError;
use crate::client::properties::Acks;
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData,
};
use crate::protocol::record_batch::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, ProducerStamp};
use crate::protocol::{ErrorCode, ProducerId, TopicName};

/// One broker, as a destination.
pub struct Node {
    id: i32,
    link: Mutex<Option<Link>>,
    bell: Bell,
    /// Requests on the wire without an answer.
    in_flight: Arc<AtomicUsize>,
    closed: AtomicBool,
}

/// A live connection.
struct Link {
    send: SendHalf,
    /// To the receiver, in the order of the wire.
    sent: Sender<InFlight>,
    /// The receiver saw the connection end.
    broken: Arc<AtomicBool>,
    version: i16,
}

/// One request without an answer.
struct InFlight {
    sent: Sent,
    batches: Vec<(usize, Built)>,
}

/// Wakes a sender; a ring that nobody waits for is remembered and costs no system call.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    waiting: AtomicBool,
    condition: Condvar,
}

impl Bell {
    fn ring(&self) {
        let mut rung = lock(&self.rung);
        if !std::mem::replace(&mut *rung, true) && self.waiting.load(Ordering::SeqCst) {
            self.condition.notify_one();
        }
    }

    fn wait(&self, until: Option<Instant>) {
        let mut rung = lock(&self.rung);
        self.waiting.store(true, Ordering::SeqCst);
        while !*rung {
            let left = match until {
                Some(until) => until.saturating_duration_since(clock::now()),
                None => IDLE_LOOK,
            };
            if left.is_zero() {
                break;
            }
            let waited = self.condition.wait_timeout(rung, left);
            rung = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
            if until.is_none() {
                break;
            }
        }
        self.waiting.store(false, Ordering::SeqCst);
        *rung = false;
    }
}

impl Node {
    pub fn wake(&self) {
        self.bell.ring();
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Ok(link) = self.link.try_lock()
            && let Some(link) = link.as_ref()
        {
            link.send.shutdown();
        }
        self.wake();
    }

    /// Sends from the caller's thread, when the connection is up and nobody else uses it.
    pub fn pump_here(&self, shared: &Shared) -> bool {
        let Ok(mut link) = self.link.try_lock() else {
            return false;
        };
        let Some(open) = link.as_mut() else {
            return false;
        };
        if open.broken.load(Ordering::SeqCst) {
            return false;
        }
        let sent = self.pump(shared, &mut link);
        // Batches that had to stay (a full pipe) leave when an answer rings the bell.
        sent.is_ok()
    }

    /// Sends all that is ready; tells when the next batch will be.
    fn pump(&self, shared: &Shared, link: &mut Option<Link>) -> Result<Ready, ClientError> {
        loop {
            if self.in_flight.load(Ordering::SeqCst) >= shared.config.in_flight_max {
                return Ok(Ready::Never);
            }
            let (batches, ready) = self.take(shared);
            if batches.is_empty() {
                return Ok(ready);
            }
            self.send(shared, link, batches)?;
        }
    }

    /// Takes at most one batch per partition, and as many as fit a request.
    fn take(&self, shared: &Shared) -> (Vec<(usize, Built)>, Ready) {
        let mut state = shared.state();
        let state = &mut *state;
        let now = clock::now();
        let config = &shared.config;
        let mut taken = Vec::new();
        let mut bytes = 0;
        let mut next = Ready::Never;
        for (n, queue) in state.queues.iter_mut().enumerate() {
            if queue.leader != self.id || queue.needs_new_id {
                continue;
            }
            match queue.ready_at(now, config.linger, state.flushing) {
                Ready::Never => {}
                Ready::At(at) => {
                    next = match next {
                        Ready::At(earlier) if earlier <= at => next,
                        _ => Ready::At(at),
                    };
                }
                Ready::Now if bytes >= config.request_bytes_max => break,
                Ready::Now => {
                    if let Some(built) = queue.take(config.idempotent) {
                        bytes += built.buffered;
                        taken.push((n, built));
                    }
                }
            }
        }
        (taken, next)
    }

    fn send(
        &self,
        shared: &Shared,
        link: &mut Option<Link>,
        mut batches: Vec<(usize, Built)>,
    ) -> Result<(), ClientError> {
        batches.iter_mut().for_each(|(_, built)| built.finish());
        let Some(open) = link.as_mut() else {
            let failure = closed(self.id);
            shared.settle_all(batches, &failure);
            return Err(failure);
        };
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let sent = {
            let names = shared.names(&batches);
            let request = request(shared, &names, &batches);
            open.send.send(&request, open.version)
        };
        match sent {
            Ok(sent) if shared.config.acks == Acks::None => {
                self.in_flight.fetch_sub(1, Ordering::SeqCst);
                let _ = sent;
                batches
                    .into_iter()
                    .for_each(|(n, built)| shared.settle(n, built, Ok(-1)));
                Ok(())
            }
            Ok(sent) => {
                // The receiver ends only after it was told of all that was sent.
                if let Err(lost) = open.sent.send(InFlight { sent, batches }) {
                    self.in_flight.fetch_sub(1, Ordering::SeqCst);
                    let failure = closed(self.id);
                    shared.settle_all(lost.0.batches, &failure);
                    *link = None;
                    return Err(failure);
                }
                Ok(())
            }
            Err(failure) => {
                self.in_flight.fetch_sub(1, Ordering::SeqCst);
                open.send.shutdown();
                *link = None;
                shared.settle_all(batches, &failure);
                Err(failure)
            }
        }
    }

    /// The sender's thread.
    fn run(self: &Arc<Self>, shared: &Arc<Shared>) {
        let mut backoff = shared.cluster.config().retry_backoff;
        while !self.closed.load(Ordering::SeqCst) {
            let pumped = self.turn(shared);
            let until = match pumped {
                Ok(Ready::Now) => continue,
                Ok(Ready::At(at)) => {
                    backoff = shared.cluster.config().retry_backoff;
                    Some(at)
                }
                Ok(Ready::Never) => None,
                Err(_) => {
                    // What failed was put back; look for leaders anew, then try again.
                    let until = clock::now() + backoff;
                    backoff = (backoff * 2).min(shared.cluster.config().retry_backoff_max);
                    shared.give_up_expired();
                    shared.find_leaders();
                    Some(until)
                }
            };
            self.bell.wait(until);
            shared.give_up_expired();
        }
        if let Some(link) = lock(&self.link).take() {
            link.send.shutdown();
        }
    }

    fn turn(self: &Arc<Self>, shared: &Arc<Shared>) -> Result<Ready, ClientError> {
        if shared.has_stale_leader() {
            shared.find_leaders();
        }
        shared.renew_ids();
        if !shared
            .state()
            .queues
            .iter()
            .any(|queue| queue.leader == self.id && !queue.is_empty())
        {
            return Ok(Ready::Never);
        }
        let mut link = lock(&self.link);
        if link
            .as_ref()
            .is_some_and(|open| open.broken.load(Ordering::SeqCst))
        {
            *link = None;
        }
        if link.is_none() {
            *link = Some(self.open(shared)?);
        }
        self.pump(shared, &mut link)
    }

    fn open(self: &Arc<Self>, shared: &Arc<Shared>) -> Result<Link, ClientError> {
        let connection = shared.cluster.open_broker(self.id)?;
        let version = connection.version_of::<ProduceRequest<'_>>()?;
        let (send, receive) = connection.split();
        let (sent, waiting) = channel();
        let broken = Arc::new(AtomicBool::new(false));
        let receiver = Receiving {
            shared: Arc::clone(shared),
            node: Arc::clone(self),
            receive,
            waiting,
            broken: Arc::clone(&broken),
        };
        let thread = Builder::new().name(format!("receiver-{}", self.id));
        let thread =
            thread
                .spawn(move || receiver.run())
                .map_err(|cause| ClientError::Connect {
                    address: format!("broker {}", self.id),
                    cause,
                })?;
        shared.state().threads.push(thread);
        Ok(Link {
            send,
            sent,
            broken,
            version,
        })
    }
}

/// The receiver's thread: reads answers in the order of requests and settles their batches.
struct Receiving {
    shared: Arc<Shared>,
    node: Arc<Node>,
    receive: ReceiveHalf,
    waiting: Receiver<InFlight>,
    broken: Arc<AtomicBool>,
}

impl Receiving {
    fn run(mut self) {
        let timeout = self.shared.cluster.config().request_timeout;
        let mut memory = Vec::new();
        while let Ok(request) = self.waiting.recv() {
            let until = request.sent.at + timeout;
            let left = until.saturating_duration_since(clock::now());
            match self
                .receive
                .receive_into(&request.sent, left, std::mem::take(&mut memory))
            {
                Ok(answer) => {
                    // The pipe has room again before the batches are accounted for.
                    self.node.in_flight.fetch_sub(1, Ordering::SeqCst);
                    self.shared.settle_answer(request.batches, &answer);
                    memory = answer.into_bytes();
                    self.node.wake();
                }
                Err(failure) => return self.end(request, &failure),
            }
        }
    }

    /// The connection is over: all that is unanswered goes back.
    fn end(self, request: InFlight, failure: &ClientError) {
        self.broken.store(true, Ordering::SeqCst);
        self.receive.shutdown();
        let mut lost = vec![request];
        {
            // The sender's end is dropped under the link's lock: nothing more can come then.
            let mut link = lock(&self.node.link);
            if link
                .as_ref()
                .is_some_and(|open| Arc::ptr_eq(&open.broken, &self.broken))
            {
                *link = None;
            }
        }
        lost.extend(self.waiting.try_iter());
        for request in lost {
            self.node.in_flight.fetch_sub(1, Ordering::SeqCst);
            self.shared.settle_all(request.batches, failure);
        }
        self.node.wake();
    }
}

impl Shared {
    /// Topic names and ids of the batches, so that the request can borrow them without the lock.
    fn names(&self, batches: &[(usize, Built)]) -> Vec<Named> {
        let state = self.state();
        let named = |(n, _): &(usize, Built)| {
            let queue = &state.queues[*n];
            (Arc::clone(&queue.topic), queue.topic_id, queue.partition)
        };
        batches.iter().map(named).collect()
    }

    fn settle_answer(&self, batches: Vec<(usize, Built)>, answer: &Answer) {
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

    fn settle_all(&self, batches: Vec<(usize, Built)>, failure: &ClientError) {
        for (n, built) in batches {
            self.settle(n, built, Err(repeat(failure)));
        }
    }

    /// One batch came back: done, to be sent again, or lost.
    fn settle(&self, n: usize, built: Built, result: Result<i64, ClientError>) {
        let failure = match result {
            Ok(offset) => return self.report(n, built, Ok(offset)),
            Err(failure) => failure,
        };
        let now = clock::now();
        let mut state = self.state();
        let queue = &mut state.queues[n];
        let code = failure.code();
        // An earlier batch is missing only because it waits to be sent again.
        let follows =
            code == Some(ErrorCode::OutOfOrderSequenceNumber) && queue.waits_before(built.order);
        let in_time = now.saturating_duration_since(built.opened_at) < self.config.delivery_timeout;
        if (failure.retriable() || follows) && in_time && !self.is_closed() {
            queue.in_flight -= 1;
            queue.not_before = Some(now + self.cluster.config().retry_backoff);
            let stale = code.is_none_or(|code| code != ErrorCode::CorruptMessage);
            if stale && !follows {
                queue.leader_stale = true;
            }
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
        let was_tight = state.buffered * 2 > self.config.buffer_bytes;
        state.buffered -= built.buffered;
        state.unsettled -= 1;
        if was_tight || state.unsettled == 0 {
            self.room.notify_all();
        }
    }

    /// Batches that waited longer than `delivery.timeout.ms` are given up.
    fn give_up_expired(&self) {
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
            let failure = ClientError::Timeout {
                address: "the cluster".into(),
                api: "Produce",
                after: self.config.delivery_timeout,
            };
            self.tell(n, &built, Err(failure));
            self.free(&mut self.state(), &built);
        }
    }

    fn has_stale_leader(&self) -> bool {
        self.state().queues.iter().any(|queue| queue.leader_stale)
    }

    /// Looks up the leaders of all partitions anew; failures show when they are used.
    fn find_leaders(self: &Arc<Self>) {
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
    fn renew_ids(&self) {
        let wanting: Vec<usize> = {
            let state = self.state();
            let mut queues = state.queues.iter().enumerate();
            let wants = |(n, queue): (usize, &Queue)| {
                (queue.needs_new_id && queue.in_flight == 0).then_some(n)
            };
            queues.by_ref().filter_map(wants).collect()
        };
        for n in wanting {
            let Ok(stamp) = new_producer_id(&self.cluster) else {
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

/// The sender of a broker, started when it is first needed.
pub fn node_of(shared: &Arc<Shared>, state: &mut State, id: i32) -> Arc<Node> {
    if let Some(node) = state.nodes.get(&id) {
        return Arc::clone(node);
    }
    let node = Arc::new(Node {
        id,
        link: Mutex::new(None),
        bell: Bell::default(),
        in_flight: Arc::default(),
        closed: AtomicBool::new(false),
    });
    state.nodes.insert(id, Arc::clone(&node));
    let (for_thread, for_shared) = (Arc::clone(&node), Arc::clone(shared));
    let thread = Builder::new().name(format!("sender-{id}"));
    let thread = thread.spawn(move || for_thread.run(&for_shared));
    state
        .threads
        .push(thread.expect("the system refuses another thread"));
    node
}

/// A new producer id with sequences from 0 (KIP-98).
pub fn new_producer_id(cluster: &Cluster) -> Result<ProducerStamp, ClientError> {
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        producer_id: ProducerId(NO_PRODUCER_ID),
        producer_epoch: NO_PRODUCER_EPOCH,
        ..Default::default()
    };
    let mut retry = Retry::new(cluster.config());
    loop {
        let stamp = cluster.call_any(&request).and_then(|answer| {
            let response: InitProducerIdResponse = answer.decode()?;
            ClientError::check(response.error_code, None, || "InitProducerId".into())?;
            let (id, epoch) = (response.producer_id.0, response.producer_epoch);
            Ok(ProducerStamp {
                id,
                epoch,
                base_sequence: 0,
            })
        });
        match stamp {
            Err(failure) if failure.retriable() && retry.pause() => {}
            done => return done,
        }
    }
}

type Named = (Arc<str>, crate::protocol::Uuid, i32);

fn request<'r>(
    shared: &Shared,
    names: &'r [Named],
    batches: &'r [(usize, Built)],
) -> ProduceRequest<'r> {
    let mut topics: Vec<TopicProduceData<'r>> = Vec::new();
    for ((topic, topic_id, partition), (_, built)) in names.iter().zip(batches) {
        let data = PartitionProduceData {
            index: *partition,
            records: Some(&built.bytes),
        };
        match topics.iter_mut().find(|known| known.name == **topic) {
            Some(known) => known.partition_data.push(data),
            None => topics.push(TopicProduceData {
                name: TopicName(topic),
                topic_id: *topic_id,
                partition_data: vec![data],
            }),
        }
    }
    let timeout = shared.cluster.config().request_timeout.as_millis();
    ProduceRequest {
        transactional_id: None,
        acks: shared.config.acks.code(),
        timeout_ms: i32::try_from(timeout).unwrap_or(i32::MAX),
        topic_data: topics,
    }
}

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

fn closed(node: i32) -> ClientError {
    ClientError::Connection {
        address: format!("broker {node}"),
        api: "Produce",
        cause: std::io::ErrorKind::NotConnected.into(),
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
/// A sender without work looks this often for batches that expired.
const IDLE_LOOK: Duration = Duration::from_secs(1);
