//! The bytes of the metadata log and of its snapshots, as Kafka's quorum (KRaft) writes them.
//!
//! Room:       `controller`.
//! Called by:  `store`.
//! Calls:      `protocol::record_batch`.
//! Never:      touches a disk.
//!
//! ```text
//!   log:      leader change │ batch │ batch …               a batch is one change
//!   snapshot: header │ batch of ≤ 1024 records │ … │ footer  offsets count from 0
//! ```

use super::StoreError;
use crate::protocol::record_batch::{
    Batch, BatchBuilder, BatchOptions, Records, patch_leader_epoch,
};
use crate::protocol::records::metadata::MetadataRecord;
use crate::protocol::records::raft::{
    LeaderChangeMessage, SnapshotFooterRecord, SnapshotHeaderRecord,
};
use crate::protocol::{DecodeError, EncodeError};
use std::path::Path;

/// The epoch of the quorum of one.
pub const EPOCH: i32 = 1;

/// A snapshot's batches stay small enough to be read in pieces by Kafka's tools.
const RECORDS_PER_SNAPSHOT_BATCH: usize = 1024;

/// What a control record's key says it is (Kafka's `ControlRecordType`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    LeaderChange = 2,
    SnapshotHeader = 3,
    SnapshotFooter = 4,
}

/// How far a file was understood.
pub(super) struct Read {
    pub next_offset: i64,
    pub position: usize,
    /// It began with a snapshot's header and ended with its footer.
    pub is_whole_snapshot: bool,
}

/// A whole batch with the right checksum that cannot be used.
pub(super) enum Wrong {
    /// Not made of records, or not where it belongs.
    Batch {
        position: usize,
    },
    Record {
        offset: i64,
        cause: DecodeError,
    },
}

impl Wrong {
    pub fn in_file(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Batch { position } => StoreError::Damaged { path, position },
            Self::Record { offset, cause } => StoreError::Record {
                path,
                offset,
                cause,
            },
        }
    }
}

/// Applies whole batches, the first one at offset `base`, until the end or until one that is torn.
pub(super) fn read(
    bytes: &[u8],
    base: i64,
    mut apply: impl FnMut(i64, &MetadataRecord<'_>),
) -> Result<Read, Wrong> {
    let mut read = Read {
        next_offset: base,
        position: 0,
        is_whole_snapshot: false,
    };
    let mut has_header = false;
    while let Some(batch) = whole_batch(&bytes[read.position..]) {
        let position = read.position;
        if batch.header.base_offset != read.next_offset {
            return Err(Wrong::Batch { position });
        }
        for (record, offset) in Records::of(&batch).zip(batch.header.base_offset..) {
            let record = record.map_err(|_| Wrong::Batch { position })?;
            if batch.header.attributes.is_control() {
                let kind = record.key.and_then(|key| key.get(2..4));
                let is = |control: Control| kind == Some(&(control as i16).to_be_bytes()[..]);
                has_header |= position == 0 && is(Control::SnapshotHeader);
                read.is_whole_snapshot = has_header && is(Control::SnapshotFooter);
                continue;
            }
            let value = record.value.ok_or(Wrong::Batch { position })?;
            let record = MetadataRecord::decode(value);
            apply(
                offset,
                &record.map_err(|cause| Wrong::Record { offset, cause })?,
            );
            read.is_whole_snapshot = false;
        }
        read.next_offset = batch.header.next_offset();
        read.position += batch.bytes.len();
    }
    Ok(read)
}

/// Whether a whole batch, not older than `from`, lies anywhere in these bytes: then what is before
/// it was not torn by a crash.
pub(super) fn has_batch(bytes: &[u8], from: i64) -> bool {
    /// Where a batch says which format it has.
    const MAGIC_AT: usize = 16;
    let starts = (0..bytes.len().saturating_sub(MAGIC_AT))
        .filter(|start| bytes[start + MAGIC_AT] == crate::protocol::record_batch::MAGIC as u8);
    starts
        .filter_map(|start| whole_batch(&bytes[start..]))
        .any(|batch| batch.header.base_offset >= from)
}

fn whole_batch(bytes: &[u8]) -> Option<Batch<'_>> {
    Batch::parse(bytes)
        .ok()
        .filter(|batch| batch.crc_is_valid())
}

/// One change.
pub(super) fn batch(
    records: &[MetadataRecord<'_>],
    base_offset: i64,
    timestamp: i64,
) -> Result<Vec<u8>, EncodeError> {
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset,
        ..BatchOptions::default()
    });
    let mut value = Vec::new();
    for record in records {
        value.clear();
        record.encode(&mut value, record_version(record))?;
        builder.append(timestamp, None, Some(&value), &[]);
    }
    Ok(finish(builder))
}

