//! Reads a closed segment front to back in chunks of whole batches.
//!
//! Room:       `log::compaction`.
//! Called by:  `Log::compact`.
//! Calls:      `runtime`; passes the block cache by, which belongs to consumers.
//! Never:      looks at more of a batch than its length.

use super::{CompactError, Uncleanable};
use crate::ids::Offset;
use crate::io::{Buffer, Instant, Slice};
use crate::log::cache::DIRECT_BYTES;
use crate::runtime::{File, Runtime};
use ottla_protocol::record_batch::{BATCH_HEADER_BYTES, BatchHeader};
use std::rc::Rc;

pub(super) struct Reader {
    runtime: Runtime,
    file: Option<Rc<File>>,
    position: u64,
    end: u64,
    chunk_bytes: u64,
}

/// Whole batches, back to back.
pub(super) struct Chunk {
    pub bytes: Slice,
    /// When the read of it began.
    pub began: Instant,
}

/// A batch that no producer could have sent: its length is damaged.
const BATCH_BYTES_MAX: u64 = 256 << 20;

impl Reader {
    pub fn new(runtime: &Runtime, file: Rc<File>, size: u32, chunk_bytes: usize) -> Reader {
        Reader {
            runtime: runtime.clone(),
            file: Some(file),
            position: 0,
            end: u64::from(size),
            chunk_bytes: (chunk_bytes as u64).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX),
        }
    }

    /// Of a segment without a batch.
    pub fn empty(runtime: &Runtime) -> Reader {
        Reader {
            runtime: runtime.clone(),
            file: None,
            position: 0,
            end: 0,
            chunk_bytes: 0,
        }
    }

    /// The next batches; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Chunk>, CompactError> {
        let began = self.runtime.now();
        let Some(file) = self.file.clone().filter(|_| self.position < self.end) else {
            return Ok(None);
        };
        let mut window = self.read(&file, self.chunk_bytes).await?;
        let mut whole = self.whole_batches(&window)?;
        if whole == 0 {
            let size = self.first_size(&window)?;
            window = self.read(&file, size).await?;
            whole = self.whole_batches(&window)?;
        }
        if whole == 0 {
            return Err(Uncleanable { offset: Offset(-1) }.into());
        }
        self.position += whole as u64;
        let bytes = window.range(0, whole);
        Ok(Some(Chunk { bytes, began }))
    }

    /// At least `length` bytes from the position on, as far as the segment goes.
    async fn read(&self, file: &File, length: u64) -> Result<Slice, CompactError> {
        let unit = DIRECT_BYTES.max(u64::from(file.alignment));
        let from = self.position - self.position % unit;
        let until = (self.position + length).min(self.end);
        let room = (until - from).next_multiple_of(unit) as usize;
        let mut buffer = Buffer::with_room(room);
        buffer.limit_room(room);
        let (buffer, result) = file.read(from, buffer).await;
        result?;
        let bytes = buffer.freeze();
        let lead = ((self.position - from) as usize).min(bytes.len());
        let end = ((self.end - from) as usize).min(bytes.len());
        Ok(bytes.range(lead, end.max(lead)))
    }

    /// How many bytes of the window are whole batches.
    fn whole_batches(&self, window: &[u8]) -> Result<usize, CompactError> {
        let mut at = 0;
        while at + BATCH_HEADER_BYTES <= window.len() {
            let header = BatchHeader::parse(&window[at..]);
            let header = header.map_err(|_| Uncleanable { offset: Offset(-1) })?;
            let left = self.end - self.position - at as u64;
            if header.size() as u64 > left {
                let offset = Offset(header.base_offset);
                return Err(Uncleanable { offset }.into());
            }
            if at + header.size() > window.len() {
                break;
            }
            at += header.size();
        }
        Ok(at)
    }

    /// The size of the batch at the position, which is larger than the window.
    fn first_size(&self, window: &[u8]) -> Result<u64, CompactError> {
        let header = BatchHeader::parse(window);
        let header = header.map_err(|_| Uncleanable { offset: Offset(-1) })?;
        match header.size() as u64 {
            size if size <= BATCH_BYTES_MAX => Ok(size),
            _ => {
                let offset = Offset(header.base_offset);
                Err(Uncleanable { offset }.into())
            }
        }
    }
}

/// `log.cleaner.io.buffer.size` within what is one short job for a worker.
const CHUNK_BYTES_MIN: u64 = 64 << 10;
const CHUNK_BYTES_MAX: u64 = 1 << 20;
