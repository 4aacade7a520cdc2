//! `ShareGroupStatePartitionMetadataKey`, `ShareGroupStatePartitionMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupStatePartitionMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
}

impl<'a> ShareGroupStatePartitionMetadataKey<'a> {
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

message! { ShareGroupStatePartitionMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupStatePartitionMetadataValue<'a> {
    /// Versions 0+.
    pub initializing_topics: Vec<TopicPartitionsInfo<'a>>,
    /// Versions 0+.
    pub initialized_topics: Vec<TopicPartitionsInfo<'a>>,
    /// Versions 0+.
    pub deleting_topics: Vec<TopicInfo<'a>>,
}

impl<'a> ShareGroupStatePartitionMetadataValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.initializing_topics = reader.array(true, 19, |reader| {
            TopicPartitionsInfo::decode(reader, version)
        })?;
        this.initialized_topics = reader.array(true, 19, |reader| {
            TopicPartitionsInfo::decode(reader, version)
        })?;
        this.deleting_topics =
            reader.array(true, 18, |reader| TopicInfo::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_array(&self.initializing_topics, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.initialized_topics, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.deleting_topics, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitionsInfo<'a> {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub topic_name: &'a str,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> TopicPartitionsInfo<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.topic_name = reader.string(true)?;
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_string(self.topic_name, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicInfo<'a> {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub topic_name: &'a str,
}

impl<'a> TopicInfo<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.topic_name = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_string(self.topic_name, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareGroupStatePartitionMetadataValue<'a>, versions 0..=0, flexible 0 }
