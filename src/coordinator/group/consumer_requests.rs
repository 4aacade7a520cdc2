//! The two APIs of consumer groups (KIP-848), and their records.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Calls:      `consumer`.
//! Never:      lets a group with members change its protocol itself; `migrate` does.

use super::admin::GROUP_OPERATIONS;
use super::admin::OPERATIONS_NOT_ASKED;
use super::classic::new_uuid;
use super::consumer::{Beat, ConsumerGroup, JOIN, LEAVE, LEAVE_STATIC, Refused, compile};
use super::timers::Id;
use super::{Group, GroupMachine, Work, decode, records};
use crate::coordinator::{Request, Step, Token};
use crate::ids::TopicId;
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
};
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::protocol::records::group::{GroupRecordKey, GroupRecordValue};

/// The first version whose members choose their own ids (KIP-1082).
const OWN_ID: i16 = 1;

impl GroupMachine {
    pub(super) fn consumer_beat(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: ConsumerGroupHeartbeatRequest<'_> = decode(request)?;
        let group = asked.group_id.0;
        let interval = {
            let work = self.work(step);
            let own = work.setting(group, "consumer.heartbeat.interval.ms");
            own.unwrap_or(work.config.consumer_heartbeat_interval_ms)
        };
        let given = match asked.member_id.is_empty() && asked.member_epoch == JOIN {
            true => Some(new_uuid(&mut self.work(step))),
            false => None,
        };
        let beat = Beat {
            request: &asked,
            member_id: given.as_deref().unwrap_or(asked.member_id),
            client: &request.client,
            classic: None,
        };
        let told = self
            .check_beat(&asked, request.version)
            .and_then(|()| self.beat(step, beat));
        match told {
            Ok(told) => {
                let response = told.response(beat.member_id, interval);
                step.answer(token, request.version, &response);
            }
            Err((error_code, text)) => {
                let response = ConsumerGroupHeartbeatResponse {
                    error_code,
                    error_message: Some(&text),
                    ..ConsumerGroupHeartbeatResponse::default()
                };
                step.answer(token, request.version, &response);
            }
        }
        Ok(())
    }

