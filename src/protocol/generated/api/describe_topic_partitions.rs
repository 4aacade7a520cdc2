//! `DescribeTopicPartitionsRequest`, `DescribeTopicPartitionsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_topic_partitions.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsRequest<'a> {
    /// Versions 0+.
    pub topics: Vec<TopicRequest<'a>>,
    /// Versions 0+.
    pub response_partition_limit: i32,
    /// Versions 0+, nullable 0+.
    pub cursor: Option<DescribeTopicPartitionsRequestCursor<'a>>,
}

impl Default for DescribeTopicPartitionsRequest<'_> {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            response_partition_limit: 2000,
            cursor: Default::default(),
        }
    }
}

impl<'a> DescribeTopicPartitionsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.topics = reader.array(true, 2, |reader| TopicRequest::decode(reader, version))?;
        this.response_partition_limit = reader.i32()?;
        this.cursor = if reader.is_present()? {
            Some(DescribeTopicPartitionsRequestCursor::decode(
                reader, version,
            )?)
        } else {
            None
        };
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_i32(self.response_partition_limit);
        put_nullable(out, true, self.cursor.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicRequest<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
}

impl<'a> TopicRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name.0, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsRequestCursor<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partition_index: i32,
}

impl<'a> DescribeTopicPartitionsRequestCursor<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.partition_index = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_i32(self.partition_index);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeTopicPartitionsRequest<'a>, versions 0..=0, flexible 0 }

request! {
    DescribeTopicPartitions,
    DescribeTopicPartitionsRequest<'a>,
    DescribeTopicPartitionsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub topics: Vec<DescribeTopicPartitionsResponseTopic<'a>>,
    /// Versions 0+, nullable 0+.
    pub next_cursor: Option<DescribeTopicPartitionsResponseCursor<'a>>,
}

impl<'a> DescribeTopicPartitionsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.topics = reader.array(true, 26, |reader| {
            DescribeTopicPartitionsResponseTopic::decode(reader, version)
        })?;
        this.next_cursor = if reader.is_present()? {
            Some(DescribeTopicPartitionsResponseCursor::decode(
                reader, version,
            )?)
        } else {
            None
        };
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        put_nullable(out, true, self.next_cursor.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponseTopic<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub name: Option<TopicName<'a>>,
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub is_internal: bool,
    /// Versions 0+.
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    /// Versions 0+.
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopic<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Some(TopicName("")),
            topic_id: Default::default(),
            is_internal: Default::default(),
            partitions: Default::default(),
            topic_authorized_operations: -2147483648,
        }
    }
}

impl<'a> DescribeTopicPartitionsResponseTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.name = reader.nullable_string(true)?.map(TopicName);
        this.topic_id = reader.uuid()?;
        this.is_internal = reader.bool()?;
        this.partitions = reader.array(true, 20, |reader| {
            DescribeTopicPartitionsResponsePartition::decode(reader, version)
        })?;
        this.topic_authorized_operations = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.name.as_deref(), true)?;
        out.put_uuid(self.topic_id);
        out.put_bool(self.is_internal);
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_i32(self.topic_authorized_operations);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponsePartition {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub replica_nodes: Vec<BrokerId>,
    /// Versions 0+.
    pub isr_nodes: Vec<BrokerId>,
    /// Versions 0+, nullable 0+.
    pub eligible_leader_replicas: Option<Vec<BrokerId>>,
    /// Versions 0+, nullable 0+.
    pub last_known_elr: Option<Vec<BrokerId>>,
    /// Versions 0+.
    pub offline_replicas: Vec<BrokerId>,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            eligible_leader_replicas: Default::default(),
            last_known_elr: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl DescribeTopicPartitionsResponsePartition {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.partition_index = reader.i32()?;
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        this.replica_nodes = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.isr_nodes = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.eligible_leader_replicas =
            reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.last_known_elr =
            reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.offline_replicas = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i16(self.error_code.code());
        out.put_i32(self.partition_index);
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        out.put_array(&self.replica_nodes, true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_array(&self.isr_nodes, true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_nullable_array(
            self.eligible_leader_replicas.as_deref(),
            true,
            |out, item| {
                out.put_i32(item.0);
                Ok(())
            },
        )?;
        out.put_nullable_array(self.last_known_elr.as_deref(), true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_array(&self.offline_replicas, true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsResponseCursor<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partition_index: i32,
}

impl<'a> DescribeTopicPartitionsResponseCursor<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.partition_index = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_i32(self.partition_index);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeTopicPartitionsResponse<'a>, versions 0..=0, flexible 0 }
