//! Members of a consumer group that speak the classic protocol (KIP-848's live migration): the
//! coordinator assigns for them too, and each learns of it by joining again.
//!
//! Room:       `coordinator::group::consumer`.
//! Called by:  the machine, for the classic requests that name a consumer group.
//! Never:      lets such a member assign: it is told of no leader.
//!
//! ```text
//! heartbeat: REBALANCE_IN_PROGRESS ─▶ join: its epoch is its generation ─▶ sync: what it has
//! ```

use super::{Assigned, Beat, ConsumerGroup, JOIN, LEAVE_STATIC, Member, Progress};
use crate::coordinator::group::Work;
use crate::coordinator::group::classic::{
    CONSUMER, ClassicGroup, Joining, Syncing, decode_subscription, new_uuid,
};
use crate::coordinator::group::timers::{Id, Timer};
use crate::ids::TopicId;
use crate::metadata::Image;
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
};
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::protocol::records::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, consumer_protocol_assignment,
};
use crate::protocol::records::group::consumer_group_member_metadata as metadata;
use crate::protocol::{ErrorCode, Reader, TopicName, Uuid};

/// What is known of a member because it speaks the classic protocol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicMember {
    pub session_timeout_ms: i32,
    /// Name and metadata, the preferred first; never empty.
    pub protocols: Vec<(String, Vec<u8>)>,
}

impl ClassicMember {
    pub fn of_record(value: &metadata::ClassicMemberMetadata<'_>) -> ClassicMember {
        let protocols = value.supported_protocols.iter();
        ClassicMember {
            session_timeout_ms: value.session_timeout_ms,
            protocols: protocols
                .map(|protocol| (protocol.name.to_owned(), protocol.metadata.to_vec()))
                .collect(),
        }
    }

    pub fn record(&self) -> metadata::ClassicMemberMetadata<'_> {
        let protocols = self.protocols.iter();
        metadata::ClassicMemberMetadata {
            session_timeout_ms: self.session_timeout_ms,
            supported_protocols: protocols
                .map(|(name, metadata)| metadata::ClassicProtocol { name, metadata })
                .collect(),
        }
    }

    fn protocol(&self) -> &str {
        self.protocols.first().map_or("", |(name, _)| name)
    }

    fn of(request: &JoinGroupRequest<'_>) -> ClassicMember {
        let protocols = request.protocols.iter();
        ClassicMember {
            session_timeout_ms: request.session_timeout_ms,
            protocols: protocols
                .map(|protocol| (protocol.name.to_owned(), protocol.metadata.to_vec()))
                .collect(),
        }
    }
}

impl ConsumerGroup {
    /// A classic member joins, or joins again because it was told to.
    pub fn join_classic(&mut self, joining: &Joining<'_>, work: &mut Work<'_>) {
        let request = joining.request;
        let is_new = request.member_id.is_empty();
        let id: Id = match is_new {
            true => new_uuid(work).into(),
            false => request.member_id.into(),
        };
        if let Err(code) = self.check_join(&id, request, work) {
            return joining.refuse(work, request.member_id, code);
        }
        if is_new && joining.needs_id() {
            return joining.refuse(work, &id, ErrorCode::MemberIdRequired);
        }
        let first = request.protocols.first().map(|protocol| protocol.metadata);
        let Some(subscription) = first.and_then(decode_subscription) else {
            // The coordinator must understand what it assigns for.
            return joining.refuse(work, &id, ErrorCode::InconsistentGroupProtocol);
        };
        let classic = ClassicMember::of(request);
        let asked = as_heartbeat(joining, &id, &subscription, work.image);
        let beat = Beat {
            request: &asked,
            member_id: &id,
            client: joining.client,
            classic: Some(&classic),
        };
        match self.beat(beat, work) {
            Err((code, _)) => joining.refuse(work, &id, code),
            Ok(told) => {
                let deadline = work.step.now.plus_i32(joining.rebalance_timeout_ms());
                let timer = Timer::Rejoin(self.id.clone(), id.clone());
                work.timers.set(timer, deadline);
                let response = JoinGroupResponse {
                    member_id: &id,
                    generation_id: told.member_epoch,
                    protocol_type: Some(CONSUMER),
                    protocol_name: Some(classic.protocol()),
                    ..JoinGroupResponse::default()
                };
                work.step.answer(joining.token, joining.version, &response);
            }
        }
    }

