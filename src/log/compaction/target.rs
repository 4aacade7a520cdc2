//! The new segment that a compaction writes: `….cleaned` files, synced before they are swapped in.
//!
//! Room:       `log::compaction`.
//! Called by:  `Log::compact`.
//! Calls:      `runtime`, `segment` (which makes the indexes).
//! Never:      touches a file that readers know.

use super::{CLEANED_KINDS, CompactError, Uncleanable};
use crate::ids::Offset;
use crate::io::{Buffer, Errno, OpenOptions, Slice};
use crate::log::cache::DIRECT_BYTES;
use crate::log::index::{offset, time, transaction};
use crate::log::layout::{CLEANED_SUFFIX, FileKind, segment_path};
use crate::log::segment::Segment;
use crate::log::{AbortedTransaction, BatchInfo, Inner, LogSettings};
use crate::runtime::File;
use ottla_protocol::record_batch::Batches;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub(super) struct Target {
    log: Rc<Inner>,
    settings: Rc<LogSettings>,
    segment: Segment,
    file: File,
    /// Bytes that wait to fill a piece.
    waiting: Vec<u8>,
    written: u64,
}

/// A whole new segment, durable under names that no reader knows.
pub(super) struct Cleaned {
    pub segment: Segment,
    /// Its files, the batches first.
    pub kinds: Vec<FileKind>,
}

/// One write.
const PIECE_BYTES: usize = 512 << 10;

impl Target {
    pub async fn create(log: &Rc<Inner>, base: Offset) -> Result<Target, Errno> {
        // What an earlier compaction that was stopped has left.
        remove(log, base).await?;
        let options = OpenOptions {
            write: true,
            create: true,
            truncate: true,
            direct: true,
            ..OpenOptions::default()
        };
        let path = cleaned_path(&log.dir(), base, FileKind::Log);
        let file = log.storage.0.runtime.open(&path, options).await?;
        let settings = log.state.borrow().settings.clone();
        Ok(Target {
            log: log.clone(),
            settings,
            segment: Segment::new(base),
            file,
            waiting: Vec::new(),
            written: 0,
        })
    }

    /// Appends whole batches.
    pub async fn push(&mut self, batches: Vec<u8>) -> Result<(), CompactError> {
        for batch in Batches::new(&batches) {
            let bytes = batch.map_err(|_| Uncleanable { offset: Offset(-1) })?.bytes;
            let info = BatchInfo::parse(bytes);
            let info = info.map_err(|_| Uncleanable { offset: Offset(-1) })?;
            // Positions are 31 bits in Kafka's indexes.
            if u64::from(self.segment.size) + bytes.len() as u64 > i32::MAX as u64 {
                let offset = info.base_offset();
                return Err(Uncleanable { offset }.into());
            }
            self.segment.note(&info, &self.settings);
        }
        self.waiting.extend_from_slice(&batches);
        let unit = DIRECT_BYTES.max(u64::from(self.file.alignment)) as usize;
        while self.waiting.len() >= PIECE_BYTES.max(unit) {
            let length = self.waiting.len().min(PIECE_BYTES.max(unit)) / unit * unit;
            self.write(length, length).await?;
        }
        Ok(())
    }

    /// Writes the first `length` of the waiting bytes, padded with zeros to `room`.
    async fn write(&mut self, length: usize, room: usize) -> Result<(), Errno> {
        let mut buffer = Buffer::with_room(room);
        buffer.extend(&self.waiting[..length]);
        buffer.room_mut()[..room - length].fill(0);
        buffer.advance(room - length);
        self.waiting.drain(..length);
        let piece = buffer.freeze();
        self.file.write(self.written, vec![piece], false).await?;
        self.written += length as u64;
        Ok(())
    }

    /// Writes the rest and the indexes; all of it is durable then.
    pub async fn finish(mut self, aborted: Vec<AbortedTransaction>) -> Result<Cleaned, Errno> {
        if !self.waiting.is_empty() {
            let unit = DIRECT_BYTES.max(u64::from(self.file.alignment)) as usize;
            let length = self.waiting.len();
            self.write(length, length.next_multiple_of(unit)).await?;
        }
        assert_eq!(self.written, u64::from(self.segment.size), "all of it");
        self.file.truncate(self.written).await?;
        self.file.sync().await?;
        let mut segment = self.segment;
        segment.finish_time_index();
        segment.flushed = segment.size;
        segment.has_file = true;
        let growing = segment.growing.take().expect("a new segment grows");
        let mut indexes = vec![
            (
                FileKind::OffsetIndex,
                offset::encode(&growing.offset_index.recent),
            ),
            (
                FileKind::TimeIndex,
                time::encode(&growing.time_index.recent),
            ),
        ];
        if !aborted.is_empty() {
            indexes.push((FileKind::TransactionIndex, transaction::encode(&aborted)));
        }
        let dir = self.log.dir();
        let mut kinds = vec![FileKind::Log];
        for (kind, bytes) in indexes {
            write_synced(&self.log, &cleaned_path(&dir, segment.base, kind), bytes).await?;
            kinds.push(kind);
        }
        Ok(Cleaned { segment, kinds })
    }
}

/// Removes what was written for a new segment.
pub(super) async fn remove(log: &Inner, base: Offset) -> Result<(), Errno> {
    for kind in CLEANED_KINDS {
        let path = cleaned_path(&log.dir(), base, kind);
        log.storage.0.runtime.unlink_if_there(&path).await?;
    }
    Ok(())
}

async fn write_synced(log: &Inner, path: &Path, bytes: Vec<u8>) -> Result<(), Errno> {
    let options = OpenOptions {
        write: true,
        create: true,
        truncate: true,
        ..OpenOptions::default()
    };
    let file = log.storage.0.runtime.open(path, options).await?;
    if !bytes.is_empty() {
        file.write(0, vec![Slice::from(bytes)], false).await?;
    }
    file.sync().await
}

pub(super) fn cleaned_path(dir: &Path, base: Offset, kind: FileKind) -> PathBuf {
    suffixed(segment_path(dir, base, kind), CLEANED_SUFFIX)
}

pub(super) fn suffixed(path: PathBuf, suffix: &str) -> PathBuf {
    let mut name = path.into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}
