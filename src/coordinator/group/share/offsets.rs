//! What administrators do to a share group's offsets: AlterShareGroupOffsets,
//! DeleteShareGroupOffsets, which partitions DescribeShareGroupOffsets is about, and DeleteGroups.
//!
//! Room:       `coordinator::group::share`.
//! Called by:  the machine.
//! Never:      changes a group that has members.

use super::super::timers::Id;
use super::super::{Group, GroupMachine, decode};
use super::jobs::{Job, Why};
use super::requests::partitions;
use super::topics::Named;
use crate::coordinator::share::wire::Asked;
use crate::coordinator::{Request, Step, Token};
use crate::ids::{PartitionKey, TopicId};
use crate::protocol::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition as AlteredPartition,
    AlterShareGroupOffsetsResponseTopic as AlteredTopic,
};
use crate::protocol::messages::delete_groups::{DeletableGroupResult, DeleteGroupsResponse};
use crate::protocol::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic as DeletedTopic,
};
use crate::protocol::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup as DescribedGroup,
    DescribeShareGroupOffsetsResponsePartition as DescribedPartition,
    DescribeShareGroupOffsetsResponseTopic as DescribedTopic,
};
use crate::protocol::{ErrorCode, GroupId, TopicName, Uuid};
use std::collections::BTreeMap;

/// Answers owed to AlterShareGroupOffsets.
pub struct Altering {
    token: Token,
    version: i16,
    /// In the order of the request; those without an id do not exist.
    topics: Vec<(String, Option<TopicId>, Vec<i32>)>,
}

/// Answers owed to DeleteShareGroupOffsets.
pub struct Deleting {
    token: Token,
    version: i16,
    topics: Vec<(String, TopicId)>,
    refused: Vec<(String, &'static str)>,
}

const NO_SUCH_TOPIC: &str = "This server does not host this topic-partition.";
const NOT_EMPTY: &str = "The group is not empty.";

impl GroupMachine {
    /// Why a group's offsets cannot be changed; `may_be_new`: one that is not there can.
    fn refuse_change(&self, name: &str, may_be_new: bool) -> Option<(ErrorCode, Option<String>)> {
        let unknown = |text: String| Some((ErrorCode::GroupIdNotFound, Some(text)));
        match self.groups.get(name) {
            _ if name.is_empty() => Some((ErrorCode::InvalidGroupId, None)),
            Some(Group::Share(group)) if !group.is_empty() => {
                Some((ErrorCode::NonEmptyGroup, Some(NOT_EMPTY.to_owned())))
            }
            Some(Group::Share(_)) => None,
            Some(_) => unknown(format!("Group {name} is not a share group.")),
            None if may_be_new => None,
            None => unknown(format!("Group {name} not found.")),
        }
    }

    pub fn share_alter(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: AlterShareGroupOffsetsRequest<'_> = decode(request)?;
        let name = asked.group_id.0;
        let refused = self.refuse_change(name, true);
        if let Some((error_code, text)) = refused {
            let response = AlterShareGroupOffsetsResponse {
                error_code,
                error_message: text.as_deref(),
                ..AlterShareGroupOffsetsResponse::default()
            };
            step.answer(token, request.version, &response);
            return Ok(());
        }
        let mut begun: BTreeMap<TopicId, Named> = BTreeMap::new();
        let mut starts: Vec<(PartitionKey, i64)> = Vec::new();
        let mut topics = Vec::with_capacity(asked.topics.len());
        for topic in &asked.topics {
            let known = self.image.topic(topic.topic_name.0);
            let count = known.map_or(0, |known| known.partitions.len());
            for partition in &topic.partitions {
                let index = partition.partition_index;
                let exists = usize::try_from(index).is_ok_and(|index| index < count);
                if let Some(known) = known.filter(|_| exists) {
                    let named = begun.entry(known.id).or_default();
                    named.name = known.name.to_string();
                    named.partitions.insert(index);
                    named.since = step.wall;
                    let key = PartitionKey {
                        topic: known.id,
                        partition: index,
                    };
                    starts.push((key, partition.start_offset));
                }
            }
            let indexes = topic.partitions.iter().map(|p| p.partition_index);
            let id = known.map(|known| known.id);
            topics.push((topic.topic_name.0.to_owned(), id, indexes.collect()));
        }
        let id: Id = name.into();
        if !self.groups.contains_key(name) {
            self.new_share(name);
        }
        let mut epoch = 0;
        if let Some((group, work)) = self.share(step, name) {
            epoch = group.epoch;
            group.begin_topics(work.step, &begun);
        }
        let questions = starts.into_iter().map(|(key, start)| {
            let asked = Asked::Initialize {
                state_epoch: epoch,
                start,
            };
            (key, asked)
        });
        let why = Why::Alter(Altering {
            token,
            version: request.version,
            topics,
        });
        let questions = questions.collect();
        if let Some(job) = self.jobs.begin(step, &id, why, questions) {
            self.job_done(step, job);
        }
        Ok(())
    }

