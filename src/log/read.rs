//! Reading batches: new ones from memory at once, older ones through the block cache.
//!
//! Room:       `log`.
//! Called by:  `partition` (Fetch, ListOffsets).
//! Calls:      `append` (the tail), `cache`, `storage`.
//! Never:      waits in `read` itself, or hands out a cold batch whose checksum was not looked at.
//!
//! A cold read finds its first batch by the index and hops from header to header. Where it ends it
//! leaves a cursor: the consumer that comes back for the next offset goes on there without an
//! index, and each time it does, the disk is read in larger pieces, 64 KiB up to 1 MiB, the next
//! piece before it is asked for.

use super::append::push_joined;
use super::cache::{BLOCK_BYTES, NO_DATA};
use super::index::offset;
use super::layout::FileKind;
use super::scan::{CHECK_WINDOW_BYTES, Found, NO_CHECK, Scanner, crc_of};
use super::storage::{Cached, Cursor, count};
use super::{Damage, Inner, Log, LogError, ReadError, State};
use crate::ids::Offset;
use crate::io::{Errno, Slice};
use crate::log::index::OffsetEntry;
use crate::runtime::File;
use ottla_protocol::record_batch::{BATCH_HEADER_BYTES, BatchHeader};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The answer to a read.
pub enum Read {
    Now(Batches),
    /// The disk is asked once this is awaited.
    Later(ColdRead),
}

/// Whole batches, in order.
#[derive(Debug, Default)]
pub struct Batches {
    /// Neighbours in memory are one slice.
    pub slices: Vec<Slice>,
    /// Sum of `slices`.
    pub bytes: usize,
    /// Not all that may be seen: the bound ended the read, or the segment.
    pub more: bool,
}

/// A read that goes to the block cache or the disk.
pub type ColdRead = Pin<Box<dyn Future<Output = Result<Batches, ReadError>>>>;

/// What a read is asked for.
#[derive(Clone, Copy)]
struct Wanted {
    from: Offset,
    limit: Offset,
    max_bytes: usize,
    min_one: bool,
}

impl Log {
    /// Whole batches from the one that contains `from`, all below `limit`, at most `max_bytes`;
    /// the first may be larger when `min_one`. Empty when nothing is there below `limit`.
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        min_one: bool,
    ) -> Result<Read, ReadError> {
        let state = self.0.state.borrow();
        let limit = state.check_readable(from, limit)?;
        if from >= limit {
            return Ok(Read::Now(Batches::default()));
        }
        if let Some(batches) = state.tail.read(from, limit, max_bytes, min_one) {
            count(&self.0.storage.0.counters.hot_reads, 1);
            return Ok(Read::Now(batches));
        }
        drop(state);
        let wanted = Wanted {
            from,
            limit,
            max_bytes,
            min_one,
        };
        let inner = self.0.clone();
        let cold = async move {
            count(&inner.storage.0.counters.cold_reads, 1);
            inner.read_cold(wanted).await
        };
        Ok(Read::Later(Box::pin(cold)))
    }

    /// As `read`, and waits for the disk where it must.
    pub async fn read_all(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        min_one: bool,
    ) -> Result<Vec<Slice>, ReadError> {
        match self.read(from, limit, max_bytes, min_one)? {
            Read::Now(batches) => Ok(batches.slices),
            Read::Later(cold) => Ok(cold.await?.slices),
        }
    }

    /// Bytes of the batches from `from` up to `to`; `None` when not all are in memory.
    pub fn bytes_between(&self, from: Offset, to: Offset) -> Option<usize> {
        self.0.state.borrow().tail.bytes_between(from, to)
    }
}

impl State {
    /// What may be read from `from` on: `limit`, or where damage begins.
    fn check_readable(&self, from: Offset, limit: Offset) -> Result<Offset, ReadError> {
        match self.failed {
            Some(LogError::Disk(errno)) => return Err(ReadError::Disk(errno)),
            Some(_) => return Err(ReadError::Closed),
            None => {}
        }
        if from < self.log_start || from > self.log_end {
            return Err(ReadError::OutOfRange {
                from,
                log_start: self.log_start,
                log_end: self.log_end,
            });
        }
        let mut limit = limit.min(self.log_end);
        for damage in &self.damage {
            if from >= damage.from && from < damage.to {
                return Err(ReadError::Corrupt { first: damage.from });
            }
            if damage.from > from {
                limit = limit.min(damage.from);
            }
        }
        Ok(limit)
    }
}

