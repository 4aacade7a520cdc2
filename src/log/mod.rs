//! One partition's bytes on one disk, in Kafka's own file formats.
//!
//! Room:       `log`, segments, indexes, reads, recovery.
//! Called by:  `partition`.
//! Calls:      `runtime` for the door, `protocol::record_batch`.
//! Never:      sees clients, replicas, or the clock.

#![forbid(unsafe_code)]
