//! What the log keeps of a streams group, record by record.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  heartbeats, departures.
//! Never:      writes a record that says what the log says already.

use super::{Held, Member, StreamsGroup, Tasks, Topology, by_subtopology};
use crate::coordinator::Step;
use crate::coordinator::group::records::write;
use crate::protocol::records::group::streams_group_current_member_assignment as current;
use crate::protocol::records::group::streams_group_member_metadata as metadata;
use crate::protocol::records::group::streams_group_metadata::LastAssignmentConfig;
use crate::protocol::records::group::streams_group_target_assignment_member as target;
use crate::protocol::records::group::{
    GroupRecordKey, GroupRecordValue, StreamsGroupCurrentMemberAssignmentKey,
    StreamsGroupCurrentMemberAssignmentValue, StreamsGroupMemberMetadataKey,
    StreamsGroupMemberMetadataValue, StreamsGroupMetadataKey, StreamsGroupMetadataValue,
    StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue,
    StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue,
    StreamsGroupTopologyKey,
};
use std::collections::BTreeSet;

impl StreamsGroup {
    pub(super) fn save_epoch(&self, step: &mut Step) {
        let configs = self.assignment_configs.iter();
        let value = StreamsGroupMetadataValue {
            epoch: self.epoch,
            metadata_hash: self.metadata_hash,
            validated_topology_epoch: self.validated_epoch,
            last_assignment_configs: Some(
                configs
                    .map(|(key, value)| LastAssignmentConfig { key, value })
                    .collect(),
            ),
            ..StreamsGroupMetadataValue::default()
        };
        let value = GroupRecordValue::StreamsGroupMetadata(value);
        write(step, None, &self.group_key(), Some((&value, 0)));
    }

    pub(super) fn save_topology(&self, step: &mut Step, topology: &Topology) {
        let value = GroupRecordValue::StreamsGroupTopology(topology.record());
        write(step, None, &self.topology_key(), Some((&value, 0)));
    }

    pub(super) fn save_target_epoch(&self, step: &mut Step) {
        let value = StreamsGroupTargetAssignmentMetadataValue {
            assignment_epoch: self.target_epoch,
            assignment_timestamp: self.target_at,
        };
        let value = GroupRecordValue::StreamsGroupTargetAssignmentMetadata(value);
        write(step, None, &self.target_epoch_key(), Some((&value, 0)));
    }

    pub(super) fn save_member(&self, step: &mut Step, id: &str, member: &Member) {
        let endpoint = member.endpoint.as_ref();
        let tags = member.tags.iter();
        let value = StreamsGroupMemberMetadataValue {
            instance_id: member.instance.as_deref(),
            rack_id: member.rack.as_deref(),
            client_id: &member.client_id,
            client_host: &member.client_host,
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            topology_epoch: member.topology_epoch,
            process_id: &member.process,
            user_endpoint: endpoint.map(|(host, port)| metadata::Endpoint { host, port: *port }),
            client_tags: tags
                .map(|(key, value)| metadata::KeyValue { key, value })
                .collect(),
        };
        let value = GroupRecordValue::StreamsGroupMemberMetadata(value);
        write(step, None, &self.member_key(id), Some((&value, 0)));
    }

    pub(super) fn save_target(&self, step: &mut Step, id: &str, tasks: &Tasks) {
        let value = StreamsGroupTargetAssignmentMemberValue {
            active_tasks: targeted(&tasks.active),
            standby_tasks: targeted(&tasks.standby),
            warmup_tasks: targeted(&tasks.warmup),
        };
        let value = GroupRecordValue::StreamsGroupTargetAssignmentMember(value);
        write(step, None, &self.target_key(id), Some((&value, 0)));
    }

    pub(super) fn save_current(&self, step: &mut Step, id: &str, member: &Member) {
        let (assigned, revoking) = (&member.assigned, &member.revoking);
        let value = StreamsGroupCurrentMemberAssignmentValue {
            member_epoch: member.epoch,
            previous_member_epoch: member.previous_epoch,
            state: member.state as i8,
            active_tasks: dated(assigned),
            standby_tasks: held(&assigned.standby),
            warmup_tasks: held(&assigned.warmup),
            active_tasks_pending_revocation: dated(revoking),
            standby_tasks_pending_revocation: held(&revoking.standby),
            warmup_tasks_pending_revocation: held(&revoking.warmup),
        };
        let value = GroupRecordValue::StreamsGroupCurrentMemberAssignment(value);
        write(step, None, &self.current_key(id), Some((&value, 0)));
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
        write(step, None, &self.group_key(), None);
        write(step, None, &self.topology_key(), None);
    }

    fn group_key(&self) -> GroupRecordKey<'_> {
        GroupRecordKey::StreamsGroupMetadata(StreamsGroupMetadataKey { group_id: &self.id })
    }

    fn topology_key(&self) -> GroupRecordKey<'_> {
        GroupRecordKey::StreamsGroupTopology(StreamsGroupTopologyKey { group_id: &self.id })
    }

    fn target_epoch_key(&self) -> GroupRecordKey<'_> {
        let key = StreamsGroupTargetAssignmentMetadataKey { group_id: &self.id };
        GroupRecordKey::StreamsGroupTargetAssignmentMetadata(key)
    }

    fn member_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        let group_id = &self.id;
        GroupRecordKey::StreamsGroupMemberMetadata(StreamsGroupMemberMetadataKey {
            group_id,
            member_id,
        })
    }

    fn target_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        let group_id = &self.id;
        GroupRecordKey::StreamsGroupTargetAssignmentMember(StreamsGroupTargetAssignmentMemberKey {
            group_id,
            member_id,
        })
    }

    fn current_key<'a>(&'a self, member_id: &'a str) -> GroupRecordKey<'a> {
        let group_id = &self.id;
        let key = StreamsGroupCurrentMemberAssignmentKey {
            group_id,
            member_id,
        };
        GroupRecordKey::StreamsGroupCurrentMemberAssignment(key)
    }
}

fn targeted(tasks: &BTreeSet<super::Task>) -> Vec<target::TaskIds<'_>> {
    let tasks = by_subtopology(tasks).into_iter();
    tasks
        .map(|(subtopology_id, partitions)| target::TaskIds {
            subtopology_id,
            partitions,
        })
        .collect()
}

fn held(tasks: &BTreeSet<super::Task>) -> Vec<current::TaskIds<'_>> {
    let tasks = by_subtopology(tasks).into_iter();
    tasks
        .map(|(subtopology_id, partitions)| current::TaskIds {
            subtopology_id,
            partitions,
            assignment_epochs: None,
        })
        .collect()
}

fn dated(held: &Held) -> Vec<current::TaskIds<'_>> {
    let mut listed: Vec<current::TaskIds<'_>> = Vec::new();
    for ((subtopology_id, partition), since) in &held.active {
        let is_last = listed
            .last()
            .is_some_and(|l| l.subtopology_id == &**subtopology_id);
        if !is_last {
            listed.push(current::TaskIds {
                subtopology_id,
                partitions: Vec::new(),
                assignment_epochs: Some(Vec::new()),
            });
        }
        if let Some(last) = listed.last_mut() {
            last.partitions.push(*partition);
            last.assignment_epochs.get_or_insert_default().push(*since);
        }
    }
    listed
}
