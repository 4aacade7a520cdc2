//! `DeleteTopicsRequest`, `DeleteTopicsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/delete_topics.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsRequest<'a> {
    /// Versions 6+.
    pub topics: Vec<DeleteTopicState<'a>>,
    /// Versions 0-5.
    pub topic_names: Vec<TopicName<'a>>,
    /// Versions 0+.
    pub timeout_ms: i32,
}

impl<'a> DeleteTopicsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 6)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        if version >= 6 {
            this.topics = reader.array(flexible, 18, |reader| {
                DeleteTopicState::decode(reader, version)
            })?;
        }
        if version <= 5 {
            this.topic_names = reader.array(flexible, 1, |reader| {
                Ok(TopicName(reader.string(flexible)?))
            })?;
        }
        this.timeout_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 6)?;
        let flexible = version >= 4;
        if version >= 6 {
            out.put_array(&self.topics, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.topics.is_empty(), "Topics", version)?;
        }
        if version <= 5 {
            out.put_array(&self.topic_names, flexible, |out, item| {
                out.put_string(item, flexible)
            })?;
        }
        out.put_i32(self.timeout_ms);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicState<'a> {
    /// Versions 6+, nullable 6+.
    pub name: Option<TopicName<'a>>,
    /// Versions 6+.
    pub topic_id: Uuid,
}

impl<'a> DeleteTopicState<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.nullable_string(true)?.map(TopicName);
        this.topic_id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_nullable_string(self.name.as_deref(), true)?;
        out.put_uuid(self.topic_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DeleteTopicsRequest<'a>, versions 1..=6, flexible 4 }

request! {
    DeleteTopics,
    DeleteTopicsRequest<'a>,
    DeleteTopicsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsResponse<'a> {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub responses: Vec<DeletableTopicResult<'a>>,
}

impl<'a> DeleteTopicsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 6)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.responses = reader.array(flexible, 4, |reader| {
            DeletableTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 6)?;
        let flexible = version >= 4;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.responses, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeletableTopicResult<'a> {
    /// Versions 0+, nullable 6+.
    pub name: Option<TopicName<'a>>,
    /// Versions 6+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 5+, nullable 5+.
    pub error_message: Option<&'a str>,
}

impl Default for DeletableTopicResult<'_> {
    fn default() -> Self {
        Self {
            name: Some(TopicName("")),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
        }
    }
}

impl<'a> DeletableTopicResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.name = null_if(version >= 6, reader.nullable_string(flexible)?)?.map(TopicName);
        if version >= 6 {
            this.topic_id = reader.uuid()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 5 {
            this.error_message = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        not_null(self.name.is_some() || version >= 6, "Name", version)?;
        out.put_nullable_string(self.name.as_deref(), flexible)?;
        if version >= 6 {
            out.put_uuid(self.topic_id);
        }
        out.put_i16(self.error_code.code());
        if version >= 5 {
            out.put_nullable_string(self.error_message, flexible)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DeleteTopicsResponse<'a>, versions 1..=6, flexible 4 }
