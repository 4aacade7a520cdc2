//! Memory that is handed to the kernel and shared between cores: aligned, counted, never moved.
//!
//! Room:       `io`.
//! Called by:  every room that holds bytes of records or frames.
//! Never:      copies behind the caller's back; `copy_of` says so in its name.
//!
//! A `Buffer` is one owner's writable range, a `Slice` a shared read-only one; both keep the
//! memory below them alive. `split_frozen` lets the journal share what it has written while it
//! goes on writing behind it: the two ranges never overlap, which is all the safety there is.
//!
//!   memory  ├────────────── len ──────────────────────────────┤
//!   frozen  ├── Slice ──┼── Slice ──┤
//!   Buffer                          ├── filled ──┼── room ────┤
//!
//! Counting is atomic, against DESIGN §3's wish for a non-atomic type: a fetch answered by one
//! core sends another core's slices, so they cross threads; measured, an uncontended atomic
//! costs 4 ns per batch, of a budget of 6 us.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Alignment of every allocation that may see O_DIRECT.
pub const PAGE: usize = 4096;

/// A hook run when the last user of the memory lets go (a provided buffer returns to its ring,
/// a budget is paid back). Runs on whichever thread that is.
pub trait OnRelease: Send + Sync {
    fn release(&self, key: u64, length: usize);
}

enum Owner {
    /// Mapped by `map_pages`, unmapped or pooled by the drop.
    Mapped,
    /// Lives in this vector, which is never touched again until the drop.
    Vector { _vector: Vec<u8> },
    /// Belongs to somebody else (a provided-buffer ring's mapping) who outlives it.
    Lent,
}

struct Memory {
    start: NonNull<u8>,
    length: usize,
    owner: Owner,
    release: Option<(Arc<dyn OnRelease>, u64)>,
}

// SAFETY: `Memory` is only a span of bytes; it is written through the single `Buffer` that owns
// the range and read through `Slice`s of ranges no `Buffer` covers any more.
unsafe impl Send for Memory {}
// SAFETY: as above: shared access is read-only on frozen ranges (`split_frozen`, `freeze`).
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Owner::Mapped = self.owner {
            LIVE_BYTES.fetch_sub(self.length, Ordering::Relaxed);
            POOL.put(self.start, self.length);
        }
        if let Some((hook, key)) = &self.release {
            hook.release(*key, self.length);
        }
    }
}

static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of aligned memory alive in the process; for metrics and leak tests.
pub fn live_bytes() -> usize {
    LIVE_BYTES.load(Ordering::Relaxed)
}

impl Memory {
    /// From the pool, with what its last user left in it, or fresh zero pages that take memory
    /// only when touched.
    fn aligned(length: usize, release: Option<(Arc<dyn OnRelease>, u64)>) -> Memory {
        let size = length.max(1).next_multiple_of(PAGE);
        let size = POOL_SIZES
            .iter()
            .copied()
            .find(|pooled| *pooled >= size)
            .unwrap_or(size);
        let start = POOL.take(size).unwrap_or_else(|| POOL.map(size));
        LIVE_BYTES.fetch_add(size, Ordering::Relaxed);
        Memory {
            start,
            length: size,
            owner: Owner::Mapped,
            release,
        }
    }
}

/// Sizes that are kept for reuse: mapping and faulting in a page costs 0.25 us, 64 us a MiB.
const POOL_SIZES: [usize; 6] = [4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20];

/// Larger memory than this is fresh and untouched, page by page.
pub const POOLED_BYTES_MAX: usize = POOL_SIZES[POOL_SIZES.len() - 1];

/// Bytes that the pool keeps at most; what exceeds it goes back to the system. By default enough
/// for the tails that a flush lets go at once: giving those back and faulting them in again cost
/// 7 % of the broker's CPU under load.
static POOL_BYTES_MAX: AtomicUsize = AtomicUsize::new(64 << 20);

/// Bounds what the process keeps of pages nobody uses.
pub fn set_pool_bytes_max(bytes: usize) {
    POOL_BYTES_MAX.store(bytes, Ordering::Relaxed);
}

static POOL: Pool = Pool {
    free: [const { Mutex::new(Vec::new()) }; POOL_SIZES.len()],
    bytes: AtomicUsize::new(0),
};

/// Free memory by size. Shared by all threads: memory is often let go by another core.
struct Pool {
    free: [Mutex<Vec<Free>>; POOL_SIZES.len()],
    /// Sum over `free`, perhaps of a moment ago.
    bytes: AtomicUsize,
}

/// Pages nobody uses.
struct Free(NonNull<u8>);

