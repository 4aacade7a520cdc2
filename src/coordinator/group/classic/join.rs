//! JoinGroup: a member comes, comes again, or comes back.
//!
//! Room:       `coordinator::group::classic`.
//! Called by:  the machine.
//! Never:      answers before the rebalance that this joining causes is complete.

use super::{ClassicGroup, Member, State, Work};
use crate::coordinator::group::timers::{Id, Timer};
use crate::coordinator::{Client, Token};
use crate::protocol::ErrorCode;
use crate::protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember,
};
use crate::protocol::uuid::Uuid;

/// One JoinGroup request.
#[derive(Clone, Copy)]
pub struct Joining<'a> {
    pub token: Token,
    pub version: i16,
    pub client: &'a Client,
    pub request: &'a JoinGroupRequest<'a>,
}

/// How long a new member may wait for its first generation: it has no heartbeat yet.
const NEW_MEMBER_TIMEOUT_MS: u64 = 5 * 60 * 1000;

/// The first version whose clients join twice, the second time with the id they were given
/// (KIP-394).
const MEMBER_ID_REQUIRED: i16 = 4;

/// The first version whose leader can be told that assignments still hold (KIP-814).
const SKIP_ASSIGNMENT: i16 = 9;

impl<'a> Joining<'a> {
    pub fn refuse(&self, work: &mut Work<'_>, member: &str, error_code: ErrorCode) {
        answer_error(work, (self.token, self.version), member, error_code);
    }

    fn protocols(&self) -> Vec<(String, Vec<u8>)> {
        let protocols = self.request.protocols.iter();
        protocols
            .map(|protocol| (protocol.name.to_owned(), protocol.metadata.to_vec()))
            .collect()
    }

    /// Whether the next request brings the id, so a client that gives up leaves no ghost member.
    pub fn needs_id(&self) -> bool {
        self.version >= MEMBER_ID_REQUIRED && self.request.group_instance_id.is_none()
    }

    pub fn rebalance_timeout_ms(&self) -> i32 {
        // v0 has none of its own.
        match self.version {
            0 => self.request.session_timeout_ms,
            _ => self.request.rebalance_timeout_ms,
        }
    }
}

/// An answer without a generation.
pub fn answer_error(
    work: &mut Work<'_>,
    (token, version): (Token, i16),
    member_id: &str,
    error_code: ErrorCode,
) {
    let response = JoinGroupResponse {
        error_code,
        generation_id: -1,
        protocol_type: None,
        protocol_name: match version {
            ..=6 => Some(""),
            _ => None,
        },
        member_id,
        ..JoinGroupResponse::default()
    };
    work.step.answer(token, version, &response);
}

impl ClassicGroup {
    pub fn join(&mut self, joining: Joining<'_>, work: &mut Work<'_>) {
        let request = joining.request;
        let asked = request.member_id;
        if !self.has_room_for(asked, work.config.size_max) {
            let id = asked.to_owned();
            self.remove_silently(&id, work);
            joining.refuse(work, "", ErrorCode::GroupMaxSizeReached);
        } else if !self.supports(request) {
            joining.refuse(work, asked, ErrorCode::InconsistentGroupProtocol);
        } else if asked.is_empty() {
            self.join_new(joining, work);
        } else {
            self.join_again(joining, work);
        }
    }

