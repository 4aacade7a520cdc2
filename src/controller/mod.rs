//! The active controller: decides topics, placement, configuration, leaders.
//!
//! Room:       `controller`, decisions about metadata, on the control shard.
//! Called by:  `handlers` through the mesh.
//! Calls:      `metadata`.
//! Never:      touches record bytes.

#![forbid(unsafe_code)]
