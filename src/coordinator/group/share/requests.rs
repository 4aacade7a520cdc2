//! ShareGroupHeartbeat and ShareGroupDescribe, what is replied to questions, and the records.
//!
//! Room:       `coordinator::group::share`.
//! Called by:  the machine.
//! Never:      makes a share group of one that is another kind, even an empty one.

use super::super::admin::GROUP_OPERATIONS;
use super::super::consumer::{Assigned, Refused, Told};
use super::super::timers::Id;
use super::super::{Group, GroupMachine, Work, decode};
use super::jobs::{Job, Parked, Why};
use super::topics::Named;
use super::{JOIN, LEAVE, ShareGroup};
use crate::coordinator::group::admin::OPERATIONS_NOT_ASKED;
use crate::coordinator::share::UNINITIALIZED;
use crate::coordinator::share::wire::Asked;
use crate::coordinator::{Coordinated, Request, Step, Ticket, Token};
use crate::ids::{PartitionKey, TopicId};
use crate::protocol::messages::share_group_describe::{
    DescribedGroup, ShareGroupDescribeRequest, ShareGroupDescribeResponse,
};
use crate::protocol::messages::share_group_heartbeat::{
    Assignment, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, TopicPartitions,
};
use crate::protocol::records::group::share_group_state_partition_metadata::TopicPartitionsInfo;
use crate::protocol::records::group::{GroupRecordKey, GroupRecordValue};
use crate::protocol::{ErrorCode, Uuid};
use std::collections::BTreeMap;

/// Characters of a member id, which is a UUID, at most.
const MEMBER_ID_MAX: usize = 36;

impl GroupMachine {
    pub fn share_beat(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: ShareGroupHeartbeatRequest<'_> = decode(request)?;
        let told = check(&asked).and_then(|()| self.share_beat_of(step, &asked, request));
        let group: Id = asked.group_id.0.into();
        let joins = told.is_ok() && asked.member_epoch == JOIN;
        if told.is_ok() && asked.member_epoch != LEAVE {
            self.initialize_subscribed(step, &group);
        }
        if joins && self.jobs.is_subscribing(&group) {
            let parked = Parked {
                token,
                version: request.version,
                member: asked.member_id.to_owned(),
            };
            self.jobs.park(&group, parked);
            return Ok(());
        }
        self.answer_beat(
            step,
            token,
            request.version,
            (&group, asked.member_id),
            told,
        );
        Ok(())
    }

    fn share_beat_of(
        &mut self,
        step: &mut Step,
        asked: &ShareGroupHeartbeatRequest<'_>,
        request: &Request,
    ) -> Result<Told, Refused> {
        let name = asked.group_id.0;
        let refused = |text: String| Err((ErrorCode::GroupIdNotFound, text));
        match self.groups.get(name) {
            Some(Group::Share(_)) => {}
            Some(_) => return refused(format!("Group {name} is not a share group.")),
            None if asked.member_epoch == JOIN => self.new_share(name),
            None if asked.member_epoch == LEAVE => {
                return refused(format!("Group {name} not found."));
            }
            None => return refused(format!("Share group {name} not found.")),
        }
        let Some((group, mut work)) = self.share(step, name) else {
            return Err((ErrorCode::UnknownServerError, String::new()));
        };
        match asked.member_epoch {
            LEAVE => group.leave(asked.member_id, &mut work),
            _ => group.beat(asked, &request.client, &mut work),
        }
    }

    fn answer_beat(
        &mut self,
        step: &mut Step,
        token: Token,
        version: i16,
        (group, member): (&str, &str),
        told: Result<Told, Refused>,
    ) {
        match told {
            Ok(told) => {
                let assignment = told.assigned.as_ref().map(|assigned| Assignment {
                    topic_partitions: assigned
                        .iter()
                        .map(|(topic, partitions)| TopicPartitions {
                            topic_id: Uuid(topic.0),
                            partitions: partitions.iter().copied().collect(),
                        })
                        .collect(),
                });
                let config = self.share_work(step).share_config(group);
                let response = ShareGroupHeartbeatResponse {
                    member_id: Some(member),
                    member_epoch: told.member_epoch,
                    heartbeat_interval_ms: match told.member_epoch {
                        LEAVE => 0,
                        _ => config.heartbeat_interval_ms,
                    },
                    assignment,
                    ..ShareGroupHeartbeatResponse::default()
                };
                step.answer(token, version, &response);
            }
            Err((error_code, text)) => {
                let response = ShareGroupHeartbeatResponse {
                    error_code,
                    error_message: Some(&text),
                    ..ShareGroupHeartbeatResponse::default()
                };
                step.answer(token, version, &response);
            }
        }
    }