/// Why one attempt at a cold read ended.
enum Stop {
    Error(ReadError),
    /// The log was cut under it: begin anew.
    Moved,
    /// The index points elsewhere than at batches: rebuild it and begin anew.
    Index(Offset),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Stop {
        Stop::Error(ReadError::Disk(errno))
    }
}

/// What lies at a position of a segment.
enum Place {
    Batch(BatchHeader),
    /// No closed segment has them; a file that was preallocated ends in them.
    Zeros,
    Garbage,
}

/// One attempt: a place in one segment, and what was gathered.
struct Attempt<'a> {
    log: &'a Rc<Inner>,
    file: Rc<File>,
    base: Offset,
    /// Bytes of the segment that are in the file.
    end: u32,
    ahead: u32,
    cuts: u32,
    current: Slice,
    current_at: u32,
    read: Batches,
    /// The next batch begins here or later.
    next: Offset,
}

impl Inner {
    async fn read_cold(self: Rc<Self>, wanted: Wanted) -> Result<Batches, ReadError> {
        let mut rebuilt = false;
        for _ in 0..ATTEMPTS {
            match self.read_once(&wanted).await {
                Ok(batches) => return Ok(batches),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Index(base)) if !rebuilt => {
                    rebuilt = true;
                    self.rebuild_index(base).await.map_err(ReadError::Disk)?;
                }
                Err(Stop::Index(_)) => return Err(ReadError::Corrupt { first: wanted.from }),
                Err(Stop::Moved) => {}
            }
        }
        Err(ReadError::Corrupt { first: wanted.from })
    }

    async fn read_once(self: &Rc<Self>, wanted: &Wanted) -> Result<Batches, Stop> {
        let (limit, first) = {
            let state = self.state.borrow();
            let limit = state.check_readable(wanted.from, wanted.limit);
            let limit = limit.map_err(Stop::Error)?;
            let (max, min) = (wanted.max_bytes, wanted.min_one);
            // It may have come into memory meanwhile, as the flush's buffers.
            if let Some(batches) = state.tail.read(wanted.from, limit, max, min) {
                return Ok(batches);
            }
            (limit, state.segments[state.segment_of(wanted.from)].base)
        };
        let mut base = Some(first);
        while let Some(at) = base {
            if let Some(mut attempt) = self.attempt(at, wanted.from).await?
                && attempt.gather(wanted, limit).await?
            {
                attempt.leave_cursor();
                return Ok(attempt.read);
            }
            // The batch was compacted away, or the segment holds nothing: the next one begins it.
            let state = self.state.borrow();
            let next = state.segments.partition_point(|segment| segment.base <= at);
            base = state.segments.get(next).map(|segment| segment.base);
            base = base.filter(|base| *base < limit && *base < state.flushed);
        }
        // Nothing is left in files: what comes next is only in memory.
        let state = self.state.borrow();
        let first = state.tail.index_of(state.flushed.max(wanted.from));
        let rest = state.tail.range(first).next().and_then(|entry| {
            let (max, min) = (wanted.max_bytes, wanted.min_one);
            state.tail.read(entry.base, limit, max, min)
        });
        Ok(rest.unwrap_or_default())
    }

    /// `None` when the segment holds nothing.
    async fn attempt(
        self: &Rc<Self>,
        base: Offset,
        from: Offset,
    ) -> Result<Option<Attempt<'_>>, Stop> {
        self.until_swapped().await;
        let (end, cuts) = {
            let state = self.state.borrow();
            let segment = state.segment(base).ok_or(Stop::Moved)?;
            (segment.flushed, state.cuts)
        };
        if end == 0 {
            return Ok(None);
        }
        let known = self.storage.0.cursors.borrow_mut().take(self.id, from);
        let known = known.filter(|cursor| cursor.base == base && cursor.cuts == cuts);
        let (position, ahead) = match known {
            Some(cursor) => (cursor.position, cursor.ahead),
            None => match self.position_of(base, from, end).await {
                Err(Stop::Index(_)) if self.state.borrow().cuts != cuts => return Err(Stop::Moved),
                position => (position?, 1),
            },
        };
        let file = self.open_segment(base, cuts).await?;
        Ok(Some(Attempt {
            log: self,
            file,
            base,
            end,
            ahead,
            cuts,
            current: Slice::empty(),
            current_at: position,
            read: Batches::default(),
            next: if known.is_some() { from } else { base },
        }))
    }

    async fn open_segment(&self, base: Offset, cuts: u32) -> Result<Rc<File>, Stop> {
        match self.segment_file(base, false).await {
            Ok(file) => Ok(file),
            Err(Errno::NO_ENTRY) if self.state.borrow().cuts != cuts => Err(Stop::Moved),
            // Retention, or somebody else, took it away.
            Err(Errno::NO_ENTRY) if self.state.borrow().segment(base).is_none() => Err(Stop::Moved),
            Err(Errno::NO_ENTRY) => {
                let to = self.state.borrow().segment_end(base);
                self.note_damage(base, 0, Damage { from: base, to });
                Err(Stop::Error(ReadError::Corrupt { first: base }))
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Where in the segment to begin to look for `from`.
    async fn position_of(&self, base: Offset, from: Offset, end: u32) -> Result<u32, Stop> {
        let (recent, on_file, relative) = {
            let state = self.state.borrow();
            let segment = state.segment(base).ok_or(Stop::Moved)?;
            let relative = segment.relative(from);
            match &segment.growing {
                Some(growing) => (
                    offset::lookup(&growing.offset_index.recent, relative),
                    growing.offset_index.on_file > 0,
                    relative,
                ),
                None => (None, end > SMALL_SEGMENT_BYTES, relative),
            }
        };
        if let Some(entry) = recent {
            return Ok(entry.position);
        }
        if !on_file {
            return Ok(0);
        }
        let entries = self.entries_of(base, end).await?;
        let Some(entry) = offset::lookup(&entries, relative) else {
            return Ok(0);
        };
        // Bytes of a file are believed only where a batch confirms them.
        let file = self.segment_file(base, false).await?;
        let mut scanner = Scanner::new(
            file,
            u64::from(entry.position),
            u64::from(end),
            DIRECT_HEADER_BYTES,
        );
        match scanner.next(NO_CHECK).await? {
            Found::Batch { info, .. }
                if info.last_offset() == base.plus(i64::from(entry.relative_offset)) =>
            {
                Ok(entry.position)
            }
            _ => Err(Stop::Index(base)),
        }
    }

    /// The index of a segment from its file, or rebuilt when that is missing or damaged.
    async fn entries_of(&self, base: Offset, end: u32) -> Result<Rc<[OffsetEntry]>, Errno> {
        let kind = FileKind::OffsetIndex;
        if let Some(Cached::Offsets(entries)) = self.storage.cached_index(self.id, base, kind) {
            return Ok(entries);
        }
        let bytes = self.read_index(base, kind).await?;
        let (entries, whole) = bytes
            .as_deref()
            .map(|bytes| offset::parse(bytes, u64::from(end)))
            .unwrap_or_default();
        if !whole || entries.is_empty() && end > EMPTY_INDEX_BYTES_MAX {
            return self.rebuild_index(base).await;
        }
        let entries: Rc<[OffsetEntry]> = entries.into();
        let cached = Cached::Offsets(entries.clone());
        self.storage.cache_index(self.id, base, kind, cached);
        Ok(entries)
    }

    /// Waits while segments change their files.
    pub(super) async fn until_swapped(&self) {
        loop {
            let swapping = self.state.borrow().swapping.clone();
            match swapping {
                Some(swapping) => swapping.next().await,
                None => return,
            }
        }
    }
}

impl Attempt<'_> {
    /// Gathers batches from the current position on. False when the segment has none at or above
    /// the wanted offset.
    async fn gather(&mut self, wanted: &Wanted, limit: Offset) -> Result<bool, Stop> {
        let mut position = self.current_at;
        while position < self.end {
            let header = match self.header(position).await? {
                Place::Batch(header) => header,
                Place::Zeros => break,
                Place::Garbage if position > 0 && self.next == self.base => {
                    // An index led here: from the start on it is seen where the damage begins.
                    position = 0;
                    continue;
                }
                Place::Garbage => match self.pass_damage(wanted, position).await? {
                    Some(behind) => {
                        position = behind;
                        continue;
                    }
                    None => break,
                },
            };
            let (size, next) = (header.size(), Offset(header.next_offset()));
            if next <= wanted.from {
                position += size as u32;
                self.next = next;
                continue;
            }
            let bytes = self.read.bytes;
            let fits = bytes + size <= wanted.max_bytes || bytes == 0 && wanted.min_one;
            if next > limit || !fits {
                self.read.more = next <= limit;
                // An index may have led here past all that lies before.
                self.next = Offset(header.base_offset);
                self.leave_at(position);
                return Ok(true);
            }
            let pieces = self.pieces(position, size as u32).await?;
            if crc_of(&pieces) != header.crc {
                // Where it ends, its own header does not say for sure.
                self.next = Offset(header.base_offset);
                let Some(behind) = self.pass_damage(wanted, position).await? else {
                    break;
                };
                position = behind;
                continue;
            }
            let slices = &mut self.read.slices;
            pieces.iter().for_each(|piece| push_joined(slices, piece));
            self.read.bytes += size;
            self.next = next;
            position += size as u32;
        }
        self.read.more = self.next < limit;
        self.leave_at(position);
        Ok(self.read.bytes > 0)
    }

    fn leave_at(&mut self, position: u32) {
        self.current = Slice::empty();
        self.current_at = position;
    }

    /// What lies at `position`.
    async fn header(&mut self, position: u32) -> Result<Place, Stop> {
        let (head, length) = self.head(position).await?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(Place::Zeros);
        }
        let Ok(header) = BatchHeader::parse(&head[..length]) else {
            return Ok(Place::Garbage);
        };
        let inside = header.size() as u64 <= u64::from(self.end - position);
        let (from, to) = (Offset(header.base_offset), Offset(header.next_offset()));
        let rises = from >= self.next && header.last_offset_delta >= 0 && to > from;
        let (bound, is_damaged) = {
            let state = self.log.state.borrow();
            let is_damaged = state.damage.iter().any(|known| known.touches(from, to));
            (state.segment_end(self.base), is_damaged)
        };
        // The base offset lies outside the checksum: a batch beyond its segment is none, and one
        // that jumps needs the next to agree.
        if !inside || !rises || is_damaged || to > bound {
            return Ok(Place::Garbage);
        }
        if from > self.next {
            let (head, length) = self.head(position + header.size() as u32).await?;
            let behind = BatchHeader::parse(&head[..length]);
            if behind.is_ok_and(|behind| behind.base_offset < to.0) {
                return Ok(Place::Garbage);
            }
        }
        Ok(Place::Batch(header))
    }

    /// The bytes of a header at `position`, and how many of them there are.
    async fn head(&mut self, position: u32) -> Result<([u8; BATCH_HEADER_BYTES], usize), Stop> {
        let length = (BATCH_HEADER_BYTES as u32).min(self.end - position);
        let mut head = [0; BATCH_HEADER_BYTES];
        let mut filled = 0;
        for piece in self.pieces(position, length).await? {
            head[filled..filled + piece.len()].copy_from_slice(&piece);
            filled += piece.len();
        }
        Ok((head, filled))
    }

    /// Behind bytes that are no batch: where the next one begins, if the wanted offset lies there;
    /// `None` when what was gathered before is the answer.
    async fn pass_damage(&mut self, wanted: &Wanted, position: u32) -> Result<Option<u32>, Stop> {
        if self.read.bytes > 0 {
            return Ok(None);
        }
        let (start, end) = (u64::from(position), u64::from(self.end));
        let (mut found, mut behind) = (None, start);
        for _ in 0..REREADS {
            let mut scanner = Scanner::new(self.file.clone(), start, end, CHECK_WINDOW_BYTES);
            found = scanner.resync(self.next).await?;
            behind = scanner.position();
            if self.log.state.borrow().cuts != self.cuts {
                return Err(Stop::Moved);
            }
            if let Some(info) = found.filter(|_| behind == start) {
                // The disk has it whole: what is in the cache, or was noted once, is wrong.
                self.log.storage.forget_segment(self.log.id, self.base);
                let (from, to) = (info.base_offset(), info.next_offset());
                self.log.forget_damage(Damage { from, to });
                return Err(Stop::Moved);
            }
        }
        let from = self.next;
        let to = match found {
            Some(info) => info.base_offset(),
            None => self.log.state.borrow().segment_end(self.base),
        };
        self.log
            .note_damage(self.base, position, Damage { from, to });
        if wanted.from < to || found.is_none() {
            return Err(Stop::Error(ReadError::Corrupt { first: from }));
        }
        self.next = to;
        Ok(Some(behind as u32))
    }

    /// Exactly the bytes `position..position + length`, in as few pieces as they lie in memory.
    async fn pieces(&mut self, position: u32, length: u32) -> Result<Vec<Slice>, Stop> {
        let mut pieces: Vec<Slice> = Vec::with_capacity(1);
        let mut at = position;
        let end = position + length;
        while at < end {
            let have = self.current_at + self.current.len() as u32;
            if at < self.current_at || at >= have {
                self.load(at).await?;
            }
            let within = (at - self.current_at) as usize;
            let take = (self.current.len() - within).min((end - at) as usize);
            push_joined(&mut pieces, &self.current.range(within, within + take));
            at += take as u32;
        }
        Ok(pieces)
    }

    async fn load(&mut self, position: u32) -> Result<(), Stop> {
        let (storage, segment) = (&self.log.storage, (self.log.id, self.base));
        let cache = &storage.0.cache;
        let bytes = cache
            .bytes_at(storage, &self.file, segment, position, self.end, self.ahead)
            .await;
        if self.log.state.borrow().cuts != self.cuts {
            return Err(Stop::Moved);
        }
        match bytes {
            Ok(bytes) => {
                self.current = bytes;
                self.current_at = position;
                Ok(())
            }
            Err(NO_DATA) => {
                // The file is shorter than it was.
                let from = self.next;
                if position == 0 || from > self.base {
                    let to = self.log.state.borrow().segment_end(self.base);
                    self.log
                        .note_damage(self.base, position, Damage { from, to });
                }
                Err(Stop::Error(ReadError::Corrupt { first: from }))
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Remembers where the next read of this consumer begins, and has the disk read on.
    fn leave_cursor(&self) {
        let position = self.current_at;
        let ahead = (self.ahead * 2).min(AHEAD_BLOCKS_MAX);
        let storage = &self.log.storage;
        storage.0.cursors.borrow_mut().put(
            self.log.id,
            self.next,
            Cursor {
                base: self.base,
                position,
                ahead,
                cuts: self.cuts,
            },
        );
        if self.ahead > 1 {
            let segment = (self.log.id, self.base);
            let cache = &storage.0.cache;
            cache.read_ahead(storage, &self.file, segment, position, self.end, ahead);
            // At full speed the disk has two reads to do, so that it is never idle between them.
            let next = position.saturating_add(ahead * BLOCK_BYTES);
            if self.ahead == AHEAD_BLOCKS_MAX && next < self.end {
                cache.read_ahead(storage, &self.file, segment, next, self.end, ahead);
            }
        }
    }
}

/// What is wrong in that many reads is damaged.
const REREADS: usize = 3;
/// A read across that many truncations gives up.
const ATTEMPTS: usize = 5;
/// Up to here hopping from the start is as cheap as an index.
const SMALL_SEGMENT_BYTES: u32 = BLOCK_BYTES;
/// A larger segment has index entries, or its index is not one.
const EMPTY_INDEX_BYTES_MAX: u32 = 1 << 20;
/// The most blocks of one read: 1 MiB.
const AHEAD_BLOCKS_MAX: u32 = 16;
/// Enough to look at one header, wherever in a block it lies.
const DIRECT_HEADER_BYTES: usize = 16 << 10;
