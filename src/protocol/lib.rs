//! Kafka's wire protocol: bytes to messages and back.
//!
//! Room:       `protocol`, its own crate.
//! Called by:  every room of the broker, the client, the load generator, the fuzzers.
//! Never:      does I/O, keeps broker state, or trusts a length.

#![forbid(unsafe_code)]

pub mod error_code;
pub mod primitive;
pub mod record_batch;

pub use error_code::ErrorCode;
pub use primitive::{DecodeError, EncodeError, Reader, Uuid, Writer};
