//! The image: everything the metadata log says, at one offset, for lookup.
//!
//! Room:       `metadata`.
//! Called by:  handlers and shards, which hold an `Arc<Image>` and swap it when a newer one comes.
//! Never:      changes once published; a change clones what it touches (topics are shared).

use crate::ids::{LeaderEpoch, PartitionKey, TopicId};
use crate::map::Map;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cluster as of one offset of the metadata log.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Offset of the last record applied; -1 before the first.
    pub offset: i64,
    pub cluster_id: String,
    /// The active controller's broker id, -1 when there is none.
    pub controller: i32,
    pub brokers: BTreeMap<i32, BrokerImage>,
    topics: BTreeMap<Arc<str>, Arc<TopicImage>>,
    topics_by_id: Map<TopicId, Arc<TopicImage>>,
    /// Dynamic configuration: overrides by resource, by key.
    pub configs: BTreeMap<(ResourceKind, String), BTreeMap<String, String>>,
    /// Finalized feature levels, e.g. `metadata.version`.
    pub features: BTreeMap<String, i16>,
    /// First producer id no broker was given yet.
    pub next_producer_id: i64,
}

/// What a configuration belongs to; numbers are Kafka's `ConfigResource.Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}

/// One broker as registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerImage {
    pub id: i32,
    pub epoch: i64,
    pub incarnation: [u8; 16],
    pub endpoints: Vec<EndpointImage>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub log_dirs: Vec<[u8; 16]>,
}

/// Where a broker is reached through one of its listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointImage {
    /// Listener name, e.g. `PLAINTEXT`.
    pub name: String,
    pub host: String,
    pub port: u16,
    /// Kafka's `SecurityProtocol` id.
    pub security_protocol: i16,
}

/// One topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicImage {
    pub id: TopicId,
    pub name: Arc<str>,
    /// Indexed by partition number.
    pub partitions: Vec<PartitionImage>,
}

/// One partition's placement and leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionImage {
    /// -1 when no replica can lead.
    pub leader: i32,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub directories: Vec<[u8; 16]>,
    /// Eligible leader replicas and last known ones (KIP-966).
    pub elr: Vec<i32>,
    pub last_known_elr: Vec<i32>,
}

impl Image {
    /// Before the first record.
    pub fn empty(cluster_id: &str, controller: i32) -> Image {
        Image {
            offset: -1,
            cluster_id: cluster_id.to_owned(),
            controller,
            ..Image::default()
        }
    }

    /// Adds or replaces a topic.
    pub fn put_topic(&mut self, topic: TopicImage) {
        let topic = Arc::new(topic);
        self.topics_by_id.insert(topic.id, topic.clone());
        self.topics.insert(topic.name.clone(), topic);
    }

    pub fn remove_topic(&mut self, id: TopicId) -> Option<Arc<TopicImage>> {
        let topic = self.topics_by_id.remove(&id)?;
        self.topics.remove(&topic.name);
        Some(topic)
    }

    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(name)
    }

    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<TopicImage>> {
        self.topics_by_id.get(&id)
    }

    /// All topics, sorted by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.topics.values()
    }

    /// Topics after `name`, sorted by name; for paged listings.
    pub fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<TopicImage>> {
        let from = (std::ops::Bound::Included(name), std::ops::Bound::Unbounded);
        self.topics.range::<str, _>(from).map(|(_, topic)| topic)
    }

    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    pub fn partition(&self, key: PartitionKey) -> Option<&PartitionImage> {
        self.topics_by_id
            .get(&key.topic)?
            .partitions
            .get(usize::try_from(key.partition).ok()?)
    }

    /// Overrides set on a resource; empty when there are none.
    pub fn overrides(&self, kind: ResourceKind, name: &str) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.configs.get(&(kind, name.to_owned())).unwrap_or(&NONE)
    }
}
