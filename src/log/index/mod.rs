//! Sparse maps from offsets and timestamps to places in a segment, in Kafka's byte formats.
//!
//! Room:       `log::index`.
//! Called by:  `segment` (entries grow with the log), `read` (lookups), `recovery`, the tools.
//! Never:      touches a disk, or believes a file: `parse` keeps the sane beginning only.

pub mod offset;
pub mod time;
pub mod transaction;

pub use offset::{OffsetEntry, OffsetIndex};
pub use time::{TimeEntry, TimeIndex};
pub use transaction::AbortedTransaction;
