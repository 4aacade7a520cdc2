//! Creating topics: names, numbers, placement.
//!
//! Room:       `controller`.
//! Called by:  `Controller::decide`.
//! Calls:      `config` for what a topic may be configured as.
//! Never:      creates half a topic; all topics of one request are one change.

use super::placement::{PARTITIONS_PER_REQUEST_MAX, assigned, place};
use super::{Controller, NewTopic, Refused, Reply, StoreError, TopicOutcome};
use crate::config::Overrides;
use crate::ids::TopicId;
use crate::metadata::{Image, PartitionImage, ResourceKind, TopicImage};
use crate::protocol::records::metadata::{ConfigRecord, MetadataRecord};
use crate::protocol::{ErrorCode, Uuid};

/// Kafka's bound on a topic's name, so that its folder's name fits a file system.
const NAME_BYTES_MAX: usize = 249;

/// A topic as it would be, and what is set for it.
type Plan = (TopicImage, Overrides);

impl Controller {
    pub(super) async fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Result<Reply, StoreError> {
        let image = self.image();
        let too_many = self.partitions_asked(&topics) > PARTITIONS_PER_REQUEST_MAX;
        let mut planned: Vec<(&NewTopic, Result<Plan, Refused>)> = Vec::new();
        let mut seen = crate::map::Map::default();
        for topic in &topics {
            if let Some(place) = seen.insert(topic.name.as_str(), planned.len()) {
                let text = "Duplicate topic name.".to_owned();
                seen.insert(topic.name.as_str(), place);
                planned[place].1 = Err((ErrorCode::InvalidRequest, text));
                continue;
            }
            let plan = match too_many {
                true => Err(too_many_partitions()),
                false => self.plan_topic(&image, topic),
            };
            planned.push((topic, plan));
        }
        if !validate_only {
            let made = planned.iter().filter_map(|(_, plan)| plan.as_ref().ok());
            let records: Vec<_> = made
                .flat_map(|made| topic_records(&made.0, &made.1))
                .collect();
            self.commit(&records).await?;
        }
        let outcomes = planned
            .into_iter()
            .map(|(topic, plan)| outcome(topic, plan));
        Ok(Reply::Topics(outcomes.collect()))
    }

    fn partitions_asked(&self, topics: &[NewTopic]) -> i64 {
        let asked = topics.iter().map(|topic| match topic.partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len() as i64,
            -1 => i64::from(self.config.num_partitions),
            count => i64::from(count.max(0)),
        });
        asked.sum()
    }

    fn plan_topic(&self, image: &Image, topic: &NewTopic) -> Result<Plan, Refused> {
        if topic.name == super::store::TOPIC {
            let text = "Creation of internal topic __cluster_metadata is prohibited.";
            return Err((ErrorCode::InvalidRequest, text.to_owned()));
        }
        check_name(&topic.name)?;
        if image.topic(&topic.name).is_some() {
            let text = format!("Topic '{}' already exists.", topic.name);
            return Err((ErrorCode::TopicAlreadyExists, text));
        }
        check_collision(image, &topic.name)?;
        let overrides = overrides(&topic.configs)?;
        super::configs::check_topic(&self.config_now(image), &overrides)?;
        let partitions = match topic.assignments.is_empty() {
            true => self.place_topic(image, topic)?,
            false => assign_topic(image, topic)?,
        };
        let id = self.fresh_topic_id(image);
        let name = topic.name.as_str().into();
        Ok((
            TopicImage {
                id,
                name,
                partitions,
            },
            overrides,
        ))
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

    fn place_topic(&self, image: &Image, topic: &NewTopic) -> Result<Vec<PartitionImage>, Refused> {
        let factor = match topic.replication_factor {
            -1 => self.config.default_replication_factor,
            factor => factor,
        };
        if factor < 1 {
            // Kafka looks at this number first.
            return place(image, 0, factor, 0);
        }
        let count = match topic.partitions {
            -1 => self.config.num_partitions,
            count => count,
        };
        let count = usize::try_from(count).ok().filter(|count| *count > 0);
        let Some(count) = count else {
            let text = "Number of partitions was set to an invalid non-positive value.";
            return Err((ErrorCode::InvalidPartitions, text.to_owned()));
        };
        place(image, count, factor, self.runtime.random() as usize)
    }
}

/// All that makes a topic, and its settings.
fn topic_records<'t>(topic: &'t TopicImage, overrides: &'t Overrides) -> Vec<MetadataRecord<'t>> {
    let mut records = topic.records();
    records.extend(overrides.iter().map(|(name, value)| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: ResourceKind::Topic as i8,
            resource_name: &topic.name,
            name,
            value: Some(value),
        })
    }));
    records
}

