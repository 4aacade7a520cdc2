//! What the controller can be asked, and how it answers. Crosses threads: plain data.
//!
//! Room:       `controller`.
//! Called by:  handlers, which make requests; `router`, which carries them.
//! Never:      knows the wire: handlers have checked what the state of the cluster cannot decide.

use crate::config::{AlterOp, Overrides};
use crate::ids::TopicId;
use crate::metadata::ResourceKind;
use crate::protocol::ErrorCode;

/// What the controller can be asked. Answered when the change is committed and every shard of
/// this broker follows it.
#[derive(Clone, Debug)]
pub enum Request {
    CreateTopics {
        topics: Vec<NewTopic>,
        validate_only: bool,
    },
    DeleteTopics {
        topics: Vec<TopicTarget>,
    },
    CreatePartitions {
        topics: Vec<NewPartitions>,
        validate_only: bool,
    },
    AlterConfigs {
        changes: Vec<ConfigChange>,
        validate_only: bool,
    },
    /// Partitions by topic and number; unclean: also a replica that is not in sync may lead.
    ElectLeaders {
        unclean: bool,
        partitions: Vec<(String, i32)>,
    },
    AlterReassignments {
        partitions: Vec<Reassignment>,
    },
    /// All of these levels or none; one outcome.
    UpdateFeatures {
        updates: Vec<FeatureUpdate>,
        validate_only: bool,
    },
    /// One outcome.
    UnregisterBroker {
        id: i32,
    },
    /// A block of producer ids that nobody else has or gets.
    AllocateProducerIds,
}

#[derive(Clone, Debug)]
pub enum Reply {
    /// One outcome per topic, in request order; a name that came twice has one.
    Topics(Vec<TopicOutcome>),
    /// What was deleted, or why not, in request order.
    Deleted(Vec<Result<(String, TopicId), Refused>>),
    /// One outcome per item, in request order.
    Outcomes(Vec<Result<(), Refused>>),
    ProducerIds {
        first: i64,
        count: i64,
    },
    /// The whole request was refused, with a sentence for people.
    Refused(ErrorCode, String),
}

/// Why something was refused: the code for clients, a sentence for people.
pub type Refused = (ErrorCode, String);

/// A topic to create.
#[derive(Clone, Debug, Default)]
pub struct NewTopic {
    pub name: String,
    /// -1: `num.partitions`.
    pub partitions: i32,
    /// -1: `default.replication.factor`.
    pub replication_factor: i16,
    /// Replicas by partition, instead of the two numbers.
    pub assignments: Vec<(i32, Vec<i32>)>,
    pub configs: Vec<(String, Option<String>)>,
}

/// What came of one topic.
#[derive(Clone, Debug, Default)]
pub struct TopicOutcome {
    pub name: String,
    pub error: Option<Refused>,
    pub id: TopicId,
    pub partitions: i32,
    pub replication_factor: i16,
    /// What was set for it.
    pub overrides: Overrides,
}

/// A topic to delete.
#[derive(Clone, Debug)]
pub enum TopicTarget {
    Name(String),
    Id(TopicId),
}

/// Partitions to add to a topic.
#[derive(Clone, Debug)]
pub struct NewPartitions {
    pub topic: String,
    /// How many there shall be, those there are included.
    pub count: i32,
    /// Replicas of each new partition, instead of placing them.
    pub assignments: Option<Vec<Vec<i32>>>,
}

/// Where the replicas of a partition shall be.
#[derive(Clone, Debug)]
pub struct Reassignment {
    pub topic: String,
    pub partition: i32,
    /// `None` cancels the move that is under way.
    pub replicas: Option<Vec<i32>>,
}

/// The level a feature shall have.
#[derive(Clone, Debug)]
pub struct FeatureUpdate {
    pub name: String,
    pub level: i16,
    /// As on the wire: 1 upgrade, 2 safe downgrade, 3 unsafe downgrade.
    pub upgrade_type: i8,
}

/// A change of one resource's configuration.
#[derive(Clone, Debug)]
pub struct ConfigChange {
    pub kind: ResourceKind,
    /// Empty: all brokers.
    pub name: String,
    pub change: ConfigOperations,
}

#[derive(Clone, Debug)]
pub enum ConfigOperations {
    /// These and no others (AlterConfigs).
    Replace(Overrides),
    /// One after the other (IncrementalAlterConfigs, KIP-339).
    Each(Vec<(AlterOp, String, String)>),
}
