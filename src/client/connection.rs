//! One connection to one broker: versions, correlation ids, frames, timeouts.
//!
//! Room:       `client`.
//! Called by:  `cluster` for single calls; the producer's and the consumer's threads, which use
//!             the two halves at once.
//! Calls:      `stream`, `protocol`.
//! Never:      retries: whoever called knows whether that is safe. After an error the connection
//!             is broken, because an answer may still be under way.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::clock;
use super::error::ClientError;
use super::properties::ClientConfig;
use super::stream::{Address, Stream};
use crate::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::{ApiKey, ErrorCode, Message, Reader, Request, Writer};

/// A connection after ApiVersions, ready for calls.
#[derive(Debug)]
pub struct Connection {
    send: SendHalf,
    receive: ReceiveHalf,
    /// What was sent and not answered, oldest first: brokers answer in this order.
    waiting: VecDeque<Sent>,
}

/// The half that writes requests.
#[derive(Debug)]
pub struct SendHalf {
    stream: Stream,
    address: String,
    client_id: String,
    versions: Versions,
    correlation: i32,
    frame: Vec<u8>,
}

/// The half that reads answers.
#[derive(Debug)]
pub struct ReceiveHalf {
    stream: Stream,
    address: String,
}

/// What has to be known about a request to read its answer.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub key: ApiKey,
    pub version: i16,
    pub correlation: i32,
    /// When the last byte was handed to the system.
    pub at: Instant,
}

/// One answer as bytes; messages are decoded from it and borrow.
#[derive(Debug)]
pub struct Answer {
    bytes: Vec<u8>,
    body: usize,
    version: i16,
    key: ApiKey,
    address: String,
}

impl Connection {
    /// Connects and agrees on versions.
    pub fn open(address: &Address, config: &ClientConfig) -> Result<Self, ClientError> {
        let shown = address.to_string();
        let failed = |cause| ClientError::Connect {
            address: shown.clone(),
            cause,
        };
        let stream = Stream::connect(address, config.connect_timeout).map_err(failed)?;
        stream
            .set_write_timeout(Some(config.request_timeout))
            .map_err(failed)?;
        let other = stream.try_clone().map_err(failed)?;
        let send = SendHalf {
            stream,
            address: shown.clone(),
            client_id: config.client_id.clone(),
            versions: Versions::default(),
            correlation: 0,
            frame: Vec::new(),
        };
        let receive = ReceiveHalf {
            stream: other,
            address: shown.clone(),
        };
        let mut connection = Self {
            send,
            receive,
            waiting: VecDeque::new(),
        };
        connection.negotiate(config.request_timeout)?;
        Ok(connection)
    }

