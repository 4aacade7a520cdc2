//! What every broker knows: metadata records, deltas, images.
//!
//! Room:       `metadata`, KRaft records to an immutable image.
//! Called by:  `controller`, which writes the records; every handler, which reads the image.
//! Calls:      `protocol` only.
//! Never:      does I/O, reads a clock, or changes an image that was published.

#![forbid(unsafe_code)]

mod apply;
pub mod features;
mod image;

pub use apply::{NO_LEADER_CHANGE, changed_overrides, changed_topics};
pub use features::{
    FEATURES, Feature, METADATA_LEVEL, METADATA_VERSION, SHARE_VERSION, TRANSACTION_VERSION,
};
pub use image::{
    BrokerImage, Brokers, Configs, EndpointImage, Image, PartitionImage, ResourceKind, TopicImage,
    is_internal,
};
