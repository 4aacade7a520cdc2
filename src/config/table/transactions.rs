//! Properties of transactions and idempotent producers.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("add.partitions.to.txn.retry.backoff.max.ms", int(0, MAX), "100", ReadOnly, High,
        Served("How long a partition waits to join while the transaction before is being ended.")),
    set("add.partitions.to.txn.retry.backoff.ms", int(1, MAX), "20", ReadOnly, High, Later),
    set("producer.id.expiration.check.interval.ms", int(1, MAX), "600000", ReadOnly, Internal,
        Later),
    set("producer.id.expiration.ms", int(1, MAX), "86400000", ClusterWide, Low,
        Served("Time after which a silent idempotent producer is forgotten.")),
    set("transaction.abort.timed.out.transaction.cleanup.interval.ms", int(1, MAX), "10000",
        ReadOnly, Low,
        Served("Least time between two looks for transactions past their timeout.")),
    set("transaction.max.timeout.ms", int(1, MAX), "900000", ReadOnly, High,
        Served("Longest transaction timeout a producer may ask for.")),
    set("transaction.partition.verification.enable", Boolean, "true", ClusterWide, Low,
        Served("Whether data of a transaction needs its coordinator to know the partition.")),
    set("transaction.remove.expired.transaction.cleanup.interval.ms", int(1, MAX), "3600000",
        ReadOnly, Low,
        Served("Time between two looks for transactional ids nobody uses.")),
    set("transaction.state.log.load.buffer.size", int(1, MAX), "5242880", ReadOnly, High, Later),
    set("transaction.state.log.min.isr", int(1, MAX), "2", ReadOnly, High,
        Served("`min.insync.replicas` of `__transaction_state`, no more than its replicas.")),
    set("transaction.state.log.num.partitions", int(1, MAX), "50", ReadOnly, High,
        Served("Partitions of `__transaction_state` when it is made.")),
    set("transaction.state.log.replication.factor", short(1, MAX), "3", ReadOnly, High,
        Served("Replicas of `__transaction_state`, no more than there are brokers.")),
    set("transaction.state.log.segment.bytes", int(1, MAX), "104857600", ReadOnly, High,
        Served("Segment size of `__transaction_state` when it is made.")),
    set("transaction.two.phase.commit.enable", Boolean, "false", ReadOnly, Low, Later),
    set("transactional.id.expiration.ms", int(1, MAX), "604800000", ReadOnly, High,
        Served("Time after which a transactional id nobody uses is forgotten.")),
];