// SAFETY: nobody else has the address of free pages.
unsafe impl Send for Free {}

impl Pool {
    fn take(&self, size: usize) -> Option<NonNull<u8>> {
        let class = POOL_SIZES.iter().position(|pooled| *pooled == size)?;
        let mut free = self.free[class]
            .lock()
            .expect("no code panics holding the pool");
        let taken = free.pop()?;
        self.bytes.fetch_sub(size, Ordering::Relaxed);
        Some(taken.0)
    }

    /// Fresh memory. Of the large sizes a huge page at once, whose other pieces are free: the
    /// kernel pins a huge page for O_DIRECT in one step, where 4 KiB pages, one by one, took 8 %
    /// of the broker's CPU under load.
    fn map(&self, size: usize) -> NonNull<u8> {
        if !HUGE_SIZES.contains(&size) {
            return map_pages(size);
        }
        let start = map_huge_page();
        for at in (size..HUGE_PAGE).step_by(size) {
            // SAFETY: inside the mapping of `HUGE_PAGE` bytes made by the line above.
            self.put(unsafe { start.add(at) }, size);
        }
        start
    }

    fn put(&self, start: NonNull<u8>, size: usize) {
        if let Some(class) = POOL_SIZES.iter().position(|pooled| *pooled == size) {
            let before = self.bytes.fetch_add(size, Ordering::Relaxed);
            if before + size <= POOL_BYTES_MAX.load(Ordering::Relaxed) {
                let mut free = self.free[class]
                    .lock()
                    .expect("no code panics holding the pool");
                free.push(Free(start));
                return;
            }
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
        // SAFETY: mapped by `map_pages` with this size; its last user has gone.
        let result = unsafe { libc::munmap(start.as_ptr().cast(), size) };
        assert_eq!(result, 0, "unmapping what was mapped");
    }
}

/// What x86-64 and most arm64 systems call huge.
const HUGE_PAGE: usize = 2 << 20;

/// Sizes that are cut out of huge pages: those of journal slabs and segment writes.
const HUGE_SIZES: [usize; 2] = [256 << 10, 1 << 20];

/// Fresh zero memory of `HUGE_PAGE` bytes, aligned to it, so that it may be one huge page. Its
/// pieces can be unmapped one by one.
fn map_huge_page() -> NonNull<u8> {
    let start = map_pages(2 * HUGE_PAGE);
    let before = start.as_ptr().align_offset(HUGE_PAGE);
    // SAFETY: `before` is at most `HUGE_PAGE`, so this stays inside the mapping.
    let page = unsafe { start.add(before) };
    // SAFETY: the end of the page is inside the mapping, or its end.
    let behind = unsafe { page.add(HUGE_PAGE) };
    for (surplus, length) in [(start, before), (behind, HUGE_PAGE - before)] {
        if length > 0 {
            // SAFETY: a range of the mapping that nobody was given.
            let result = unsafe { libc::munmap(surplus.as_ptr().cast(), length) };
            assert_eq!(result, 0, "unmapping what was mapped");
        }
    }
    // SAFETY: advice about memory that is ours; where it is refused, small pages serve.
    unsafe { libc::madvise(page.as_ptr().cast(), HUGE_PAGE, libc::MADV_HUGEPAGE) };
    page
}

/// Fresh zero pages. Not the allocator: for page alignment it touches every page to zero it.
fn map_pages(size: usize) -> NonNull<u8> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing of ours.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
    assert!(
        start != libc::MAP_FAILED,
        "no address space for {size} bytes"
    );
    NonNull::new(start.cast()).expect("a mapping is never at null")
}

/// A writable range with one owner: `filled` bytes, then room.
pub struct Buffer {
    memory: Arc<Memory>,
    start: usize,
    filled: usize,
    end: usize,
}

impl Buffer {
    /// A page-aligned buffer with room for at least `room` bytes. The room holds zeros or what an
    /// earlier user left there: whoever pads writes the zeros.
    pub fn with_room(room: usize) -> Buffer {
        Buffer::over(Memory::aligned(room, None))
    }

    /// As `with_room`; `hook.release(key, length)` runs when the last user lets go.
    pub fn with_release(room: usize, hook: Arc<dyn OnRelease>, key: u64) -> Buffer {
        Buffer::over(Memory::aligned(room, Some((hook, key))))
    }

    fn over(memory: Memory) -> Buffer {
        let end = memory.length;
        Buffer {
            memory: Arc::new(memory),
            start: 0,
            filled: 0,
            end,
        }
    }

