//! What a handler is given: who asks, in which version, and the way to everything it may use.
//!
//! Room:       `handlers`.
//! Called by:  `connection` (makes a `Context`), every handler.
//! Never:      gives a handler the socket.

use super::SMALL_BODY_BYTES_MAX;
use super::decoded::{Decoded, Held, Work};
use crate::config::BrokerConfig;
use crate::ids::ShardId;
use crate::io::{Address, Slice};
use crate::metadata::Image;
use crate::metrics::{ClientTelemetry, RequestMetrics};
use crate::protocol::messages::header::ResponseHeader;
use crate::protocol::{ApiKey, DecodeError, EncodeError, Message, Uuid, Writer};
use crate::router::Router;
use crate::runtime::Pace;
use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// The bytes of a response, its length included, in sending order. Empty: no response.
pub type Response = Vec<Slice>;

/// One connection, as its requests see it.
pub struct Context {
    pub router: Rc<Router>,
    pub shared: Rc<Shared>,
    pub listener: Rc<ListenerInfo>,
    pub peer: Address,
    /// What the client called itself in ApiVersions.
    pub client_software: RefCell<Option<(String, String)>>,
    pub traffic: Traffic,
    /// Answers it has not taken.
    pub owed: Rc<super::answers::Owed>,
    /// The fetch session it used last, 0 without one: it goes along when the connection moves.
    pub fetch_session: Cell<i32>,
    /// Keeps transactional Produce requests in order.
    pub transactional: super::transactional::Gate,
    /// Share sessions that were opened here end with the connection.
    pub share_sessions: super::share::Opened,
}

/// What all connections of a shard share.
pub struct Shared {
    pub config: Arc<BrokerConfig>,
    pub sessions: RefCell<super::fetch_session::Sessions>,
    pub metrics: RequestMetrics,
    pub answers: Rc<super::answers::Answers>,
    pub decoded: Rc<Decoded>,
    /// Who pushes metrics here, and what was pushed.
    pub telemetry_clients: super::client_telemetry::Clients,
    pub telemetry: ClientTelemetry,
    pub is_stopping: Cell<bool>,
    /// Notified when the broker stops: waiting requests answer with what they have.
    pub stopping: Event,
}

impl Shared {
    pub fn new(config: Arc<BrokerConfig>, shards: u16) -> Shared {
        let slots = (config.fetch_sessions_max as usize).div_ceil(usize::from(shards));
        let answers = super::answers::Answers::new(config.memory_shares(shards).answer_bytes);
        Shared {
            decoded: Decoded::new(answers.clone()),
            answers,
            config,
            sessions: RefCell::new(super::fetch_session::Sessions::new(slots)),
            metrics: RequestMetrics::default(),
            telemetry_clients: super::client_telemetry::Clients::default(),
            telemetry: ClientTelemetry::default(),
            is_stopping: Cell::new(false),
            stopping: Event::new(),
        }
    }

    /// Lets waiting requests answer now.
    pub fn stop(&self) {
        self.is_stopping.set(true);
        self.stopping.notify();
    }
}

/// The listener a client came through: what it is told about brokers depends on it.
#[derive(Clone, Debug)]
pub struct ListenerInfo {
    pub name: String,
}

/// One request in one version.
pub struct Call {
    pub context: Rc<Context>,
    pub api: ApiKey,
    pub version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
    /// How many requests of this connection came before it.
    pub number: u64,
}

/// Why a request ends its connection instead of getting a response.
#[derive(Debug)]
pub enum Unanswerable {
    UnknownApi {
        code: i16,
    },
    UnsupportedVersion {
        api: ApiKey,
        version: i16,
    },
    Malformed(DecodeError),
    /// An acks=0 request failed: closing is the only way to tell.
    Unacknowledged(crate::protocol::ErrorCode),
    /// Our own response did not fit its version: a bug, seen by one client only.
    Response(EncodeError),
}

impl std::fmt::Display for Unanswerable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownApi { code } => write!(f, "api key {code} is not served"),
            Self::UnsupportedVersion { api, version } => {
                write!(f, "version {version} of {} is not served", api.name())
            }
            Self::Malformed(error) => write!(f, "malformed request: {error}"),
            Self::Unacknowledged(code) => write!(f, "acks=0 request failed: {code:?}"),
            Self::Response(error) => write!(f, "response cannot be encoded: {error}"),
        }
    }
}

impl From<DecodeError> for Unanswerable {
    fn from(error: DecodeError) -> Unanswerable {
        Unanswerable::Malformed(error)
    }
}

impl From<EncodeError> for Unanswerable {
    fn from(error: EncodeError) -> Unanswerable {
        Unanswerable::Response(error)
    }
}

