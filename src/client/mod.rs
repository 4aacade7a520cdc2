//! Our own Kafka client.
//!
//! Room:       `client`, what tools, and later fetchers and REST, reach a broker with.
//! Called by:  `cli`.
//! Calls:      `protocol`.
//! Never:      uses anything of the broker that a user does not have.

#![forbid(unsafe_code)]
