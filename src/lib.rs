//! Ottla, a log broker that speaks Kafka's wire protocol: one pinned thread, one ring and one
//! shard of the partitions per core. This page is the map; every room opens with its own head.
//!
//! The way of a request, each room calling only the next ones down:
//! [`broker`] → [`connection`] → [`ottla_protocol`] → [`handlers`] → [`router`] → [`shard`]
//! → [`partition`] → [`journal`], [`log`] → [`io`].
//!
//! - [`runtime`] drives `io` and runs the tasks of one thread; it knows no Kafka.
//! - [`metadata`] is what every broker knows; [`controller`] changes it, on the control shard.
//! - [`coordinator`] decides for groups and transactions, as state machines over a log.
//! - [`config`] is the one table of properties; [`metrics`] are per-core counters, which [`http`]
//!   shows to whoever scrapes them.
//! - [`client`] is our own Kafka client; [`cli`] are the console tools built on it.
//! - [`sim`] runs the same code against a simulated world. It may see everything, nothing sees it.

#[cfg(test)]
mod accidents;
pub mod broker;
pub mod cli;
pub mod client;
pub mod config;
pub mod connection;
pub mod controller;
pub mod coordinator;
pub mod handlers;
pub mod http;
pub mod ids;
pub mod io;
pub mod journal;
pub mod log;
pub mod map;
pub mod metadata;
pub mod metrics;
pub mod partition;
pub mod router;
pub mod runtime;
pub mod shard;
pub mod sim;

pub use ottla_protocol as protocol;
