//! The last, partly filled block of a log, which the next flush writes again.
//!
//! Room:       `log`.
//! Called by:  `shard::checkpointer`, which saves it in the journal before the flush.
//! Calls:      `flush` for the bytes.
//! Never:      writes.

use super::cache::DIRECT_BYTES;
use super::segment::Segment;
use super::{Inner, Log, LogError};
use crate::ids::Offset;
use crate::io::{Errno, Slice};

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
        let _turn = self.0.turns.take().await;
        self.0.state.borrow().check_online()?;
        let base = {
            let state = self.0.state.borrow();
            let behind = |segment: &&Segment| segment.flushed < segment.size;
            state
                .segments
                .iter()
                .find(behind)
                .map(|segment| (segment.base, segment.flushed))
        };
        // A flush begins a segment's file at its first byte.
        let Some((segment, flushed)) = base.filter(|(_, flushed)| *flushed > 0) else {
            return Ok(None);
        };
        let bytes = self.0.last_block(segment).await;
        let bytes = self.0.guard(bytes)?;
        Ok((!bytes.is_empty()).then(|| TailBlock {
            segment,
            position: flushed - bytes.len() as u32,
            bytes,
        }))
    }
}

impl Inner {
    async fn last_block(&self, base: Offset) -> Result<Slice, Errno> {
        let file = self.segment_file(base, false).await?;
        let unit = DIRECT_BYTES.max(u64::from(file.alignment));
        self.partial_block(base, &file, unit).await
    }
}
