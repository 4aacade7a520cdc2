//! StreamsGroupHeartbeat: joining, living and leaving, all in one request.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  the machine.
//! Never:      changes anything for a request that is refused: `prepare` looks, `beat` acts.

use super::endpoints::Endpoint;
use super::reconcile::{Delay, STANDBY_REPLICAS};
use super::topics::Configured;
use super::topology::Topology;
use super::{Held, JOIN, Member, Offsets, StreamsGroup, Task, Tasks, by_subtopology, tasks_of};
use crate::coordinator::group::Work;
use crate::coordinator::group::timers::{Id, Timer};
use crate::coordinator::{Client, NewTopic};
use crate::protocol::ErrorCode;
use crate::protocol::messages::streams_group_heartbeat as wire;
use crate::protocol::messages::streams_group_heartbeat::{
    StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse,
    StreamsGroupHeartbeatResponseTaskIds as TaskIds,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// One heartbeat.
#[derive(Clone, Copy)]
pub struct Beat<'a> {
    pub request: &'a StreamsGroupHeartbeatRequest<'a>,
    pub client: &'a Client,
    pub version: i16,
}

/// A code, and what people are told.
pub type Refused = (ErrorCode, String);

/// A heartbeat that will be accepted.
pub struct Prepared {
    id: Id,
    /// The member as the log has it, unless it is new.
    before: Option<Member>,
    member: Member,
    owned: Option<Tasks>,
    topology: Rc<Topology>,
    configured: Rc<Configured>,
    metadata_hash: i64,
}

/// What a member is told.
pub struct Told {
    member_epoch: i32,
    status: Vec<(i8, String)>,
    tasks: Option<Held>,
    endpoint_epoch: i32,
    endpoints: Option<Vec<Endpoint>>,
    description_required: bool,
    /// For the caller: topics that must be made.
    pub topics: Vec<NewTopic>,
}

const STALE_TOPOLOGY: i8 = 0;
const SHUTDOWN_APPLICATION: i8 = 4;
const ASSIGNMENT_DELAYED: i8 = 5;

/// The first version whose members send a topology's description and offsets (KIP-1331).
const DESCRIPTIONS: i16 = 1;

/// How often members tell the offsets of their tasks, and how far behind a copy may be that takes
/// over; Apache Kafka's defaults. Members of version 1 follow them.
const TASK_OFFSET_INTERVAL_MS: i32 = 60_000;
const ACCEPTABLE_RECOVERY_LAG: i64 = 10_000;

impl StreamsGroup {
    /// Looks whether a heartbeat of a member that joins or lives can be accepted.
    pub fn prepare(&self, beat: &Beat<'_>, work: &Work<'_>) -> Result<Prepared, Refused> {
        let request = beat.request;
        let owned = owned(request);
        let before = self.find(beat, owned.as_ref(), work)?;
        let mut member = before.clone().unwrap_or_else(|| Member {
            rebalance_timeout_ms: -1,
            topology_epoch: -1,
            ..Member::default()
        });
        update(&mut member, beat);
        let topology = self.topology_with(request)?;
        let (configured, metadata_hash) = self.configured_for(&topology, work)?;
        if configured.is_ready() {
            let lists = [
                &request.active_tasks,
                &request.standby_tasks,
                &request.warmup_tasks,
            ];
            for tasks in lists.into_iter().flatten() {
                check_tasks(&configured, tasks)?;
            }
        }
        self.check_state(&member, owned.as_ref())?;
        Ok(Prepared {
            id: request.member_id.into(),
            before,
            member,
            owned,
            topology,
            configured,
            metadata_hash,
        })
    }

