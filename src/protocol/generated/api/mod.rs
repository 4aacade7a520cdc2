//! One module per API; the messages themselves are found here.
//!
//! Room:   `protocol`.
//! Source: `schema/api`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod add_raft_voter;
pub mod allocate_producer_ids;
pub mod alter_client_quotas;
pub mod alter_configs;
pub mod alter_partition;
pub mod alter_partition_reassignments;
pub mod alter_replica_log_dirs;
pub mod alter_share_group_offsets;
pub mod alter_user_scram_credentials;
pub mod api_versions;
pub mod assign_replicas_to_dirs;
pub mod begin_quorum_epoch;
pub mod broker_heartbeat;
pub mod broker_registration;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod controller_registration;
pub mod create_acls;
pub mod create_delegation_token;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_acls;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_share_group_offsets;
pub mod delete_share_group_state;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_delegation_token;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod describe_producers;
pub mod describe_quorum;
pub mod describe_share_group_offsets;
pub mod describe_topic_partitions;
pub mod describe_transactions;
pub mod describe_user_scram_credentials;
pub mod elect_leaders;
pub mod end_quorum_epoch;
pub mod end_txn;
pub mod envelope;
pub mod expire_delegation_token;
pub mod fetch;
pub mod fetch_snapshot;
pub mod find_coordinator;
pub mod get_telemetry_subscriptions;
pub mod header;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod initialize_share_group_state;
pub mod join_group;
pub mod leave_group;
pub mod list_config_resources;
pub mod list_groups;
pub mod list_offsets;
pub mod list_partition_reassignments;
pub mod list_transactions;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod push_telemetry;
pub mod read_share_group_state;
pub mod read_share_group_state_summary;
pub mod remove_raft_voter;
pub mod renew_delegation_token;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod share_acknowledge;
pub mod share_fetch;
pub mod share_group_describe;
pub mod share_group_heartbeat;
pub mod streams_group_describe;
pub mod streams_group_heartbeat;
pub mod streams_group_topology_description_update;
pub mod sync_group;
pub mod txn_offset_commit;
pub mod unregister_broker;
pub mod unregister_controller;
pub mod update_features;
pub mod update_raft_voter;
pub mod vote;
pub mod write_share_group_state;
pub mod write_txn_markers;

