//! ConsumerGroupHeartbeat: joining, living and leaving, all in one request.
//!
//! Room:       `coordinator::group::consumer`.
//! Called by:  the machine.
//! Never:      lets a member speak that is not of the epoch it was given, or the one before when
//!             our answer may have been lost.

use super::{Assigned, ClassicMember, ConsumerGroup, JOIN, LEAVE, LEAVE_STATIC, Member, Progress};
use crate::coordinator::Client;
use crate::coordinator::group::Work;
use crate::coordinator::group::timers::{Id, Timer};
use crate::ids::TopicId;
use crate::protocol::messages::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    ConsumerGroupHeartbeatResponseTopicPartitions as TopicPartitions,
};
use crate::protocol::{ErrorCode, Uuid};

/// One heartbeat; `member_id` is the request's, or the one it was given.
#[derive(Clone, Copy)]
pub struct Beat<'a> {
    pub request: &'a ConsumerGroupHeartbeatRequest<'a>,
    pub member_id: &'a str,
    pub client: &'a Client,
    /// Set when it is a classic member's join in other words.
    pub classic: Option<&'a ClassicMember>,
}

/// A code, and what people are told.
pub type Refused = (ErrorCode, String);

/// What a member is told.
pub struct Told {
    pub member_epoch: i32,
    pub assigned: Option<Assigned>,
}

impl Told {
    pub fn response<'a>(
        &self,
        member_id: &'a str,
        heartbeat_interval_ms: i32,
    ) -> ConsumerGroupHeartbeatResponse<'a> {
        let assignment = self.assigned.as_ref().map(|assigned| Assignment {
            topic_partitions: assigned
                .iter()
                .map(|(topic, partitions)| TopicPartitions {
                    topic_id: Uuid(topic.0),
                    partitions: partitions.iter().copied().collect(),
                })
                .collect(),
        });
        ConsumerGroupHeartbeatResponse {
            error_code: ErrorCode::None,
            error_message: None,
            member_id: Some(member_id),
            member_epoch: self.member_epoch,
            heartbeat_interval_ms,
            assignment,
            ..ConsumerGroupHeartbeatResponse::default()
        }
    }
}

impl ConsumerGroup {
    /// A member joins or lives.
    pub fn beat(&mut self, beat: Beat<'_>, work: &mut Work<'_>) -> Result<Told, Refused> {
        let request = beat.request;
        let owned = owned(request);
        let id: Id = beat.member_id.into();
        let before = self.find(&beat, owned.as_ref(), work)?;
        let is_known = self.members.contains_key(&id);
        let mut member = before.clone();
        update(&mut member, &beat);
        if !is_known || member != before {
            self.save_member(work.step, &id, &member);
        }
        let wishes =
            !is_known || member.topics != before.topics || member.pattern != before.pattern;
        // A static member that comes back wants what it wanted: nobody else is disturbed.
        let bumps = member.topics != before.topics || member.pattern != before.pattern;
        self.put(&id, member);
        let topics = self.topics_changed(wishes, work);
        if bumps || topics || self.epoch == 0 {
            self.bump(work);
        }
        self.aim(work);
        self.reconcile(&id, owned.as_ref(), bumps, work);
        self.expect(&id, work);
        let member = &self.members[&id];
        let is_full = request.rebalance_timeout_ms != -1
            && (request.subscribed_topic_names.is_some()
                || request.subscribed_topic_regex.is_some())
            && owned.is_some();
        let tells = request.member_epoch == JOIN || is_full || member.assigned != before.assigned;
        Ok(Told {
            member_epoch: member.epoch,
            assigned: tells.then(|| member.assigned.clone()),
        })
    }

