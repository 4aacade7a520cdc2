//! Counting and timing of one run: histograms, one-second intervals, the live line on stderr.
//!
//! Room:       `cli::perf`.
//! Called by:  `load` and `reader`, from the client's threads; `report` at the end.
//! Never:      averages a percentile, or forgets a record that is late: latencies are counted from
//!             the time a record was *meant* to be sent.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::client::clock;

/// One thing that is measured: acknowledgements, or records read.
#[derive(Debug)]
pub struct Measure {
    /// The word for it: "acknowledged", "end to end", "read".
    pub name: &'static str,
    started: Instant,
    /// What is meant to be sent before counts for nothing but the intervals.
    warmup: Duration,
    counts: Mutex<Counts>,
}

/// What was counted so far.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Latency in nanoseconds, warm-up left out.
    pub latency: Histogram<u64>,
    /// Records and bytes, warm-up left out.
    pub records: u64,
    pub bytes: u64,
    pub failed: u64,
    /// The text of the first failure.
    pub failure: Option<String>,
    /// When the first and the last counted record came, since the start.
    pub first: Option<Duration>,
    pub last: Duration,
    pub intervals: Vec<Interval>,
    open: Interval,
    open_latency: Histogram<u64>,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interval {
    /// Its end, seconds since the start.
    pub at: f64,
    pub seconds: f64,
    pub records: u64,
    pub bytes: u64,
    /// Latencies in nanoseconds; 0 when nothing was timed.
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

impl Measure {
    pub fn new(name: &'static str, started: Instant, warmup: Duration) -> Arc<Self> {
        let counts = Counts {
            latency: histogram(3),
            records: 0,
            bytes: 0,
            failed: 0,
            failure: None,
            first: None,
            last: Duration::ZERO,
            intervals: Vec::new(),
            open: Interval::default(),
            open_latency: histogram(2),
        };
        Arc::new(Self {
            name,
            started,
            warmup,
            counts: Mutex::new(counts),
        })
    }

    /// Counts one batch that arrived at `at`: `meant` holds for each record the nanoseconds from
    /// the start to the time it was meant to be sent, where that is known.
    pub fn count(&self, at: Instant, records: u64, bytes: u64, meant: impl Iterator<Item = u64>) {
        let since = at.saturating_duration_since(self.started);
        let now_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let warmup_ns = u64::try_from(self.warmup.as_nanos()).unwrap_or(u64::MAX);
        let mut counts = self.lock();
        counts.open.records += records;
        counts.open.bytes += bytes;
        for meant in meant {
            let latency = now_ns.saturating_sub(meant).clamp(1, LATENCY_NS_MAX);
            counts.open_latency.saturating_record(latency);
            if meant >= warmup_ns {
                counts.latency.saturating_record(latency);
            }
        }
        if since >= self.warmup {
            counts.records += records;
            counts.bytes += bytes;
            counts.first.get_or_insert(since);
            counts.last = since;
        }
    }

    pub fn fail(&self, records: u64, failure: impl std::fmt::Display) {
        let mut counts = self.lock();
        counts.failed += records;
        counts.failure.get_or_insert_with(|| failure.to_string());
    }

    /// Everything, with the last interval closed.
    pub fn finish(&self) -> Counts {
        self.close_interval();
        self.lock().clone()
    }

    fn close_interval(&self) -> Interval {
        let at = clock::now()
            .saturating_duration_since(self.started)
            .as_secs_f64();
        let mut counts = self.lock();
        let before = counts.intervals.last().map_or(0.0, |interval| interval.at);
        let mut closed = std::mem::take(&mut counts.open);
        closed.at = at;
        closed.seconds = (at - before).max(f64::MIN_POSITIVE);
        if !counts.open_latency.is_empty() {
            closed.p50 = counts.open_latency.value_at_quantile(0.5);
            closed.p99 = counts.open_latency.value_at_quantile(0.99);
            closed.max = counts.open_latency.max();
            counts.open_latency.reset();
        }
        counts.intervals.push(closed);
        closed
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// The counted time, seconds: from the end of the warm-up (or the first record, when nothing
    /// was scheduled) to the last record.
    pub fn seconds(&self, from: Duration) -> f64 {
        self.last.saturating_sub(from).as_secs_f64().max(1e-9)
    }
}

/// Prints a line a second until it is dropped, and closes the intervals.
pub struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// `quiet` closes intervals without printing.
    pub fn start(measures: Vec<Arc<Measure>>, quiet: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let mut next = clock::now() + SECOND;
            while !stopped.load(Ordering::SeqCst) {
                std::thread::park_timeout(next.saturating_duration_since(clock::now()));
                if clock::now() < next || stopped.load(Ordering::SeqCst) {
                    continue;
                }
                next += SECOND;
                let line = line(&measures);
                if !quiet {
                    show(&line);
                }
            }
            if !quiet && std::io::stderr().is_terminal() {
                eprintln!();
            }
        };
        let thread = std::thread::Builder::new()
            .name("progress".into())
            .spawn(run)
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only prints; nothing of the result depends on it.
            let _ = thread.join();
        }
    }
}