    /// Has the state of partitions made that members subscribe to.
    fn initialize_subscribed(&mut self, step: &mut Step, id: &Id) {
        let Some((group, work)) = self.share(step, id) else {
            return;
        };
        let retry = work.config.share.initialize_retry_ms;
        let missing = group
            .topics
            .missing(&group.subscribed(), work.image, work.step.wall, retry);
        if missing.is_empty() {
            return;
        }
        group.begin_topics(work.step, &missing);
        let asked = Asked::Initialize {
            state_epoch: group.epoch,
            start: UNINITIALIZED,
        };
        let questions = partitions(&missing).map(|partition| (partition, asked.clone()));
        let questions: Vec<_> = questions.collect();
        if let Some(job) = self.jobs.begin(step, id, Why::Subscribed, questions) {
            self.job_done(step, job);
        }
    }

    /// Whether the reply was to a question about share partitions.
    pub fn share_replied(&mut self, step: &mut Step, ticket: Ticket, reply: &Coordinated) {
        if let Some(job) = self.jobs.replied(ticket, reply) {
            self.job_done(step, job);
        }
    }

    pub(super) fn job_done(&mut self, step: &mut Step, job: Job) {
        match job.why {
            Why::Subscribed => {
                self.topics_done(step, &job);
                if !self.jobs.is_subscribing(&job.group) {
                    self.answer_parked(step, &job.group);
                }
            }
            Why::Alter(_) => self.altered(step, job),
            Why::DeleteOffsets(_) => self.offsets_deleted(step, job),
            Why::DeleteGroup { token, version } => {
                self.states_deleted(step, &job, token, version);
            }
        }
    }

    /// Writes down which partitions have a state now.
    pub(super) fn topics_done(&mut self, step: &mut Step, job: &Job) {
        let mut failed = Assigned::new();
        for (partition, code) in &job.failed {
            failed
                .entry(partition.topic)
                .or_default()
                .insert(partition.partition);
            tracing::debug!(
                group = %job.group, topic = %partition.topic, partition = partition.partition,
                ?code, "share partition not initialized"
            );
        }
        if let Some((group, work)) = self.share(step, &job.group) {
            group.end_topics(work.step, &job.done, &failed, work.image);
        }
    }

    fn answer_parked(&mut self, step: &mut Step, id: &Id) {
        for parked in self.jobs.take_parked(id) {
            let told = match self.share(step, id) {
                Some((group, mut work)) => group.told_late(&parked.member, &mut work),
                None => {
                    let text = format!("Share group {id} not found.");
                    Err((ErrorCode::GroupIdNotFound, text))
                }
            };
            let names = (&**id, &*parked.member);
            self.answer_beat(step, parked.token, parked.version, names, told);
        }
    }