impl Call {
    pub fn image(&self) -> Arc<Image> {
        self.context.router.shard.image()
    }

    /// This broker's configuration, with what clients have changed since the start.
    pub fn config(&self) -> Arc<BrokerConfig> {
        self.context.router.shard.config()
    }

    /// For a handler that goes over all that a request names.
    pub fn pace(&self) -> Pace {
        self.context.router.shard.runtime.pace()
    }

    /// Waits until a request of so many bytes may be decoded.
    pub async fn room_to_decode(&self, body_bytes: usize) {
        if body_bytes > SMALL_BODY_BYTES_MAX {
            self.context.shared.decoded.room().await;
        }
    }

    /// The request is decoded, into memory of its own; it is worked on until that is dropped.
    pub fn hold_decoded(&self, bytes: usize, work: Work) -> Held {
        self.context.shared.decoded.hold(bytes, work)
    }

    /// Length placeholder and response header; the body goes behind them.
    pub fn begin(&self) -> Result<Vec<u8>, Unanswerable> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&[0; 4]);
        let header = ResponseHeader {
            correlation_id: self.correlation_id,
        };
        header.encode(&mut out, self.api.response_header_version(self.version))?;
        Ok(out)
    }

    /// As `begin`, of a response that is a throttle time and one array: its elements are encoded
    /// behind it one by one, so that not all of them need to be there at once.
    pub fn begin_array<'r, M: Message<'r>>(&self, count: usize) -> Result<Vec<u8>, Unanswerable> {
        let mut out = self.begin()?;
        out.put_i32(0);
        out.put_length(count, self.version >= M::FLEXIBLE);
        Ok(out)
    }

    /// The last element is encoded.
    pub fn finish_array<'r, M: Message<'r>>(
        &self,
        mut out: Vec<u8>,
    ) -> Result<Response, Unanswerable> {
        if self.version >= M::FLEXIBLE {
            out.put_unsigned_varint(0);
        }
        Ok(finished(out))
    }

    /// A response whose body is encoded already.
    pub fn respond_encoded(&self, body: &[u8]) -> Result<Response, Unanswerable> {
        let mut out = self.begin()?;
        out.extend_from_slice(body);
        Ok(finished(out))
    }

    /// Encodes a whole response.
    pub fn respond<'r>(&self, response: &impl Message<'r>) -> Result<Response, Unanswerable> {
        self.respond_as(response, self.version)
    }

    /// As `respond`, in another version than the request's.
    pub fn respond_as<'r>(
        &self,
        response: &impl Message<'r>,
        version: i16,
    ) -> Result<Response, Unanswerable> {
        let mut out = self.begin()?;
        response.encode(&mut out, version)?;
        Ok(finished(out))
    }
}

/// Sets the length of a response that is whole.
fn finished(mut out: Vec<u8>) -> Response {
    let length = (out.len() - 4) as i32;
    out[..4].copy_from_slice(&length.to_be_bytes());
    vec![Slice::from(out)]
}

/// Bytes of one connection by owning shard, since they were last looked at.
pub struct Traffic(Vec<Cell<u64>>);

impl Traffic {
    pub fn new(shards: u16) -> Traffic {
        Traffic((0..shards).map(|_| Cell::new(0)).collect())
    }

    pub fn count(&self, shard: ShardId, bytes: usize) {
        let cell = &self.0[usize::from(shard.0)];
        cell.set(cell.get() + bytes as u64);
    }

    /// The shard with more than four fifths of at least `bytes_min` bytes; starts over.
    pub fn take_majority(&self, bytes_min: u64) -> Option<ShardId> {
        let total: u64 = self.0.iter().map(Cell::get).sum();
        let most = self
            .0
            .iter()
            .enumerate()
            .max_by_key(|(_, bytes)| bytes.get())?;
        let (shard, bytes) = (ShardId(most.0 as u16), most.1.get());
        self.0.iter().for_each(|bytes| bytes.set(0));
        (total >= bytes_min && bytes * 5 > total * 4).then_some(shard)
    }
}

/// The wire's id of a topic.
pub fn uuid(topic: crate::ids::TopicId) -> Uuid {
    Uuid(topic.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_majority_attracts_a_connection() {
        let traffic = Traffic::new(2);
        traffic.count(ShardId(1), 81);
        traffic.count(ShardId(0), 19);
        assert_eq!(traffic.take_majority(10), Some(ShardId(1)));
        assert_eq!(traffic.take_majority(10), None);
        traffic.count(ShardId(1), 80);
        traffic.count(ShardId(0), 20);
        assert_eq!(traffic.take_majority(10), None);
    }
}
