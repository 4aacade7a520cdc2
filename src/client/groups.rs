//! What there is to ask and tell of groups: who they are, who is in them, how far they have come.
//!
//! Room:       `client`.
//! Called by:  `cli`.
//! Calls:      `cluster`, with each group's own coordinator.
//! Never:      prints, or hides an error code.

use super::cluster::{Cluster, Retry};
use super::connection::Answer;
use super::error::ClientError;
use crate::protocol::messages::consumer_group_describe::{
    Assignment, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse,
};
use crate::protocol::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use crate::protocol::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::protocol::messages::find_coordinator::{
    FindCoordinatorRequest, FindCoordinatorResponse,
};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse,
};
use crate::protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
};
use crate::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse,
};
use crate::protocol::records::consumer_protocol::ConsumerProtocolAssignment;
use crate::protocol::{ErrorCode, GroupId, Reader, Request, TopicName};
use std::collections::BTreeMap;

/// One group of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    pub id: String,
    /// `classic`, `consumer`, `share`, `streams`; as the broker writes it.
    pub kind: String,
    pub state: String,
    pub protocol: String,
}

/// A group and who is in it.
#[derive(Clone, Debug)]
pub struct DescribedGroup {
    pub id: String,
    pub coordinator: i32,
    pub state: String,
    pub assignor: String,
    /// Set for groups whose coordinator assigns.
    pub epochs: Option<(i32, i32)>,
    pub members: Vec<DescribedMember>,
}

#[derive(Clone, Debug)]
pub struct DescribedMember {
    pub id: String,
    pub instance: Option<String>,
    pub client_id: String,
    pub host: String,
    /// -1 in groups without.
    pub epoch: i32,
    pub assigned: Partitions,
    pub target: Partitions,
}

/// Partitions by topic.
pub type Partitions = BTreeMap<String, Vec<i32>>;

/// A committed offset and its leader epoch, by topic and partition.
pub type Offsets = BTreeMap<(String, i32), (i64, i32)>;

/// The broker that coordinates a group; asked again until there is one.
pub fn coordinator(cluster: &Cluster, group: &str) -> Result<i32, ClientError> {
    let request = FindCoordinatorRequest {
        coordinator_keys: vec![group],
        ..FindCoordinatorRequest::default()
    };
    let mut retry = Retry::new(cluster.config());
    loop {
        let asked = (|| {
            let answer = cluster.call_any(&request)?;
            let response: FindCoordinatorResponse<'_> = answer.decode()?;
            let found = response.coordinators.first();
            let code = found.map_or(ErrorCode::CoordinatorNotAvailable, |found| found.error_code);
            ClientError::check(code, None, || format!("group '{group}'"))?;
            Ok(found.map_or(-1, |found| found.node_id.0))
        })();
        match asked {
            Err(failure) if again(&failure) && retry.pause() => {}
            done => return done,
        }
    }
}

/// Calls a group's coordinator until it is ready; `code` is the answer's.
pub(super) fn call<'a, R: Request<'a>>(
    cluster: &Cluster,
    group: &str,
    request: &R,
    code: impl Fn(&Answer) -> Result<ErrorCode, ClientError>,
) -> Result<(i32, Answer), ClientError> {
    let mut retry = Retry::new(cluster.config());
    loop {
        let asked = coordinator(cluster, group).and_then(|node| {
            let answer = cluster.call_broker(node, request)?;
            ClientError::check(code(&answer)?, None, || format!("group '{group}'"))?;
            Ok((node, answer))
        });
        match asked {
            Err(failure) if again(&failure) && retry.pause() => {}
            done => return done,
        }
    }
}

fn again(failure: &ClientError) -> bool {
    let code = failure.code();
    failure.retriable()
        || matches!(
            code,
            Some(
                ErrorCode::CoordinatorLoadInProgress
                    | ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::NotCoordinator
            )
        )
}

/// All groups of all brokers, by name.
pub fn list(
    cluster: &Cluster,
    states: &[&str],
    kinds: &[&str],
) -> Result<Vec<ListedGroup>, ClientError> {
    let mut groups = Vec::new();
    for node in cluster.known().brokers.keys() {
        let request = ListGroupsRequest {
            states_filter: states.to_vec(),
            types_filter: kinds.to_vec(),
        };
        let answer = cluster.call_broker(*node, &request)?;
        let response: ListGroupsResponse<'_> = answer.decode()?;
        ClientError::check(response.error_code, None, || "ListGroups".into())?;
        groups.extend(response.groups.iter().map(|group| ListedGroup {
            id: group.group_id.0.to_owned(),
            kind: group.group_type.to_owned(),
            state: group.group_state.to_owned(),
            protocol: group.protocol_type.to_owned(),
        }));
    }
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(groups)
}

