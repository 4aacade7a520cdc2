//! Creating topics: names, numbers, placement.
//!
//! Room:       `controller`.
//! Called by:  `Controller::decide`.
//! Calls:      `config` for what a topic may be configured as.
//! Never:      creates half a request's topic: each is created whole or refused.

use super::{Controller, NewTopic, Reply, StoreError, TopicOutcome};
use crate::config::validate_topic_override;
use crate::ids::{LeaderEpoch, TopicId};
use crate::metadata::{Image, PartitionImage, TopicImage};
use crate::protocol::records::metadata::{ConfigRecord, MetadataRecord};
use crate::protocol::{ErrorCode, Uuid};

type Refused = (ErrorCode, String);

/// The most partitions one request may create (KAFKA-9590), and so the most of a topic.
const PARTITIONS_MAX: i32 = 10_000;

/// Kafka's bound on a topic's name, so that its folder's name fits a file system.
const NAME_BYTES_MAX: usize = 249;

impl Controller {
    pub(super) async fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Result<Reply, StoreError> {
        let mut outcomes = Vec::with_capacity(topics.len());
        for topic in &topics {
            let twice = topics
                .iter()
                .filter(|other| other.name == topic.name)
                .count()
                > 1;
            let planned = match twice {
                true => Err((
                    ErrorCode::InvalidRequest,
                    "Duplicate topic name.".to_owned(),
                )),
                false => self.plan_topic(&self.image(), topic),
            };
            outcomes.push(match planned {
                Ok(image) => {
                    if !validate_only {
                        self.commit_topic(&image, topic).await?;
                    }
                    TopicOutcome {
                        name: topic.name.clone(),
                        error: None,
                        id: if validate_only {
                            TopicId::ZERO
                        } else {
                            image.id
                        },
                        partitions: image.partitions.len() as i32,
                        replication_factor: image.partitions[0].replicas.len() as i16,
                    }
                }
                Err(refused) => TopicOutcome {
                    name: topic.name.clone(),
                    error: Some(refused),
                    partitions: -1,
                    replication_factor: -1,
                    ..TopicOutcome::default()
                },
            });
        }
        Ok(Reply::Topics(outcomes))
    }

    async fn commit_topic(&self, image: &TopicImage, topic: &NewTopic) -> Result<(), StoreError> {
        let mut records = image.records();
        records.extend(topic.configs.iter().filter_map(|(name, value)| {
            Some(MetadataRecord::Config(ConfigRecord {
                resource_type: crate::metadata::ResourceKind::Topic as i8,
                resource_name: &topic.name,
                name,
                value: Some(value.as_deref()?),
            }))
        }));
        self.commit(&records).await
    }

    fn plan_topic(&self, image: &Image, topic: &NewTopic) -> Result<TopicImage, Refused> {
        check_name(&topic.name)?;
        if image.topic(&topic.name).is_some() {
            let text = format!("Topic '{}' already exists.", topic.name);
            return Err((ErrorCode::TopicAlreadyExists, text));
        }
        check_collision(image, &topic.name)?;
        for (name, value) in &topic.configs {
            let value = value.as_deref().unwrap_or_default();
            validate_topic_override(name, value)
                .map_err(|error| (ErrorCode::InvalidConfig, error.to_string()))?;
        }
        let partitions = match topic.assignments.is_empty() {
            true => self.place(image, topic)?,
            false => self.assigned(image, topic)?,
        };
        Ok(TopicImage {
            id: self.fresh_topic_id(image),
            name: topic.name.as_str().into(),
            partitions,
        })
    }

    fn fresh_topic_id(&self, image: &Image) -> TopicId {
        loop {
            let (high, low) = (self.runtime.random(), self.runtime.random());
            let uuid = Uuid::from_random(u128::from(high) << 64 | u128::from(low));
            if let Some(id) = uuid.map(|uuid| TopicId(uuid.0))
                && image.topic_by_id(id).is_none()
            {
                return id;
            }
        }
    }

