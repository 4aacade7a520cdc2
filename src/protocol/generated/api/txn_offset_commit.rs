//! `TxnOffsetCommitRequest`, `TxnOffsetCommitResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/txn_offset_commit.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct TxnOffsetCommitRequest<'a> {
    /// Versions 0+.
    pub transactional_id: TransactionalId<'a>,
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub producer_epoch: i16,
    /// Versions 3+.
    pub generation_id_or_member_epoch: i32,
    /// Versions 3+.
    pub member_id: &'a str,
    /// Versions 3+, nullable 3+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 0+.
    pub topics: Vec<TxnOffsetCommitRequestTopic<'a>>,
}

impl Default for TxnOffsetCommitRequest<'_> {
    fn default() -> Self {
        Self {
            transactional_id: Default::default(),
            group_id: Default::default(),
            producer_id: Default::default(),
            producer_epoch: Default::default(),
            generation_id_or_member_epoch: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            topics: Default::default(),
        }
    }
}

impl<'a> TxnOffsetCommitRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.transactional_id = TransactionalId(reader.string(flexible)?);
        this.group_id = GroupId(reader.string(flexible)?);
        this.producer_id = ProducerId(reader.i64()?);
        this.producer_epoch = reader.i16()?;
        if version >= 3 {
            this.generation_id_or_member_epoch = reader.i32()?;
        }
        if version >= 3 {
            this.member_id = reader.string(flexible)?;
        }
        if version >= 3 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        this.topics = reader.array(flexible, 3, |reader| {
            TxnOffsetCommitRequestTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 3;
        out.put_string(self.transactional_id.0, flexible)?;
        out.put_string(self.group_id.0, flexible)?;
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch);
        if version >= 3 {
            out.put_i32(self.generation_id_or_member_epoch);
        } else {
            absent(
                self.generation_id_or_member_epoch == -1,
                "GenerationIdOrMemberEpoch",
                version,
            )?;
        }
        if version >= 3 {
            out.put_string(self.member_id, flexible)?;
        } else {
            absent(self.member_id.is_empty(), "MemberId", version)?;
        }
        if version >= 3 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        } else {
            absent(self.group_instance_id.is_none(), "GroupInstanceId", version)?;
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
pub struct TxnOffsetCommitRequestTopic<'a> {
    /// Versions 0-5.
    pub name: TopicName<'a>,
    /// Versions 6+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<TxnOffsetCommitRequestPartition<'a>>,
}

impl<'a> TxnOffsetCommitRequestTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        if version <= 5 {
            this.name = TopicName(reader.string(flexible)?);
        }
        if version >= 6 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(flexible, 14, |reader| {
            TxnOffsetCommitRequestPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        if version <= 5 {
            out.put_string(self.name.0, flexible)?;
        }
        if version >= 6 {
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
pub struct TxnOffsetCommitRequestPartition<'a> {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub committed_offset: i64,
    /// Versions 2+.
    pub committed_leader_epoch: i32,
    /// Versions 0+, nullable 0+.
    pub committed_metadata: Option<&'a str>,
}

impl Default for TxnOffsetCommitRequestPartition<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            committed_metadata: Some(""),
        }
    }
}

impl<'a> TxnOffsetCommitRequestPartition<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.committed_offset = reader.i64()?;
        if version >= 2 {
            this.committed_leader_epoch = reader.i32()?;
        }
        this.committed_metadata = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        out.put_i32(self.partition_index);
        out.put_i64(self.committed_offset);
        if version >= 2 {
            out.put_i32(self.committed_leader_epoch);
        }
        out.put_nullable_string(self.committed_metadata, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { TxnOffsetCommitRequest<'a>, versions 0..=6, flexible 3 }

request! {
    TxnOffsetCommit,
    TxnOffsetCommitRequest<'a>,
    TxnOffsetCommitResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub topics: Vec<TxnOffsetCommitResponseTopic<'a>>,
}

impl<'a> TxnOffsetCommitResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.topics = reader.array(flexible, 3, |reader| {
            TxnOffsetCommitResponseTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 3;
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
pub struct TxnOffsetCommitResponseTopic<'a> {
    /// Versions 0-5.
    pub name: TopicName<'a>,
    /// Versions 6+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<TxnOffsetCommitResponsePartition>,
}

impl<'a> TxnOffsetCommitResponseTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        if version <= 5 {
            this.name = TopicName(reader.string(flexible)?);
        }
        if version >= 6 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(flexible, 6, |reader| {
            TxnOffsetCommitResponsePartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        if version <= 5 {
            out.put_string(self.name.0, flexible)?;
        }
        if version >= 6 {
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
pub struct TxnOffsetCommitResponsePartition {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl TxnOffsetCommitResponsePartition {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { TxnOffsetCommitResponse<'a>, versions 0..=6, flexible 3 }
