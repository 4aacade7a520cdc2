//! Our own Kafka client.
//!
//! Room:       `client`, what tools, and later fetchers and REST, reach a broker with.
//! Called by:  `cli`.
//! Calls:      `protocol`, `config` (the format of properties files).
//! Never:      uses anything of the broker that a user does not have; runs on a shard: it blocks.
//!
//! ```text
//!   cli ─▶ producer ─┐                 ┌─▶ connection ─▶ stream (TCP, Unix socket)
//!       ─▶ consumer ─┼─▶ cluster ──────┤     versions, correlation ids, frames, timeouts
//!       ─▶ admin ────┘   leaders,      └─▶ …
//!                        topics, retries
//! ```
//!
//! Plain threads and blocking sockets: a tool has a handful of connections, and the time an
//! answer waits for a thread is the same for every broker we compare with.

#![forbid(unsafe_code)]

pub mod admin;
pub mod clock;
pub mod cluster;
pub mod connection;
pub mod consumer;
pub mod error;
pub mod groups;
pub mod member;
pub mod partitioner;
pub mod producer;
pub mod properties;
pub mod share_consumer;
pub mod share_groups;
pub mod stream;
pub mod streams_groups;

#[cfg(test)]
mod fake_broker;
#[cfg(test)]
mod fake_group;
#[cfg(test)]
mod tests;

pub use cluster::{Cluster, Topic};
pub use connection::{Answer, Connection};
pub use consumer::{ConsumedRecord, Consumer, Fetched, Start};
pub use error::ClientError;
pub use producer::{Delivery, Outgoing, PartitionHandle, Producer};
pub use properties::{Acks, ClientConfig};
pub use stream::Address;
