//! One file per API, and the registry that lists them.
//!
//! Room:       `handlers`, what a request means.
//! Called by:  `connection`.
//! Calls:      `router`, `protocol`, `metadata`, `config`.
//! Never:      holds a socket, a lock, or a match over versions.

#![forbid(unsafe_code)]
