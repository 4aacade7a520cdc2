//! The block cache: older batches somebody read, in the pieces in which they were read.
//!
//! Room:       `log`.
//! Called by:  `read`.
//! Calls:      `runtime` for the reads it starts.
//! Never:      checks what the bytes mean, or reads the same block twice at once: who comes second
//!             waits for the first.
//!
//! ```text
//!   file    ├ block 64 KiB ┼ block ┼ block ┼ block ┼ block ┼ …
//!   extent         ├──────── one read, one buffer ────────┤
//! ```
//!
//! Memory comes and goes by extents, since a buffer is freed as a whole. A second chance ("clock")
//! for those used since the hand last passed stands in for least-recently-used order.

use super::storage::{LogStorage, count};
use crate::ids::Offset;
use crate::io::{Buffer, Errno, Slice};
use crate::map::Map;
use crate::runtime::File;
use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub(super) const BLOCK_BYTES: u32 = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BlockKey {
    log: u32,
    base: Offset,
    block: u32,
}

enum Block {
    /// A read is under way; the event tells its end, the number which read it is.
    Loading(Event, u64),
    Ready(Rc<Extent>),
}

struct Extent {
    log: u32,
    base: Offset,
    block_first: u32,
    block_count: u32,
    bytes: Slice,
    used: Cell<bool>,
    /// Taken out of the map already.
    gone: Cell<bool>,
}

#[derive(Default)]
struct State {
    blocks: Map<BlockKey, Block>,
    clock: VecDeque<Rc<Extent>>,
    bytes: usize,
    /// Failed reads, for those who waited for them.
    failed: Map<BlockKey, Errno>,
    reads: u64,
}

pub(super) struct BlockCache {
    state: Rc<RefCell<State>>,
    bound: usize,
}

impl BlockCache {
    pub fn new(bound: usize) -> BlockCache {
        BlockCache {
            state: Rc::default(),
            bound,
        }
    }

    pub fn bytes(&self) -> usize {
        self.state.borrow().bytes
    }

    /// Forgets all blocks of a segment; reads under way end in nothing.
    pub fn forget(&self, log: u32, base: Offset) {
        let mut state = self.state.borrow_mut();
        let of_segment = |extent: &&Rc<Extent>| extent.log == log && extent.base == base;
        let extents: Vec<_> = state.clock.iter().filter(of_segment).cloned().collect();
        extents.iter().for_each(|extent| state.remove(extent));
        state.clock.retain(|extent| !extent.gone.get());
        state
            .blocks
            .retain(|key, _| key.log != log || key.base != base);
    }

    /// The bytes at `position`, at least one, up to the end of what one read brought. `end` is
    /// where the segment's bytes end; `ahead` is how many blocks to read when none is there.
    pub async fn bytes_at(
        &self,
        storage: &LogStorage,
        file: &Rc<File>,
        segment: (u32, Offset),
        position: u32,
        end: u32,
        ahead: u32,
    ) -> Result<Slice, Errno> {
        assert!(position < end, "only bytes of the file are asked for");
        let key = BlockKey {
            log: segment.0,
            base: segment.1,
            block: position / BLOCK_BYTES,
        };
        for _ in 0..ATTEMPTS {
            let event = match self.look(key, position) {
                Look::Ready(slice) => {
                    count(&storage.0.counters.cache_hits, 1);
                    return Ok(slice);
                }
                Look::Loading(event) => event,
                Look::Absent => self.start(storage, file, key, end, ahead),
            };
            event.next().await;
            if let Some(errno) = self.state.borrow().failed.get(&key) {
                return Err(*errno);
            }
        }
        // The file is shorter than its batches.
        Err(NO_DATA)
    }

    /// Starts to read what a consumer will ask for next, unless it is here or on its way.
    pub fn read_ahead(
        &self,
        storage: &LogStorage,
        file: &Rc<File>,
        segment: (u32, Offset),
        position: u32,
        end: u32,
        ahead: u32,
    ) {
        // The block under way may be half used; the one behind it is what is missing.
        let block = position.div_ceil(BLOCK_BYTES);
        let beyond = u64::from(block) * u64::from(BLOCK_BYTES) >= u64::from(end);
        let key = BlockKey {
            log: segment.0,
            base: segment.1,
            block,
        };
        if !beyond && !self.state.borrow().blocks.contains_key(&key) {
            self.start(storage, file, key, end, ahead);
        }
    }

    fn look(&self, key: BlockKey, position: u32) -> Look {
        let mut state = self.state.borrow_mut();
        match state.blocks.get(&key) {
            None => Look::Absent,
            Some(Block::Loading(event, _)) => Look::Loading(event.clone()),
            Some(Block::Ready(extent)) => {
                let within = (position - extent.block_first * BLOCK_BYTES) as usize;
                if within < extent.bytes.len() {
                    extent.used.set(true);
                    return Look::Ready(extent.bytes.range(within, extent.bytes.len()));
                }
                // The file has grown since this was read. Out of the queue as well: what is gone
                // is not counted, and the hand comes by only when what is counted is too much.
                let extent = extent.clone();
                state.remove(&extent);
                state.clock.retain(|kept| !kept.gone.get());
                Look::Absent
            }
        }
    }

