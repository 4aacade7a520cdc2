//! Properties of ours: memory, shards, the ring, durability and the journal.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      repeats a Kafka property under another name.
//!
//! A number that can be derived from the machine has no row here.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

const DURABILITIES: &[&str] = &["acks", "memory", "written", "synced"];

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("ottla.durability", OneOf(DURABILITIES), "acks", ClusterWide, High,
        Served("When a batch is acknowledged: as its acks say, or in memory, written, or synced.")),
    set("ottla.io", OneOf(&["uring"]), "uring", ReadOnly, Medium,
        Served("How the broker talks to the kernel.")),
    set("ottla.journal.file.bytes.max", long(1 << 20, 1 << 30), "268435456", ReadOnly, Medium,
        Served("Size a journal file grows to under load.")),
    set("ottla.journal.file.bytes.min", long(1 << 20, 1 << 30), "4194304", ReadOnly, Medium,
        Served("Size of the first journal files of a shard.")),
    set("ottla.journal.files.max", int(2, 64), "4", ReadOnly, Medium,
        Served("Journal files of one shard on one disk, in their ring.")),
    set("ottla.log.format", OneOf(&["text", "json"]), "text", ReadOnly, Medium,
        Served("How log lines on stderr are written: for people, or one JSON object each.")),
    set("ottla.memory.bytes", long(16 << 20, MAX), "268435456", ReadOnly, High,
        Served("Memory the broker plans with, shared out to its shards and touched as used.")),
    set("ottla.metrics.listener", Text, "", ReadOnly, Medium,
        Served("HOST:PORT or unix:/PATH where /metrics is served over HTTP; none without it.")),
    set("ottla.polling", OneOf(&["park", "spin-then-park", "spin"]), "park", ReadOnly, Medium,
        Served("What an idle shard does: sleeps, spins 20 µs and sleeps, or never sleeps. \
            `listener.name.NAME.ottla.polling` asks for one listener; every shard serves all, so \
            the most eager one holds.")),
    set("ottla.shards", int(0, 1024), "0", ReadOnly, High,
        Served("Shards, one pinned thread each; 0 is one per core.")),
];

/// Set per topic by CreateTopics and the AlterConfigs requests.
#[rustfmt::skip] // A table reads by its columns.
pub static TOPIC: &[Property] = &[
    set("ottla.durability", OneOf(DURABILITIES), "acks", Dynamic, High,
        Served("When a batch is acknowledged: as its acks say, or in memory, written, or synced."))
        .synonyms(&[("ottla.durability", 1)]),
];
