//! The client's clocks and its only way to sleep.
//!
//! Room:       `client`. Tools run outside of any shard, against the real world, on threads of
//!             their own; the simulator never runs them. So this file is the one exception to
//!             "time comes through the door".
//! Called by:  the rest of `client`, and `cli` where a tool has to measure.
//! Never:      used by a room of the broker.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The monotonic clock.
#[allow(
    clippy::disallowed_methods,
    reason = "the client's one door to the clock"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock, milliseconds since the epoch.
#[allow(
    clippy::disallowed_methods,
    reason = "the client's one door to the clock"
)]
pub fn wall_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The wall clock, nanoseconds since the epoch.
#[allow(
    clippy::disallowed_methods,
    reason = "the client's one door to the clock"
)]
pub fn wall_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Puts this thread, never a shard, to sleep.
#[allow(clippy::disallowed_methods, reason = "the client's threads may sleep")]
pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}