    /// The member that speaks, new ones included; refuses whoever is not who it says.
    fn find(
        &mut self,
        beat: &Beat<'_>,
        owned: Option<&Assigned>,
        work: &mut Work<'_>,
    ) -> Result<Member, Refused> {
        let (request, id) = (beat.request, beat.member_id);
        let unknown = || {
            let text = format!("Member {id} is not a member of group {}.", self.id);
            (ErrorCode::UnknownMemberId, text)
        };
        let joins = request.member_epoch == JOIN;
        if let Some(instance) = request.instance_id {
            let Some(current) = self.statics.get(instance).cloned() else {
                return match joins {
                    true => self.room_for_one_more(work),
                    false => Err((
                        ErrorCode::UnknownMemberId,
                        format!("Instance id {instance} is unknown."),
                    )),
                };
            };
            let member = self.members.get(&current).cloned().unwrap_or_default();
            if *current != *id {
                return match joins {
                    false => Err((
                        ErrorCode::FencedInstanceId,
                        format!(
                            "Static member {id} with instance id {instance} was fenced by \
                                 member {current}."
                        ),
                    )),
                    true if !Self::may_take_place(&member, beat) => Err((
                        ErrorCode::UnreleasedInstanceId,
                        format!(
                            "Static member {id} with instance id {instance} cannot join the \
                                 group because the instance id is owned by member {current}."
                        ),
                    )),
                    true => Ok(self.take_place(&current, id, work)),
                };
            }
            if !joins {
                check_epoch(&member, request.member_epoch, owned)?;
            }
            return Ok(member);
        }
        match self.members.get(id) {
            None if joins => self.room_for_one_more(work),
            None => Err(unknown()),
            Some(member) => {
                if !joins {
                    check_epoch(member, request.member_epoch, owned)?;
                }
                Ok(member.clone())
            }
        }
    }

    fn room_for_one_more(&self, work: &Work<'_>) -> Result<Member, Refused> {
        match self.members.len() < work.config.consumer_size_max {
            true => Ok(Member::default()),
            false => {
                let text = format!(
                    "The consumer group has reached its maximum capacity of {} members.",
                    work.config.consumer_size_max
                );
                Err((ErrorCode::GroupMaxSizeReached, text))
            }
        }
    }

    /// A static member is back under another id: what was the old one's is the new one's.
    fn take_place(&mut self, old: &Id, new: &str, work: &mut Work<'_>) -> Member {
        self.cancel(old, work);
        self.save_gone(work.step, old);
        let mut member = self.take_out(old).unwrap_or_default();
        let id: Id = new.into();
        if let Some(assigned) = self.target.remove(old) {
            self.save_target(work.step, &id, &assigned);
            self.target.insert(id.clone(), assigned);
        }
        (member.epoch, member.previous_epoch) = (JOIN, JOIN);
        member.state = Progress::Waiting;
        // It starts with nothing; what it had is free for it to get again.
        (member.assigned, member.revoking) = (Assigned::new(), Assigned::new());
        member
    }

    /// A member leaves, for good or for a restart.
    pub fn leave(&mut self, beat: Beat<'_>, work: &mut Work<'_>) -> Result<Told, Refused> {
        let request = beat.request;
        let by_instance = request
            .instance_id
            .map(|instance| self.statics.get(instance));
        let id: Id = match by_instance {
            Some(None) => {
                let text = format!("Instance id {:?} is unknown.", request.instance_id);
                return Err((ErrorCode::UnknownMemberId, text));
            }
            Some(Some(current)) if **current != *beat.member_id => {
                let text = format!("Static member {} was fenced by {current}.", beat.member_id);
                return Err((ErrorCode::FencedInstanceId, text));
            }
            _ => beat.member_id.into(),
        };
        let Some(member) = self.members.get(&id) else {
            let text = format!("Member {id} is not a member of group {}.", self.id);
            return Err((ErrorCode::UnknownMemberId, text));
        };
        if request.member_epoch == LEAVE_STATIC {
            // What it has is kept for it until its session is over.
            let mut away = member.clone();
            away.epoch = LEAVE_STATIC;
            (away.assigned, away.revoking) = (member.assigned.clone(), Assigned::new());
            self.save_current(work.step, &id, &away);
            self.put(&id, away);
            self.expect_revocation(&id, work);
        } else {
            self.remove(&id, work);
        }
        Ok(Told {
            member_epoch: match request.member_epoch {
                LEAVE_STATIC => LEAVE_STATIC,
                _ => LEAVE,
            },
            assigned: None,
        })
    }

