//! A consumer group (KIP-848): members say what they want, the coordinator assigns, and each
//! member is brought from what it has to what it shall have at its own pace.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Calls:      `assignor` for who gets what, `records` for what must survive.
//! Never:      gives a partition to a member while another may still hold it.
//!
//! Three epochs, each behind the one before: the group's (somebody's wishes or the topics have
//! changed), the target assignment's (who shall have what), each member's (what it has). Targets
//! keep a pause between them (KIP-1263), so that members that come together share one.
//!
//! Always true:
//!   - a partition is in `owners` while some member has it or has not confirmed giving it up.

mod assignor;
mod classic_member;
mod describe;
mod heartbeat;
#[cfg(test)]
mod model;
mod patterns;
mod reconcile;
mod save;
#[cfg(test)]
mod tests;

pub use classic_member::ClassicMember;
pub use heartbeat::{Beat, Refused, Told};
pub use patterns::compile;

use super::begin::Begun;
use super::timers::{Id, Timer, Timers};
use crate::coordinator::Millis;
use crate::coordinator::dismantle::drop_some;
use crate::ids::TopicId;
use crate::protocol::ErrorCode;
use crate::protocol::records::group::{
    ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue,
    consumer_group_current_member_assignment as current,
};
use std::collections::{BTreeMap, BTreeSet};

/// Partitions by topic.
pub type Assigned = BTreeMap<TopicId, BTreeSet<i32>>;

pub struct ConsumerGroup {
    pub id: Id,
    epoch: i32,
    /// Of the topics subscribed to and their partitions, as of `epoch`.
    metadata_hash: i64,
    members: BTreeMap<Id, Member>,
    statics: BTreeMap<String, Id>,
    target_epoch: i32,
    /// When the target was made, by the wall clock; 0 if nobody shall wait after it.
    target_at: i64,
    target: BTreeMap<Id, Assigned>,
    owners: BTreeMap<(TopicId, i32), Id>,
    /// What each regular expression stands for.
    patterns: BTreeMap<String, BTreeSet<String>>,
    /// When all of them were last looked up; not known after loading.
    patterns_at: Option<Millis>,
    /// Topics have come since then.
    topics_came: bool,
    /// The image that `metadata_hash` was looked up in.
    seen_image: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    pub instance: Option<String>,
    pub rack: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout_ms: i32,
    pub assignor: Option<String>,
    pub topics: BTreeSet<String>,
    pub pattern: Option<String>,
    /// Set for one that speaks the classic protocol.
    pub classic: Option<ClassicMember>,
    epoch: i32,
    previous_epoch: i32,
    state: Progress,
    assigned: Assigned,
    revoking: Assigned,
}

/// How far a member is on its way to the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Stable = 1,
    /// It must give up partitions first.
    Revoking = 2,
    /// It waits for partitions that others must give up.
    Waiting = 3,
}

/// The epoch of a member that joins, of one that leaves, of a static one that will be back.
pub const JOIN: i32 = 0;
pub const LEAVE: i32 = -1;
pub const LEAVE_STATIC: i32 = -2;

impl ConsumerGroup {
    pub fn new(id: Id) -> ConsumerGroup {
        ConsumerGroup {
            id,
            epoch: 0,
            metadata_hash: 0,
            members: BTreeMap::new(),
            statics: BTreeMap::new(),
            target_epoch: 0,
            target_at: 0,
            target: BTreeMap::new(),
            owners: BTreeMap::new(),
            patterns: BTreeMap::new(),
            patterns_at: None,
            topics_came: false,
            seen_image: -1,
        }
    }

    /// Gives some of its memory back. Whether there is more.
    pub fn dismantle(&mut self) -> bool {
        let members = drop_some(&mut self.members);
        let statics = drop_some(&mut self.statics);
        let target = drop_some(&mut self.target);
        let owners = drop_some(&mut self.owners);
        members || statics || target || owners
    }

    // What records say, while replaying.

    pub fn replay_epoch(&mut self, epoch: i32, metadata_hash: i64) {
        self.epoch = epoch;
        self.metadata_hash = metadata_hash;
    }

    pub fn replay_target_epoch(&mut self, epoch: i32, at: i64) {
        (self.target_epoch, self.target_at) = (epoch, at);
    }

    pub fn replay_target(&mut self, member: &str, assigned: Option<Assigned>) {
        match assigned {
            Some(assigned) => {
                self.target.insert(member.into(), assigned);
            }
            None => {
                self.target.remove(member);
            }
        }
    }

    pub fn replay_pattern(&mut self, pattern: &str, topics: Option<BTreeSet<String>>) {
        match topics {
            Some(topics) => {
                self.patterns.insert(pattern.to_owned(), topics);
            }
            None => {
                self.patterns.remove(pattern);
            }
        }
    }

    pub fn replay_member(
        &mut self,
        member: &str,
        value: Option<&ConsumerGroupMemberMetadataValue<'_>>,
    ) {
        let id: Id = member.into();
        let Some(value) = value else {
            self.take_out(&id);
            return;
        };
        let known = self.members.entry(id.clone()).or_default();
        known.instance = value.instance_id.map(str::to_owned);
        known.rack = value.rack_id.map(str::to_owned);
        known.client_id = value.client_id.to_owned();
        known.client_host = value.client_host.to_owned();
        known.rebalance_timeout_ms = value.rebalance_timeout_ms;
        known.assignor = value.server_assignor.map(str::to_owned);
        let topics = value.subscribed_topic_names.iter();
        known.topics = topics.map(|topic| topic.to_string()).collect();
        known.pattern = value.subscribed_topic_regex.map(str::to_owned);
        let classic = value.classic_member_metadata.as_ref();
        known.classic = classic.map(ClassicMember::of_record);
        if let Some(instance) = &known.instance {
            self.statics.insert(instance.clone(), id);
        }
    }

