//! How long durable writes take here, so that a door knows when not to look for them.
//!
//! Room:       `io::uring`.
//! Called by:  `start` and `complete` (begin, end), `ring` (how long to look).
//! Never:      asks the clock itself.
//!
//! A durable write's completion may need a kernel thread on this very CPU, and starve behind a
//! door that looks without sleeping. So a door with durable writes under way looks at most until
//! the newest of them has taken twice the usual time.

use crate::io::Instant;
use std::time::Duration;

pub struct Durables {
    under_way: usize,
    newest: Instant,
    /// An estimate of the median: each write moves it a little up or down.
    usual: Duration,
}

impl Durables {
    pub fn new() -> Durables {
        Durables {
            under_way: 0,
            newest: Instant(0),
            usual: USUAL_FIRST,
        }
    }

    pub fn begin(&mut self, now: Instant) {
        self.under_way += 1;
        self.newest = now;
    }

    pub fn end(&mut self, begun: Instant, now: Instant) {
        assert!(self.under_way > 0, "a durable write ends once");
        self.under_way -= 1;
        let step = self.usual / 16;
        let usual = if now.since(begun) > self.usual {
            self.usual + step
        } else {
            self.usual - step
        };
        self.usual = usual.clamp(USUAL_MIN, USUAL_MAX);
    }

    /// Until when a door may look for completions; `None` when nothing durable is under way.
    pub fn look_until(&self) -> Option<Instant> {
        (self.under_way > 0).then(|| self.newest.plus(self.usual * 2))
    }
}

/// A 4 KiB write into zeroed extents on a virtio disk.
const USUAL_FIRST: Duration = Duration::from_micros(140);
const USUAL_MIN: Duration = Duration::from_micros(10);
/// Beyond that nobody should look anyway.
const USUAL_MAX: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_disk() {
        let mut durables = Durables::new();
        assert_eq!(durables.look_until(), None);
        for took_us in [30, 600] {
            for round in 0..200 {
                let begun = Instant(round * 1_000_000);
                durables.begin(begun);
                durables.end(begun, begun.plus(Duration::from_micros(took_us)));
            }
            let usual_us = durables.usual.as_micros() as u64;
            assert!(
                usual_us.abs_diff(took_us) <= took_us / 8,
                "{usual_us} for {took_us}"
            );
        }
        durables.begin(Instant(7));
        assert_eq!(
            durables.look_until(),
            Some(Instant(7).plus(durables.usual * 2))
        );
    }
}
