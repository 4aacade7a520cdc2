//! `OffsetFetchRequest`, `OffsetFetchResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/offset_fetch.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequest<'a> {
    /// Versions 0-7.
    pub group_id: GroupId<'a>,
    /// Versions 0-7, nullable 2-7.
    pub topics: Option<Vec<OffsetFetchRequestTopic<'a>>>,
    /// Versions 8+.
    pub groups: Vec<OffsetFetchRequestGroup<'a>>,
    /// Versions 7+.
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest<'_> {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            topics: Some(Vec::new()),
            groups: Default::default(),
            require_stable: Default::default(),
        }
    }
}

impl<'a> OffsetFetchRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 10)?;
        let flexible = version >= 6;
        let mut this = Self::default();
        if version <= 7 {
            this.group_id = GroupId(reader.string(flexible)?);
        }
        if version <= 7 {
            this.topics = null_if(
                version >= 2,
                reader.nullable_array(flexible, 3, |reader| {
                    OffsetFetchRequestTopic::decode(reader, version)
                })?,
            )?;
        }
        if version >= 8 {
            this.groups = reader.array(flexible, 3, |reader| {
                OffsetFetchRequestGroup::decode(reader, version)
            })?;
        }
        if version >= 7 {
            this.require_stable = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 10)?;
        let flexible = version >= 6;
        if version <= 7 {
            out.put_string(self.group_id.0, flexible)?;
        } else {
            absent(self.group_id.is_empty(), "GroupId", version)?;
        }
        if version <= 7 {
            not_null(self.topics.is_some() || version >= 2, "Topics", version)?;
            out.put_nullable_array(self.topics.as_deref(), flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(
                self.topics.as_ref().is_some_and(Vec::is_empty),
                "Topics",
                version,
            )?;
        }
        if version >= 8 {
            out.put_array(&self.groups, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.groups.is_empty(), "Groups", version)?;
        }
        if version >= 7 {
            out.put_bool(self.require_stable);
        } else {
            absent(!self.require_stable, "RequireStable", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopic<'a> {
    /// Versions 0-7.
    pub name: TopicName<'a>,
    /// Versions 0-7.
    pub partition_indexes: Vec<i32>,
}

impl<'a> OffsetFetchRequestTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        this.partition_indexes = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        out.put_string(self.name.0, flexible)?;
        out.put_array(&self.partition_indexes, flexible, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequestGroup<'a> {
    /// Versions 8+.
    pub group_id: GroupId<'a>,
    /// Versions 9+, nullable 9+.
    pub member_id: Option<&'a str>,
    /// Versions 9+.
    pub member_epoch: i32,
    /// Versions 8+, nullable 8+.
    pub topics: Option<Vec<OffsetFetchRequestTopics<'a>>>,
}

impl Default for OffsetFetchRequestGroup<'_> {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: -1,
            topics: Some(Vec::new()),
        }
    }
}

