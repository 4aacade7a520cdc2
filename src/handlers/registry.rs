//! The list of APIs this broker serves: versions, order, and who answers.
//!
//! Room:       `handlers`.
//! Called by:  `handlers::parse` and `start`; `api_versions`, which tells clients.
//! Never:      has an entry that is served in part.

use super::context::Call;
use super::decoded::Work;
use super::{Started, *};
use crate::io::Slice;
use crate::protocol::{ApiKey, Message, Reader};

/// One API as served.
pub struct Api {
    pub key: ApiKey,
    pub order: Order,
    pub(super) start: fn(Call, Slice) -> Started,
}

/// How a request stands to those before it on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Waits until all before it are answered.
    Barrier,
    /// Produce and Fetch: worked on beside others, answered in order.
    Overlaps,
}

/// A handler over a decoded request. The body lives as long as the future that borrows from it.
macro_rules! barrier {
    ($key:ident, $module:ident) => {
        Api {
            key: ApiKey::$key,
            order: Order::Barrier,
            start: |call, body| {
                Started::Later(Box::pin(async move {
                    call.room_to_decode(body.len()).await;
                    let mut reader = Reader::new(&body);
                    // Bytes behind the request are ignored, as Kafka ignores them.
                    let request = Message::decode(&mut reader, call.version)?;
                    let _held = call.hold_decoded(reader.charged(), Work::Answers);
                    $module::handle(&call, request).await
                }))
            },
        }
    };
}

static APIS: &[Api] = &[
    Api {
        key: ApiKey::Produce,
        order: Order::Overlaps,
        start: produce::start,
    },
    Api {
        key: ApiKey::Fetch,
        order: Order::Overlaps,
        start: fetch::start,
    },
    barrier!(ListOffsets, list_offsets),
    barrier!(Metadata, metadata),
    barrier!(ApiVersions, api_versions),
    barrier!(CreateTopics, create_topics),
    barrier!(DeleteTopics, delete_topics),
    barrier!(DeleteRecords, delete_records),
    barrier!(InitProducerId, init_producer_id),
    barrier!(OffsetForLeaderEpoch, offset_for_leader_epoch),
    barrier!(DescribeConfigs, describe_configs),
    barrier!(AlterConfigs, alter_configs),
    barrier!(AlterReplicaLogDirs, alter_replica_log_dirs),
    barrier!(DescribeLogDirs, describe_log_dirs),
    barrier!(CreatePartitions, create_partitions),
    barrier!(ElectLeaders, elect_leaders),
    barrier!(IncrementalAlterConfigs, incremental_alter_configs),
    barrier!(AlterPartitionReassignments, alter_partition_reassignments),
    barrier!(ListPartitionReassignments, list_partition_reassignments),
    barrier!(DescribeQuorum, describe_quorum),
    barrier!(UpdateFeatures, update_features),
    barrier!(DescribeCluster, describe_cluster),
    barrier!(UnregisterBroker, unregister_broker),
    barrier!(GetTelemetrySubscriptions, get_telemetry_subscriptions),
    barrier!(PushTelemetry, push_telemetry),
    barrier!(ListConfigResources, list_config_resources),
    barrier!(AddPartitionsToTxn, add_partitions_to_txn),
    barrier!(AddOffsetsToTxn, add_offsets_to_txn),
    barrier!(EndTxn, end_txn),
    barrier!(DescribeTransactions, describe_transactions),
    barrier!(ListTransactions, list_transactions),
    barrier!(TxnOffsetCommit, txn_offset_commit),
    barrier!(WriteTxnMarkers, write_txn_markers),
    barrier!(DescribeProducers, describe_producers),
    barrier!(FindCoordinator, find_coordinator),
    barrier!(JoinGroup, join_group),
    barrier!(Heartbeat, heartbeat),
    barrier!(LeaveGroup, leave_group),
    barrier!(SyncGroup, sync_group),
    barrier!(DescribeGroups, describe_groups),
    barrier!(ListGroups, list_groups),
    barrier!(DeleteGroups, delete_groups),
    barrier!(OffsetCommit, offset_commit),
    barrier!(OffsetFetch, offset_fetch),
    barrier!(OffsetDelete, offset_delete),
    barrier!(ConsumerGroupDescribe, consumer_group_describe),
    barrier!(ConsumerGroupHeartbeat, consumer_group_heartbeat),
    barrier!(StreamsGroupHeartbeat, streams_group_heartbeat),
    barrier!(StreamsGroupDescribe, streams_group_describe),
    barrier!(
        StreamsGroupTopologyDescriptionUpdate,
        streams_group_topology_description_update
    ),
    barrier!(DescribeTopicPartitions, describe_topic_partitions),
    barrier!(ShareGroupHeartbeat, share_group_heartbeat),
    barrier!(ShareGroupDescribe, share_group_describe),
    barrier!(ShareFetch, share_fetch),
    barrier!(ShareAcknowledge, share_acknowledge),
    barrier!(DescribeShareGroupOffsets, describe_share_group_offsets),
    barrier!(AlterShareGroupOffsets, alter_share_group_offsets),
    barrier!(DeleteShareGroupOffsets, delete_share_group_offsets),
];

/// All APIs, by key.
pub fn all() -> &'static [Api] {
    APIS
}

pub fn find(key: ApiKey) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key == key)
}

impl Api {
    pub fn serves(&self, version: i16) -> bool {
        self.key
            .versions()
            .is_some_and(|(min, max)| (min..=max).contains(&version))
    }
}