    fn find(
        &self,
        beat: &Beat<'_>,
        owned: Option<&Tasks>,
        work: &Work<'_>,
    ) -> Result<Option<Member>, Refused> {
        let request = beat.request;
        let joins = request.member_epoch == JOIN;
        match self.members.get(request.member_id) {
            Some(member) => {
                if !joins {
                    check_epoch(member, request.member_epoch, owned)?;
                }
                Ok(Some(member.clone()))
            }
            None if !joins => Err(self.not_a_member(request.member_id)),
            None if self.members.len() < work.config.streams_size_max => Ok(None),
            None => {
                let text = format!(
                    "The streams group has reached its maximum capacity of {} members.",
                    work.config.streams_size_max
                );
                Err((ErrorCode::GroupMaxSizeReached, text))
            }
        }
    }

    fn not_a_member(&self, id: &str) -> Refused {
        let text = format!("Member {id} is not a member of group {}.", self.id);
        (ErrorCode::UnknownMemberId, text)
    }

    /// The group's topology, or the first member's.
    fn topology_with(
        &self,
        request: &StreamsGroupHeartbeatRequest<'_>,
    ) -> Result<Rc<Topology>, Refused> {
        let sent = request.topology.as_ref();
        match (&self.topology, sent) {
            (Some(own), None) => Ok(own.clone()),
            // The member is told that it is behind.
            (Some(own), Some(sent)) if own.epoch > sent.epoch => Ok(own.clone()),
            (Some(own), Some(sent)) if **own == Topology::of_request(sent) => Ok(own.clone()),
            (Some(_), Some(_)) => {
                let text = "Topology updates are not supported yet.".to_owned();
                Err((ErrorCode::InvalidRequest, text))
            }
            (None, Some(sent)) => Ok(Rc::new(Topology::of_request(sent))),
            (None, None) => {
                let text = "The topology is null and the group topology is also null.".to_owned();
                Err((ErrorCode::UnknownServerError, text))
            }
        }
    }

    /// The topology measured against the topics; anew if the cluster has changed.
    fn configured_for(
        &self,
        topology: &Rc<Topology>,
        work: &Work<'_>,
    ) -> Result<(Rc<Configured>, i64), Refused> {
        match &self.configured {
            Some(known) if self.seen_image == work.image.offset => {
                return Ok((known.clone(), self.metadata_hash));
            }
            _ => {}
        }
        let hash = hash(topology, work);
        let configured = match &self.configured {
            Some(known) if hash == self.metadata_hash => known.clone(),
            _ => Rc::new(Configured::of(topology, work.image)?),
        };
        Ok((configured, hash))
    }

    /// A member joins or lives.
    pub fn beat(&mut self, prepared: Prepared, beat: &Beat<'_>, work: &mut Work<'_>) -> Told {
        let request = beat.request;
        let is_first = self.members.is_empty();
        let id = prepared.id.clone();
        let had = prepared
            .before
            .as_ref()
            .map(|member| member.assigned.clone());
        let had = had.unwrap_or_default();
        let configured = prepared.configured.clone();
        let owned = prepared.owned.clone();
        self.note_offsets(&id, request, beat.version);
        self.take_in(prepared, work);
        let mut status = self.stale(&id);
        if is_first {
            self.wait_for_more(work);
        }
        if let Some(delay) = self.aim(&configured, work) {
            let why = match delay {
                Delay::First => "initial rebalance delay",
                Delay::Interval => "assignment interval",
            };
            let text = format!("Assignment delayed due to the configured {why}.");
            status.push((ASSIGNMENT_DELAYED, text));
        }
        self.reconcile(&id, owned.as_ref(), work);
        self.expect(&id, work);
        if request.shutdown_application && self.shutdown_by.is_none() {
            self.shutdown_by = Some(id.clone());
        }
        let member = &self.members[&id];
        let (member_epoch, has_endpoint) = (member.epoch, member.endpoint.is_some());
        // Whoever does not have what it was given has perhaps not heard of it.
        let lacks = owned.is_some_and(|owned| !owned.has_all(&member.assigned));
        let tells = request.member_epoch == JOIN || member.assigned != had || lacks;
        let tasks = tells.then(|| member.assigned.clone());
        if tells && has_endpoint {
            self.endpoint_epoch = self.endpoint_epoch.wrapping_add(1);
        }
        let endpoints = (self.endpoint_epoch != request.endpoint_information_epoch)
            .then(|| self.endpoints(&configured, work.image));
        let topics = self.topics_to_make(&configured, work.step.now);
        if let Some((problem, text)) = &configured.problem {
            let failures = self.creation_failures(&configured.missing);
            status.push((*problem as i8, format!("{text}{failures}")));
        }
        let is_stale = status.iter().any(|(code, _)| *code == STALE_TOPOLOGY);
        if let Some(by) = &self.shutdown_by {
            let text = format!(
                "Streams group member {by} encountered a fatal error and requested a shutdown for \
                 the entire application."
            );
            status.push((SHUTDOWN_APPLICATION, text));
        }
        let epoch = configured.topology.epoch;
        let description_required = beat.version >= DESCRIPTIONS
            && !is_stale
            && self.description.asks(epoch, work.step.now);
        Told {
            member_epoch,
            status,
            tasks,
            endpoint_epoch: self.endpoint_epoch,
            endpoints,
            description_required,
            topics,
        }
    }