pub use add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
pub use add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};
pub use add_raft_voter::{AddRaftVoterRequest, AddRaftVoterResponse};
pub use allocate_producer_ids::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
pub use alter_client_quotas::{AlterClientQuotasRequest, AlterClientQuotasResponse};
pub use alter_configs::{AlterConfigsRequest, AlterConfigsResponse};
pub use alter_partition::{AlterPartitionRequest, AlterPartitionResponse};
pub use alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};
pub use alter_replica_log_dirs::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
pub use alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse,
};
pub use alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
};
pub use api_versions::{ApiVersionsRequest, ApiVersionsResponse};
pub use assign_replicas_to_dirs::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};
pub use begin_quorum_epoch::{BeginQuorumEpochRequest, BeginQuorumEpochResponse};
pub use broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
pub use broker_registration::{BrokerRegistrationRequest, BrokerRegistrationResponse};
pub use consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
pub use consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
pub use controller_registration::{ControllerRegistrationRequest, ControllerRegistrationResponse};
pub use create_acls::{CreateAclsRequest, CreateAclsResponse};
pub use create_delegation_token::{CreateDelegationTokenRequest, CreateDelegationTokenResponse};
pub use create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};
pub use create_topics::{CreateTopicsRequest, CreateTopicsResponse};
pub use delete_acls::{DeleteAclsRequest, DeleteAclsResponse};
pub use delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
pub use delete_records::{DeleteRecordsRequest, DeleteRecordsResponse};
pub use delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse,
};
pub use delete_share_group_state::{DeleteShareGroupStateRequest, DeleteShareGroupStateResponse};
pub use delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
pub use describe_acls::{DescribeAclsRequest, DescribeAclsResponse};
pub use describe_client_quotas::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};
pub use describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
pub use describe_configs::{DescribeConfigsRequest, DescribeConfigsResponse};
pub use describe_delegation_token::{
    DescribeDelegationTokenRequest, DescribeDelegationTokenResponse,
};
pub use describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
pub use describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
pub use describe_producers::{DescribeProducersRequest, DescribeProducersResponse};
pub use describe_quorum::{DescribeQuorumRequest, DescribeQuorumResponse};
pub use describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse,
};
pub use describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
};
pub use describe_transactions::{DescribeTransactionsRequest, DescribeTransactionsResponse};
pub use describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
};
pub use elect_leaders::{ElectLeadersRequest, ElectLeadersResponse};
pub use end_quorum_epoch::{EndQuorumEpochRequest, EndQuorumEpochResponse};
pub use end_txn::{EndTxnRequest, EndTxnResponse};
pub use envelope::{EnvelopeRequest, EnvelopeResponse};
pub use expire_delegation_token::{ExpireDelegationTokenRequest, ExpireDelegationTokenResponse};
pub use fetch::{FetchRequest, FetchResponse};
pub use fetch_snapshot::{FetchSnapshotRequest, FetchSnapshotResponse};
pub use find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
pub use get_telemetry_subscriptions::{
    GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
};
pub use header::{RequestHeader, ResponseHeader};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
pub use init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
pub use initialize_share_group_state::{
    InitializeShareGroupStateRequest, InitializeShareGroupStateResponse,
};
pub use join_group::{JoinGroupRequest, JoinGroupResponse};
pub use leave_group::{LeaveGroupRequest, LeaveGroupResponse};
pub use list_config_resources::{ListConfigResourcesRequest, ListConfigResourcesResponse};
pub use list_groups::{ListGroupsRequest, ListGroupsResponse};
pub use list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
pub use list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};
pub use list_transactions::{ListTransactionsRequest, ListTransactionsResponse};
pub use metadata::{MetadataRequest, MetadataResponse};
pub use offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
pub use offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
pub use offset_fetch::{OffsetFetchRequest, OffsetFetchResponse};
pub use offset_for_leader_epoch::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
pub use produce::{ProduceRequest, ProduceResponse};
pub use push_telemetry::{PushTelemetryRequest, PushTelemetryResponse};
pub use read_share_group_state::{ReadShareGroupStateRequest, ReadShareGroupStateResponse};
pub use read_share_group_state_summary::{
    ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse,
};
pub use remove_raft_voter::{RemoveRaftVoterRequest, RemoveRaftVoterResponse};
pub use renew_delegation_token::{RenewDelegationTokenRequest, RenewDelegationTokenResponse};
pub use sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
pub use sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};
pub use share_acknowledge::{ShareAcknowledgeRequest, ShareAcknowledgeResponse};
pub use share_fetch::{ShareFetchRequest, ShareFetchResponse};
pub use share_group_describe::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};
pub use share_group_heartbeat::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};
pub use streams_group_describe::{StreamsGroupDescribeRequest, StreamsGroupDescribeResponse};
pub use streams_group_heartbeat::{StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse};
pub use streams_group_topology_description_update::{
    StreamsGroupTopologyDescriptionUpdateRequest, StreamsGroupTopologyDescriptionUpdateResponse,
};
pub use sync_group::{SyncGroupRequest, SyncGroupResponse};
pub use txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
pub use unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse};
pub use unregister_controller::{UnregisterControllerRequest, UnregisterControllerResponse};
pub use update_features::{UpdateFeaturesRequest, UpdateFeaturesResponse};
pub use update_raft_voter::{UpdateRaftVoterRequest, UpdateRaftVoterResponse};
pub use vote::{VoteRequest, VoteResponse};
pub use write_share_group_state::{WriteShareGroupStateRequest, WriteShareGroupStateResponse};
pub use write_txn_markers::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};

