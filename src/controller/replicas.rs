//! Electing leaders, moving replicas, taking brokers out.
//!
//! Room:       `controller`.
//! Called by:  `Controller::decide`.
//! Never:      gives a partition to a replica that is not live.
//!
//! Codes and sentences are Kafka's. One difference is meant: a broker that is running is not taken
//! out. Apache Kafka does it, and then answers with no broker and no leader until a restart.

use super::placement::assigned;
use super::{Controller, Reassignment, Refused, Reply, StoreError};
use crate::metadata::{Image, PartitionImage, TopicImage};
use crate::protocol::records::metadata::{
    MetadataRecord, PartitionChangeRecord, UnregisterBrokerRecord,
};
use crate::protocol::{BrokerId, ErrorCode, Uuid};

/// Nobody leads.
pub(super) const NO_LEADER: i32 = -1;

impl Controller {
    pub(super) async fn elect_leaders(
        &self,
        unclean: bool,
        partitions: Vec<(String, i32)>,
    ) -> Result<Reply, StoreError> {
        let image = self.image();
        let mut records: Vec<MetadataRecord<'_>> = Vec::new();
        let mut outcomes = Vec::with_capacity(partitions.len());
        for (name, index) in &partitions {
            let elected = find(&image, name, *index, &no_such_topic, &no_such_partition)
                .and_then(|(topic, partition)| Ok((topic, elect(&image, partition, unclean)?)));
            outcomes.push(elected.map(|(topic, leader)| {
                records.push(MetadataRecord::PartitionChange(PartitionChangeRecord {
                    partition_id: *index,
                    topic_id: Uuid(topic.id.0),
                    leader: BrokerId(leader),
                    isr: unclean.then(|| vec![BrokerId(leader)]),
                    ..PartitionChangeRecord::default()
                }));
            }));
        }
        self.commit(&records).await?;
        Ok(Reply::Outcomes(outcomes))
    }

    /// One node holds every replica already, so there is nothing to commit.
    pub(super) fn alter_reassignments(&self, partitions: &[Reassignment]) -> Reply {
        let image = self.image();
        let outcomes = partitions.iter().map(|asked| reassign(&image, asked));
        Reply::Outcomes(outcomes.collect())
    }

    pub(super) async fn unregister_broker(&self, id: i32) -> Result<Reply, StoreError> {
        let image = self.image();
        let refuse = |code, text| Ok(Reply::Outcomes(vec![Err((code, text))]));
        let Some(broker) = image.brokers.get(&id) else {
            let text = format!("Broker ID {id} is not currently registered");
            return refuse(ErrorCode::BrokerIdNotRegistered, text);
        };
        if id == self.config.node_id {
            let text = format!("Broker {id} is running; stop it before it is unregistered.");
            return refuse(ErrorCode::InvalidRequest, text);
        }
        let record = MetadataRecord::UnregisterBroker(UnregisterBrokerRecord {
            broker_id: BrokerId(id),
            broker_epoch: broker.epoch,
        });
        self.commit(&[record]).await?;
        Ok(Reply::Outcomes(vec![Ok(())]))
    }
}

fn find<'i>(
    image: &'i Image,
    name: &str,
    index: i32,
    no_topic: &dyn Fn(&str) -> String,
    no_partition: &dyn Fn(&str, i32) -> String,
) -> Result<(&'i TopicImage, &'i PartitionImage), Refused> {
    let unknown = |text| (ErrorCode::UnknownTopicOrPartition, text);
    let topic = image.topic(name).ok_or_else(|| unknown(no_topic(name)))?;
    let place = usize::try_from(index).ok();
    let partition = place.and_then(|place| topic.partitions.get(place));
    let partition = partition.ok_or_else(|| unknown(no_partition(name, index)))?;
    Ok((topic, partition))
}

fn no_such_topic(name: &str) -> String {
    format!("No such topic as {name}")
}

fn no_such_partition(name: &str, index: i32) -> String {
    format!("No such partition as {name}-{index}")
}

/// Who shall lead instead of who leads.
fn elect(image: &Image, partition: &PartitionImage, unclean: bool) -> Result<i32, Refused> {
    let is_live = |id: &&i32| image.brokers.get(id).is_some_and(|broker| !broker.fenced);
    let is_in_sync = |id: &&i32| partition.isr.contains(id);
    let preferred = partition.replicas.first();
    let not_needed = match unclean {
        false => preferred == Some(&partition.leader),
        true => partition.leader != NO_LEADER,
    };
    if not_needed {
        let text = "Leader election not needed for topic partition.";
        return Err((ErrorCode::ElectionNotNeeded, text.to_owned()));
    }
    let mut live = partition.replicas.iter().filter(is_live);
    let elected = match unclean {
        false => preferred.filter(is_live).filter(is_in_sync),
        true => live.clone().find(is_in_sync).or_else(|| live.next()),
    };
    elected.copied().ok_or_else(|| match unclean {
        false => {
            let text = "The preferred leader was not available.";
            (ErrorCode::PreferredLeaderNotAvailable, text.to_owned())
        }
        true => {
            let text = "Eligible topic partition leaders are not available.";
            (ErrorCode::EligibleLeadersNotAvailable, text.to_owned())
        }
    })
}

