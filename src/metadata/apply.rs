//! From a metadata record to a change of the image.
//!
//! Room:       `metadata`.
//! Called by:  `controller`, for each committed record, in order.
//! Never:      refuses a record: what was committed is the truth. Types that this broker keeps
//!             nothing of are passed over.

use super::{
    BrokerImage, Brokers, Configs, EndpointImage, Image, METADATA_VERSION, PartitionImage,
    ResourceKind, TopicImage,
};
use crate::ids::{LeaderEpoch, TopicId};
use crate::protocol::BrokerId;
use crate::protocol::records::metadata::{
    ConfigRecord, MetadataRecord, PartitionChangeRecord, PartitionRecord, RegisterBrokerRecord,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `PartitionChangeRecord.leader` when the leader stays and so does its epoch.
pub const NO_LEADER_CHANGE: i32 = -2;

impl Image {
    /// Applies one committed record.
    pub fn apply(&mut self, record: &MetadataRecord<'_>) {
        match record {
            MetadataRecord::Topic(topic) => self.put_topic(TopicImage {
                id: TopicId(topic.topic_id.0),
                name: topic.name.0.into(),
                partitions: Vec::new(),
            }),
            MetadataRecord::RemoveTopic(topic) => {
                if let Some(topic) = self.remove_topic(TopicId(topic.topic_id.0)) {
                    let key = (ResourceKind::Topic, topic.name.to_string());
                    if self.configs.contains_key(&key) {
                        Arc::make_mut(&mut self.configs).remove(&key);
                    }
                }
            }
            MetadataRecord::Partition(partition) => self.apply_partition(partition),
            MetadataRecord::PartitionChange(change) => self.apply_partition_change(change),
            MetadataRecord::Config(config) => self.apply_config(config),
            MetadataRecord::RegisterBroker(broker) => self.apply_broker(broker),
            MetadataRecord::UnregisterBroker(broker) => {
                self.brokers.remove(&broker.broker_id.0);
            }
            MetadataRecord::FenceBroker(broker) => {
                self.change_broker(broker.id, |broker| broker.fenced = true);
            }
            MetadataRecord::UnfenceBroker(broker) => {
                self.change_broker(broker.id, |broker| broker.fenced = false);
            }
            MetadataRecord::BrokerRegistrationChange(change) => {
                self.change_broker(change.broker_id, |broker| {
                    // 0 is no change, 1 fenced, -1 unfenced (KIP-631).
                    match change.fenced {
                        1 => broker.fenced = true,
                        -1 => broker.fenced = false,
                        _ => {}
                    }
                    if !change.log_dirs.is_empty() {
                        broker.log_dirs = change.log_dirs.iter().map(|id| id.0).collect();
                    }
                });
            }
            MetadataRecord::ClearElr(clear) => self.clear_elr(clear.topic_name.0),
            // Level 0 is how a feature ends.
            MetadataRecord::FeatureLevel(feature) if feature.feature_level == 0 => {
                self.features.remove(feature.name);
            }
            MetadataRecord::FeatureLevel(feature) => {
                self.features
                    .insert(feature.name.to_owned(), feature.feature_level);
            }
            MetadataRecord::ProducerIds(ids) => {
                self.next_producer_id = self.next_producer_id.max(ids.next_producer_id);
            }
            _ => {}
        }
    }

    fn change_broker(&mut self, id: BrokerId, change: impl FnOnce(&mut BrokerImage)) {
        if let Some(broker) = self.brokers.get_mut(&id.0) {
            change(broker);
        }
    }

    /// Forgets who could lead without being in sync; an empty name means every topic.
    fn clear_elr(&mut self, name: &str) {
        let topics: Vec<TopicId> = match name {
            "" => self.topics().map(|topic| topic.id).collect(),
            name => self.topic(name).map(|topic| topic.id).into_iter().collect(),
        };
        for id in topics {
            self.change_topic(id, |topic| {
                for partition in &mut topic.partitions {
                    partition.elr.clear();
                    partition.last_known_elr.clear();
                }
            });
        }
    }

    fn apply_partition(&mut self, record: &PartitionRecord) {
        let Ok(index) = usize::try_from(record.partition_id) else {
            return;
        };
        let image = PartitionImage {
            leader: record.leader.0,
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: record.partition_epoch,
            replicas: ids(&record.replicas),
            isr: record.isr.as_slice().into(),
            directories: record.directories.iter().map(|id| id.0).collect(),
            elr: ids(record
                .eligible_leader_replicas
                .as_deref()
                .unwrap_or_default()),
            last_known_elr: ids(record.last_known_elr.as_deref().unwrap_or_default()),
        };
        self.change_topic(TopicId(record.topic_id.0), |topic| {
            if topic.partitions.len() <= index {
                topic
                    .partitions
                    .resize_with(index + 1, PartitionImage::default);
            }
            topic.partitions[index] = image;
        });
    }

    fn apply_partition_change(&mut self, record: &PartitionChangeRecord) {
        let Ok(index) = usize::try_from(record.partition_id) else {
            return;
        };
        self.change_topic(TopicId(record.topic_id.0), |topic| {
            let Some(partition) = topic.partitions.get_mut(index) else {
                return;
            };
            if let Some(isr) = &record.isr {
                partition.isr = ids(isr);
            }
            if let Some(replicas) = &record.replicas {
                partition.replicas = ids(replicas);
            }
            if let Some(directories) = &record.directories {
                partition.directories = directories.iter().map(|id| id.0).collect();
            }
            if record.leader.0 != NO_LEADER_CHANGE {
                partition.leader = record.leader.0;
                partition.leader_epoch.0 += 1;
            }
            partition.partition_epoch += 1;
        });
    }

    fn apply_config(&mut self, record: &ConfigRecord<'_>) {
        let Some(kind) = ResourceKind::from_code(record.resource_type) else {
            return;
        };
        let key = (kind, record.resource_name.to_owned());
        let configs = Arc::make_mut(&mut self.configs);
        let overrides = configs.entry(key.clone()).or_default();
        match record.value {
            Some(value) => {
                overrides.insert(record.name.to_owned(), value.to_owned());
            }
            None => {
                overrides.remove(record.name);
            }
        }
        if overrides.is_empty() {
            configs.remove(&key);
        }
    }

    fn apply_broker(&mut self, record: &RegisterBrokerRecord<'_>) {
        let endpoint =
            |endpoint: &crate::protocol::records::metadata::register_broker::BrokerEndpoint<'_>| {
                EndpointImage {
                    name: endpoint.name.to_owned(),
                    host: endpoint.host.to_owned(),
                    port: endpoint.port,
                    security_protocol: endpoint.security_protocol,
                }
            };
        let broker = BrokerImage {
            id: record.broker_id.0,
            epoch: record.broker_epoch,
            incarnation: record.incarnation_id.0,
            endpoints: record.end_points.iter().map(endpoint).collect(),
            rack: record.rack.map(str::to_owned),
            fenced: record.fenced,
            log_dirs: record.log_dirs.iter().map(|id| id.0).collect(),
        };
        self.brokers.insert(broker.id, broker);
    }
}

