//! What the log keeps of a share group, record by record.
//!
//! Room:       `coordinator::group::share`.
//! Never:      writes a record that says what the log says already.

use super::super::consumer::Assigned;
use super::super::records::write;
use super::topics::Named;
use super::{Member, ShareGroup};
use crate::coordinator::Step;
use crate::ids::TopicId;
use crate::protocol::Uuid;
use crate::protocol::records::group::share_group_current_member_assignment as current;
use crate::protocol::records::group::share_group_state_partition_metadata as state;
use crate::protocol::records::group::share_group_target_assignment_member as target;
use crate::protocol::records::group::{
    GroupRecordKey, GroupRecordValue, ShareGroupCurrentMemberAssignmentKey,
    ShareGroupCurrentMemberAssignmentValue, ShareGroupMemberMetadataKey,
    ShareGroupMemberMetadataValue, ShareGroupMetadataKey, ShareGroupMetadataValue,
    ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue,
    ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue,
    ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue,
};
use std::collections::BTreeMap;

/// Topics with their partitions, as they are written down.
fn told(topics: &BTreeMap<TopicId, Named>) -> Vec<state::TopicPartitionsInfo<'_>> {
    let topics = topics.iter();
    let told = topics.map(|(id, named)| state::TopicPartitionsInfo {
        topic_id: Uuid(id.0),
        topic_name: &named.name,
        partitions: named.partitions.iter().copied().collect(),
    });
    told.collect()
}

/// `MemberState` of a member that is where it shall be; members of share groups always are.
const STABLE: i8 = 1;

impl ShareGroup {
    pub(super) fn save_epoch(&self, step: &mut Step) {
        let value = GroupRecordValue::ShareGroupMetadata(ShareGroupMetadataValue {
            epoch: self.epoch,
            metadata_hash: self.metadata_hash,
        });
        write(step, None, &self.epoch_key(), Some((&value, 0)));
    }

    pub(super) fn save_target_epoch(&self, step: &mut Step) {
        let value = ShareGroupTargetAssignmentMetadataValue {
            assignment_epoch: self.target_epoch,
            assignment_timestamp: self.target_time,
        };
        let value = GroupRecordValue::ShareGroupTargetAssignmentMetadata(value);
        write(step, None, &self.target_epoch_key(), Some((&value, 0)));
    }

    pub(super) fn save_member(&self, step: &mut Step, id: &str, member: &Member) {
        let names = member.topics.iter();
        let value = GroupRecordValue::ShareGroupMemberMetadata(ShareGroupMemberMetadataValue {
            rack_id: member.rack.as_deref(),
            client_id: &member.client_id,
            client_host: &member.client_host,
            subscribed_topic_names: names.map(String::as_str).collect(),
        });
        write(step, None, &self.member_key(id), Some((&value, 0)));
    }

    pub(super) fn save_target(&self, step: &mut Step, id: &str, assigned: &Assigned) {
        let topics = assigned.iter();
        let topics = topics.map(|(topic, partitions)| target::TopicPartition {
            topic_id: Uuid(topic.0),
            partitions: partitions.iter().copied().collect(),
        });
        let value = ShareGroupTargetAssignmentMemberValue {
            topic_partitions: topics.collect(),
        };
        let value = GroupRecordValue::ShareGroupTargetAssignmentMember(value);
        write(step, None, &self.target_key(id), Some((&value, 0)));
    }

    pub(super) fn save_current(&self, step: &mut Step, id: &str, member: &Member) {
        let topics = member.assigned.iter();
        let topics = topics.map(|(topic, partitions)| current::TopicPartitions {
            topic_id: Uuid(topic.0),
            partitions: partitions.iter().copied().collect(),
        });
        let value = ShareGroupCurrentMemberAssignmentValue {
            member_epoch: member.epoch,
            previous_member_epoch: member.previous_epoch,
            state: STABLE,
            assigned_partitions: topics.collect(),
        };
        let value = GroupRecordValue::ShareGroupCurrentMemberAssignment(value);
        write(step, None, &self.current_key(id), Some((&value, 0)));
    }

    pub(super) fn save_topics(&self, step: &mut Step) {
        let deleting = self.topics.deleting.iter();
        let deleting = deleting.map(|(id, name)| state::TopicInfo {
            topic_id: Uuid(id.0),
            topic_name: name,
        });
        let value = ShareGroupStatePartitionMetadataValue {
            initializing_topics: told(&self.topics.initializing),
            initialized_topics: told(&self.topics.initialized),
            deleting_topics: deleting.collect(),
        };
        let value = GroupRecordValue::ShareGroupStatePartitionMetadata(value);
        write(step, None, &self.topics_key(), Some((&value, 0)));
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
        write(step, None, &self.target_epoch_key(), None);
        write(step, None, &self.topics_key(), None);
        write(step, None, &self.epoch_key(), None);
    }

    fn epoch_key(&self) -> GroupRecordKey<'_> {
        GroupRecordKey::ShareGroupMetadata(ShareGroupMetadataKey { group_id: &self.id })
    }

    fn target_epoch_key(&self) -> GroupRecordKey<'_> {
        let key = ShareGroupTargetAssignmentMetadataKey { group_id: &self.id };
        GroupRecordKey::ShareGroupTargetAssignmentMetadata(key)
    }

    fn topics_key(&self) -> GroupRecordKey<'_> {
        let key = ShareGroupStatePartitionMetadataKey { group_id: &self.id };
        GroupRecordKey::ShareGroupStatePartitionMetadata(key)
    }

    fn member_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        GroupRecordKey::ShareGroupMemberMetadata(ShareGroupMemberMetadataKey {
            group_id: &self.id,
            member_id,
        })
    }

    fn target_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        GroupRecordKey::ShareGroupTargetAssignmentMember(ShareGroupTargetAssignmentMemberKey {
            group_id: &self.id,
            member_id,
        })
    }

    fn current_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        GroupRecordKey::ShareGroupCurrentMemberAssignment(ShareGroupCurrentMemberAssignmentKey {
            group_id: &self.id,
            member_id,
        })
    }
}
