//! Properties that Apache Kafka 4.4 has and 4.3 has not: known, none of them served yet.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      shows one in DescribeConfigs: what is told there is what the broker to compare with
//!             tells, 4.3. One that is served moves to the page of its subject.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("errors.deadletterqueue.auto.create.topics.enable", Boolean, "false", ReadOnly, Internal,
        Later),
    set("errors.deadletterqueue.topic.name.prefix", Text, "dlq.", ReadOnly, Internal, Later),
    set("group.share.dlq.manager.class.name", Text,
        "org.apache.kafka.server.share.dlq.DefaultShareGroupDLQManager", ReadOnly, Internal, Later),
    set("group.streams.acceptable.recovery.lag", long(0, MAX), "10000", ReadOnly, Internal, Later),
    set("group.streams.assignors", List, "sticky", ReadOnly, Internal, Later),
    set("group.streams.max.warmup.replicas", int(0, MAX), "20", ReadOnly, Internal, Later),
    set("group.streams.min.task.offset.interval.ms", int(1, MAX), "15000", ReadOnly, Internal,
        Later),
    set("group.streams.num.warmup.replicas", int(0, MAX), "2", ReadOnly, Internal, Later),
    set("group.streams.rack.aware.assignment.tags", List, "", ReadOnly, Internal, Later),
    set("group.streams.task.offset.interval.ms", int(1, MAX), "60000", ReadOnly, Internal, Later),
    unset("group.streams.topology.description.plugin.class", Class, ReadOnly, Internal, Later),
    set("log.remote.copy.lag.bytes", long(-1, MAX), "-1", ClusterWide, Internal, Later),
    set("log.remote.copy.lag.ms", long(-1, MAX), "0", ClusterWide, Internal, Later),
    set("max.decompressed.message.bytes", int(1, DECOMPRESSED_MAX), "2147483639", ClusterWide,
        Internal, Later),
    set("sasl.oauthbearer.allow.unverified.audience", Boolean, "false", ReadOnly, Internal, Later),
    set("sasl.oauthbearer.allow.unverified.issuer", Boolean, "false", ReadOnly, Internal, Later),
];

/// Set per topic.
#[rustfmt::skip] // A table reads by its columns.
pub static TOPIC: &[Property] = &[
    set("errors.deadletterqueue.group.enable", Boolean, "false", Dynamic, Internal, Later),
    set("max.decompressed.message.bytes", int(1, DECOMPRESSED_MAX), "2147483639", Dynamic,
        Internal, Later)
        .synonyms(&[("max.decompressed.message.bytes", 1)]),
    set("remote.copy.lag.bytes", long(-1, MAX), "-1", Dynamic, Internal, Later)
        .synonyms(&[("log.remote.copy.lag.bytes", 1)]),
    set("remote.copy.lag.ms", long(-1, MAX), "0", Dynamic, Internal, Later)
        .synonyms(&[("log.remote.copy.lag.ms", 1)]),
];

/// Set per group.
#[rustfmt::skip] // A table reads by its columns.
pub static GROUP: &[Property] = &[
    set("errors.deadletterqueue.copy.record.enable", Boolean, "false", Dynamic, Internal, Later),
    set("errors.deadletterqueue.topic.name", Text, "", Dynamic, Internal, Later),
    set("streams.acceptable.recovery.lag", long(0, MAX), "10000", Dynamic, Internal, Later)
        .synonyms(&[("group.streams.acceptable.recovery.lag", 1)]),
    unset("streams.assignor.name", Text, Dynamic, Internal, Later),
    set("streams.num.warmup.replicas", int(0, MAX), "2", Dynamic, Internal, Later)
        .synonyms(&[("group.streams.num.warmup.replicas", 1)]),
    set("streams.rack.aware.assignment.tags", List, "", Dynamic, Internal, Later)
        .synonyms(&[("group.streams.rack.aware.assignment.tags", 1)]),
    set("streams.task.offset.interval.ms", int(1, MAX), "60000", Dynamic, Internal, Later)
        .synonyms(&[("group.streams.task.offset.interval.ms", 1)]),
];

/// Java's largest array.
const DECOMPRESSED_MAX: i64 = 2_147_483_639;