    pub fn replay_current(
        &mut self,
        member: &str,
        value: Option<&ConsumerGroupCurrentMemberAssignmentValue>,
    ) {
        let id: Id = member.into();
        let Some(mut known) = self.members.get(&id).cloned() else {
            return;
        };
        match value {
            Some(value) => {
                known.epoch = value.member_epoch;
                known.previous_epoch = value.previous_member_epoch;
                known.state = match value.state {
                    2 => Progress::Revoking,
                    3 => Progress::Waiting,
                    _ => Progress::Stable,
                };
                known.assigned = partitions(&value.assigned_partitions);
                known.revoking = partitions(&value.partitions_pending_revocation);
            }
            None => {
                (known.epoch, known.previous_epoch) = (LEAVE, LEAVE);
                (known.assigned, known.revoking) = (Assigned::new(), Assigned::new());
            }
        }
        self.put(&id, known);
    }

    /// After loading: members have their session timeout to be heard of.
    pub fn begin(&self, begun: &mut Begun, work: &mut super::Work<'_>) {
        for id in begun.next_of(&self.members) {
            self.expect(&id, work);
            self.expect_revocation(&id, work);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn state_name(&self) -> &'static str {
        let reconciled =
            |member: &Member| member.state == Progress::Stable && member.epoch == self.target_epoch;
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > self.target_epoch {
            "Assigning"
        } else if self.members.values().all(reconciled) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    /// Whether a member wants this topic.
    pub fn is_subscribed(&self, topic: &str) -> bool {
        self.members.values().any(|member| {
            let matched = member.pattern.as_ref().and_then(|p| self.patterns.get(p));
            member.topics.contains(topic) || matched.is_some_and(|topics| topics.contains(topic))
        })
    }

    /// Whether offsets may be committed by this sender; v9 was the first to say its epoch.
    pub fn check_commit(
        &self,
        member: &str,
        epoch: i32,
        version: i16,
        in_transaction: bool,
    ) -> Result<(), ErrorCode> {
        // A tool, or a consumer that assigns partitions to itself.
        if epoch < 0 && (self.members.is_empty() || (in_transaction && member.is_empty())) {
            return Ok(());
        }
        let found = self.members.get(member).ok_or(ErrorCode::UnknownMemberId)?;
        if found.classic.is_none() && !in_transaction && version < COMMIT_WITH_EPOCH {
            return Err(ErrorCode::UnsupportedVersion);
        }
        match &found.classic {
            _ if epoch == found.epoch => Ok(()),
            Some(_) => Err(ErrorCode::IllegalGeneration),
            None => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    pub fn check_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        if member.is_none_or(str::is_empty) && epoch < 0 {
            return Ok(());
        }
        let member = member.unwrap_or_default();
        let found = self.members.get(member).ok_or(ErrorCode::UnknownMemberId)?;
        match epoch == found.epoch {
            true => Ok(()),
            false => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    pub fn cancel_timers(&self, timers: &mut Timers) {
        timers.cancel(&Timer::Target(self.id.clone()));
        for member in self.members.keys() {
            timers.cancel(&Timer::Session(self.id.clone(), member.clone()));
            timers.cancel(&Timer::Revoke(self.id.clone(), member.clone()));
            timers.cancel(&Timer::Rejoin(self.id.clone(), member.clone()));
        }
    }

    /// Puts a member in its place, and keeps the account of who has what.
    fn put(&mut self, id: &Id, member: Member) {
        self.release(id);
        for assigned in [&member.assigned, &member.revoking] {
            for (topic, partitions) in assigned {
                for partition in partitions {
                    self.owners.insert((*topic, *partition), id.clone());
                }
            }
        }
        if let Some(instance) = &member.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        self.members.insert(id.clone(), member);
    }

    /// What a member had is free.
    fn release(&mut self, id: &Id) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        for assigned in [&member.assigned, &member.revoking] {
            for (topic, partitions) in assigned {
                for partition in partitions {
                    let place = (*topic, *partition);
                    if self.owners.get(&place) == Some(id) {
                        self.owners.remove(&place);
                    }
                }
            }
        }
    }

    fn take_out(&mut self, id: &Id) -> Option<Member> {
        self.release(id);
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.instance
            && self.statics.get(instance) == Some(id)
        {
            self.statics.remove(instance);
        }
        Some(member)
    }

    /// All topics of a member, patterns resolved.
    fn topics_of<'a>(&'a self, member: &'a Member) -> BTreeSet<&'a str> {
        let named = member.topics.iter();
        let matched = member.pattern.as_ref().and_then(|p| self.patterns.get(p));
        let matched = matched.into_iter().flatten();
        named.chain(matched).map(String::as_str).collect()
    }
}

/// The first version of OffsetCommit that carries a member epoch.
const COMMIT_WITH_EPOCH: i16 = 9;

fn partitions(topics: &[current::TopicPartitions]) -> Assigned {
    let topics = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().copied().collect();
        (TopicId(topic.topic_id.0), partitions)
    });
    topics.collect()
}
