//! ShareGroupHeartbeat: joining, living and leaving, all in one request.
//!
//! Room:       `coordinator::group::share`.
//! Called by:  `requests`.
//! Never:      lets a member speak that is not of the epoch it was given, or of the one before when
//!             our answer may have been lost.

use super::super::Work;
use super::super::consumer::{Assigned, Refused, Told};
use super::super::timers::{Id, Timer};
use super::assignor::{Candidate, assign};
use super::{JOIN, LEAVE, Member, ShareGroup};
use crate::coordinator::Client;
use crate::protocol::ErrorCode;
use crate::protocol::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

impl ShareGroup {
    /// A member joins or lives.
    pub(super) fn beat(
        &mut self,
        request: &ShareGroupHeartbeatRequest<'_>,
        client: &Client,
        work: &mut Work<'_>,
    ) -> Result<Told, Refused> {
        let id: Id = request.member_id.into();
        let known = self.members.get(&id).cloned();
        self.check_beat(request, known.as_ref(), work)?;
        let before = known.clone().unwrap_or_default();
        let mut member = before.clone();
        if let Some(rack) = request.rack_id {
            member.rack = Some(rack.to_owned());
        }
        if let Some(topics) = &request.subscribed_topic_names {
            member.topics = topics.iter().map(|topic| topic.0.to_owned()).collect();
        }
        member.client_id.clone_from(&client.id);
        member.client_host.clone_from(&client.host);
        if known.as_ref() != Some(&member) {
            self.save_member(work.step, &id, &member);
        }
        let wishes_changed = member.topics != before.topics;
        self.members.insert(id.clone(), member);
        let bumps = self.look_around(wishes_changed, work);
        self.aim(work);
        self.bring(&id, bumps, work);
        self.expect(&id, work);
        let member = &self.members[&id];
        let tells = request.member_epoch == JOIN
            || request.subscribed_topic_names.is_some()
            || member.assigned != before.assigned;
        Ok(Told {
            member_epoch: member.epoch,
            assigned: tells.then(|| member.assigned.clone()),
        })
    }

    fn check_beat(
        &self,
        request: &ShareGroupHeartbeatRequest<'_>,
        known: Option<&Member>,
        work: &Work<'_>,
    ) -> Result<(), Refused> {
        let size_max = work.config.share.size_max;
        if known.is_none() && self.members.len() >= size_max {
            let text =
                format!("The share group has reached its maximum capacity of {size_max} members.");
            return Err((ErrorCode::GroupMaxSizeReached, text));
        }
        let epoch = request.member_epoch;
        let Some(member) = known else {
            return match epoch {
                JOIN => Ok(()),
                _ => Err(self.unknown(request.member_id)),
            };
        };
        if epoch == JOIN || epoch == member.epoch {
            return Ok(());
        }
        let text = if epoch > member.epoch {
            format!(
                "The share group member has a greater member epoch ({epoch}) than the one known \
                 by the group coordinator ({}). The member must abandon all its partitions and \
                 rejoin.",
                member.epoch
            )
        } else if epoch != member.previous_epoch {
            format!(
                "The share group member has a smaller member epoch ({epoch}) than the one known \
                 by the group coordinator ({}), and it does not match the previous member epoch \
                 ({}). The member must abandon all its partitions and rejoin.",
                member.epoch, member.previous_epoch
            )
        } else {
            return Ok(());
        };
        Err((ErrorCode::FencedMemberEpoch, text))
    }

    fn unknown(&self, member: &str) -> Refused {
        let text = format!("Member {member} is not a member of group {}.", self.id);
        (ErrorCode::UnknownMemberId, text)
    }

    /// A member leaves.
    pub(super) fn leave(&mut self, member: &str, work: &mut Work<'_>) -> Result<Told, Refused> {
        let id: Id = member.into();
        if !self.members.contains_key(&id) {
            return Err(self.unknown(member));
        }
        self.remove(&id, work);
        Ok(Told {
            member_epoch: LEAVE,
            assigned: None,
        })
    }

    /// A member left, or was not heard of.
    pub fn remove(&mut self, id: &Id, work: &mut Work<'_>) {
        if self.members.remove(id).is_none() {
            return;
        }
        let session = Timer::Session(self.id.clone(), id.clone());
        work.timers.cancel(&session);
        self.save_gone(work.step, id);
        self.target.remove(id);
        self.metadata_hash = self.hash(work);
        self.bump(work);
    }

    /// What a member is told that waited for partitions to be initialized.
    pub(super) fn told_late(&mut self, member: &str, work: &mut Work<'_>) -> Result<Told, Refused> {
        let id: Id = member.into();
        if !self.members.contains_key(&id) {
            return Err(self.unknown(member));
        }
        let bumps = self.look_around(false, work);
        self.aim(work);
        self.bring(&id, bumps, work);
        self.expect(&id, work);
        let member = &self.members[&id];
        Ok(Told {
            member_epoch: member.epoch,
            assigned: Some(member.assigned.clone()),
        })
    }