    fn has_room_for(&self, member: &str, size_max: usize) -> bool {
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                let waits = |member: &Member| member.join.is_some();
                self.members.get(member).is_some_and(waits)
                    || self.members.values().filter(|member| waits(member)).count() < size_max
            }
            State::CompletingRebalance | State::Stable => {
                self.members.contains_key(member) || self.members.len() < size_max
            }
        }
    }

    /// Whether the member speaks a protocol that all members speak.
    fn supports(&self, request: &JoinGroupRequest<'_>) -> bool {
        if self.is_empty() {
            return !request.protocol_type.is_empty() && !request.protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(request.protocol_type)
            && request.protocols.iter().any(|protocol| {
                let speaks = |member: &Member| {
                    let mut names = member.protocols.iter();
                    names.any(|(name, _)| name == protocol.name)
                };
                self.members.values().all(speaks)
            })
    }

    fn join_new(&mut self, joining: Joining<'_>, work: &mut Work<'_>) {
        let instance = joining.request.group_instance_id;
        let uuid = new_uuid(work);
        let prefix = instance.unwrap_or(&joining.client.id);
        let id: Id = format!("{prefix}-{uuid}").into();
        if let Some(instance) = instance {
            match self.statics.get(instance).cloned() {
                Some(old)
                    if self.state == State::Stable
                        && self.is_too_large_with(&old, joining.request, work) =>
                {
                    joining.refuse(work, "", ErrorCode::UnknownServerError);
                }
                Some(old) => self.replace_static(joining, &old, id, work),
                None => self.add(joining, id, work),
            }
        } else if joining.needs_id() {
            let at = work.step.now.plus_i32(joining.request.session_timeout_ms);
            let timer = Timer::Session(self.id.clone(), id.clone());
            work.timers.set(timer, at);
            self.pending.insert(id.clone());
            joining.refuse(work, &id, ErrorCode::MemberIdRequired);
        } else {
            self.add(joining, id, work);
        }
    }

    fn join_again(&mut self, joining: Joining<'_>, work: &mut Work<'_>) {
        let request = joining.request;
        let id = request.member_id;
        if let Some(pending) = self.pending.get(id).cloned() {
            return match request.group_instance_id {
                // Ids are given out ahead to dynamic members only.
                Some(_) => joining.refuse(work, id, ErrorCode::UnknownMemberId),
                None => self.add(joining, pending, work),
            };
        }
        if let Err(code) = self.check_member(id, request.group_instance_id) {
            return joining.refuse(work, id, code);
        }
        let (id, member) = self.members.get_key_value(id).expect("it was checked");
        let same = member.protocols == joining.protocols();
        let id = id.clone();
        match self.state {
            State::PreparingRebalance => self.update(joining, &id, work),
            // It did not get our answer: it may have it again.
            State::CompletingRebalance if same => self.answer_join(&id, joining, work),
            State::CompletingRebalance => self.update(joining, &id, work),
            // The leader joins to have a rebalance, as when its topics have changed.
            State::Stable if self.leader.as_deref() == Some(&*id) || !same => {
                self.update(joining, &id, work);
            }
            State::Stable => self.answer_join(&id, joining, work),
            State::Empty => joining.refuse(work, &id, ErrorCode::UnknownMemberId),
        }
    }

    fn add(&mut self, joining: Joining<'_>, id: Id, work: &mut Work<'_>) {
        let request = joining.request;
        if self.state == State::PreparingRebalance && self.is_first {
            self.new_member = true;
        }
        self.pending.remove(&id);
        if let Some(instance) = request.group_instance_id {
            self.statics.insert(instance.to_owned(), id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.to_owned());
        }
        self.leader.get_or_insert_with(|| id.clone());
        let member = Member {
            instance: request.group_instance_id.map(str::to_owned),
            client_id: joining.client.id.clone(),
            client_host: joining.client.host.clone(),
            rebalance_timeout_ms: joining.rebalance_timeout_ms(),
            session_timeout_ms: request.session_timeout_ms,
            protocols: joining.protocols(),
            assignment: Vec::new(),
            join: Some((joining.token, joining.version)),
            sync: None,
            is_new: true,
        };
        self.members.insert(id.clone(), member);
        let at = work.step.now.plus(NEW_MEMBER_TIMEOUT_MS);
        work.timers.set(Timer::Session(self.id.clone(), id), at);
        self.rebalance_or_complete(work);
    }

    fn update(&mut self, joining: Joining<'_>, id: &Id, work: &mut Work<'_>) {
        self.update_member(joining, id, work);
        self.rebalance_or_complete(work);
    }

    fn update_member(&mut self, joining: Joining<'_>, id: &Id, work: &mut Work<'_>) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        member.protocols = joining.protocols();
        member.rebalance_timeout_ms = joining.rebalance_timeout_ms();
        member.session_timeout_ms = joining.request.session_timeout_ms;
        let before = member.join.replace((joining.token, joining.version));
        if let Some(before) = before {
            // Asked on another connection, which is not listened to any more.
            answer_error(work, before, id, ErrorCode::RebalanceInProgress);
        }
    }

    /// Whether a static member that comes back says so much more than before that the group's
    /// record cannot hold it.
    fn is_too_large_with(&self, old: &Id, request: &JoinGroupRequest<'_>, work: &Work<'_>) -> bool {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let mut protocols = request.protocols.iter();
        let new = protocols.find(|spoken| spoken.name == protocol);
        let new = new.map_or(0, |spoken| spoken.metadata.len());
        let before = self.members.get(old);
        let more = new.saturating_sub(before.map_or(0, |member| member.metadata(protocol).len()));
        more > 0 && self.record_bytes() + more > work.step.record_bytes_max
    }

    /// A static member restarted: it takes its old place under a new id (KIP-345).
    fn replace_static(&mut self, joining: Joining<'_>, old: &Id, id: Id, work: &mut Work<'_>) {
        let Some(mut member) = self.members.remove(old) else {
            return joining.refuse(work, "", ErrorCode::UnknownMemberId);
        };
        work.timers
            .cancel(&Timer::Session(self.id.clone(), old.clone()));
        if let Some(join) = member.join.take() {
            answer_error(work, join, old, ErrorCode::FencedInstanceId);
        }
        if let Some(sync) = member.sync.take() {
            super::sync::answer_error(work, sync, ErrorCode::FencedInstanceId);
        }
        if let Some(instance) = &member.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        let leader_before = self.leader.clone();
        if self.leader.as_ref() == Some(old) {
            self.leader = Some(id.clone());
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(id.clone());
        }
        member.client_id = joining.client.id.clone();
        member.client_host = joining.client.host.clone();
        self.members.insert(id.clone(), member);
        self.heard_of(&id, work);
        self.update_member(joining, &id, work);
        match self.state {
            State::Stable if self.chosen_protocol() == self.protocol => {
                // Nothing changes for the others, so nobody is disturbed.
                self.members.get_mut(&id).expect("inserted").join = None;
                self.save(work.step);
                self.answer_replaced(&id, leader_before, joining, work);
            }
            State::Stable | State::CompletingRebalance => self.prepare(work),
            State::PreparingRebalance | State::Empty => self.complete_if_joined(work),
        }
    }

    fn answer_replaced(
        &self,
        id: &Id,
        leader_before: Option<Id>,
        joining: Joining<'_>,
        work: &mut Work<'_>,
    ) {
        let leads = self.leader.as_ref() == Some(id);
        let skips = joining.version >= SKIP_ASSIGNMENT;
        // An older leader is told that somebody else leads, so that it does not assign again.
        let leader = match skips {
            true => self.leader.clone(),
            false => leader_before,
        };
        let response = JoinGroupResponse {
            members: match leads && skips {
                true => self.join_members(),
                false => Vec::new(),
            },
            member_id: id,
            generation_id: self.generation,
            protocol_type: self.protocol_type.as_deref(),
            protocol_name: Some(self.protocol.as_deref().unwrap_or_default()),
            leader: leader.as_deref().unwrap_or_default(),
            skip_assignment: leads && skips,
            ..JoinGroupResponse::default()
        };
        work.step.answer(joining.token, joining.version, &response);
    }

    /// The present generation, for a member that is in it.
    fn answer_join(&self, id: &Id, joining: Joining<'_>, work: &mut Work<'_>) {
        self.answer_generation(id, (joining.token, joining.version), work);
    }

    pub(super) fn answer_generation(
        &self,
        id: &Id,
        (token, version): (Token, i16),
        work: &mut Work<'_>,
    ) {
        let leads = self.leader.as_ref() == Some(id);
        let response = JoinGroupResponse {
            members: match leads && self.state == State::CompletingRebalance {
                true => self.join_members(),
                false => Vec::new(),
            },
            member_id: id,
            generation_id: self.generation,
            protocol_type: self.protocol_type.as_deref(),
            protocol_name: Some(self.protocol.as_deref().unwrap_or_default()),
            leader: self.leader.as_deref().unwrap_or_default(),
            ..JoinGroupResponse::default()
        };
        work.step.answer(token, version, &response);
    }

    fn join_members(&self) -> Vec<JoinGroupResponseMember<'_>> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter();
        members
            .map(|(id, member)| JoinGroupResponseMember {
                member_id: id,
                group_instance_id: member.instance.as_deref(),
                metadata: member.metadata(protocol),
            })
            .collect()
    }
}

/// A random (version 4) id.
pub fn new_uuid(work: &mut Work<'_>) -> String {
    let bits = work.step.draw();
    let bits = bits & !(0xf000 << 64) & !(0xc << 60) | 0x4000 << 64 | 0x8 << 60;
    let hex = Uuid(bits.to_be_bytes())
        .0
        .map(|byte| format!("{byte:02x}"))
        .concat();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}
