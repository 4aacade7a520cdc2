//! What the log keeps of a consumer group, record by record.
//!
//! Room:       `coordinator::group::consumer`.
//! Called by:  heartbeats, departures.
//! Never:      writes a record that says what the log says already.

use super::{Assigned, ClassicMember, ConsumerGroup, Member};
use crate::coordinator::Step;
use crate::coordinator::group::records::write;
use crate::protocol::Uuid;
use crate::protocol::records::group::consumer_group_current_member_assignment as current;
use crate::protocol::records::group::consumer_group_target_assignment_member as target;
use crate::protocol::records::group::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue, ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue, ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue, GroupRecordKey, GroupRecordValue,
};
use std::collections::BTreeSet;

impl ConsumerGroup {
    pub(super) fn save_epoch(&self, step: &mut Step) {
        let key =
            GroupRecordKey::ConsumerGroupMetadata(ConsumerGroupMetadataKey { group_id: &self.id });
        let value = GroupRecordValue::ConsumerGroupMetadata(ConsumerGroupMetadataValue {
            epoch: self.epoch,
            metadata_hash: self.metadata_hash,
        });
        write(step, None, &key, Some((&value, 0)));
    }

    pub(super) fn save_target_epoch(&self, step: &mut Step) {
        let key = ConsumerGroupTargetAssignmentMetadataKey { group_id: &self.id };
        let key = GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(key);
        let value = ConsumerGroupTargetAssignmentMetadataValue {
            assignment_epoch: self.target_epoch,
            assignment_timestamp: self.target_at,
        };
        let value = GroupRecordValue::ConsumerGroupTargetAssignmentMetadata(value);
        write(step, None, &key, Some((&value, 0)));
    }

    pub(super) fn save_member(&self, step: &mut Step, id: &str, member: &Member) {
        let names = member.topics.iter();
        let value = ConsumerGroupMemberMetadataValue {
            instance_id: member.instance.as_deref(),
            rack_id: member.rack.as_deref(),
            client_id: &member.client_id,
            client_host: &member.client_host,
            subscribed_topic_names: names.map(String::as_str).collect(),
            subscribed_topic_regex: member.pattern.as_deref(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            server_assignor: member.assignor.as_deref(),
            classic_member_metadata: member.classic.as_ref().map(ClassicMember::record),
        };
        let value = GroupRecordValue::ConsumerGroupMemberMetadata(value);
        write(step, None, &self.member_key(id), Some((&value, 0)));
    }

    pub(super) fn save_target(&self, step: &mut Step, id: &str, assigned: &Assigned) {
        let topics = assigned.iter();
        let topics = topics.map(|(topic, partitions)| target::TopicPartition {
            topic_id: Uuid(topic.0),
            partitions: partitions.iter().copied().collect(),
        });
        let value = ConsumerGroupTargetAssignmentMemberValue {
            topic_partitions: topics.collect(),
        };
        let value = GroupRecordValue::ConsumerGroupTargetAssignmentMember(value);
        write(step, None, &self.target_key(id), Some((&value, 0)));
    }

    pub(super) fn save_current(&self, step: &mut Step, id: &str, member: &Member) {
        let topics = |assigned: &Assigned| -> Vec<current::TopicPartitions> {
            let topics = assigned.iter();
            topics
                .map(|(topic, partitions)| current::TopicPartitions {
                    topic_id: Uuid(topic.0),
                    partitions: partitions.iter().copied().collect(),
                    ..current::TopicPartitions::default()
                })
                .collect()
        };
        let value = ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: member.epoch,
            previous_member_epoch: member.previous_epoch,
            state: member.state as i8,
            assigned_partitions: topics(&member.assigned),
            partitions_pending_revocation: topics(&member.revoking),
        };
        let value = GroupRecordValue::ConsumerGroupCurrentMemberAssignment(value);
        write(step, None, &self.current_key(id), Some((&value, 0)));
    }

    pub(super) fn save_pattern(
        &self,
        step: &mut Step,
        pattern: &str,
        topics: Option<(&BTreeSet<String>, i64)>,
    ) {
        let key = ConsumerGroupRegularExpressionKey {
            group_id: &self.id,
            regular_expression: pattern,
        };
        let key = GroupRecordKey::ConsumerGroupRegularExpression(key);
        let wall = step.wall;
        let value = topics.map(|(topics, version)| {
            let value = ConsumerGroupRegularExpressionValue {
                topics: topics.iter().map(String::as_str).collect(),
                version,
                timestamp: wall,
            };
            GroupRecordValue::ConsumerGroupRegularExpression(value)
        });
        write(step, None, &key, value.as_ref().map(|value| (value, 0)));
    }

    /// The member is in the log no more; Kafka's order: what depends on it goes first.
    pub(super) fn save_gone(&self, step: &mut Step, id: &str) {
        write(step, None, &self.current_key(id), None);
        write(step, None, &self.target_key(id), None);
        write(step, None, &self.member_key(id), None);
    }

    /// The group is in the log no more.
    pub fn save_group_gone(&self, step: &mut Step) {
        for id in self.members.keys() {
            self.save_gone(step, id);
        }
        for pattern in self.patterns.keys() {
            self.save_pattern(step, pattern, None);
        }
        let key = ConsumerGroupTargetAssignmentMetadataKey { group_id: &self.id };
        let key = GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(key);
        write(step, None, &key, None);
        let key =
            GroupRecordKey::ConsumerGroupMetadata(ConsumerGroupMetadataKey { group_id: &self.id });
        write(step, None, &key, None);
    }

    fn member_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        GroupRecordKey::ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey {
            group_id: &self.id,
            member_id,
        })
    }

    fn target_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        let group_id = &self.id;
        GroupRecordKey::ConsumerGroupTargetAssignmentMember(
            ConsumerGroupTargetAssignmentMemberKey {
                group_id,
                member_id,
            },
        )
    }

    fn current_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        let group_id = &self.id;
        GroupRecordKey::ConsumerGroupCurrentMemberAssignment(
            ConsumerGroupCurrentMemberAssignmentKey {
                group_id,
                member_id,
            },
        )
    }
}