    /// Replicas spread over the brokers, first replica leading.
    fn place(&self, image: &Image, topic: &NewTopic) -> Result<Vec<PartitionImage>, Refused> {
        let brokers: Vec<i32> = image.brokers.keys().copied().collect();
        let count = match topic.partitions {
            -1 => self.config.num_partitions,
            count => count,
        };
        if !(1..=PARTITIONS_MAX).contains(&count) {
            let text = format!(
                "Number of partitions was set to an invalid non-positive value or one above \
                 {PARTITIONS_MAX}."
            );
            return Err((ErrorCode::InvalidPartitions, text));
        }
        let replicas = match topic.replication_factor {
            -1 => self.config.default_replication_factor,
            factor => factor,
        };
        if replicas < 1 {
            let text = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err((ErrorCode::InvalidReplicationFactor, text.to_owned()));
        }
        if usize::from(replicas.unsigned_abs()) > brokers.len() {
            let text = format!(
                "Unable to replicate the partition {replicas} time(s): The target replication \
                 factor of {replicas} cannot be reached because only {} broker(s) are registered.",
                brokers.len()
            );
            return Err((ErrorCode::InvalidReplicationFactor, text));
        }
        let start = self.runtime.random() as usize;
        let placed = (0..count as usize).map(|index| {
            let replicas: Vec<i32> = (0..replicas as usize)
                .map(|replica| brokers[(start + index + replica) % brokers.len()])
                .collect();
            new_partition(replicas)
        });
        Ok(placed.collect())
    }

    fn assigned(&self, image: &Image, topic: &NewTopic) -> Result<Vec<PartitionImage>, Refused> {
        let refuse = |text: &str| Err((ErrorCode::InvalidReplicaAssignment, text.to_owned()));
        if topic.partitions != -1 || topic.replication_factor != -1 {
            let text = "A manual partition assignment was specified, but numPartitions or \
                        replicationFactor was not set to -1.";
            return Err((ErrorCode::InvalidRequest, text.to_owned()));
        }
        let mut assignments = topic.assignments.clone();
        assignments.sort();
        let mut partitions = Vec::new();
        for (place, (index, replicas)) in assignments.into_iter().enumerate() {
            if usize::try_from(index) != Ok(place) {
                return refuse("partitions should be a consecutive 0-based integer sequence");
            }
            let twice = (1..replicas.len()).any(|i| replicas[..i].contains(&replicas[i]));
            let unknown = replicas
                .iter()
                .any(|broker| !image.brokers.contains_key(broker));
            if replicas.is_empty() || twice || unknown {
                return refuse(
                    "The manual partition assignment has an empty, duplicate or unknown replica.",
                );
            }
            partitions.push(new_partition(replicas));
        }
        Ok(partitions)
    }
}

/// A partition nobody has written to, led by its first replica.
pub(super) fn new_partition(replicas: Vec<i32>) -> PartitionImage {
    PartitionImage {
        leader: replicas[0],
        leader_epoch: LeaderEpoch(0),
        isr: replicas.clone(),
        directories: vec![[0; 16]; replicas.len()],
        replicas,
        ..PartitionImage::default()
    }
}

fn check_name(name: &str) -> Result<(), Refused> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let text = match name {
        "" => "Topic name is invalid: the empty string is not allowed".to_owned(),
        "." | ".." => format!("Topic name is invalid: '{name}' is not allowed"),
        name if name.len() > NAME_BYTES_MAX => format!(
            "Topic name is invalid: the length of '{name}' is longer than the max allowed length \
             {NAME_BYTES_MAX}"
        ),
        name if !name.bytes().all(legal) => format!(
            "Topic name is invalid: '{name}' contains one or more characters other than ASCII \
             alphanumerics, '.', '_' and '-'"
        ),
        "__cluster_metadata" => {
            "Creation of internal topic __cluster_metadata is prohibited.".to_owned()
        }
        _ => return Ok(()),
    };
    Err((ErrorCode::InvalidTopicException, text))
}

/// Names that differ only in '.' and '_' share a metric name in Kafka, so it refuses the second.
fn check_collision(image: &Image, name: &str) -> Result<(), Refused> {
    if !name.contains(['.', '_']) {
        return Ok(());
    }
    let plain = name.replace('.', "_");
    match image
        .topics()
        .find(|topic| topic.name.replace('.', "_") == plain)
    {
        None => Ok(()),
        Some(other) => Err((
            ErrorCode::InvalidTopicException,
            format!(
                "Topic '{name}' collides with existing topic: {}",
                other.name
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn illegal_names_are_refused() {
        for name in [
            "",
            ".",
            "..",
            "a b",
            "ä",
            "__cluster_metadata",
            &"x".repeat(250),
        ] {
            assert_eq!(
                check_name(name).unwrap_err().0,
                ErrorCode::InvalidTopicException,
                "{name}"
            );
        }
        for name in ["a", "A.b_c-9", &"x".repeat(249), "__consumer_offsets"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_differ_in_dots_collide() {
        let mut image = Image::default();
        image.put_topic(TopicImage {
            name: "a.b".into(),
            ..TopicImage::default()
        });
        assert!(check_collision(&image, "a_b").is_err());
        assert!(check_collision(&image, "ab").is_ok());
    }
}