fn outcome(topic: &NewTopic, plan: Result<Plan, Refused>) -> TopicOutcome {
    match plan {
        Ok((image, overrides)) => TopicOutcome {
            name: topic.name.clone(),
            error: None,
            id: image.id,
            partitions: image.partitions.len() as i32,
            replication_factor: image.partitions[0].replicas.len() as i16,
            overrides,
        },
        Err(refused) => TopicOutcome {
            name: topic.name.clone(),
            error: Some(refused),
            partitions: -1,
            replication_factor: -1,
            ..TopicOutcome::default()
        },
    }
}

pub(super) fn too_many_partitions() -> Refused {
    let text = "Excessively large number of partitions per request.";
    (ErrorCode::PolicyViolation, text.to_owned())
}

/// A setting that comes twice counts as it came last.
fn overrides(configs: &[(String, Option<String>)]) -> Result<Overrides, Refused> {
    let null = configs.iter().filter(|(_, value)| value.is_none());
    let null: Vec<&str> = null.map(|(name, _)| name.as_str()).collect();
    if !null.is_empty() {
        let text = format!(
            "Null value not supported for topic configs: {}",
            null.join(",")
        );
        return Err((ErrorCode::InvalidConfig, text));
    }
    let set = configs
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    Ok(set
        .filter_map(|(name, value)| Some((name, value?)))
        .collect())
}

fn assign_topic(image: &Image, topic: &NewTopic) -> Result<Vec<PartitionImage>, Refused> {
    if topic.replication_factor != -1 {
        let text = "A manual partition assignment was specified, but replication factor was not \
                    set to -1.";
        return Err((ErrorCode::InvalidRequest, text.to_owned()));
    }
    if topic.partitions != -1 {
        let text = "A manual partition assignment was specified, but numPartitions was not set \
                    to -1.";
        return Err((ErrorCode::InvalidRequest, text.to_owned()));
    }
    let mut assignments: Vec<_> = topic.assignments.iter().collect();
    assignments.sort_by_key(|(index, _)| *index);
    if let Some(twice) = assignments.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let text = format!(
            "Found multiple manual partition assignments for partition {}",
            twice[0].0
        );
        return Err((ErrorCode::InvalidReplicaAssignment, text));
    }
    let mut partitions: Vec<PartitionImage> = Vec::new();
    for (place, (index, replicas)) in assignments.into_iter().enumerate() {
        let factor = partitions.first().map(|first| first.replicas.len());
        let partition = assigned(image, replicas, factor)?;
        if usize::try_from(*index) != Ok(place) {
            let text = "partitions should be a consecutive 0-based integer sequence";
            return Err((ErrorCode::InvalidReplicaAssignment, text.to_owned()));
        }
        partitions.push(partition);
    }
    Ok(partitions)
}

/// Whether a topic may have this name.
pub fn check_name(name: &str) -> Result<(), Refused> {
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
        _ => return Ok(()),
    };
    Err((ErrorCode::InvalidTopicException, text))
}

/// Names that differ only in '.' and '_' share a metric name in Kafka, so it refuses the second.
fn check_collision(image: &Image, name: &str) -> Result<(), Refused> {
    if !name.contains(['.', '_']) {
        return Ok(());
    }
    let plain = |byte: u8| if byte == b'.' { b'_' } else { byte };
    let same = |other: &str| other.bytes().map(plain).eq(name.bytes().map(plain));
    match image.topics().find(|topic| same(&topic.name)) {
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
    use crate::metadata::BrokerImage;

    #[test]
    fn illegal_names_are_refused() {
        for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
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

    #[test]
    fn a_null_setting_is_refused_and_the_last_of_two_counts() {
        let set = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        let refused = overrides(&[set("a", None), set("b", Some("1")), set("c", None)]);
        assert_eq!(
            refused.expect_err("null").1,
            "Null value not supported for topic configs: a,c"
        );
        let twice = overrides(&[set("a", Some("1")), set("a", Some("2"))]).expect("values");
        assert_eq!(twice["a"], "2");
    }

    #[test]
    fn assignments_are_a_gapless_sequence_of_partitions() {
        let mut image = Image::empty("cluster", 1);
        image.brokers.insert(1, BrokerImage::default());
        let asked = |assignments: &[(i32, &[i32])]| {
            let topic = NewTopic {
                partitions: -1,
                replication_factor: -1,
                assignments: assignments
                    .iter()
                    .map(|(index, replicas)| (*index, replicas.to_vec()))
                    .collect(),
                ..NewTopic::default()
            };
            assign_topic(&image, &topic).map(|partitions| partitions.len())
        };
        assert_eq!(asked(&[(1, &[1]), (0, &[1])]), Ok(2));
        let code = ErrorCode::InvalidReplicaAssignment;
        for wrong in [&[(1, &[1][..])][..], &[(0, &[1]), (0, &[1])], &[(-1, &[1])]] {
            assert_eq!(asked(wrong).expect_err("wrong").0, code);
        }
    }
}