    /// The member and its topology as they are now; the group's epoch moves when that matters.
    fn take_in(&mut self, prepared: Prepared, work: &mut Work<'_>) {
        let (id, member) = (&prepared.id, prepared.member);
        let mut bumps = prepared.before.as_ref() != Some(&member);
        if bumps {
            self.save_member(work.step, id, &member);
        }
        if self.topology.is_none() {
            self.save_topology(work.step, &prepared.topology);
            self.topology = Some(prepared.topology.clone());
        }
        self.seen_image = work.image.offset;
        let validated = match prepared.configured.is_ready() {
            true => prepared.topology.epoch,
            false => -1,
        };
        let configs = self.assignment_configs(work);
        bumps |= prepared.metadata_hash != self.metadata_hash
            || validated != self.validated_epoch
            || configs != self.assignment_configs;
        self.configured = Some(prepared.configured);
        if bumps {
            self.epoch = self.epoch.saturating_add(1);
            self.metadata_hash = prepared.metadata_hash;
            self.validated_epoch = validated;
            self.assignment_configs = configs;
            self.save_epoch(work.step);
        }
        self.put(id, member);
    }

    fn stale(&self, id: &Id) -> Vec<(i8, String)> {
        let own = self.topology.as_ref().map_or(-1, |topology| topology.epoch);
        let member = self
            .members
            .get(id)
            .map_or(own, |member| member.topology_epoch);
        if member >= own {
            return Vec::new();
        }
        let text = format!(
            "The member's topology epoch {member} is behind the group's topology epoch {own}."
        );
        vec![(STALE_TOPOLOGY, text)]
    }

    /// A group that was empty waits a little before its first assignment.
    fn wait_for_more(&mut self, work: &mut Work<'_>) {
        let delay = work.setting(&self.id, "streams.initial.rebalance.delay.ms");
        let delay = delay.unwrap_or(work.config.streams_initial_rebalance_delay_ms);
        if delay > 0 && !self.delayed {
            self.delayed = true;
            let at = work.step.now.plus_i32(delay);
            work.timers.set(Timer::Target(self.id.clone()), at);
        }
    }

    fn assignment_configs(&self, work: &Work<'_>) -> BTreeMap<String, String> {
        let standbys = work.setting(&self.id, "streams.num.standby.replicas");
        let standbys = standbys.unwrap_or(work.config.streams_standby_replicas);
        [(STANDBY_REPLICAS.to_owned(), standbys.to_string())].into()
    }

    pub fn heartbeat_interval_ms(&self, work: &Work<'_>) -> i32 {
        let own = work.setting(&self.id, "streams.heartbeat.interval.ms");
        own.unwrap_or(work.config.streams_heartbeat_interval_ms)
    }

