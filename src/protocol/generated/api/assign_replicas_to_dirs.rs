//! `AssignReplicasToDirsRequest`, `AssignReplicasToDirsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/assign_replicas_to_dirs.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct AssignReplicasToDirsRequest {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub broker_epoch: i64,
    /// Versions 0+.
    pub directories: Vec<AssignReplicasToDirsRequestDirectoryData>,
}

impl Default for AssignReplicasToDirsRequest {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            broker_epoch: -1,
            directories: Default::default(),
        }
    }
}

impl AssignReplicasToDirsRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.broker_epoch = reader.i64()?;
        this.directories = reader.array(true, 18, |reader| {
            AssignReplicasToDirsRequestDirectoryData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.broker_id.0);
        out.put_i64(self.broker_epoch);
        out.put_array(&self.directories, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignReplicasToDirsRequestDirectoryData {
    /// Versions 0+.
    pub id: Uuid,
    /// Versions 0+.
    pub topics: Vec<AssignReplicasToDirsRequestTopicData>,
}

impl AssignReplicasToDirsRequestDirectoryData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.id = reader.uuid()?;
        this.topics = reader.array(true, 18, |reader| {
            AssignReplicasToDirsRequestTopicData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.id);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignReplicasToDirsRequestTopicData {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<AssignReplicasToDirsRequestPartitionData>,
}

impl AssignReplicasToDirsRequestTopicData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions = reader.array(true, 5, |reader| {
            AssignReplicasToDirsRequestPartitionData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignReplicasToDirsRequestPartitionData {
    /// Versions 0+.
    pub partition_index: i32,
}

impl AssignReplicasToDirsRequestPartitionData {
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

message! { AssignReplicasToDirsRequest, versions 0..=0, flexible 0 }

request! {
    AssignReplicasToDirs,
    AssignReplicasToDirsRequest,
    AssignReplicasToDirsResponse
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignReplicasToDirsResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub directories: Vec<AssignReplicasToDirsResponseDirectoryData>,
}

impl AssignReplicasToDirsResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.directories = reader.array(true, 18, |reader| {
            AssignReplicasToDirsResponseDirectoryData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_array(&self.directories, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignReplicasToDirsResponseDirectoryData {
    /// Versions 0+.
    pub id: Uuid,
    /// Versions 0+.
    pub topics: Vec<AssignReplicasToDirsResponseTopicData>,
}

impl AssignReplicasToDirsResponseDirectoryData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.id = reader.uuid()?;
        this.topics = reader.array(true, 18, |reader| {
            AssignReplicasToDirsResponseTopicData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.id);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignReplicasToDirsResponseTopicData {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<AssignReplicasToDirsResponsePartitionData>,
}

impl AssignReplicasToDirsResponseTopicData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions = reader.array(true, 7, |reader| {
            AssignReplicasToDirsResponsePartitionData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignReplicasToDirsResponsePartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl AssignReplicasToDirsResponsePartitionData {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AssignReplicasToDirsResponse, versions 0..=0, flexible 0 }