impl TopicImage {
    /// The records that say what this image says.
    pub fn records(&self) -> Vec<MetadataRecord<'_>> {
        let topic_id = crate::protocol::Uuid(self.id.0);
        let topic = crate::protocol::records::metadata::TopicRecord {
            name: crate::protocol::TopicName(&self.name),
            topic_id,
        };
        let mut records = vec![MetadataRecord::Topic(topic)];
        let partitions = self.partitions.iter().enumerate();
        records
            .extend(partitions.map(|(index, partition)| self.partition_record(index, partition)));
        records
    }

    /// The record that makes one of this topic's partitions.
    pub fn partition_record(
        &self,
        index: usize,
        partition: &PartitionImage,
    ) -> MetadataRecord<'static> {
        let brokers = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let directories = partition.directories.iter();
        MetadataRecord::Partition(PartitionRecord {
            partition_id: index as i32,
            topic_id: crate::protocol::Uuid(self.id.0),
            replicas: brokers(&partition.replicas),
            isr: partition.isr.to_vec(),
            leader: BrokerId(partition.leader),
            leader_epoch: partition.leader_epoch.0,
            partition_epoch: partition.partition_epoch,
            directories: directories.map(|id| crate::protocol::Uuid(*id)).collect(),
            eligible_leader_replicas: some(brokers(&partition.elr)),
            last_known_elr: some(brokers(&partition.last_known_elr)),
            ..PartitionRecord::default()
        })
    }
}

