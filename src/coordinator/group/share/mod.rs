//! A share group (KIP-932): members read the same partitions side by side, record by record.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Calls:      `assignor` for who reads where, `save` for what must survive.
//! Never:      knows records: what became of them is `coordinator::share`'s.
//!
//! A partition is given to members only once its state is initialized there, and a member's first
//! heartbeat waits for that: otherwise it would have nothing to read until its next one.

mod assignor;
mod heartbeat;
mod jobs;
mod offsets;
mod requests;
mod save;
#[cfg(test)]
mod tests;
mod topics;

pub use jobs::Jobs;

use super::begin::Begun;
use super::consumer::Assigned;
use super::timers::{Id, Timer, Timers};
use crate::coordinator::dismantle::drop_some;
use crate::ids::TopicId;
use crate::metadata::Image;
use crate::protocol::messages::share_group_describe::{
    Assignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};
use crate::protocol::records::group::{
    ShareGroupCurrentMemberAssignmentValue, ShareGroupMemberMetadataValue,
};
use crate::protocol::{ErrorCode, GroupId, TopicName, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use topics::Topics;

pub struct ShareGroup {
    pub id: Id,
    epoch: i32,
    /// Of the topics subscribed to and their partitions, as of `epoch`.
    metadata_hash: i64,
    members: BTreeMap<Id, Member>,
    target_epoch: i32,
    target: BTreeMap<Id, Assigned>,
    /// When `target` last gave anybody anything; milliseconds since 1970.
    target_time: i64,
    topics: Topics,
    /// The image that `metadata_hash` was looked up in.
    seen_image: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Member {
    rack: Option<String>,
    client_id: String,
    client_host: String,
    topics: BTreeSet<String>,
    epoch: i32,
    previous_epoch: i32,
    assigned: Assigned,
}

/// The epoch of a member that joins, and of one that leaves.
const JOIN: i32 = 0;
const LEAVE: i32 = -1;

/// The name of the only assignor there is.
const ASSIGNOR: &str = "simple";

impl ShareGroup {
    pub fn new(id: Id) -> ShareGroup {
        ShareGroup {
            id,
            epoch: 0,
            metadata_hash: 0,
            members: BTreeMap::new(),
            target_epoch: 0,
            target: BTreeMap::new(),
            target_time: 0,
            topics: Topics::default(),
            seen_image: -1,
        }
    }

    /// Gives some of its memory back. Whether there is more.
    pub fn dismantle(&mut self) -> bool {
        let members = drop_some(&mut self.members);
        let target = drop_some(&mut self.target);
        members || target
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn state_name(&self) -> &'static str {
        match self.members.is_empty() {
            true => "Empty",
            false => "Stable",
        }
    }

    /// After loading: members have their session timeout to be heard of.
    pub fn begin(&self, begun: &mut Begun, work: &mut super::Work<'_>) {
        for id in begun.next_of(&self.members) {
            self.expect(&id, work);
        }
    }

    pub fn cancel_timers(&self, timers: &mut Timers) {
        for id in self.members.keys() {
            timers.cancel(&Timer::Session(self.id.clone(), id.clone()));
        }
    }

    // What records say, while replaying.

    fn replay_member(&mut self, member: &str, value: Option<&ShareGroupMemberMetadataValue<'_>>) {
        let Some(value) = value else {
            self.members.remove(member);
            return;
        };
        let known = self.members.entry(member.into()).or_default();
        known.rack = value.rack_id.map(str::to_owned);
        known.client_id = value.client_id.to_owned();
        known.client_host = value.client_host.to_owned();
        let topics = value.subscribed_topic_names.iter();
        known.topics = topics.map(|topic| topic.to_string()).collect();
    }

    fn replay_current(
        &mut self,
        member: &str,
        value: Option<&ShareGroupCurrentMemberAssignmentValue>,
    ) {
        let Some(known) = self.members.get_mut(member) else {
            return;
        };
        match value {
            Some(value) => {
                known.epoch = value.member_epoch;
                known.previous_epoch = value.previous_member_epoch;
                let topics = value.assigned_partitions.iter();
                known.assigned = topics
                    .map(|topic| {
                        let partitions = topic.partitions.iter().copied();
                        (TopicId(topic.topic_id.0), partitions.collect())
                    })
                    .collect();
            }
            None => {
                (known.epoch, known.previous_epoch) = (LEAVE, LEAVE);
                known.assigned = Assigned::new();
            }
        }
    }

    fn replay_target(&mut self, member: &str, assigned: Option<Assigned>) {
        match assigned {
            Some(assigned) => {
                self.target.insert(member.into(), assigned);
            }
            None => {
                self.target.remove(member);
            }
        }
    }

    fn describe<'a>(&'a self, image: &'a Image, authorized_operations: i32) -> DescribedGroup<'a> {
        let members = self.members.iter().map(|(id, member)| {
            let topics = member.assigned.iter().filter_map(|(id, partitions)| {
                let topic = image.topic_by_id(*id)?;
                Some(TopicPartitions {
                    topic_id: Uuid(id.0),
                    topic_name: TopicName(&topic.name),
                    partitions: partitions.iter().copied().collect(),
                })
            });
            DescribedMember {
                member_id: id,
                rack_id: member.rack.as_deref(),
                member_epoch: member.epoch,
                client_id: &member.client_id,
                client_host: &member.client_host,
                subscribed_topic_names: member.topics.iter().map(|t| TopicName(t)).collect(),
                assignment: Assignment {
                    topic_partitions: topics.collect(),
                },
            }
        });
        DescribedGroup {
            error_code: ErrorCode::None,
            error_message: None,
            group_id: GroupId(&self.id),
            group_state: self.state_name(),
            group_epoch: self.epoch,
            assignment_epoch: self.target_epoch,
            assignor_name: ASSIGNOR,
            members: members.collect(),
            authorized_operations,
        }
    }
}
