//! `OffsetCommitRequest`, `OffsetCommitResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/offset_commit.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 1+.
    pub generation_id_or_member_epoch: i32,
    /// Versions 1+.
    pub member_id: &'a str,
    /// Versions 7+, nullable 7+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 2-4.
    pub retention_time_ms: i64,
    /// Versions 0+.
    pub topics: Vec<OffsetCommitRequestTopic<'a>>,
}

impl Default for OffsetCommitRequest<'_> {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            generation_id_or_member_epoch: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            retention_time_ms: -1,
            topics: Default::default(),
        }
    }
}

impl<'a> OffsetCommitRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 10)?;
        let flexible = version >= 8;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(flexible)?);
        this.generation_id_or_member_epoch = reader.i32()?;
        this.member_id = reader.string(flexible)?;
        if version >= 7 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        if version <= 4 {
            this.retention_time_ms = reader.i64()?;
        }
        this.topics = reader.array(flexible, 3, |reader| {
            OffsetCommitRequestTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 10)?;
        let flexible = version >= 8;
        out.put_string(self.group_id.0, flexible)?;
        out.put_i32(self.generation_id_or_member_epoch);
        out.put_string(self.member_id, flexible)?;
        if version >= 7 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        } else {
            absent(self.group_instance_id.is_none(), "GroupInstanceId", version)?;
        }
        if version <= 4 {
            out.put_i64(self.retention_time_ms);
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
pub struct OffsetCommitRequestTopic<'a> {
    /// Versions 0-9.
    pub name: TopicName<'a>,
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<OffsetCommitRequestPartition<'a>>,
}

impl<'a> OffsetCommitRequestTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut this = Self::default();
        if version <= 9 {
            this.name = TopicName(reader.string(flexible)?);
        }
        if version >= 10 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(flexible, 14, |reader| {
            OffsetCommitRequestPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 8;
        if version <= 9 {
            out.put_string(self.name.0, flexible)?;
        }
        if version >= 10 {
            out.put_uuid(self.topic_id);
        }
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
pub struct OffsetCommitRequestPartition<'a> {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub committed_offset: i64,
    /// Versions 6+.
    pub committed_leader_epoch: i32,
    /// Versions 0+, nullable 0+.
    pub committed_metadata: Option<&'a str>,
}

impl Default for OffsetCommitRequestPartition<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            committed_metadata: Some(""),
        }
    }
}

impl<'a> OffsetCommitRequestPartition<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.committed_offset = reader.i64()?;
        if version >= 6 {
            this.committed_leader_epoch = reader.i32()?;
        }
        this.committed_metadata = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 8;
        out.put_i32(self.partition_index);
        out.put_i64(self.committed_offset);
        if version >= 6 {
            out.put_i32(self.committed_leader_epoch);
        }
        out.put_nullable_string(self.committed_metadata, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { OffsetCommitRequest<'a>, versions 2..=10, flexible 8 }

request! {
    OffsetCommit,
    OffsetCommitRequest<'a>,
    OffsetCommitResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponse<'a> {
    /// Versions 3+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub topics: Vec<OffsetCommitResponseTopic<'a>>,
}

impl<'a> OffsetCommitResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 10)?;
        let flexible = version >= 8;
        let mut this = Self::default();
        if version >= 3 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.topics = reader.array(flexible, 3, |reader| {
            OffsetCommitResponseTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 10)?;
        let flexible = version >= 8;
        if version >= 3 {
            out.put_i32(self.throttle_time_ms);
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
pub struct OffsetCommitResponseTopic<'a> {
    /// Versions 0-9.
    pub name: TopicName<'a>,
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<OffsetCommitResponsePartition>,
}

impl<'a> OffsetCommitResponseTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut this = Self::default();
        if version <= 9 {
            this.name = TopicName(reader.string(flexible)?);
        }
        if version >= 10 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(flexible, 6, |reader| {
            OffsetCommitResponsePartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 8;
        if version <= 9 {
            out.put_string(self.name.0, flexible)?;
        }
        if version >= 10 {
            out.put_uuid(self.topic_id);
        }
        out.put_array(&self.partitions, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponsePartition {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl OffsetCommitResponsePartition {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 8;
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { OffsetCommitResponse<'a>, versions 2..=10, flexible 8 }