    /// Asks with our newest version; a broker that doesn't know it answers as version 0, naming
    /// its own newest (KIP-511), and is asked again.
    fn negotiate(&mut self, timeout: Duration) -> Result<(), ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: "ottla",
            client_software_version: env!("CARGO_PKG_VERSION"),
            ..Default::default()
        };
        let mut version = ApiVersionsRequest::MAX_VERSION;
        loop {
            self.send(&request, version)?;
            let mut answer = self.receive(timeout)?;
            if answer.error_code_first() == ErrorCode::UnsupportedVersion.code() {
                answer.version = 0;
            }
            let response: ApiVersionsResponse<'_> = answer.decode()?;
            let theirs = response
                .api_keys
                .iter()
                .find(|api| api.api_key == request_key(&request));
            if response.error_code == ErrorCode::UnsupportedVersion {
                let newest = theirs.map_or(0, |api| api.max_version);
                if newest >= version || version == 0 {
                    return Err(ClientError::Unsupported {
                        address: self.address().to_owned(),
                        api: ApiKey::ApiVersions.name(),
                        broker: theirs.map(|api| (api.min_version, api.max_version)),
                    });
                }
                version = newest.max(0);
                continue;
            }
            ClientError::check(response.error_code, None, || "ApiVersions".into())?;
            let ranges = response.api_keys.iter();
            let ranges = ranges.map(|api| (api.api_key, (api.min_version, api.max_version)));
            self.send.versions = Versions {
                ranges: ranges.collect(),
            };
            return Ok(());
        }
    }

    /// Sends a request and waits for its answer, at most `timeout`.
    pub fn call<'a, R: Request<'a>>(
        &mut self,
        request: &R,
        timeout: Duration,
    ) -> Result<Answer, ClientError> {
        let version = self.version_of::<R>()?;
        self.send(request, version)?;
        self.receive(timeout)
    }

    /// Sends without waiting; answers come in the same order from [`Self::receive`].
    pub fn send<'a, R: Request<'a>>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<Sent, ClientError> {
        let sent = self.send.send(request, version)?;
        self.waiting.push_back(sent);
        Ok(sent)
    }

    /// The answer to the oldest request that has none yet.
    pub fn receive(&mut self, timeout: Duration) -> Result<Answer, ClientError> {
        let sent = self
            .waiting
            .pop_front()
            .expect("an answer is asked for after a request");
        self.receive.receive(&sent, timeout)
    }

    /// The newest version of this request that both sides know.
    pub fn version_of<'a, R: Request<'a>>(&self) -> Result<i16, ClientError> {
        self.send.version_of::<R>()
    }

    /// What the broker says it serves, ascending by key.
    pub fn api_versions(&self) -> &[ApiRange] {
        &self.send.versions.ranges
    }

    pub fn address(&self) -> &str {
        &self.send.address
    }

    /// Something that can end the connection from another thread.
    pub fn handle(&self) -> io::Result<Stream> {
        self.send.handle()
    }

    /// Two halves for two threads. Nothing may be under way.
    pub fn split(self) -> (SendHalf, ReceiveHalf) {
        assert!(
            self.waiting.is_empty(),
            "a connection is split while nothing is under way"
        );
        (self.send, self.receive)
    }
}

impl SendHalf {
    pub fn send<'a, R: Request<'a>>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<Sent, ClientError> {
        self.correlation = self.correlation.wrapping_add(1) & i32::MAX;
        let frame = &mut self.frame;
        frame.clear();
        frame.put_i32(0);
        frame.put_i16(R::KEY.code());
        frame.put_i16(version);
        frame.put_i32(self.correlation);
        // The client id keeps its old form in every header version.
        let encoded = frame
            .put_nullable_string(Some(&self.client_id), false)
            .and_then(|()| {
                if R::KEY.request_header_version(version) >= 2 {
                    frame.put_unsigned_varint(0);
                }
                request.encode(frame, version)
            });
        let api = R::KEY.name();
        encoded.map_err(|cause| ClientError::Encode {
            api,
            version,
            cause,
        })?;
        let length = (frame.len() - 4) as i32;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream
            .write_all(&self.frame)
            .map_err(|cause| ClientError::Connection {
                address: self.address.clone(),
                api,
                cause,
            })?;
        Ok(Sent {
            key: R::KEY,
            version,
            correlation: self.correlation,
            at: clock::now(),
        })
    }

    /// The newest version of this request that both sides know.
    pub fn version_of<'a, R: Request<'a>>(&self) -> Result<i16, ClientError> {
        let broker = self.versions.of(R::KEY);
        if let Some((low, high)) = broker {
            let version = high.min(R::MAX_VERSION);
            if version >= low.max(R::MIN_VERSION) {
                return Ok(version);
            }
        }
        let (address, api) = (self.address.clone(), R::KEY.name());
        Err(ClientError::Unsupported {
            address,
            api,
            broker,
        })
    }

    /// Ends the connection for both halves.
    pub fn shutdown(&self) {
        self.stream.shutdown();
    }

    /// Something that can end the connection from a third thread.
    pub fn handle(&self) -> io::Result<Stream> {
        self.stream.try_clone()
    }
}

