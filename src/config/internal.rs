//! The internal topics as the properties want them.
//!
//! Room:       `config`.
//! Called by:  `handlers::coordinated`, which has the controller make them.
//! Never:      knows how many brokers there are: its caller limits replicas to those.

use super::BrokerConfig;

/// A topic brokers keep for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternalTopic {
    Offsets,
    Transactions,
    Share,
}

/// How an internal topic is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternalTopicConfig {
    pub partitions: i32,
    pub replication_factor: i16,
    pub min_insync_replicas: Option<i32>,
    pub overrides: Vec<(String, String)>,
}

impl BrokerConfig {
    pub fn internal_topic(&self, topic: InternalTopic) -> InternalTopicConfig {
        let number = |name: &str| i32::try_from(self.values.number(name)).unwrap_or(i32::MAX);
        let small = |name: &str| i16::try_from(self.values.number(name)).unwrap_or(i16::MAX);
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        match topic {
            InternalTopic::Offsets => InternalTopicConfig {
                partitions: number("offsets.topic.num.partitions"),
                replication_factor: small("offsets.topic.replication.factor"),
                min_insync_replicas: None,
                overrides: owned(&[
                    ("cleanup.policy", "compact"),
                    ("compression.type", "producer"),
                    (
                        "segment.bytes",
                        &number("offsets.topic.segment.bytes").to_string(),
                    ),
                ]),
            },
            InternalTopic::Transactions => InternalTopicConfig {
                partitions: number("transaction.state.log.num.partitions"),
                replication_factor: small("transaction.state.log.replication.factor"),
                min_insync_replicas: Some(number("transaction.state.log.min.isr")),
                overrides: owned(&[
                    ("cleanup.policy", "compact"),
                    ("compression.type", "uncompressed"),
                    (
                        "segment.bytes",
                        &number("transaction.state.log.segment.bytes").to_string(),
                    ),
                    ("unclean.leader.election.enable", "false"),
                ]),
            },
            InternalTopic::Share => InternalTopicConfig {
                partitions: number("share.coordinator.state.topic.num.partitions"),
                replication_factor: small("share.coordinator.state.topic.replication.factor"),
                min_insync_replicas: Some(number("share.coordinator.state.topic.min.isr")),
                overrides: owned(&[
                    ("cleanup.policy", "delete"),
                    ("retention.ms", "-1"),
                    ("compression.type", "producer"),
                    (
                        "segment.bytes",
                        &number("share.coordinator.state.topic.segment.bytes").to_string(),
                    ),
                ]),
            },
        }
    }
}
