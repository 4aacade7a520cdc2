//! Properties of quotas, throttles and their windows.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("alter.log.dirs.replication.quota.window.num", int(1, MAX), "11", ReadOnly, Low, Later),
    set("alter.log.dirs.replication.quota.window.size.seconds", int(1, MAX), "1", ReadOnly, Low,
        Later),
    unset("client.quota.callback.class", Class, ReadOnly, Low, Later),
    set("controller.quota.window.num", int(1, MAX), "11", ReadOnly, Low, Later),
    set("controller.quota.window.size.seconds", int(1, MAX), "1", ReadOnly, Low, Later),
    set("follower.replication.throttled.rate", long(0, MAX), "9223372036854775807", ClusterWide,
        Internal, Later),
    set("leader.replication.throttled.rate", long(0, MAX), "9223372036854775807", ClusterWide,
        Internal, Later),
    set("max.connection.creation.rate", int(0, MAX), "2147483647", ClusterWide, Medium, Later),
    set("quota.window.num", int(1, MAX), "11", ReadOnly, Low, Later),
    set("quota.window.size.seconds", int(1, MAX), "1", ReadOnly, Low, Later),
    set("replica.alter.log.dirs.io.max.bytes.per.second", long(0, MAX), "9223372036854775807",
        ClusterWide, Internal,
        Served("Bytes a second that moves of replicas between log dirs may copy, of all shards.")),
    set("replication.quota.window.num", int(1, MAX), "11", ReadOnly, Low, Later),
    set("replication.quota.window.size.seconds", int(1, MAX), "1", ReadOnly, Low, Later),
];

/// Set per user, client id or address by AlterClientQuotas.
#[rustfmt::skip] // A table reads by its columns.
pub static CLIENT_QUOTA: &[Property] = &[
    set("consumer_byte_rate", long(MIN, MAX), "9223372036854775807", Dynamic, Medium, Later),
    set("controller_mutation_rate", double(f64::MIN, f64::MAX), "2.147483647E9", Dynamic, Medium,
        Later),
    set("producer_byte_rate", long(MIN, MAX), "9223372036854775807", Dynamic, Medium, Later),
    set("request_percentage", double(f64::MIN, f64::MAX), "2.147483647E9", Dynamic, Medium, Later),
    set("connection_creation_rate", int(0, MAX), "2147483647", Dynamic, Medium, Later),
];
