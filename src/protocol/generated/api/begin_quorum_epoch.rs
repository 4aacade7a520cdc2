//! `BeginQuorumEpochRequest`, `BeginQuorumEpochResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/begin_quorum_epoch.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct BeginQuorumEpochRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub cluster_id: Option<&'a str>,
    /// Versions 1+.
    pub voter_id: BrokerId,
    /// Versions 0+.
    pub topics: Vec<BeginQuorumEpochRequestTopicData<'a>>,
    /// Versions 1+.
    pub leader_endpoints: Vec<LeaderEndpoint<'a>>,
}

impl Default for BeginQuorumEpochRequest<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            voter_id: BrokerId(-1),
            topics: Default::default(),
            leader_endpoints: Default::default(),
        }
    }
}

impl<'a> BeginQuorumEpochRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.cluster_id = reader.nullable_string(flexible)?;
        if version >= 1 {
            this.voter_id = BrokerId(reader.i32()?);
        }
        this.topics = reader.array(flexible, 3, |reader| {
            BeginQuorumEpochRequestTopicData::decode(reader, version)
        })?;
        if version >= 1 {
            this.leader_endpoints = reader.array(flexible, 5, |reader| {
                LeaderEndpoint::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_nullable_string(self.cluster_id, flexible)?;
        if version >= 1 {
            out.put_i32(self.voter_id.0);
        }
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 1 {
            out.put_array(&self.leader_endpoints, flexible, |out, item| {
                item.encode(out, version)
            })?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeginQuorumEpochRequestTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<BeginQuorumEpochRequestPartitionData>,
}

impl<'a> BeginQuorumEpochRequestTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 12, |reader| {
            BeginQuorumEpochRequestPartitionData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_string(self.topic_name.0, flexible)?;
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
pub struct BeginQuorumEpochRequestPartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 1+.
    pub voter_directory_id: Uuid,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
}

impl BeginQuorumEpochRequestPartitionData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        if version >= 1 {
            this.voter_directory_id = reader.uuid()?;
        }
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_i32(self.partition_index);
        if version >= 1 {
            out.put_uuid(self.voter_directory_id);
        }
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderEndpoint<'a> {
    /// Versions 1+.
    pub name: &'a str,
    /// Versions 1+.
    pub host: &'a str,
    /// Versions 1+.
    pub port: u16,
}

impl<'a> LeaderEndpoint<'a> {
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

message! { BeginQuorumEpochRequest<'a>, versions 0..=1, flexible 1 }

request! {
    BeginQuorumEpoch,
    BeginQuorumEpochRequest<'a>,
    BeginQuorumEpochResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeginQuorumEpochResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub topics: Vec<BeginQuorumEpochResponseTopicData<'a>>,
    /// Versions 1+, tag 0.
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

impl<'a> BeginQuorumEpochResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.topics = reader.array(flexible, 3, |reader| {
            BeginQuorumEpochResponseTopicData::decode(reader, version)
        })?;
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 => {
                        this.node_endpoints =
                            reader.array(true, 8, |reader| NodeEndpoint::decode(reader, version))?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_i16(self.error_code.code());
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            let has_node_endpoints = !self.node_endpoints.is_empty();
            out.put_unsigned_varint(u32::from(has_node_endpoints));
            if has_node_endpoints {
                out.put_tag(0, |out| {
                    out.put_array(&self.node_endpoints, true, |out, item| {
                        item.encode(out, version)
                    })
                })?;
            }
        }
        if version < 1 {
            absent(self.node_endpoints.is_empty(), "NodeEndpoints", version)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeginQuorumEpochResponseTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<BeginQuorumEpochResponsePartitionData>,
}

impl<'a> BeginQuorumEpochResponseTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 14, |reader| {
            BeginQuorumEpochResponsePartitionData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_string(self.topic_name.0, flexible)?;
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
pub struct BeginQuorumEpochResponsePartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
}

impl BeginQuorumEpochResponsePartitionData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        if flexible {
            out.put_unsigned_varint(0);
        }
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

message! { BeginQuorumEpochResponse<'a>, versions 0..=1, flexible 1 }
