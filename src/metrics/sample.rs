//! What one shard has counted, as a scrape takes it from there.
//!
//! Room:       `metrics`.
//! Called by:  `broker`, which has each shard fill one; `exposition` reads them.
//! Never:      shares anything with the shard: it crosses threads.

use crate::protocol::ApiKey;
use std::sync::Arc;

/// One shard's counts since its start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub connections: usize,
    /// Partitions that were opened.
    pub partitions: usize,
    /// Those among them whose disk failed, and others that could not be opened.
    pub partitions_offline: usize,
    /// APIs that were asked, each with requests and their bytes.
    pub requests: Vec<(ApiKey, u64, u64)>,
    /// Records of each topic, by the level they had reached when they became visible: memory,
    /// written, synced. A topic may be there more than once.
    pub topics: Vec<(Arc<str>, [u64; 3])>,
    pub clients: Vec<ClientSample>,
}

/// What a client pushed (KIP-714).
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSample {
    pub instance: [u8; 16],
    pub client_id: String,
    /// Wall clock, milliseconds since 1970: orders its pushes to different shards.
    pub pushed_at_ms: i64,
    /// When it has missed two pushes.
    pub gone_at_ms: i64,
    pub values: Vec<(Arc<SeriesName>, Pushed)>,
}

/// A series as Prometheus names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesName {
    pub name: String,
    /// `key="value"`, comma between; empty without any.
    pub labels: String,
}

/// A value of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pushed {
    pub value: f64,
    /// What is pushed comes on top of what was pushed before, to whatever shard.
    pub adds_up: bool,
}

impl Pushed {
    /// Another push, or what another shard was pushed before.
    pub fn take(&mut self, newer: Pushed) {
        match newer.adds_up {
            true => self.value += newer.value,
            false => self.value = newer.value,
        }
        self.adds_up = newer.adds_up;
    }
}