    fn check_join(
        &self,
        id: &Id,
        request: &JoinGroupRequest<'_>,
        work: &Work<'_>,
    ) -> Result<(), ErrorCode> {
        let is_static = request.group_instance_id;
        let current = is_static.map(|instance| self.statics.get(instance));
        let is_known = self.members.contains_key(id) || matches!(current, Some(Some(_)));
        if !is_known && self.members.len() >= work.config.consumer_size_max {
            return Err(ErrorCode::GroupMaxSizeReached);
        }
        let others = || {
            let members = self.members.iter().filter(|(other, _)| *other != id);
            members.filter_map(|(_, member)| member.classic.as_ref())
        };
        let spoken_by_all = |name: &str| {
            others().all(|other| other.protocols.iter().any(|(known, _)| known == name))
        };
        let names = || request.protocols.iter().map(|protocol| protocol.name);
        if request.protocol_type != CONSUMER || !names().any(spoken_by_all) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        match current {
            // Only a static member without an id takes a place.
            Some(None) if !request.member_id.is_empty() => Err(ErrorCode::UnknownMemberId),
            Some(Some(current)) if !request.member_id.is_empty() && current != id => {
                Err(ErrorCode::FencedInstanceId)
            }
            _ => Ok(()),
        }
    }

    /// What the member has, once it has joined.
    pub fn sync_classic(&mut self, syncing: &Syncing<'_>, work: &mut Work<'_>) {
        let checked = self.check_sync(syncing.request, work);
        let response = match &checked {
            Err(error_code) => SyncGroupResponse {
                error_code: *error_code,
                ..SyncGroupResponse::default()
            },
            Ok(assignment) => SyncGroupResponse {
                protocol_type: syncing.request.protocol_type,
                protocol_name: syncing.request.protocol_name,
                assignment,
                ..SyncGroupResponse::default()
            },
        };
        work.step.answer(syncing.token, syncing.version, &response);
    }

