//! `EndQuorumEpochRequest`, `EndQuorumEpochResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/end_quorum_epoch.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndQuorumEpochRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub cluster_id: Option<&'a str>,
    /// Versions 0+.
    pub topics: Vec<EndQuorumEpochRequestTopicData<'a>>,
    /// Versions 1+.
    pub leader_endpoints: Vec<LeaderEndpoint<'a>>,
}

impl<'a> EndQuorumEpochRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.cluster_id = reader.nullable_string(flexible)?;
        this.topics = reader.array(flexible, 3, |reader| {
            EndQuorumEpochRequestTopicData::decode(reader, version)
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
pub struct EndQuorumEpochRequestTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<EndQuorumEpochRequestPartitionData>,
}

impl<'a> EndQuorumEpochRequestTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 14, |reader| {
            EndQuorumEpochRequestPartitionData::decode(reader, version)
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
pub struct EndQuorumEpochRequestPartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0.
    pub preferred_successors: Vec<i32>,
    /// Versions 1+.
    pub preferred_candidates: Vec<ReplicaInfo>,
}

impl EndQuorumEpochRequestPartitionData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        if version <= 0 {
            this.preferred_successors = reader.array(flexible, 4, Reader::i32)?;
        }
        if version >= 1 {
            this.preferred_candidates =
                reader.array(flexible, 21, |reader| ReplicaInfo::decode(reader, version))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_i32(self.partition_index);
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        if version <= 0 {
            out.put_array(&self.preferred_successors, flexible, |out, item| {
                out.put_i32(*item);
                Ok(())
            })?;
        }
        if version >= 1 {
            out.put_array(&self.preferred_candidates, flexible, |out, item| {
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
pub struct ReplicaInfo {
    /// Versions 1+.
    pub candidate_id: BrokerId,
    /// Versions 1+.
    pub candidate_directory_id: Uuid,
}

impl ReplicaInfo {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.candidate_id = BrokerId(reader.i32()?);
        this.candidate_directory_id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.candidate_id.0);
        out.put_uuid(self.candidate_directory_id);
        out.put_unsigned_varint(0);
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

message! { EndQuorumEpochRequest<'a>, versions 0..=1, flexible 1 }

request! {
    EndQuorumEpoch,
    EndQuorumEpochRequest<'a>,
    EndQuorumEpochResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndQuorumEpochResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub topics: Vec<EndQuorumEpochResponseTopicData<'a>>,
    /// Versions 1+, tag 0.
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

impl<'a> EndQuorumEpochResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.topics = reader.array(flexible, 3, |reader| {
            EndQuorumEpochResponseTopicData::decode(reader, version)
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
pub struct EndQuorumEpochResponseTopicData<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<EndQuorumEpochResponsePartitionData>,
}

impl<'a> EndQuorumEpochResponseTopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 14, |reader| {
            EndQuorumEpochResponsePartitionData::decode(reader, version)
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
pub struct EndQuorumEpochResponsePartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
}

impl EndQuorumEpochResponsePartitionData {
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

message! { EndQuorumEpochResponse<'a>, versions 0..=1, flexible 1 }
