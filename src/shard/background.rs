//! What goes on beside the requests: retention, compaction. Started with the shard, ended with it.
//!
//! Room:       `shard`.
//! Called by:  `open` and `close`; each kind of work asks here whether to go on.
//! Calls:      `runtime`.
//! Never:      ends a piece of work in its middle: each looks at `is_stopping` between two slices.

use crate::runtime::Runtime;
use crate::runtime::sync::Event;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

/// The background work of one shard. Cloning shares it.
#[derive(Clone, Default)]
pub struct Background(Rc<State>);

struct State {
    stopping: Cell<bool>,
    /// Kinds of work that have not ended.
    running: Cell<usize>,
    /// Stop, or work asked for ahead of its time.
    asked: Event,
    ended: Event,
}

impl Default for State {
    fn default() -> Self {
        State {
            stopping: Cell::new(false),
            running: Cell::new(0),
            asked: Event::new(),
            ended: Event::new(),
        }
    }
}

impl Background {
    /// Starts one kind of work, which ends by itself soon after `stop`.
    pub fn start(&self, runtime: &Runtime, work: impl Future<Output = ()> + 'static) {
        let state = self.0.clone();
        state.running.set(state.running.get() + 1);
        runtime.spawn(async move {
            work.await;
            state.running.set(state.running.get() - 1);
            state.ended.notify();
        });
    }

    pub fn is_stopping(&self) -> bool {
        self.0.stopping.get()
    }

    /// Waits for `span`, or until all is to stop. False: stop.
    pub async fn pause(&self, runtime: &Runtime, span: Duration) -> bool {
        let until = runtime.now().plus(span);
        while !self.is_stopping() {
            let seen = self.0.asked.count();
            let news = self.0.asked.after(seen);
            if runtime.deadline(until, news).await.is_none() {
                break;
            }
        }
        !self.is_stopping()
    }

    /// Ends all work and waits until it has ended.
    pub async fn stop(&self) {
        self.0.stopping.set(true);
        self.0.asked.notify();
        while self.0.running.get() > 0 {
            self.0.ended.next().await;
        }
    }
}
