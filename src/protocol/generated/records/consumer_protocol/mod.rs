//! Record schemas: `consumer_protocol`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/consumer_protocol.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod consumer_protocol_assignment;
pub mod consumer_protocol_subscription;

pub use consumer_protocol_assignment::ConsumerProtocolAssignment;
pub use consumer_protocol_subscription::ConsumerProtocolSubscription;
