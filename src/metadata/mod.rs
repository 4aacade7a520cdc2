//! What every broker knows: metadata records, deltas, images.
//!
//! Room:       `metadata`, KRaft records to an immutable image.
//! Called by:  everyone.
//! Calls:      `protocol` only.
//! Never:      does I/O.

#![forbid(unsafe_code)]