    pub(super) fn altered(&mut self, step: &mut Step, job: Job) {
        self.topics_done(step, &job);
        let Why::Alter(altering) = &job.why else {
            return;
        };
        let is_done = |key: &PartitionKey| {
            let done = job.done.get(&key.topic);
            done.is_some_and(|done| done.contains(&key.partition))
        };
        let responses = altering
            .topics
            .iter()
            .map(|(name, id, indexes)| AlteredTopic {
                topic_name: TopicName(name),
                topic_id: id.map_or(Uuid::ZERO, |id| Uuid(id.0)),
                partitions: indexes
                    .iter()
                    .map(|index| {
                        let key = id.map(|topic| PartitionKey {
                            topic,
                            partition: *index,
                        });
                        let (error_code, error_message) = match key {
                            Some(key) if is_done(&key) => (ErrorCode::None, None),
                            Some(key) if job.failed.contains_key(&key) => (job.failed[&key], None),
                            _ => (ErrorCode::UnknownTopicOrPartition, Some(NO_SUCH_TOPIC)),
                        };
                        AlteredPartition {
                            partition_index: *index,
                            error_code,
                            error_message,
                        }
                    })
                    .collect(),
            });
        let response = AlterShareGroupOffsetsResponse {
            responses: responses.collect(),
            ..AlterShareGroupOffsetsResponse::default()
        };
        step.answer(altering.token, altering.version, &response);
    }

    pub fn share_delete_offsets(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: DeleteShareGroupOffsetsRequest<'_> = decode(request)?;
        let name = asked.group_id.0;
        let refused = self.refuse_change(name, false);
        if let Some((error_code, text)) = refused {
            let response = DeleteShareGroupOffsetsResponse {
                error_code,
                error_message: text.as_deref(),
                ..DeleteShareGroupOffsetsResponse::default()
            };
            step.answer(token, request.version, &response);
            return Ok(());
        }
        let (mut topics, mut refused, mut questions) = (Vec::new(), Vec::new(), Vec::new());
        let names: Vec<&str> = asked
            .topics
            .iter()
            .map(|topic| topic.topic_name.0)
            .collect();
        if let Some((group, work)) = self.share(step, name) {
            for name in names {
                let Some(topic) = work.image.topic(name) else {
                    refused.push((name.to_owned(), NO_SUCH_TOPIC));
                    continue;
                };
                let partitions = match group.topics.initialized.remove(&topic.id) {
                    Some(named) => named.partitions,
                    // Deleting was begun before, and did not end.
                    None if group.topics.deleting.contains_key(&topic.id) => {
                        (0..i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX)).collect()
                    }
                    None => {
                        let text = "There is no offset information to delete.";
                        refused.push((name.to_owned(), text));
                        continue;
                    }
                };
                group.topics.deleting.insert(topic.id, name.to_owned());
                topics.push((name.to_owned(), topic.id));
                questions.extend(partitions.into_iter().map(|partition| {
                    let topic = topic.id;
                    (PartitionKey { topic, partition }, Asked::Delete)
                }));
            }
            if !topics.is_empty() {
                group.save_topics(work.step);
            }
        }
        let why = Why::DeleteOffsets(Deleting {
            token,
            version: request.version,
            topics,
            refused,
        });
        let id: Id = name.into();
        if let Some(job) = self.jobs.begin(step, &id, why, questions) {
            self.job_done(step, job);
        }
        Ok(())
    }

