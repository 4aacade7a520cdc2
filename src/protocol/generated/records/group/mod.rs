//! Record schemas: `group`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod consumer_group_current_member_assignment;
pub mod consumer_group_member_metadata;
pub mod consumer_group_metadata;
pub mod consumer_group_partition_metadata;
pub mod consumer_group_regular_expression;
pub mod consumer_group_target_assignment_member;
pub mod consumer_group_target_assignment_metadata;
pub mod group_metadata;
pub mod legacy_offset_commit;
pub mod offset_commit;
pub mod share_group_current_member_assignment;
pub mod share_group_member_metadata;
pub mod share_group_metadata;
pub mod share_group_state_partition_metadata;
pub mod share_group_target_assignment_member;
pub mod share_group_target_assignment_metadata;
pub mod streams_group_current_member_assignment;
pub mod streams_group_member_metadata;
pub mod streams_group_metadata;
pub mod streams_group_target_assignment_member;
pub mod streams_group_target_assignment_metadata;
pub mod streams_group_topology;

pub use consumer_group_current_member_assignment::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
};
pub use consumer_group_member_metadata::{
    ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue,
};
pub use consumer_group_metadata::{ConsumerGroupMetadataKey, ConsumerGroupMetadataValue};
pub use consumer_group_partition_metadata::{
    ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue,
};
pub use consumer_group_regular_expression::{
    ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue,
};
pub use consumer_group_target_assignment_member::{
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
};
pub use consumer_group_target_assignment_metadata::{
    ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
};
pub use group_metadata::{GroupMetadataKey, GroupMetadataValue};
pub use legacy_offset_commit::{LegacyOffsetCommitKey, LegacyOffsetCommitValue};
pub use offset_commit::{OffsetCommitKey, OffsetCommitValue};
pub use share_group_current_member_assignment::{
    ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue,
};
pub use share_group_member_metadata::{ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue};
pub use share_group_metadata::{ShareGroupMetadataKey, ShareGroupMetadataValue};
pub use share_group_state_partition_metadata::{
    ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue,
};
pub use share_group_target_assignment_member::{
    ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue,
};
pub use share_group_target_assignment_metadata::{
    ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue,
};
pub use streams_group_current_member_assignment::{
    StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue,
};
pub use streams_group_member_metadata::{
    StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue,
};
pub use streams_group_metadata::{StreamsGroupMetadataKey, StreamsGroupMetadataValue};
pub use streams_group_target_assignment_member::{
    StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue,
};
pub use streams_group_target_assignment_metadata::{
    StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue,
};
pub use streams_group_topology::{StreamsGroupTopologyKey, StreamsGroupTopologyValue};

