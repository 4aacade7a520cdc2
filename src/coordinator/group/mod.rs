//! The group coordinator of one partition of `__consumer_offsets`.
//!
//! Room:       `coordinator`.
//! Called by:  `shard::coordinators`, through `Machine`.
//! Calls:      `classic` for groups whose members assign, `offsets` for what they committed.
//! Never:      answers for a group of another partition: its caller routes by the group's hash.

mod admin;
mod begin;
mod classic;
mod commit;
mod consumer;
mod consumer_requests;
mod fetch;
mod migrate;
#[cfg(test)]
mod migrate_tests;
mod offsets;
mod records;
mod retention;
mod share;
mod streams;
mod streams_requests;
#[cfg(test)]
mod tests;
mod timers;
mod weigh;

use super::dismantle::drop_some_of;
use super::{Completed, Coordinated, Machine, Millis, Replayed, Request, Step, Ticket, Token};
use crate::config::{BrokerConfig, GroupConfig, ShareGroupConfig};
use crate::metadata::{Image, ResourceKind, TopicImage, changed_topics};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::JoinGroupRequest;
use crate::protocol::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberResponse,
};
use crate::protocol::messages::sync_group::SyncGroupRequest;
use crate::protocol::records::group::{GroupRecordKey, GroupRecordValue};
use crate::protocol::{ApiKey, DecodeError, ErrorCode, Message, Reader};
use begin::Begun;
use classic::{ClassicGroup, Joining, Syncing};
use consumer::ConsumerGroup;
use offsets::{Committed, Offsets, Place};
use share::ShareGroup;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use streams::StreamsGroup;
use timers::{Id, Timer, Timers};

/// All groups of one partition.
pub struct GroupMachine {
    config: GroupConfig,
    image: Arc<Image>,
    groups: BTreeMap<Id, Group>,
    offsets: Offsets,
    timers: Timers,
    /// How many sessions have begun since loading, while there are more.
    begun: Option<Begun>,
    /// The group whose offsets are looked at next for their age, and the last one of it that was.
    looked: Option<(Id, Option<Place>)>,
    /// What was asked about share partitions.
    jobs: share::Jobs,
    /// Internal topics of streams groups that were asked for.
    creations: BTreeMap<Ticket, (Id, Vec<String>)>,
}

/// A group, by the protocol its members speak.
enum Group {
    Classic(ClassicGroup),
    Consumer(ConsumerGroup),
    Share(ShareGroup),
    Streams(StreamsGroup),
}

/// What a step of a group works with.
pub struct Work<'a> {
    pub step: &'a mut Step,
    pub timers: &'a mut Timers,
    pub config: &'a GroupConfig,
    pub image: &'a Image,
}

impl Work<'_> {
    /// What an operator has set for one group.
    pub fn setting(&self, group: &str, name: &str) -> Option<i32> {
        let set = self.image.overrides(ResourceKind::Group, group);
        set.get(name)?.trim().parse().ok()
    }

    /// What holds for a share group.
    pub fn share_config(&self, group: &str) -> ShareGroupConfig {
        let own = self.image.overrides(ResourceKind::Group, group);
        self.config.share.of_group(own)
    }
}

impl GroupMachine {
    pub fn new(config: GroupConfig) -> GroupMachine {
        GroupMachine {
            config,
            image: Arc::new(Image::default()),
            groups: BTreeMap::new(),
            offsets: Offsets::default(),
            timers: Timers::default(),
            begun: None,
            looked: None,
            jobs: share::Jobs::default(),
            creations: BTreeMap::new(),
        }
    }

