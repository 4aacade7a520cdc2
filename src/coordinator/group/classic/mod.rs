//! A classic group: members that find out together who they are, and a leader that assigns.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Calls:      `records` for what must survive, `timers`.
//! Never:      understands what members say to each other, but for the topics of consumers.
//!
//! ```text
//!  Empty ── join ──▶ PreparingRebalance ── all joined, or time is up ──▶ CompletingRebalance
//!    ▲                   ▲      ▲                                             │ leader's sync
//!    └── nobody joined ──┘      └──────── join, leave, expiry ──── Stable ◀───┘
//! ```

mod convert;
mod join;
mod leave;
mod rebalance;
mod sync;

pub use join::{Joining, new_uuid};
pub use sync::Syncing;

use super::Work;
use super::begin::Begun;
use super::records;
use super::timers::{Id, Timer, Timers};
use crate::coordinator::dismantle::drop_some;
use crate::coordinator::{Step, Token};
use crate::protocol::ErrorCode;
use crate::protocol::Reader;
use crate::protocol::records::consumer_protocol::ConsumerProtocolSubscription;
use crate::protocol::records::group::GroupMetadataValue;
use crate::protocol::records::group::group_metadata::MemberMetadata;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

pub struct ClassicGroup {
    pub id: Id,
    state: State,
    /// Whether the rebalance under way began without members: those wait for others a moment.
    is_first: bool,
    /// When the state was entered, milliseconds since 1970.
    state_timestamp: i64,
    protocol_type: Option<String>,
    generation: i32,
    protocol: Option<String>,
    leader: Option<Id>,
    members: BTreeMap<Id, Member>,
    /// Members by `group.instance.id`.
    statics: BTreeMap<String, Id>,
    /// Ids that were given out and not joined with yet (KIP-394).
    pending: BTreeSet<Id>,
    /// Members that have not asked for their assignment in this generation.
    unsynced: BTreeSet<Id>,
    /// A member came since the first rebalance's delay began.
    new_member: bool,
    /// What is left of the rebalance timeout for further delays.
    delay_left_ms: u64,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub instance: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// Name and metadata, the preferred first.
    pub protocols: Vec<(String, Vec<u8>)>,
    pub assignment: Vec<u8>,
    /// Requests to answer, with their versions.
    join: Option<(Token, i16)>,
    sync: Option<(Token, i16)>,
    is_new: bool,
}

/// The name consumers give their protocol.
pub const CONSUMER: &str = "consumer";

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

impl Member {
    pub fn metadata(&self, protocol: &str) -> &[u8] {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map_or(&[], |(_, metadata)| metadata)
    }
}

impl ClassicGroup {
    pub fn new(id: Id, wall: i64) -> ClassicGroup {
        ClassicGroup {
            id,
            state: State::Empty,
            is_first: true,
            state_timestamp: wall,
            protocol_type: None,
            generation: 0,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            statics: BTreeMap::new(),
            pending: BTreeSet::new(),
            unsynced: BTreeSet::new(),
            new_member: false,
            delay_left_ms: 0,
        }
    }

    /// As its record says. Members that were there are taken to be there.
    pub fn replayed(id: Id, value: &GroupMetadataValue<'_>) -> ClassicGroup {
        let mut group = ClassicGroup::new(id, value.current_state_timestamp);
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        group.protocol_type = text(Some(value.protocol_type));
        group.generation = value.generation;
        group.protocol = text(value.protocol);
        group.leader = value.leader.map(Id::from);
        let protocol = group.protocol.clone().unwrap_or_default();
        for member in &value.members {
            let member_id: Id = member.member_id.into();
            if let Some(instance) = member.group_instance_id {
                group.statics.insert(instance.to_owned(), member_id.clone());
            }
            let timeout = match member.rebalance_timeout {
                -1 => member.session_timeout,
                timeout => timeout,
            };
            group.members.insert(
                member_id,
                Member {
                    instance: member.group_instance_id.map(str::to_owned),
                    client_id: member.client_id.to_owned(),
                    client_host: member.client_host.to_owned(),
                    rebalance_timeout_ms: timeout,
                    session_timeout_ms: member.session_timeout,
                    protocols: vec![(protocol.clone(), member.subscription.to_vec())],
                    assignment: member.assignment.to_vec(),
                    join: None,
                    sync: None,
                    is_new: false,
                },
            );
        }
        if !group.members.is_empty() {
            group.state = State::Stable;
        }
        group
    }

