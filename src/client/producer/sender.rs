//! The senders: one per leader, which takes ready batches, and one receiver per connection, which
//! settles them.
//!
//! Room:       `client::producer`.
//! Called by:  `Producer::send` (a pump of its own), and as threads.
//! Calls:      `queue`, `connection`, `settle` for what comes back.
//! Never:      holds the producer's lock while it compresses, writes, or waits for a broker.
//!
//! Always true: who takes batches of a node holds its connection lock until they are written, so
//! the order on the wire is the order in which they were numbered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::queue::{Built, Ready};
use super::settle::Named;
use super::{Shared, State};
use crate::client::clock;
use crate::client::cluster::lock;
use crate::client::connection::{ReceiveHalf, SendHalf, Sent};
use crate::client::error::ClientError;
use crate::client::properties::Acks;
use crate::protocol::TopicName;
use crate::protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

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
                    // What failed was put back. Records that come in meanwhile ring the bell, but
                    // they don't bring the broker back, so this wait is not for the bell.
                    clock::sleep(backoff);
                    backoff = (backoff * 2).min(shared.cluster.config().retry_backoff_max);
                    shared.give_up_expired();
                    shared.find_leaders();
                    continue;
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

fn closed(node: i32) -> ClientError {
    ClientError::Connection {
        address: format!("broker {node}"),
        api: "Produce",
        cause: std::io::ErrorKind::NotConnected.into(),
    }
}

/// A sender without work looks this often for batches that expired.
const IDLE_LOOK: Duration = Duration::from_secs(1);