    /// The classic group of this name with what it works with, if it is there.
    fn classic<'a>(
        &'a mut self,
        step: &'a mut Step,
        group: &str,
    ) -> Option<(&'a mut ClassicGroup, Work<'a>)> {
        let work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        match self.groups.get_mut(group)? {
            Group::Classic(group) => Some((group, work)),
            Group::Consumer(_) | Group::Share(_) | Group::Streams(_) => None,
        }
    }

    /// The group of this name; a new classic one when there is none.
    fn group_or_new(&mut self, group: &str, wall: i64) -> Id {
        if let Some((id, _)) = self.groups.get_key_value(group) {
            return id.clone();
        }
        let id: Id = group.into();
        let new = Group::Classic(ClassicGroup::new(id.clone(), wall));
        self.groups.insert(id.clone(), new);
        id
    }

    fn join(&mut self, step: &mut Step, token: Token, request: &Request) -> Result<(), ErrorCode> {
        let asked: JoinGroupRequest<'_> = decode(request)?;
        let joining = Joining {
            token,
            version: request.version,
            client: &request.client,
            request: &asked,
        };
        let group = asked.group_id.0;
        let timeouts = self.config.session_timeout_ms_min..=self.config.session_timeout_ms_max;
        let is_new = !self.groups.contains_key(group);
        let refused = if group.is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if !timeouts.contains(&asked.session_timeout_ms) {
            Some(ErrorCode::InvalidSessionTimeout)
        } else if is_new && !asked.member_id.is_empty() {
            Some(ErrorCode::UnknownMemberId)
        } else {
            None
        };
        if let Some(code) = refused {
            let mut work = Work {
                step,
                timers: &mut self.timers,
                config: &self.config,
                image: &self.image,
            };
            joining.refuse(&mut work, asked.member_id, code);
            return Ok(());
        }
        let is_new = self.take_over_empty(step, group) || is_new;
        if let Some((consumer, mut work)) = self.consumer(step, group) {
            consumer.join_classic(&joining, &mut work);
            // The last member of the other protocol may have been the one it took the place of.
            self.downgrade_if_classic(step, group);
            return Ok(());
        }
        self.group_or_new(group, step.wall);
        if self.classic(step, group).is_none() {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if let Some((group, mut work)) = self.classic(step, group) {
            if is_new {
                group.save_empty(work.step);
            }
            group.join(joining, &mut work);
        }
        Ok(())
    }

    fn sync(&mut self, step: &mut Step, token: Token, request: &Request) -> Result<(), ErrorCode> {
        let asked: SyncGroupRequest<'_> = decode(request)?;
        let syncing = Syncing {
            token,
            version: request.version,
            request: &asked,
        };
        if let Some((group, mut work)) = self.consumer(step, asked.group_id.0) {
            group.sync_classic(&syncing, &mut work);
            return Ok(());
        }
        match self.classic(step, asked.group_id.0) {
            Some((group, mut work)) => {
                group.sync(syncing, &mut work);
                Ok(())
            }
            None => Err(no_member(asked.group_id.0)),
        }
    }

    fn heartbeat(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: HeartbeatRequest<'_> = decode(request)?;
        let (member, instance) = (asked.member_id, asked.group_instance_id);
        let generation = asked.generation_id;
        let error_code = if let Some((group, mut work)) = self.consumer(step, asked.group_id.0) {
            group.heartbeat_classic(member, instance, generation, &mut work)
        } else if let Some((group, mut work)) = self.classic(step, asked.group_id.0) {
            group.heartbeat(member, instance, generation, &mut work)
        } else {
            no_member(asked.group_id.0)
        };
        let response = HeartbeatResponse {
            error_code,
            ..HeartbeatResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    fn leave(&mut self, step: &mut Step, token: Token, request: &Request) -> Result<(), ErrorCode> {
        let asked: LeaveGroupRequest<'_> = decode(request)?;
        let group = asked.group_id.0;
        if group.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let members: Vec<(&str, Option<&str>)> = match request.version {
            ..=2 => vec![(asked.member_id, None)],
            _ => {
                let members = asked.members.iter();
                members
                    .map(|m| (m.member_id, m.group_instance_id))
                    .collect()
            }
        };
        let codes = self.leave_all(step, group, &members);
        let response = match request.version {
            ..=2 => LeaveGroupResponse {
                error_code: codes.first().copied().unwrap_or(ErrorCode::UnknownMemberId),
                ..LeaveGroupResponse::default()
            },
            _ => LeaveGroupResponse {
                members: members
                    .iter()
                    .zip(codes)
                    .map(|((member_id, instance), error_code)| MemberResponse {
                        member_id,
                        group_instance_id: *instance,
                        error_code,
                    })
                    .collect(),
                ..LeaveGroupResponse::default()
            },
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    /// Takes these members out, by id or instance; how it went with each.
    fn leave_all(
        &mut self,
        step: &mut Step,
        name: &str,
        members: &[(&str, Option<&str>)],
    ) -> Vec<ErrorCode> {
        if let Some((group, mut work)) = self.consumer(step, name) {
            let members = members.iter();
            let codes = members.map(|(id, instance)| group.leave_classic(id, *instance, &mut work));
            let codes: Vec<ErrorCode> = codes.collect();
            if codes.contains(&ErrorCode::None) {
                self.members_gone(step, name);
            }
            return codes;
        }
        let Some((group, mut work)) = self.classic(step, name) else {
            return vec![ErrorCode::UnknownMemberId; members.len()];
        };
        let members = members.iter();
        let codes: Vec<ErrorCode> = members
            .map(|(id, instance)| group.leave(id, *instance, &mut work))
            .collect();
        if codes.contains(&ErrorCode::None) {
            group.settle(&mut work);
        }
        codes
    }

    /// Offsets of topics that are gone go too: one that comes may have their name.
    fn forget_topics(&mut self, step: &mut Step, image: &Image, removed: &[&Arc<TopicImage>]) {
        if removed.is_empty() {
            return;
        }
        let names: BTreeSet<&str> = removed.iter().map(|topic| &*topic.name).collect();
        for (group, topic, partition) in self.offsets.of_topics(&names) {
            records::offset_gone(step, &group, &topic, partition);
            self.offsets.remove(&group, &topic, partition);
        }
        for group in self.groups.values_mut() {
            if let Group::Share(group) = group {
                group.forget_topics(step, image);
            }
        }
    }

    /// Forgets a group and all it committed.
    fn delete(&mut self, step: &mut Step, group: &Id) {
        let mut gone = Vec::new();
        for (topic, partitions) in self.offsets.of(group) {
            gone.extend(
                partitions
                    .keys()
                    .map(|partition| (topic.clone(), *partition)),
            );
        }
        for (topic, partition) in gone {
            records::offset_gone(step, group, &topic, partition);
            self.offsets.remove(group, &topic, partition);
        }
        match self.groups.remove(group) {
            Some(Group::Classic(classic)) => {
                classic.cancel_timers(&mut self.timers);
                records::group_gone(step, group);
            }
            Some(Group::Consumer(consumer)) => {
                consumer.cancel_timers(&mut self.timers);
                consumer.save_group_gone(step);
            }
            Some(Group::Share(share)) => {
                share.cancel_timers(&mut self.timers);
                share.save_group_gone(step);
            }
            Some(Group::Streams(streams)) => {
                streams.cancel_timers(&mut self.timers);
                streams.save_group_gone(step);
            }
            None => {}
        }
    }
}

impl Machine for GroupMachine {
    fn replay(&mut self, record: &Replayed<'_>) -> Result<(), DecodeError> {
        let Some(key) = record.key else {
            return Ok(());
        };
        let key = match GroupRecordKey::decode(key) {
            Ok(key) => key,
            // A newer broker wrote it; what it says does not concern us.
            Err(DecodeError::RecordTypeUnknown { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let value = key.decode_value(record.value)?;
        match (key, value) {
            (GroupRecordKey::OffsetCommit(key), Some(GroupRecordValue::OffsetCommit(value))) => {
                let group = self.group_or_new(key.group, value.commit_timestamp);
                let mut committed = Committed::new(
                    value.offset,
                    value.leader_epoch,
                    value.metadata,
                    value.commit_timestamp,
                );
                committed.expire_timestamp = value.expire_timestamp;
                committed.topic_id = value.topic_id;
                let producer = record.producer;
                self.offsets
                    .put(producer, &group, key.topic, key.partition, committed);
            }
            (GroupRecordKey::OffsetCommit(key), None) => {
                self.offsets.remove(key.group, key.topic, key.partition);
            }
            (GroupRecordKey::GroupMetadata(key), Some(GroupRecordValue::GroupMetadata(value))) => {
                let id: Id = key.group.into();
                let group = ClassicGroup::replayed(id.clone(), &value);
                self.groups.insert(id, Group::Classic(group));
            }
            (GroupRecordKey::GroupMetadata(key), None) => {
                if matches!(self.groups.get(key.group), Some(Group::Classic(_))) {
                    self.groups.remove(key.group);
                }
            }
            (key, value) => {
                if !self.replay_share(&key, value.as_ref()) {
                    self.replay_consumer(&key, value.as_ref());
                    self.replay_streams(&key, value.as_ref());
                }
            }
        }
        Ok(())
    }

    fn transaction_completed(&mut self, _step: &mut Step, completed: Completed) {
        self.offsets
            .complete(completed.producer.id, completed.committed);
    }

    fn loaded(&mut self, step: &mut Step) -> bool {
        if self.begun.is_none() {
            self.jobs.start(step);
            let interval = self.config.offsets_retention_check_interval_ms;
            self.timers.set(Timer::Retention, step.now.plus(interval));
        }
        self.begin_some(step)
    }

    fn configure(&mut self, config: &BrokerConfig) {
        self.config = config.group();
    }

    fn follow(&mut self, step: &mut Step, image: &Arc<Image>) {
        // Before the first image nothing is known to have come or gone.
        if self.image.offset >= 0 {
            let before = self.image.clone();
            let (changed, removed) = changed_topics(&before, image);
            let is_new = |topic: &&Arc<TopicImage>| before.topic_by_id(topic.id).is_none();
            if changed.iter().any(is_new) {
                for group in self.groups.values_mut() {
                    if let Group::Consumer(group) = group {
                        group.topics_came();
                    }
                }
            }
            self.forget_topics(step, image, &removed);
        }
        self.image = image.clone();
    }

    fn request(&mut self, step: &mut Step, token: Token, request: &Request) {
        let begun = weigh::weigh(request, step.record_bytes_max);
        let begun = begun.and_then(|()| match request.api {
            ApiKey::JoinGroup => self.join(step, token, request),
            ApiKey::SyncGroup => self.sync(step, token, request),
            ApiKey::Heartbeat => self.heartbeat(step, token, request),
            ApiKey::LeaveGroup => self.leave(step, token, request),
            ApiKey::OffsetCommit => self.commit(step, token, request),
            ApiKey::TxnOffsetCommit => self.commit_in_transaction(step, token, request),
            ApiKey::OffsetFetch => self.fetch(step, token, request),
            ApiKey::OffsetDelete => self.delete_offsets(step, token, request),
            ApiKey::ListGroups => self.list(step, token, request),
            ApiKey::DescribeGroups => self.describe(step, token, request),
            ApiKey::DeleteGroups => self.delete_groups(step, token, request),
            ApiKey::ConsumerGroupHeartbeat => self.consumer_beat(step, token, request),
            ApiKey::ConsumerGroupDescribe => self.consumer_describe(step, token, request),
            ApiKey::ShareGroupHeartbeat => self.share_beat(step, token, request),
            ApiKey::ShareGroupDescribe => self.share_describe(step, token, request),
            ApiKey::DescribeShareGroupOffsets => self.share_partitions(step, token, request),
            ApiKey::AlterShareGroupOffsets => self.share_alter(step, token, request),
            ApiKey::DeleteShareGroupOffsets => self.share_delete_offsets(step, token, request),
            ApiKey::StreamsGroupHeartbeat => self.streams_beat(step, token, request),
            ApiKey::StreamsGroupDescribe => self.streams_describe(step, token, request),
            ApiKey::StreamsGroupTopologyDescriptionUpdate => {
                self.streams_topology_description(step, token, request)
            }
            _ => Err(ErrorCode::UnsupportedVersion),
        });
        if let Err(code) = begun {
            step.answer_encoded(token, Err(code));
        }
    }

    fn replied(&mut self, step: &mut Step, ticket: Ticket, reply: Coordinated) {
        self.share_replied(step, ticket, &reply);
        self.topics_made(step, ticket, reply);
    }

    fn timeout(&mut self, step: &mut Step) {
        for _ in 0..TIMERS_PER_STEP_MAX {
            let Some(timer) = self.timers.take(step.now) else {
                return;
            };
            match timer {
                Timer::Session(group, member) => {
                    if let Some((group, mut work)) = self.classic(step, &group) {
                        group.session_is_over(&member, &mut work);
                    } else {
                        self.member_gone(step, &group, &member);
                        self.share_gone(step, &group, &member);
                    }
                }
                Timer::Join(group) => {
                    if let Some((group, mut work)) = self.classic(step, &group) {
                        group.join_time_is_up(&mut work);
                    }
                }
                Timer::Sync(group) => {
                    if let Some((group, mut work)) = self.classic(step, &group) {
                        group.sync_time_is_up(&mut work);
                    }
                }
                Timer::Revoke(group, member) | Timer::Rejoin(group, member) => {
                    self.member_gone(step, &group, &member);
                }
                Timer::Target(group) => {
                    if let Some((group, mut work)) = self.consumer(step, &group) {
                        group.pause_is_over(&mut work);
                    } else if let Some((group, mut work)) = self.streams(step, &group) {
                        group.first_target(&mut work);
                    }
                }
                Timer::Retention => self.expire(step),
            }
        }
    }

    fn next_timeout(&self) -> Option<Millis> {
        self.timers.next()
    }

    fn dismantle(&mut self) -> bool {
        let groups = drop_some_of(&mut self.groups, |group| match group {
            Group::Classic(group) => group.dismantle(),
            Group::Consumer(group) => group.dismantle(),
            Group::Share(group) => group.dismantle(),
            Group::Streams(group) => group.dismantle(),
        });
        let offsets = self.offsets.dismantle();
        let timers = self.timers.dismantle();
        groups || offsets || timers
    }
}

/// What is due beyond these waits for the next step, so that thousands of groups that were made
/// together, or lost their members together, do not hold the shard.
const TIMERS_PER_STEP_MAX: usize = 32;

/// The request's own message.
fn decode<'a, M: Message<'a>>(request: &'a Request) -> Result<M, ErrorCode> {
    let mut reader = Reader::new(&request.body);
    M::decode(&mut reader, request.version).map_err(|_| ErrorCode::InvalidRequest)
}

/// What a member of a group that is not there is told.
fn no_member(group: &str) -> ErrorCode {
    match group {
        "" => ErrorCode::InvalidGroupId,
        _ => ErrorCode::UnknownMemberId,
    }
}