/// Calls `$callback!` with every API that has messages: its key, request, response.
#[macro_export]
macro_rules! for_each_api {
    ($callback:ident) => {
        $callback! {
            AddOffsetsToTxn
                AddOffsetsToTxnRequest
                AddOffsetsToTxnResponse;
            AddPartitionsToTxn
                AddPartitionsToTxnRequest
                AddPartitionsToTxnResponse;
            AddRaftVoter
                AddRaftVoterRequest
                AddRaftVoterResponse;
            AllocateProducerIds
                AllocateProducerIdsRequest
                AllocateProducerIdsResponse;
            AlterClientQuotas
                AlterClientQuotasRequest
                AlterClientQuotasResponse;
            AlterConfigs
                AlterConfigsRequest
                AlterConfigsResponse;
            AlterPartition
                AlterPartitionRequest
                AlterPartitionResponse;
            AlterPartitionReassignments
                AlterPartitionReassignmentsRequest
                AlterPartitionReassignmentsResponse;
            AlterReplicaLogDirs
                AlterReplicaLogDirsRequest
                AlterReplicaLogDirsResponse;
            AlterShareGroupOffsets
                AlterShareGroupOffsetsRequest
                AlterShareGroupOffsetsResponse;
            AlterUserScramCredentials
                AlterUserScramCredentialsRequest
                AlterUserScramCredentialsResponse;
            ApiVersions
                ApiVersionsRequest
                ApiVersionsResponse;
            AssignReplicasToDirs
                AssignReplicasToDirsRequest
                AssignReplicasToDirsResponse;
            BeginQuorumEpoch
                BeginQuorumEpochRequest
                BeginQuorumEpochResponse;
            BrokerHeartbeat
                BrokerHeartbeatRequest
                BrokerHeartbeatResponse;
            BrokerRegistration
                BrokerRegistrationRequest
                BrokerRegistrationResponse;
            ConsumerGroupDescribe
                ConsumerGroupDescribeRequest
                ConsumerGroupDescribeResponse;
            ConsumerGroupHeartbeat
                ConsumerGroupHeartbeatRequest
                ConsumerGroupHeartbeatResponse;
            ControllerRegistration
                ControllerRegistrationRequest
                ControllerRegistrationResponse;
            CreateAcls
                CreateAclsRequest
                CreateAclsResponse;
            CreateDelegationToken
                CreateDelegationTokenRequest
                CreateDelegationTokenResponse;
            CreatePartitions
                CreatePartitionsRequest
                CreatePartitionsResponse;
            CreateTopics
                CreateTopicsRequest
                CreateTopicsResponse;
            DeleteAcls
                DeleteAclsRequest
                DeleteAclsResponse;
            DeleteGroups
                DeleteGroupsRequest
                DeleteGroupsResponse;
            DeleteRecords
                DeleteRecordsRequest
                DeleteRecordsResponse;
            DeleteShareGroupOffsets
                DeleteShareGroupOffsetsRequest
                DeleteShareGroupOffsetsResponse;
            DeleteShareGroupState
                DeleteShareGroupStateRequest
                DeleteShareGroupStateResponse;
            DeleteTopics
                DeleteTopicsRequest
                DeleteTopicsResponse;
            DescribeAcls
                DescribeAclsRequest
                DescribeAclsResponse;
            DescribeClientQuotas
                DescribeClientQuotasRequest
                DescribeClientQuotasResponse;
            DescribeCluster
                DescribeClusterRequest
                DescribeClusterResponse;
            DescribeConfigs
                DescribeConfigsRequest
                DescribeConfigsResponse;
            DescribeDelegationToken
                DescribeDelegationTokenRequest
                DescribeDelegationTokenResponse;
            DescribeGroups
                DescribeGroupsRequest
                DescribeGroupsResponse;
            DescribeLogDirs
                DescribeLogDirsRequest
                DescribeLogDirsResponse;
            DescribeProducers
                DescribeProducersRequest
                DescribeProducersResponse;
            DescribeQuorum
                DescribeQuorumRequest
                DescribeQuorumResponse;
            DescribeShareGroupOffsets
                DescribeShareGroupOffsetsRequest
                DescribeShareGroupOffsetsResponse;
            DescribeTopicPartitions
                DescribeTopicPartitionsRequest
                DescribeTopicPartitionsResponse;
            DescribeTransactions
                DescribeTransactionsRequest
                DescribeTransactionsResponse;
            DescribeUserScramCredentials
                DescribeUserScramCredentialsRequest
                DescribeUserScramCredentialsResponse;
            ElectLeaders
                ElectLeadersRequest
                ElectLeadersResponse;
            EndQuorumEpoch
                EndQuorumEpochRequest
                EndQuorumEpochResponse;
            EndTxn
                EndTxnRequest
                EndTxnResponse;
            Envelope
                EnvelopeRequest
                EnvelopeResponse;
            ExpireDelegationToken
                ExpireDelegationTokenRequest
                ExpireDelegationTokenResponse;
            Fetch
                FetchRequest
                FetchResponse;
            FetchSnapshot
                FetchSnapshotRequest
                FetchSnapshotResponse;
            FindCoordinator
                FindCoordinatorRequest
                FindCoordinatorResponse;
            GetTelemetrySubscriptions
                GetTelemetrySubscriptionsRequest
                GetTelemetrySubscriptionsResponse;
            Heartbeat
                HeartbeatRequest
                HeartbeatResponse;
            IncrementalAlterConfigs
                IncrementalAlterConfigsRequest
                IncrementalAlterConfigsResponse;
            InitProducerId
                InitProducerIdRequest
                InitProducerIdResponse;
            InitializeShareGroupState
                InitializeShareGroupStateRequest
                InitializeShareGroupStateResponse;
            JoinGroup
                JoinGroupRequest
                JoinGroupResponse;
            LeaveGroup
                LeaveGroupRequest
                LeaveGroupResponse;
            ListConfigResources
                ListConfigResourcesRequest
                ListConfigResourcesResponse;
            ListGroups
                ListGroupsRequest
                ListGroupsResponse;
            ListOffsets
                ListOffsetsRequest
                ListOffsetsResponse;
            ListPartitionReassignments
                ListPartitionReassignmentsRequest
                ListPartitionReassignmentsResponse;
            ListTransactions
                ListTransactionsRequest
                ListTransactionsResponse;
            Metadata
                MetadataRequest
                MetadataResponse;
            OffsetCommit
                OffsetCommitRequest
                OffsetCommitResponse;
            OffsetDelete
                OffsetDeleteRequest
                OffsetDeleteResponse;
            OffsetFetch
                OffsetFetchRequest
                OffsetFetchResponse;
            OffsetForLeaderEpoch
                OffsetForLeaderEpochRequest
                OffsetForLeaderEpochResponse;
            Produce
                ProduceRequest
                ProduceResponse;
            PushTelemetry
                PushTelemetryRequest
                PushTelemetryResponse;
            ReadShareGroupState
                ReadShareGroupStateRequest
                ReadShareGroupStateResponse;
            ReadShareGroupStateSummary
                ReadShareGroupStateSummaryRequest
                ReadShareGroupStateSummaryResponse;
            RemoveRaftVoter
                RemoveRaftVoterRequest
                RemoveRaftVoterResponse;
            RenewDelegationToken
                RenewDelegationTokenRequest
                RenewDelegationTokenResponse;
            SaslAuthenticate
                SaslAuthenticateRequest
                SaslAuthenticateResponse;
            SaslHandshake
                SaslHandshakeRequest
                SaslHandshakeResponse;
            ShareAcknowledge
                ShareAcknowledgeRequest
                ShareAcknowledgeResponse;
            ShareFetch
                ShareFetchRequest
                ShareFetchResponse;
            ShareGroupDescribe
                ShareGroupDescribeRequest
                ShareGroupDescribeResponse;
            ShareGroupHeartbeat
                ShareGroupHeartbeatRequest
                ShareGroupHeartbeatResponse;
            StreamsGroupDescribe
                StreamsGroupDescribeRequest
                StreamsGroupDescribeResponse;
            StreamsGroupHeartbeat
                StreamsGroupHeartbeatRequest
                StreamsGroupHeartbeatResponse;
            StreamsGroupTopologyDescriptionUpdate
                StreamsGroupTopologyDescriptionUpdateRequest
                StreamsGroupTopologyDescriptionUpdateResponse;
            SyncGroup
                SyncGroupRequest
                SyncGroupResponse;
            TxnOffsetCommit
                TxnOffsetCommitRequest
                TxnOffsetCommitResponse;
            UnregisterBroker
                UnregisterBrokerRequest
                UnregisterBrokerResponse;
            UnregisterController
                UnregisterControllerRequest
                UnregisterControllerResponse;
            UpdateFeatures
                UpdateFeaturesRequest
                UpdateFeaturesResponse;
            UpdateRaftVoter
                UpdateRaftVoterRequest
                UpdateRaftVoterResponse;
            Vote
                VoteRequest
                VoteResponse;
            WriteShareGroupState
                WriteShareGroupStateRequest
                WriteShareGroupStateResponse;
            WriteTxnMarkers
                WriteTxnMarkersRequest
                WriteTxnMarkersResponse;
        }
    };
}