    fn check_sync(
        &mut self,
        request: &SyncGroupRequest<'_>,
        work: &mut Work<'_>,
    ) -> Result<Vec<u8>, ErrorCode> {
        let id = self.classic_member(request.member_id, request.group_instance_id)?;
        self.aim(work);
        let member = &self.members[&id];
        let classic = member.classic.as_ref().ok_or(ErrorCode::UnknownMemberId)?;
        if request.generation_id != member.epoch {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs = |said: Option<&str>, ours: &str| said.is_some_and(|said| said != ours);
        if differs(request.protocol_type, CONSUMER)
            || differs(request.protocol_name, classic.protocol())
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if self.target_epoch > member.epoch && member.state != Progress::Revoking {
            self.expect_rejoin(&id, work);
            return Err(ErrorCode::RebalanceInProgress);
        }
        work.timers
            .cancel(&Timer::Rejoin(self.id.clone(), id.clone()));
        self.expect(&id, work);
        Ok(assignment(&member.assigned, classic, work.image))
    }

    /// Whether the member shall join again, which is how it learns of anything.
    pub fn heartbeat_classic(
        &mut self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
        work: &mut Work<'_>,
    ) -> ErrorCode {
        let id = match self.classic_member(member, instance) {
            Ok(id) => id,
            Err(code) => return code,
        };
        // Where all are classic members, nobody else says that the pause is over.
        self.aim(work);
        let member = &self.members[&id];
        if generation != member.epoch {
            return ErrorCode::IllegalGeneration;
        }
        self.expect(&id, work);
        let shall_join = member.epoch < self.target_epoch
            || match member.state {
                Progress::Stable => false,
                Progress::Revoking => true,
                Progress::Waiting => !self.waits_for_others(&id),
            };
        match shall_join {
            true => {
                self.expect_rejoin(&id, work);
                ErrorCode::RebalanceInProgress
            }
            false => ErrorCode::None,
        }
    }

    /// One member of a LeaveGroup request. An operator, who names a static member by its instance
    /// alone, may take any out; a member itself must be a classic one.
    pub fn leave_classic(
        &mut self,
        member: &str,
        instance: Option<&str>,
        work: &mut Work<'_>,
    ) -> ErrorCode {
        let id = match instance {
            Some(instance) if member.is_empty() => match self.statics.get(instance) {
                Some(id) => id.clone(),
                None => return ErrorCode::UnknownMemberId,
            },
            _ => match self.classic_member(member, instance) {
                Ok(id) => id,
                Err(code) => return code,
            },
        };
        self.remove(&id, work);
        ErrorCode::None
    }

    /// The classic member that speaks; refuses whoever is not who it says.
    fn classic_member(&self, member: &str, instance: Option<&str>) -> Result<Id, ErrorCode> {
        if let Some(instance) = instance {
            let current = self.statics.get(instance);
            let current = current.ok_or(ErrorCode::UnknownMemberId)?;
            if **current != *member {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        match self.members.get_key_value(member) {
            Some((id, member)) if member.classic.is_some() => Ok(id.clone()),
            _ => Err(ErrorCode::UnknownMemberId),
        }
    }

    fn waits_for_others(&self, id: &Id) -> bool {
        let target = self.target.get(id).into_iter().flatten();
        let mut places = target.flat_map(|(topic, partitions)| {
            let partitions = partitions.iter();
            partitions.map(|partition| (*topic, *partition))
        });
        places.any(|place| self.owners.get(&place).is_some_and(|owner| owner != id))
    }

    /// A member that was told to join again has its rebalance timeout for that.
    fn expect_rejoin(&self, id: &Id, work: &mut Work<'_>) {
        let timer = Timer::Rejoin(self.id.clone(), id.clone());
        if !work.timers.is_set(&timer) {
            let at = self.members[id].rebalance_timeout_ms;
            work.timers.set(timer, work.step.now.plus_i32(at));
        }
    }

    // What a conversion hands over.

    /// A group of what was a classic one: every member has what its leader gave it. `None` when
    /// somebody's words cannot be understood.
    pub fn of_classic(classic: &ClassicGroup, image: &Image) -> Option<ConsumerGroup> {
        let mut group = ConsumerGroup::new(classic.id.clone());
        let generation = classic.generation();
        (group.epoch, group.target_epoch) = (generation, generation);
        for (id, member) in classic.members() {
            // Before the first generation no protocol is chosen: the preferred one says as much.
            let first = member.protocols.first().map(|(name, _)| name.as_str());
            let metadata = member.metadata(classic.protocol().or(first)?);
            let subscription = decode_subscription(metadata)?;
            let topics = subscription.topics.iter();
            let converted = Member {
                instance: member.instance.clone(),
                rack: subscription.rack_id.map(str::to_owned),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                topics: topics.map(|topic| (*topic).to_owned()).collect(),
                classic: Some(ClassicMember {
                    session_timeout_ms: member.session_timeout_ms,
                    protocols: member.protocols.clone(),
                }),
                epoch: generation,
                previous_epoch: generation,
                assigned: decode_assignment(&member.assignment, image)?,
                ..Member::default()
            };
            group.target.insert(id.clone(), converted.assigned.clone());
            group.put(id, converted);
        }
        Some(group)
    }

    /// All of it, into the log.
    pub fn save_all(&self, work: &mut Work<'_>) {
        for (id, member) in &self.members {
            self.save_member(work.step, id, member);
        }
        self.save_epoch(work.step);
        self.save_target_epoch(work.step);
        for (id, member) in &self.members {
            if let Some(assigned) = self.target.get(id) {
                self.save_target(work.step, id, assigned);
            }
            self.save_current(work.step, id, member);
        }
    }

    /// Whether nobody speaks the consumer protocol any more.
    pub fn is_all_classic(&self) -> bool {
        !self.members.is_empty() && self.members.values().all(|m| m.classic.is_some())
    }

    /// What members have been told at most. The group's own epoch is ahead while a target waits,
    /// and to go on from there would fence all of them.
    pub fn generation(&self) -> i32 {
        self.target_epoch
    }

    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Each classic member, with what it shall have in its own words.
    pub fn classic_members<'a>(
        &'a self,
        image: &'a Image,
    ) -> impl Iterator<Item = (&'a Id, &'a Member, &'a ClassicMember, Vec<u8>)> {
        self.members.iter().filter_map(move |(id, member)| {
            let classic = member.classic.as_ref()?;
            let none = Assigned::new();
            let target = self.target.get(id).unwrap_or(&none);
            Some((id, member, classic, assignment(target, classic, image)))
        })
    }

    /// Whether an instance's place may be taken by a member under another id: of a member that
    /// said it would be back, or where one of the two speaks the classic protocol.
    pub(super) fn may_take_place(member: &Member, beat: &Beat<'_>) -> bool {
        member.epoch == LEAVE_STATIC || member.classic.is_some() || beat.classic.is_some()
    }
}

/// A join in the words of the other protocol: all that the two have in common.
fn as_heartbeat<'a>(
    joining: &Joining<'a>,
    id: &'a str,
    subscription: &ConsumerProtocolSubscription<'a>,
    image: &Image,
) -> ConsumerGroupHeartbeatRequest<'a> {
    let owned = subscription.owned_partitions.iter().filter_map(|owned| {
        let topic = image.topic(owned.topic.0)?;
        Some(ConsumerGroupHeartbeatRequestTopicPartitions {
            topic_id: Uuid(topic.id.0),
            partitions: owned.partitions.clone(),
        })
    });
    let topics = subscription.topics.iter().copied().map(TopicName);
    ConsumerGroupHeartbeatRequest {
        group_id: joining.request.group_id,
        member_id: id,
        member_epoch: JOIN,
        instance_id: joining.request.group_instance_id,
        rack_id: subscription.rack_id,
        rebalance_timeout_ms: joining.rebalance_timeout_ms(),
        subscribed_topic_names: Some(topics.collect()),
        subscribed_topic_regex: Some(""),
        topic_partitions: Some(owned.collect()),
        ..ConsumerGroupHeartbeatRequest::default()
    }
}