    /// Whether the group is in a new epoch: wishes, topics, or what can be given have changed.
    fn look_around(&mut self, wishes_changed: bool, work: &mut Work<'_>) -> bool {
        let mut bumps = wishes_changed || self.epoch == 0;
        bumps |= self.target_epoch >= self.epoch && self.has_news();
        if bumps || self.seen_image != work.image.offset {
            self.seen_image = work.image.offset;
            let hash = self.hash(work);
            bumps |= hash != self.metadata_hash;
            self.metadata_hash = hash;
        }
        if bumps {
            self.bump(work);
        }
        bumps
    }

    fn bump(&mut self, work: &mut Work<'_>) {
        self.epoch = self.epoch.saturating_add(1);
        self.save_epoch(work.step);
    }

    pub(super) fn subscribed(&self) -> BTreeSet<&str> {
        let members = self.members.values();
        members
            .flat_map(|m| m.topics.iter().map(String::as_str))
            .collect()
    }

    /// Of every topic somebody wants, with its partitions; 0 for nothing.
    fn hash(&self, work: &Work<'_>) -> i64 {
        let mut hasher = rustc_hash::FxHasher::default();
        let mut any = false;
        let names = self.subscribed();
        for topic in names.iter().filter_map(|name| work.image.topic(name)) {
            (topic.id.0, &topic.name, topic.partitions.len()).hash(&mut hasher);
            any = true;
        }
        match any {
            true => hasher.finish() as i64,
            false => 0,
        }
    }

    /// Brings the target up to the group's epoch, unless it was only just changed.
    fn aim(&mut self, work: &mut Work<'_>) {
        let interval = work.share_config(&self.id).assignment_interval_ms;
        let passed = work.step.wall.saturating_sub(self.target_time);
        // A clock that went backwards does not hold it up.
        let too_soon = self.target_time != 0 && (0..interval).contains(&passed);
        if self.epoch <= self.target_epoch || too_soon {
            return;
        }
        let mut assignable = self.topics.assignable();
        assignable.retain(|topic, partitions| {
            let count = work
                .image
                .topic_by_id(*topic)
                .map_or(0, |t| t.partitions.len());
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            partitions.retain(|partition| *partition < count);
            !partitions.is_empty()
        });
        let members: Vec<Candidate<'_>> = self
            .members
            .iter()
            .map(|(id, member)| {
                let known = member
                    .topics
                    .iter()
                    .filter_map(|name| work.image.topic(name));
                Candidate {
                    topics: known.map(|topic| topic.id).collect(),
                    before: self.target.get(id),
                }
            })
            .collect();
        let assigned = assign(&members, &assignable);
        let ids: Vec<Id> = self.members.keys().cloned().collect();
        let gives = assigned.iter().any(|assigned| !assigned.is_empty());
        for (id, assigned) in ids.into_iter().zip(assigned) {
            if self.target.get(&id) != Some(&assigned) {
                self.save_target(work.step, &id, &assigned);
                self.target.insert(id, assigned);
            }
        }
        self.target_epoch = self.epoch;
        if gives {
            self.target_time = work.step.wall;
        }
        self.save_target_epoch(work.step);
    }

    /// Gives a member what it shall have: nobody has to give up anything first.
    fn bring(&mut self, id: &Id, bumps: bool, work: &mut Work<'_>) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        let is_behind = member.epoch != self.target_epoch;
        if !is_behind && !bumps {
            return;
        }
        let mut next = member.clone();
        let wanted = |topic: &crate::ids::TopicId| {
            let topic = work.image.topic_by_id(*topic);
            topic.is_some_and(|topic| next.topics.contains(&*topic.name))
        };
        let target = self.target.get(id).into_iter().flatten();
        let assigned: Assigned = target
            .filter(|(topic, _)| wanted(topic))
            .map(|(topic, partitions)| (*topic, partitions.clone()))
            .collect();
        next.assigned = assigned;
        if is_behind {
            next.previous_epoch = next.epoch;
            next.epoch = self.target_epoch;
        }
        if next != *member {
            self.save_current(work.step, id, &next);
            self.members.insert(id.clone(), next);
        }
    }

    /// The member has its session timeout to be heard of again.
    pub(super) fn expect(&self, id: &Id, work: &mut Work<'_>) {
        let timeout = work.share_config(&self.id).session_timeout_ms;
        let at = work.step.now.plus_i32(timeout);
        let session = Timer::Session(self.id.clone(), id.clone());
        work.timers.set(session, at);
    }
}
