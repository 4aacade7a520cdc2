//! The pace of work that goes over many things: after a while it lets everybody else go first.
//!
//! Room:       `runtime`.
//! Called by:  whoever does something for each of so many things as a client names, or there are.
//! Never:      cuts short what is done for one thing: who calls `step` between two of them knows
//!             that the world may have changed there.

use super::Runtime;
use crate::io::Instant;
use std::time::Duration;

pub struct Pace {
    runtime: Runtime,
    /// Since it gave way.
    steps: usize,
    since: Instant,
}

/// How long such work may hold a turn up.
const SPAN: Duration = Duration::from_micros(100);

/// Steps between two turns at most: some tens of microseconds when each is short, and what bounds
/// a turn where the clock stands still.
const STEPS_MAX: usize = 256;

/// Steps for each look at the clock, which takes as long as a short step.
const STEPS_PER_LOOK: usize = 8;

impl Pace {
    pub(super) fn new(runtime: Runtime) -> Pace {
        let since = runtime.now_exact();
        Pace {
            runtime,
            steps: 0,
            since,
        }
    }

    /// Stands between two things.
    pub async fn step(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_PER_LOOK) && self.is_over() {
            self.rest().await;
        }
    }

    /// As `step`, between things that may take long, each by itself.
    pub async fn stride(&mut self) {
        self.steps += 1;
        if self.is_over() {
            self.rest().await;
        }
    }

    /// Whether others should go first now.
    pub fn is_over(&self) -> bool {
        self.steps >= STEPS_MAX || self.runtime.now_exact().since(self.since) > SPAN
    }

    async fn rest(&mut self) {
        self.runtime.yield_now().await;
        (self.steps, self.since) = (0, self.runtime.now_exact());
    }
}
