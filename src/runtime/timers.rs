//! Timers: who wants to be woken when.
//!
//! Room:       `runtime`.
//! Called by:  `Runtime`; tasks through `Sleep`.
//! Never:      reads a clock; `fire` is told the time.

use super::Runtime;
use crate::io::Instant;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Ordered by deadline, then by the order of registration, so that replay is exact.
pub(super) struct Timers {
    waiting: BTreeMap<(Instant, u64), Waker>,
    registered: u64,
}

impl Timers {
    pub fn new() -> Timers {
        Timers {
            waiting: BTreeMap::new(),
            registered: 0,
        }
    }

    pub fn next(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn fire(&mut self, now: Instant) {
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 > now {
                return;
            }
            entry.remove().wake();
        }
    }
}

/// Completes at an instant; dropping it forgets the timer.
pub struct Sleep {
    runtime: Runtime,
    at: Instant,
    key: Option<(Instant, u64)>,
}

impl Sleep {
    pub(super) fn new(runtime: Runtime, at: Instant) -> Sleep {
        Sleep {
            runtime,
            at,
            key: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.runtime.now() >= self.at {
            return Poll::Ready(());
        }
        let runtime = self.runtime.clone();
        let mut timers = runtime.0.timers.borrow_mut();
        let key = self.key.unwrap_or_else(|| {
            timers.registered += 1;
            (self.at, timers.registered)
        });
        self.key = Some(key);
        timers.waiting.insert(key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.runtime.0.timers.borrow_mut().waiting.remove(&key);
        }
    }
}
