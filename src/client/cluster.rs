//! What a client knows of a cluster: brokers, topics, leaders; and calls to any of them.
//!
//! Room:       `client`.
//! Called by:  producer, consumer, admin, `cli`.
//! Calls:      `connection`.
//! Never:      keeps a thread: metadata is refreshed by whoever finds it stale.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clock;
use super::connection::{Answer, ApiRange, Connection};
use super::error::ClientError;
use super::properties::ClientConfig;
use super::stream::Address;
use crate::map::Map;
use crate::protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponsePartition,
};
use crate::protocol::{ErrorCode, Request, TopicName, Uuid};

/// The metadata cache and one connection per broker for single calls. Shared by threads.
#[derive(Debug)]
pub struct Cluster {
    config: ClientConfig,
    known: Mutex<Known>,
    connections: Mutex<Map<i32, Connection>>,
}

/// The cluster as the last Metadata answers told it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub cluster_id: Option<String>,
    /// -1 when the cluster has none now.
    pub controller: i32,
    pub brokers: BTreeMap<i32, Broker>,
    pub topics: BTreeMap<Arc<str>, Topic>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub address: Address,
    pub rack: Option<String>,
}

/// A topic; partitions are in order of their number.
#[derive(Clone, Debug)]
pub struct Topic {
    pub id: Uuid,
    pub internal: bool,
    pub partitions: Vec<Partition>,
}

#[derive(Clone, Debug)]
pub struct Partition {
    pub index: i32,
    /// -1 when the partition has none now.
    pub leader: i32,
    pub leader_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
}

impl Cluster {
    /// Finds a bootstrap server that answers.
    ///
    /// # Errors
    /// `Bootstrap` when none does. Nothing is retried: a wrong address shall be told at once.
    pub fn connect(config: ClientConfig) -> Result<Arc<Self>, ClientError> {
        let cluster = Self {
            config,
            known: Mutex::new(Known {
                controller: NONE,
                ..Known::default()
            }),
            connections: Mutex::new(Map::default()),
        };
        cluster.refresh(Some(&[]), false)?;
        Ok(Arc::new(cluster))
    }

    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// A copy of all that is known.
    pub fn known(&self) -> Known {
        lock(&self.known).clone()
    }

    /// Asks for metadata of `topics` (`None`: of all) and remembers it. `create` lets the broker
    /// create missing topics when it is configured so.
    ///
    /// # Errors
    /// Those of the call. A topic that doesn't exist is no error here: it is forgotten.
    pub fn refresh(&self, topics: Option<&[&str]>, create: bool) -> Result<(), ClientError> {
        let request = MetadataRequest {
            topics: topics.map(|names| names.iter().map(|name| requested_topic(name)).collect()),
            allow_auto_topic_creation: create,
            ..Default::default()
        };
        let answer = self.call_any(&request)?;
        let response: MetadataResponse<'_> = answer.decode()?;
        ClientError::check(response.error_code, None, || "Metadata".into())?;
        self.learn(&response, topics)
    }

    fn learn(
        &self,
        response: &MetadataResponse<'_>,
        asked: Option<&[&str]>,
    ) -> Result<(), ClientError> {
        let mut known = lock(&self.known);
        known.cluster_id = response.cluster_id.map(str::to_owned);
        known.controller = response.controller_id.0;
        if !response.brokers.is_empty() {
            known.brokers.clear();
        }
        for broker in &response.brokers {
            let address = Address::advertised(broker.host, broker.port)?;
            let rack = broker.rack.map(str::to_owned);
            known
                .brokers
                .insert(broker.node_id.0, Broker { address, rack });
        }
        match asked {
            None => known.topics.clear(),
            Some(names) => names
                .iter()
                .for_each(|name| drop(known.topics.remove(*name))),
        }
        for topic in &response.topics {
            let (Some(name), ErrorCode::None) = (topic.name, topic.error_code) else {
                continue;
            };
            let mut partitions: Vec<Partition> = topic.partitions.iter().map(partition).collect();
            partitions.sort_by_key(|partition| partition.index);
            let learned = Topic {
                id: topic.topic_id,
                internal: topic.is_internal,
                partitions,
            };
            known.topics.insert(name.0.into(), learned);
        }
        Ok(())
    }

    /// A topic with a leader for every partition, asked for until it is so or `api_timeout` ends.
    /// With `create`, a missing topic is awaited, because the broker may be creating it.
    pub fn topic(&self, name: &str, create: bool) -> Result<Topic, ClientError> {
        let mut retry = Retry::new(&self.config);
        loop {
            let refreshed = self.refresh(Some(&[name]), create);
            let topic = lock(&self.known).topics.get(name).cloned();
            let failure = match (refreshed, topic) {
                (Ok(()), Some(topic)) => {
                    let headless = topic.partitions.iter().find(|p| p.leader == NONE);
                    match headless.map(|partition| partition.index) {
                        None if !topic.partitions.is_empty() => return Ok(topic),
                        partition => unknown(name, partition),
                    }
                }
                (Ok(()), None) if !create => return Err(unknown(name, None)),
                (Ok(()), None) => unknown(name, None),
                (Err(failure), _) => failure,
            };
            if !failure.retriable() || !retry.pause() {
                return Err(failure);
            }
        }
    }