/// A snapshot of `records`, the newest of which is of `timestamp`.
pub(super) fn snapshot(
    records: &[MetadataRecord<'_>],
    timestamp: i64,
) -> Result<Vec<u8>, EncodeError> {
    let mut value = Vec::new();
    let header = SnapshotHeaderRecord {
        last_contained_log_timestamp: timestamp,
        ..SnapshotHeaderRecord::default()
    };
    header.encode(&mut value, CONTROL_VERSION)?;
    let mut bytes = control(Control::SnapshotHeader, &value, 0, timestamp);
    let mut offset = 1;
    for records in records.chunks(RECORDS_PER_SNAPSHOT_BATCH) {
        bytes.extend(batch(records, offset, timestamp)?);
        offset += records.len() as i64;
    }
    value.clear();
    SnapshotFooterRecord::default().encode(&mut value, CONTROL_VERSION)?;
    bytes.extend(control(Control::SnapshotFooter, &value, offset, timestamp));
    Ok(bytes)
}

/// The batch in which a quorum's new leader says so; here it is the only voter.
pub(super) fn leader_change(
    leader: i32,
    base_offset: i64,
    timestamp: i64,
) -> Result<Vec<u8>, EncodeError> {
    use crate::protocol::records::raft::leader_change_message::Voter;
    let voter = || Voter {
        voter_id: leader,
        ..Voter::default()
    };
    let message = LeaderChangeMessage {
        leader_id: leader.into(),
        voters: vec![voter()],
        granting_voters: vec![voter()],
        ..LeaderChangeMessage::default()
    };
    let mut value = Vec::new();
    message.encode(&mut value, CONTROL_VERSION)?;
    Ok(control(
        Control::LeaderChange,
        &value,
        base_offset,
        timestamp,
    ))
}

/// The version of all control records while the voters are in nobody's log (kraft.version 0).
const CONTROL_VERSION: i16 = 0;

fn control(kind: Control, value: &[u8], base_offset: i64, timestamp: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset,
        control: true,
        ..BatchOptions::default()
    });
    let mut key = [0; 4];
    key[2..].copy_from_slice(&(kind as i16).to_be_bytes());
    builder.append(timestamp, Some(&key), Some(value), &[]);
    finish(builder)
}

fn finish(builder: BatchBuilder) -> Vec<u8> {
    let mut bytes = builder.finish();
    patch_leader_epoch(&mut bytes, EPOCH);
    bytes
}

/// The version each record type is written in at `metadata::METADATA_LEVEL`.
fn record_version(record: &MetadataRecord<'_>) -> i16 {
    match record {
        // 4 is for cordoned log dirs, of 4.3.
        MetadataRecord::RegisterBroker(_) => 3,
        MetadataRecord::BrokerRegistrationChange(_) => 2,
        other => other.max_version(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accidents::Accidents;
    use crate::protocol::TopicName;
    use crate::protocol::records::metadata::{FeatureLevelRecord, TopicRecord};

    fn sound() -> Vec<Vec<u8>> {
        let records = [
            MetadataRecord::FeatureLevel(FeatureLevelRecord {
                name: "metadata.version",
                feature_level: 7,
            }),
            MetadataRecord::Topic(TopicRecord {
                name: TopicName("orders"),
                topic_id: Default::default(),
            }),
        ];
        vec![
            snapshot(&records, 1_000).expect("encodes"),
            batch(&records, 0, 1_000).expect("encodes"),
            leader_change(1, 0, 1_000).expect("encodes"),
        ]
    }

    /// Goal: whatever a metadata file holds, reading ends without a panic, never goes beyond the
    /// bytes, and takes a snapshot for whole only with its footer.
    /// Method: accidents as they are, and again under the checksum that fits.
    #[test]
    fn no_bytes_make_it_panic() {
        let sound = sound();
        for whole in &sound[..1] {
            let read = read(whole, 0, |_, _| ()).ok().expect("sound");
            assert!(read.is_whole_snapshot);
            assert_eq!(read.position, whole.len());
        }
        Accidents::each(&sound, |bytes| {
            for bytes in [bytes.to_vec(), with_checksum(bytes)] {
                if let Ok(read) = read(&bytes, 0, |_, _| ()) {
                    assert!(read.position <= bytes.len());
                }
                let _ = has_batch(&bytes, 0);
            }
        });
    }

    /// Where the checksum of a batch lies, and where what it covers begins.
    const CRC_AT: usize = 17;
    const COVERED_FROM: usize = 21;

    fn with_checksum(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let length = bytes
            .get(8..12)
            .map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        let end = length.and_then(|length| usize::try_from(length).ok()?.checked_add(12));
        if let Some(covered) = end.and_then(|end| bytes.get(COVERED_FROM..end)) {
            let crc = crate::protocol::record_batch::crc32c(covered);
            bytes[CRC_AT..COVERED_FROM].copy_from_slice(&crc.to_be_bytes());
        }
        bytes
    }
}
