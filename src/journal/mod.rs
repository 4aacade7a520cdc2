//! A shard's one sequential write stream on one disk: groups, marks, recycling, replay.
//!
//! Room:       `journal`, durability.
//! Called by:  `partition`, `log`, `shard`.
//! Calls:      `runtime` for the door.
//! Never:      knows topics by name, replicas, or clients.

#![forbid(unsafe_code)]
