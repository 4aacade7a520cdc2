//! Receive buffers lent by the door: the kernel picks one when bytes have arrived, so a
//! connection that is quiet holds none.
//!
//! Room:       `io::uring`.
//! Called by:  `ring` (refill), `complete` (take what was filled), slices anywhere (their return).
//! Never:      writes a buffer that a `Slice` shows: it is offered again only after its return.
//!
//! A buffer is in one of four places, and only the owner's thread moves it, except for the way
//! back, which is a list any thread may push to:
//!
//!   reserve ──offer──▶ kernel ──fill──▶ slice ──drop, any thread──▶ returned ──▶ reserve
//!
//! Only `target` buffers are offered at a time, the warmest first, so that memory is touched as
//! the load needs it; the target doubles when the kernel ran dry while there was a reserve.

use super::mesh::Shared;
use crate::io::buffer::{OnRelease, PAGE};
use crate::io::{Slice, Wake};
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};

/// Memory from the kernel, zero and untouched, given back when dropped.
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a span of bytes like `buffer::Memory`; who may touch which part is `Provided`'s matter.
unsafe impl Send for Mapping {}
// SAFETY: as above; nothing here gives out references.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(length: usize) -> std::io::Result<Mapping> {
        let length = length.next_multiple_of(PAGE);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: asks for fresh memory at any address; nothing existing is replaced.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(std::io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, unmapped only here.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// The bytes of all buffers and the way back. Lives until the last slice is dropped.
pub struct Lender {
    bytes: Mapping,
    buffer_bytes: usize,
    /// A list of returned buffers: `returned` is its head, `next[b]` follows `b`. Pushed by
    /// anyone, taken whole by the owner, so a head seen twice means the same list.
    returned: AtomicU32,
    next: Box<[AtomicU16]>,
    /// A receive waits for a return.
    starved: AtomicBool,
    door: Arc<Shared>,
}

const NONE: u32 = u32::MAX;

impl OnRelease for Lender {
    fn release(&self, key: u64, _length: usize) {
        let buffer = key as u16;
        let mut head = self.returned.load(Ordering::Relaxed);
        loop {
            // The end of the list is any number that is no buffer's; counts stay below 2^15.
            self.next[usize::from(buffer)].store(head as u16, Ordering::Relaxed);
            let new = u32::from(buffer);
            // SeqCst, for the look at `starved` below must come after it.
            match self.returned.compare_exchange_weak(
                head,
                new,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(seen) => head = seen,
            }
        }
        if self.starved.load(Ordering::SeqCst) {
            self.door.wake();
        }
    }
}

/// The owner's side.
pub struct Provided {
    lender: Arc<Lender>,
    /// What the kernel reads: one entry per buffer offered.
    entries: Mapping,
    count: u16,
    /// Entries ever written, modulo 2^16; what the kernel compares with its own count.
    tail: u16,
    offered: u16,
    target: u16,
    reserve: Vec<u16>,
}

/// The only group of buffers of a ring.
pub const GROUP: u16 = 0;
/// Offered at first: a quiet shard has touched half a megabyte with the default size.
const TARGET_FIRST: u16 = 16;

impl Provided {
    /// Registers `count` buffers (rounded up to a power of two) of `buffer_bytes` each.
    pub fn new(
        ring: &IoUring,
        count: u16,
        buffer_bytes: u32,
        door: Arc<Shared>,
    ) -> std::io::Result<Provided> {
        let count = count.clamp(1, 1 << 14).next_power_of_two();
        let buffer_bytes = (buffer_bytes as usize).clamp(PAGE, 1 << 24);
        let entries = Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let lender = Lender {
            bytes: Mapping::new(usize::from(count) * buffer_bytes)?,
            buffer_bytes,
            returned: AtomicU32::new(NONE),
            next: (0..count).map(|_| AtomicU16::new(u16::MAX)).collect(),
            starved: AtomicBool::new(false),
            door,
        };
        let address = entries.start.as_ptr() as u64;
        // SAFETY: the mapping holds `count` entries and outlives the ring: `Ring` drops its
        // `IoUring` before its `Provided` (order of fields).
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(address, count, GROUP, 0)
        }?;
        let mut provided = Provided {
            lender: Arc::new(lender),
            entries,
            count,
            tail: 0,
            offered: 0,
            target: TARGET_FIRST.min(count),
            // The first to be offered stands last.
            reserve: (0..count).rev().collect(),
        };
        provided.refill();
        Ok(provided)
    }

    /// Takes returned buffers back and offers what the target asks for.
    pub fn refill(&mut self) {
        self.take_returned();
        let before = self.tail;
        while self.offered < self.target {
            let Some(buffer) = self.reserve.pop() else {
                break;
            };
            self.offer(buffer);
        }
        if self.tail != before {
            self.publish();
        }
    }

    fn take_returned(&mut self) {
        if self.lender.returned.load(Ordering::Relaxed) == NONE {
            return;
        }
        let mut buffer = self.lender.returned.swap(NONE, Ordering::SeqCst);
        while buffer < u32::from(self.count) {
            self.reserve.push(buffer as u16);
            buffer = u32::from(self.lender.next[buffer as usize].load(Ordering::Relaxed));
        }
        assert!(
            self.reserve.len() <= usize::from(self.count),
            "a buffer came back twice"
        );
    }

    fn offer(&mut self, buffer: u16) {
        let index = usize::from(self.tail & (self.count - 1));
        let length = self.lender.buffer_bytes;
        let address = self.start_of(buffer).as_ptr() as u64;
        let first = self.entries.start.as_ptr().cast::<BufRingEntry>();
        // SAFETY: the index is below the count the mapping was made for.
        let place = unsafe { first.add(index) };
        // SAFETY: zeroed or written before; the kernel reads it only after `publish`, and never
        // more than `count` are offered, so it is done with the one that stood here.
        let entry = unsafe { &mut *place };
        entry.set_addr(address);
        entry.set_len(length as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        self.offered += 1;
    }

    fn publish(&mut self) {
        let first = self.entries.start.as_ptr().cast::<BufRingEntry>();
        // SAFETY: the address of the first entry of a registered ring, as `tail` asks for.
        let tail = unsafe { BufRingEntry::tail(first) };
        // SAFETY: aligned for two bytes, alive as long as `entries`, and only this thread writes.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    fn start_of(&self, buffer: u16) -> NonNull<u8> {
        assert!(
            buffer < self.count,
            "the kernel names only buffers it was offered"
        );
        let offset = usize::from(buffer) * self.lender.buffer_bytes;
        // SAFETY: buffer < count, so the offset lies inside the mapping.
        unsafe { self.lender.bytes.start.add(offset) }
    }

    /// The first `length` bytes of a buffer that the kernel has filled.
    pub fn filled(&mut self, buffer: u16, length: usize) -> Slice {
        let start = self.start_of(buffer);
        assert!(
            length <= self.lender.buffer_bytes,
            "the kernel stays inside its buffer"
        );
        self.offered -= 1;
        let hook: Arc<dyn OnRelease> = self.lender.clone();
        // SAFETY: the mapping is initialised (zero pages), kept by `hook`, and `buffer` is not
        // offered to the kernel again before the hook has pushed it to `returned`.
        // Broken on purpose in `conformance::slices_outlive_their_door`.
        let whole =
            unsafe { Slice::lent(start, self.lender.buffer_bytes, hook, u64::from(buffer)) };
        whole.range(0, length)
    }

    /// The kernel took a buffer and put nothing into it.
    pub fn unused(&mut self, buffer: u16) {
        assert!(
            buffer < self.count,
            "the kernel names only buffers it was offered"
        );
        self.offered -= 1;
        self.reserve.push(buffer);
    }

    /// The kernel ran dry. Answers whether more can be offered at once.
    pub fn ran_dry(&mut self) -> bool {
        self.target = self.target.saturating_mul(2).min(self.count);
        self.refill();
        self.offered > 0
    }

    /// How many receives may be armed again after all had run dry.
    pub fn available(&mut self) -> usize {
        self.refill();
        usize::from(self.offered)
    }

    /// Whether somebody waits for a return, which then wakes the door.
    pub fn set_starved(&self, starved: bool) {
        self.lender.starved.store(starved, Ordering::SeqCst);
    }

    /// Whether something has come back since the last refill.
    pub fn has_returned(&self) -> bool {
        self.lender.returned.load(Ordering::SeqCst) != NONE
    }

    pub fn describe(&self) -> (u16, usize) {
        (self.count, self.lender.buffer_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::uring::mesh;

    fn provided(ring: &IoUring, count: u16) -> Provided {
        let ports = mesh::connect(1, 1).unwrap();
        Provided::new(ring, count, 4096, ports[0].shared().clone()).unwrap()
    }

    #[test]
    fn buffers_return_from_any_thread_and_are_offered_again() {
        let ring = IoUring::new(8).unwrap();
        let mut provided = provided(&ring, 4);
        assert_eq!(provided.available(), 4);
        let slices: Vec<Slice> = (0..4).map(|buffer| provided.filled(buffer, 10)).collect();
        assert_eq!(provided.available(), 0);
        assert!(!provided.ran_dry());
        let threads = slices
            .into_iter()
            .map(|slice| std::thread::spawn(move || drop(slice)));
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        assert!(provided.has_returned());
        assert_eq!(provided.available(), 4);
    }

    #[test]
    fn few_are_offered_until_the_load_asks_for_more() {
        let ring = IoUring::new(8).unwrap();
        let mut provided = provided(&ring, 64);
        assert_eq!(provided.available(), usize::from(TARGET_FIRST));
        assert!(provided.ran_dry());
        assert_eq!(provided.available(), 32);
    }
}