impl ReceiveHalf {
    /// Reads the next frame, which must be the answer to `sent`.
    pub fn receive(&mut self, sent: &Sent, timeout: Duration) -> Result<Answer, ClientError> {
        self.receive_into(sent, timeout, Vec::new())
    }

    /// As `receive`, over the memory of an earlier answer.
    pub fn receive_into(
        &mut self,
        sent: &Sent,
        timeout: Duration,
        bytes: Vec<u8>,
    ) -> Result<Answer, ClientError> {
        let api = sent.key.name();
        let bytes = self.read_frame(timeout, bytes).map_err(|cause| {
            let address = self.address.clone();
            match cause.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Timeout {
                    address,
                    api,
                    after: timeout,
                },
                _ => ClientError::Connection {
                    address,
                    api,
                    cause,
                },
            }
        })?;
        let address = &self.address;
        let mut reader = Reader::new(&bytes);
        let head = reader.i32().and_then(|correlation| {
            if sent.key.response_header_version(sent.version) >= 1 {
                reader.skip_tags()?;
            }
            Ok(correlation)
        });
        let body = reader.position();
        let correlation = head.map_err(|cause| ClientError::Decode {
            address: address.clone(),
            api,
            cause,
        })?;
        if correlation != sent.correlation {
            let cause = io::Error::other(format!(
                "answer {correlation} came where {} was expected",
                sent.correlation
            ));
            return Err(ClientError::Connection {
                address: address.clone(),
                api,
                cause,
            });
        }
        let (version, key) = (sent.version, sent.key);
        Ok(Answer {
            bytes,
            body,
            version,
            key,
            address: address.clone(),
        })
    }

    fn read_frame(&mut self, timeout: Duration, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        self.stream.set_read_timeout(Some(timeout))?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = i32::from_be_bytes(length);
        if !(4..=FRAME_BYTES_MAX).contains(&length) {
            return Err(io::Error::other(format!(
                "a frame of {length} bytes; is this a Kafka port?"
            )));
        }
        let length = length as usize;
        // Memory grows as bytes arrive, so a lying length costs nothing.
        bytes.truncate(length);
        let mut filled = 0;
        while filled < length {
            if filled == bytes.len() {
                bytes.resize(length.min(filled + GROWTH_BYTES.max(filled)), 0);
            }
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(bytes)
    }

    /// Ends the connection for both halves.
    pub fn shutdown(&self) {
        self.stream.shutdown();
    }
}

impl Answer {
    /// The message in this answer.
    pub fn decode<'a, M: Message<'a>>(&'a self) -> Result<M, ClientError> {
        let mut reader = Reader::over_answer(&self.bytes[self.body..]);
        M::decode(&mut reader, self.version).map_err(|cause| ClientError::Decode {
            address: self.address.clone(),
            api: self.key.name(),
            cause,
        })
    }

    /// The version the answer is written in.
    pub fn version(&self) -> i16 {
        self.version
    }

    /// The whole frame after its length; what decoded messages borrow from.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The error code of messages that begin with one.
    fn error_code_first(&self) -> i16 {
        Reader::new(&self.bytes[self.body..])
            .i16()
            .unwrap_or_default()
    }
}

/// An API key with the lowest and highest version a broker serves.
pub type ApiRange = (i16, (i16, i16));

/// What a broker serves, by key, ascending.
#[derive(Clone, Debug, Default)]
struct Versions {
    ranges: Vec<ApiRange>,
}

impl Versions {
    fn of(&self, key: ApiKey) -> Option<(i16, i16)> {
        // ApiVersions itself is asked before anything is known.
        let found = self.ranges.iter().find(|(code, _)| *code == key.code());
        found.map(|(_, range)| *range)
    }
}

fn request_key<'a, R: Request<'a>>(_: &R) -> i16 {
    R::KEY.code()
}

/// The largest answer taken: far over `fetch.max.bytes`, far under what a lie could claim.
const FRAME_BYTES_MAX: i32 = 512 << 20;
/// The first growth of a frame's memory; then it doubles.
const GROWTH_BYTES: usize = 256 << 10;
