//! `ElectLeadersRequest`, `ElectLeadersResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/elect_leaders.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ElectLeadersRequest<'a> {
    /// Versions 1+.
    pub election_type: i8,
    /// Versions 0+, nullable 0+.
    pub topic_partitions: Option<Vec<TopicPartitions<'a>>>,
    /// Versions 0+.
    pub timeout_ms: i32,
}

impl Default for ElectLeadersRequest<'_> {
    fn default() -> Self {
        Self {
            election_type: Default::default(),
            topic_partitions: Some(Vec::new()),
            timeout_ms: 60000,
        }
    }
}

impl<'a> ElectLeadersRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        if version >= 1 {
            this.election_type = reader.i8()?;
        }
        this.topic_partitions = reader.nullable_array(flexible, 3, |reader| {
            TopicPartitions::decode(reader, version)
        })?;
        this.timeout_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        let flexible = version >= 2;
        if version >= 1 {
            out.put_i8(self.election_type);
        } else {
            absent(self.election_type == 0, "ElectionType", version)?;
        }
        out.put_nullable_array(self.topic_partitions.as_deref(), flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_i32(self.timeout_ms);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> TopicPartitions<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.topic = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.topic.0, flexible)?;
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

message! { ElectLeadersRequest<'a>, versions 0..=2, flexible 2 }

request! {
    ElectLeaders,
    ElectLeadersRequest<'a>,
    ElectLeadersResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ElectLeadersResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 1+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub replica_election_results: Vec<ReplicaElectionResult<'a>>,
}

impl<'a> ElectLeadersResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        if version >= 1 {
            this.error_code = ErrorCode::from_code(reader.i16()?);
        }
        this.replica_election_results = reader.array(flexible, 3, |reader| {
            ReplicaElectionResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        let flexible = version >= 2;
        out.put_i32(self.throttle_time_ms);
        if version >= 1 {
            out.put_i16(self.error_code.code());
        } else {
            absent(
                self.error_code == ErrorCode::from_code(0),
                "ErrorCode",
                version,
            )?;
        }
        out.put_array(&self.replica_election_results, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaElectionResult<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partition_result: Vec<PartitionResult<'a>>,
}

impl<'a> ReplicaElectionResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.topic = TopicName(reader.string(flexible)?);
        this.partition_result = reader.array(flexible, 8, |reader| {
            PartitionResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.topic.0, flexible)?;
        out.put_array(&self.partition_result, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionResult<'a> {
    /// Versions 0+.
    pub partition_id: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for PartitionResult<'_> {
    fn default() -> Self {
        Self {
            partition_id: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> PartitionResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.partition_id = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_i32(self.partition_id);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ElectLeadersResponse<'a>, versions 0..=2, flexible 2 }
