//! The features a cluster agrees on, and the levels this broker can work at (KIP-584, KIP-1022).
//!
//! Room:       `metadata`.
//! Called by:  `controller`, which finalizes levels; `handlers::api_versions`, which tells clients.
//! Never:      lists what does not work yet: clients switch behaviour on this.
//!
//! A feature's finalized level lies in the metadata log as a FeatureLevelRecord; none is level 0.
//! A new cluster starts at `level_new`. One that is there already keeps its levels until somebody
//! raises them, so that a newer broker never does by itself what an older one could not undo.

use super::Image;

/// One feature.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    pub name: &'static str,
    pub level_min: i16,
    pub level_max: i16,
    /// The level of a cluster that is being made.
    pub level_new: i16,
}

/// The feature whose level says which record versions a log may hold.
pub const METADATA_VERSION: &str = "metadata.version";

/// The feature whose level 1 is the record of a transaction with a place for the rest, and 2 an
/// epoch for each transaction (KIP-890).
pub const TRANSACTION_VERSION: &str = "transaction.version";

/// The feature whose level 1 is share groups (KIP-932).
pub const SHARE_VERSION: &str = "share.version";

/// `metadata.version` 4.0-IV3, the newest whose records Apache Kafka 4.0 and all after it read.
pub const METADATA_LEVEL: i16 = 25;

/// Every feature served here, `metadata.version` first: it says how to read the others' records.
pub static FEATURES: &[Feature] = &[
    Feature {
        name: METADATA_VERSION,
        level_min: METADATA_LEVEL,
        level_max: METADATA_LEVEL,
        level_new: METADATA_LEVEL,
    },
    Feature {
        name: TRANSACTION_VERSION,
        level_min: 0,
        level_max: 2,
        level_new: 2,
    },
    // 1: consumer groups whose coordinator assigns (KIP-848).
    Feature {
        name: "group.version",
        level_min: 0,
        level_max: 1,
        level_new: 1,
    },
    Feature {
        name: SHARE_VERSION,
        level_min: 0,
        level_max: 1,
        level_new: 1,
    },
    // 1: streams groups, whose coordinator assigns tasks (KIP-1071).
    Feature {
        name: "streams.version",
        level_min: 0,
        level_max: 1,
        level_new: 1,
    },
];

/// The feature of this name, if it is served here.
pub fn find(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}

impl Image {
    /// The finalized level of a feature, 0 without one.
    pub fn feature(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or_default()
    }
}