impl Image {
    /// The records that say what this image says: the content of a snapshot.
    pub fn records(&self) -> Vec<MetadataRecord<'_>> {
        use crate::protocol::Uuid;
        use crate::protocol::records::metadata::{
            FeatureLevelRecord, ProducerIdsRecord, register_broker::BrokerEndpoint,
        };
        // The level says how to read all the others, so it comes first.
        let mut features: Vec<_> = self.features.iter().collect();
        features.sort_by_key(|(name, _)| *name != METADATA_VERSION);
        let mut records = Vec::new();
        for (name, level) in features {
            records.push(MetadataRecord::FeatureLevel(FeatureLevelRecord {
                name,
                feature_level: *level,
            }));
        }
        for broker in self.brokers.values() {
            let end_points = broker.endpoints.iter().map(|endpoint| BrokerEndpoint {
                name: &endpoint.name,
                host: &endpoint.host,
                port: endpoint.port,
                security_protocol: endpoint.security_protocol,
            });
            records.push(MetadataRecord::RegisterBroker(RegisterBrokerRecord {
                broker_id: BrokerId(broker.id),
                incarnation_id: Uuid(broker.incarnation),
                broker_epoch: broker.epoch,
                end_points: end_points.collect(),
                rack: broker.rack.as_deref(),
                fenced: broker.fenced,
                log_dirs: broker.log_dirs.iter().map(|id| Uuid(*id)).collect(),
                ..RegisterBrokerRecord::default()
            }));
        }
        for topic in self.topics() {
            records.extend(topic.records());
        }
        for ((kind, resource), overrides) in self.configs.iter() {
            records.extend(overrides.iter().map(|(name, value)| {
                MetadataRecord::Config(ConfigRecord {
                    resource_type: *kind as i8,
                    resource_name: resource,
                    name,
                    value: Some(value),
                })
            }));
        }
        if self.next_producer_id > 0 {
            records.push(MetadataRecord::ProducerIds(ProducerIdsRecord {
                next_producer_id: self.next_producer_id,
                ..ProducerIdsRecord::default()
            }));
        }
        records
    }
}

/// An empty list stays out of a record; Kafka's tagged fields know null, not empty.
fn some(brokers: Vec<BrokerId>) -> Option<Vec<BrokerId>> {
    (!brokers.is_empty()).then_some(brokers)
}

fn ids(brokers: &[BrokerId]) -> Brokers {
    brokers.iter().map(|broker| broker.0).collect()
}

/// All of an image's topics as one shared list, for shards that look for differences.
pub fn changed_topics<'i>(
    old: &'i Image,
    new: &'i Image,
) -> (Vec<&'i Arc<TopicImage>>, Vec<&'i Arc<TopicImage>>) {
    let changed = new.topics().filter(|topic| {
        !old.topic_by_id(topic.id)
            .is_some_and(|before| Arc::ptr_eq(before, topic))
    });
    let removed = old
        .topics()
        .filter(|topic| new.topic_by_id(topic.id).is_none());
    (changed.collect(), removed.collect())
}