    /// After loading: members have their session timeout to be heard of.
    pub fn begin(&self, begun: &mut Begun, work: &mut Work<'_>) {
        for id in begun.next_of(&self.members) {
            self.heard_of(&id, work);
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn state_timestamp(&self) -> i64 {
        self.state_timestamp
    }

    pub fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// Gives some of its memory back. Whether there is more.
    pub fn dismantle(&mut self) -> bool {
        let members = drop_some(&mut self.members);
        let statics = drop_some(&mut self.statics);
        members || statics
    }

    pub fn members(&self) -> &BTreeMap<Id, Member> {
        &self.members
    }

    /// Topics its members are subscribed to, `None` when that cannot be known: it isn't a group
    /// of consumers, or one does not speak clearly.
    pub fn subscribed(&self) -> Option<BTreeSet<String>> {
        if self.protocol_type() != Some(CONSUMER) {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscription(member.metadata(protocol))?);
        }
        Some(topics)
    }

    /// A request of a member must name one that is there, and a static one must not have been
    /// replaced (KIP-345).
    fn check_member(&self, member: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        match instance {
            Some(instance) => match self.statics.get(instance) {
                None => Err(ErrorCode::UnknownMemberId),
                Some(current) if **current != *member => Err(ErrorCode::FencedInstanceId),
                Some(_) => Ok(()),
            },
            None if self.members.contains_key(member) => Ok(()),
            None => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// Whether offsets may be committed by this sender.
    pub fn check_commit(
        &self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
        in_transaction: bool,
    ) -> Result<(), ErrorCode> {
        if generation < 0 && self.is_empty() {
            // A consumer that assigns partitions to itself, or a tool.
            return Ok(());
        }
        if generation >= 0 || !member.is_empty() || instance.is_some() {
            self.check_member(member, instance)?;
            if generation != self.generation {
                return Err(ErrorCode::IllegalGeneration);
            }
        } else if !in_transaction && !self.is_empty() {
            return Err(ErrorCode::UnknownMemberId);
        }
        if !in_transaction && self.state == State::CompletingRebalance {
            // The sender belongs to this generation but may not have heard of it.
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// The group's members were heard of in this way: a heartbeat, or a commit.
    pub fn heard_of(&self, member: &str, work: &mut Work<'_>) {
        if let Some((id, member)) = self.members.get_key_value(member) {
            let at = work.step.now.plus_i32(member.session_timeout_ms);
            work.timers
                .set(Timer::Session(self.id.clone(), id.clone()), at);
        }
    }

    pub fn heartbeat(
        &mut self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
        work: &mut Work<'_>,
    ) -> ErrorCode {
        if let Err(code) = self.check_member(member, instance) {
            return code;
        }
        if generation != self.generation {
            return ErrorCode::IllegalGeneration;
        }
        match self.state {
            State::Empty => ErrorCode::UnknownMemberId,
            State::PreparingRebalance => {
                self.heard_of(member, work);
                ErrorCode::RebalanceInProgress
            }
            State::CompletingRebalance | State::Stable => {
                self.heard_of(member, work);
                ErrorCode::None
            }
        }
    }

    fn enter(&mut self, state: State, wall: i64) {
        self.state = state;
        self.state_timestamp = wall;
    }

    /// What the log keeps of it.
    fn save(&self, step: &mut Step) {
        let protocol = self.protocol.as_deref();
        let members = self.members.iter().map(|(id, member)| MemberMetadata {
            member_id: id,
            group_instance_id: member.instance.as_deref(),
            client_id: &member.client_id,
            client_host: &member.client_host,
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: protocol.map_or(&[], |protocol| member.metadata(protocol)),
            assignment: &member.assignment,
        });
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.as_deref().unwrap_or_default(),
            generation: self.generation,
            protocol,
            leader: self.leader.as_deref(),
            current_state_timestamp: self.state_timestamp,
            members: members.collect(),
        };
        records::group(step, &self.id, value);
    }

    /// As `save`, of a group without members.
    pub fn save_empty(&self, step: &mut Step) {
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.as_deref().unwrap_or_default(),
            generation: self.generation,
            protocol: None,
            leader: None,
            current_state_timestamp: self.state_timestamp,
            members: Vec::new(),
        };
        records::group(step, &self.id, value);
    }

    /// Nothing of it waits any more: it is about to be forgotten.
    pub fn cancel_timers(&self, timers: &mut Timers) {
        timers.cancel(&Timer::Join(self.id.clone()));
        timers.cancel(&Timer::Sync(self.id.clone()));
        for member in self.members.keys().chain(&self.pending) {
            timers.cancel(&Timer::Session(self.id.clone(), member.clone()));
        }
    }
}

/// The topics of a consumer's subscription; `None` when it makes no sense.
pub fn subscription(metadata: &[u8]) -> Option<Vec<String>> {
    let subscription = decode_subscription(metadata)?;
    Some(
        subscription
            .topics
            .iter()
            .map(|topic| topic.to_string())
            .collect(),
    )
}

/// A consumer's own words about itself: a version, then the subscription. A newer version has
/// more behind what we know.
pub fn decode_subscription(metadata: &[u8]) -> Option<ConsumerProtocolSubscription<'_>> {
    let mut reader = Reader::new(metadata);
    let version = reader.i16().ok()?;
    if version < 0 {
        return None;
    }
    ConsumerProtocolSubscription::decode(&mut reader, version.min(SUBSCRIPTION_VERSION_MAX)).ok()
}

const SUBSCRIPTION_VERSION_MAX: i16 = 3;
