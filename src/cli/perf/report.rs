//! The result of a run: for people, for programs, and as a picture.
//!
//! Room:       `cli::perf`.
//! Called by:  `produce`, `consume`, `latency`.
//! Calls:      `plot` for the picture.
//! Never:      gives a number without the settings that explain it.

use std::fmt::Write as _;
use std::path::Path;

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::measure::{Counts, shown_ns};
use super::payload::Findings;
use super::plot;
use crate::cli::output::{Outcome, Refusal, print};

/// Everything worth keeping about one run.
#[derive(Debug)]
pub struct Report {
    /// "produce", "consume" or "latency".
    pub tool: &'static str,
    /// Names and values, in the order to show.
    pub settings: Vec<(&'static str, String)>,
    pub sides: Vec<Side>,
    /// How far behind its schedule a record left at worst, nanoseconds.
    pub late_max_ns: Option<u64>,
    pub findings: Option<Findings>,
    /// User and system time of this process, seconds.
    pub client_cpu_seconds: f64,
    /// What makes the run a failure, one line each.
    pub faults: Vec<String>,
}

/// What one side of the broker saw.
#[derive(Debug)]
pub struct Side {
    pub name: &'static str,
    pub seconds: f64,
    pub counts: Counts,
}

impl Report {
    /// Prints and draws; a run with faults is refused at the end.
    pub fn publish(&self, as_json: bool, picture: Option<&Path>) -> Outcome {
        match as_json {
            true => print(&format!("{:#}\n", self.json()))?,
            false => print(&self.text())?,
        }
        if let Some(path) = picture {
            let drawn = plot::draw(self);
            let is_html = path
                .extension()
                .is_some_and(|extension| extension == "html");
            let text = if is_html {
                plot::page(self, &drawn)
            } else {
                drawn
            };
            std::fs::write(path, text).map_err(|cause| {
                Refusal::new(format_args!("cannot write {}: {cause}", path.display()))
            })?;
        }
        match self.faults.as_slice() {
            [] => Ok(()),
            faults => Err(Refusal::new(faults.join("; "))),
        }
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.settings {
            let _ = writeln!(text, "{name:<22} {value}");
        }
        for side in &self.sides {
            let (records, mb) = side.per_second();
            let counts = &side.counts;
            let _ = writeln!(
                text,
                "\n{}: {} records in {:.3} s, {records:.0} records/s, {mb:.2} MB/s{}",
                side.name,
                counts.records,
                side.seconds,
                match counts.failed {
                    0 => String::new(),
                    failed => format!(", {failed} failed"),
                }
            );
            if !counts.latency.is_empty() {
                let _ = writeln!(text, "  latency from the intended send time");
                for (name, ns) in percentiles(&counts.latency) {
                    let _ = writeln!(text, "    {name:<8} {:>12}", shown_ns(ns));
                }
            }
        }
        if let Some(late) = self.late_max_ns {
            let _ = writeln!(
                text,
                "\nclient behind schedule at worst: {}",
                shown_ns(late)
            );
        }
        let _ = writeln!(text, "client CPU: {:.2} s", self.client_cpu_seconds);
        if let Some(found) = &self.findings {
            let _ = writeln!(
                text,
                "verified {} records: {} missing, {} duplicated, {} broken, {} without a stamp",
                found.verified, found.missing, found.duplicated, found.broken, found.unstamped
            );
        }
        text
    }

    pub fn json(&self) -> Value {
        let settings: Map<String, Value> = self
            .settings
            .iter()
            .map(|(name, value)| ((*name).into(), json!(value)))
            .collect();
        let sides: Map<String, Value> = self
            .sides
            .iter()
            .map(|side| (side.name.replace(' ', "_"), side.json()))
            .collect();
        json!({
            "tool": self.tool,
            "version": env!("CARGO_PKG_VERSION"),
            "settings": settings,
            "results": sides,
            "behind_schedule_max_us": self.late_max_ns.map(us),
            "client_cpu_seconds": self.client_cpu_seconds,
            "verification": self.findings.as_ref().map(|found| json!({
                "verified": found.verified,
                "missing": found.missing,
                "duplicated": found.duplicated,
                "broken": found.broken,
                "unstamped": found.unstamped,
                "clean": found.is_clean(),
            })),
            "faults": self.faults,
        })
    }
}

impl Side {
    /// Records and megabytes per second.
    pub fn per_second(&self) -> (f64, f64) {
        let counts = &self.counts;
        (
            counts.records as f64 / self.seconds,
            counts.bytes as f64 / self.seconds / 1e6,
        )
    }

    fn json(&self) -> Value {
        let (records, mb) = self.per_second();
        let counts = &self.counts;
        let latency = (!counts.latency.is_empty()).then(|| {
            let named = percentiles(&counts.latency).into_iter();
            let mut named: Map<String, Value> = named
                .map(|(name, ns)| (name.into(), json!(us(ns))))
                .collect();
            named.insert("mean".into(), json!(counts.latency.mean() / 1e3));
            Value::Object(named)
        });
        let interval = |interval: &super::measure::Interval| {
            json!({
                "at": interval.at,
                "records_per_second": interval.records as f64 / interval.seconds,
                "p50_us": us(interval.p50),
                "p99_us": us(interval.p99),
                "max_us": us(interval.max),
            })
        };
        json!({
            "records": counts.records,
            "bytes": counts.bytes,
            "seconds": self.seconds,
            "records_per_second": records,
            "mb_per_second": mb,
            "failed": counts.failed,
            "latency_us": latency,
            "intervals": counts.intervals.iter().map(interval).collect::<Vec<Value>>(),
        })
    }
}

/// The percentiles every report shows, nanoseconds.
pub fn percentiles(latency: &Histogram<u64>) -> Vec<(&'static str, u64)> {
    let mut named: Vec<(&'static str, u64)> = [
        ("p50", 0.5),
        ("p75", 0.75),
        ("p90", 0.9),
        ("p95", 0.95),
        ("p99", 0.99),
        ("p99.9", 0.999),
        ("p99.99", 0.9999),
    ]
    .into_iter()
    .map(|(name, quantile)| (name, latency.value_at_quantile(quantile)))
    .collect();
    named.push(("max", latency.max()));
    named
}

/// What a reader must know about the machine: cores and kernel.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, Linux {}", kernel.trim())
}

/// User and system time of this process so far, seconds.
pub fn cpu_seconds() -> f64 {
    // Fields 14 and 15 after the name, which may hold blanks, in hundredths of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn us(ns: u64) -> f64 {
    ns as f64 / 1e3
}
