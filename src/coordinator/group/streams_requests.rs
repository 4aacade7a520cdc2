//! The APIs of streams groups (KIP-1071, KIP-1331), and their records.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Calls:      `streams`.
//! Never:      makes a group for a request that is refused.

use super::admin::GROUP_OPERATIONS;
use super::admin::OPERATIONS_NOT_ASKED;
use super::streams::{Beat, JOIN, LEAVE, LEAVE_STATIC, Refused, StreamsGroup, Update};
use super::timers::Id;
use super::{Group, GroupMachine, Work, decode, records};
use crate::coordinator::{Ask, CREATE_TOPICS_VERSION, Coordinated, Request, Step, Ticket, Token};
use crate::protocol::messages::create_topics::CreateTopicsResponse;
use crate::protocol::messages::streams_group_describe::{
    DescribedGroup, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse,
};
use crate::protocol::messages::streams_group_heartbeat::{
    StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatRequestTaskIds as TaskIds,
    StreamsGroupHeartbeatResponse,
};
use crate::protocol::messages::streams_group_topology_description_update as description;
use crate::protocol::records::group::{GroupRecordKey, GroupRecordValue};
use crate::protocol::{ErrorCode, Reader};
use std::collections::BTreeSet;

/// The first version whose members may tell the offsets of their tasks.
const TASK_OFFSETS: i16 = 1;

impl GroupMachine {
    pub(super) fn streams_beat(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: StreamsGroupHeartbeatRequest<'_> = decode(request)?;
        let beat = Beat {
            request: &asked,
            client: &request.client,
            version: request.version,
        };
        let checked = check_beat(&asked, request.version);
        let refused = match asked.member_epoch {
            _ if checked.is_err() => checked,
            LEAVE | LEAVE_STATIC => self.streams_leave(step, token, request.version, beat),
            _ => self.streams_live(step, token, request.version, beat),
        };
        if let Err((error_code, text)) = refused {
            let response = StreamsGroupHeartbeatResponse {
                error_code,
                error_message: Some(&text),
                ..StreamsGroupHeartbeatResponse::default()
            };
            step.answer(token, request.version, &response);
        }
        Ok(())
    }

    fn streams_live(
        &mut self,
        step: &mut Step,
        token: Token,
        version: i16,
        beat: Beat<'_>,
    ) -> Result<(), Refused> {
        let name = beat.request.group_id.0;
        let fresh = match self.groups.get(name) {
            Some(Group::Streams(_)) => None,
            Some(Group::Classic(group))
                if beat.request.member_epoch == JOIN && group.is_empty() =>
            {
                Some(StreamsGroup::new(name.into()))
            }
            None if beat.request.member_epoch == JOIN => Some(StreamsGroup::new(name.into())),
            found => return Err(not_streams(name, "Streams group", found.is_some())),
        };
        let is_fresh = fresh.is_some();
        let mut work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        let prepared = match (&fresh, self.groups.get(name)) {
            (Some(group), _) | (None, Some(Group::Streams(group))) => group.prepare(&beat, &work),
            _ => Err(not_streams(name, "Streams group", true)),
        }?;
        if let Some(group) = fresh {
            // Whatever an empty classic group was, it is one of streams from here on.
            if let Some(Group::Classic(classic)) = self.groups.get(name) {
                classic.cancel_timers(work.timers);
                records::group_gone(work.step, name);
            }
            let id = group.id.clone();
            self.groups.insert(id, Group::Streams(group));
        }
        let Some(Group::Streams(group)) = self.groups.get_mut(name) else {
            unreachable!("found or made above");
        };
        let told = group.beat(prepared, &beat, &mut work);
        let interval = group.heartbeat_interval_ms(&work);
        let response = told.response(beat.request.member_id, interval, version);
        work.step.answer(token, version, &response);
        if is_fresh {
            tracing::debug!(group = name, "streams group made");
        }
        let (id, topics) = (group.id.clone(), told.topics);
        if !topics.is_empty() {
            let ticket = self.jobs.ticket();
            let names = topics.iter().map(|topic| topic.name.clone()).collect();
            self.creations.insert(ticket, (id, names));
            step.ask(ticket, Ask::CreateTopics { topics });
        }
        Ok(())
    }