    /// Leader, leader epoch and topic id of a partition, as far as known.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<(i32, i32, Uuid)> {
        let known = lock(&self.known);
        let topic = known.topics.get(topic)?;
        let found = topic.partitions.iter().find(|p| p.index == partition)?;
        (found.leader != NONE).then_some((found.leader, found.leader_epoch, topic.id))
    }

    /// Calls whichever broker answers first: the known ones, then the bootstrap servers.
    pub fn call_any<'a, R: Request<'a>>(&self, request: &R) -> Result<Answer, ClientError> {
        let open = lock(&self.connections).keys().next().copied();
        if let Some(node) = open {
            match self.call_open(node, request) {
                Err(ClientError::Connection { .. }) => {}
                answered => return answered,
            }
        }
        let mut addresses = self.config.bootstrap.clone();
        let known: Vec<Address> = lock(&self.known)
            .brokers
            .values()
            .map(|broker| broker.address.clone())
            .collect();
        addresses.extend(
            known
                .into_iter()
                .filter(|known| !self.config.bootstrap.contains(known)),
        );
        let mut failures = Vec::new();
        for address in addresses {
            match Connection::open(&address, &self.config) {
                Ok(connection) => {
                    lock(&self.connections).insert(NONE, connection);
                    return self.call_open(NONE, request);
                }
                Err(failure) => failures.push(failure),
            }
        }
        Err(ClientError::Bootstrap { failures })
    }

    /// Calls the controller: on a broker listener any broker forwards, but the active one knows
    /// first what it changed.
    pub fn call_controller<'a, R: Request<'a>>(&self, request: &R) -> Result<Answer, ClientError> {
        let (controller, known) = {
            let known = lock(&self.known);
            (
                known.controller,
                known.brokers.contains_key(&known.controller),
            )
        };
        if known {
            self.call_broker(controller, request)
        } else {
            self.call_any(request)
        }
    }

    /// Calls one broker by its id. A connection that went stale meanwhile is replaced once.
    pub fn call_broker<'a, R: Request<'a>>(
        &self,
        node: i32,
        request: &R,
    ) -> Result<Answer, ClientError> {
        let has_connection = lock(&self.connections).contains_key(&node);
        if has_connection {
            match self.call_open(node, request) {
                Err(ClientError::Connection { .. }) => {}
                answered => return answered,
            }
        }
        let connection = self.open_broker(node)?;
        lock(&self.connections).insert(node, connection);
        self.call_open(node, request)
    }

    fn call_open<'a, R: Request<'a>>(&self, node: i32, request: &R) -> Result<Answer, ClientError> {
        // Taken out while in use, so that a slow call holds no lock.
        let Some(mut connection) = lock(&self.connections).remove(&node) else {
            return self
                .open_broker(node)?
                .call(request, self.config.request_timeout);
        };
        let answer = connection.call(request, self.config.request_timeout);
        let usable = !matches!(
            answer,
            Err(ClientError::Connection { .. } | ClientError::Timeout { .. })
        );
        if usable {
            lock(&self.connections).insert(node, connection);
        }
        answer
    }

    /// A connection of one's own to a broker; `-1` is any.
    pub fn open_broker(&self, node: i32) -> Result<Connection, ClientError> {
        let address = lock(&self.known)
            .brokers
            .get(&node)
            .map(|broker| broker.address.clone());
        let address = address.unwrap_or_else(|| self.config.bootstrap[0].clone());
        Connection::open(&address, &self.config)
    }

    /// What a broker of the cluster serves: key and versions, ascending.
    pub fn api_versions(&self, node: i32) -> Result<Vec<ApiRange>, ClientError> {
        Ok(self.open_broker(node)?.api_versions().to_vec())
    }
}

fn requested_topic(name: &str) -> MetadataRequestTopic<'_> {
    MetadataRequestTopic {
        name: Some(TopicName(name)),
        ..Default::default()
    }
}

fn partition(partition: &MetadataResponsePartition) -> Partition {
    Partition {
        index: partition.partition_index,
        leader: partition.leader_id.0,
        leader_epoch: partition.leader_epoch,
        replicas: partition.replica_nodes.iter().map(|node| node.0).collect(),
        isr: partition.isr_nodes.iter().map(|node| node.0).collect(),
    }
}

fn unknown(topic: &str, partition: Option<i32>) -> ClientError {
    ClientError::UnknownPartition {
        topic: topic.to_owned(),
        partition,
    }
}

/// Pauses that grow, until a call's whole time is used up.
#[derive(Debug)]
pub struct Retry {
    until: Instant,
    pause: Duration,
    pause_max: Duration,
}

impl Retry {
    pub fn new(config: &ClientConfig) -> Self {
        Self {
            until: clock::now() + config.api_timeout,
            pause: config.retry_backoff,
            pause_max: config.retry_backoff_max,
        }
    }

    /// Sleeps before the next try; false when there is no time for one.
    pub fn pause(&mut self) -> bool {
        if clock::now() + self.pause >= self.until {
            return false;
        }
        clock::sleep(self.pause);
        self.pause = (self.pause * 2)
            .min(self.pause_max)
            .max(Duration::from_millis(1));
        true
    }
}

/// A panic of another thread leaves nothing half done under these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No broker: no leader, no controller, or the bootstrap connection.
const NONE: i32 = -1;
