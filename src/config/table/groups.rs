//! Properties of groups: the coordinator of consumer and streams groups, and committed offsets.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Kafka's assignors of consumer groups, by their classes.
pub const UNIFORM_ASSIGNOR: &str = "org.apache.kafka.coordinator.group.assignor.UniformAssignor";
pub const RANGE_ASSIGNOR: &str = "org.apache.kafka.coordinator.group.assignor.RangeAssignor";

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    set("group.consumer.assignment.interval.ms", int(0, MAX), "1000", ClusterWide, Medium,
        Served("The least time between two assignments of a consumer group.")),
    set("group.consumer.assignors",
        ListOf(&["uniform", "range", UNIFORM_ASSIGNOR, RANGE_ASSIGNOR]), "uniform,range", ReadOnly,
        Medium,
        Served("Assignors of consumer groups, the default first.")),
    set("group.consumer.heartbeat.interval.ms", int(1, MAX), "5000", ReadOnly, Medium,
        Served("How often members of consumer groups are told to be heard of.")),
    set("group.consumer.max.assignment.interval.ms", int(0, MAX), "15000", ReadOnly, Medium,
        Served("The most a group may set.")),
    set("group.consumer.max.heartbeat.interval.ms", int(1, MAX), "15000", ReadOnly, Medium,
        Served("The most a group may set.")),
    set("group.consumer.max.session.timeout.ms", int(1, MAX), "60000", ReadOnly, Medium,
        Served("The most a group may set.")),
    set("group.consumer.max.size", int(1, MAX), "2147483647", ReadOnly, Medium,
        Served("The most members of one consumer group.")),
    set("group.consumer.migration.policy",
        OneOfAnyCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), "bidirectional",
        ReadOnly, Medium,
        Served("Whether a group with members may change its protocol, and in which direction.")),
    set("group.consumer.min.assignment.interval.ms", int(0, MAX), "0", ReadOnly, Medium,
        Served("The least a group may set.")),
    set("group.consumer.min.heartbeat.interval.ms", int(1, MAX), "5000", ReadOnly, Medium,
        Served("The least a group may set.")),
    set("group.consumer.min.session.timeout.ms", int(1, MAX), "45000", ReadOnly, Medium,
        Served("The least a group may set.")),
    set("group.consumer.regex.refresh.interval.ms", int(10_000, MAX), "600000", ReadOnly, Internal,
        Served("How often regular expressions are matched anew even if no topic has come.")),
    set("group.consumer.session.timeout.ms", int(1, MAX), "45000", ReadOnly, Medium,
        Served("How long a member of a consumer group may be silent.")),
    set("group.coordinator.append.linger.ms", int(-1, MAX), "-1", ReadOnly, Medium,
        Unneeded("A turn's records share a journal group anyway.")),
    set("group.coordinator.background.threads", int(1, MAX), "2", ReadOnly, High,
        Unneeded("Coordinators run on the shards.")),
    set("group.coordinator.cached.buffer.max.bytes", int(524_288, MAX), "1048588", ClusterWide,
        Medium,
        Unneeded("Batches are built where they are written.")),
    set("group.coordinator.new.enable", Boolean, "true", ReadOnly, Internal,
        Unneeded("There is one coordinator for all protocols.")),
    set("group.coordinator.rebalance.protocols",
        ListOf(&["consumer", "classic", "share", "streams"]), "classic,consumer,streams", ReadOnly,
        Medium,
        Served("Protocols of groups that are served.")),
    set("group.coordinator.threads", int(1, MAX), "4", ReadOnly, High,
        Unneeded("Coordinators run on the shards.")),
    set("group.initial.rebalance.delay.ms", int(MIN, MAX), "3000", ReadOnly, Medium,
        Served("How long a group without members waits for more before its first rebalance.")),
    set("group.max.session.timeout.ms", int(MIN, MAX), "1800000", ReadOnly, Medium,
        Served("The longest session timeout a member may ask for.")),
    set("group.max.size", int(1, MAX), "2147483647", ReadOnly, Medium,
        Served("The most members of one classic group.")),
    set("group.min.session.timeout.ms", int(MIN, MAX), "6000", ReadOnly, Medium,
        Served("The shortest session timeout a member may ask for.")),
    set("group.streams.assignment.interval.ms", int(0, MAX), "1000", ClusterWide, Medium,
        Served("The least time between two assignments of a streams group.")),
    set("group.streams.heartbeat.interval.ms", int(1, MAX), "5000", ReadOnly, Medium,
        Served("How often members of streams groups are told to be heard of.")),
    set("group.streams.initial.rebalance.delay.ms", int(0, MAX), "3000", ReadOnly, Medium,
        Served("How long a streams group waits for members before its first assignment.")),
    set("group.streams.max.assignment.interval.ms", int(0, MAX), "15000", ReadOnly, Medium,
        Served("The most a group may set.")),
    set("group.streams.max.heartbeat.interval.ms", int(1, MAX), "15000", ReadOnly, Medium,
        Served("The most a group may set.")),
    set("group.streams.max.session.timeout.ms", int(1, MAX), "60000", ReadOnly, Medium,
        Served("The most a group may set.")),
    set("group.streams.max.size", int(1, MAX), "2147483647", ReadOnly, Medium,
        Served("The most members of one streams group.")),
    set("group.streams.max.standby.replicas", int(0, MAX), "2", ReadOnly, Medium,
        Served("The most a group may set.")),
    set("group.streams.min.assignment.interval.ms", int(0, MAX), "0", ReadOnly, Medium,
        Served("The least a group may set.")),
    set("group.streams.min.heartbeat.interval.ms", int(1, MAX), "5000", ReadOnly, Medium,
        Served("The least a group may set.")),
    set("group.streams.min.session.timeout.ms", int(1, MAX), "45000", ReadOnly, Medium,
        Served("The least a group may set.")),
    set("group.streams.num.standby.replicas", int(0, MAX), "0", ReadOnly, Medium,
        Served("How many copies of a task's state are kept.")),
    set("group.streams.session.timeout.ms", int(1, MAX), "45000", ReadOnly, Medium,
        Served("How long a member of a streams group may be silent.")),
    set("offset.metadata.max.bytes", int(MIN, MAX), "4096", ReadOnly, High,
        Served("The most text a client may leave with an offset.")),
    set("offsets.commit.timeout.ms", int(1, MAX), "5000", ReadOnly, High,
        Unneeded("A commit is answered when the disk has it.")),
    set("offsets.load.buffer.size", int(1, MAX), "5242880", ReadOnly, High,
        Unneeded("The log is replayed in slices of its own size.")),
    set("offsets.retention.check.interval.ms", long(1, MAX), "600000", ReadOnly, High,
        Served("How often offsets nobody uses are looked for.")),
    set("offsets.retention.minutes", int(1, MAX), "10080", ReadOnly, High,
        Served("How long offsets outlive the group's last member.")),
    set("offsets.topic.compression.codec", int(MIN, MAX), "0", ReadOnly, High, Later),
    set("offsets.topic.num.partitions", int(1, MAX), "50", ReadOnly, High,
        Served("Partitions of `__consumer_offsets` when it is made.")),
    set("offsets.topic.replication.factor", short(1, MAX), "3", ReadOnly, High,
        Served("Replicas of `__consumer_offsets`, no more than there are brokers.")),
    set("offsets.topic.segment.bytes", int(1, MAX), "104857600", ReadOnly, High,
        Served("Segment size of `__consumer_offsets` when it is made.")),
];