    /// Starts one read from `key` on, over blocks that nobody has or reads.
    fn start(
        &self,
        storage: &LogStorage,
        file: &Rc<File>,
        key: BlockKey,
        end: u32,
        ahead: u32,
    ) -> Event {
        let event = Event::new();
        let mut state = self.state.borrow_mut();
        state.failed.remove(&key);
        state.reads += 1;
        let read = state.reads;
        let mut blocks = 0;
        while blocks < ahead.max(1) {
            let block = key.block + blocks;
            let beyond = u64::from(block) * u64::from(BLOCK_BYTES) >= u64::from(end);
            let next = BlockKey { block, ..key };
            if beyond || state.blocks.contains_key(&next) {
                break;
            }
            state
                .blocks
                .insert(next, Block::Loading(event.clone(), read));
            blocks += 1;
        }
        drop(state);
        let at = u64::from(key.block) * u64::from(BLOCK_BYTES);
        let room = (u64::from(blocks) * u64::from(BLOCK_BYTES)).min(u64::from(end) - at);
        let room = room.next_multiple_of(DIRECT_BYTES) as usize;
        let (file, storage, told) = (file.clone(), storage.clone(), event.clone());
        let runtime = storage.0.runtime.clone();
        // A task of its own: whoever asked may go away, those who wait behind it must not hang.
        runtime.spawn(async move {
            let mut buffer = Buffer::with_room(room);
            buffer.limit_room(room);
            let (buffer, result) = file.read(at, buffer).await;
            let valid = buffer.len().min((u64::from(end) - at) as usize);
            count(&storage.0.counters.cold_bytes, buffer.len() as u64);
            let cache = &storage.0.cache;
            let bytes = buffer.freeze().range(0, valid);
            cache.arrived(key, blocks, bytes, result, read);
            told.notify();
        });
        event
    }

    fn arrived(
        &self,
        key: BlockKey,
        blocks: u32,
        bytes: Slice,
        result: Result<usize, Errno>,
        read: u64,
    ) {
        let mut state = self.state.borrow_mut();
        let extent = Rc::new(Extent {
            log: key.log,
            base: key.base,
            block_first: key.block,
            block_count: blocks,
            bytes,
            used: Cell::new(true),
            gone: Cell::new(false),
        });
        let error = match result {
            Ok(_) if extent.bytes.is_empty() => Some(NO_DATA),
            Ok(_) => None,
            Err(errno) => Some(errno),
        };
        let mut kept = false;
        for block in key.block..key.block + blocks {
            let key = BlockKey { block, ..key };
            let ours = matches!(state.blocks.get(&key), Some(Block::Loading(_, of)) if *of == read);
            if !ours {
                continue;
            }
            let within = ((block - extent.block_first) * BLOCK_BYTES) as usize;
            if error.is_none() && within < extent.bytes.len() {
                state.blocks.insert(key, Block::Ready(extent.clone()));
                kept = true;
            } else {
                state.blocks.remove(&key);
            }
        }
        if let Some(errno) = error {
            state.failed.clear();
            state.failed.insert(key, errno);
        }
        if kept {
            state.bytes += extent.bytes.memory_len();
            state.clock.push_back(extent);
            state.shrink(self.bound);
        }
    }
}

enum Look {
    Ready(Slice),
    Loading(Event),
    Absent,
}

impl State {
    fn remove(&mut self, extent: &Rc<Extent>) {
        for block in extent.block_first..extent.block_first + extent.block_count {
            let key = BlockKey {
                log: extent.log,
                base: extent.base,
                block,
            };
            let same =
                matches!(self.blocks.get(&key), Some(Block::Ready(e)) if Rc::ptr_eq(e, extent));
            if same {
                self.blocks.remove(&key);
            }
        }
        if !extent.gone.replace(true) {
            self.bytes -= extent.bytes.memory_len();
        }
    }

    fn shrink(&mut self, bound: usize) {
        while self.bytes > bound && self.clock.len() > 1 {
            let Some(extent) = self.clock.pop_front() else {
                return;
            };
            if extent.gone.get() {
                continue;
            }
            if extent.used.replace(false) {
                self.clock.push_back(extent);
                continue;
            }
            self.remove(&extent);
        }
    }
}

/// The answer for bytes that should be in the file and are not: damage, not a failed disk.
pub(super) const NO_DATA: Errno = Errno(libc::ENODATA);
/// Reads of the same block for one asker, who may be behind a file that grows.
const ATTEMPTS: usize = 4;
/// O_DIRECT's unit where the disk does not ask for more.
pub(super) const DIRECT_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: whoever reads along at the end of a file that grows leaves nothing behind of what was
    /// read before, however far the cache is from its bound.
    #[test]
    fn what_was_read_before_a_file_grew_is_freed() {
        let cache = BlockCache::new(1 << 30);
        let (log, base) = (1, Offset(0));
        let key = BlockKey {
            log,
            base,
            block: 0,
        };
        for read in 1..100 {
            let loading = Block::Loading(Event::new(), read);
            cache.state.borrow_mut().blocks.insert(key, loading);
            let bytes = Slice::from(vec![0; read as usize]);
            cache.arrived(key, 1, bytes, Ok(read as usize), read);
            let end = read as u32;
            assert!(matches!(cache.look(key, end - 1), Look::Ready(_)));
            assert!(matches!(cache.look(key, end), Look::Absent), "it has grown");
        }
        let state = cache.state.borrow();
        assert_eq!((state.clock.len(), state.bytes), (0, 0));
    }
}