    /// Bytes written so far and not split off.
    pub fn filled(&self) -> &[u8] {
        // SAFETY: start <= filled <= end <= length, kept by every method that moves them.
        let from = unsafe { self.memory.start.as_ptr().add(self.start) };
        // SAFETY: the range was written or zeroed, and only this `Buffer` may write it.
        unsafe { std::slice::from_raw_parts(from, self.filled - self.start) }
    }

    /// Bytes written so far, to be patched in place.
    pub fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `filled`.
        let from = unsafe { self.memory.start.as_ptr().add(self.start) };
        // SAFETY: this `Buffer` is the range's only owner and is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(from, self.filled - self.start) }
    }

    /// The room behind the filled bytes; zeroed or holding what was there before.
    pub fn room_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `filled`.
        let from = unsafe { self.memory.start.as_ptr().add(self.filled) };
        // SAFETY: the range is initialised (zeroed at allocation) and owned by this `Buffer`.
        unsafe { std::slice::from_raw_parts_mut(from, self.end - self.filled) }
    }

    pub fn room(&self) -> usize {
        self.end - self.filled
    }

    pub fn len(&self) -> usize {
        self.filled - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts `count` bytes of the room as filled.
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.room(), "advance past the end of a buffer");
        self.filled += count;
    }

    /// Forgets the filled bytes behind the first `length`.
    pub fn truncate(&mut self, length: usize) {
        assert!(length <= self.len(), "truncate beyond what is filled");
        self.filled = self.start + length;
    }

    /// Copies `bytes` in; the caller has checked the room.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.room_mut()[..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Gives the filled bytes away as a shared slice and goes on behind them.
    pub fn split_frozen(&mut self) -> Slice {
        let slice = Slice {
            memory: Some(self.memory.clone()),
            start: self.start,
            end: self.filled,
        };
        self.start = self.filled;
        slice
    }

    /// Splits off the next `room` bytes of the room as a buffer of its own; this one goes on
    /// behind them. Nothing may be filled and unsplit. For a header that is known only later.
    pub fn split_room(&mut self, room: usize) -> Buffer {
        assert!(self.is_empty(), "split off what is filled first");
        assert!(room <= self.room(), "split_room past the end of a buffer");
        let start = self.filled;
        self.start += room;
        self.filled += room;
        Buffer {
            memory: self.memory.clone(),
            start,
            filled: start,
            end: start + room,
        }
    }

    /// Shrinks the room so that at most `room` more bytes fit.
    pub fn limit_room(&mut self, room: usize) {
        self.end = self.end.min(self.filled + room);
    }

    /// All filled bytes as a shared slice; the room is given up.
    pub fn freeze(mut self) -> Slice {
        self.split_frozen()
    }
}

/// A shared, read-only range. Cloning counts, never copies.
#[derive(Clone)]
pub struct Slice {
    /// `None` only for the empty slice, which needs no memory.
    memory: Option<Arc<Memory>>,
    start: usize,
    end: usize,
}

impl Slice {
    pub const fn empty() -> Slice {
        Slice {
            memory: None,
            start: 0,
            end: 0,
        }
    }

    /// A slice over fresh memory that holds a copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Slice {
        Slice::from(bytes.to_vec())
    }

    /// A slice over memory of the door's alignment that holds zeros.
    pub fn zeros(length: usize) -> Slice {
        let mut zeros = Buffer::with_room(length);
        // The room may hold what was there before.
        zeros.room_mut()[..length].fill(0);
        zeros.advance(length);
        zeros.freeze()
    }

    /// A slice over memory that somebody else owns and keeps until `hook` was told.
    ///
    /// # Safety
    /// `start..start+length` must be initialised, stay mapped, and not be written until
    /// `hook.release(key, ..)` has run.
    pub unsafe fn lent(
        start: NonNull<u8>,
        length: usize,
        hook: Arc<dyn OnRelease>,
        key: u64,
    ) -> Slice {
        let memory = Memory {
            start,
            length,
            owner: Owner::Lent,
            release: Some((hook, key)),
        };
        Slice {
            memory: Some(Arc::new(memory)),
            start: 0,
            end: length,
        }
    }

    /// The bytes `from..to` of this slice, sharing its memory.
    pub fn range(&self, from: usize, to: usize) -> Slice {
        assert!(from <= to, "a range runs forward");
        assert!(to <= self.len(), "a range stays inside its slice");
        Slice {
            memory: self.memory.clone(),
            start: self.start + from,
            end: self.start + to,
        }
    }

    /// The slice that `part` is, when it borrows from this one: what a borrowing decoder found,
    /// as bytes that may be kept.
    pub fn slice_of(&self, part: &[u8]) -> Option<Slice> {
        if part.is_empty() {
            return Some(Slice::empty());
        }
        let from = (part.as_ptr() as usize).checked_sub(self.as_ptr() as usize)?;
        let to = from.checked_add(part.len())?;
        (to <= self.len()).then(|| self.range(from, to))
    }

    /// `self` and `next` as one slice when `next` lies right behind it in the same memory.
    pub fn joined(&self, next: &Slice) -> Option<Slice> {
        match (&self.memory, &next.memory) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) && self.end == next.start => Some(Slice {
                memory: Some(a.clone()),
                start: self.start,
                end: next.end,
            }),
            _ => None,
        }
    }

    /// Bytes of memory this slice keeps alive, which may be many more than it shows.
    pub fn memory_len(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| memory.length)
    }

    /// Which memory it is in: equal for slices of one allocation (while alive).
    pub fn memory_id(&self) -> usize {
        self.memory
            .as_ref()
            .map_or(0, |memory| memory.start.as_ptr() as usize)
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let Some(memory) = &self.memory else {
            return &[];
        };
        // SAFETY: start <= end <= length since construction.
        let from = unsafe { memory.start.as_ptr().add(self.start) };
        // SAFETY: frozen bytes are never written again while `memory` lives.
        unsafe { std::slice::from_raw_parts(from, self.end - self.start) }
    }
}