impl<'a> OffsetFetchRequestGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        if version >= 9 {
            this.member_id = reader.nullable_string(true)?;
        }
        if version >= 9 {
            this.member_epoch = reader.i32()?;
        }
        this.topics = reader.nullable_array(true, 3, |reader| {
            OffsetFetchRequestTopics::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.group_id.0, true)?;
        if version >= 9 {
            out.put_nullable_string(self.member_id, true)?;
        }
        if version >= 9 {
            out.put_i32(self.member_epoch);
        }
        out.put_nullable_array(self.topics.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopics<'a> {
    /// Versions 8-9.
    pub name: TopicName<'a>,
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Versions 8+.
    pub partition_indexes: Vec<i32>,
}

impl<'a> OffsetFetchRequestTopics<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        if version <= 9 {
            this.name = TopicName(reader.string(true)?);
        }
        if version >= 10 {
            this.topic_id = reader.uuid()?;
        }
        this.partition_indexes = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        if version <= 9 {
            out.put_string(self.name.0, true)?;
        }
        if version >= 10 {
            out.put_uuid(self.topic_id);
        }
        out.put_array(&self.partition_indexes, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { OffsetFetchRequest<'a>, versions 1..=10, flexible 6 }

request! {
    OffsetFetch,
    OffsetFetchRequest<'a>,
    OffsetFetchResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponse<'a> {
    /// Versions 3+.
    pub throttle_time_ms: i32,
    /// Versions 0-7.
    pub topics: Vec<OffsetFetchResponseTopic<'a>>,
    /// Versions 2-7.
    pub error_code: ErrorCode,
    /// Versions 8+.
    pub groups: Vec<OffsetFetchResponseGroup<'a>>,
}

impl<'a> OffsetFetchResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 10)?;
        let flexible = version >= 6;
        let mut this = Self::default();
        if version >= 3 {
            this.throttle_time_ms = reader.i32()?;
        }
        if version <= 7 {
            this.topics = reader.array(flexible, 3, |reader| {
                OffsetFetchResponseTopic::decode(reader, version)
            })?;
        }
        if (2..=7).contains(&version) {
            this.error_code = ErrorCode::from_code(reader.i16()?);
        }
        if version >= 8 {
            this.groups = reader.array(flexible, 5, |reader| {
                OffsetFetchResponseGroup::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 10)?;
        let flexible = version >= 6;
        if version >= 3 {
            out.put_i32(self.throttle_time_ms);
        }
        if version <= 7 {
            out.put_array(&self.topics, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.topics.is_empty(), "Topics", version)?;
        }
        if (2..=7).contains(&version) {
            out.put_i16(self.error_code.code());
        }
        if version >= 8 {
            out.put_array(&self.groups, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.groups.is_empty(), "Groups", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopic<'a> {
    /// Versions 0-7.
    pub name: TopicName<'a>,
    /// Versions 0-7.
    pub partitions: Vec<OffsetFetchResponsePartition<'a>>,
}

impl<'a> OffsetFetchResponseTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 16, |reader| {
            OffsetFetchResponsePartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        out.put_string(self.name.0, flexible)?;
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
pub struct OffsetFetchResponsePartition<'a> {
    /// Versions 0-7.
    pub partition_index: i32,
    /// Versions 0-7.
    pub committed_offset: i64,
    /// Versions 5-7.
    pub committed_leader_epoch: i32,
    /// Versions 0-7, nullable 0-7.
    pub metadata: Option<&'a str>,
    /// Versions 0-7.
    pub error_code: ErrorCode,
}

impl Default for OffsetFetchResponsePartition<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Some(""),
            error_code: Default::default(),
        }
    }
}

impl<'a> OffsetFetchResponsePartition<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.committed_offset = reader.i64()?;
        if version >= 5 {
            this.committed_leader_epoch = reader.i32()?;
        }
        this.metadata = reader.nullable_string(flexible)?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        out.put_i32(self.partition_index);
        out.put_i64(self.committed_offset);
        if version >= 5 {
            out.put_i32(self.committed_leader_epoch);
        }
        out.put_nullable_string(self.metadata, flexible)?;
        out.put_i16(self.error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseGroup<'a> {
    /// Versions 8+.
    pub group_id: GroupId<'a>,
    /// Versions 8+.
    pub topics: Vec<OffsetFetchResponseTopics<'a>>,
    /// Versions 8+.
    pub error_code: ErrorCode,
}

impl<'a> OffsetFetchResponseGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        this.topics = reader.array(true, 3, |reader| {
            OffsetFetchResponseTopics::decode(reader, version)
        })?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.group_id.0, true)?;
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_i16(self.error_code.code());
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopics<'a> {
    /// Versions 8-9.
    pub name: TopicName<'a>,
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Versions 8+.
    pub partitions: Vec<OffsetFetchResponsePartitions<'a>>,
}

impl<'a> OffsetFetchResponseTopics<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        if version <= 9 {
            this.name = TopicName(reader.string(true)?);
        }
        if version >= 10 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(true, 20, |reader| {
            OffsetFetchResponsePartitions::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        if version <= 9 {
            out.put_string(self.name.0, true)?;
        }
        if version >= 10 {
            out.put_uuid(self.topic_id);
        }
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartitions<'a> {
    /// Versions 8+.
    pub partition_index: i32,
    /// Versions 8+.
    pub committed_offset: i64,
    /// Versions 8+.
    pub committed_leader_epoch: i32,
    /// Versions 8+, nullable 8+.
    pub metadata: Option<&'a str>,
    /// Versions 8+.
    pub error_code: ErrorCode,
}

impl Default for OffsetFetchResponsePartitions<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Some(""),
            error_code: Default::default(),
        }
    }
}

impl<'a> OffsetFetchResponsePartitions<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.committed_offset = reader.i64()?;
        this.committed_leader_epoch = reader.i32()?;
        this.metadata = reader.nullable_string(true)?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i64(self.committed_offset);
        out.put_i32(self.committed_leader_epoch);
        out.put_nullable_string(self.metadata, true)?;
        out.put_i16(self.error_code.code());
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { OffsetFetchResponse<'a>, versions 1..=10, flexible 6 }
