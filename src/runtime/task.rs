//! The tasks of one thread and the queue of those that are ready.
//!
//! Room:       `runtime`.
//! Called by:  `Runtime`.
//! Never:      moves a task to another thread; only its wake-up may come from one.
//!
//! Always true:
//!   - a task is queued at most once; a wake while it runs queues it again.
//!   - a stale waker (its task ended, the slot serves another) wakes the newer task in vain at
//!     most: generations are compared.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

type BoxedTask = Pin<Box<dyn Future<Output = ()>>>;

pub(super) struct Tasks {
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<u32>>,
    ready: Arc<Ready>,
    alive: Cell<usize>,
}

struct Slot {
    /// Out of the slot while it is being polled, and when it has ended.
    future: Option<BoxedTask>,
    handle: Option<Arc<Handle>>,
}

/// Which task a waker means.
struct Handle {
    index: u32,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

#[derive(Default)]
struct Ready {
    queue: Mutex<VecDeque<Arc<Handle>>>,
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        Wake::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.lock().push_back(self.clone());
        }
    }
}

impl Ready {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Handle>>> {
        self.queue
            .lock()
            .expect("no code panics while it holds the ready queue")
    }
}

impl Tasks {
    pub fn new() -> Tasks {
        Tasks {
            slots: RefCell::new(Vec::new()),
            free: RefCell::new(Vec::new()),
            ready: Arc::new(Ready::default()),
            alive: Cell::new(0),
        }
    }

    pub fn spawn(&self, future: BoxedTask) {
        let mut slots = self.slots.borrow_mut();
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(Slot {
                future: None,
                handle: None,
            });
            slots.len() as u32 - 1
        });
        let handle = Arc::new(Handle {
            index,
            queued: AtomicBool::new(true),
            ready: self.ready.clone(),
        });
        slots[index as usize] = Slot {
            future: Some(future),
            handle: Some(handle.clone()),
        };
        self.alive.set(self.alive.get() + 1);
        self.ready.lock().push_back(handle);
    }

    /// Drops every task, also those that the drops of others spawn.
    pub fn clear(&self) {
        loop {
            let futures: Vec<BoxedTask> = {
                let mut slots = self.slots.borrow_mut();
                let futures = slots.iter_mut().filter_map(|slot| slot.future.take());
                futures.collect()
            };
            if futures.is_empty() {
                break;
            }
            drop(futures);
        }
        self.ready.lock().clear();
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.lock().is_empty()
    }

    /// Polls ready tasks in order, at most `limit`; returns how many.
    pub fn run(&self, limit: usize) -> usize {
        for polls in 0..limit {
            let Some(handle) = self.ready.lock().pop_front() else {
                return polls;
            };
            handle.queued.store(false, Ordering::Release);
            let index = handle.index as usize;
            let future = {
                let mut slots = self.slots.borrow_mut();
                let slot = &mut slots[index];
                // A waker of an earlier task in this slot is stale: its handle is another one.
                match &slot.handle {
                    Some(current) if Arc::ptr_eq(current, &handle) => slot.future.take(),
                    _ => None,
                }
            };
            let Some(mut future) = future else { continue };
            let waker = Waker::from(handle);
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => self.slots.borrow_mut()[index].future = Some(future),
                Poll::Ready(()) => {
                    // Dropped before the slot is free again: its drop may spawn.
                    drop(future);
                    self.slots.borrow_mut()[index].handle = None;
                    self.free.borrow_mut().push(index as u32);
                    self.alive.set(self.alive.get() - 1);
                }
            }
        }
        limit
    }
}
