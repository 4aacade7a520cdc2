//! `CreateTopicsRequest`, `CreateTopicsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/create_topics.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopicsRequest<'a> {
    /// Versions 0+.
    pub topics: Vec<CreatableTopic<'a>>,
    /// Versions 0+.
    pub timeout_ms: i32,
    /// Versions 1+.
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest<'_> {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            timeout_ms: 60000,
            validate_only: Default::default(),
        }
    }
}

impl<'a> CreateTopicsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 7)?;
        let flexible = version >= 5;
        let mut this = Self::default();
        this.topics = reader.array(flexible, 10, |reader| {
            CreatableTopic::decode(reader, version)
        })?;
        this.timeout_ms = reader.i32()?;
        this.validate_only = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 7)?;
        let flexible = version >= 5;
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_i32(self.timeout_ms);
        out.put_bool(self.validate_only);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableTopic<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub num_partitions: i32,
    /// Versions 0+.
    pub replication_factor: i16,
    /// Versions 0+.
    pub assignments: Vec<CreatableReplicaAssignment>,
    /// Versions 0+.
    pub configs: Vec<CreatableTopicConfig<'a>>,
}

impl<'a> CreatableTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        this.num_partitions = reader.i32()?;
        this.replication_factor = reader.i16()?;
        this.assignments = reader.array(flexible, 6, |reader| {
            CreatableReplicaAssignment::decode(reader, version)
        })?;
        this.configs = reader.array(flexible, 3, |reader| {
            CreatableTopicConfig::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        out.put_string(self.name.0, flexible)?;
        out.put_i32(self.num_partitions);
        out.put_i16(self.replication_factor);
        out.put_array(&self.assignments, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.configs, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableReplicaAssignment {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub broker_ids: Vec<BrokerId>,
}

impl CreatableReplicaAssignment {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.broker_ids = reader.array(flexible, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        out.put_i32(self.partition_index);
        out.put_array(&self.broker_ids, flexible, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfig<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+, nullable 0+.
    pub value: Option<&'a str>,
}

impl Default for CreatableTopicConfig<'_> {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Some(""),
        }
    }
}

impl<'a> CreatableTopicConfig<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut this = Self::default();
        this.name = reader.string(flexible)?;
        this.value = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        out.put_string(self.name, flexible)?;
        out.put_nullable_string(self.value, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { CreateTopicsRequest<'a>, versions 2..=7, flexible 5 }

request! {
    CreateTopics,
    CreateTopicsRequest<'a>,
    CreateTopicsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTopicsResponse<'a> {
    /// Versions 2+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub topics: Vec<CreatableTopicResult<'a>>,
}

impl<'a> CreateTopicsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 7)?;
        let flexible = version >= 5;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.topics = reader.array(flexible, 6, |reader| {
            CreatableTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 7)?;
        let flexible = version >= 5;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicResult<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 7+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 1+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 5+, tag 0.
    pub topic_config_error_code: ErrorCode,
    /// Versions 5+.
    pub num_partitions: i32,
    /// Versions 5+.
    pub replication_factor: i16,
    /// Versions 5+, nullable 5+.
    pub configs: Option<Vec<CreatableTopicConfigs<'a>>>,
}

impl Default for CreatableTopicResult<'_> {
    fn default() -> Self {
        Self {
            name: Default::default(),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
            topic_config_error_code: Default::default(),
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Vec::new()),
        }
    }
}

impl<'a> CreatableTopicResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        if version >= 7 {
            this.topic_id = reader.uuid()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(flexible)?;
        if version >= 5 {
            this.num_partitions = reader.i32()?;
        }
        if version >= 5 {
            this.replication_factor = reader.i16()?;
        }
        if version >= 5 {
            this.configs = reader.nullable_array(flexible, 6, |reader| {
                CreatableTopicConfigs::decode(reader, version)
            })?;
        }
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 => this.topic_config_error_code = ErrorCode::from_code(reader.i16()?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        out.put_string(self.name.0, flexible)?;
        if version >= 7 {
            out.put_uuid(self.topic_id);
        }
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, flexible)?;
        if version >= 5 {
            out.put_i32(self.num_partitions);
        }
        if version >= 5 {
            out.put_i16(self.replication_factor);
        }
        if version >= 5 {
            out.put_nullable_array(self.configs.as_deref(), flexible, |out, item| {
                item.encode(out, version)
            })?;
        }
        if flexible {
            let has_topic_config_error_code =
                self.topic_config_error_code != ErrorCode::from_code(0);
            out.put_unsigned_varint(u32::from(has_topic_config_error_code));
            if has_topic_config_error_code {
                out.put_tag(0, |out| {
                    out.put_i16(self.topic_config_error_code.code());
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfigs<'a> {
    /// Versions 5+.
    pub name: &'a str,
    /// Versions 5+, nullable 5+.
    pub value: Option<&'a str>,
    /// Versions 5+.
    pub read_only: bool,
    /// Versions 5+.
    pub config_source: i8,
    /// Versions 5+.
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs<'_> {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Some(""),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
        }
    }
}

impl<'a> CreatableTopicConfigs<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.value = reader.nullable_string(true)?;
        this.read_only = reader.bool()?;
        this.config_source = reader.i8()?;
        this.is_sensitive = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_nullable_string(self.value, true)?;
        out.put_bool(self.read_only);
        out.put_i8(self.config_source);
        out.put_bool(self.is_sensitive);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { CreateTopicsResponse<'a>, versions 2..=7, flexible 5 }