    fn work<'a>(&'a mut self, step: &'a mut Step) -> Work<'a> {
        Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        }
    }

    /// What every request must say, whoever sends it.
    fn check_beat(
        &self,
        asked: &ConsumerGroupHeartbeatRequest<'_>,
        version: i16,
    ) -> Result<(), Refused> {
        let invalid = |text: &str| Err((ErrorCode::InvalidRequest, text.to_owned()));
        let epoch = asked.member_epoch;
        if asked.group_id.0.is_empty() {
            return invalid("GroupId can't be empty.");
        }
        if asked.member_id.is_empty() && (epoch != JOIN || version >= OWN_ID) {
            return invalid("MemberId can't be empty.");
        }
        if asked.instance_id == Some("") {
            return invalid("InstanceId can't be empty.");
        }
        if asked.rack_id == Some("") {
            return invalid("RackId can't be empty.");
        }
        if epoch < LEAVE_STATIC {
            return invalid("MemberEpoch is invalid.");
        }
        if epoch == LEAVE_STATIC && asked.instance_id.is_none() {
            return invalid("InstanceId can't be null.");
        }
        if epoch == JOIN {
            if asked.rebalance_timeout_ms == -1 {
                return invalid("RebalanceTimeoutMs must be provided in first request.");
            }
            if asked
                .topic_partitions
                .as_ref()
                .is_none_or(|topics| !topics.is_empty())
            {
                return invalid("TopicPartitions must be empty when (re-)joining.");
            }
            let names = asked.subscribed_topic_names.is_some();
            let pattern = asked
                .subscribed_topic_regex
                .is_some_and(|text| !text.is_empty());
            if !names && !pattern {
                return invalid(
                    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when \
                     (re-)joining.",
                );
            }
        }
        let known = |name: &str| {
            self.config
                .consumer_assignors
                .iter()
                .any(|known| known == name)
        };
        if let Some(name) = asked.server_assignor.filter(|name| !known(name)) {
            let text = format!(
                "ServerAssignor {name} is not supported. Supported assignors: {}.",
                self.config.consumer_assignors.join(", ")
            );
            return Err((ErrorCode::UnsupportedAssignor, text));
        }
        match asked.subscribed_topic_regex {
            Some(pattern) if !pattern.is_empty() && compile(pattern).is_none() => {
                let text = format!(
                    "SubscribedTopicRegex `{pattern}` is not a valid regular \
                                    expression."
                );
                Err((ErrorCode::InvalidRegularExpression, text))
            }
            _ => Ok(()),
        }
    }

    fn beat(&mut self, step: &mut Step, beat: Beat<'_>) -> Result<super::consumer::Told, Refused> {
        let name = beat.request.group_id.0;
        let epoch = beat.request.member_epoch;
        let group = self.groups.get(name);
        let has_classic = matches!(group, Some(Group::Classic(group)) if !group.is_empty());
        if epoch == JOIN && has_classic {
            // Refused below if it may not.
            self.upgrade(step, name);
        }
        match self.groups.get(name) {
            Some(Group::Consumer(_)) => {}
            Some(Group::Classic(group)) if epoch == JOIN && group.is_empty() => {
                group.cancel_timers(&mut self.timers);
                records::group_gone(step, name);
                self.new_consumer(name);
            }
            None if epoch == JOIN => self.new_consumer(name),
            Some(_) => {
                let text = format!("Group {name} is not a consumer group.");
                return Err((ErrorCode::GroupIdNotFound, text));
            }
            None => {
                let text = format!("Group {name} not found.");
                return Err((ErrorCode::GroupIdNotFound, text));
            }
        }
        let Some((group, mut work)) = self.consumer(step, name) else {
            return Err((ErrorCode::UnknownServerError, String::new()));
        };
        let told = match epoch {
            LEAVE | LEAVE_STATIC => group.leave(beat, &mut work),
            _ => group.beat(beat, &mut work),
        };
        if epoch == LEAVE && told.is_ok() {
            self.members_gone(step, name);
        }
        told
    }

    fn new_consumer(&mut self, name: &str) {
        let id: Id = name.into();
        let group = ConsumerGroup::new(id.clone());
        self.groups.insert(id, Group::Consumer(group));
    }

    pub(super) fn consumer<'a>(
        &'a mut self,
        step: &'a mut Step,
        name: &str,
    ) -> Option<(&'a mut ConsumerGroup, Work<'a>)> {
        let work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        match self.groups.get_mut(name)? {
            Group::Consumer(group) => Some((group, work)),
            Group::Classic(_) | Group::Share(_) | Group::Streams(_) => None,
        }
    }

    /// A member's session, or its time to give up what it should, is over.
    pub(super) fn member_gone(&mut self, step: &mut Step, group: &Id, member: &Id) {
        if let Some((group, mut work)) = self.consumer(step, group) {
            let id = group.id.clone();
            if group.remove(member, &mut work) {
                self.members_gone(step, &id);
            }
        } else if let Some((group, mut work)) = self.streams(step, group) {
            group.remove(member, &mut work);
        }
    }

    /// A classic member comes to a group of another kind that nobody is in: it is a classic one.
    pub(super) fn take_over_empty(&mut self, step: &mut Step, name: &str) -> bool {
        match self.groups.get(name) {
            Some(Group::Consumer(group)) if group.is_empty() => {
                group.cancel_timers(&mut self.timers);
                group.save_group_gone(step);
            }
            Some(Group::Streams(group)) if group.is_empty() => {
                group.cancel_timers(&mut self.timers);
                group.save_group_gone(step);
            }
            _ => return false,
        }
        self.groups.remove(name);
        true
    }

    pub(super) fn consumer_describe(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: ConsumerGroupDescribeRequest<'_> = decode(request)?;
        let default = self.config.consumer_assignors.first();
        let default = default.map_or("uniform", String::as_str);
        // What is borrowed by the answer: the assignor of a group, or why there is none.
        let texts: Vec<Result<String, String>> = asked
            .group_ids
            .iter()
            .map(|id| match self.groups.get(id.0) {
                Some(Group::Consumer(group)) => Ok(group.assignor_name(default)),
                Some(_) => Err(format!("Group {} is not a consumer group.", id.0)),
                None => Err(format!("Group {} not found.", id.0)),
            })
            .collect();
        let operations = match asked.include_authorized_operations {
            true => GROUP_OPERATIONS,
            false => OPERATIONS_NOT_ASKED,
        };
        let groups = asked.group_ids.iter().zip(&texts).map(|(id, text)| {
            match (self.groups.get(id.0), text) {
                (Some(Group::Consumer(group)), Ok(assignor)) => {
                    group.describe(&self.image, assignor, operations)
                }
                _ => DescribedGroup {
                    error_code: ErrorCode::GroupIdNotFound,
                    error_message: text.as_ref().err().map(String::as_str),
                    group_id: *id,
                    authorized_operations: OPERATIONS_NOT_ASKED,
                    ..DescribedGroup::default()
                },
            }
        });
        let response = ConsumerGroupDescribeResponse {
            groups: groups.collect(),
            ..ConsumerGroupDescribeResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    /// Records of consumer groups; those of kinds that are not coordinated here are passed over.
    pub(super) fn replay_consumer(
        &mut self,
        key: &GroupRecordKey<'_>,
        value: Option<&GroupRecordValue<'_>>,
    ) {
        match (key, value) {
            (GroupRecordKey::ConsumerGroupMetadata(key), None) => {
                if matches!(self.groups.get(key.group_id), Some(Group::Consumer(_))) {
                    self.groups.remove(key.group_id);
                }
            }
            (
                GroupRecordKey::ConsumerGroupMetadata(key),
                Some(GroupRecordValue::ConsumerGroupMetadata(value)),
            ) => self
                .replayed(key.group_id)
                .replay_epoch(value.epoch, value.metadata_hash),
            (GroupRecordKey::ConsumerGroupMemberMetadata(key), value) => {
                let value = match value {
                    Some(GroupRecordValue::ConsumerGroupMemberMetadata(value)) => Some(value),
                    _ => None,
                };
                if let Some(group) = self.replayed_if(key.group_id, value.is_some()) {
                    group.replay_member(key.member_id, value);
                }
            }
            (GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(key), value) => {
                let target = match value {
                    Some(GroupRecordValue::ConsumerGroupTargetAssignmentMetadata(value)) => {
                        Some((value.assignment_epoch, value.assignment_timestamp))
                    }
                    _ => None,
                };
                if let Some(group) = self.replayed_if(key.group_id, target.is_some()) {
                    let (epoch, at) = target.unwrap_or((-1, 0));
                    group.replay_target_epoch(epoch, at);
                }
            }
            (GroupRecordKey::ConsumerGroupTargetAssignmentMember(key), value) => {
                let assigned = match value {
                    Some(GroupRecordValue::ConsumerGroupTargetAssignmentMember(value)) => {
                        let topics = value.topic_partitions.iter().map(|topic| {
                            let partitions = topic.partitions.iter().copied().collect();
                            (TopicId(topic.topic_id.0), partitions)
                        });
                        Some(topics.collect())
                    }
                    _ => None,
                };
                if let Some(group) = self.replayed_if(key.group_id, assigned.is_some()) {
                    group.replay_target(key.member_id, assigned);
                }
            }
            (GroupRecordKey::ConsumerGroupCurrentMemberAssignment(key), value) => {
                let value = match value {
                    Some(GroupRecordValue::ConsumerGroupCurrentMemberAssignment(value)) => {
                        Some(value)
                    }
                    _ => None,
                };
                if let Some(group) = self.replayed_if(key.group_id, value.is_some()) {
                    group.replay_current(key.member_id, value);
                }
            }
            (GroupRecordKey::ConsumerGroupRegularExpression(key), value) => {
                let topics = match value {
                    Some(GroupRecordValue::ConsumerGroupRegularExpression(value)) => {
                        let topics = value.topics.iter();
                        Some(topics.map(|topic| topic.to_string()).collect())
                    }
                    _ => None,
                };
                if let Some(group) = self.replayed_if(key.group_id, topics.is_some()) {
                    group.replay_pattern(key.regular_expression, topics);
                }
            }
            _ => {}
        }
    }

    /// The consumer group of this name, made if it was not there or was a classic one.
    fn replayed(&mut self, name: &str) -> &mut ConsumerGroup {
        if !matches!(self.groups.get(name), Some(Group::Consumer(_))) {
            self.new_consumer(name);
        }
        match self.groups.get_mut(name) {
            Some(Group::Consumer(group)) => group,
            _ => unreachable!("made above"),
        }
    }

    /// A tombstone makes no group.
    fn replayed_if(&mut self, name: &str, make: bool) -> Option<&mut ConsumerGroup> {
        if make {
            return Some(self.replayed(name));
        }
        match self.groups.get_mut(name) {
            Some(Group::Consumer(group)) => Some(group),
            _ => None,
        }
    }
}
