//! OffsetFetch: what a group has committed. One group per request here; handlers split.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Never:      shows an offset that an open transaction has written.

use super::offsets::Committed;
use super::{Group, GroupMachine, decode};
use crate::coordinator::{Request, Step, Token};
use crate::ids::TopicId;
use crate::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse, OffsetFetchResponseGroup,
    OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use crate::protocol::{ErrorCode, TopicName, Uuid};

/// The first version that asks for several groups (KIP-709), and the first with topic ids.
const BATCHED: i16 = 8;
const BY_ID: i16 = 10;

const NO_OFFSET: i64 = -1;
const NO_EPOCH: i32 = -1;

type Partitions<'a> = Vec<OffsetFetchResponsePartitions<'a>>;

impl GroupMachine {
    pub(super) fn fetch(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: OffsetFetchRequest<'_> = decode(request)?;
        let stable = asked.require_stable;
        if request.version >= BATCHED {
            let by_id = request.version >= BY_ID;
            let groups = asked.groups.iter();
            let groups = groups.map(|group| self.fetch_group(group, by_id, stable));
            let response = OffsetFetchResponse {
                groups: groups.collect(),
                ..OffsetFetchResponse::default()
            };
            step.answer(token, request.version, &response);
            return Ok(());
        }
        let group = asked.group_id.0;
        let found: Vec<(TopicName<'_>, Partitions<'_>)> = match &asked.topics {
            None => self.all(group, stable),
            Some(topics) => topics
                .iter()
                .map(|topic| {
                    let indexes = &topic.partition_indexes;
                    (
                        topic.name,
                        self.some(group, (topic.name.0, Uuid::ZERO), indexes, stable),
                    )
                })
                .collect(),
        };
        let topics = found.into_iter().map(|(name, partitions)| {
            let partitions = partitions
                .into_iter()
                .map(|p| OffsetFetchResponsePartition {
                    partition_index: p.partition_index,
                    committed_offset: p.committed_offset,
                    committed_leader_epoch: p.committed_leader_epoch,
                    metadata: p.metadata,
                    error_code: p.error_code,
                });
            OffsetFetchResponseTopic {
                name,
                partitions: partitions.collect(),
            }
        });
        let response = OffsetFetchResponse {
            topics: topics.collect(),
            ..OffsetFetchResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    fn fetch_group<'a>(
        &'a self,
        asked: &'a OffsetFetchRequestGroup<'a>,
        by_id: bool,
        stable: bool,
    ) -> OffsetFetchResponseGroup<'a> {
        let group = asked.group_id.0;
        let (member, epoch) = (asked.member_id, asked.member_epoch);
        let allowed = match self.groups.get(group) {
            Some(Group::Consumer(consumer)) => consumer.check_fetch(member, epoch),
            Some(Group::Streams(streams)) => streams.check_fetch(member, epoch),
            Some(Group::Share(_)) => Err(ErrorCode::GroupIdNotFound),
            Some(Group::Classic(_)) | None => Ok(()),
        };
        if let Err(error_code) = allowed {
            return OffsetFetchResponseGroup {
                group_id: asked.group_id,
                topics: Vec::new(),
                error_code,
            };
        }
        let id_of = |name: &str| {
            let topic = self.image.topic(name);
            topic.map_or(Uuid::ZERO, |topic| Uuid(topic.id.0))
        };
        let topics: Vec<OffsetFetchResponseTopics<'_>> = match &asked.topics {
            None => {
                let all = self.all(group, stable).into_iter();
                let all = all.map(|(name, partitions)| OffsetFetchResponseTopics {
                    name,
                    topic_id: id_of(name.0),
                    partitions,
                });
                // Who asks by id cannot be told of topics that have none any more.
                all.filter(|topic| !by_id || topic.topic_id != Uuid::ZERO)
                    .collect()
            }
            Some(topics) => topics
                .iter()
                .map(|topic| {
                    let indexes = &topic.partition_indexes;
                    let found = self.image.topic_by_id(TopicId(topic.topic_id.0));
                    let partitions = match (by_id, found) {
                        (false, _) => self.some(group, (topic.name.0, Uuid::ZERO), indexes, stable),
                        (true, Some(found)) => {
                            let place = (&*found.name, topic.topic_id);
                            self.some(group, place, indexes, stable)
                        }
                        (true, None) => {
                            let unknown = |index: &i32| none(*index, ErrorCode::UnknownTopicId);
                            indexes.iter().map(unknown).collect()
                        }
                    };
                    OffsetFetchResponseTopics {
                        name: topic.name,
                        topic_id: topic.topic_id,
                        partitions,
                    }
                })
                .collect(),
        };
        OffsetFetchResponseGroup {
            group_id: asked.group_id,
            topics,
            error_code: ErrorCode::None,
        }
    }

    /// Of every topic by its name: here Kafka too tells what was committed for one that had the
    /// name before.
    fn all<'a>(&'a self, group: &str, stable: bool) -> Vec<(TopicName<'a>, Partitions<'a>)> {
        let is_pending = |topic: &str, index| {
            stable
                && self.offsets.has_pending(group)
                && self.offsets.is_pending(group, topic, index)
        };
        let topics = self.offsets.of(group);
        topics
            .map(|(topic, partitions)| {
                let partitions = partitions.iter();
                let partitions = partitions.map(|(index, known)| match is_pending(topic, *index) {
                    true => none(*index, ErrorCode::UnstableOffsetCommit),
                    false => told(*index, known),
                });
                (TopicName(topic), partitions.collect())
            })
            .collect()
    }

    fn some<'a>(
        &'a self,
        group: &str,
        (topic, id): (&str, Uuid),
        indexes: &[i32],
        stable: bool,
    ) -> Partitions<'a> {
        let one = |index: &i32| {
            if stable && self.offsets.is_pending(group, topic, *index) {
                return none(*index, ErrorCode::UnstableOffsetCommit);
            }
            let known = self.offsets.get(group, topic, *index);
            match known.filter(|committed| !committed.is_of_another(id)) {
                None => none(*index, ErrorCode::None),
                Some(committed) => told(*index, committed),
            }
        };
        indexes.iter().map(one).collect()
    }
}

fn told(partition_index: i32, committed: &Committed) -> OffsetFetchResponsePartitions<'_> {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.offset,
        committed_leader_epoch: committed.leader_epoch,
        metadata: Some(&committed.metadata),
        error_code: ErrorCode::None,
    }
}

fn none<'a>(partition_index: i32, error_code: ErrorCode) -> OffsetFetchResponsePartitions<'a> {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: NO_OFFSET,
        committed_leader_epoch: NO_EPOCH,
        metadata: Some(""),
        error_code,
    }
}
