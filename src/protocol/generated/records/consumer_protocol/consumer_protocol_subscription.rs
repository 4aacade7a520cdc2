//! `ConsumerProtocolSubscription`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/consumer_protocol.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerProtocolSubscription<'a> {
    /// Versions 0+.
    pub topics: Vec<&'a str>,
    /// Versions 0+, nullable 0+.
    pub user_data: Option<&'a [u8]>,
    /// Versions 1+.
    pub owned_partitions: Vec<TopicPartition<'a>>,
    /// Versions 2+.
    pub generation_id: i32,
    /// Versions 3+, nullable 3+.
    pub rack_id: Option<&'a str>,
}

impl Default for ConsumerProtocolSubscription<'_> {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            user_data: Default::default(),
            owned_partitions: Default::default(),
            generation_id: -1,
            rack_id: Default::default(),
        }
    }
}

impl<'a> ConsumerProtocolSubscription<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 3)?;
        let mut this = Self::default();
        this.topics = reader.array(false, 2, |reader| reader.string(false))?;
        this.user_data = reader.nullable_bytes(false)?;
        if version >= 1 {
            this.owned_partitions =
                reader.array(false, 6, |reader| TopicPartition::decode(reader, version))?;
        }
        if version >= 2 {
            this.generation_id = reader.i32()?;
        }
        if version >= 3 {
            this.rack_id = reader.nullable_string(false)?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 3)?;
        out.put_array(&self.topics, false, |out, item| out.put_string(item, false))?;
        out.put_nullable_bytes(self.user_data, false);
        if version >= 1 {
            out.put_array(&self.owned_partitions, false, |out, item| {
                item.encode(out, version)
            })?;
        }
        if version >= 2 {
            out.put_i32(self.generation_id);
        }
        if version >= 3 {
            out.put_nullable_string(self.rack_id, false)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition<'a> {
    /// Versions 1+.
    pub topic: TopicName<'a>,
    /// Versions 1+.
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

message! { ConsumerProtocolSubscription<'a>, versions 0..=3, flexible i16::MAX }
