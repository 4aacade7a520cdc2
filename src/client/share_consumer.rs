//! A member of a share group (KIP-932): takes records, and says what became of them.
//!
//! Room:       `client`.
//! Called by:  `cli`.
//! Calls:      `cluster`, with the group's coordinator and the leaders of what it is given.
//! Never:      says a record is done that its caller has not said is done.

use super::clock;
use super::cluster::Cluster;
use super::connection::Answer;
use super::consumer::{Fetched, Reading};
use super::error::ClientError;
use super::groups::call;
use crate::protocol::messages::share_acknowledge::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch as SaidBatch,
    ShareAcknowledgeRequest, ShareAcknowledgeResponse,
};
use crate::protocol::messages::share_fetch::{
    AcknowledgementBatch, FetchPartition, FetchTopic, ForgottenTopic, PartitionData,
    ShareFetchRequest, ShareFetchResponse,
};
use crate::protocol::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};
use crate::protocol::{ErrorCode, GroupId, TopicName, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What became of a record, by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// There is no record here.
    Gap = 0,
    Accept = 1,
    Release = 2,
    Reject = 3,
}

/// Records of one partition that are this member's for a while.
pub struct Delivered {
    pub fetched: Fetched,
    place: Place,
    /// First and last offset, and how often they were delivered.
    acquired: Vec<(i64, i64, i16)>,
}

/// A partition.
type Place = (Uuid, i32);

/// The member.
pub struct ShareConsumer {
    cluster: Arc<Cluster>,
    group: String,
    member: String,
    topic: String,
    epoch: i32,
    next_beat: Instant,
    assigned: BTreeSet<Place>,
    nodes: BTreeMap<i32, Node>,
}

/// A share session with one broker.
#[derive(Default)]
struct Node {
    epoch: i32,
    partitions: BTreeSet<Place>,
    /// What is to be said with the next request.
    said: BTreeMap<Place, Vec<(i64, i64, Says)>>,
}

/// The epochs with which a member joins and leaves, and a session begins and ends.
const JOIN: i32 = 0;
const LEAVE: i32 = -1;

/// Records that are asked for at once.
const RECORDS_MAX: i32 = 500;

impl Delivered {
    /// How often a record was delivered, this time included; `None` when it is somebody else's.
    pub fn deliveries(&self, offset: i64) -> Option<i16> {
        let mut acquired = self.acquired.iter();
        let found = acquired.find(|(first, last, _)| (*first..=*last).contains(&offset));
        found.map(|(_, _, count)| *count)
    }
}

impl ShareConsumer {
    /// Joins a group that reads a topic.
    pub fn join(cluster: Arc<Cluster>, group: &str, topic: &str) -> Result<Self, ClientError> {
        let mut consumer = ShareConsumer {
            cluster,
            group: group.to_owned(),
            member: random_uuid().to_string(),
            topic: topic.to_owned(),
            epoch: JOIN,
            next_beat: clock::now(),
            assigned: BTreeSet::new(),
            nodes: BTreeMap::new(),
        };
        consumer.beat()?;
        Ok(consumer)
    }

    /// What comes within this time.
    pub fn poll(&mut self, wait: Duration) -> Result<Vec<Delivered>, ClientError> {
        if clock::now() >= self.next_beat {
            self.beat()?;
        }
        self.place()?;
        let nodes: Vec<i32> = self.nodes.keys().copied().collect();
        if nodes.is_empty() {
            let until_beat = self.next_beat.saturating_duration_since(clock::now());
            clock::sleep(wait.min(until_beat));
            return Ok(Vec::new());
        }
        // Each broker has its share of the time.
        let wait = wait / u32::try_from(nodes.len()).unwrap_or(1);
        let mut delivered = Vec::new();
        for node in nodes {
            delivered.extend(self.fetch(node, wait)?);
        }
        Ok(delivered)
    }

