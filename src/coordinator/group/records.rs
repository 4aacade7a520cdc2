//! The records a group machine writes, in the versions Kafka writes them.
//!
//! Room:       `coordinator::group`.
//! Called by:  groups and offsets, for each change that must survive.
//! Never:      reads them; replaying is the machine's.

use super::offsets::Committed;
use crate::coordinator::{Producer, Step};
use crate::protocol::records::group::{
    GroupMetadataKey, GroupMetadataValue, GroupRecordKey, GroupRecordValue, OffsetCommitKey,
    OffsetCommitValue,
};

/// Version of `OffsetCommitValue` with a topic id; 1 is the one with an expiry of its own.
const OFFSET_COMMIT_VERSION: i16 = 4;
const OFFSET_COMMIT_EXPIRING_VERSION: i16 = 1;
pub const GROUP_METADATA_VERSION: i16 = 3;

/// Adds a record to a step. A value that does not fit its version is a bug of ours.
pub fn write(
    step: &mut Step,
    producer: Option<Producer>,
    key: &GroupRecordKey<'_>,
    value: Option<(&GroupRecordValue<'_>, i16)>,
) {
    let mut key_bytes = Vec::with_capacity(64);
    let encoded = key.encode(&mut key_bytes);
    debug_assert!(
        encoded.is_ok(),
        "names come from requests, which bound them"
    );
    let value = value.map(|(value, version)| {
        let mut bytes = Vec::with_capacity(64);
        let encoded = value.encode(&mut bytes, version);
        debug_assert!(encoded.is_ok(), "{encoded:?}");
        bytes
    });
    step.record_of(producer, key_bytes, value);
}

pub fn offset(
    step: &mut Step,
    producer: Option<Producer>,
    (group, topic, partition): (&str, &str, i32),
    committed: &Committed,
) {
    let value = GroupRecordValue::OffsetCommit(OffsetCommitValue {
        offset: committed.offset,
        leader_epoch: committed.leader_epoch,
        metadata: &committed.metadata,
        commit_timestamp: committed.commit_timestamp,
        expire_timestamp: committed.expire_timestamp,
        topic_id: committed.topic_id,
    });
    let version = match committed.expire_timestamp {
        -1 => OFFSET_COMMIT_VERSION,
        _ => OFFSET_COMMIT_EXPIRING_VERSION,
    };
    let key = offset_key(group, topic, partition);
    write(step, producer, &key, Some((&value, version)));
}

pub fn offset_gone(step: &mut Step, group: &str, topic: &str, partition: i32) {
    write(step, None, &offset_key(group, topic, partition), None);
}

fn offset_key<'a>(group: &'a str, topic: &'a str, partition: i32) -> GroupRecordKey<'a> {
    GroupRecordKey::OffsetCommit(OffsetCommitKey {
        group,
        topic,
        partition,
    })
}

pub fn group(step: &mut Step, group: &str, value: GroupMetadataValue<'_>) {
    let value = GroupRecordValue::GroupMetadata(value);
    let key = GroupRecordKey::GroupMetadata(GroupMetadataKey { group });
    write(step, None, &key, Some((&value, GROUP_METADATA_VERSION)));
}

pub fn group_gone(step: &mut Step, group: &str) {
    let key = GroupRecordKey::GroupMetadata(GroupMetadataKey { group });
    write(step, None, &key, None);
}
