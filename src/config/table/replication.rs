//! Properties of replication: fetchers, ISR and leader election.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("auto.leader.rebalance.enable", Boolean, "true", ReadOnly, High, Later),
    set("controlled.shutdown.enable", Boolean, "true", ReadOnly, Medium, Later),
    set("default.replication.factor", int(MIN, MAX), "1", ReadOnly, Medium,
        Served("Replicas of a topic created without saying how many.")),
    set("leader.imbalance.check.interval.seconds", long(1, MAX), "300", ReadOnly, High, Later),
    set("min.insync.replicas", int(1, MAX), "1", ClusterWide, High,
        Served("Replicas that must be in sync for an acks=all batch to be accepted.")),
    unset("num.replica.alter.log.dirs.threads", int(MIN, MAX), ReadOnly, High, Later),
    set("num.replica.fetchers", int(1, MAX), "1", ClusterWide, High, Later),
    set("replica.fetch.backoff.ms", int(0, MAX), "1000", ReadOnly, Medium, Later),
    set("replica.fetch.max.bytes", int(0, MAX), "1048576", ReadOnly, Medium, Later),
    set("replica.fetch.min.bytes", int(MIN, MAX), "1", ReadOnly, High, Later),
    set("replica.fetch.response.max.bytes", int(0, MAX), "10485760", ReadOnly, Medium, Later),
    set("replica.fetch.wait.max.ms", int(MIN, MAX), "500", ReadOnly, High, Later),
    set("replica.high.watermark.checkpoint.interval.ms", long(MIN, MAX), "5000", ReadOnly, High,
        Unneeded("Checkpoints are paced by the journal, not by a clock.")),
    set("replica.lag.time.max.ms", long(MIN, MAX), "30000", ReadOnly, High, Later),
    unset("replica.selector.class", Text, ReadOnly, Medium, Later),
    set("replica.socket.receive.buffer.bytes", int(MIN, MAX), "65536", ReadOnly, High, Later),
    set("replica.socket.timeout.ms", int(MIN, MAX), "30000", ReadOnly, High, Later),
    set("unclean.leader.election.enable", Boolean, "false", ClusterWide, High, Later),
    set("unclean.leader.election.interval.ms", long(1, MAX), "300000", ReadOnly, Internal, Later),
];