/// Where assignments are made. Kafka 4.3.1 names these properties without defining them.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER_OFFLOAD: &[Property] = &[
    set("group.consumer.assignor.offload.enable", Boolean, "true", ReadOnly, Internal, OFFLOAD),
    set("group.share.assignor.offload.enable", Boolean, "true", ReadOnly, Internal, OFFLOAD),
    set("group.streams.assignor.offload.enable", Boolean, "true", ReadOnly, Internal, OFFLOAD),
];

/// As `BROKER_OFFLOAD`, per group.
#[rustfmt::skip] // A table reads by its columns.
pub static GROUP_OFFLOAD: &[Property] = &[
    set("consumer.assignor.offload.enable", Boolean, "true", Dynamic, Internal, OFFLOAD)
        .synonyms(&[("group.consumer.assignor.offload.enable", 1)]),
    set("share.assignor.offload.enable", Boolean, "true", Dynamic, Internal, OFFLOAD)
        .synonyms(&[("group.share.assignor.offload.enable", 1)]),
    set("streams.assignor.offload.enable", Boolean, "true", Dynamic, Internal, OFFLOAD)
        .synonyms(&[("group.streams.assignor.offload.enable", 1)]),
];

const OFFLOAD: Serving = Unneeded("Assignments are made on the shard of the group.");

