//! Watches: a waiting fetch looks at many partitions and wants to know when any has news.
//!
//! Room:       `partition`.
//! Called by:  `shard::fetch`, which makes one `Watch` per waiting request.
//! Never:      holds bytes: a waiting fetch costs its offsets only.
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
    event: Event,
}

/// One partition's side.
#[derive(Default)]
pub(super) struct Watchers {
    list: RefCell<Vec<Watcher>>,
    sweep_at: Cell<usize>,
}

struct Watcher {
    offset: Offset,
    /// Waits for the last stable offset, not for the high watermark.
    committed: bool,
    state: Weak<WatchState>,
}

const SWEEP_MIN: usize = 16;

impl Watch {
    pub fn new() -> Watch {
        Watch::default()
    }

    /// Completes when any watched partition has passed its offset or changed leadership.
    pub async fn fired(&self) {
        while !self.0.fired.get() {
            self.0.event.next().await;
        }
    }

    /// Wakes this watch from outside, as when its request was cancelled.
    pub fn fire(&self) {
        self.0.fired.set(true);
        self.0.event.notify();
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

    /// Wakes, first come first served, whoever waits for something below `reached`, or below what
    /// is `stable` for those who want committed records only.
    pub fn wake(&self, reached: Offset, stable: impl FnOnce() -> Offset) {
        if self.list.borrow().is_empty() {
            return;
        }
        let stable = stable();
        self.list.borrow_mut().retain(|watcher| {
            let Some(state) = watcher.state.upgrade() else {
                return false;
            };
            let limit = if watcher.committed { stable } else { reached };
            if watcher.offset >= limit {
                return true;
            }
            state.fired.set(true);
            state.event.notify();
            false
        });
    }

    pub fn wake_all(&self) {
        self.wake(Offset(i64::MAX), || Offset(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_fires_when_its_offset_is_passed() {
        let watchers = Watchers::default();
        let watch = Watch::new();
        watchers.add(&watch, Offset(10), false);
        watchers.wake(Offset(10), || Offset(0));
        assert!(!watch.0.fired.get());
        watchers.wake(Offset(11), || Offset(0));
        assert!(watch.0.fired.get());
        assert!(watchers.list.borrow().is_empty());
    }

    #[test]
    fn a_committed_watch_waits_for_what_is_stable() {
        let watchers = Watchers::default();
        let watch = Watch::new();
        watchers.add(&watch, Offset(10), true);
        watchers.wake(Offset(20), || Offset(10));
        assert!(!watch.0.fired.get());
        watchers.wake(Offset(21), || Offset(11));
        assert!(watch.0.fired.get());
    }

    #[test]
    fn dropped_watches_do_not_pile_up() {
        let watchers = Watchers::default();
        for _ in 0..1000 {
            watchers.add(&Watch::new(), Offset(0), false);
        }
        assert!(watchers.list.borrow().len() <= SWEEP_MIN + 1);
    }
}
