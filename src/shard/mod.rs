//! One core's share of the broker: its partitions, its inbox, its timers.
//!
//! Room:       `shard`, the per-core owner.
//! Called by:  `router`, `cli::server`.
//! Calls:      `partition`, `journal`, `log`, `runtime`.
//! Never:      locks, or blocks its thread.

#![forbid(unsafe_code)]
