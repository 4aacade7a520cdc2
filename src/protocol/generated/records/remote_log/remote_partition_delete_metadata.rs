//! `RemotePartitionDeleteMetadataRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/remote_log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemotePartitionDeleteMetadataRecord<'a> {
    /// Versions 0+.
    pub topic_id_partition: TopicIdPartitionEntry<'a>,
    /// Versions 0+.
    pub broker_id: i32,
    /// Versions 0+.
    pub event_timestamp_ms: i64,
    /// Versions 0+.
    pub remote_partition_delete_state: i8,
}

impl<'a> RemotePartitionDeleteMetadataRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.topic_id_partition = TopicIdPartitionEntry::decode(reader, version)?;
        this.broker_id = reader.i32()?;
        this.event_timestamp_ms = reader.i64()?;
        this.remote_partition_delete_state = reader.i8()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        self.topic_id_partition.encode(out, version)?;
        out.put_i32(self.broker_id);
        out.put_i64(self.event_timestamp_ms);
        out.put_i8(self.remote_partition_delete_state);
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

message! { RemotePartitionDeleteMetadataRecord<'a>, versions 0..=0, flexible 0 }
