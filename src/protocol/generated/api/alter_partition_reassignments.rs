//! `AlterPartitionReassignmentsRequest`, `AlterPartitionReassignmentsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/alter_partition_reassignments.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionReassignmentsRequest<'a> {
    /// Versions 0+.
    pub timeout_ms: i32,
    /// Versions 1+.
    pub allow_replication_factor_change: bool,
    /// Versions 0+.
    pub topics: Vec<ReassignableTopic<'a>>,
}

impl Default for AlterPartitionReassignmentsRequest<'_> {
    fn default() -> Self {
        Self {
            timeout_ms: 60000,
            allow_replication_factor_change: true,
            topics: Default::default(),
        }
    }
}

impl<'a> AlterPartitionReassignmentsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.timeout_ms = reader.i32()?;
        if version >= 1 {
            this.allow_replication_factor_change = reader.bool()?;
        }
        this.topics = reader.array(true, 3, |reader| ReassignableTopic::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.timeout_ms);
        if version >= 1 {
            out.put_bool(self.allow_replication_factor_change);
        } else {
            absent(
                self.allow_replication_factor_change,
                "AllowReplicationFactorChange",
                version,
            )?;
        }
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignableTopic<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<ReassignablePartition>,
}

impl<'a> ReassignableTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 6, |reader| {
            ReassignablePartition::decode(reader, version)
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
pub struct ReassignablePartition {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+, nullable 0+.
    pub replicas: Option<Vec<BrokerId>>,
}

impl ReassignablePartition {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.replicas = reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_nullable_array(self.replicas.as_deref(), true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AlterPartitionReassignmentsRequest<'a>, versions 0..=1, flexible 0 }

request! {
    AlterPartitionReassignments,
    AlterPartitionReassignmentsRequest<'a>,
    AlterPartitionReassignmentsResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionReassignmentsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 1+.
    pub allow_replication_factor_change: bool,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub responses: Vec<ReassignableTopicResponse<'a>>,
}

impl Default for AlterPartitionReassignmentsResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            allow_replication_factor_change: true,
            error_code: Default::default(),
            error_message: Some(""),
            responses: Default::default(),
        }
    }
}

impl<'a> AlterPartitionReassignmentsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        if version >= 1 {
            this.allow_replication_factor_change = reader.bool()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.responses = reader.array(true, 3, |reader| {
            ReassignableTopicResponse::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
        if version >= 1 {
            out.put_bool(self.allow_replication_factor_change);
        }
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_array(&self.responses, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignableTopicResponse<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<ReassignablePartitionResponse<'a>>,
}

impl<'a> ReassignableTopicResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 8, |reader| {
            ReassignablePartitionResponse::decode(reader, version)
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

#[derive(Clone, Debug, PartialEq)]
pub struct ReassignablePartitionResponse<'a> {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for ReassignablePartitionResponse<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> ReassignablePartitionResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AlterPartitionReassignmentsResponse<'a>, versions 0..=1, flexible 0 }
