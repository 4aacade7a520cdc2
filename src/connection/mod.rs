//! One client's connection: frames in, responses out in request order.
//!
//! Room:       `connection`, listeners, framing, the response pipeline, the memory budget, idle clients.
//! Called by:  `shard`, which owns the accepted socket.
//! Calls:      `protocol`, `handlers`, `runtime`.
//! Never:      looks inside a request body or keeps a partition.

#![forbid(unsafe_code)]