fn reassign(image: &Image, asked: &Reassignment) -> Result<(), Refused> {
    let no_topic = |name: &str| format!("Unable to find a topic named {name}.");
    let no_partition = |name: &str, index| format!("Unable to find partition {name}:{index}.");
    let (_, partition) = find(
        image,
        &asked.topic,
        asked.partition,
        &no_topic,
        &no_partition,
    )?;
    let Some(replicas) = &asked.replicas else {
        // Kafka says this with the code alone.
        return Err((ErrorCode::NoReassignmentInProgress, String::new()));
    };
    assigned(image, replicas, None)?;
    if replicas[..] != partition.replicas[..] {
        let text = format!(
            "Replicas of {}-{} stay on {:?}: moving them between brokers is not served yet.",
            asked.topic, asked.partition, partition.replicas
        );
        return Err((ErrorCode::InvalidReplicaAssignment, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::BrokerImage;

    fn image(live: &[i32]) -> Image {
        let mut image = Image::empty("cluster", 1);
        for id in [1, 2, 3] {
            let broker = BrokerImage {
                id,
                fenced: !live.contains(&id),
                ..BrokerImage::default()
            };
            image.brokers.insert(id, broker);
        }
        image.put_topic(TopicImage {
            name: "t".into(),
            partitions: vec![partition(1, &[1], &[1])],
            ..TopicImage::default()
        });
        image
    }

    fn partition(leader: i32, replicas: &[i32], isr: &[i32]) -> PartitionImage {
        PartitionImage {
            leader,
            replicas: replicas.into(),
            isr: isr.into(),
            ..PartitionImage::default()
        }
    }

    #[test]
    fn the_preferred_leader_is_elected_when_it_is_in_sync() {
        let elect = |live: &[i32], leader, isr: &[i32]| {
            elect(&image(live), &partition(leader, &[1, 2, 3], isr), false)
                .map_err(|(code, _)| code)
        };
        assert_eq!(elect(&[1, 2], 2, &[1, 2]), Ok(1));
        assert_eq!(elect(&[1, 2], 1, &[1]), Err(ErrorCode::ElectionNotNeeded));
        let not_available = Err(ErrorCode::PreferredLeaderNotAvailable);
        assert_eq!(elect(&[2], 2, &[1, 2]), not_available);
        assert_eq!(elect(&[1, 2], 2, &[2]), not_available);
    }

    #[test]
    fn an_unclean_election_is_for_partitions_without_a_leader() {
        let elect = |live: &[i32], leader, isr: &[i32]| {
            elect(&image(live), &partition(leader, &[1, 2, 3], isr), true).map_err(|(code, _)| code)
        };
        assert_eq!(elect(&[1, 2], 2, &[2]), Err(ErrorCode::ElectionNotNeeded));
        assert_eq!(elect(&[2, 3], -1, &[3]), Ok(3));
        assert_eq!(elect(&[2], -1, &[1]), Ok(2));
        let not_available = Err(ErrorCode::EligibleLeadersNotAvailable);
        assert_eq!(elect(&[], -1, &[1]), not_available);
    }

    #[test]
    fn a_replica_stays_where_it_is() {
        let reassign = |topic: &str, partition, replicas: Option<&[i32]>| {
            let asked = Reassignment {
                topic: topic.to_owned(),
                partition,
                replicas: replicas.map(<[i32]>::to_vec),
            };
            reassign(&image(&[1]), &asked).map_err(|(code, _)| code)
        };
        assert_eq!(reassign("t", 0, Some(&[1])), Ok(()));
        let none = Err(ErrorCode::NoReassignmentInProgress);
        assert_eq!(reassign("t", 0, None), none);
        let unknown = Err(ErrorCode::UnknownTopicOrPartition);
        assert_eq!(reassign("t", 1, Some(&[1])), unknown);
        assert_eq!(reassign("t", -1, None), unknown);
        assert_eq!(reassign("u", 0, None), unknown);
        let wrong = Err(ErrorCode::InvalidReplicaAssignment);
        for replicas in [&[][..], &[1, 1], &[9], &[-1], &[2]] {
            assert_eq!(reassign("t", 0, Some(replicas)), wrong);
        }
    }
}
