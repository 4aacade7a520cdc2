//! A Kafka client's connection in the simulated world: requests out, answers in, in order.
//!
//! Room:       `sim`.
//! Called by:  `clients`.
//! Calls:      `protocol` for the bytes, `runtime` for the socket.
//! Never:      knows more of the broker than its port, or sends anything twice.

use super::seed::Rng;
use crate::io::{Address, ShutdownHow, Slice};
use crate::protocol::header::{SIZE_BYTES, decode_response_header, encode_request};
use crate::protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::{ApiKey, ErrorCode, Message, Reader, Request};
use crate::runtime::sync::{Answer, Either, Event, Queue, Reply, either, reply};
use crate::runtime::{Runtime, Socket};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// An open connection whose broker has said what it serves. Dropping it closes the socket.
pub struct Connection(Rc<Inner>);

struct Inner {
    runtime: Runtime,
    socket: Socket,
    out: Queue<Slice>,
    waiting: RefCell<VecDeque<Sent>>,
    correlation: Cell<i32>,
    /// By key: the versions both sides know.
    versions: RefCell<Vec<(i16, i16, i16)>>,
    rng: RefCell<Rng>,
    lost: Cell<bool>,
    ended: Event,
}

/// A request without its answer.
struct Sent {
    key: ApiKey,
    version: i16,
    correlation: i32,
    answer: Answer<Frame>,
}

/// One answer; messages decoded from it borrow.
pub struct Frame {
    bytes: Vec<u8>,
    body: usize,
    pub version: i16,
}

/// How long a client waits for an answer before it gives the connection up.
const PATIENCE: Duration = Duration::from_secs(30);

impl Connection {
    /// Connects and asks for versions; `None` when that fails.
    pub async fn open(runtime: &Runtime, address: Address, rng: Rng) -> Option<Connection> {
        let socket = runtime.connect(address).await.ok()?;
        let inner = Rc::new(Inner {
            runtime: runtime.clone(),
            socket,
            out: Queue::new(),
            waiting: RefCell::default(),
            correlation: Cell::new(0),
            versions: RefCell::default(),
            rng: RefCell::new(rng),
            lost: Cell::new(false),
            ended: Event::new(),
        });
        runtime.spawn(write(inner.clone()));
        runtime.spawn(read(inner.clone()));
        let connection = Connection(inner);
        connection.ask_versions().await.then_some(connection)
    }

    async fn ask_versions(&self) -> bool {
        let request = ApiVersionsRequest {
            client_software_name: "simulated",
            client_software_version: "1",
            ..ApiVersionsRequest::default()
        };
        let newest = ApiVersionsRequest::MAX_VERSION as u64;
        let version = self.0.rng.borrow_mut().below(newest + 1) as i16;
        let Some(frame) = self.call(&request, version).await else {
            return false;
        };
        let answer: ApiVersionsResponse<'_> = frame.message();
        assert_eq!(answer.error_code, ErrorCode::None);
        let ranges = answer.api_keys.iter();
        let ranges = ranges.map(|api| (api.api_key, api.min_version, api.max_version));
        *self.0.versions.borrow_mut() = ranges.collect();
        true
    }

    /// Any of the versions of this request that both sides know, at least `min`.
    pub fn version<'a, R: Request<'a>>(&self, min: i16) -> i16 {
        let versions = self.0.versions.borrow();
        let served = versions.iter().find(|(key, _, _)| *key == R::KEY.code());
        let (_, low, high) = *served.unwrap_or_else(|| panic!("{} is not served", R::KEY.name()));
        let (low, high) = (low.max(R::MIN_VERSION).max(min), high.min(R::MAX_VERSION));
        low + self.0.rng.borrow_mut().below((high - low + 1) as u64) as i16
    }

    /// Sends a request; its answer comes unless the connection is lost first (`checked`).
    pub fn send<'a, R: Request<'a>>(&self, request: &R, version: i16) -> Reply<Frame> {
        let (answer, reply) = reply();
        let correlation = self.put(request, version);
        if !self.is_lost() {
            self.0.waiting.borrow_mut().push_back(Sent {
                key: R::KEY,
                version,
                correlation,
                answer,
            });
        }
        reply
    }

