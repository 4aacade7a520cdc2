//! Properties of share groups and the share coordinator.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("group.share.assignment.interval.ms", int(0, MAX), "1000", ClusterWide, Medium, Later),
    set("group.share.assignors", List, "simple", ReadOnly, Medium, Later),
    set("group.share.delivery.count.limit", int(2, 10), "5", ReadOnly, Medium, Later),
    set("group.share.enable", Boolean, "false", ReadOnly, Internal, Later),
    set("group.share.heartbeat.interval.ms", int(1, MAX), "5000", ReadOnly, Medium, Later),
    set("group.share.initialize.retry.interval.ms", int(1, MAX), "30000", ReadOnly, Internal,
        Later),
    set("group.share.max.assignment.interval.ms", int(0, MAX), "15000", ReadOnly, Medium, Later),
    set("group.share.max.delivery.count.limit", int(5, 25), "10", ReadOnly, Medium, Later),
    set("group.share.max.groups", short(1, 100), "10", ReadOnly, Medium, Later),
    set("group.share.max.heartbeat.interval.ms", int(1, MAX), "15000", ReadOnly, Medium, Later),
    set("group.share.max.partition.max.record.locks", int(2_000, 10_000), "4000", ReadOnly, Medium,
        Later),
    set("group.share.max.record.lock.duration.ms", int(30_000, 3_600_000), "60000", ReadOnly,
        Medium, Later),
    set("group.share.max.session.timeout.ms", int(1, MAX), "60000", ReadOnly, Medium, Later),
    set("group.share.max.share.sessions", int(1, MAX), "2000", ReadOnly, Medium, Later),
    set("group.share.max.size", int(1, 1_000), "200", ReadOnly, Medium, Later),
    set("group.share.min.assignment.interval.ms", int(0, MAX), "0", ReadOnly, Medium, Later),
    set("group.share.min.delivery.count.limit", int(2, 5), "2", ReadOnly, Medium, Later),
    set("group.share.min.heartbeat.interval.ms", int(1, MAX), "5000", ReadOnly, Medium, Later),
    set("group.share.min.partition.max.record.locks", int(100, 2_000), "100", ReadOnly, Medium,
        Later),
    set("group.share.min.record.lock.duration.ms", int(1_000, 30_000), "15000", ReadOnly, Medium,
        Later),
    set("group.share.min.session.timeout.ms", int(1, MAX), "45000", ReadOnly, Medium, Later),
    set("group.share.partition.max.record.locks", int(100, 10_000), "2000", ReadOnly, Medium,
        Later),
    set("group.share.persister.class.name", Text,
        "org.apache.kafka.server.share.persister.DefaultStatePersister", ReadOnly, Internal, Later),
    set("group.share.record.lock.duration.ms", int(1_000, 3_600_000), "30000", ReadOnly, Medium,
        Later),
    set("group.share.session.timeout.ms", int(1, MAX), "45000", ReadOnly, Medium, Later),
    set("share.coordinator.append.linger.ms", int(-1, MAX), "-1", ReadOnly, Medium, Later),
    set("share.coordinator.cached.buffer.max.bytes", int(524_288, MAX), "1048588", ClusterWide,
        Medium, Later),
    set("share.coordinator.cold.partition.snapshot.interval.ms", int(1, MAX), "300000", ReadOnly,
        Internal, Later),
    set("share.coordinator.load.buffer.size", int(1, MAX), "5242880", ReadOnly, High, Later),
    set("share.coordinator.snapshot.update.records.per.snapshot", int(0, 500), "500", ReadOnly,
        Medium, Later),
    set("share.coordinator.state.topic.compression.codec", int(MIN, MAX), "0", ReadOnly, High,
        Later),
    set("share.coordinator.state.topic.min.isr", short(1, MAX), "2", ReadOnly, High, Later),
    set("share.coordinator.state.topic.num.partitions", int(1, MAX), "50", ReadOnly, High, Later),
    set("share.coordinator.state.topic.prune.interval.ms", int(1, MAX), "300000", ReadOnly,
        Internal, Later),
    set("share.coordinator.state.topic.replication.factor", short(1, MAX), "3", ReadOnly, High,
        Later),
    set("share.coordinator.state.topic.segment.bytes", int(1, MAX), "104857600", ReadOnly, High,
        Later),
    set("share.coordinator.threads", int(1, MAX), "1", ReadOnly, Medium, Later),
    set("share.coordinator.write.timeout.ms", int(1, MAX), "5000", ReadOnly, High, Later),
    set("share.fetch.max.fetch.records", int(MIN, MAX), "2147483647", ReadOnly, Internal, Later),
    set("share.fetch.purgatory.purge.interval.requests", int(MIN, MAX), "1000", ReadOnly, Medium,
        Unneeded("Waiting requests leave their purgatory at once when answered.")),
];
