//! `FetchSnapshotRequest`, `FetchSnapshotResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/fetch_snapshot.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct FetchSnapshotRequest<'a> {
    /// Versions 0+, nullable 0+, tag 0.
    pub cluster_id: Option<&'a str>,
    /// Versions 0+.
    pub replica_id: BrokerId,
    /// Versions 0+.
    pub max_bytes: i32,
    /// Versions 0+.
    pub topics: Vec<FetchSnapshotRequestTopicSnapshot<'a>>,
}

impl Default for FetchSnapshotRequest<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            replica_id: BrokerId(-1),
            max_bytes: 0x7fffffff,
            topics: Default::default(),
        }
    }
}

impl<'a> FetchSnapshotRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.replica_id = BrokerId(reader.i32()?);
        this.max_bytes = reader.i32()?;
        this.topics = reader.array(true, 3, |reader| {
            FetchSnapshotRequestTopicSnapshot::decode(reader, version)
        })?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.cluster_id = reader.nullable_string(true)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.replica_id.0);
        out.put_i32(self.max_bytes);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        let has_cluster_id = self.cluster_id.is_some();
        out.put_unsigned_varint(u32::from(has_cluster_id));
        if has_cluster_id {
            out.put_tag(0, |out| out.put_nullable_string(self.cluster_id, true))?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSnapshotRequestTopicSnapshot<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<FetchSnapshotRequestPartitionSnapshot>,
}

impl<'a> FetchSnapshotRequestTopicSnapshot<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 30, |reader| {
            FetchSnapshotRequestPartitionSnapshot::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSnapshotRequestPartitionSnapshot {
    /// Versions 0+.
    pub partition: i32,
    /// Versions 0+.
    pub current_leader_epoch: i32,
    /// Versions 0+.
    pub snapshot_id: FetchSnapshotRequestSnapshotId,
    /// Versions 0+.
    pub position: i64,
    /// Versions 1+, tag 0.
    pub replica_directory_id: Uuid,
}

impl FetchSnapshotRequestPartitionSnapshot {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition = reader.i32()?;
        this.current_leader_epoch = reader.i32()?;
        this.snapshot_id = FetchSnapshotRequestSnapshotId::decode(reader, version)?;
        this.position = reader.i64()?;
        reader.tags(|reader, tag| {
            match tag {
                0 if version >= 1 => this.replica_directory_id = reader.uuid()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition);
        out.put_i32(self.current_leader_epoch);
        self.snapshot_id.encode(out, version)?;
        out.put_i64(self.position);
        let has_replica_directory_id = version >= 1 && !self.replica_directory_id.is_zero();
        out.put_unsigned_varint(u32::from(has_replica_directory_id));
        if has_replica_directory_id {
            out.put_tag(0, |out| {
                out.put_uuid(self.replica_directory_id);
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSnapshotRequestSnapshotId {
    /// Versions 0+.
    pub end_offset: i64,
    /// Versions 0+.
    pub epoch: i32,
}

impl FetchSnapshotRequestSnapshotId {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.end_offset = reader.i64()?;
        this.epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.end_offset);
        out.put_i32(self.epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { FetchSnapshotRequest<'a>, versions 0..=1, flexible 0 }

request! {
    FetchSnapshot,
    FetchSnapshotRequest<'a>,
    FetchSnapshotResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSnapshotResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub topics: Vec<FetchSnapshotResponseTopicSnapshot<'a>>,
    /// Versions 1+, tag 0.
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

impl<'a> FetchSnapshotResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.topics = reader.array(true, 3, |reader| {
            FetchSnapshotResponseTopicSnapshot::decode(reader, version)
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
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
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
pub struct FetchSnapshotResponseTopicSnapshot<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<FetchSnapshotResponsePartitionSnapshot<'a>>,
}

impl<'a> FetchSnapshotResponseTopicSnapshot<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 37, |reader| {
            FetchSnapshotResponsePartitionSnapshot::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSnapshotResponsePartitionSnapshot<'a> {
    /// Versions 0+.
    pub index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub snapshot_id: FetchSnapshotResponseSnapshotId,
    /// Versions 0+, tag 0.
    pub current_leader: LeaderIdAndEpoch,
    /// Versions 0+.
    pub size: i64,
    /// Versions 0+.
    pub position: i64,
    /// Versions 0+.
    pub unaligned_records: &'a [u8],
}

impl<'a> FetchSnapshotResponsePartitionSnapshot<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.snapshot_id = FetchSnapshotResponseSnapshotId::decode(reader, version)?;
        this.size = reader.i64()?;
        this.position = reader.i64()?;
        this.unaligned_records = reader.bytes(true)?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.current_leader = LeaderIdAndEpoch::decode(reader, version)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.index);
        out.put_i16(self.error_code.code());
        self.snapshot_id.encode(out, version)?;
        out.put_i64(self.size);
        out.put_i64(self.position);
        out.put_bytes(self.unaligned_records, true);
        let has_current_leader = self.current_leader != LeaderIdAndEpoch::default();
        out.put_unsigned_varint(u32::from(has_current_leader));
        if has_current_leader {
            out.put_tag(0, |out| self.current_leader.encode(out, version))?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSnapshotResponseSnapshotId {
    /// Versions 0+.
    pub end_offset: i64,
    /// Versions 0+.
    pub epoch: i32,
}

impl FetchSnapshotResponseSnapshotId {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.end_offset = reader.i64()?;
        this.epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.end_offset);
        out.put_i32(self.epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderIdAndEpoch {
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
}

impl LeaderIdAndEpoch {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
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

message! { FetchSnapshotResponse<'a>, versions 0..=1, flexible 0 }
