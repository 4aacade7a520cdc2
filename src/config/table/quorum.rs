//! Properties of the metadata quorum, the controller and registration with it.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("broker.heartbeat.interval.ms", int(MIN, MAX), "2000", ReadOnly, Medium, Later),
    set("broker.session.timeout.ms", int(MIN, MAX), "9000", ReadOnly, Medium, Later),
    set("controller.performance.always.log.threshold.ms", long(0, MAX), "2000", ReadOnly, Internal,
        Later),
    set("controller.performance.sample.period.ms", long(100, MAX), "60000", ReadOnly, Internal,
        Later),
    set("controller.quorum.append.linger.ms", int(0, MAX), "25", ReadOnly, Medium, Later),
    set("controller.quorum.auto.join.enable", Boolean, "false", ReadOnly, Low, Later),
    set("controller.quorum.bootstrap.servers", List, "", ReadOnly, High,
        Served("Where to find the metadata quorum; one node is its own.")),
    set("controller.quorum.election.backoff.max.ms", int(0, MAX), "1000", ReadOnly, High, Later),
    set("controller.quorum.election.timeout.ms", int(0, MAX), "1000", ReadOnly, High, Later),
    set("controller.quorum.fetch.max.bytes", int(1, MAX), "1048576", ReadOnly, Low, Later),
    set("controller.quorum.fetch.snapshot.max.bytes", int(1, MAX), "1048576", ReadOnly, Low, Later),
    set("controller.quorum.fetch.timeout.ms", int(0, MAX), "2000", ReadOnly, High, Later),
    set("controller.quorum.request.timeout.ms", int(0, MAX), "2000", ReadOnly, Medium, Later),
    set("controller.quorum.retry.backoff.ms", int(0, MAX), "20", ReadOnly, Low, Later),
    set("controller.quorum.voters", List, "", ReadOnly, High,
        Served("Voters of the metadata quorum as ID@HOST:PORT; one node votes alone.")),
    set("controller.socket.timeout.ms", int(MIN, MAX), "30000", ReadOnly, Medium, Later),
    set("initial.broker.registration.timeout.ms", int(MIN, MAX), "60000", ReadOnly, Medium, Later),
    set("internal.metadata.delete.delay.millis", long(MIN, MAX), "60000", ReadOnly, Internal,
        Later),
    unset("internal.metadata.log.segment.bytes", int(MIN, MAX), ReadOnly, Internal, Later),
    set("internal.metadata.max.batch.size.in.bytes", int(MIN, MAX), "8388608", ReadOnly, Internal,
        Later),
    unset("metadata.log.dir", Text, ReadOnly, High,
        Served("Folder of the metadata log; the first of log.dirs when not set.")),
    set("metadata.log.max.record.bytes.between.snapshots", long(1, MAX), "20971520", ReadOnly, High,
        Later),
    set("metadata.log.max.snapshot.interval.ms", long(0, MAX), "3600000", ReadOnly, High, Later),
    set("metadata.log.segment.bytes", int(8_388_608, MAX), "1073741824", ReadOnly, High, Later),
    set("metadata.log.segment.min.bytes", int(12, MAX), "8388608", ReadOnly, Internal, Later),
    set("metadata.log.segment.ms", long(MIN, MAX), "604800000", ReadOnly, High, Later),
    set("metadata.max.idle.interval.ms", int(0, MAX), "500", ReadOnly, Low, Later),
    set("metadata.max.retention.bytes", long(MIN, MAX), "104857600", ReadOnly, High, Later),
    set("metadata.max.retention.ms", long(MIN, MAX), "604800000", ReadOnly, High, Later),
    set("server.max.startup.time.ms", long(0, MAX), "9223372036854775807", ReadOnly, Internal,
        Later),
    set("unstable.api.versions.enable", Boolean, "false", ReadOnly, Internal, Later),
    set("unstable.feature.versions.enable", Boolean, "false", ReadOnly, Internal, Later),
];
