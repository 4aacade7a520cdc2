//! What OffsetCommit (API 8) and TxnOffsetCommit (API 28) have in common: offsets by topic and
//! partition, answered with a code for each.
//!
//! Room:       `protocol`.
//! Called by:  the handlers of both, and the coordinator of groups.
//! Never:      knows the versions; their structs are generated, each for itself.

use crate::messages::{offset_commit, txn_offset_commit};
use crate::{ErrorCode, Message, TopicName, Uuid};

/// One offset to commit.
#[derive(Clone, Copy, Debug)]
pub struct NewOffset<'a> {
    /// Its topic, by name or by id; the other one is empty.
    pub place: (TopicName<'a>, Uuid),
    pub partition: i32,
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: Option<&'a str>,
}

/// The offsets of one topic, in either request.
pub trait CommitTopic<'a>: Sized {
    /// Of one partition.
    type Partition;
    /// What is answered about the topic.
    type Answer;

    /// By name or by id; the other one is empty.
    fn place(&self) -> (TopicName<'a>, Uuid);

    fn partitions(&self) -> &[Self::Partition];

    /// Takes its partitions out.
    fn take_partitions(&mut self) -> Vec<Self::Partition>;

    fn put_partitions(&mut self, partitions: Vec<Self::Partition>);

    fn index(partition: &Self::Partition) -> i32;

    fn offset(&self, partition: &Self::Partition) -> NewOffset<'a>;

    /// The answer of these codes, by the partitions' indexes.
    fn answer(&self, codes: impl Iterator<Item = (i32, ErrorCode)>) -> Self::Answer;

    /// The same code for all of them.
    fn refused(&self, code: ErrorCode) -> Self::Answer {
        let indexes = self.partitions().iter().map(Self::index);
        self.answer(indexes.map(|index| (index, code)))
    }
}

/// The answer about all topics, in either response. It has no place for an error but each
/// partition's.
pub trait CommitAnswer<'a>: Message<'a> {
    /// Of one topic.
    type Topic;

    fn of(topics: Vec<Self::Topic>) -> Self;

    fn into_topics(self) -> Vec<Self::Topic>;
}

macro_rules! commit_topic {
    (
        $api:ident, $topic:ident, $partition:ident,
        $response:ident, $answer:ident, $answered:ident
    ) => {
        impl<'a> CommitTopic<'a> for $api::$topic<'a> {
            type Partition = $api::$partition<'a>;
            type Answer = $api::$answer<'a>;

            fn place(&self) -> (TopicName<'a>, Uuid) {
                (self.name, self.topic_id)
            }

            fn partitions(&self) -> &[Self::Partition] {
                &self.partitions
            }

            fn take_partitions(&mut self) -> Vec<Self::Partition> {
                std::mem::take(&mut self.partitions)
            }

            fn put_partitions(&mut self, partitions: Vec<Self::Partition>) {
                self.partitions = partitions;
            }

            fn index(partition: &Self::Partition) -> i32 {
                partition.partition_index
            }

            fn offset(&self, partition: &Self::Partition) -> NewOffset<'a> {
                NewOffset {
                    place: self.place(),
                    partition: partition.partition_index,
                    offset: partition.committed_offset,
                    leader_epoch: partition.committed_leader_epoch,
                    metadata: partition.committed_metadata,
                }
            }

            fn answer(&self, codes: impl Iterator<Item = (i32, ErrorCode)>) -> Self::Answer {
                $api::$answer {
                    name: self.name,
                    topic_id: self.topic_id,
                    partitions: codes
                        .map(|(partition_index, error_code)| $api::$answered {
                            partition_index,
                            error_code,
                        })
                        .collect(),
                }
            }
        }

        impl<'a> CommitAnswer<'a> for $api::$response<'a> {
            type Topic = $api::$answer<'a>;

            fn of(topics: Vec<Self::Topic>) -> Self {
                $api::$response {
                    topics,
                    ..Default::default()
                }
            }

            fn into_topics(self) -> Vec<Self::Topic> {
                self.topics
            }
        }
    };
}

commit_topic!(
    offset_commit,
    OffsetCommitRequestTopic,
    OffsetCommitRequestPartition,
    OffsetCommitResponse,
    OffsetCommitResponseTopic,
    OffsetCommitResponsePartition
);
commit_topic!(
    txn_offset_commit,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponseTopic,
    TxnOffsetCommitResponsePartition
);
