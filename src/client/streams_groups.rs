//! Streams groups as tools see them: topology, members, tasks.
//!
//! Room:       `client`.
//! Called by:  `cli`.
//! Calls:      `groups`, for the way to a group's own coordinator.
//! Never:      prints, or hides an error code.

use super::cluster::Cluster;
use super::connection::Answer;
use super::error::ClientError;
use super::groups::call;
use crate::protocol::messages::streams_group_describe::{
    Assignment, Member, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse, Subtopology,
    TaskIds,
};
use crate::protocol::{ErrorCode, GroupId};
use std::collections::{BTreeMap, BTreeSet};

/// A group, what it runs and who is in it.
#[derive(Clone, Debug)]
pub struct StreamsGroup {
    pub id: String,
    pub coordinator: i32,
    pub state: String,
    pub epoch: i32,
    pub assignment_epoch: i32,
    pub topology_epoch: i32,
    /// By id.
    pub subtopologies: BTreeMap<String, Topics>,
    pub members: Vec<StreamsMember>,
}

/// The topics of a subtopology.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    pub sources: BTreeSet<String>,
    pub repartition_sources: BTreeSet<String>,
    pub changelogs: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub struct StreamsMember {
    pub id: String,
    pub client_id: String,
    pub process: String,
    pub epoch: i32,
    pub is_classic: bool,
    pub assigned: Tasks,
    pub target: Tasks,
}

/// Partitions by subtopology, for each kind of task.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    pub active: Vec<(String, Vec<i32>)>,
    pub standby: Vec<(String, Vec<i32>)>,
    pub warmup: Vec<(String, Vec<i32>)>,
}

impl StreamsGroup {
    /// The topics the group reads that it does not write itself.
    pub fn sources(&self) -> BTreeSet<&str> {
        let topics = self.subtopologies.values();
        topics
            .flat_map(|t| &t.sources)
            .map(String::as_str)
            .collect()
    }

    /// The topics the group keeps for itself.
    pub fn internal_topics(&self) -> BTreeSet<&str> {
        let sources = self.sources();
        let topics = self.subtopologies.values();
        let internal = topics.flat_map(|t| t.repartition_sources.iter().chain(&t.changelogs));
        let internal = internal.map(String::as_str);
        internal.filter(|topic| !sources.contains(topic)).collect()
    }
}

/// One group.
pub fn describe(cluster: &Cluster, group: &str) -> Result<StreamsGroup, ClientError> {
    let request = StreamsGroupDescribeRequest {
        group_ids: vec![GroupId(group)],
        ..StreamsGroupDescribeRequest::default()
    };
    let code = |answer: &Answer| {
        let response: StreamsGroupDescribeResponse<'_> = answer.decode()?;
        let group = response.groups.first();
        Ok(group.map_or(ErrorCode::GroupIdNotFound, |group| group.error_code))
    };
    let (coordinator, answer) = call(cluster, group, &request, code)?;
    let response: StreamsGroupDescribeResponse<'_> = answer.decode()?;
    let found = response.groups.into_iter().next().unwrap_or_default();
    let topology = found.topology.unwrap_or_default();
    let subtopologies = topology.subtopologies.unwrap_or_default();
    Ok(StreamsGroup {
        id: group.to_owned(),
        coordinator,
        state: found.group_state.to_owned(),
        epoch: found.group_epoch,
        assignment_epoch: found.assignment_epoch,
        topology_epoch: topology.epoch,
        subtopologies: subtopologies.iter().map(topics).collect(),
        members: found.members.iter().map(member).collect(),
    })
}

fn topics(subtopology: &Subtopology<'_>) -> (String, Topics) {
    let sources = subtopology.source_topics.iter();
    let repartitions = subtopology.repartition_source_topics.iter();
    let changelogs = subtopology.state_changelog_topics.iter();
    let topics = Topics {
        sources: sources.map(|topic| topic.0.to_owned()).collect(),
        repartition_sources: repartitions.map(|topic| topic.name.0.to_owned()).collect(),
        changelogs: changelogs.map(|topic| topic.name.0.to_owned()).collect(),
    };
    (subtopology.subtopology_id.to_owned(), topics)
}

fn member(member: &Member<'_>) -> StreamsMember {
    StreamsMember {
        id: member.member_id.to_owned(),
        client_id: member.client_id.to_owned(),
        process: member.process_id.to_owned(),
        epoch: member.member_epoch,
        is_classic: member.is_classic,
        assigned: tasks(&member.assignment),
        target: tasks(&member.target_assignment),
    }
}

fn tasks(assignment: &Assignment<'_>) -> Tasks {
    let of = |tasks: &[TaskIds<'_>]| -> Vec<(String, Vec<i32>)> {
        let tasks = tasks.iter();
        tasks
            .map(|tasks| (tasks.subtopology_id.to_owned(), tasks.partitions.clone()))
            .collect()
    };
    Tasks {
        active: of(&assignment.active_tasks),
        standby: of(&assignment.standby_tasks),
        warmup: of(&assignment.warmup_tasks),
    }
}
