//! `OffsetForLeaderEpochRequest`, `OffsetForLeaderEpochResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/offset_for_leader_epoch.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderEpochRequest<'a> {
    /// Versions 3+.
    pub replica_id: BrokerId,
    /// Versions 0+.
    pub topics: Vec<OffsetForLeaderTopic<'a>>,
}

impl Default for OffsetForLeaderEpochRequest<'_> {
    fn default() -> Self {
        Self {
            replica_id: BrokerId(-2),
            topics: Default::default(),
        }
    }
}

impl<'a> OffsetForLeaderEpochRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        if version >= 3 {
            this.replica_id = BrokerId(reader.i32()?);
        }
        this.topics = reader.array(flexible, 3, |reader| {
            OffsetForLeaderTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 4)?;
        let flexible = version >= 4;
        if version >= 3 {
            out.put_i32(self.replica_id.0);
        }
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopic<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<OffsetForLeaderPartition>,
}

impl<'a> OffsetForLeaderTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.topic = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 12, |reader| {
            OffsetForLeaderPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.topic.0, flexible)?;
        out.put_array(&self.partitions, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderPartition {
    /// Versions 0+.
    pub partition: i32,
    /// Versions 2+.
    pub current_leader_epoch: i32,
    /// Versions 0+.
    pub leader_epoch: i32,
}

impl Default for OffsetForLeaderPartition {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            current_leader_epoch: -1,
            leader_epoch: Default::default(),
        }
    }
}

impl OffsetForLeaderPartition {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.partition = reader.i32()?;
        this.current_leader_epoch = reader.i32()?;
        this.leader_epoch = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_i32(self.partition);
        out.put_i32(self.current_leader_epoch);
        out.put_i32(self.leader_epoch);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { OffsetForLeaderEpochRequest<'a>, versions 2..=4, flexible 4 }

request! {
    OffsetForLeaderEpoch,
    OffsetForLeaderEpochRequest<'a>,
    OffsetForLeaderEpochResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderEpochResponse<'a> {
    /// Versions 2+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub topics: Vec<OffsetForLeaderTopicResult<'a>>,
}

impl<'a> OffsetForLeaderEpochResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.topics = reader.array(flexible, 3, |reader| {
            OffsetForLeaderTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 4)?;
        let flexible = version >= 4;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopicResult<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<EpochEndOffset>,
}

impl<'a> OffsetForLeaderTopicResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.topic = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 18, |reader| {
            EpochEndOffset::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.topic.0, flexible)?;
        out.put_array(&self.partitions, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub partition: i32,
    /// Versions 1+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition: Default::default(),
            leader_epoch: -1,
            end_offset: -1,
        }
    }
}

impl EpochEndOffset {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.partition = reader.i32()?;
        this.leader_epoch = reader.i32()?;
        this.end_offset = reader.i64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_i16(self.error_code.code());
        out.put_i32(self.partition);
        out.put_i32(self.leader_epoch);
        out.put_i64(self.end_offset);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { OffsetForLeaderEpochResponse<'a>, versions 2..=4, flexible 4 }