fn line(measures: &[Arc<Measure>]) -> String {
    let mut line = String::new();
    for (n, measure) in measures.iter().enumerate() {
        let interval = measure.close_interval();
        let per_second = interval.records as f64 / interval.seconds;
        if n == 0 {
            let _ = write!(line, "{:6.1} s", interval.at);
        }
        let mb = interval.bytes as f64 / interval.seconds / 1e6;
        let _ = write!(
            line,
            "  {}: {per_second:.0} rec/s {mb:.1} MB/s",
            measure.name
        );
        if interval.max > 0 {
            let [p50, p99, max] = [interval.p50, interval.p99, interval.max].map(shown_ns);
            let _ = write!(line, ", p50 {p50} p99 {p99} max {max}");
        }
        let failed = measure.lock().failed;
        if failed > 0 {
            let _ = write!(line, ", {failed} failed");
        }
    }
    line
}

fn show(line: &str) {
    let mut stderr = std::io::stderr().lock();
    // On a terminal one line is rewritten; in a file each second has its own.
    let _ = match stderr.is_terminal() {
        true => write!(stderr, "\r\x1b[K{line}"),
        false => writeln!(stderr, "{line}"),
    };
    let _ = stderr.flush();
}

/// A time for people: µs below 10 ms, ms below 10 s, then seconds.
pub fn shown_ns(ns: u64) -> String {
    match ns {
        0..10_000_000 => format!("{:.0} µs", ns as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

fn histogram(digits: u8) -> Histogram<u64> {
    let made = Histogram::new_with_bounds(1_000, LATENCY_NS_MAX, digits);
    made.expect("the bounds and digits are constants that the library allows")
}

/// An hour; what takes longer counts as an hour.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;
const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_count_from_the_intended_time_and_after_the_warmup() {
        let started = clock::now();
        let measure = Measure::new("acknowledged", started, Duration::from_millis(5));
        let at = started + Duration::from_millis(10);
        measure.count(at, 2, 200, [1_000_000, 6_000_000].into_iter());
        let counts = measure.finish();
        assert_eq!(counts.latency.len(), 1);
        assert!((3_900_000..4_100_000).contains(&counts.latency.max()));
        assert_eq!((counts.records, counts.bytes), (2, 200));
        assert_eq!(counts.intervals.len(), 1);
        assert!((8_900_000..9_200_000).contains(&counts.intervals[0].max));
    }

    #[test]
    fn times_are_shown_for_people() {
        assert_eq!(shown_ns(248_400), "248 µs");
        assert_eq!(shown_ns(25_000_000), "25.0 ms");
        assert_eq!(shown_ns(12_000_000_000), "12.0 s");
    }
}
