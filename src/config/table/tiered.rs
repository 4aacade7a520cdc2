//! Properties of tiered storage: the remote log and its metadata.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("follower.fetch.last.tiered.offset.enable", Boolean, "false", ClusterWide, Medium, Later),
    set("log.local.retention.bytes", long(-2, MAX), "-2", ClusterWide, Medium, Later),
    set("log.local.retention.ms", long(-2, MAX), "-2", ClusterWide, Medium, Later),
    set("remote.fetch.max.wait.ms", int(1, MAX), "500", ClusterWide, Medium, Later),
    set("remote.list.offsets.request.timeout.ms", long(1, MAX), "30000", ClusterWide, Medium,
        Later),
    set("remote.log.index.file.cache.total.size.bytes", long(1, MAX), "1073741824", ClusterWide,
        Low, Later),
    set("remote.log.index.file.cache.ttl.ms", long(-1, MAX), "900000", ReadOnly, Internal, Later),
    set("remote.log.manager.copier.thread.pool.size", int(1, MAX), "10", ClusterWide, Medium,
        Later),
    set("remote.log.manager.copy.max.bytes.per.second", long(1, MAX), "9223372036854775807",
        ClusterWide, Medium, Later),
    set("remote.log.manager.copy.quota.window.num", int(1, MAX), "11", ReadOnly, Medium, Later),
    set("remote.log.manager.copy.quota.window.size.seconds", int(1, MAX), "1", ReadOnly, Medium,
        Later),
    set("remote.log.manager.expiration.thread.pool.size", int(1, MAX), "10", ClusterWide, Medium,
        Later),
    set("remote.log.manager.fetch.max.bytes.per.second", long(1, MAX), "9223372036854775807",
        ClusterWide, Medium, Later),
    set("remote.log.manager.fetch.quota.window.num", int(1, MAX), "11", ReadOnly, Medium, Later),
    set("remote.log.manager.fetch.quota.window.size.seconds", int(1, MAX), "1", ReadOnly, Medium,
        Later),
    set("remote.log.manager.follower.thread.pool.size", int(1, MAX), "2", ClusterWide, Medium,
        Later),
    set("remote.log.manager.task.interval.ms", long(1, MAX), "30000", ReadOnly, Low, Later),
    set("remote.log.manager.task.retry.backoff.max.ms", long(1, MAX), "30000", ReadOnly, Internal,
        Later),
    set("remote.log.manager.task.retry.backoff.ms", long(1, MAX), "500", ReadOnly, Internal, Later),
    set("remote.log.manager.task.retry.jitter", double(0.0, 0.5), "0.2", ReadOnly, Internal, Later),
    set("remote.log.manager.thread.pool.size", int(1, MAX), "2", ReadOnly, Medium, Later),
    set("remote.log.metadata.custom.metadata.max.bytes", int(0, MAX), "128", ReadOnly, Low, Later),
    set("remote.log.metadata.manager.class.name", Text,
        "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
        ReadOnly, Medium, Later),
    unset("remote.log.metadata.manager.class.path", Text, ReadOnly, Medium, Later),
    set("remote.log.metadata.manager.impl.prefix", Text, "rlmm.config.", ReadOnly, Medium, Later),
    unset("remote.log.metadata.manager.listener.name", Text, ReadOnly, Medium, Later),
    set("remote.log.reader.max.pending.tasks", int(1, MAX), "100", ReadOnly, Medium, Later),
    set("remote.log.reader.threads", int(1, MAX), "10", ClusterWide, Medium, Later),
    unset("remote.log.storage.manager.class.name", Text, ReadOnly, Medium, Later),
    unset("remote.log.storage.manager.class.path", Text, ReadOnly, Medium, Later),
    set("remote.log.storage.manager.impl.prefix", Text, "rsm.config.", ReadOnly, Medium, Later),
    set("remote.log.storage.system.enable", Boolean, "false", ReadOnly, Medium, Later),
];
