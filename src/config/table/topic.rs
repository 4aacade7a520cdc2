//! Properties of topics, each with the broker properties it falls back on.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set per topic by CreateTopics and the AlterConfigs requests.
#[rustfmt::skip] // A table reads by its columns.
pub static TOPIC: &[Property] = &[
    set("cleanup.policy", ListOf(&["compact", "delete"]), "delete", Dynamic, Medium,
        Served("What happens to old segments: delete, compact, or both."))
        .synonyms(&[("log.cleanup.policy", 1)]),
    set("compression.gzip.level", GzipLevel, "-1", Dynamic, Medium, 
        Served("Level of gzip where the broker compresses; -1 is its default."))
        .synonyms(&[("compression.gzip.level", 1)]),
    set("compression.lz4.level", int(1, 17), "9", Dynamic, Medium, 
        Unneeded("The broker has one level of lz4, the fast one."))
        .synonyms(&[("compression.lz4.level", 1)]),
    set("compression.type", OneOf(CODECS), "producer", Dynamic, Medium, 
        Served("Codec of batches in the log; producer keeps what was sent."))
        .synonyms(&[("compression.type", 1)]),
    set("compression.zstd.level", int(-131_072, 22), "3", Dynamic, Medium, 
        Served("Level of zstd where the broker compresses."))
        .synonyms(&[("compression.zstd.level", 1)]),
    set("delete.retention.ms", long(0, MAX), "86400000", Dynamic, Medium, 
        Served("Time a compacted topic keeps a tombstone after it was first compacted."))
        .synonyms(&[("log.cleaner.delete.retention.ms", 1)]),
    set("file.delete.delay.ms", long(0, MAX), "60000", Dynamic, Medium,
        Served("Time between removing a segment from the log and deleting its file."))
        .synonyms(&[("log.segment.delete.delay.ms", 1)]),
    set("flush.messages", long(1, MAX), "9223372036854775807", Dynamic, Medium,
        Served("1 syncs every batch before it is acknowledged (ottla.durability=synced)."))
        .synonyms(&[("log.flush.interval.messages", 1)]),
    set("flush.ms", long(0, MAX), "9223372036854775807", Dynamic, Medium,
        Unneeded("The journal decides when to sync; see ottla.durability."))
        .synonyms(&[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)]),
    set("follower.replication.throttled.replicas", ThrottledReplicas, "", Dynamic, Medium, Later),
    set("index.interval.bytes", int(0, MAX), "4096", Dynamic, Medium,
        Served("Bytes of records between two entries of the offset index."))
        .synonyms(&[("log.index.interval.bytes", 1)]),
    unset("internal.segment.bytes", int(MIN, MAX), Dynamic, Internal, Later),
    set("leader.replication.throttled.replicas", ThrottledReplicas, "", Dynamic, Medium, Later),
    set("local.retention.bytes", long(-2, MAX), "-2", Dynamic, Medium, 
        Unneeded("Nothing is tiered: all of a log is local, and retention.bytes bounds it."))
        .synonyms(&[("log.local.retention.bytes", 1)]),
    set("local.retention.ms", long(-2, MAX), "-2", Dynamic, Medium, 
        Unneeded("Nothing is tiered: all of a log is local, and retention.ms bounds it."))
        .synonyms(&[("log.local.retention.ms", 1)]),
    set("max.compaction.lag.ms", long(1, MAX), "9223372036854775807", Dynamic, Medium, 
        Served("Age of a record at which its log is compacted however clean it is."))
        .synonyms(&[("log.cleaner.max.compaction.lag.ms", 1)]),
    set("max.message.bytes", int(0, MAX), "1048588", Dynamic, Medium,
        Served("Largest record batch accepted, in bytes, after compression."))
        .synonyms(&[("message.max.bytes", 1)]),
    set("message.timestamp.after.max.ms", long(0, MAX), "3600000", Dynamic, Medium,
        Served("How far in the future a record's time may be."))
        .synonyms(&[("log.message.timestamp.after.max.ms", 1)]),
    set("message.timestamp.before.max.ms", long(0, MAX), "9223372036854775807", Dynamic, Medium,
        Served("How much older than now a record's time may be."))
        .synonyms(&[("log.message.timestamp.before.max.ms", 1)]),
    set("message.timestamp.type", OneOf(&["CreateTime", "LogAppendTime"]), "CreateTime", Dynamic,
        Medium, Served("Who sets a record's time: its producer (CreateTime) or the broker."))
        .synonyms(&[("log.message.timestamp.type", 1)]),
    set("min.cleanable.dirty.ratio", double(0.0, 1.0), "0.5", Dynamic, Medium, 
        Served("Dirty part of a log from which on it is compacted."))
        .synonyms(&[("log.cleaner.min.cleanable.ratio", 1)]),
    set("min.compaction.lag.ms", long(0, MAX), "0", Dynamic, Medium, 
        Served("Age below which a record is not compacted."))
        .synonyms(&[("log.cleaner.min.compaction.lag.ms", 1)]),
    set("min.insync.replicas", int(1, MAX), "1", Dynamic, Medium,
        Served("Replicas that must be in sync for an acks=all batch to be accepted."))
        .synonyms(&[("min.insync.replicas", 1)]),
    set("preallocate", Boolean, "false", Dynamic, Medium,
        Unneeded("The journal is preallocated; segments are written from it in large pieces."))
        .synonyms(&[("log.preallocate", 1)]),
    set("remote.log.copy.disable", Boolean, "false", Dynamic, Medium, Later),
    set("remote.log.delete.on.disable", Boolean, "false", Dynamic, Medium, Later),
    set("remote.storage.enable", Boolean, "false", Dynamic, Medium, Later),
    set("retention.bytes", long(MIN, MAX), "-1", Dynamic, Medium,
        Served("Size of a partition above which its oldest segments are deleted; -1 is no bound."))
        .synonyms(&[("log.retention.bytes", 1)]),
    set("retention.ms", long(-1, MAX), "604800000", Dynamic, Medium,
        Served("Age after which a segment is deleted; -1 keeps it for ever."))
        .synonyms(&[("log.retention.ms", 1), ("log.retention.minutes", 60_000),
        ("log.retention.hours", 3_600_000)]),
    set("segment.bytes", int(1_048_576, MAX), "1073741824", Dynamic, Medium,
        Served("Size at which the active segment is closed and the next one is opened."))
        .synonyms(&[("log.segment.bytes", 1)]),
    set("segment.index.bytes", int(4, MAX), "10485760", Dynamic, Medium,
        Served("Largest offset or time index of one segment."))
        .synonyms(&[("log.index.size.max.bytes", 1)]),
    set("segment.jitter.ms", long(0, MAX), "0", Dynamic, Medium,
        Served("Most that is taken off segment.ms at random, so segments do not roll at once."))
        .synonyms(&[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)]),
    set("segment.ms", long(1, MAX), "604800000", Dynamic, Medium,
        Served("Age at which the active segment is closed even if it is not full."))
        .synonyms(&[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)]),
    set("unclean.leader.election.enable", Boolean, "false", Dynamic, Medium, 
        Unneeded("One node: the only replica leads."))
        .synonyms(&[("unclean.leader.election.enable", 1)]),
];