    /// Says what became of records; where there are none, that there are none.
    pub fn say(&mut self, delivered: &Delivered, says: impl Fn(i64) -> Says) {
        let place = delivered.place;
        let Some(node) = self
            .nodes
            .values_mut()
            .find(|n| n.partitions.contains(&place))
        else {
            return;
        };
        let said = node.said.entry(place).or_default();
        for (first, last, _) in &delivered.acquired {
            for offset in *first..=*last {
                let says = says(offset);
                match said.last_mut() {
                    Some((_, last, same)) if *last + 1 == offset && *same == says => {
                        *last = offset;
                    }
                    _ => said.push((offset, offset, says)),
                }
            }
        }
    }

    /// Says what is to be said, and leaves.
    pub fn close(mut self) -> Result<(), ClientError> {
        for (id, node) in std::mem::take(&mut self.nodes) {
            if node.epoch == JOIN {
                continue;
            }
            let request = ShareAcknowledgeRequest {
                group_id: Some(GroupId(&self.group)),
                member_id: Some(&self.member),
                share_session_epoch: LEAVE,
                topics: node.said.iter().map(acknowledged).collect(),
                ..ShareAcknowledgeRequest::default()
            };
            let answer = self.cluster.call_broker(id, &request)?;
            let response: ShareAcknowledgeResponse<'_> = answer.decode()?;
            let topics = response
                .responses
                .iter()
                .flat_map(|topic| &topic.partitions);
            let codes = topics.map(|partition| partition.error_code);
            for code in std::iter::once(response.error_code).chain(codes) {
                ClientError::check(code, None, || format!("group '{}'", self.group))?;
            }
        }
        self.epoch = LEAVE;
        self.beat()
    }

    fn beat(&mut self) -> Result<(), ClientError> {
        let joins = self.epoch == JOIN;
        let request = ShareGroupHeartbeatRequest {
            group_id: GroupId(&self.group),
            member_id: &self.member,
            member_epoch: self.epoch,
            rack_id: None,
            subscribed_topic_names: joins.then(|| vec![TopicName(&self.topic)]),
        };
        let code = |answer: &Answer| {
            let response: ShareGroupHeartbeatResponse<'_> = answer.decode()?;
            Ok(response.error_code)
        };
        let (_, answer) = match call(&self.cluster, &self.group, &request, code) {
            // Too long silent: it begins anew.
            Err(error) if !joins && is_out(&error) => {
                (self.epoch, self.assigned) = (JOIN, BTreeSet::new());
                self.nodes.clear();
                return Ok(());
            }
            answered => answered?,
        };
        let response: ShareGroupHeartbeatResponse<'_> = answer.decode()?;
        self.epoch = response.member_epoch;
        let interval = u64::try_from(response.heartbeat_interval_ms).unwrap_or_default();
        self.next_beat = clock::now() + Duration::from_millis(interval);
        if let Some(assignment) = &response.assignment {
            let topics = assignment.topic_partitions.iter();
            self.assigned = topics
                .flat_map(|topic| topic.partitions.iter().map(|p| (topic.topic_id, *p)))
                .collect();
        }
        Ok(())
    }

    /// Sorts what it is given by who leads it.
    fn place(&mut self) -> Result<(), ClientError> {
        let placed: BTreeSet<Place> = self
            .nodes
            .values()
            .flat_map(|node| node.partitions.iter().copied())
            .collect();
        if placed == self.assigned {
            return Ok(());
        }
        self.cluster.refresh(Some(&[&self.topic]), false)?;
        for node in self.nodes.values_mut() {
            node.partitions
                .retain(|place| self.assigned.contains(place));
        }
        for place in self.assigned.difference(&placed) {
            if let Some((leader, ..)) = self.cluster.leader(&self.topic, place.1) {
                let node = self.nodes.entry(leader).or_default();
                node.partitions.insert(*place);
                // Named to the broker with the next request.
                node.epoch = node.epoch.max(JOIN);
            }
        }
        Ok(())
    }

