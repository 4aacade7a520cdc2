//! Record schemas: `remote_log`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/remote_log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod remote_log_segment_metadata;
pub mod remote_log_segment_metadata_snapshot;
pub mod remote_log_segment_metadata_update;
pub mod remote_partition_delete_metadata;

pub use remote_log_segment_metadata::RemoteLogSegmentMetadataRecord;
pub use remote_log_segment_metadata_snapshot::RemoteLogSegmentMetadataSnapshotRecord;
pub use remote_log_segment_metadata_update::RemoteLogSegmentMetadataUpdateRecord;
pub use remote_partition_delete_metadata::RemotePartitionDeleteMetadataRecord;

crate::record_frame::framed_records! {
    RemoteLogRecord;
    0 RemoteLogSegmentMetadata
        RemoteLogSegmentMetadataRecord(RemoteLogSegmentMetadataRecord<'a>);
    1 RemoteLogSegmentMetadataUpdate
        RemoteLogSegmentMetadataUpdateRecord(RemoteLogSegmentMetadataUpdateRecord<'a>);
    2 RemotePartitionDeleteMetadata
        RemotePartitionDeleteMetadataRecord(RemotePartitionDeleteMetadataRecord<'a>);
    3 RemoteLogSegmentMetadataSnapshot
        RemoteLogSegmentMetadataSnapshotRecord(RemoteLogSegmentMetadataSnapshotRecord<'a>);
}