    /// What came of internal topics that were asked for.
    pub(super) fn topics_made(&mut self, step: &mut Step, ticket: Ticket, reply: Coordinated) {
        let Some((id, names)) = self.creations.remove(&ticket) else {
            return;
        };
        let mut outcomes: Vec<(String, Option<String>)> = Vec::new();
        match &reply {
            Ok(body) => {
                let mut reader = Reader::new(body);
                let answer = CreateTopicsResponse::decode(&mut reader, CREATE_TOPICS_VERSION);
                for topic in answer.map(|answer| answer.topics).unwrap_or_default() {
                    let text = topic.error_message.unwrap_or(topic.error_code.name());
                    let is_fine = matches!(
                        topic.error_code,
                        ErrorCode::None | ErrorCode::TopicAlreadyExists
                    );
                    let error = (!is_fine).then(|| text.to_owned());
                    outcomes.push((topic.name.0.to_owned(), error));
                }
            }
            Err(code) => {
                let failed = names
                    .iter()
                    .map(|name| (name.clone(), Some(code.name().to_owned())));
                outcomes.extend(failed);
            }
        }
        // Whatever was not told of may be asked for again.
        let told: BTreeSet<&String> = outcomes.iter().map(|(name, _)| name).collect();
        let rest = names.iter().filter(|name| !told.contains(name));
        let rest: Vec<_> = rest.map(|name| (name.clone(), None)).collect();
        outcomes.extend(rest);
        let work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        if let Some(Group::Streams(group)) = self.groups.get_mut(&*id) {
            for (topic, why) in &outcomes {
                if let Some(why) = why {
                    tracing::warn!(group = &*id, topic, why, "internal topic not created");
                }
            }
            group.topics_made(outcomes, &work);
        }
    }

    fn streams_leave(
        &mut self,
        step: &mut Step,
        token: Token,
        version: i16,
        beat: Beat<'_>,
    ) -> Result<(), Refused> {
        let name = beat.request.group_id.0;
        let mut work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        match self.groups.get_mut(name) {
            Some(Group::Streams(group)) => group.leave(&beat, &mut work)?,
            found => return Err(not_streams(name, "Group", found.is_some())),
        }
        let response = StreamsGroupHeartbeatResponse {
            member_id: beat.request.member_id,
            member_epoch: beat.request.member_epoch,
            ..StreamsGroupHeartbeatResponse::default()
        };
        step.answer(token, version, &response);
        Ok(())
    }

