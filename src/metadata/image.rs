//! The image: everything the metadata log says, at one offset, for lookup.
//!
//! Room:       `metadata`.
//! Called by:  handlers and shards, which hold an `Arc<Image>` and swap it when a newer one comes.
//! Never:      changes once published; a change clones the maps it touches, whose values are
//! shared.

use crate::ids::{LeaderEpoch, PartitionKey, TopicId};
use crate::map::Map;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cluster as of one offset of the metadata log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Offset of the last record applied; -1 before the first.
    pub offset: i64,
    pub cluster_id: String,
    /// The active controller's broker id, -1 when there is none.
    pub controller: i32,
    pub brokers: BTreeMap<i32, BrokerImage>,
    /// Names only, so that a topic has one holder here and grows in place while a change of many
    /// records is applied.
    names: Arc<BTreeMap<Arc<str>, TopicId>>,
    topics: Arc<Map<TopicId, Arc<TopicImage>>>,
    /// Dynamic configuration: overrides by resource, by key.
    pub configs: Arc<Configs>,
    /// Finalized feature levels, e.g. `metadata.version`.
    pub features: BTreeMap<String, i16>,
    /// First producer id no broker was given yet.
    pub next_producer_id: i64,
}

/// Overrides by resource, by key.
pub type Configs = BTreeMap<(ResourceKind, String), BTreeMap<String, String>>;

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

/// Brokers by id. A partition has few, so that most take no memory of their own.
pub type Brokers = SmallVec<[i32; 4]>;

/// One partition's placement and leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionImage {
    /// -1 when no replica can lead.
    pub leader: i32,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: i32,
    pub replicas: Brokers,
    pub isr: Brokers,
    pub directories: SmallVec<[[u8; 16]; 1]>,
    /// Eligible leader replicas and last known ones (KIP-966).
    pub elr: Brokers,
    pub last_known_elr: Brokers,
}

impl ResourceKind {
    /// The kind of this number, on the wire and in records.
    pub fn from_code(code: i8) -> Option<ResourceKind> {
        Some(match code {
            2 => Self::Topic,
            4 => Self::Broker,
            8 => Self::BrokerLogger,
            16 => Self::ClientMetrics,
            32 => Self::Group,
            _ => return None,
        })
    }
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
        Arc::make_mut(&mut self.names).insert(topic.name.clone(), topic.id);
        Arc::make_mut(&mut self.topics).insert(topic.id, Arc::new(topic));
    }

    pub fn remove_topic(&mut self, id: TopicId) -> Option<Arc<TopicImage>> {
        let topic = Arc::make_mut(&mut self.topics).remove(&id)?;
        Arc::make_mut(&mut self.names).remove(&topic.name);
        Some(topic)
    }

    /// Changes a topic that is there. It is copied once per change, not once per record.
    pub(super) fn change_topic(&mut self, id: TopicId, change: impl FnOnce(&mut TopicImage)) {
        if let Some(topic) = Arc::make_mut(&mut self.topics).get_mut(&id) {
            change(Arc::make_mut(topic));
        }
    }

    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.names.get(name)?)
    }

    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<TopicImage>> {
        self.topics.get(&id)
    }

    /// All topics, sorted by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.names.values().filter_map(|id| self.topics.get(id))
    }

    /// Topics from `name` on, sorted by name; for paged listings.
    pub fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<TopicImage>> {
        let from = (std::ops::Bound::Included(name), std::ops::Bound::Unbounded);
        self.names
            .range::<str, _>(from)
            .filter_map(|(_, id)| self.topics.get(id))
    }

    pub fn topic_count(&self) -> usize {
        self.names.len()
    }

    pub fn partition(&self, key: PartitionKey) -> Option<&PartitionImage> {
        self.topics
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

/// Topics that brokers write for themselves; `__cluster_metadata` is none, it has no topic record.
pub fn is_internal(topic: &str) -> bool {
    matches!(
        topic,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state"
    )
}
