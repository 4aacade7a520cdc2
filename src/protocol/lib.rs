//! Kafka's wire protocol: bytes to messages and back. This page is the map of the crate.
//!
//! Room:       `protocol`, its own crate.
//! Called by:  every room of the broker, the client, the load generator, the fuzzers.
//! Never:      does I/O, keeps broker state, or trusts a length.
//!
//! From the bytes up:
//! - [`primitive`]: [`Reader`] over a slice, [`Writer`] over a `Vec<u8>`; [`Uuid`].
//! - [`ids`]: a type per entity, so that a group id is not a topic name; [`error_code`].
//! - [`api_key`]: which APIs there are, in which versions, with which headers.
//! - [`messages`]: a struct per request and response, for all its versions, generated; each has
//!   `decode(&mut Reader, version)` and `encode(&mut Vec<u8>, version)`. [`Message`] and
//!   [`Request`] are for code that is generic over them. [`header`] puts them into frames.
//! - [`produce`], [`fetch`]: the same two APIs once more, without copies, for the hot path.
//! - [`records`]: the same for the records of Kafka's internal logs, with the frames around them.
//! - [`commit_topic`]: what the two requests that commit offsets have in common.
//! - [`record_batch`]: batches and records, the one format of wire and disk.
//!
//! The schemas lie in `schema/`, one terse text per API; `generator/` writes `generated/` from
//! them, and a test of it compares.

#![forbid(unsafe_code)]

pub mod api_key;
mod codec;
pub mod commit_topic;
pub mod error_code;
pub mod fetch;
#[cfg(test)]
mod fuzz;
#[allow(
    clippy::field_reassign_with_default,
    reason = "a field per line, in each version's order"
)]
mod generated;
#[cfg(test)]
mod golden;
pub mod header;
pub mod ids;
pub mod message;
pub mod primitive;
pub mod produce;
pub mod record_batch;
mod record_frame;
pub mod topic_cursor;
pub mod uuid;

pub use api_key::ApiKey;
pub use error_code::ErrorCode;
pub use generated::{api as messages, records};
pub use ids::{BrokerId, GroupId, ProducerId, TopicName, TransactionalId};
pub use message::{Message, Request};
pub use primitive::{DecodeError, EncodeError, Reader, Writer};
pub use uuid::Uuid;