    pub(super) fn assignment_interval_ms(&self, work: &Work<'_>) -> i32 {
        let own = work.setting(&self.id, "streams.assignment.interval.ms");
        own.unwrap_or(work.config.streams_assignment_interval_ms)
    }

    fn note_offsets(&mut self, id: &Id, request: &StreamsGroupHeartbeatRequest<'_>, version: i16) {
        if version < DESCRIPTIONS {
            return;
        }
        let of = |told: &[wire::TaskOffset<'_>]| -> BTreeMap<Task, i64> {
            let told = told.iter();
            told.map(|told| ((told.subtopology_id.into(), told.partition), told.offset))
                .collect()
        };
        if request.task_offsets.is_none() && request.task_end_offsets.is_none() {
            return;
        }
        let known: &mut Offsets = self.offsets.entry(id.clone()).or_default();
        if let Some(told) = &request.task_offsets {
            known.reached = of(told);
        }
        if let Some(told) = &request.task_end_offsets {
            known.ends = of(told);
        }
    }

    /// A member leaves.
    pub fn leave(&mut self, beat: &Beat<'_>, work: &mut Work<'_>) -> Result<(), Refused> {
        let id: Id = beat.request.member_id.into();
        if !self.members.contains_key(&id) {
            return Err(self.not_a_member(&id));
        }
        if beat.request.shutdown_application && self.shutdown_by.is_none() {
            self.shutdown_by = Some(id.clone());
        }
        self.remove(&id, work);
        Ok(())
    }

    /// A member left, was not heard of, or did not give up what it should.
    pub fn remove(&mut self, id: &Id, work: &mut Work<'_>) {
        if self.take_out(id).is_none() {
            return;
        }
        for timer in [Timer::Session, Timer::Revoke] {
            work.timers.cancel(&timer(self.id.clone(), id.clone()));
        }
        self.save_gone(work.step, id);
        self.target.remove(id);
        self.epoch = self.epoch.saturating_add(1);
        self.save_epoch(work.step);
    }

    /// The member has its session timeout to be heard of again.
    pub(super) fn expect(&self, id: &Id, work: &mut Work<'_>) {
        let timeout = work.setting(&self.id, "streams.session.timeout.ms");
        let timeout = timeout.unwrap_or(work.config.streams_session_timeout_ms);
        let at = work.step.now.plus_i32(timeout);
        work.timers
            .set(Timer::Session(self.id.clone(), id.clone()), at);
    }
}

impl Told {
    pub fn response<'a>(
        &'a self,
        member_id: &'a str,
        heartbeat_interval_ms: i32,
        version: i16,
    ) -> StreamsGroupHeartbeatResponse<'a> {
        let status = self.status.iter();
        let tasks = self.tasks.as_ref();
        let endpoints = self.endpoints.as_ref();
        let speaks_offsets = version >= DESCRIPTIONS;
        StreamsGroupHeartbeatResponse {
            member_id,
            member_epoch: self.member_epoch,
            heartbeat_interval_ms,
            task_offset_interval_ms: if speaks_offsets {
                TASK_OFFSET_INTERVAL_MS
            } else {
                0
            },
            acceptable_recovery_lag: if speaks_offsets {
                ACCEPTABLE_RECOVERY_LAG
            } else {
                -1
            },
            status: Some(
                status
                    .map(|(status_code, status_detail)| wire::Status {
                        status_code: *status_code,
                        status_detail,
                    })
                    .collect(),
            ),
            active_tasks: tasks.map(|tasks| listed(&mut tasks.active.keys())),
            standby_tasks: tasks.map(|tasks| listed(&mut tasks.standby.iter())),
            warmup_tasks: tasks.map(|tasks| listed(&mut tasks.warmup.iter())),
            topology_description_required: self.description_required,
            endpoint_information_epoch: self.endpoint_epoch,
            partitions_by_user_endpoint: endpoints
                .map(|endpoints| endpoints.iter().map(Endpoint::told).collect()),
            ..StreamsGroupHeartbeatResponse::default()
        }
    }
}

