//! `RemoteLogSegmentMetadataRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/remote_log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteLogSegmentMetadataRecord<'a> {
    /// Versions 0+.
    pub remote_log_segment_id: RemoteLogSegmentIdEntry<'a>,
    /// Versions 0+.
    pub start_offset: i64,
    /// Versions 0+.
    pub end_offset: i64,
    /// Versions 0+.
    pub broker_id: i32,
    /// Versions 0+.
    pub max_timestamp_ms: i64,
    /// Versions 0+.
    pub event_timestamp_ms: i64,
    /// Versions 0+.
    pub segment_leader_epochs: Vec<SegmentLeaderEpochEntry>,
    /// Versions 0+.
    pub segment_size_in_bytes: i32,
    /// Versions 0+, nullable 0+.
    pub custom_metadata: Option<&'a [u8]>,
    /// Versions 0+.
    pub remote_log_segment_state: i8,
    /// Versions 0+, tag 0.
    pub txn_index_empty: bool,
}

impl<'a> RemoteLogSegmentMetadataRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.remote_log_segment_id = RemoteLogSegmentIdEntry::decode(reader, version)?;
        this.start_offset = reader.i64()?;
        this.end_offset = reader.i64()?;
        this.broker_id = reader.i32()?;
        this.max_timestamp_ms = reader.i64()?;
        this.event_timestamp_ms = reader.i64()?;
        this.segment_leader_epochs = reader.array(true, 13, |reader| {
            SegmentLeaderEpochEntry::decode(reader, version)
        })?;
        this.segment_size_in_bytes = reader.i32()?;
        this.custom_metadata = reader.nullable_bytes(true)?;
        this.remote_log_segment_state = reader.i8()?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.txn_index_empty = reader.bool()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        self.remote_log_segment_id.encode(out, version)?;
        out.put_i64(self.start_offset);
        out.put_i64(self.end_offset);
        out.put_i32(self.broker_id);
        out.put_i64(self.max_timestamp_ms);
        out.put_i64(self.event_timestamp_ms);
        out.put_array(&self.segment_leader_epochs, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_i32(self.segment_size_in_bytes);
        out.put_nullable_bytes(self.custom_metadata, true);
        out.put_i8(self.remote_log_segment_state);
        let has_txn_index_empty = self.txn_index_empty;
        out.put_unsigned_varint(u32::from(has_txn_index_empty));
        if has_txn_index_empty {
            out.put_tag(0, |out| {
                out.put_bool(self.txn_index_empty);
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteLogSegmentIdEntry<'a> {
    /// Versions 0+.
    pub topic_id_partition: TopicIdPartitionEntry<'a>,
    /// Versions 0+.
    pub id: Uuid,
}

impl<'a> RemoteLogSegmentIdEntry<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id_partition = TopicIdPartitionEntry::decode(reader, version)?;
        this.id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        self.topic_id_partition.encode(out, version)?;
        out.put_uuid(self.id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicIdPartitionEntry<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub id: Uuid,
    /// Versions 0+.
    pub partition: i32,
}

impl<'a> TopicIdPartitionEntry<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.id = reader.uuid()?;
        this.partition = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_uuid(self.id);
        out.put_i32(self.partition);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentLeaderEpochEntry {
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub offset: i64,
}

impl SegmentLeaderEpochEntry {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.leader_epoch = reader.i32()?;
        this.offset = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.leader_epoch);
        out.put_i64(self.offset);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { RemoteLogSegmentMetadataRecord<'a>, versions 0..=0, flexible 0 }
