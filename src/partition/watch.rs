//! Watches: a waiting fetch looks at many partitions and wants to know when any has news.
//!
//! Room:       `partition`.
//! Called by:  `shard::fetch`, which makes one `Watch` per waiting request.
//! Never:      holds bytes: a waiting fetch costs its offsets only.
//!
//! A watch counts: it fires when what its readers may see has grown by as many bytes as it wants,
//! over all partitions together, so that a fetch with a large `min_bytes` is not woken for each
//! batch. Bytes that have left memory meanwhile cannot be counted and count as enough.
//!
//! A dropped watch is forgotten by its partitions when they next look; each partition drops the
//! dead ones whenever their number has doubled, so idle partitions don't collect them.

use crate::ids::Offset;
use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// One waiting request's side. Cloning shares it.
#[derive(Clone, Default)]
pub struct Watch(Rc<WatchState>);

#[derive(Default)]
struct WatchState {
    fired: Cell<bool>,
    /// Bytes until it fires.
    missing: Cell<usize>,
    event: Event,
}

/// One partition's side, or that of something else that has news.
#[derive(Default)]
pub struct Watchers {
    list: RefCell<Vec<Watcher>>,
    sweep_at: Cell<usize>,
}

struct Watcher {
    /// What ends at or below is counted.
    offset: Offset,
    /// Waits for the last stable offset, not for the high watermark.
    committed: bool,
    state: Weak<WatchState>,
}

const SWEEP_MIN: usize = 16;

impl Watch {
    /// Fires once `bytes` more may be seen; any news is enough for 0 and 1.
    pub fn new(bytes: usize) -> Watch {
        let watch = Watch::default();
        watch.0.missing.set(bytes.max(1));
        watch
    }

    /// Completes when the bytes are there, or leadership of a partition changed.
    pub async fn fired(&self) {
        while !self.0.fired.get() {
            self.0.event.next().await;
        }
    }

    /// Wakes this watch from outside, as when its request was cancelled.
    pub fn fire(&self) {
        self.0.fire();
    }

    /// Counts what a reader may see in addition. True: there is nothing more to wait for.
    pub(super) fn gained(&self, bytes: usize) -> bool {
        self.0.gained(bytes)
    }
}

impl WatchState {
    fn fire(&self) {
        self.fired.set(true);
        self.event.notify();
    }

    fn gained(&self, bytes: usize) -> bool {
        let missing = self.missing.get().saturating_sub(bytes);
        self.missing.set(missing);
        if missing == 0 && !self.fired.get() {
            self.fire();
        }
        self.fired.get()
    }
}

impl Watchers {
    pub fn add(&self, watch: &Watch, offset: Offset, committed: bool) {
        let mut list = self.list.borrow_mut();
        if list.len() >= self.sweep_at.get().max(SWEEP_MIN) {
            list.retain(|watcher| watcher.state.strong_count() > 0);
            self.sweep_at.set(list.len() * 2);
        }
        list.push(Watcher {
            offset,
            committed,
            state: Rc::downgrade(&watch.0),
        });
    }

    /// Watches for whatever happens.
    pub fn add_for_all(&self, watch: &Watch) {
        self.add(watch, Offset(i64::MAX - 1), false);
    }

    /// Tells, first come first served, whoever waits for something below `reached`, or below what
    /// is `stable` for those who want committed records only. `bytes` tells the bytes between two
    /// offsets.
    pub fn wake(
        &self,
        reached: Offset,
        stable: impl FnOnce() -> Offset,
        bytes: impl Fn(Offset, Offset) -> usize,
    ) {
        if self.list.borrow().is_empty() {
            return;
        }
        let stable = stable();
        // Nearly all wait from the same offset on.
        let mut counted = (Offset(-1), Offset(-1), 0);
        self.list.borrow_mut().retain_mut(|watcher| {
            let Some(state) = watcher.state.upgrade() else {
                return false;
            };
            let limit = if watcher.committed { stable } else { reached };
            if watcher.offset >= limit {
                return !state.fired.get();
            }
            if (counted.0, counted.1) != (watcher.offset, limit) {
                counted = (watcher.offset, limit, bytes(watcher.offset, limit));
            }
            watcher.offset = limit;
            !state.gained(counted.2)
        });
    }

    pub fn wake_all(&self) {
        for watcher in self.list.borrow_mut().drain(..) {
            if let Some(state) = watcher.state.upgrade() {
                state.fire();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_fires_when_its_offset_is_passed() {
        let watchers = Watchers::default();
        let watch = Watch::new(1);
        watchers.add(&watch, Offset(10), false);
        watchers.wake(Offset(10), || Offset(0), ten_each);
        assert!(!watch.0.fired.get());
        watchers.wake(Offset(11), || Offset(0), ten_each);
        assert!(watch.0.fired.get());
        assert!(watchers.list.borrow().is_empty());
    }

    /// Ten bytes an offset.
    fn ten_each(from: Offset, to: Offset) -> usize {
        (to.0 - from.0) as usize * 10
    }

    #[test]
    fn bytes_of_several_partitions_are_counted_together() {
        let (one, other) = (Watchers::default(), Watchers::default());
        let watch = Watch::new(100);
        one.add(&watch, Offset(10), false);
        other.add(&watch, Offset(0), true);
        one.wake(Offset(14), || Offset(0), ten_each);
        other.wake(Offset(50), || Offset(5), ten_each);
        // What was counted is not counted again.
        one.wake(Offset(14), || Offset(0), ten_each);
        assert!(!watch.0.fired.get());
        one.wake(Offset(15), || Offset(0), ten_each);
        assert!(watch.0.fired.get());
        other.wake(Offset(50), || Offset(5), ten_each);
        assert!(
            other.list.borrow().is_empty(),
            "what has fired is forgotten"
        );
    }

    #[test]
    fn a_change_of_leadership_fires_whatever_is_missing() {
        let watchers = Watchers::default();
        let watch = Watch::new(1 << 20);
        watchers.add(&watch, Offset(10), false);
        watchers.wake_all();
        assert!(watch.0.fired.get());
        assert!(watchers.list.borrow().is_empty());
    }

    #[test]
    fn a_committed_watch_waits_for_what_is_stable() {
        let watchers = Watchers::default();
        let watch = Watch::new(1);
        watchers.add(&watch, Offset(10), true);
        watchers.wake(Offset(20), || Offset(10), ten_each);
        assert!(!watch.0.fired.get());
        watchers.wake(Offset(21), || Offset(11), ten_each);
        assert!(watch.0.fired.get());
    }

    #[test]
    fn dropped_watches_do_not_pile_up() {
        let watchers = Watchers::default();
        for _ in 0..1000 {
            watchers.add(&Watch::new(1), Offset(0), false);
        }
        assert!(watchers.list.borrow().len() <= SWEEP_MIN + 1);
    }
}