/// Set per group; each falls back on its broker property.
#[rustfmt::skip] // A table reads by its columns.
pub static GROUP: &[Property] = &[
    set("consumer.assignment.interval.ms", int(0, MAX), "1000", Dynamic, Medium,
        Served("The least time between two assignments of this group."))
        .synonyms(&[("group.consumer.assignment.interval.ms", 1)]),
    set("consumer.heartbeat.interval.ms", int(1, MAX), "5000", Dynamic, Medium,
        Served("How often members of this group are told to be heard of."))
        .synonyms(&[("group.consumer.heartbeat.interval.ms", 1)]),
    set("consumer.session.timeout.ms", int(1, MAX), "45000", Dynamic, Medium,
        Served("How long a member of this group may be silent."))
        .synonyms(&[("group.consumer.session.timeout.ms", 1)]),
    set("share.assignment.interval.ms", int(0, MAX), "1000", Dynamic, Medium,
        Served("The least pause between two assignments of the share group."))
        .synonyms(&[("group.share.assignment.interval.ms", 1)]),
    set("share.auto.offset.reset", Text, "latest", Dynamic, Medium,
        Served("Where the share group begins to read: `earliest`, `latest`, `by_duration:…`.")),
    set("share.delivery.count.limit", int(2, MAX), "5", Dynamic, Medium,
        Served("How often a record is delivered at most."))
        .synonyms(&[("group.share.delivery.count.limit", 1)]),
    set("share.heartbeat.interval.ms", int(1, MAX), "5000", Dynamic, Medium,
        Served("How often members are told to be heard of."))
        .synonyms(&[("group.share.heartbeat.interval.ms", 1)]),
    set("share.isolation.level", OneOf(&["read_committed", "read_uncommitted"]), "read_uncommitted",
        Dynamic, Medium,
        Served("Whether records of aborted transactions are delivered.")),
    set("share.partition.max.record.locks", int(100, MAX), "2000", Dynamic, Medium,
        Served("Records of one partition that may be in flight."))
        .synonyms(&[("group.share.partition.max.record.locks", 1)]),
    set("share.record.lock.duration.ms", int(1_000, MAX), "30000", Dynamic, Medium,
        Served("How long a member has a record."))
        .synonyms(&[("group.share.record.lock.duration.ms", 1)]),
    set("share.renew.acknowledge.enable", Boolean, "true", Dynamic, Medium,
        Served("Whether members may ask for more time with a record.")),
    set("share.session.timeout.ms", int(1, MAX), "45000", Dynamic, Medium,
        Served("How long a member may be silent."))
        .synonyms(&[("group.share.session.timeout.ms", 1)]),
    set("streams.assignment.interval.ms", int(0, MAX), "1000", Dynamic, Medium,
        Served("The least time between two assignments of this group."))
        .synonyms(&[("group.streams.assignment.interval.ms", 1)]),
    set("streams.heartbeat.interval.ms", int(1, MAX), "5000", Dynamic, Medium,
        Served("How often members of this group are told to be heard of."))
        .synonyms(&[("group.streams.heartbeat.interval.ms", 1)]),
    set("streams.initial.rebalance.delay.ms", int(0, MAX), "3000", Dynamic, Medium,
        Served("How long this group waits for members before its first assignment."))
        .synonyms(&[("group.streams.initial.rebalance.delay.ms", 1)]),
    set("streams.num.standby.replicas", int(0, MAX), "0", Dynamic, Medium,
        Served("How many copies of a task's state this group keeps."))
        .synonyms(&[("group.streams.num.standby.replicas", 1)]),
    set("streams.session.timeout.ms", int(1, MAX), "45000", Dynamic, Medium,
        Served("How long a member of this group may be silent."))
        .synonyms(&[("group.streams.session.timeout.ms", 1)]),
];
