//! OffsetCommit, TxnOffsetCommit and OffsetDelete.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Never:      commits for a sender that is not of the group's present generation.

use super::classic::State;
use super::offsets::Committed;
use super::{Group, GroupMachine, decode, records};
use crate::coordinator::{Producer, Request, Step, Token};
use crate::ids::TopicId;
use crate::metadata::TopicImage;
use crate::protocol::commit_topic::{CommitTopic, NewOffset};
use crate::protocol::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
use crate::protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};
use crate::protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use crate::protocol::record_batch::{BATCH_HEADER_BYTES, BatchBuilder};
use crate::protocol::{ErrorCode, Uuid};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who commits, and to what.
struct Commit<'a> {
    group: &'a str,
    member: &'a str,
    instance: Option<&'a str>,
    generation: i32,
    producer: Option<Producer>,
    /// -1: as the broker keeps offsets.
    retention_ms: i64,
    by_id: bool,
    version: i16,
}

impl Commit<'_> {
    /// The code as its sender knows it: producers know no epochs of members.
    fn told(&self, code: ErrorCode) -> ErrorCode {
        match (code, self.producer) {
            (ErrorCode::StaleMemberEpoch, Some(_)) => ErrorCode::IllegalGeneration,
            _ => code,
        }
    }
}

/// The first versions with topic ids (KIP-848, KIP-1319).
const COMMIT_BY_ID: i16 = 10;
const TXN_COMMIT_BY_ID: i16 = 6;

