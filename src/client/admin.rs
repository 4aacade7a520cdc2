//! Thin calls that change or ask a cluster: topics and offsets.
//!
//! Room:       `client`.
//! Called by:  `cli`.
//! Calls:      `cluster`. Whatever is not here is one `Cluster::call_controller` away.
//! Never:      prints, or hides an error code.

use std::collections::BTreeMap;

use super::cluster::{Cluster, Retry};
use super::error::ClientError;
use crate::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use crate::protocol::messages::delete_topics::{
    DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use crate::protocol::{BrokerId, ErrorCode, Request, TopicName};

/// Where in a partition, as ListOffsets takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    Earliest,
    Latest,
    /// The record with the largest timestamp (KIP-734).
    MaxTimestamp,
    /// The first record at or after this time, milliseconds.
    Time(i64),
    /// A special number of a later protocol (-4, -5 …), as it stands on the wire.
    Raw(i64),
}

impl OffsetSpec {
    pub fn code(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::Time(timestamp) | Self::Raw(timestamp) => timestamp,
        }
    }
}

/// An answer of ListOffsets; -1 in both when no record fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    pub offset: i64,
    pub timestamp: i64,
    pub leader_epoch: i32,
}

/// Creates one topic. `partitions` and `replication_factor` of -1 are the broker's defaults.
pub fn create_topic(
    cluster: &Cluster,
    name: &str,
    partitions: i32,
    replication_factor: i16,
    configs: &[(&str, &str)],
) -> Result<(), ClientError> {
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: TopicName(name),
            num_partitions: partitions,
            replication_factor,
            configs: configs
                .iter()
                .map(|(name, value)| CreatableTopicConfig {
                    name,
                    value: Some(value),
                })
                .collect(),
            ..Default::default()
        }],
        timeout_ms: timeout_ms(cluster),
        ..Default::default()
    };
    let answer = cluster.call_controller(&request)?;
    let response: CreateTopicsResponse<'_> = answer.decode()?;
    response.topics.iter().try_for_each(|topic| {
        ClientError::check(topic.error_code, topic.error_message, || {
            format!("topic '{name}'")
        })
    })
}

/// Deletes one topic.
pub fn delete_topic(cluster: &Cluster, name: &str) -> Result<(), ClientError> {
    let request = DeleteTopicsRequest {
        // Version 6 names topics by a struct, older ones by a list.
        topics: vec![DeleteTopicState {
            name: Some(TopicName(name)),
            ..Default::default()
        }],
        topic_names: Vec::new(),
        timeout_ms: timeout_ms(cluster),
    };
    let answer = cluster.call_controller(&request)?;
    let response: DeleteTopicsResponse<'_> = answer.decode()?;
    response.responses.iter().try_for_each(|topic| {
        ClientError::check(topic.error_code, topic.error_message, || {
            format!("topic '{name}'")
        })
    })
}

/// The offsets of some partitions, each asked of its leader. Stale leaders are looked up again
/// until the call's whole time is used up.
pub fn list_offsets(
    cluster: &Cluster,
    wanted: &[(&str, i32, OffsetSpec)],
) -> Result<Vec<ListedOffset>, ClientError> {
    let mut retry = Retry::new(cluster.config());
    loop {
        match list_offsets_once(cluster, wanted) {
            Err(failure) if failure.retriable() && retry.pause() => {
                let mut topics: Vec<&str> = wanted.iter().map(|(topic, ..)| *topic).collect();
                topics.dedup();
                // A failure shows again in the next round.
                let _ = cluster.refresh(Some(&topics), false);
            }
            done => return done,
        }
    }
}

fn list_offsets_once(
    cluster: &Cluster,
    wanted: &[(&str, i32, OffsetSpec)],
) -> Result<Vec<ListedOffset>, ClientError> {
    let mut by_leader: BTreeMap<i32, Vec<(usize, i32)>> = BTreeMap::new();
    for (n, (topic, partition, _)) in wanted.iter().enumerate() {
        let leader = cluster.leader(topic, *partition);
        let (leader, epoch, _) = leader.ok_or_else(|| ClientError::UnknownPartition {
            topic: (*topic).to_owned(),
            partition: Some(*partition),
        })?;
        by_leader.entry(leader).or_default().push((n, epoch));
    }
    let mut listed = vec![
        ListedOffset {
            offset: -1,
            timestamp: -1,
            leader_epoch: -1
        };
        wanted.len()
    ];
    for (leader, places) in by_leader {
        let request = ListOffsetsRequest {
            replica_id: BrokerId::NONE,
            isolation_level: i8::from(cluster.config().consumer.read_committed),
            topics: places
                .iter()
                .map(|(n, epoch)| {
                    let (topic, partition, spec) = wanted[*n];
                    let partition = ListOffsetsPartition {
                        partition_index: partition,
                        current_leader_epoch: *epoch,
                        timestamp: spec.code(),
                    };
                    ListOffsetsTopic {
                        name: TopicName(topic),
                        partitions: vec![partition],
                    }
                })
                .collect(),
            timeout_ms: timeout_ms(cluster),
        };
        let answer = cluster.call_broker(leader, &request)?;
        let response: ListOffsetsResponse<'_> = answer.decode()?;
        for topic in &response.topics {
            for partition in &topic.partitions {
                let at = places.iter().find(|(n, _)| {
                    wanted[*n].0 == topic.name.0 && wanted[*n].1 == partition.partition_index
                });
                let Some((n, _)) = at else { continue };
                ClientError::check(partition.error_code, None, || {
                    format!("partition {}-{}", topic.name, partition.partition_index)
                })?;
                listed[*n] = ListedOffset {
                    offset: partition.offset,
                    timestamp: partition.timestamp,
                    leader_epoch: partition.leader_epoch,
                };
            }
        }
    }
    Ok(listed)
}

/// Calls until the answer's code is not retriable, for calls that answer one code.
pub fn call_until_settled<'a, R: Request<'a>>(
    cluster: &Cluster,
    request: &R,
    code: impl Fn(&super::connection::Answer) -> Result<ErrorCode, ClientError>,
) -> Result<super::connection::Answer, ClientError> {
    let mut retry = Retry::new(cluster.config());
    loop {
        let answer = cluster.call_any(request);
        let again = match &answer {
            Ok(answer) => code(answer)?.retriable(),
            Err(failure) => failure.retriable(),
        };
        if !again || !retry.pause() {
            return answer;
        }
    }
}

fn timeout_ms(cluster: &Cluster) -> i32 {
    i32::try_from(cluster.config().request_timeout.as_millis()).unwrap_or(i32::MAX)
}
