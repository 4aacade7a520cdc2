//! What there is to ask and tell of share groups (KIP-932).
//!
//! Room:       `client`.
//! Called by:  `cli`.
//! Calls:      `groups`, for the way to a group's own coordinator.
//! Never:      prints, or hides an error code.

use super::cluster::Cluster;
use super::connection::Answer;
use super::error::ClientError;
use super::groups::{Partitions, call};
use crate::protocol::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic, AlterShareGroupOffsetsResponse,
};
use crate::protocol::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequestTopic,
    DeleteShareGroupOffsetsResponse,
};
use crate::protocol::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse,
};
use crate::protocol::messages::share_group_describe::{
    ShareGroupDescribeRequest, ShareGroupDescribeResponse,
};
use crate::protocol::{ErrorCode, GroupId, TopicName};
use std::collections::BTreeMap;

/// A share group and who is in it.
#[derive(Clone, Debug)]
pub struct ShareGroup {
    pub id: String,
    pub coordinator: i32,
    pub state: String,
    pub epoch: i32,
    pub assignment_epoch: i32,
    /// By their ids.
    pub members: Vec<ShareMember>,
}

#[derive(Clone, Debug)]
pub struct ShareMember {
    pub id: String,
    pub client_id: String,
    pub host: String,
    pub epoch: i32,
    pub assigned: Partitions,
}

/// How far a group has read; -1 is nothing known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    pub start: i64,
    pub leader_epoch: i32,
    pub lag: i64,
}

/// By topic and partition.
pub type ShareOffsets = BTreeMap<(String, i32), Reached>;

/// One group; `None` when there is no share group of this name.
pub fn describe(cluster: &Cluster, group: &str) -> Result<Option<ShareGroup>, ClientError> {
    let request = ShareGroupDescribeRequest {
        group_ids: vec![GroupId(group)],
        ..ShareGroupDescribeRequest::default()
    };
    let code = |answer: &Answer| {
        let response: ShareGroupDescribeResponse<'_> = answer.decode()?;
        let group = response.groups.first();
        Ok(group.map_or(ErrorCode::GroupIdNotFound, |group| group.error_code))
    };
    let (coordinator, answer) = match call(cluster, group, &request, code) {
        Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => return Ok(None),
        answered => answered?,
    };
    let response: ShareGroupDescribeResponse<'_> = answer.decode()?;
    let Some(found) = response.groups.first() else {
        return Ok(None);
    };
    let mut members: Vec<ShareMember> = found
        .members
        .iter()
        .map(|member| {
            let topics = member.assignment.topic_partitions.iter();
            let assigned =
                topics.map(|topic| (topic.topic_name.0.to_owned(), topic.partitions.clone()));
            ShareMember {
                id: member.member_id.to_owned(),
                client_id: member.client_id.to_owned(),
                host: member.client_host.to_owned(),
                epoch: member.member_epoch,
                assigned: assigned.collect(),
            }
        })
        .collect();
    members.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Some(ShareGroup {
        id: group.to_owned(),
        coordinator,
        state: found.group_state.to_owned(),
        epoch: found.group_epoch,
        assignment_epoch: found.assignment_epoch,
        members,
    }))
}

/// How far a group has read in every partition it knows.
pub fn offsets(cluster: &Cluster, group: &str) -> Result<ShareOffsets, ClientError> {
    let request = DescribeShareGroupOffsetsRequest {
        groups: vec![DescribeShareGroupOffsetsRequestGroup {
            group_id: GroupId(group),
            topics: None,
        }],
    };
    let code = |answer: &Answer| {
        let response: DescribeShareGroupOffsetsResponse<'_> = answer.decode()?;
        let group = response.groups.first();
        Ok(group.map_or(ErrorCode::UnknownServerError, |group| group.error_code))
    };
    let (_, answer) = call(cluster, group, &request, code)?;
    let response: DescribeShareGroupOffsetsResponse<'_> = answer.decode()?;
    let mut offsets = ShareOffsets::new();
    for topic in response.groups.iter().flat_map(|group| &group.topics) {
        for partition in &topic.partitions {
            let cause = || format!("{}-{}", topic.topic_name.0, partition.partition_index);
            ClientError::check(partition.error_code, partition.error_message, cause)?;
            let place = (topic.topic_name.0.to_owned(), partition.partition_index);
            let reached = Reached {
                start: partition.start_offset,
                leader_epoch: partition.leader_epoch,
                lag: partition.lag,
            };
            offsets.insert(place, reached);
        }
    }
    Ok(offsets)
}

/// Sets where a group that nobody is in reads on.
pub fn alter(
    cluster: &Cluster,
    group: &str,
    offsets: &BTreeMap<(String, i32), i64>,
) -> Result<(), ClientError> {
    let mut topics: Vec<AlterShareGroupOffsetsRequestTopic<'_>> = Vec::new();
    for ((topic, partition_index), start_offset) in offsets {
        let partition = AlterShareGroupOffsetsRequestPartition {
            partition_index: *partition_index,
            start_offset: *start_offset,
        };
        match topics.last_mut() {
            Some(known) if known.topic_name.0 == topic => known.partitions.push(partition),
            _ => topics.push(AlterShareGroupOffsetsRequestTopic {
                topic_name: TopicName(topic),
                partitions: vec![partition],
            }),
        }
    }
    let request = AlterShareGroupOffsetsRequest {
        group_id: GroupId(group),
        topics,
    };
    let code = |answer: &Answer| {
        let response: AlterShareGroupOffsetsResponse<'_> = answer.decode()?;
        let partitions = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partitions);
        let mut codes = partitions.map(|partition| partition.error_code);
        Ok(match response.error_code {
            ErrorCode::None => {
                let failed = codes.find(|code| *code != ErrorCode::None);
                failed.unwrap_or(ErrorCode::None)
            }
            code => code,
        })
    };
    call(cluster, group, &request, code).map(drop)
}

/// Has a group that nobody is in forget topics; what came of each, in the order of their names.
pub fn delete_offsets(
    cluster: &Cluster,
    group: &str,
    topics: &[String],
) -> Result<BTreeMap<String, (ErrorCode, Option<String>)>, ClientError> {
    let topics = topics.iter();
    let request = DeleteShareGroupOffsetsRequest {
        group_id: GroupId(group),
        topics: topics
            .map(|topic| DeleteShareGroupOffsetsRequestTopic {
                topic_name: TopicName(topic),
            })
            .collect(),
    };
    let code = |answer: &Answer| {
        let response: DeleteShareGroupOffsetsResponse<'_> = answer.decode()?;
        Ok(response.error_code)
    };
    let (_, answer) = call(cluster, group, &request, code)?;
    let response: DeleteShareGroupOffsetsResponse<'_> = answer.decode()?;
    let told = response.responses.iter().map(|topic| {
        let message = topic.error_message.map(str::to_owned);
        (topic.topic_name.0.to_owned(), (topic.error_code, message))
    });
    Ok(told.collect())
}
