//! Clocks, CPU time, percentiles: what every bench needs and the broker must not have.
//!
//! Room:       `bench`.
//! Never:      averages latencies; a mean hides what a percentile shows.

use std::time::{Duration, Instant};

/// The one place of this crate that asks the clock: a bench measures real time by its nature.
#[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// CPU time of the calling thread up to this moment. It costs a system call, so that it tells how
/// long the longest steps are on a machine that others use too, not how long the shortest are.
pub fn own_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// CPU time of the calling thread, user and kernel, from the scheduler's own count.
pub fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split_whitespace().next();
    Duration::from_nanos(first.and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// Runs `work` again and again for `span`; answers how often and how long it took in all.
pub fn repeat(span: Duration, mut work: impl FnMut()) -> (u64, Duration) {
    let start = now();
    let mut count = 0;
    let mut batch = 1;
    loop {
        for _ in 0..batch {
            work();
        }
        count += batch;
        let elapsed = start.elapsed();
        if elapsed >= span {
            return (count, elapsed);
        }
        // The clock is asked about a hundred times per run, whatever the work costs.
        let each = elapsed.as_nanos() as u64 / count + 1;
        batch = (span.as_nanos() as u64 / 100 / each).max(1);
    }
}

/// Latencies of one run.
#[derive(Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(latency.as_nanos() as u64);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `p50 140.1  p99 300.2  p99.9 512.0  max 900.3 us`
    pub fn line(&mut self) -> String {
        self.0.sort_unstable();
        let at = |share: f64| {
            let index = (self.0.len() as f64 * share) as usize;
            let last = self.0.len().saturating_sub(1);
            self.0.get(index.min(last)).copied().unwrap_or(0) as f64 / 1000.0
        };
        format!(
            "p50 {:7.1}  p99 {:7.1}  p99.9 {:7.1}  max {:8.1} us  ({} times)",
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
            self.0.len()
        )
    }
}

/// Pins the calling thread to the core of that rank, when there is one.
pub fn pin(rank: usize) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(core) = cores.get(rank) {
        core_affinity::set_for_current(*core);
    }
}

/// CPU model, cores, kernel and load, one line: a number without them says nothing.
pub fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned())
        .unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "machine: {cpu}, {cores} cores, Linux {}, load {}",
        kernel.trim(),
        load.split_whitespace().next().unwrap_or("?")
    )
}
