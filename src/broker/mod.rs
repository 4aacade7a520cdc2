//! One broker: its control shard, its shards, its listeners; started and stopped in order.
//!
//! Room:       `broker`, what a process (or a machine of the simulator) runs.
//! Called by:  `cli::server` on real threads, `sim` on simulated doors.
//! Calls:      `controller`, `shard`, `connection`, `router`.
//! Never:      starts a thread or opens a door: it is given runtimes.
//!
//! Doors are numbered 0..N for the shards and N for control. Control comes first: it locks the log
//! dirs, recovers metadata and journals, then starts the shards with the image, then has them
//! listen. It stops them in the opposite order.

#![forbid(unsafe_code)]

mod control;
mod member;
mod start;

pub use control::{Stopped, control};
pub use member::member;
pub use start::StartError;

use crate::config::BrokerConfig;
use crate::io::PeerId;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What every thread of one broker knows from the start.
#[derive(Clone)]
pub struct Plan {
    pub config: Arc<BrokerConfig>,
    pub shards: u16,
    /// Connections by shard: where the next one goes.
    pub load: Arc<Load>,
}

/// How many connections each shard serves.
pub struct Load(Vec<AtomicUsize>);

impl Plan {
    pub fn new(config: BrokerConfig, shards: u16) -> Plan {
        let load = Load((0..shards).map(|_| AtomicUsize::new(0)).collect());
        Plan {
            config: Arc::new(config),
            shards,
            load: Arc::new(load),
        }
    }

    /// The door of the control shard.
    pub fn control(&self) -> PeerId {
        PeerId(self.shards)
    }
}

impl Load {
    /// The shard with the fewest connections, which is counted as having one more.
    pub fn take(&self) -> u16 {
        let loads = self.0.iter().map(|load| load.load(Ordering::Relaxed));
        let (shard, _) = loads
            .enumerate()
            .min_by_key(|(_, load)| *load)
            .unwrap_or_default();
        self.add(shard as u16);
        shard as u16
    }

    pub fn add(&self, shard: u16) {
        self.0[usize::from(shard)].fetch_add(1, Ordering::Relaxed);
    }

    pub fn release(&self, shard: u16) {
        self.0[usize::from(shard)].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emptiest_shard_gets_the_next_connection() {
        let load = Load((0..3).map(|_| AtomicUsize::new(0)).collect());
        assert_eq!(
            (load.take(), load.take(), load.take(), load.take()),
            (0, 1, 2, 0)
        );
        load.release(1);
        assert_eq!(load.take(), 1);
    }
}
