//! Who owns a partition (this core, that core, that broker): split, send, gather.
//!
//! Room:       `router`, the way between cores.
//! Called by:  `handlers`.
//! Calls:      `shard`, `runtime`'s mesh.
//! Never:      copies record bytes.

#![forbid(unsafe_code)]