    pub(super) fn offsets_deleted(&mut self, step: &mut Step, job: Job) {
        let Why::DeleteOffsets(deleting) = &job.why else {
            return;
        };
        let failure = |topic: &TopicId| {
            let mut failed = job.failed.iter();
            failed
                .find(|(key, _)| key.topic == *topic)
                .map(|(_, code)| *code)
        };
        if let Some((group, work)) = self.share(step, &job.group) {
            let before = group.topics.deleting.len();
            for (_, topic) in &deleting.topics {
                if failure(topic).is_none() {
                    group.topics.deleting.remove(topic);
                }
            }
            if group.topics.deleting.len() != before {
                group.save_topics(work.step);
            }
        }
        let done = deleting.topics.iter().map(|(name, topic)| DeletedTopic {
            topic_name: TopicName(name),
            topic_id: Uuid(topic.0),
            error_code: failure(topic).unwrap_or(ErrorCode::None),
            error_message: None,
        });
        let refused = deleting.refused.iter().map(|(name, text)| DeletedTopic {
            topic_name: TopicName(name),
            topic_id: Uuid::ZERO,
            error_code: ErrorCode::UnknownTopicOrPartition,
            error_message: Some(text),
        });
        let response = DeleteShareGroupOffsetsResponse {
            responses: done.chain(refused).collect(),
            ..DeleteShareGroupOffsetsResponse::default()
        };
        step.answer(deleting.token, deleting.version, &response);
    }

    /// DeleteGroups of one share group without members: first its states, then itself.
    pub fn share_delete(&mut self, step: &mut Step, token: Token, version: i16, name: &str) {
        let mut questions = Vec::new();
        if let Some((group, work)) = self.share(step, name) {
            let mut all = std::mem::take(&mut group.topics.initializing);
            for (topic, named) in std::mem::take(&mut group.topics.initialized) {
                let known = all.entry(topic).or_default();
                known.name = named.name;
                known.partitions.extend(named.partitions);
            }
            for (topic, name) in &group.topics.deleting {
                if let Some(there) = work.image.topic_by_id(*topic) {
                    let count = i32::try_from(there.partitions.len()).unwrap_or(i32::MAX);
                    let known = all.entry(*topic).or_default();
                    known.name.clone_from(name);
                    known.partitions.extend(0..count);
                }
            }
            // A topic that is gone has no states: they went with it.
            all.retain(|topic, _| work.image.topic_by_id(*topic).is_some());
            questions.extend(partitions(&all).map(|key| (key, Asked::Delete)));
            let deleting = all.into_iter();
            group.topics.deleting = deleting.map(|(topic, named)| (topic, named.name)).collect();
            if !questions.is_empty() {
                group.save_topics(work.step);
            }
        }
        let id: Id = name.into();
        let why = Why::DeleteGroup { token, version };
        if let Some(job) = self.jobs.begin(step, &id, why, questions) {
            self.job_done(step, job);
        }
    }

    pub(super) fn states_deleted(
        &mut self,
        step: &mut Step,
        job: &Job,
        token: Token,
        version: i16,
    ) {
        let is_empty = match self.groups.get(&*job.group) {
            Some(Group::Share(group)) => group.is_empty(),
            _ => true,
        };
        let failed = job.failed.values().next();
        let error_code = match failed {
            Some(code) => *code,
            // Somebody came while its states were deleted.
            None if !is_empty => ErrorCode::NonEmptyGroup,
            None => {
                self.delete(step, &job.group);
                ErrorCode::None
            }
        };
        let response = DeleteGroupsResponse {
            results: vec![DeletableGroupResult {
                group_id: GroupId(&job.group),
                error_code,
                ..DeletableGroupResult::default()
            }],
            ..DeleteGroupsResponse::default()
        };
        step.answer(token, version, &response);
    }

    /// The partitions of a group that have a state; what it says is asked for elsewhere.
    pub fn share_partitions(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: DescribeShareGroupOffsetsRequest<'_> = decode(request)?;
        let groups = asked.groups.iter().map(|wanted| {
            let topics = match self.groups.get(wanted.group_id.0) {
                Some(Group::Share(group)) => Some(&group.topics.initialized),
                _ => None,
            };
            let topics = topics.into_iter().flatten();
            DescribedGroup {
                group_id: wanted.group_id,
                topics: topics
                    .map(|(id, named)| DescribedTopic {
                        topic_name: TopicName(&named.name),
                        topic_id: Uuid(id.0),
                        partitions: named
                            .partitions
                            .iter()
                            .map(|index| DescribedPartition {
                                partition_index: *index,
                                ..DescribedPartition::default()
                            })
                            .collect(),
                    })
                    .collect(),
                ..DescribedGroup::default()
            }
        });
        let response = DescribeShareGroupOffsetsResponse {
            groups: groups.collect(),
            ..DescribeShareGroupOffsetsResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }
}
