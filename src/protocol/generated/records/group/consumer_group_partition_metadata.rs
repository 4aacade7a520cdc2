//! `ConsumerGroupPartitionMetadataKey`, `ConsumerGroupPartitionMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupPartitionMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
}

impl<'a> ConsumerGroupPartitionMetadataKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        Ok(())
    }
}

message! { ConsumerGroupPartitionMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupPartitionMetadataValue<'a> {
    /// Versions 0+.
    pub topics: Vec<TopicMetadata<'a>>,
}

impl<'a> ConsumerGroupPartitionMetadataValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.topics = reader.array(true, 23, |reader| TopicMetadata::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicMetadata<'a> {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub topic_name: &'a str,
    /// Versions 0+.
    pub num_partitions: i32,
    /// Versions 0+.
    pub partition_metadata: Vec<PartitionMetadata<'a>>,
}

impl<'a> TopicMetadata<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.topic_name = reader.string(true)?;
        this.num_partitions = reader.i32()?;
        this.partition_metadata =
            reader.array(true, 6, |reader| PartitionMetadata::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_string(self.topic_name, true)?;
        out.put_i32(self.num_partitions);
        out.put_array(&self.partition_metadata, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionMetadata<'a> {
    /// Versions 0+.
    pub partition: i32,
    /// Versions 0+.
    pub racks: Vec<&'a str>,
}

impl<'a> PartitionMetadata<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition = reader.i32()?;
        this.racks = reader.array(true, 1, |reader| reader.string(true))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition);
        out.put_array(&self.racks, true, |out, item| out.put_string(item, true))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ConsumerGroupPartitionMetadataValue<'a>, versions 0..=0, flexible 0 }