/// One group; `None` when there is none of this name.
pub fn describe(cluster: &Cluster, group: &str) -> Result<Option<DescribedGroup>, ClientError> {
    let request = ConsumerGroupDescribeRequest {
        group_ids: vec![GroupId(group)],
        ..ConsumerGroupDescribeRequest::default()
    };
    let code = |answer: &Answer| {
        let response: ConsumerGroupDescribeResponse<'_> = answer.decode()?;
        let group = response.groups.first();
        Ok(group.map_or(ErrorCode::GroupIdNotFound, |group| group.error_code))
    };
    match call(cluster, group, &request, code) {
        Ok((node, answer)) => {
            let response: ConsumerGroupDescribeResponse<'_> = answer.decode()?;
            let found = response.groups.first();
            Ok(found.map(|found| DescribedGroup {
                id: group.to_owned(),
                coordinator: node,
                state: found.group_state.to_owned(),
                assignor: found.assignor_name.to_owned(),
                epochs: Some((found.group_epoch, found.assignment_epoch)),
                members: found.members.iter().map(consumer_member).collect(),
            }))
        }
        // A classic group, or a broker that knows no others.
        Err(_) => describe_classic(cluster, group),
    }
}

fn consumer_member(
    member: &crate::protocol::messages::consumer_group_describe::Member<'_>,
) -> DescribedMember {
    let partitions = |assignment: &Assignment<'_>| -> Partitions {
        let topics = assignment.topic_partitions.iter();
        topics
            .map(|topic| (topic.topic_name.0.to_owned(), topic.partitions.clone()))
            .collect()
    };
    DescribedMember {
        id: member.member_id.to_owned(),
        instance: member.instance_id.map(str::to_owned),
        client_id: member.client_id.to_owned(),
        host: member.client_host.to_owned(),
        epoch: member.member_epoch,
        assigned: partitions(&member.assignment),
        target: partitions(&member.target_assignment),
    }
}

fn describe_classic(cluster: &Cluster, group: &str) -> Result<Option<DescribedGroup>, ClientError> {
    let request = DescribeGroupsRequest {
        groups: vec![GroupId(group)],
        ..DescribeGroupsRequest::default()
    };
    let code = |answer: &Answer| {
        let response: DescribeGroupsResponse<'_> = answer.decode()?;
        let group = response.groups.first();
        Ok(
            group.map_or(ErrorCode::GroupIdNotFound, |group| match group.error_code {
                // Told by the state, as older brokers tell it.
                ErrorCode::GroupIdNotFound => ErrorCode::None,
                code => code,
            }),
        )
    };
    let (node, answer) = call(cluster, group, &request, code)?;
    let response: DescribeGroupsResponse<'_> = answer.decode()?;
    let found = response
        .groups
        .first()
        .filter(|found| found.group_state != "Dead");
    Ok(found.map(|found| DescribedGroup {
        id: group.to_owned(),
        coordinator: node,
        state: found.group_state.to_owned(),
        assignor: found.protocol_data.to_owned(),
        epochs: None,
        members: found
            .members
            .iter()
            .map(|member| {
                let assigned = assignment(member.member_assignment);
                DescribedMember {
                    id: member.member_id.to_owned(),
                    instance: member.group_instance_id.map(str::to_owned),
                    client_id: member.client_id.to_owned(),
                    host: member.client_host.to_owned(),
                    epoch: -1,
                    target: assigned.clone(),
                    assigned,
                }
            })
            .collect(),
    }))
}

/// What a classic consumer was given; nothing when it does not speak as consumers do.
fn assignment(bytes: &[u8]) -> Partitions {
    let mut reader = Reader::new(bytes);
    let version = reader.i16().map(|version| version.clamp(0, 3));
    let decoded = version.and_then(|v| ConsumerProtocolAssignment::decode(&mut reader, v));
    let topics = decoded
        .map(|decoded| decoded.assigned_partitions)
        .unwrap_or_default();
    let topics = topics.into_iter();
    topics
        .map(|topic| (topic.topic.0.to_owned(), topic.partitions))
        .collect()
}

