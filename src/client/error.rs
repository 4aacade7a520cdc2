//! What can go wrong between a tool and a broker, each with the address and a remedy.
//!
//! Room:       `client`.
//! Called by:  all of `client`; printed by `cli` in one line.
//! Never:      carries prose that a program would have to parse: variants carry values.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::protocol::{DecodeError, EncodeError, ErrorCode};

/// Why a call failed. `Display` is one line for a person.
#[derive(Debug)]
pub enum ClientError {
    /// The text is no address of a broker.
    Address { text: String, cause: &'static str },
    /// No connection was made.
    Connect { address: String, cause: io::Error },
    /// None of the bootstrap addresses answered; the last failure of each.
    Bootstrap { failures: Vec<ClientError> },
    /// The connection broke while an answer was expected.
    Connection {
        address: String,
        api: &'static str,
        cause: io::Error,
    },
    /// No answer in time. The request may have been carried out.
    Timeout {
        address: String,
        api: &'static str,
        after: Duration,
    },
    /// Records were given up after `delivery.timeout.ms`; the last failure, if there was one.
    Expired {
        what: String,
        after: Duration,
        cause: Option<String>,
    },
    /// The answer is not what the protocol says.
    Decode {
        address: String,
        api: &'static str,
        cause: DecodeError,
    },
    /// The request cannot be expressed in the version both sides know.
    Encode {
        api: &'static str,
        version: i16,
        cause: EncodeError,
    },
    /// The broker doesn't serve the API, or only in versions we don't speak.
    Unsupported {
        address: String,
        api: &'static str,
        broker: Option<(i16, i16)>,
    },
    /// The broker refused, `what` names the subject: a topic, a partition, a request.
    Refused {
        what: String,
        code: ErrorCode,
        message: Option<String>,
    },
    /// The cluster doesn't know this topic or partition.
    UnknownPartition {
        topic: String,
        partition: Option<i32>,
    },
    /// Records came back damaged.
    Records {
        topic: String,
        partition: i32,
        offset: i64,
        cause: String,
    },
    /// Nothing is committed, and nothing says where to begin (`auto.offset.reset=none`).
    NoOffset { group: String, partitions: String },
    /// A client property cannot be used.
    Property { name: String, cause: String },
}

impl ClientError {
    /// Whether the same call may succeed in a moment, on this or another connection.
    pub fn retriable(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Bootstrap { .. }
            | Self::Connection { .. }
            | Self::Timeout { .. } => true,
            Self::Refused { code, .. } => code.retriable(),
            Self::UnknownPartition { .. } => true,
            Self::Address { .. }
            | Self::Decode { .. }
            | Self::Encode { .. }
            | Self::Unsupported { .. }
            | Self::Records { .. }
            | Self::Expired { .. }
            | Self::NoOffset { .. }
            | Self::Property { .. } => false,
        }
    }

    /// The broker's code, where one was given.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// `Ok` for code 0, else the refusal of `what`.
    pub fn check(
        code: ErrorCode,
        message: Option<&str>,
        what: impl FnOnce() -> String,
    ) -> Result<(), Self> {
        if code == ErrorCode::None {
            return Ok(());
        }
        Err(Self::Refused {
            what: what(),
            code,
            message: message.map(str::to_owned),
        })
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { text, cause } => {
                write!(
                    f,
                    "'{text}' is not a broker address ({cause}); expected HOST:PORT or unix:PATH"
                )
            }
            Self::Connect { address, cause } => {
                write!(f, "cannot connect to {address}: {}", io_text(cause))
            }
            Self::Expired { what, after, cause } => write!(
                f,
                "{what}: not delivered within {} ms (delivery.timeout.ms): {}",
                after.as_millis(),
                cause.as_deref().unwrap_or("it was never its turn")
            ),
            Self::Bootstrap { failures } => match failures.as_slice() {
                [only] => write!(f, "{only}; is a broker running there? (--bootstrap-server)"),
                several => {
                    write!(f, "no bootstrap server answers: ")?;
                    for (n, failure) in several.iter().enumerate() {
                        write!(f, "{}{failure}", if n == 0 { "" } else { "; " })?;
                    }
                    Ok(())
                }
            },
            Self::Connection {
                address,
                api,
                cause,
            } => {
                write!(
                    f,
                    "{address} ended the connection during {api}: {}",
                    io_text(cause)
                )
            }
            Self::Timeout {
                address,
                api,
                after,
            } => write!(
                f,
                "{address} did not answer {api} within {} ms; raise request.timeout.ms or look at \
                 the broker's log",
                after.as_millis()
            ),
            Self::Decode {
                address,
                api,
                cause,
            } => {
                write!(
                    f,
                    "{address} answered {api} with bytes that cannot be read: {cause}"
                )
            }
            Self::Encode {
                api,
                version,
                cause,
            } => {
                write!(
                    f,
                    "{api} version {version} cannot express the request: {cause}"
                )
            }
            Self::Unsupported {
                address,
                api,
                broker: None,
            } => {
                write!(f, "{address} does not serve {api}")
            }
            Self::Unsupported {
                address,
                api,
                broker: Some((low, high)),
            } => {
                write!(
                    f,
                    "{address} serves {api} only in versions {low}-{high}, unknown here"
                )
            }
            Self::Refused {
                what,
                code,
                message,
            } => {
                write!(f, "{what}: {}", code.name())?;
                match message {
                    Some(message) if !message.is_empty() => write!(f, " ({message})"),
                    _ => Ok(()),
                }
            }
            Self::UnknownPartition {
                topic,
                partition: None,
            } => {
                write!(f, "topic '{topic}' does not exist")
            }
            Self::UnknownPartition {
                topic,
                partition: Some(partition),
            } => {
                write!(
                    f,
                    "partition {topic}-{partition} does not exist or has no leader"
                )
            }
            Self::Records {
                topic,
                partition,
                offset,
                cause,
            } => {
                write!(
                    f,
                    "records of {topic}-{partition} at offset {offset} are damaged: {cause}"
                )
            }
            Self::NoOffset { group, partitions } => write!(
                f,
                "Undefined offset with no reset policy for partitions: [{partitions}]: group \
                 '{group}' has committed none there; set auto.offset.reset"
            ),
            Self::Property { name, cause } => write!(f, "property {name}: {cause}"),
        }
    }
}

impl std::error::Error for ClientError {}

/// The system's words without its "(os error 111)".
fn io_text(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::UnexpectedEof => "closed by the other side".into(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "timed out".into(),
        _ => cause.to_string(),
    }
}
