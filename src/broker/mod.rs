//! One broker: its control shard, its shards, its listeners; started and stopped in order.
//!
//! Room:       `broker`, what a process (or a machine of the simulator) runs.
//! Called by:  `cli::server` on real threads, `sim` on simulated doors.
//! Calls:      `controller`, `shard`, `connection`, `router`, `http`.
//! Never:      starts a thread or opens a door: it is given runtimes.
//!
//! Doors are numbered 0..N for the shards and N for control. Control comes first: it locks the log
//! dirs, recovers metadata and journals, then starts the shards with the image, then has them
//! listen. It stops them in the opposite order.

#![forbid(unsafe_code)]

mod accept;
mod control;
mod load;
mod member;
mod start;

pub use accept::accept;
pub use control::{Listen, Stopped, control, drain};
pub use load::{Load, TooMany};
pub use member::member;
pub use start::StartError;

use crate::config::BrokerConfig;
use crate::connection::Commons;
use crate::io::PeerId;
use std::sync::Arc;

/// What every thread of one broker knows from the start.
#[derive(Clone)]
pub struct Plan {
    pub config: Arc<BrokerConfig>,
    pub shards: u16,
    /// Connections: where the next one goes, and whether there may be one.
    pub load: Arc<Load>,
    /// Memory for requests.
    pub requests: Arc<Commons>,
}

impl Plan {
    pub fn new(config: BrokerConfig, shards: u16) -> Plan {
        let memory = config.memory_shares(shards).request_bytes;
        Plan {
            config: Arc::new(config),
            requests: Commons::new(memory, shards),
            shards,
            load: Arc::new(Load::new(shards)),
        }
    }

    /// The door of the control shard.
    pub fn control(&self) -> PeerId {
        PeerId(self.shards)
    }
}

#[cfg(test)]
mod connection_tests;
#[cfg(test)]
mod pace_tests;
#[cfg(test)]
mod tests;