/// What a classic member is assigned, in its own words: the version is the one it speaks.
fn assignment(assigned: &Assigned, classic: &ClassicMember, image: &Image) -> Vec<u8> {
    let spoken = classic.protocols.first().map(|(_, metadata)| metadata);
    let version = spoken.and_then(|metadata| Reader::new(metadata).i16().ok());
    let version = version.unwrap_or(0).clamp(0, ASSIGNMENT_VERSION_MAX);
    let topics = assigned.iter().filter_map(|(id, partitions)| {
        let topic = image.topic_by_id(*id)?;
        Some(consumer_protocol_assignment::TopicPartition {
            topic: TopicName(&topic.name),
            partitions: partitions.iter().copied().collect(),
        })
    });
    let value = ConsumerProtocolAssignment {
        assigned_partitions: topics.collect(),
        user_data: None,
    };
    let mut bytes = version.to_be_bytes().to_vec();
    let encoded = value.encode(&mut bytes, version);
    debug_assert!(encoded.is_ok(), "{encoded:?}");
    bytes
}

/// The partitions in an assignment a leader made; `None` when it makes no sense.
fn decode_assignment(bytes: &[u8], image: &Image) -> Option<Assigned> {
    if bytes.is_empty() {
        return Some(Assigned::new());
    }
    let mut reader = Reader::new(bytes);
    let version = reader.i16().ok().filter(|version| *version >= 0)?;
    let version = version.min(ASSIGNMENT_VERSION_MAX);
    let value = ConsumerProtocolAssignment::decode(&mut reader, version).ok()?;
    let topics = value.assigned_partitions.iter().filter_map(|topic| {
        let known = image.topic(topic.topic.0)?;
        let partitions = topic.partitions.iter().copied().collect();
        Some((TopicId(known.id.0), partitions))
    });
    Some(topics.collect())
}

const ASSIGNMENT_VERSION_MAX: i16 = 3;
