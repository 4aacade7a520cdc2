//! The reading side: consumes partitions to an end, counts, times and verifies.
//!
//! Room:       `cli::perf`.
//! Called by:  `consume` and `latency`.
//! Calls:      `client::Consumer`, `payload`, `measure`.
//! Never:      stops early in silence: it says whether it reached what it was asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::measure::Measure;
use super::payload::{Findings, Verifier, stamp};
use crate::client::{ClientError, Cluster, Consumer, Start, clock};
use crate::map::Map;

/// What to read and when to stop.
#[derive(Clone, Debug)]
pub struct Plan {
    pub topic: String,
    pub starts: Vec<(i32, Start)>,
    /// Partitions that are read from the first record ever written to them.
    pub from_start: Vec<i32>,
    /// Stop at these offsets, per partition.
    pub ends: Option<Vec<(i32, i64)>>,
    pub records: Option<u64>,
    pub duration: Option<Duration>,
    /// Stop when nothing came for so long.
    pub idle: Option<Duration>,
    pub verify: bool,
    /// Take latencies from the stamps; the wall clock of `started`, nanoseconds.
    pub wall_start_ns: Option<u64>,
    pub started: Instant,
}

/// What other threads tell the reader.
#[derive(Debug, Default)]
pub struct Signals {
    /// End now.
    pub stop: AtomicBool,
    /// More records will come, so silence doesn't end the reading.
    pub writing: AtomicBool,
}

/// What the reading side knows at its end.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    pub records: u64,
    pub findings: Option<Findings>,
    /// Whether the asked end was reached, as opposed to time or patience.
    pub complete: bool,
}

/// Reads until the plan or a signal says so.
///
/// # Errors
/// The first error of any partition: a benchmark that skips some isn't one.
pub fn run(
    cluster: &Arc<Cluster>,
    plan: &Plan,
    measure: &Measure,
    signals: &Signals,
) -> Result<Read, ClientError> {
    let assigned = plan.starts.iter();
    let assigned: Vec<(&str, i32, Start)> = assigned
        .map(|(partition, start)| (plan.topic.as_str(), *partition, *start))
        .collect();
    let mut consumer = Consumer::assign(Arc::clone(cluster), &assigned)?;
    consume(&mut consumer, plan, measure, signals)
}

/// As `run`, with a consumer that was assigned before.
pub fn consume(
    consumer: &mut Consumer,
    plan: &Plan,
    measure: &Measure,
    signals: &Signals,
) -> Result<Read, ClientError> {
    let mut verifier = plan.verify.then(|| Verifier::new(plan.from_start.clone()));
    let mut open: Option<Map<i32, i64>> = plan
        .ends
        .as_ref()
        .map(|ends| ends.iter().copied().collect());
    if let Some(open) = &mut open {
        // A partition whose start lies at its end has nothing to give.
        open.retain(|_, end| *end > 0);
    }
    let mut records = 0;
    let mut meant = Vec::new();
    let mut quiet_since = clock::now();
    loop {
        let reached = open.as_ref().is_some_and(Map::is_empty)
            || plan.records.is_some_and(|wanted| records >= wanted);
        let now = clock::now();
        // While somebody writes, silence is the broker's, and waiting for it is the point.
        if signals.writing.load(Ordering::SeqCst) {
            quiet_since = now;
        }
        let over = plan
            .duration
            .is_some_and(|duration| now >= plan.started + duration)
            || plan.idle.is_some_and(|idle| now >= quiet_since + idle)
            || signals.stop.load(Ordering::SeqCst);
        if reached || over {
            let findings = verifier.map(|verifier| verifier.found());
            let open_ended = open.is_none() && plan.records.is_none();
            return Ok(Read {
                records,
                findings,
                complete: reached || open_ended,
            });
        }
        let Some(fetched) = consumer.poll(PATIENCE)? else {
            continue;
        };
        // What this process does with the records afterwards is not the broker's time.
        let at = fetched.received_at;
        quiet_since = at;
        let (mut count, mut bytes) = (0, 0);
        meant.clear();
        for record in fetched.records() {
            let record = record?;
            let value = record.value.unwrap_or_default();
            count += 1;
            bytes += value.len() + record.key.map_or(0, <[u8]>::len);
            if let Some(verifier) = &mut verifier {
                verifier.check(fetched.partition, value);
            }
            // Stamps from before this run say nothing about it.
            if let (Some(start), Some(stamp)) = (plan.wall_start_ns, stamp(value)) {
                meant.extend(stamp.sent_ns.checked_sub(start));
            }
        }
        records += count;
        measure.count(at, count, bytes as u64, meant.iter().copied());
        if let Some(open) = &mut open
            && open
                .get(&fetched.partition)
                .is_some_and(|end| fetched.next_offset >= *end)
        {
            open.remove(&fetched.partition);
        }
    }
}

/// How long one poll waits before the ends are looked at again.
const PATIENCE: Duration = Duration::from_millis(50);
