//! Properties of metrics: reporters, samples and client telemetry.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("kafka.metrics.polling.interval.secs", int(1, MAX), "10", ReadOnly, Low, Later),
    set("kafka.metrics.reporters", List, "", ReadOnly, Low, Later),
    set("metric.reporters", List, "", ClusterWide, Low, Later),
    set("metrics.num.samples", int(1, MAX), "2", ReadOnly, Low, Later),
    set("metrics.recording.level", Text, "INFO", ReadOnly, Low, Later),
    set("metrics.sample.window.ms", long(1, MAX), "30000", ReadOnly, Low, Later),
    set("telemetry.max.bytes", int(1, MAX), "1048576", ReadOnly, Low,
        Served("Largest push of client metrics, in bytes as compressed.")),
];

/// Set per client metrics subscription (KIP-714).
#[rustfmt::skip] // A table reads by its columns.
pub static CLIENT_METRICS: &[Property] = &[
    set("interval.ms", int(100, 3_600_000), "300000", Dynamic, Medium,
        Served("How often a client pushes its metrics.")),
    set("match", List, "", Dynamic, Medium,
        Served("Which clients are asked: NAME=REGEX each, all must match; none is every client.")),
    set("metrics", List, "", Dynamic, Medium,
        Served("Prefixes of the metrics to push; * is all, none asks for nothing.")),
];
