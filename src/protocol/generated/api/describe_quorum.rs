//! `DescribeQuorumRequest`, `DescribeQuorumResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_quorum.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeQuorumRequest<'a> {
    /// Versions 0+.
    pub topics: Vec<DescribeQuorumRequestTopicData<'a>>,
}

impl<'a> DescribeQuorumRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.topics = reader.array(true, 3, |reader| {
            DescribeQuorumRequestTopicData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeQuorumRequestTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<DescribeQuorumRequestPartitionData>,
}

impl<'a> DescribeQuorumRequestTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 5, |reader| {
            DescribeQuorumRequestPartitionData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeQuorumRequestPartitionData {
    /// Versions 0+.
    pub partition_index: i32,
}

impl DescribeQuorumRequestPartitionData {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeQuorumRequest<'a>, versions 0..=2, flexible 0 }

request! {
    DescribeQuorum,
    DescribeQuorumRequest<'a>,
    DescribeQuorumResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeQuorumResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 2+, nullable 2+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub topics: Vec<DescribeQuorumResponseTopicData<'a>>,
    /// Versions 2+.
    pub nodes: Vec<Node<'a>>,
}

impl Default for DescribeQuorumResponse<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(""),
            topics: Default::default(),
            nodes: Default::default(),
        }
    }
}

impl<'a> DescribeQuorumResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 2 {
            this.error_message = reader.nullable_string(true)?;
        }
        this.topics = reader.array(true, 3, |reader| {
            DescribeQuorumResponseTopicData::decode(reader, version)
        })?;
        if version >= 2 {
            this.nodes = reader.array(true, 6, |reader| Node::decode(reader, version))?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i16(self.error_code.code());
        if version >= 2 {
            out.put_nullable_string(self.error_message, true)?;
        }
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        if version >= 2 {
            out.put_array(&self.nodes, true, |out, item| item.encode(out, version))?;
        } else {
            absent(self.nodes.is_empty(), "Nodes", version)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeQuorumResponseTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<DescribeQuorumResponsePartitionData<'a>>,
}

impl<'a> DescribeQuorumResponseTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 25, |reader| {
            DescribeQuorumResponsePartitionData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeQuorumResponsePartitionData<'a> {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 2+, nullable 2+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub high_watermark: i64,
    /// Versions 0+.
    pub current_voters: Vec<ReplicaState>,
    /// Versions 0+.
    pub observers: Vec<ReplicaState>,
}

impl Default for DescribeQuorumResponsePartitionData<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
            leader_id: Default::default(),
            leader_epoch: Default::default(),
            high_watermark: Default::default(),
            current_voters: Default::default(),
            observers: Default::default(),
        }
    }
}

impl<'a> DescribeQuorumResponsePartitionData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 2 {
            this.error_message = reader.nullable_string(true)?;
        }
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        this.high_watermark = reader.i64()?;
        this.current_voters =
            reader.array(true, 13, |reader| ReplicaState::decode(reader, version))?;
        this.observers = reader.array(true, 13, |reader| ReplicaState::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        if version >= 2 {
            out.put_nullable_string(self.error_message, true)?;
        }
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        out.put_i64(self.high_watermark);
        out.put_array(&self.current_voters, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.observers, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node<'a> {
    /// Versions 2+.
    pub node_id: BrokerId,
    /// Versions 2+.
    pub listeners: Vec<Listener<'a>>,
}

impl<'a> Node<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.node_id = BrokerId(reader.i32()?);
        this.listeners = reader.array(true, 5, |reader| Listener::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.node_id.0);
        out.put_array(&self.listeners, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listener<'a> {
    /// Versions 2+.
    pub name: &'a str,
    /// Versions 2+.
    pub host: &'a str,
    /// Versions 2+.
    pub port: u16,
}

impl<'a> Listener<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.host = reader.string(true)?;
        this.port = reader.u16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_string(self.host, true)?;
        out.put_u16(self.port);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    /// Versions 0+.
    pub replica_id: BrokerId,
    /// Versions 2+.
    pub replica_directory_id: Uuid,
    /// Versions 0+.
    pub log_end_offset: i64,
    /// Versions 1+.
    pub last_fetch_timestamp: i64,
    /// Versions 1+.
    pub last_caught_up_timestamp: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self {
            replica_id: Default::default(),
            replica_directory_id: Default::default(),
            log_end_offset: Default::default(),
            last_fetch_timestamp: -1,
            last_caught_up_timestamp: -1,
        }
    }
}

impl ReplicaState {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.replica_id = BrokerId(reader.i32()?);
        if version >= 2 {
            this.replica_directory_id = reader.uuid()?;
        }
        this.log_end_offset = reader.i64()?;
        if version >= 1 {
            this.last_fetch_timestamp = reader.i64()?;
        }
        if version >= 1 {
            this.last_caught_up_timestamp = reader.i64()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.replica_id.0);
        if version >= 2 {
            out.put_uuid(self.replica_directory_id);
        } else {
            absent(
                self.replica_directory_id.is_zero(),
                "ReplicaDirectoryId",
                version,
            )?;
        }
        out.put_i64(self.log_end_offset);
        if version >= 1 {
            out.put_i64(self.last_fetch_timestamp);
        }
        if version >= 1 {
            out.put_i64(self.last_caught_up_timestamp);
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeQuorumResponse<'a>, versions 0..=2, flexible 0 }
