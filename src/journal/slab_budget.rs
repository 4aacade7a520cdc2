//! The memory of journal slabs: how much of it is alive, and when that is too much.
//!
//! Room:       `journal`.
//! Called by:  `open_group`, which takes slabs; whoever drops the last slice of one.
//! Never:      refuses a slab: who appends asks `Journal::has_room` before.

use crate::io::buffer::OnRelease;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of all journals of one shard. Slabs come back from any thread: consumers of other cores hold
/// slices.
#[derive(Debug)]
pub struct SlabBudget {
    bytes_max: usize,
    used: AtomicUsize,
}

impl SlabBudget {
    pub fn new(bytes_max: usize) -> Arc<SlabBudget> {
        Arc::new(SlabBudget {
            bytes_max,
            used: AtomicUsize::new(0),
        })
    }

    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Time to bring tails into segments.
    pub fn is_rising(&self) -> bool {
        self.used() > self.bytes_max / 2
    }

    pub fn is_full(&self) -> bool {
        self.used() >= self.bytes_max
    }

    pub(super) fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl OnRelease for SlabBudget {
    fn release(&self, _key: u64, length: usize) {
        self.used.fetch_sub(length, Ordering::Relaxed);
    }
}
