//! The command line: the server and Kafka's console tools, one file per tool.
//!
//! Room:       `cli`, commands.
//! Called by:  `main`.
//! Calls:      `client`, `config`; `server` starts shards.
//! Never:      prints anything but data on stdout.

#![forbid(unsafe_code)]