/// For `concat` of several.
impl Borrow<[u8]> for Slice {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Slice {
    /// Takes the vector's memory, without a copy.
    fn from(mut vector: Vec<u8>) -> Slice {
        if vector.is_empty() {
            return Slice::empty();
        }
        let length = vector.len();
        let start = NonNull::new(vector.as_mut_ptr()).expect("a vector's pointer is never null");
        let memory = Memory {
            start,
            length,
            owner: Owner::Vector { _vector: vector },
            release: None,
        };
        Slice {
            memory: Some(Arc::new(memory)),
            start: 0,
            end: length,
        }
    }
}

impl Default for Slice {
    fn default() -> Slice {
        Slice::empty()
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slice({} bytes)", self.len())
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} filled, {} room)", self.len(), self.room())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn frozen_bytes_stay_while_the_buffer_goes_on() {
        let mut buffer = Buffer::with_room(10);
        assert_eq!(buffer.room(), 4096);
        buffer.extend(b"first");
        let first = buffer.split_frozen();
        buffer.extend(b"second");
        let second = buffer.split_frozen();
        drop(buffer);
        assert_eq!(&first[..], b"first");
        assert_eq!(&second[..], b"second");
        assert_eq!(
            &first.joined(&second).expect("they touch")[..],
            b"firstsecond"
        );
        assert!(second.joined(&first).is_none());
    }

    #[test]
    fn a_header_split_off_first_joins_what_follows() {
        let mut buffer = Buffer::with_room(64);
        let mut header = buffer.split_room(4);
        buffer.extend(b"body");
        let body = buffer.split_frozen();
        header.extend(b"head");
        assert_eq!(
            &header.freeze().joined(&body).expect("they touch")[..],
            b"headbody"
        );
    }

    #[test]
    fn ranges_share_memory_across_threads() {
        let slice = Slice::from(b"hello world".to_vec());
        let world = slice.range(6, 11);
        drop(slice);
        let seen = std::thread::spawn(move || world.to_vec()).join().unwrap();
        assert_eq!(seen, b"world");
    }

    #[test]
    fn a_borrowed_part_is_found_again() {
        let slice = Slice::from(b"hello world".to_vec());
        let part = &slice[6..9];
        assert_eq!(
            &slice.slice_of(part).expect("it borrows from it")[..],
            b"wor"
        );
        assert!(slice.slice_of(b"elsewhere").is_none());
    }

    #[test]
    fn the_release_hook_runs_once_after_the_last_user() {
        struct Log(Mutex<Vec<(u64, usize)>>);
        impl OnRelease for Log {
            fn release(&self, key: u64, length: usize) {
                self.0.lock().unwrap().push((key, length));
            }
        }
        let log = Arc::new(Log(Mutex::new(Vec::new())));
        let mut buffer = Buffer::with_release(1, log.clone(), 7);
        buffer.extend(b"x");
        let slice = buffer.freeze();
        let copy = slice.clone();
        drop(slice);
        assert!(log.0.lock().unwrap().is_empty());
        drop(copy);
        assert_eq!(*log.0.lock().unwrap(), vec![(7, PAGE)]);
    }

    #[test]
    #[should_panic(expected = "inside its slice")]
    fn a_range_past_the_end_is_a_bug() {
        Slice::from(vec![1, 2, 3]).range(1, 4);
    }
}