    pub(super) fn streams<'a>(
        &'a mut self,
        step: &'a mut Step,
        name: &str,
    ) -> Option<(&'a mut StreamsGroup, Work<'a>)> {
        let work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        match self.groups.get_mut(name)? {
            Group::Streams(group) => Some((group, work)),
            _ => None,
        }
    }

    pub(super) fn streams_describe(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: StreamsGroupDescribeRequest<'_> = decode(request)?;
        let texts: Vec<String> = asked
            .group_ids
            .iter()
            .map(|id| not_streams(id.0, "Group", self.groups.contains_key(id.0)).1)
            .collect();
        let operations = match asked.include_authorized_operations {
            true => GROUP_OPERATIONS,
            false => OPERATIONS_NOT_ASKED,
        };
        let described = asked.include_topology_description;
        let groups = asked.group_ids.iter().zip(&texts);
        let groups = groups.map(|(id, text)| match self.groups.get(id.0) {
            Some(Group::Streams(group)) => group.describe(operations, described),
            _ => DescribedGroup {
                error_code: ErrorCode::GroupIdNotFound,
                error_message: Some(text),
                group_id: *id,
                authorized_operations: OPERATIONS_NOT_ASKED,
                ..DescribedGroup::default()
            },
        });
        let response = StreamsGroupDescribeResponse {
            groups: groups.collect(),
            ..StreamsGroupDescribeResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    pub(super) fn streams_topology_description(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: Update<'_> = decode(request)?;
        let name = asked.group_id.0;
        let updated =
            check_present(name, asked.member_id).and_then(|()| match self.streams(step, name) {
                Some((group, work)) => group.describe_topology(&asked, &work),
                None => Err(not_streams(name, "Group", self.groups.contains_key(name))),
            });
        let (error_code, text) = match updated {
            Ok(()) => (ErrorCode::None, None),
            Err((code, text)) => (code, Some(text)),
        };
        let response = description::StreamsGroupTopologyDescriptionUpdateResponse {
            error_code,
            error_message: text.as_deref(),
            ..description::StreamsGroupTopologyDescriptionUpdateResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    /// Records of streams groups; those of other kinds are passed over.
    pub(super) fn replay_streams(
        &mut self,
        key: &GroupRecordKey<'_>,
        value: Option<&GroupRecordValue<'_>>,
    ) {
        use GroupRecordKey as Key;
        use GroupRecordValue as Value;
        match (key, value) {
            (Key::StreamsGroupMetadata(key), Some(Value::StreamsGroupMetadata(value))) => {
                self.replayed_streams(key.group_id).replay_epoch(value);
            }
            (Key::StreamsGroupMetadata(key), _) => {
                if matches!(self.groups.get(key.group_id), Some(Group::Streams(_))) {
                    self.groups.remove(key.group_id);
                }
            }
            (Key::StreamsGroupTopology(key), value) => {
                let value = match value {
                    Some(Value::StreamsGroupTopology(value)) => Some(value),
                    _ => None,
                };
                if let Some(group) = self.replayed_streams_if(key.group_id, value.is_some()) {
                    group.replay_topology(value);
                }
            }
            (Key::StreamsGroupMemberMetadata(key), value) => {
                let value = match value {
                    Some(Value::StreamsGroupMemberMetadata(value)) => Some(value),
                    _ => None,
                };
                if let Some(group) = self.replayed_streams_if(key.group_id, value.is_some()) {
                    group.replay_member(key.member_id, value);
                }
            }
            (Key::StreamsGroupTargetAssignmentMetadata(key), value) => {
                let value = match value {
                    Some(Value::StreamsGroupTargetAssignmentMetadata(value)) => Some(value),
                    _ => None,
                };
                if let Some(group) = self.replayed_streams_if(key.group_id, value.is_some()) {
                    group.replay_target_epoch(value);
                }
            }
            (Key::StreamsGroupTargetAssignmentMember(key), value) => {
                let value = match value {
                    Some(Value::StreamsGroupTargetAssignmentMember(value)) => Some(value),
                    _ => None,
                };
                if let Some(group) = self.replayed_streams_if(key.group_id, value.is_some()) {
                    group.replay_target(key.member_id, value);
                }
            }
            (Key::StreamsGroupCurrentMemberAssignment(key), value) => {
                let value = match value {
                    Some(Value::StreamsGroupCurrentMemberAssignment(value)) => Some(value),
                    _ => None,
                };
                if let Some(group) = self.replayed_streams_if(key.group_id, value.is_some()) {
                    group.replay_current(key.member_id, value);
                }
            }
            _ => {}
        }
    }

    /// The streams group of this name, made if it was not there or was of another kind.
    fn replayed_streams(&mut self, name: &str) -> &mut StreamsGroup {
        if !matches!(self.groups.get(name), Some(Group::Streams(_))) {
            let id: Id = name.into();
            let group = StreamsGroup::new(id.clone());
            self.groups.insert(id, Group::Streams(group));
        }
        match self.groups.get_mut(name) {
            Some(Group::Streams(group)) => group,
            _ => unreachable!("made above"),
        }
    }

    /// A tombstone makes no group.
    fn replayed_streams_if(&mut self, name: &str, make: bool) -> Option<&mut StreamsGroup> {
        if make {
            return Some(self.replayed_streams(name));
        }
        match self.groups.get_mut(name) {
            Some(Group::Streams(group)) => Some(group),
            _ => None,
        }
    }
}

fn not_streams(name: &str, what: &str, exists: bool) -> Refused {
    let text = match exists {
        true => format!("Group {name} is not a streams group."),
        false => format!("{what} {name} not found."),
    };
    (ErrorCode::GroupIdNotFound, text)
}

fn check_present(group: &str, member: &str) -> Result<(), Refused> {
    for (value, what) in [(member, "MemberId"), (group, "GroupId")] {
        if value.trim().is_empty() {
            return Err((ErrorCode::InvalidRequest, format!("{what} can't be empty.")));
        }
    }
    Ok(())
}

/// What every heartbeat must say, whoever sends it.
fn check_beat(asked: &StreamsGroupHeartbeatRequest<'_>, version: i16) -> Result<(), Refused> {
    let invalid = |text: &str| Err((ErrorCode::InvalidRequest, text.to_owned()));
    if asked.instance_id.is_some() {
        return invalid("Static membership is not yet supported.");
    }
    if version < TASK_OFFSETS && asked.task_offsets.is_some() {
        return invalid("TaskOffsets are not supported yet.");
    }
    if version < TASK_OFFSETS && asked.task_end_offsets.is_some() {
        return invalid("TaskEndOffsets are not supported yet.");
    }
    if asked
        .warmup_tasks
        .as_ref()
        .is_some_and(|tasks| !tasks.is_empty())
    {
        return invalid("WarmupTasks are not supported yet.");
    }
    let subtopologies = asked
        .topology
        .iter()
        .flat_map(|topology| &topology.subtopologies);
    if subtopologies
        .clone()
        .any(|subtopology| !subtopology.source_topic_regex.is_empty())
    {
        return invalid("Regular expressions for source topics are not supported yet.");
    }
    check_present(asked.group_id.0, asked.member_id)?;
    if asked.rack_id.is_some_and(|rack| rack.trim().is_empty()) {
        return invalid("RackId can't be empty.");
    }
    match asked.member_epoch {
        JOIN => check_join(asked)?,
        LEAVE_STATIC => return invalid("InstanceId can't be null."),
        epoch if epoch < LEAVE_STATIC => {
            let text = format!("MemberEpoch is {epoch}, but must be greater than or equal to -2.");
            return invalid(&text);
        }
        _ => {}
    }
    let lists = [
        &asked.active_tasks,
        &asked.standby_tasks,
        &asked.warmup_tasks,
    ];
    let given = lists.iter().filter(|tasks| tasks.is_some()).count();
    if given != 0 && given != lists.len() {
        return invalid("If one task-type is non-null, all must be non-null.");
    }
    if asked.member_epoch != JOIN && asked.topology.is_some() {
        return invalid("Topology can only be provided when (re-)joining.");
    }
    Ok(())
}

fn check_join(asked: &StreamsGroupHeartbeatRequest<'_>) -> Result<(), Refused> {
    let invalid = |text: &str| Err((ErrorCode::InvalidRequest, text.to_owned()));
    if asked.rebalance_timeout_ms == -1 {
        return invalid("RebalanceTimeoutMs must be provided in first request.");
    }
    let is_empty = |tasks: &Option<Vec<TaskIds<'_>>>| tasks.as_ref().is_some_and(Vec::is_empty);
    for (tasks, what) in [
        (&asked.active_tasks, "ActiveTasks"),
        (&asked.standby_tasks, "StandbyTasks"),
        (&asked.warmup_tasks, "WarmupTasks"),
    ] {
        if !is_empty(tasks) {
            return invalid(&format!("{what} must be empty when (re-)joining."));
        }
    }
    let Some(topology) = &asked.topology else {
        return invalid("Topology must be non-null when (re-)joining.");
    };
    if topology.epoch < 0 {
        return invalid("Topology epoch must be non-negative.");
    }
    let mut ids = BTreeSet::new();
    for subtopology in &topology.subtopologies {
        let id = subtopology.subtopology_id;
        if !ids.insert(id) {
            let text = format!("Subtopology {id} is in the topology twice.");
            return Err((ErrorCode::StreamsInvalidTopology, text));
        }
        let mut changelogs = subtopology.state_changelog_topics.iter();
        if let Some(topic) = changelogs.find(|topic| topic.partitions != 0) {
            let text = format!(
                "Changelog topic {} must have an undefined partition count, but it is set to {}.",
                topic.name.0, topic.partitions
            );
            return Err((ErrorCode::StreamsInvalidTopology, text));
        }
    }
    Ok(())
}
