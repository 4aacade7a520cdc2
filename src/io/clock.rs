//! Two clocks: one that only moves forward, one that people read.
//!
//! Room:       `io`.
//! Called by:  everyone who keeps a deadline or stamps a record.
//! Never:      asks the operating system; only an opener of the door does.

use std::time::Duration;

/// Monotonic time in nanoseconds since the door's arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// The latest instant there is: a deadline that never comes.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// This instant moved by `span`, saturating at `NEVER`.
    pub fn plus(self, span: Duration) -> Instant {
        Instant(
            self.0
                .saturating_add(span.as_nanos().min(u128::from(u64::MAX)) as u64),
        )
    }

    /// This instant moved by milliseconds; negative ones count as zero.
    pub fn plus_ms(self, ms: i64) -> Instant {
        Instant(self.0.saturating_add(ms.max(0) as u64 * 1_000_000))
    }

    /// Time since `earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Wall clock in milliseconds since 1970-01-01 UTC, as Kafka's record timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallMillis(pub i64);
