//! `ConsumerProtocolAssignment`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/consumer_protocol.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerProtocolAssignment<'a> {
    /// Versions 0+.
    pub assigned_partitions: Vec<TopicPartition<'a>>,
    /// Versions 0+, nullable 0+.
    pub user_data: Option<&'a [u8]>,
}

impl<'a> ConsumerProtocolAssignment<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 3)?;
        let mut this = Self::default();
        this.assigned_partitions =
            reader.array(false, 6, |reader| TopicPartition::decode(reader, version))?;
        this.user_data = reader.nullable_bytes(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 3)?;
        out.put_array(&self.assigned_partitions, false, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_bytes(self.user_data, false);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> TopicPartition<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic = TopicName(reader.string(false)?);
        this.partitions = reader.array(false, 4, Reader::i32)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic.0, false)?;
        out.put_array(&self.partitions, false, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        Ok(())
    }
}

message! { ConsumerProtocolAssignment<'a>, versions 0..=3, flexible i16::MAX }