fn listed<'t>(tasks: &mut dyn Iterator<Item = &'t Task>) -> Vec<TaskIds<'t>> {
    let tasks = by_subtopology(tasks).into_iter();
    tasks
        .map(|(subtopology_id, partitions)| TaskIds {
            subtopology_id,
            partitions,
        })
        .collect()
}

fn update(member: &mut Member, beat: &Beat<'_>) {
    let request = beat.request;
    if request.rack_id.is_some() {
        member.rack = request.rack_id.map(str::to_owned);
    }
    if request.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    if let Some(topology) = &request.topology {
        member.topology_epoch = topology.epoch;
    }
    if let Some(process) = request.process_id {
        process.clone_into(&mut member.process);
    }
    if let Some(endpoint) = &request.user_endpoint {
        member.endpoint = Some((endpoint.host.to_owned(), endpoint.port));
    }
    if let Some(tags) = &request.client_tags {
        let tags = tags.iter();
        let tags = tags.map(|tag| (tag.key.to_owned(), tag.value.to_owned()));
        member.tags = tags.collect();
    }
    member.client_id.clone_from(&beat.client.id);
    member.client_host.clone_from(&beat.client.host);
}

/// The epoch must be the member's, or the one before if our answer may have been lost: then it
/// has nothing that it was not given.
fn check_epoch(member: &Member, epoch: i32, owned: Option<&Tasks>) -> Result<(), Refused> {
    let relation = if epoch > member.epoch {
        "greater"
    } else if epoch < member.epoch
        && (epoch != member.previous_epoch
            || owned.is_none_or(|owned| !member.assigned.has_all(owned)))
    {
        "smaller"
    } else {
        return Ok(());
    };
    let text = format!(
        "The streams group member has a {relation} member epoch ({epoch}) than the one known by \
         the group coordinator ({}). The member must abandon all its partitions and rejoin.",
        member.epoch
    );
    Err((ErrorCode::FencedMemberEpoch, text))
}

fn check_tasks(
    configured: &Configured,
    tasks: &[wire::StreamsGroupHeartbeatRequestTaskIds<'_>],
) -> Result<(), Refused> {
    for named in tasks {
        let id = named.subtopology_id;
        let Some(count) = configured.tasks.get(id) else {
            let text = format!("Subtopology {id} does not exist in the topology.");
            return Err((ErrorCode::InvalidRequest, text));
        };
        if let Some(task) = named
            .partitions
            .iter()
            .find(|task| !(0..*count).contains(*task))
        {
            let text = format!(
                "Task {task} for subtopology {id} is invalid. Number of tasks for this \
                 subtopology: {count}"
            );
            return Err((ErrorCode::InvalidRequest, text));
        }
    }
    Ok(())
}

fn owned(request: &StreamsGroupHeartbeatRequest<'_>) -> Option<Tasks> {
    let of = |tasks: &[wire::StreamsGroupHeartbeatRequestTaskIds<'_>]| -> BTreeSet<Task> {
        let tasks = tasks.iter();
        tasks_of(tasks.map(|tasks| (tasks.subtopology_id, tasks.partitions.as_slice())))
    };
    Some(Tasks {
        active: of(request.active_tasks.as_deref()?),
        standby: of(request.standby_tasks.as_deref()?),
        warmup: of(request.warmup_tasks.as_deref()?),
    })
}

/// Of every topic the topology needs, with its partitions; 0 for nothing.
fn hash(topology: &Topology, work: &Work<'_>) -> i64 {
    let mut hasher = rustc_hash::FxHasher::default();
    let mut any = false;
    let known = topology
        .required()
        .filter_map(|name| work.image.topic(name));
    for topic in known {
        (topic.id.0, &topic.name, topic.partitions.len()).hash(&mut hasher);
        any = true;
    }
    match any {
        true => hasher.finish() as i64,
        false => 0,
    }
}