    /// Sends a request that gets no answer (Produce with acks=0).
    pub fn send_unanswered<'a, R: Request<'a>>(&self, request: &R, version: i16) {
        self.put(request, version);
    }

    fn put<'a, R: Request<'a>>(&self, request: &R, version: i16) -> i32 {
        let correlation = self.0.correlation.get();
        self.0.correlation.set(correlation + 1);
        let mut bytes = Vec::new();
        tracing::debug!(api = R::KEY.name(), version, correlation, "request");
        let client = Some("simulated");
        encode_request(&mut bytes, request, version, correlation, client)
            .unwrap_or_else(|error| panic!("{} v{version}: {error}", R::KEY.name()));
        if !self.is_lost() {
            self.0.out.push(Slice::from(bytes));
        }
        correlation
    }

    /// Sends a request and waits; `None` when the connection was lost or the broker is silent.
    pub async fn call<'a, R: Request<'a>>(&self, request: &R, version: i16) -> Option<Frame> {
        let reply = self.send(request, version);
        self.patiently(reply).await
    }

    /// Waits for an answer as long as a client does.
    pub async fn patiently(&self, reply: Reply<Frame>) -> Option<Frame> {
        let until = self.0.runtime.now().plus(PATIENCE);
        match self.0.runtime.deadline(until, reply.checked()).await {
            Some(frame) => frame,
            None => {
                self.0.lose();
                None
            }
        }
    }

    pub fn is_lost(&self) -> bool {
        self.0.lost.get()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.lose();
    }
}

impl Inner {
    /// Whoever waits for an answer learns that there is none.
    fn lose(&self) {
        if self.lost.replace(true) {
            return;
        }
        self.out.close();
        self.socket.shutdown(ShutdownHow::Both);
        self.ended.notify();
        drop(self.waiting.take());
    }

    fn answer(&self, bytes: Vec<u8>) {
        tracing::debug!(bytes = bytes.len(), correlation = ?bytes.get(..4), "answer");
        let Some(sent) = self.waiting.borrow_mut().pop_front() else {
            panic!("an answer to nothing");
        };
        let mut reader = Reader::new(&bytes);
        let correlation = decode_response_header(&mut reader, sent.key, sent.version);
        assert_eq!(
            correlation,
            Ok(sent.correlation),
            "answers come in order: {} v{}, {} bytes: {:?}",
            sent.key.name(),
            sent.version,
            bytes.len(),
            &bytes[..bytes.len().min(80)],
        );
        let body = reader.position();
        sent.answer.send(Frame {
            bytes,
            body,
            version: sent.version,
        });
    }
}

impl Frame {
    /// The answer as the message it must be.
    pub fn message<'a, M: Message<'a>>(&'a self) -> M {
        let mut reader = Reader::new(&self.bytes[self.body..]);
        let message = M::decode(&mut reader, self.version);
        let message = message.unwrap_or_else(|error| panic!("an answer is malformed: {error}"));
        assert!(reader.is_empty(), "bytes behind an answer");
        message
    }
}

async fn write(inner: Rc<Inner>) {
    while let Some(bytes) = inner.out.next().await {
        if inner.lost.get() || inner.socket.send(vec![bytes]).await.is_err() {
            break;
        }
    }
    inner.lose();
}

async fn read(inner: Rc<Inner>) {
    let mut receiver = inner.socket.receiver();
    let mut arrived: Vec<u8> = Vec::new();
    let seen = inner.ended.count();
    while !inner.lost.get() {
        let bytes = match either(receiver.next(), inner.ended.after(seen)).await {
            Either::First(Ok(bytes)) if !bytes.is_empty() => bytes,
            _ => break,
        };
        arrived.extend_from_slice(&bytes);
        while let Some(size) = arrived.first_chunk::<SIZE_BYTES>() {
            let end = SIZE_BYTES + i32::from_be_bytes(*size) as usize;
            if arrived.len() < end {
                break;
            }
            let rest = arrived.split_off(end);
            let frame = std::mem::replace(&mut arrived, rest).split_off(SIZE_BYTES);
            inner.answer(frame);
        }
    }
    inner.lose();
}
