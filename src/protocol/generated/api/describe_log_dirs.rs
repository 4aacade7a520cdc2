//! `DescribeLogDirsRequest`, `DescribeLogDirsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_log_dirs.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeLogDirsRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub topics: Option<Vec<DescribableLogDirTopic<'a>>>,
}

impl Default for DescribeLogDirsRequest<'_> {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
        }
    }
}

impl<'a> DescribeLogDirsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 5)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.topics = reader.nullable_array(flexible, 3, |reader| {
            DescribableLogDirTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 5)?;
        let flexible = version >= 2;
        out.put_nullable_array(self.topics.as_deref(), flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribableLogDirTopic<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> DescribableLogDirTopic<'a> {
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

message! { DescribeLogDirsRequest<'a>, versions 1..=5, flexible 2 }

request! {
    DescribeLogDirs,
    DescribeLogDirsRequest<'a>,
    DescribeLogDirsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 3+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub results: Vec<DescribeLogDirsResult<'a>>,
}

impl<'a> DescribeLogDirsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 5)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        if version >= 3 {
            this.error_code = ErrorCode::from_code(reader.i16()?);
        }
        this.results = reader.array(flexible, 5, |reader| {
            DescribeLogDirsResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 5)?;
        let flexible = version >= 2;
        out.put_i32(self.throttle_time_ms);
        if version >= 3 {
            out.put_i16(self.error_code.code());
        }
        out.put_array(&self.results, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeLogDirsResult<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub log_dir: &'a str,
    /// Versions 0+.
    pub topics: Vec<DescribeLogDirsTopic<'a>>,
    /// Versions 4+.
    pub total_bytes: i64,
    /// Versions 4+.
    pub usable_bytes: i64,
    /// Versions 5+.
    pub is_cordoned: bool,
}

impl Default for DescribeLogDirsResult<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            log_dir: Default::default(),
            topics: Default::default(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: Default::default(),
        }
    }
}

impl<'a> DescribeLogDirsResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.log_dir = reader.string(flexible)?;
        this.topics = reader.array(flexible, 3, |reader| {
            DescribeLogDirsTopic::decode(reader, version)
        })?;
        if version >= 4 {
            this.total_bytes = reader.i64()?;
        }
        if version >= 4 {
            this.usable_bytes = reader.i64()?;
        }
        if version >= 5 {
            this.is_cordoned = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_i16(self.error_code.code());
        out.put_string(self.log_dir, flexible)?;
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 4 {
            out.put_i64(self.total_bytes);
        }
        if version >= 4 {
            out.put_i64(self.usable_bytes);
        }
        if version >= 5 {
            out.put_bool(self.is_cordoned);
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsTopic<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<DescribeLogDirsPartition>,
}

impl<'a> DescribeLogDirsTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 21, |reader| {
            DescribeLogDirsPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.name.0, flexible)?;
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
pub struct DescribeLogDirsPartition {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub partition_size: i64,
    /// Versions 0+.
    pub offset_lag: i64,
    /// Versions 0+.
    pub is_future_key: bool,
}

impl DescribeLogDirsPartition {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.partition_size = reader.i64()?;
        this.offset_lag = reader.i64()?;
        this.is_future_key = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_i32(self.partition_index);
        out.put_i64(self.partition_size);
        out.put_i64(self.offset_lag);
        out.put_bool(self.is_future_key);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeLogDirsResponse<'a>, versions 1..=5, flexible 2 }
