//! The active controller: decides topics, placement, configuration, leaders.
//!
//! Room:       `controller`: decisions about metadata, on the control shard.
//! Called by:  `handlers`, through the mesh.
//! Calls:      `metadata`.
//! Never:      touches record bytes.

//! Decisions are made one after the other against the newest image, committed to the metadata log
//! as one batch each, and then applied: what is published was committed.

#![forbid(unsafe_code)]

mod configs;
mod create;
mod features;
mod message;
mod metadata_file;
mod partitions;
mod placement;
mod replicas;
mod store;

pub use create::check_name;
pub use message::{
    ConfigChange, ConfigOperations, FeatureUpdate, NewPartitions, NewTopic, Reassignment, Refused,
    Reply, Request, TopicOutcome, TopicTarget,
};
pub use metadata_file::EPOCH;
pub use store::{Store, StoreError, TOPIC};

use self::replicas::NO_LEADER;
use crate::config::BrokerConfig;
use crate::ids::PartitionKey;
use crate::io::{Address, Errno};
use crate::metadata::{Image, METADATA_VERSION, PartitionImage};
use crate::protocol::records::metadata::{
    MetadataRecord, PartitionChangeRecord, ProducerIdsRecord, RegisterBrokerRecord,
    register_broker::BrokerEndpoint,
};
use crate::protocol::{BrokerId, ErrorCode, Uuid};
use crate::runtime::Runtime;
use std::cell::RefCell;
use std::sync::Arc;

/// The quorum of one: the only writer of the metadata log.
pub struct Controller {
    runtime: Runtime,
    config: Arc<BrokerConfig>,
    store: Store,
    image: RefCell<Arc<Image>>,
}

/// Producer ids handed to a shard at a time, as many as Kafka hands to a broker.
const PRODUCER_ID_BLOCK: i64 = 1000;

/// Bytes of metadata log after which a snapshot is taken, unless the last snapshot was larger.
const SNAPSHOT_BYTES: u64 = 4 << 20;

impl Controller {
    /// Replays the metadata log.
    pub async fn open(
        runtime: &Runtime,
        config: &Arc<BrokerConfig>,
        cluster_id: &str,
    ) -> Result<Controller, StoreError> {
        let mut image = Image::empty(cluster_id, config.node_id);
        let store = Store::open(
            runtime,
            &config.metadata_log_dir,
            config.node_id,
            |offset, record| {
                image.apply(record);
                image.offset = offset;
            },
        )
        .await?;
        image.offset = store.last_offset();
        let controller = Controller {
            runtime: runtime.clone(),
            config: config.clone(),
            store,
            image: RefCell::new(Arc::new(image)),
        };
        controller.snapshot_if_grown().await?;
        Ok(controller)
    }

    pub fn image(&self) -> Arc<Image> {
        self.image.borrow().clone()
    }

    /// Registers this broker in a new broker epoch. After an unclean stop every partition it leads
    /// gets a new leader epoch, before anything is appended or fetched (DESIGN §7). `listening`:
    /// where it listens, by the listener's index; who is to advertise port 0 advertises that one.
    pub async fn register(
        &self,
        log_dirs: &[[u8; 16]],
        listening: &[(usize, Address)],
        was_clean: bool,
    ) -> Result<(), StoreError> {
        let image = self.image();
        let node = self.config.node_id;
        let mut records = Vec::new();
        if !image.features.contains_key(METADATA_VERSION) {
            records.extend(features::first_levels());
        }
        let bound = |index: usize| {
            let mut bound = listening.iter().filter(|(other, _)| *other == index);
            bound.find_map(|(_, address)| match address {
                Address::Tcp(address) => Some(address.port()),
                Address::Unix(_) => None,
            })
        };
        let end_points = self.config.advertised.iter().enumerate();
        let end_points = end_points.map(|(index, listener)| {
            let (host, port) = match &listener.address {
                crate::config::Address::Tcp { host, port: 0 } => {
                    (host.as_str(), bound(index).unwrap_or(0))
                }
                crate::config::Address::Tcp { host, port } => (host.as_str(), *port),
                // Kafka has no word for a path: clients that came through it go on through it.
                crate::config::Address::Unix { path } => (path.as_str(), 0),
            };
            let security_protocol = listener.protocol as i16;
            BrokerEndpoint {
                name: &listener.name,
                host,
                port,
                security_protocol,
            }
        });
        let incarnation =
            u128::from(self.runtime.random()) << 64 | u128::from(self.runtime.random());
        records.push(MetadataRecord::RegisterBroker(RegisterBrokerRecord {
            broker_id: BrokerId(node),
            incarnation_id: Uuid::from_u128(incarnation),
            // The offset of this record, as in Kafka.
            broker_epoch: image.offset + 1 + records.len() as i64,
            end_points: end_points.collect(),
            rack: self.config.rack.as_deref(),
            fenced: false,
            log_dirs: log_dirs.iter().map(|id| Uuid(*id)).collect(),
            ..RegisterBrokerRecord::default()
        }));
        // A partition without a leader had this broker as its last: Apache Kafka says so when it is
        // shut down, in a folder that was its own meanwhile.
        let leads_anew = |partition: &PartitionImage| match partition.leader {
            NO_LEADER => partition.isr.contains(&node),
            leader => leader == node && !was_clean,
        };
        for topic in image.topics() {
            let led = topic.partitions.iter().enumerate();
            let led = led.filter(|(_, partition)| leads_anew(partition));
            let keys = led.map(|(index, _)| PartitionKey {
                topic: topic.id,
                partition: index as i32,
            });
            records.extend(keys.map(|key| self.lead_anew(key)));
        }
        self.commit(&records).await
    }