    /// A member was not heard of, or did not give up what it should; whether it was there. If so
    /// `shrunk` follows.
    pub fn remove(&mut self, id: &Id, work: &mut Work<'_>) -> bool {
        if self.take_out(id).is_none() {
            return false;
        }
        self.cancel(id, work);
        self.save_gone(work.step, id);
        self.target.remove(id);
        // What the group wants is looked at anew when somebody speaks.
        self.seen_image = -1;
        true
    }

    /// Members have gone: what they had is for the others, and whoever comes to a group that is
    /// empty does not wait.
    pub fn shrunk(&mut self, work: &mut Work<'_>) {
        self.bump(work);
        if self.members.is_empty() {
            (self.target_epoch, self.target_at) = (self.epoch, 0);
            self.save_target_epoch(work.step);
            work.timers.cancel(&Timer::Target(self.id.clone()));
        }
    }

    fn cancel(&self, id: &Id, work: &mut Work<'_>) {
        work.timers
            .cancel(&Timer::Session(self.id.clone(), id.clone()));
        work.timers
            .cancel(&Timer::Revoke(self.id.clone(), id.clone()));
        work.timers
            .cancel(&Timer::Rejoin(self.id.clone(), id.clone()));
    }

    /// The member has its session timeout to be heard of again.
    pub(super) fn expect(&self, id: &Id, work: &mut Work<'_>) {
        let classic = self.members.get(id).and_then(|m| m.classic.as_ref());
        let timeout = match classic {
            Some(classic) => classic.session_timeout_ms,
            None => work
                .setting(&self.id, "consumer.session.timeout.ms")
                .unwrap_or(work.config.consumer_session_timeout_ms),
        };
        let at = work.step.now.plus_i32(timeout);
        work.timers
            .set(Timer::Session(self.id.clone(), id.clone()), at);
    }
}

fn update(member: &mut Member, beat: &Beat<'_>) {
    let request = beat.request;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    if request.instance_id.is_some() {
        member.instance = owned(request.instance_id);
    }
    if request.rack_id.is_some() {
        member.rack = owned(request.rack_id);
    }
    if request.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    if request.server_assignor.is_some() {
        member.assignor = owned(request.server_assignor);
    }
    if let Some(topics) = &request.subscribed_topic_names {
        member.topics = topics.iter().map(|topic| topic.0.to_owned()).collect();
    }
    if let Some(pattern) = request.subscribed_topic_regex {
        member.pattern = (!pattern.is_empty()).then(|| pattern.to_owned());
    }
    member.classic = beat.classic.cloned();
    member.client_id.clone_from(&beat.client.id);
    member.client_host.clone_from(&beat.client.host);
}

/// The epoch must be the member's, or the one before if our answer may have been lost: then it
/// has nothing that it was not given.
fn check_epoch(member: &Member, epoch: i32, owned: Option<&Assigned>) -> Result<(), Refused> {
    if epoch > member.epoch {
        let text = format!(
            "The consumer group member has a greater member epoch ({epoch}) than the one known by \
             the group coordinator ({}). The member must abandon all its partitions and rejoin.",
            member.epoch
        );
        return Err((ErrorCode::FencedMemberEpoch, text));
    }
    let within = |owned: &Assigned| {
        owned.iter().all(|(topic, partitions)| {
            let has = member.assigned.get(topic);
            has.is_some_and(|has| partitions.is_subset(has)) || partitions.is_empty()
        })
    };
    if epoch < member.epoch && (epoch != member.previous_epoch || !owned.is_some_and(within)) {
        let text = format!(
            "The consumer group member has a smaller member epoch ({epoch}) than the one known by \
             the group coordinator ({}). The member must abandon all its partitions and rejoin.",
            member.epoch
        );
        return Err((ErrorCode::FencedMemberEpoch, text));
    }
    Ok(())
}

fn owned(request: &ConsumerGroupHeartbeatRequest<'_>) -> Option<Assigned> {
    let topics = request.topic_partitions.as_ref()?.iter();
    let topics = topics.map(|topic| {
        let partitions = topic.partitions.iter().copied().collect();
        (TopicId(topic.topic_id.0), partitions)
    });
    Some(topics.collect())
}
