//! `AlterReplicaLogDirsRequest`, `AlterReplicaLogDirsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/alter_replica_log_dirs.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterReplicaLogDirsRequest<'a> {
    /// Versions 0+.
    pub dirs: Vec<AlterReplicaLogDir<'a>>,
}

impl<'a> AlterReplicaLogDirsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.dirs = reader.array(flexible, 3, |reader| {
            AlterReplicaLogDir::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        let flexible = version >= 2;
        out.put_array(&self.dirs, flexible, |out, item| item.encode(out, version))?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterReplicaLogDir<'a> {
    /// Versions 0+.
    pub path: &'a str,
    /// Versions 0+.
    pub topics: Vec<AlterReplicaLogDirTopic<'a>>,
}

impl<'a> AlterReplicaLogDir<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.path = reader.string(flexible)?;
        this.topics = reader.array(flexible, 3, |reader| {
            AlterReplicaLogDirTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.path, flexible)?;
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
pub struct AlterReplicaLogDirTopic<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> AlterReplicaLogDirTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.name.0, flexible)?;
        out.put_array(&self.partitions, flexible, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { AlterReplicaLogDirsRequest<'a>, versions 1..=2, flexible 2 }

request! {
    AlterReplicaLogDirs,
    AlterReplicaLogDirsRequest<'a>,
    AlterReplicaLogDirsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterReplicaLogDirsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub results: Vec<AlterReplicaLogDirTopicResult<'a>>,
}

impl<'a> AlterReplicaLogDirsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.results = reader.array(flexible, 3, |reader| {
            AlterReplicaLogDirTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        let flexible = version >= 2;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.results, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterReplicaLogDirTopicResult<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<AlterReplicaLogDirPartitionResult>,
}

impl<'a> AlterReplicaLogDirTopicResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 6, |reader| {
            AlterReplicaLogDirPartitionResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
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
pub struct AlterReplicaLogDirPartitionResult {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl AlterReplicaLogDirPartitionResult {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { AlterReplicaLogDirsResponse<'a>, versions 1..=2, flexible 2 }