    fn fetch(&mut self, id: i32, wait: Duration) -> Result<Vec<Delivered>, ClientError> {
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(Vec::new());
        };
        let said = std::mem::take(&mut node.said);
        let config = &self.cluster.config().consumer;
        let partitions: Vec<Place> = node.partitions.iter().copied().collect();
        let none = Vec::new();
        let topics = partitions.iter().map(|place| {
            let said = said.get(place).unwrap_or(&none).iter();
            let batches = said.map(|(first, last, says)| AcknowledgementBatch {
                first_offset: *first,
                last_offset: *last,
                acknowledge_types: vec![*says as i8],
            });
            FetchTopic {
                topic_id: place.0,
                partitions: vec![FetchPartition {
                    partition_index: place.1,
                    acknowledgement_batches: batches.collect(),
                }],
            }
        });
        let request = ShareFetchRequest {
            group_id: Some(GroupId(&self.group)),
            member_id: Some(&self.member),
            share_session_epoch: node.epoch,
            max_wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: config.fetch_bytes_min,
            max_bytes: config.fetch_bytes_max,
            max_records: RECORDS_MAX,
            batch_size: RECORDS_MAX,
            topics: topics.collect(),
            forgotten_topics_data: Vec::<ForgottenTopic>::new(),
            ..ShareFetchRequest::default()
        };
        let answer = self.cluster.call_broker(id, &request)?;
        let response: ShareFetchResponse<'_> = answer.decode()?;
        match response.error_code {
            ErrorCode::None => {
                node.epoch = match node.epoch {
                    i32::MAX => 1,
                    epoch => epoch + 1,
                };
            }
            // The broker knows nothing of it, or something else: it begins anew.
            ErrorCode::ShareSessionNotFound | ErrorCode::InvalidShareSessionEpoch => {
                node.epoch = JOIN;
                return Ok(Vec::new());
            }
            code => ClientError::check(code, response.error_message, || {
                format!("group '{}'", self.group)
            })?,
        }
        let mut delivered = Vec::new();
        for topic in &response.responses {
            for data in &topic.partitions {
                delivered.extend(self.delivered(topic.topic_id, data)?);
            }
        }
        Ok(delivered)
    }

    fn delivered(
        &self,
        topic_id: Uuid,
        data: &PartitionData<'_>,
    ) -> Result<Option<Delivered>, ClientError> {
        let cause = || format!("{}-{}", self.topic, data.partition_index);
        let code = data.acknowledge_error_code;
        ClientError::check(code, data.acknowledge_error_message, cause)?;
        ClientError::check(data.error_code, data.error_message, cause)?;
        let Some(first) = data.acquired_records.first() else {
            return Ok(None);
        };
        let topic: Arc<str> = self.topic.as_str().into();
        let reading = Reading {
            topic: &topic,
            partition: data.partition_index,
            from_offset: first.first_offset,
            high_watermark: -1,
            log_start_offset: -1,
            received_at: clock::now(),
            check_crcs: self.cluster.config().consumer.check_crcs,
            aborted: None,
        };
        let frame = Arc::new(data.records.to_vec());
        let acquired = data.acquired_records.iter();
        Ok(Some(Delivered {
            fetched: Fetched::read(reading, &frame, 0..frame.len())?,
            place: (topic_id, data.partition_index),
            acquired: acquired
                .map(|run| (run.first_offset, run.last_offset, run.delivery_count))
                .collect(),
        }))
    }
}

fn acknowledged((place, said): (&Place, &Vec<(i64, i64, Says)>)) -> AcknowledgeTopic {
    let batches = said.iter().map(|(first, last, says)| SaidBatch {
        first_offset: *first,
        last_offset: *last,
        acknowledge_types: vec![*says as i8],
    });
    AcknowledgeTopic {
        topic_id: place.0,
        partitions: vec![AcknowledgePartition {
            partition_index: place.1,
            acknowledgement_batches: batches.collect(),
        }],
    }
}

fn is_out(error: &ClientError) -> bool {
    matches!(
        error.code(),
        Some(
            ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch | ErrorCode::GroupIdNotFound
        )
    )
}

/// As random as this process's hash maps are.
fn random_uuid() -> Uuid {
    let draw = || {
        RandomState::new()
            .hash_one(std::process::id())
            .to_be_bytes()
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&draw());
    bytes[8..].copy_from_slice(&draw());
    // Version 4, as Java makes them.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Uuid(bytes)
}
