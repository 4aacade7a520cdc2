//! What every broker knows: metadata records, deltas, images.
//!
//! Room:       `metadata`, KRaft records to an immutable image.
//! Called by:  `controller`, which writes the records; every handler, which reads the image.
//! Calls:      `protocol` only.
//! Never:      does I/O, reads a clock, or changes an image that was published.

#![forbid(unsafe_code)]

mod apply;
mod image;

pub use apply::{METADATA_VERSION, NO_LEADER_CHANGE, changed_topics};
pub use image::{
    BrokerImage, Configs, EndpointImage, Image, PartitionImage, ResourceKind, TopicImage,
    is_internal,
};
