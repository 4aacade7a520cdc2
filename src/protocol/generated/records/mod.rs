//! The records of Kafka's internal logs, one module per log.
//!
//! Room:   `protocol`.
//! Source: `schema/records`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod consumer_protocol;
pub mod group;
pub mod log;
pub mod metadata;
pub mod principal;
pub mod raft;
pub mod remote_log;
pub mod share;
pub mod transaction;

/// Calls `$callback!` with every record schema: its family's module and its name.
#[macro_export]
macro_rules! for_each_record {
    ($callback:ident) => {
        $callback! {
            consumer_protocol ConsumerProtocolAssignment;
            consumer_protocol ConsumerProtocolSubscription;
            group ConsumerGroupCurrentMemberAssignmentKey;
            group ConsumerGroupCurrentMemberAssignmentValue;
            group ConsumerGroupMemberMetadataKey;
            group ConsumerGroupMemberMetadataValue;
            group ConsumerGroupMetadataKey;
            group ConsumerGroupMetadataValue;
            group ConsumerGroupPartitionMetadataKey;
            group ConsumerGroupPartitionMetadataValue;
            group ConsumerGroupRegularExpressionKey;
            group ConsumerGroupRegularExpressionValue;
            group ConsumerGroupTargetAssignmentMemberKey;
            group ConsumerGroupTargetAssignmentMemberValue;
            group ConsumerGroupTargetAssignmentMetadataKey;
            group ConsumerGroupTargetAssignmentMetadataValue;
            group GroupMetadataKey;
            group GroupMetadataValue;
            group LegacyOffsetCommitKey;
            group LegacyOffsetCommitValue;
            group OffsetCommitKey;
            group OffsetCommitValue;
            group ShareGroupCurrentMemberAssignmentKey;
            group ShareGroupCurrentMemberAssignmentValue;
            group ShareGroupMemberMetadataKey;
            group ShareGroupMemberMetadataValue;
            group ShareGroupMetadataKey;
            group ShareGroupMetadataValue;
            group ShareGroupStatePartitionMetadataKey;
            group ShareGroupStatePartitionMetadataValue;
            group ShareGroupTargetAssignmentMemberKey;
            group ShareGroupTargetAssignmentMemberValue;
            group ShareGroupTargetAssignmentMetadataKey;
            group ShareGroupTargetAssignmentMetadataValue;
            group StreamsGroupCurrentMemberAssignmentKey;
            group StreamsGroupCurrentMemberAssignmentValue;
            group StreamsGroupMemberMetadataKey;
            group StreamsGroupMemberMetadataValue;
            group StreamsGroupMetadataKey;
            group StreamsGroupMetadataValue;
            group StreamsGroupTargetAssignmentMemberKey;
            group StreamsGroupTargetAssignmentMemberValue;
            group StreamsGroupTargetAssignmentMetadataKey;
            group StreamsGroupTargetAssignmentMetadataValue;
            group StreamsGroupTopologyKey;
            group StreamsGroupTopologyValue;
            log AbortedTxn;
            log ControlRecordTypeSchema;
            log EndTxnMarker;
            log ProducerSnapshot;
            metadata AbortTransactionRecord;
            metadata AccessControlEntryRecord;
            metadata BeginTransactionRecord;
            metadata BrokerRegistrationChangeRecord;
            metadata ClearElrRecord;
            metadata ClientQuotaRecord;
            metadata ConfigRecord;
            metadata DelegationTokenRecord;
            metadata EndTransactionRecord;
            metadata FeatureLevelRecord;
            metadata FenceBrokerRecord;
            metadata NoOpRecord;
            metadata PartitionRecord;
            metadata PartitionChangeRecord;
            metadata ProducerIdsRecord;
            metadata RegisterBrokerRecord;
            metadata RegisterControllerRecord;
            metadata RemoveAccessControlEntryRecord;
            metadata RemoveDelegationTokenRecord;
            metadata RemoveTopicRecord;
            metadata RemoveUserScramCredentialRecord;
            metadata TopicRecord;
            metadata UnfenceBrokerRecord;
            metadata UnregisterBrokerRecord;
            metadata UnregisterControllerRecord;
            metadata UserScramCredentialRecord;
            metadata ZkMigrationStateRecord;
            principal DefaultPrincipalData;
            raft KRaftVersionRecord;
            raft LeaderChangeMessage;
            raft QuorumStateData;
            raft SnapshotFooterRecord;
            raft SnapshotHeaderRecord;
            raft VotersRecord;
            remote_log RemoteLogSegmentMetadataRecord;
            remote_log RemoteLogSegmentMetadataSnapshotRecord;
            remote_log RemoteLogSegmentMetadataUpdateRecord;
            remote_log RemotePartitionDeleteMetadataRecord;
            share ShareSnapshotKey;
            share ShareSnapshotValue;
            share ShareUpdateKey;
            share ShareUpdateValue;
            transaction TransactionLogKey;
            transaction TransactionLogValue;
        }
    };
}
