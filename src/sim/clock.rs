//! Simulated time: a number that jumps to the next event, and how long things take.
//!
//! Room:       `sim`.
//! Called by:  `world` (the queue of events), `disk` and `network` (latencies).
//! Never:      looks at a real clock.
//!
//! Always true:
//!   - time never goes backwards; an event asked for in the past happens now.
//!   - events of one instant come in an order drawn from the seed, never in a hidden one.

use super::seed::Rng;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Nanoseconds since the world began.
pub type Nanos = u64;

pub const MICROSECOND: Nanos = 1_000;
pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000_000_000;

/// What will happen, ordered by (time, a draw from the seed, order of asking).
pub struct Timeline<E> {
    now: Nanos,
    sequence: u64,
    queue: BinaryHeap<Planned<E>>,
}

impl<E> Timeline<E> {
    pub fn new() -> Timeline<E> {
        Timeline {
            now: 0,
            sequence: 0,
            queue: BinaryHeap::new(),
        }
    }

    pub fn plan(&mut self, rng: &mut Rng, at: Nanos, event: E) {
        self.sequence += 1;
        self.queue.push(Planned {
            key: (at.max(self.now), rng.bits() as u32, self.sequence),
            event,
        });
    }

    /// Moves time to the next event and takes it; `None` when nothing is planned before or at
    /// `until`.
    pub fn pop(&mut self, until: Nanos) -> Option<E> {
        if self.queue.peek()?.key.0 > until {
            return None;
        }
        let planned = self.queue.pop()?;
        self.now = planned.key.0;
        Some(planned.event)
    }

    /// Lets time pass up to `at`; events planned before it must have been taken.
    pub fn advance(&mut self, at: Nanos) {
        assert!(
            self.next().is_none_or(|next| next >= at),
            "time would jump over an event"
        );
        self.now = self.now.max(at);
    }

    pub fn now(&self) -> Nanos {
        self.now
    }

    pub fn next(&self) -> Option<Nanos> {
        self.queue.peek().map(|planned| planned.key.0)
    }
}

impl<E> Default for Timeline<E> {
    fn default() -> Timeline<E> {
        Timeline::new()
    }
}

struct Planned<E> {
    key: (Nanos, u32, u64),
    event: E,
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Planned<E>) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Planned<E> {}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Planned<E>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Planned<E> {
    /// Reversed, for the heap gives its greatest first.
    fn cmp(&self, other: &Planned<E>) -> Ordering {
        other.key.cmp(&self.key)
    }
}

/// How long something takes: at least `floor`, mostly below `floor + spread`, now and then (in
/// `tail_ppm` of a million cases) up to `tail` more.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    pub floor: Nanos,
    pub spread: Nanos,
    pub tail_ppm: u32,
    pub tail: Nanos,
}

impl Latency {
    pub const fn around(floor: Nanos, spread: Nanos) -> Latency {
        Latency {
            floor,
            spread,
            tail_ppm: 5_000,
            tail: 20 * (floor + spread),
        }
    }

    pub fn draw(&self, rng: &mut Rng) -> Nanos {
        // The product of two draws leans to the short side, as measured latencies do.
        let spread = rng.below(self.spread + 1).min(rng.below(self.spread + 1));
        let tail = match rng.chance_ppm(self.tail_ppm) {
            true => rng.below(self.tail + 1),
            false => 0,
        };
        self.floor + spread + tail
    }

    /// The same, `factor` times slower.
    pub fn times(self, factor: u64) -> Latency {
        Latency {
            floor: self.floor * factor,
            spread: self.spread * factor,
            tail_ppm: self.tail_ppm,
            tail: self.tail * factor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_of_time() {
        let mut rng = Rng::new(3);
        let mut timeline = Timeline::new();
        for at in [30, 10, 20] {
            timeline.plan(&mut rng, at, at);
        }
        assert_eq!(timeline.pop(5), None);
        assert_eq!(timeline.pop(100), Some(10));
        timeline.plan(&mut rng, 1, 1);
        assert_eq!((timeline.pop(100), timeline.now()), (Some(1), 10));
        assert_eq!(timeline.pop(100), Some(20));
        assert_eq!(timeline.pop(100), Some(30));
        timeline.advance(90);
        assert_eq!(timeline.now(), 90);
    }

    #[test]
    fn latencies_stay_inside_their_bounds() {
        let mut rng = Rng::new(9);
        let latency = Latency::around(100, 50);
        for _ in 0..1000 {
            let drawn = latency.draw(&mut rng);
            assert!((100..=150 + latency.tail).contains(&drawn), "{drawn}");
        }
    }
}
