//! From a metadata record to a change of the image.
//!
//! Room:       `metadata`.
//! Called by:  `controller`, for each committed record, in order.
//! Never:      refuses a record: what was committed is the truth. Types that this broker keeps
//!             nothing of are passed over.

use super::{BrokerImage, EndpointImage, Image, PartitionImage, ResourceKind, TopicImage};
use crate::ids::{LeaderEpoch, TopicId};
use crate::protocol::BrokerId;
use crate::protocol::records::metadata::{
    ConfigRecord, MetadataRecord, PartitionChangeRecord, PartitionRecord, RegisterBrokerRecord,
};
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
                    self.configs
                        .remove(&(ResourceKind::Topic, topic.name.to_string()));
                }
            }
            MetadataRecord::Partition(partition) => self.apply_partition(partition),
            MetadataRecord::PartitionChange(change) => self.apply_partition_change(change),
            MetadataRecord::Config(config) => self.apply_config(config),
            MetadataRecord::RegisterBroker(broker) => self.apply_broker(broker),
            MetadataRecord::UnregisterBroker(broker) => {
                self.brokers.remove(&broker.broker_id.0);
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

    fn change_topic(&mut self, id: TopicId, change: impl FnOnce(&mut TopicImage)) {
        if let Some(topic) = self.topic_by_id(id) {
            let mut topic = TopicImage::clone(topic);
            change(&mut topic);
            self.put_topic(topic);
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
            isr: record.isr.clone(),
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
        let kind = match record.resource_type {
            2 => ResourceKind::Topic,
            4 => ResourceKind::Broker,
            8 => ResourceKind::BrokerLogger,
            16 => ResourceKind::ClientMetrics,
            32 => ResourceKind::Group,
            _ => return,
        };
        let key = (kind, record.resource_name.to_owned());
        let overrides = self.configs.entry(key.clone()).or_default();
        match record.value {
            Some(value) => {
                overrides.insert(record.name.to_owned(), value.to_owned());
            }
            None => {
                overrides.remove(record.name);
            }
        }
        if overrides.is_empty() {
            self.configs.remove(&key);
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
        let brokers = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let mut records = vec![MetadataRecord::Topic(topic)];
        for (index, partition) in self.partitions.iter().enumerate() {
            records.push(MetadataRecord::Partition(PartitionRecord {
                partition_id: index as i32,
                topic_id,
                replicas: brokers(&partition.replicas),
                isr: partition.isr.clone(),
                leader: BrokerId(partition.leader),
                leader_epoch: partition.leader_epoch.0,
                partition_epoch: partition.partition_epoch,
                directories: partition
                    .directories
                    .iter()
                    .map(|id| crate::protocol::Uuid(*id))
                    .collect(),
                ..PartitionRecord::default()
            }));
        }
        records
    }
}

impl Image {
    /// The records that say what this image says: the content of a snapshot.
    pub fn records(&self) -> Vec<MetadataRecord<'_>> {
        use crate::protocol::Uuid;
        use crate::protocol::records::metadata::{
            FeatureLevelRecord, ProducerIdsRecord, register_broker::BrokerEndpoint,
        };
        let mut records = Vec::new();
        for (name, level) in &self.features {
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
        for ((kind, resource), overrides) in &self.configs {
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

fn ids(brokers: &[BrokerId]) -> Vec<i32> {
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