impl GroupMachine {
    pub(super) fn commit(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: OffsetCommitRequest<'_> = decode(request)?;
        let commit = Commit {
            group: asked.group_id.0,
            member: asked.member_id,
            instance: asked.group_instance_id,
            generation: asked.generation_id_or_member_epoch,
            producer: None,
            retention_ms: asked.retention_time_ms,
            by_id: request.version >= COMMIT_BY_ID,
            version: request.version,
        };
        let topics = self.commit_topics(step, &commit, &asked.topics)?;
        let response = OffsetCommitResponse {
            topics,
            ..OffsetCommitResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    pub(super) fn commit_in_transaction(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: TxnOffsetCommitRequest<'_> = decode(request)?;
        let commit = Commit {
            group: asked.group_id.0,
            member: asked.member_id,
            instance: asked.group_instance_id,
            generation: asked.generation_id_or_member_epoch,
            producer: Some(Producer {
                id: asked.producer_id.0,
                epoch: asked.producer_epoch,
            }),
            retention_ms: -1,
            by_id: request.version >= TXN_COMMIT_BY_ID,
            version: request.version,
        };
        let topics = self.commit_topics(step, &commit, &asked.topics)?;
        let response = TxnOffsetCommitResponse {
            topics,
            ..TxnOffsetCommitResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    /// Whether the sender may commit; a group that is not there is made for one that assigns
    /// partitions to itself.
    fn allow(&mut self, step: &mut Step, commit: &Commit<'_>) -> ErrorCode {
        if !self.groups.contains_key(commit.group) {
            if commit.generation >= 0 {
                return ErrorCode::IllegalGeneration;
            }
            self.group_or_new(commit.group, step.wall);
        }
        if let Some(Group::Share(_)) = self.groups.get(commit.group) {
            return ErrorCode::GroupIdNotFound;
        }
        if let Some(Group::Consumer(group)) = self.groups.get(commit.group) {
            let allowed = group.check_commit(
                commit.member,
                commit.generation,
                commit.version,
                commit.producer.is_some(),
            );
            return allowed.err().unwrap_or(ErrorCode::None);
        }
        if let Some(Group::Streams(group)) = self.groups.get(commit.group) {
            let allowed = group.check_commit(
                commit.member,
                commit.generation,
                commit.version,
                commit.producer.is_some(),
            );
            return allowed.err().unwrap_or(ErrorCode::None);
        }
        let Some((group, mut work)) = self.classic(step, commit.group) else {
            return ErrorCode::UnknownMemberId;
        };
        let allowed = group.check_commit(
            commit.member,
            commit.instance,
            commit.generation,
            commit.producer.is_some(),
        );
        if let Err(code) = allowed {
            return code;
        }
        // A commit is a sign of life, as a heartbeat is.
        if commit.producer.is_none()
            && matches!(group.state(), State::Stable | State::PreparingRebalance)
        {
            group.heard_of(commit.member, &mut work);
        }
        ErrorCode::None
    }

    /// Commits what may be committed, and answers each topic in its order.
    ///
    /// # Errors
    /// As [`Self::commit_all`].
    fn commit_topics<'n, T: CommitTopic<'n>>(
        &mut self,
        step: &mut Step,
        commit: &Commit<'_>,
        topics: &[T],
    ) -> Result<Vec<T::Answer>, ErrorCode> {
        let allowed = commit.told(self.allow(step, commit));
        if allowed != ErrorCode::None {
            let refused = topics.iter().map(|topic| topic.refused(allowed));
            return Ok(refused.collect());
        }
        let all = topics.iter().flat_map(|topic| {
            let partitions = topic.partitions().iter();
            partitions.map(|partition| topic.offset(partition))
        });
        let mut codes = self.commit_all(step, commit, all)?.into_iter();
        let answers = topics.iter().map(|topic| {
            let indexes = topic.partitions().iter().map(T::index);
            topic.answer(indexes.zip(&mut codes))
        });
        Ok(answers.collect())
    }

    /// Commits what may be committed; a code for each in its order.
    ///
    /// # Errors
    /// When all of them together are more than one batch holds, as in Kafka: they are committed
    /// together or not at all. Nothing has changed then.
    fn commit_all<'n>(
        &mut self,
        step: &mut Step,
        commit: &Commit<'_>,
        all: impl Iterator<Item = NewOffset<'n>>,
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        assert!(
            step.effects.batches.is_empty(),
            "whether one may commit is found out without a record"
        );
        let mut bytes = BATCH_HEADER_BYTES;
        let mut count = 0;
        let mut accepted = Vec::new();
        let mut codes = Vec::new();
        for new in all {
            let (topic, committed) = match self.judge(step, commit, &new) {
                Ok(judged) => judged,
                Err(code) => {
                    codes.push(commit.told(code));
                    continue;
                }
            };
            codes.push(ErrorCode::None);
            let place = (commit.group, &*topic.name, new.partition);
            records::offset(step, commit.producer, place, &committed);
            let record = step
                .effects
                .batches
                .last()
                .and_then(|batch| batch.records.last());
            let sizes = record.map(|record| (record.key.len(), record.value.as_ref()));
            let (key, value) = sizes.expect("it was made just now");
            bytes += BatchBuilder::record_bytes(count, key, value.map_or(0, Vec::len));
            count += 1;
            if bytes > step.record_bytes_max {
                step.effects.batches.clear();
                tracing::info!(
                    group = commit.group,
                    bytes_max = step.record_bytes_max,
                    "a commit is more than max.message.bytes of __consumer_offsets; it is refused"
                );
                return Err(ErrorCode::UnknownServerError);
            }
            accepted.push((topic, new.partition, committed));
        }
        if !accepted.is_empty() {
            let group = self.group_or_new(commit.group, step.wall);
            for (topic, partition, committed) in accepted {
                let producer = commit.producer;
                self.offsets
                    .put(producer, &group, &topic.name, partition, committed);
            }
        }
        Ok(codes)
    }

    /// What becomes of one offset.
    ///
    /// # Errors
    /// Why it is not committed.
    fn judge(
        &self,
        step: &Step,
        commit: &Commit<'_>,
        new: &NewOffset<'_>,
    ) -> Result<(Arc<TopicImage>, Committed), ErrorCode> {
        let (name, id) = new.place;
        let topic = match commit.by_id {
            true => self.image.topic_by_id(TopicId(id.0)),
            false => self.image.topic(name.0),
        };
        let topic = topic.ok_or(match commit.by_id {
            true => ErrorCode::UnknownTopicId,
            false => ErrorCode::UnknownTopicOrPartition,
        })?;
        let exists = usize::try_from(new.partition).is_ok_and(|p| p < topic.partitions.len());
        if !exists {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        if let Some(Group::Streams(group)) = self.groups.get(commit.group) {
            let (member, epoch) = (commit.member, commit.generation);
            group.check_commit_of(member, epoch, &topic.name, new.partition)?;
        }
        let metadata = new.metadata.unwrap_or_default();
        if metadata.len() > self.config.offset_metadata_bytes_max {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        if metadata.len() > step.record_bytes_max {
            return Err(ErrorCode::InvalidCommitOffsetSize);
        }
        let mut committed = Committed::new(new.offset, new.leader_epoch, metadata, step.wall);
        if commit.retention_ms >= 0 {
            committed.expire_timestamp = step.wall.saturating_add(commit.retention_ms);
        }
        // Kafka looks up the id of a topic that is named by name, but not in a transaction.
        if commit.by_id || commit.producer.is_none() {
            committed.topic_id = Uuid(topic.id.0);
        }
        Ok((topic.clone(), committed))
    }

    /// Topics whose offsets the group may still use: `None` of nobody, `Some(None)` all of them.
    fn subscribed(
        &self,
        asked: &OffsetDeleteRequest<'_>,
    ) -> Result<Option<Option<BTreeSet<String>>>, ErrorCode> {
        let of = |is_used: &dyn Fn(&str) -> bool| {
            let names = asked.topics.iter().map(|topic| topic.name.0);
            let used = names.filter(|name| is_used(name));
            Ok(Some(Some(used.map(str::to_owned).collect())))
        };
        match self.groups.get(asked.group_id.0) {
            None => Err(ErrorCode::GroupIdNotFound),
            Some(Group::Classic(classic)) if classic.is_empty() => Ok(None),
            Some(Group::Classic(classic)) => match classic.protocol_type() {
                Some(super::classic::CONSUMER) => Ok(Some(classic.subscribed())),
                _ => Err(ErrorCode::NonEmptyGroup),
            },
            Some(Group::Share(_)) => Err(ErrorCode::GroupIdNotFound),
            Some(Group::Consumer(group)) => of(&|topic| group.is_subscribed(topic)),
            Some(Group::Streams(group)) => of(&|topic| group.is_subscribed(topic)),
        }
    }

    pub(super) fn delete_offsets(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: OffsetDeleteRequest<'_> = decode(request)?;
        let group = asked.group_id.0;
        let subscribed = match self.subscribed(&asked) {
            Ok(subscribed) => subscribed,
            Err(error_code) => {
                let response = OffsetDeleteResponse {
                    error_code,
                    ..OffsetDeleteResponse::default()
                };
                step.answer(token, request.version, &response);
                return Ok(());
            }
        };
        // A subscription that cannot be understood is to everything.
        let is_used = |topic: &str| match &subscribed {
            None => false,
            Some(None) => true,
            Some(Some(topics)) => topics.contains(topic),
        };
        let topics = asked.topics.iter().map(|topic| {
            let known = self.image.topic(topic.name.0).cloned();
            let partitions = topic.partitions.iter().map(|partition| {
                let index = partition.partition_index;
                let exists = known.as_ref().is_some_and(|known| {
                    usize::try_from(index).is_ok_and(|index| index < known.partitions.len())
                });
                let error_code = if !exists {
                    ErrorCode::UnknownTopicOrPartition
                } else if is_used(topic.name.0) {
                    ErrorCode::GroupSubscribedToTopic
                } else {
                    if self.offsets.remove(group, topic.name.0, index) {
                        records::offset_gone(step, group, topic.name.0, index);
                    }
                    ErrorCode::None
                };
                OffsetDeleteResponsePartition {
                    partition_index: index,
                    error_code,
                }
            });
            OffsetDeleteResponseTopic {
                name: topic.name,
                partitions: partitions.collect(),
            }
        });
        let response = OffsetDeleteResponse {
            topics: topics.collect(),
            ..OffsetDeleteResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }
}