/// Everything a group has committed.
pub fn offsets(cluster: &Cluster, group: &str) -> Result<Offsets, ClientError> {
    let cause = || format!("group '{group}'");
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: GroupId(group),
            topics: None,
            ..OffsetFetchRequestGroup::default()
        }],
        ..OffsetFetchRequest::default()
    };
    let code = |answer: &Answer| {
        let response: OffsetFetchResponse<'_> = answer.decode()?;
        let group = response.groups.first();
        Ok(group.map_or(ErrorCode::UnknownServerError, |group| group.error_code))
    };
    let (_, answer) = call(cluster, group, &request, code)?;
    let response: OffsetFetchResponse<'_> = answer.decode()?;
    let names: BTreeMap<_, String> = {
        let known = cluster.known();
        let topics = known.topics.iter();
        topics
            .map(|(name, topic)| (topic.id.0, name.to_string()))
            .collect()
    };
    let mut offsets = Offsets::new();
    for topic in response.groups.iter().flat_map(|group| &group.topics) {
        // Version 10 tells ids instead of names.
        let name = match topic.name.0 {
            "" => names.get(&topic.topic_id.0).cloned().unwrap_or_default(),
            name => name.to_owned(),
        };
        for partition in &topic.partitions {
            ClientError::check(partition.error_code, None, cause)?;
            let place = (name.clone(), partition.partition_index);
            let committed = (partition.committed_offset, partition.committed_leader_epoch);
            offsets.insert(place, committed);
        }
    }
    Ok(offsets)
}

/// Sets offsets of a group that nobody is in.
pub fn commit(
    cluster: &Cluster,
    group: &str,
    offsets: &BTreeMap<(String, i32), i64>,
) -> Result<(), ClientError> {
    let known = cluster.known();
    let topics = offsets.iter().map(|((topic, partition), offset)| {
        let id = known.topics.get(topic.as_str()).map(|topic| topic.id);
        OffsetCommitRequestTopic {
            name: TopicName(topic),
            topic_id: id.unwrap_or_default(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: *offset,
                committed_leader_epoch: -1,
                committed_metadata: Some(""),
            }],
        }
    });
    let request = OffsetCommitRequest {
        group_id: GroupId(group),
        generation_id_or_member_epoch: -1,
        topics: topics.collect(),
        ..OffsetCommitRequest::default()
    };
    let code = |answer: &Answer| {
        let response: OffsetCommitResponse<'_> = answer.decode()?;
        let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
        let mut codes = partitions.map(|partition| partition.error_code);
        Ok(codes
            .find(|code| *code != ErrorCode::None)
            .unwrap_or(ErrorCode::None))
    };
    call(cluster, group, &request, code).map(drop)
}

/// Forgets a group and its offsets.
pub fn delete(cluster: &Cluster, group: &str) -> Result<(), ClientError> {
    let request = DeleteGroupsRequest {
        groups_names: vec![GroupId(group)],
    };
    let code = |answer: &Answer| {
        let response: DeleteGroupsResponse<'_> = answer.decode()?;
        let result = response.results.first();
        Ok(result.map_or(ErrorCode::UnknownServerError, |result| result.error_code))
    };
    call(cluster, group, &request, code).map(drop)
}

/// Forgets some of a group's offsets; what came of each.
pub fn delete_offsets(
    cluster: &Cluster,
    group: &str,
    places: &[(String, i32)],
) -> Result<Vec<(String, i32, ErrorCode)>, ClientError> {
    let mut topics: Vec<OffsetDeleteRequestTopic<'_>> = Vec::new();
    for (topic, partition_index) in places {
        let partition = OffsetDeleteRequestPartition {
            partition_index: *partition_index,
        };
        match topics.iter_mut().find(|known| known.name.0 == topic) {
            Some(known) => known.partitions.push(partition),
            None => topics.push(OffsetDeleteRequestTopic {
                name: TopicName(topic),
                partitions: vec![partition],
            }),
        }
    }
    let request = OffsetDeleteRequest {
        group_id: GroupId(group),
        topics,
    };
    let code = |answer: &Answer| {
        let response: OffsetDeleteResponse<'_> = answer.decode()?;
        Ok(response.error_code)
    };
    let (_, answer) = call(cluster, group, &request, code)?;
    let response: OffsetDeleteResponse<'_> = answer.decode()?;
    let mut results = Vec::new();
    for topic in &response.topics {
        for partition in &topic.partitions {
            let name = topic.name.0.to_owned();
            results.push((name, partition.partition_index, partition.error_code));
        }
    }
    Ok(results)
}
