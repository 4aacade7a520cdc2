//! `DescribeShareGroupOffsetsRequest`, `DescribeShareGroupOffsetsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_share_group_offsets.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeShareGroupOffsetsRequest<'a> {
    /// Versions 0+.
    pub groups: Vec<DescribeShareGroupOffsetsRequestGroup<'a>>,
}

impl<'a> DescribeShareGroupOffsetsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.groups = reader.array(true, 3, |reader| {
            DescribeShareGroupOffsetsRequestGroup::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_array(&self.groups, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeShareGroupOffsetsRequestGroup<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+, nullable 0+.
    pub topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic<'a>>>,
}

impl Default for DescribeShareGroupOffsetsRequestGroup<'_> {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            topics: Some(Vec::new()),
        }
    }
}

impl<'a> DescribeShareGroupOffsetsRequestGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        this.topics = reader.nullable_array(true, 3, |reader| {
            DescribeShareGroupOffsetsRequestTopic::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.group_id.0, true)?;
        out.put_nullable_array(self.topics.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeShareGroupOffsetsRequestTopic<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> DescribeShareGroupOffsetsRequestTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeShareGroupOffsetsRequest<'a>, versions 0..=1, flexible 0 }

request! {
    DescribeShareGroupOffsets,
    DescribeShareGroupOffsetsRequest<'a>,
    DescribeShareGroupOffsetsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeShareGroupOffsetsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub groups: Vec<DescribeShareGroupOffsetsResponseGroup<'a>>,
}

impl<'a> DescribeShareGroupOffsetsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.groups = reader.array(true, 6, |reader| {
            DescribeShareGroupOffsetsResponseGroup::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.groups, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeShareGroupOffsetsResponseGroup<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub topics: Vec<DescribeShareGroupOffsetsResponseTopic<'a>>,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl<'a> DescribeShareGroupOffsetsResponseGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        this.topics = reader.array(true, 19, |reader| {
            DescribeShareGroupOffsetsResponseTopic::decode(reader, version)
        })?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.group_id.0, true)?;
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeShareGroupOffsetsResponseTopic<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<DescribeShareGroupOffsetsResponsePartition<'a>>,
}

impl<'a> DescribeShareGroupOffsetsResponseTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.topic_id = reader.uuid()?;
        this.partitions = reader.array(true, 20, |reader| {
            DescribeShareGroupOffsetsResponsePartition::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_uuid(self.topic_id);
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeShareGroupOffsetsResponsePartition<'a> {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub start_offset: i64,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 1+.
    pub lag: i64,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for DescribeShareGroupOffsetsResponsePartition<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            start_offset: Default::default(),
            leader_epoch: Default::default(),
            lag: -1,
            error_code: Default::default(),
            error_message: Default::default(),
        }
    }
}

impl<'a> DescribeShareGroupOffsetsResponsePartition<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.start_offset = reader.i64()?;
        this.leader_epoch = reader.i32()?;
        if version >= 1 {
            this.lag = reader.i64()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i64(self.start_offset);
        out.put_i32(self.leader_epoch);
        if version >= 1 {
            out.put_i64(self.lag);
        }
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeShareGroupOffsetsResponse<'a>, versions 0..=1, flexible 0 }
