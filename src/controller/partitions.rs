//! Adding partitions to topics, and deleting topics.
//!
//! Room:       `controller`.
//! Called by:  `Controller::decide`.
//! Never:      takes a partition away from a topic that stays.

use super::create::too_many_partitions;
use super::placement::{PARTITIONS_PER_REQUEST_MAX, assigned, place};
use super::{Controller, NewPartitions, Refused, Reply, StoreError, TopicTarget};
use crate::ids::TopicId;
use crate::metadata::{Image, PartitionImage, TopicImage};
use crate::protocol::records::metadata::{MetadataRecord, RemoveTopicRecord};
use crate::protocol::{ErrorCode, Uuid};
use std::collections::BTreeSet;

impl Controller {
    pub(super) async fn create_partitions(
        &self,
        topics: Vec<NewPartitions>,
        validate_only: bool,
    ) -> Result<Reply, StoreError> {
        let image = self.image();
        let mut records = Vec::new();
        let mut outcomes = Vec::with_capacity(topics.len());
        let mut added = 0;
        for asked in &topics {
            let planned = find(&image, &asked.topic).and_then(|topic| {
                let more = asked.count.saturating_sub(topic.partitions.len() as i32);
                if added + i64::from(more.max(0)) > PARTITIONS_PER_REQUEST_MAX {
                    return Err(too_many_partitions());
                }
                let start = self.runtime.random() as usize;
                Ok((topic, plan(&image, topic, asked, start)?))
            });
            outcomes.push(planned.map(|(topic, partitions)| {
                added += partitions.len() as i64;
                let first = topic.partitions.len();
                let new = partitions.iter().enumerate();
                records.extend(new.map(|(index, new)| topic.partition_record(first + index, new)));
            }));
        }
        if !validate_only {
            self.commit(&records).await?;
        }
        Ok(Reply::Outcomes(outcomes))
    }

    pub(super) async fn delete_topics(
        &self,
        topics: Vec<TopicTarget>,
    ) -> Result<Reply, StoreError> {
        let image = self.image();
        let mut outcomes: Vec<Result<(String, TopicId), Refused>> = Vec::new();
        let mut going: BTreeSet<TopicId> = BTreeSet::new();
        for target in &topics {
            let found = match target {
                TopicTarget::Name(name) => find(&image, name),
                TopicTarget::Id(id) => image.topic_by_id(*id).map(|topic| &**topic).ok_or((
                    ErrorCode::UnknownTopicId,
                    "This server does not host this topic ID.".to_owned(),
                )),
            };
            outcomes.push(match found {
                Ok(topic) if !going.insert(topic.id) => Err((
                    ErrorCode::InvalidRequest,
                    "The provided topic name maps to an ID that was already supplied.".to_owned(),
                )),
                Ok(topic) => Ok((topic.name.to_string(), topic.id)),
                Err(refused) => Err(refused),
            });
        }
        let gone = outcomes.iter().flatten().map(|(_, id)| {
            let topic_id = Uuid(id.0);
            MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id })
        });
        self.commit(&gone.collect::<Vec<_>>()).await?;
        Ok(Reply::Deleted(outcomes))
    }
}

fn find<'i>(image: &'i Image, name: &str) -> Result<&'i TopicImage, Refused> {
    image.topic(name).map(|topic| &**topic).ok_or((
        ErrorCode::UnknownTopicOrPartition,
        "This server does not host this topic-partition.".to_owned(),
    ))
}

/// The partitions to add.
fn plan(
    image: &Image,
    topic: &TopicImage,
    asked: &NewPartitions,
    start: usize,
) -> Result<Vec<PartitionImage>, Refused> {
    let (has, name) = (topic.partitions.len(), &topic.name);
    let refuse = |text| Err((ErrorCode::InvalidPartitions, text));
    let wanted = usize::try_from(asked.count).unwrap_or(0);
    if wanted == has {
        return refuse(format!("Topic already has {has} partition(s)."));
    }
    if wanted < has {
        return refuse(format!(
            "The topic {name} currently has {has} partition(s); {} would not be an increase.",
            asked.count
        ));
    }
    let count = wanted - has;
    let factor = topic
        .partitions
        .first()
        .map_or(1, |first| first.replicas.len());
    match &asked.assignments {
        None => place(image, count, factor as i16, start),
        Some(assignments) if assignments.len() != count => Err((
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "Attempted to add {count} additional partition(s), but only {} assignment(s) were \
                 specified.",
                assignments.len()
            ),
        )),
        Some(assignments) => assignments
            .iter()
            .map(|replicas| assigned(image, replicas, Some(factor)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::BrokerImage;

    #[test]
    fn partitions_only_become_more() {
        let mut image = Image::empty("cluster", 1);
        let broker = BrokerImage {
            id: 1,
            ..BrokerImage::default()
        };
        image.brokers.insert(1, broker);
        let topic = TopicImage {
            name: "t".into(),
            partitions: place(&image, 2, 1, 0).expect("one broker"),
            ..TopicImage::default()
        };
        let ask = |count, assignments: Option<&[&[i32]]>| {
            let asked = NewPartitions {
                topic: "t".to_owned(),
                count,
                assignments: assignments.map(|all| all.iter().map(|one| one.to_vec()).collect()),
            };
            plan(&image, &topic, &asked, 0)
                .map(|added| added.len())
                .map_err(|refused| refused.0)
        };
        assert_eq!(ask(5, None), Ok(3));
        assert_eq!(ask(4, Some(&[&[1], &[1]])), Ok(2));
        for count in [2, 1, 0, -1, i32::MIN] {
            assert_eq!(ask(count, None), Err(ErrorCode::InvalidPartitions));
        }
        let wrong = Err(ErrorCode::InvalidReplicaAssignment);
        assert_eq!(ask(4, Some(&[&[1]])), wrong);
        assert_eq!(ask(3, Some(&[])), wrong);
        assert_eq!(ask(3, Some(&[&[9]])), wrong);
        assert_eq!(ask(3, Some(&[&[1, 1]])), wrong);
    }
}