    /// Gives partitions of this broker new leader epochs: they lost records, as was found later.
    pub async fn raise_epochs(&self, keys: &[PartitionKey]) -> Result<(), StoreError> {
        let records: Vec<_> = keys.iter().map(|key| self.lead_anew(*key)).collect();
        self.commit(&records).await
    }

    fn lead_anew(&self, key: PartitionKey) -> MetadataRecord<'static> {
        MetadataRecord::PartitionChange(PartitionChangeRecord {
            partition_id: key.partition,
            topic_id: Uuid(key.topic.0),
            leader: BrokerId(self.config.node_id),
            ..PartitionChangeRecord::default()
        })
    }

    /// Carries out one request. A change is committed when this returns; the caller publishes the
    /// image before it passes the reply on.
    pub async fn decide(&self, request: Request) -> Reply {
        let decided = match request {
            Request::CreateTopics {
                topics,
                validate_only,
            } => self.create_topics(topics, validate_only).await,
            Request::DeleteTopics { topics } => self.delete_topics(topics).await,
            Request::CreatePartitions {
                topics,
                validate_only,
            } => self.create_partitions(topics, validate_only).await,
            Request::AlterConfigs {
                changes,
                validate_only,
            } => self.alter_configs(changes, validate_only).await,
            Request::ElectLeaders {
                unclean,
                partitions,
            } => self.elect_leaders(unclean, partitions).await,
            Request::AlterReassignments { partitions } => Ok(self.alter_reassignments(&partitions)),
            Request::UpdateFeatures {
                updates,
                validate_only,
            } => self.update_features(updates, validate_only).await,
            Request::UnregisterBroker { id } => self.unregister_broker(id).await,
            Request::AllocateProducerIds => self.allocate_producer_ids().await,
        };
        decided.unwrap_or_else(|error| {
            tracing::error!(%error, "the metadata log cannot be written");
            Reply::Refused(ErrorCode::KafkaStorageError, error.to_string())
        })
    }

    async fn allocate_producer_ids(&self) -> Result<Reply, StoreError> {
        let image = self.image();
        let first = image.next_producer_id;
        let epoch = image
            .brokers
            .get(&self.config.node_id)
            .map_or(-1, |broker| broker.epoch);
        let record = ProducerIdsRecord {
            broker_id: BrokerId(self.config.node_id),
            broker_epoch: epoch,
            next_producer_id: first + PRODUCER_ID_BLOCK,
        };
        self.commit(&[MetadataRecord::ProducerIds(record)]).await?;
        Ok(Reply::ProducerIds {
            first,
            count: PRODUCER_ID_BLOCK,
        })
    }

    /// Commits records as one change and applies them.
    async fn commit(&self, records: &[MetadataRecord<'_>]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let offset = self.store.append(records, self.runtime.wall().0).await?;
        let mut image = Image::clone(&self.image());
        records.iter().for_each(|record| image.apply(record));
        image.offset = offset;
        *self.image.borrow_mut() = Arc::new(image);
        Ok(())
    }

    /// Writes what is known as a snapshot once the log has outgrown the last one, so that a start
    /// has at most twice the metadata to read.
    ///
    /// # Errors
    /// When the disk refuses; nothing is committed any more then.
    pub async fn snapshot_if_grown(&self) -> Result<(), StoreError> {
        if self.store.active_bytes() <= SNAPSHOT_BYTES.max(self.store.snapshot_bytes()) {
            return Ok(());
        }
        let image = self.image();
        let records = image.records();
        self.store.snapshot(&records, self.runtime.wall().0).await
    }

    /// The disk failed under the metadata log.
    pub fn failed(&self) -> Option<Errno> {
        self.store.failed()
    }

    /// The end of a clean stop. Everything committed is durable already.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.snapshot_if_grown().await
    }
}
