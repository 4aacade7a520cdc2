//! An offset index made anew, when its file is missing or points elsewhere than at batches.
//!
//! Room:       `log`.
//! Called by:  `read`.
//! Calls:      `scan`, `storage`.
//! Never:      looks at records, or keeps more entries than the file would have had.

use super::Inner;
use super::index::{OffsetEntry, offset};
use super::layout::FileKind;
use super::scan::{Found, HEADER_WINDOW_BYTES, Scanner};
use super::segment::index_interval;
use super::storage::Cached;
use crate::ids::Offset;
use crate::io::Errno;
use std::rc::Rc;

impl Inner {
    /// Hops over the headers of a segment and keeps what an index would; writes the file anew if
    /// the segment is closed.
    pub(super) async fn rebuild_index(&self, base: Offset) -> Result<Rc<[OffsetEntry]>, Errno> {
        let (end, closed, settings) = {
            let state = self.state.borrow();
            let segment = state.segment(base);
            let end = segment.map_or(0, |segment| segment.flushed);
            let closed = segment.is_some_and(|segment| segment.growing.is_none());
            (end, closed, state.settings.clone())
        };
        let file = self.segment_file(base, false).await?;
        let mut scanner = Scanner::new(file, 0, u64::from(end), HEADER_WINDOW_BYTES);
        let mut entries = Vec::new();
        let mut since = 0;
        let mut expected = base;
        loop {
            match scanner.next_above(expected).await? {
                Found::Batch { info, position, .. } => {
                    let position = position as u32;
                    if since > index_interval(position, &settings) {
                        let relative = info.last_offset().0 - base.0;
                        entries.push(OffsetEntry {
                            relative_offset: relative.clamp(0, i64::from(i32::MAX)) as u32,
                            position,
                        });
                        since = 0;
                    }
                    since += info.size() as u32;
                    expected = info.next_offset();
                }
                Found::Garbage => {
                    if scanner.resync(expected).await?.is_none() {
                        break;
                    }
                    since = u32::MAX / 2;
                }
                Found::End => break,
            }
        }
        if closed {
            let path = self.path(base, FileKind::OffsetIndex);
            // Only a help for the next start.
            let _ = self.write_file(&path, 0, offset::encode(&entries)).await;
        }
        let entries: Rc<[OffsetEntry]> = entries.into();
        let cached = Cached::Offsets(entries.clone());
        self.storage
            .cache_index(self.id, base, FileKind::OffsetIndex, cached);
        Ok(entries)
    }
}