    fn share_work<'a>(&'a mut self, step: &'a mut Step) -> Work<'a> {
        Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        }
    }

    pub(super) fn new_share(&mut self, name: &str) {
        let id: Id = name.into();
        let group = ShareGroup::new(id.clone());
        self.groups.insert(id, Group::Share(group));
    }

    pub(super) fn share<'a>(
        &'a mut self,
        step: &'a mut Step,
        name: &str,
    ) -> Option<(&'a mut ShareGroup, Work<'a>)> {
        let work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        match self.groups.get_mut(name)? {
            Group::Share(group) => Some((group, work)),
            _ => None,
        }
    }

    /// A member's session is over.
    pub fn share_gone(&mut self, step: &mut Step, group: &Id, member: &Id) {
        if let Some((group, mut work)) = self.share(step, group) {
            group.remove(member, &mut work);
        }
    }

    pub fn share_describe(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: ShareGroupDescribeRequest<'_> = decode(request)?;
        let texts: Vec<String> = asked
            .group_ids
            .iter()
            .map(|id| match self.groups.get(id.0) {
                Some(_) => format!("Group {} is not a share group.", id.0),
                None => format!("Group {} not found.", id.0),
            })
            .collect();
        let operations = match asked.include_authorized_operations {
            true => GROUP_OPERATIONS,
            false => OPERATIONS_NOT_ASKED,
        };
        let groups = asked.group_ids.iter().zip(&texts);
        let groups = groups.map(|(id, text)| match self.groups.get(id.0) {
            Some(Group::Share(group)) => group.describe(&self.image, operations),
            _ => DescribedGroup {
                error_code: ErrorCode::GroupIdNotFound,
                error_message: Some(text),
                group_id: *id,
                authorized_operations: OPERATIONS_NOT_ASKED,
                ..DescribedGroup::default()
            },
        });
        let response = ShareGroupDescribeResponse {
            groups: groups.collect(),
            ..ShareGroupDescribeResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    /// Records of share groups; whether it was one.
    pub fn replay_share(
        &mut self,
        key: &GroupRecordKey<'_>,
        value: Option<&GroupRecordValue<'_>>,
    ) -> bool {
        let group = match key {
            GroupRecordKey::ShareGroupMetadata(key) => key.group_id,
            GroupRecordKey::ShareGroupMemberMetadata(key) => key.group_id,
            GroupRecordKey::ShareGroupTargetAssignmentMetadata(key) => key.group_id,
            GroupRecordKey::ShareGroupTargetAssignmentMember(key) => key.group_id,
            GroupRecordKey::ShareGroupCurrentMemberAssignment(key) => key.group_id,
            GroupRecordKey::ShareGroupStatePartitionMetadata(key) => key.group_id,
            _ => return false,
        };
        let is_share = matches!(self.groups.get(group), Some(Group::Share(_)));
        if let (GroupRecordKey::ShareGroupMetadata(_), None) = (key, value) {
            if is_share {
                self.groups.remove(group);
            }
            return true;
        }
        if !is_share && value.is_some() {
            self.new_share(group);
        }
        if let Some(Group::Share(share)) = self.groups.get_mut(group) {
            share.replay(key, value);
        }
        true
    }
}

impl ShareGroup {
    fn replay(&mut self, key: &GroupRecordKey<'_>, value: Option<&GroupRecordValue<'_>>) {
        match (key, value) {
            (_, Some(GroupRecordValue::ShareGroupMetadata(value))) => {
                self.epoch = value.epoch;
                self.metadata_hash = value.metadata_hash;
            }
            (GroupRecordKey::ShareGroupMemberMetadata(key), value) => {
                let value = match value {
                    Some(GroupRecordValue::ShareGroupMemberMetadata(value)) => Some(value),
                    _ => None,
                };
                self.replay_member(key.member_id, value);
            }
            (_, Some(GroupRecordValue::ShareGroupTargetAssignmentMetadata(value))) => {
                self.target_epoch = value.assignment_epoch;
                self.target_time = value.assignment_timestamp;
            }
            (GroupRecordKey::ShareGroupTargetAssignmentMetadata(_), None) => {
                (self.target_epoch, self.target_time) = (-1, 0);
            }
            (GroupRecordKey::ShareGroupTargetAssignmentMember(key), value) => {
                let assigned = match value {
                    Some(GroupRecordValue::ShareGroupTargetAssignmentMember(value)) => {
                        let topics = value.topic_partitions.iter().map(|topic| {
                            let partitions = topic.partitions.iter().copied().collect();
                            (TopicId(topic.topic_id.0), partitions)
                        });
                        Some(topics.collect())
                    }
                    _ => None,
                };
                self.replay_target(key.member_id, assigned);
            }
            (GroupRecordKey::ShareGroupCurrentMemberAssignment(key), value) => {
                let value = match value {
                    Some(GroupRecordValue::ShareGroupCurrentMemberAssignment(value)) => Some(value),
                    _ => None,
                };
                self.replay_current(key.member_id, value);
            }
            (_, Some(GroupRecordValue::ShareGroupStatePartitionMetadata(value))) => {
                let named = |id: Uuid, name: &str, partitions: &[i32]| {
                    let named = Named {
                        name: name.to_owned(),
                        partitions: partitions.iter().copied().collect(),
                        since: 0,
                    };
                    (TopicId(id.0), named)
                };
                let topics = |topics: &[TopicPartitionsInfo<'_>]| {
                    topics
                        .iter()
                        .map(|topic| named(topic.topic_id, topic.topic_name, &topic.partitions))
                        .collect::<BTreeMap<_, _>>()
                };
                self.topics.initializing = topics(&value.initializing_topics);
                self.topics.initialized = topics(&value.initialized_topics);
                let deleting = value.deleting_topics.iter();
                self.topics.deleting = deleting
                    .map(|topic| (TopicId(topic.topic_id.0), topic.topic_name.to_owned()))
                    .collect();
            }
            (GroupRecordKey::ShareGroupStatePartitionMetadata(_), None) => {
                self.topics = super::Topics::default();
            }
            _ => {}
        }
    }
}

/// Every partition of these topics.
pub(super) fn partitions(
    topics: &BTreeMap<TopicId, Named>,
) -> impl Iterator<Item = PartitionKey> + '_ {
    topics.iter().flat_map(|(topic, named)| {
        let partitions = named.partitions.iter();
        partitions.map(|partition| PartitionKey {
            topic: *topic,
            partition: *partition,
        })
    })
}

/// What every heartbeat must say, whoever sends it.
fn check(asked: &ShareGroupHeartbeatRequest<'_>) -> Result<(), Refused> {
    let invalid = |text: &str| Err((ErrorCode::InvalidRequest, text.to_owned()));
    if asked.member_id.is_empty() || asked.member_id.len() > MEMBER_ID_MAX {
        return invalid("Invalid member id in the request.");
    }
    if asked.group_id.0.is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if asked.rack_id == Some("") {
        return invalid("RackId can't be empty.");
    }
    let topics = asked.subscribed_topic_names.as_ref();
    if asked.member_epoch == JOIN && topics.is_none_or(Vec::is_empty) {
        return invalid("SubscribedTopicNames must be set in first request.");
    }
    match asked.member_epoch < LEAVE {
        true => invalid("MemberEpoch is invalid."),
        false => Ok(()),
    }
}
