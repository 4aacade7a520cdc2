//! `VoteRequest`, `VoteResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/vote.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct VoteRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub cluster_id: Option<&'a str>,
    /// Versions 1+.
    pub voter_id: BrokerId,
    /// Versions 0+.
    pub topics: Vec<VoteRequestTopicData<'a>>,
}

impl Default for VoteRequest<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            voter_id: BrokerId(-1),
            topics: Default::default(),
        }
    }
}

impl<'a> VoteRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.cluster_id = reader.nullable_string(true)?;
        if version >= 1 {
            this.voter_id = BrokerId(reader.i32()?);
        }
        this.topics = reader.array(true, 3, |reader| {
            VoteRequestTopicData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_nullable_string(self.cluster_id, true)?;
        if version >= 1 {
            out.put_i32(self.voter_id.0);
        }
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct VoteRequestTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<VoteRequestPartitionData>,
}

impl<'a> VoteRequestTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 25, |reader| {
            VoteRequestPartitionData::decode(reader, version)
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
pub struct VoteRequestPartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub replica_epoch: i32,
    /// Versions 0+.
    pub replica_id: BrokerId,
    /// Versions 1+.
    pub replica_directory_id: Uuid,
    /// Versions 1+.
    pub voter_directory_id: Uuid,
    /// Versions 0+.
    pub last_offset_epoch: i32,
    /// Versions 0+.
    pub last_offset: i64,
    /// Versions 2+.
    pub pre_vote: bool,
}

impl VoteRequestPartitionData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.replica_epoch = reader.i32()?;
        this.replica_id = BrokerId(reader.i32()?);
        if version >= 1 {
            this.replica_directory_id = reader.uuid()?;
        }
        if version >= 1 {
            this.voter_directory_id = reader.uuid()?;
        }
        this.last_offset_epoch = reader.i32()?;
        this.last_offset = reader.i64()?;
        if version >= 2 {
            this.pre_vote = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i32(self.replica_epoch);
        out.put_i32(self.replica_id.0);
        if version >= 1 {
            out.put_uuid(self.replica_directory_id);
        }
        if version >= 1 {
            out.put_uuid(self.voter_directory_id);
        }
        out.put_i32(self.last_offset_epoch);
        out.put_i64(self.last_offset);
        if version >= 2 {
            out.put_bool(self.pre_vote);
        } else {
            absent(!self.pre_vote, "PreVote", version)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { VoteRequest<'a>, versions 0..=2, flexible 0 }

request! {
    Vote,
    VoteRequest<'a>,
    VoteResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct VoteResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub topics: Vec<VoteResponseTopicData<'a>>,
    /// Versions 1+, tag 0.
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

impl<'a> VoteResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.topics = reader.array(true, 3, |reader| {
            VoteResponseTopicData::decode(reader, version)
        })?;
        reader.tags(|reader, tag| {
            match tag {
                0 if version >= 1 => {
                    this.node_endpoints =
                        reader.array(true, 8, |reader| NodeEndpoint::decode(reader, version))?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i16(self.error_code.code());
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        let has_node_endpoints = version >= 1 && !self.node_endpoints.is_empty();
        out.put_unsigned_varint(u32::from(has_node_endpoints));
        if has_node_endpoints {
            out.put_tag(0, |out| {
                out.put_array(&self.node_endpoints, true, |out, item| {
                    item.encode(out, version)
                })
            })?;
        }
        if version < 1 {
            absent(self.node_endpoints.is_empty(), "NodeEndpoints", version)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct VoteResponseTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<VoteResponsePartitionData>,
}

impl<'a> VoteResponseTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 16, |reader| {
            VoteResponsePartitionData::decode(reader, version)
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
pub struct VoteResponsePartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub vote_granted: bool,
}

impl VoteResponsePartitionData {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        this.vote_granted = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        out.put_bool(self.vote_granted);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint<'a> {
    /// Versions 1+.
    pub node_id: BrokerId,
    /// Versions 1+.
    pub host: &'a str,
    /// Versions 1+.
    pub port: u16,
}

impl<'a> NodeEndpoint<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.node_id = BrokerId(reader.i32()?);
        this.host = reader.string(true)?;
        this.port = reader.u16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.node_id.0);
        out.put_string(self.host, true)?;
        out.put_u16(self.port);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { VoteResponse<'a>, versions 0..=2, flexible 0 }