/// Names of the resources of a kind whose overrides differ, in order.
pub fn changed_overrides<'c>(
    before: &'c Configs,
    after: &'c Configs,
    kind: ResourceKind,
) -> BTreeSet<&'c str> {
    let differing = |configs: &'c Configs, others: &'c Configs| {
        let own = configs.range((kind, String::new())..);
        let own = own.take_while(move |((of, _), _)| *of == kind);
        let own = own.filter(|(key, overrides)| others.get(key) != Some(overrides));
        own.map(|((_, name), _)| &**name)
    };
    let there = differing(before, after);
    there.chain(differing(after, before)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::records::metadata::{
        BrokerRegistrationChangeRecord, ClearElrRecord, FeatureLevelRecord, FenceBrokerRecord,
        ProducerIdsRecord, RemoveTopicRecord, TopicRecord, UnfenceBrokerRecord,
        register_broker::BrokerEndpoint,
    };
    use crate::protocol::{TopicName, Uuid};

    /// splitmix64.
    struct Seeded(u64);

    impl Seeded {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % bound
        }

        fn brokers(&mut self) -> Vec<BrokerId> {
            (0..1 + self.below(3) as i32).map(BrokerId).collect()
        }
    }

    const NAMES: [&str; 4] = ["a", "b.c", "metadata.version", "z"];

    /// Any record, over so few ids and names that they meet.
    fn record(seeded: &mut Seeded) -> MetadataRecord<'static> {
        let topic_id = Uuid::from_u128(u128::from(1 + seeded.below(4)));
        let name = NAMES[seeded.below(4) as usize];
        let broker_id = BrokerId(seeded.below(3) as i32);
        let partition_id = seeded.below(3) as i32;
        match seeded.below(13) {
            // As the controller does, a name is given to one id only.
            0 | 1 => MetadataRecord::Topic(TopicRecord {
                name: TopicName(NAMES[(topic_id.0[15] - 1) as usize]),
                topic_id,
            }),
            2 => MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id }),
            3 | 4 => MetadataRecord::Partition(PartitionRecord {
                partition_id,
                topic_id,
                replicas: seeded.brokers(),
                isr: vec![seeded.below(3) as i32],
                leader: broker_id,
                leader_epoch: seeded.below(9) as i32,
                partition_epoch: seeded.below(9) as i32,
                directories: vec![Uuid::from_u128(7)],
                eligible_leader_replicas: some(seeded.brokers()),
                last_known_elr: None,
                ..PartitionRecord::default()
            }),
            5 => MetadataRecord::PartitionChange(PartitionChangeRecord {
                partition_id,
                topic_id,
                isr: Some(seeded.brokers()),
                leader: BrokerId(seeded.below(4) as i32 - 2),
                last_known_elr: Some(seeded.brokers()),
                ..PartitionChangeRecord::default()
            }),
            6 => MetadataRecord::Config(ConfigRecord {
                resource_type: [2, 4, 16, 32, 77][seeded.below(5) as usize],
                resource_name: name,
                name: NAMES[seeded.below(4) as usize],
                value: [Some("1"), Some(""), None][seeded.below(3) as usize],
            }),
            7 => MetadataRecord::RegisterBroker(RegisterBrokerRecord {
                broker_id,
                incarnation_id: Uuid::from_u128(9),
                broker_epoch: seeded.below(99) as i64,
                end_points: vec![BrokerEndpoint {
                    name,
                    host: "h",
                    port: 9092,
                    security_protocol: 1,
                }],
                rack: [None, Some("r")][seeded.below(2) as usize],
                fenced: seeded.below(2) == 0,
                log_dirs: vec![Uuid::from_u128(5)],
                ..RegisterBrokerRecord::default()
            }),
            8 => MetadataRecord::FenceBroker(FenceBrokerRecord {
                id: broker_id,
                ..FenceBrokerRecord::default()
            }),
            9 => MetadataRecord::UnfenceBroker(UnfenceBrokerRecord {
                id: broker_id,
                ..UnfenceBrokerRecord::default()
            }),
            10 => MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
                broker_id,
                fenced: seeded.below(3) as i8 - 1,
                ..BrokerRegistrationChangeRecord::default()
            }),
            11 => MetadataRecord::FeatureLevel(FeatureLevelRecord {
                name,
                feature_level: seeded.below(3) as i16,
            }),
            _ if seeded.below(4) == 0 => MetadataRecord::ClearElr(ClearElrRecord {
                topic_name: TopicName(["", name][seeded.below(2) as usize]),
            }),
            _ => MetadataRecord::ProducerIds(ProducerIdsRecord {
                next_producer_id: seeded.below(9000) as i64,
                ..ProducerIdsRecord::default()
            }),
        }
    }

    fn image_of<'r>(records: impl IntoIterator<Item = &'r MetadataRecord<'r>>) -> Image {
        let mut image = Image::empty("cluster", 1);
        records.into_iter().for_each(|record| image.apply(record));
        image
    }

    /// Goal: a snapshot says all that the log before it said, whatever was in it.
    #[test]
    fn an_image_made_of_an_images_records_is_that_image() {
        let mut topics = 0;
        for seed in 0..300 {
            let mut seeded = Seeded(seed);
            let records: Vec<_> = (0..seeded.below(80)).map(|_| record(&mut seeded)).collect();
            let image = image_of(&records);
            topics += image.topic_count();
            let again = image.records();
            assert_eq!(image_of(&again), image, "seed {seed}");
            assert_eq!(image_of(&again).records(), again, "seed {seed}");
        }
        assert!(topics > 100, "the seeds make topics");
    }

    #[test]
    fn a_published_image_never_changes() {
        let mut seeded = Seeded(5);
        let mut image = Image::empty("cluster", 1);
        let mut published = Vec::new();
        for _ in 0..200 {
            image.apply(&record(&mut seeded));
            published.push((image.clone(), format!("{:?}", image.records())));
        }
        for (image, was) in published {
            assert_eq!(format!("{:?}", image.records()), was);
        }
    }

    #[test]
    fn the_metadata_version_is_the_first_record() {
        let mut image = Image::empty("cluster", 1);
        for name in ["a", METADATA_VERSION, "z"] {
            image.features.insert(name.to_owned(), 1);
        }
        let records = image.records();
        assert!(matches!(
            &records[0],
            MetadataRecord::FeatureLevel(feature) if feature.name == METADATA_VERSION
        ));
    }

    #[test]
    fn only_topics_that_differ_are_told_as_changed() {
        let mut seeded = Seeded(1);
        let mut old = Image::empty("cluster", 1);
        (0..60).for_each(|_| old.apply(&record(&mut seeded)));
        let mut new = old.clone();
        let first = old.topics().next().expect("a topic").clone();
        new.apply(&MetadataRecord::PartitionChange(PartitionChangeRecord {
            topic_id: Uuid(first.id.0),
            partition_id: 0,
            ..PartitionChangeRecord::default()
        }));
        let (changed, removed) = changed_topics(&old, &new);
        assert_eq!((changed.len(), removed.len()), (1, 0));
        new.remove_topic(first.id);
        let (changed, removed) = changed_topics(&old, &new);
        assert_eq!((changed.len(), removed.len()), (0, 1));
    }

    #[test]
    fn overrides_that_differ_are_told_by_their_resource() {
        let configs = |entries: &[(ResourceKind, &str, &str)]| -> Configs {
            let entries = entries.iter().map(|(kind, name, value)| {
                let overrides = [("retention.ms".to_owned(), (*value).to_owned())];
                ((*kind, (*name).to_owned()), overrides.into())
            });
            entries.collect()
        };
        use ResourceKind::{Broker, Topic};
        let before = configs(&[
            (Topic, "changed", "1"),
            (Topic, "gone", "1"),
            (Topic, "same", "1"),
        ]);
        let after = configs(&[
            (Topic, "changed", "2"),
            (Topic, "new", "1"),
            (Topic, "same", "1"),
            (Broker, "", "1"),
        ]);
        let changed: Vec<&str> = changed_overrides(&before, &after, Topic)
            .into_iter()
            .collect();
        assert_eq!(changed, ["changed", "gone", "new"]);
    }
}
