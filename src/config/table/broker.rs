//! Properties of the broker itself: identity, folders, topics, limits.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    unset("alter.config.policy.class.name", Class, ReadOnly, Low, Later),
    set("auto.create.topics.enable", Boolean, "true", ReadOnly, High,
        Served("Whether asking for a topic that does not exist creates it.")),
    set("background.threads", int(1, MAX), "10", ClusterWide, High,
        Unneeded("Background work runs in slices on the shards; there is no pool to size.")),
    set("broker.id", int(MIN, MAX), "-1", ReadOnly, High, Served("Older name of node.id.")),
    unset("broker.rack", Text, ReadOnly, Medium,
        Served("Rack or zone of this broker, for placing replicas and for nearby fetches.")),
    set("config.providers", List, "", ClusterWide, Low, Later),
    set("cordoned.log.dirs", List, "", PerBroker, Medium, Later),
    unset("create.topic.policy.class.name", Class, ReadOnly, Low, Later),
    set("delete.records.purgatory.purge.interval.requests", int(MIN, MAX), "1", ReadOnly, Medium,
        Unneeded("Waiting requests leave their purgatory at once when answered.")),
    set("delete.topic.enable", Boolean, "true", ReadOnly, High,
        Served("Whether topics can be deleted.")),
    set("fetch.max.bytes", int(1_024, MAX), "57671680", ReadOnly, Medium,
        Served("Most bytes a fetch answer holds, whatever the client asks for.")),
    set("fetch.purgatory.purge.interval.requests", int(MIN, MAX), "1000", ReadOnly, Medium,
        Unneeded("Waiting requests leave their purgatory at once when answered.")),
    set("max.incremental.fetch.session.cache.slots", int(0, MAX), "1000", ReadOnly, Medium,
        Served("Incremental fetch sessions kept at once.")),
    set("max.request.partition.size.limit", int(1, MAX), "2000", ReadOnly, Medium,
        Served("Most partitions in one answer of DescribeTopicPartitions.")),
    set("node.id", int(0, MAX), "1", ReadOnly, High,
        Served("Identity of this broker; unique in the cluster, written to meta.properties.")),
    set("num.io.threads", int(1, MAX), "8", ClusterWide, High,
        Unneeded("One pinned shard per core serves sockets and disk; there is no pool to size.")),
    set("num.network.threads", int(1, MAX), "3", ClusterWide, High,
        Unneeded("One pinned shard per core serves sockets and disk; there is no pool to size.")),
    set("num.partitions", int(1, MAX), "1", ReadOnly, Medium,
        Served("Partitions of a topic created without saying how many.")),
    set("num.recovery.threads.per.data.dir", int(1, MAX), "2", ClusterWide, High,
        Unneeded("Every shard recovers its own partitions; there is no pool to size.")),
    set("process.roles", ListOf(&["broker", "controller"]), "broker,controller", ReadOnly, High,
        Served("What this process does; Ottla runs broker and controller in one process.")),
    set("producer.purgatory.purge.interval.requests", int(MIN, MAX), "1000", ReadOnly, Medium,
        Unneeded("Waiting requests leave their purgatory at once when answered.")),
    set("queued.max.request.bytes", long(MIN, MAX), "-1", ReadOnly, Medium,
        Unneeded("Bytes in flight are bounded by ottla.memory.bytes.")),
    set("queued.max.requests", int(1, MAX), "500", ReadOnly, High,
        Unneeded("Requests do not queue; a connection is not read while its shard is busy.")),
    set("request.timeout.ms", int(MIN, MAX), "30000", ReadOnly, High, Later),
];