crate::record_frame::keyed_records! {
    GroupRecordKey GroupRecordValue<'a>;
    0 LegacyOffsetCommit
        LegacyOffsetCommitKey(LegacyOffsetCommitKey<'a>)
        LegacyOffsetCommitValue(LegacyOffsetCommitValue<'a>);
    1 OffsetCommit
        OffsetCommitKey(OffsetCommitKey<'a>)
        OffsetCommitValue(OffsetCommitValue<'a>);
    2 GroupMetadata
        GroupMetadataKey(GroupMetadataKey<'a>)
        GroupMetadataValue(GroupMetadataValue<'a>);
    3 ConsumerGroupMetadata
        ConsumerGroupMetadataKey(ConsumerGroupMetadataKey<'a>)
        ConsumerGroupMetadataValue(ConsumerGroupMetadataValue);
    4 ConsumerGroupPartitionMetadata
        ConsumerGroupPartitionMetadataKey(ConsumerGroupPartitionMetadataKey<'a>)
        ConsumerGroupPartitionMetadataValue(ConsumerGroupPartitionMetadataValue<'a>);
    5 ConsumerGroupMemberMetadata
        ConsumerGroupMemberMetadataKey(ConsumerGroupMemberMetadataKey<'a>)
        ConsumerGroupMemberMetadataValue(ConsumerGroupMemberMetadataValue<'a>);
    6 ConsumerGroupTargetAssignmentMetadata
        ConsumerGroupTargetAssignmentMetadataKey(ConsumerGroupTargetAssignmentMetadataKey<'a>)
        ConsumerGroupTargetAssignmentMetadataValue(ConsumerGroupTargetAssignmentMetadataValue);
    7 ConsumerGroupTargetAssignmentMember
        ConsumerGroupTargetAssignmentMemberKey(ConsumerGroupTargetAssignmentMemberKey<'a>)
        ConsumerGroupTargetAssignmentMemberValue(ConsumerGroupTargetAssignmentMemberValue);
    8 ConsumerGroupCurrentMemberAssignment
        ConsumerGroupCurrentMemberAssignmentKey(ConsumerGroupCurrentMemberAssignmentKey<'a>)
        ConsumerGroupCurrentMemberAssignmentValue(ConsumerGroupCurrentMemberAssignmentValue);
    10 ShareGroupMemberMetadata
        ShareGroupMemberMetadataKey(ShareGroupMemberMetadataKey<'a>)
        ShareGroupMemberMetadataValue(ShareGroupMemberMetadataValue<'a>);
    11 ShareGroupMetadata
        ShareGroupMetadataKey(ShareGroupMetadataKey<'a>)
        ShareGroupMetadataValue(ShareGroupMetadataValue);
    12 ShareGroupTargetAssignmentMetadata
        ShareGroupTargetAssignmentMetadataKey(ShareGroupTargetAssignmentMetadataKey<'a>)
        ShareGroupTargetAssignmentMetadataValue(ShareGroupTargetAssignmentMetadataValue);
    13 ShareGroupTargetAssignmentMember
        ShareGroupTargetAssignmentMemberKey(ShareGroupTargetAssignmentMemberKey<'a>)
        ShareGroupTargetAssignmentMemberValue(ShareGroupTargetAssignmentMemberValue);
    14 ShareGroupCurrentMemberAssignment
        ShareGroupCurrentMemberAssignmentKey(ShareGroupCurrentMemberAssignmentKey<'a>)
        ShareGroupCurrentMemberAssignmentValue(ShareGroupCurrentMemberAssignmentValue);
    15 ShareGroupStatePartitionMetadata
        ShareGroupStatePartitionMetadataKey(ShareGroupStatePartitionMetadataKey<'a>)
        ShareGroupStatePartitionMetadataValue(ShareGroupStatePartitionMetadataValue<'a>);
    16 ConsumerGroupRegularExpression
        ConsumerGroupRegularExpressionKey(ConsumerGroupRegularExpressionKey<'a>)
        ConsumerGroupRegularExpressionValue(ConsumerGroupRegularExpressionValue<'a>);
    17 StreamsGroupMetadata
        StreamsGroupMetadataKey(StreamsGroupMetadataKey<'a>)
        StreamsGroupMetadataValue(StreamsGroupMetadataValue<'a>);
    19 StreamsGroupMemberMetadata
        StreamsGroupMemberMetadataKey(StreamsGroupMemberMetadataKey<'a>)
        StreamsGroupMemberMetadataValue(StreamsGroupMemberMetadataValue<'a>);
    20 StreamsGroupTargetAssignmentMetadata
        StreamsGroupTargetAssignmentMetadataKey(StreamsGroupTargetAssignmentMetadataKey<'a>)
        StreamsGroupTargetAssignmentMetadataValue(StreamsGroupTargetAssignmentMetadataValue);
    21 StreamsGroupTargetAssignmentMember
        StreamsGroupTargetAssignmentMemberKey(StreamsGroupTargetAssignmentMemberKey<'a>)
        StreamsGroupTargetAssignmentMemberValue(StreamsGroupTargetAssignmentMemberValue<'a>);
    22 StreamsGroupCurrentMemberAssignment
        StreamsGroupCurrentMemberAssignmentKey(StreamsGroupCurrentMemberAssignmentKey<'a>)
        StreamsGroupCurrentMemberAssignmentValue(StreamsGroupCurrentMemberAssignmentValue<'a>);
    23 StreamsGroupTopology
        StreamsGroupTopologyKey(StreamsGroupTopologyKey<'a>)
        StreamsGroupTopologyValue(StreamsGroupTopologyValue<'a>);
}
