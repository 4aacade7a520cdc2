//! Reads a ring file from front to back, the next piece while the last one is looked at; behind a
//! jump, little at first.
//!
//! Room:       `journal`.
//! Called by:  `replay`.
//! Calls:      `runtime`.
//! Never:      holds more than two chunks, and one group that lies across them.

use super::superblock::block_of;
use crate::io::{Buffer, Errno, OpenOptions, Slice};
use crate::runtime::sync::Reply;
use crate::runtime::{File, Runtime};
use std::path::Path;
use std::rc::Rc;

/// Bytes read at a time: as much as a disk gives in one go.
pub(super) const CHUNK: usize = 1 << 20;
/// The same behind a jump: many only look at one header.
const CHUNK_FIRST: usize = 64 << 10;

pub(super) struct Reader {
    runtime: Runtime,
    file: Rc<File>,
    length: u64,
    at: u64,
    chunk: Slice,
    /// The chunk behind, on its way.
    ahead: Option<Reply<Result<Slice, Errno>>>,
}

impl Reader {
    /// `direct`: past the page cache.
    pub async fn open(runtime: &Runtime, path: &Path, direct: bool) -> Result<Reader, Errno> {
        let options = OpenOptions {
            direct,
            ..OpenOptions::default()
        };
        let file = runtime.open(path, options).await?;
        Ok(Reader {
            runtime: runtime.clone(),
            length: file.length_at_open,
            file: Rc::new(file),
            at: 0,
            chunk: Slice::empty(),
            ahead: None,
        })
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// The unit in which the file is written.
    pub fn block(&self) -> usize {
        block_of(&self.file)
    }

    /// `count` bytes at `at`, a multiple of the block size; `None` beyond the end of the file.
    pub async fn bytes(&mut self, at: u64, count: usize) -> Result<Option<Slice>, Errno> {
        if at + count as u64 > self.length {
            return Ok(None);
        }
        if at < self.at || at >= self.end() {
            if at != self.end() {
                self.ahead = None;
                self.at = at;
                self.chunk = Slice::empty();
            }
            self.advance().await?;
        }
        let from = (at - self.at) as usize;
        if from + count <= self.chunk.len() {
            return Ok(Some(self.chunk.range(from, from + count)));
        }
        let mut bytes = Vec::with_capacity(count);
        bytes.extend_from_slice(self.chunk.get(from..).unwrap_or_default());
        while bytes.len() < count {
            self.advance().await?;
            if self.chunk.is_empty() {
                // The file is shorter than it said when it was opened.
                return Ok(None);
            }
            let take = self.chunk.len().min(count - bytes.len());
            bytes.extend_from_slice(&self.chunk[..take]);
        }
        Ok(Some(Slice::from(bytes)))
    }

    fn end(&self) -> u64 {
        self.at + self.chunk.len() as u64
    }

    /// Goes on to the chunk behind, and has the one behind that read.
    async fn advance(&mut self) -> Result<(), Errno> {
        let at = self.end();
        let jumped = self.chunk.is_empty();
        let chunk = match self.ahead.take() {
            Some(ahead) => ahead.await,
            None => {
                let most = if jumped { CHUNK_FIRST } else { CHUNK };
                read(self.file.clone(), self.length, at, most).await
            }
        };
        self.at = at;
        self.chunk = chunk?;
        if !jumped && !self.chunk.is_empty() && self.end() < self.length {
            let ahead = read(self.file.clone(), self.length, self.end(), CHUNK);
            self.ahead = Some(self.runtime.spawn_with_result(ahead));
        }
        Ok(())
    }
}

/// Up to `most` bytes, a multiple of the block size.
async fn read(file: Rc<File>, length: u64, at: u64, most: usize) -> Result<Slice, Errno> {
    let block = block_of(&file);
    let left = length.saturating_sub(at).next_multiple_of(block as u64);
    let room = (most as u64).min(left) as usize;
    if room == 0 {
        return Ok(Slice::empty());
    }
    let (buffer, result) = file.read(at, Buffer::with_room(room)).await;
    match result {
        Ok(_) => Ok(buffer.freeze()),
        Err(Errno::IO) => by_blocks(&file, at, room).await,
        Err(errno) => Err(errno),
    }
}

/// The same where the disk cannot read all of it: blocks that are gone are zeros, so that only the
/// groups in them are lost.
async fn by_blocks(file: &File, at: u64, length: usize) -> Result<Slice, Errno> {
    let block = block_of(file);
    let mut bytes = vec![0; length];
    for from in (0..length).step_by(block) {
        let room = Buffer::with_room(block);
        let (buffer, result) = file.read(at + from as u64, room).await;
        match result {
            Ok(_) => {
                let end = (from + buffer.len().min(block)).min(length);
                bytes[from..end].copy_from_slice(&buffer.filled()[..end - from]);
            }
            Err(Errno::IO) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(Slice::from(bytes))
}
