//! One replica of one partition: marks, epochs, producers, waiting requests.
//!
//! Room:       `partition`, leader and follower state.
//! Called by:  `shard`.
//! Calls:      `log`, `journal`.
//! Never:      sees a socket or a request frame.

#![forbid(unsafe_code)]
