//! `DeleteShareGroupOffsetsRequest`, `DeleteShareGroupOffsetsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/delete_share_group_offsets.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteShareGroupOffsetsRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub topics: Vec<DeleteShareGroupOffsetsRequestTopic<'a>>,
}

impl<'a> DeleteShareGroupOffsetsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        this.topics = reader.array(true, 2, |reader| {
            DeleteShareGroupOffsetsRequestTopic::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id.0, true)?;
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteShareGroupOffsetsRequestTopic<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
}

impl<'a> DeleteShareGroupOffsetsRequestTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DeleteShareGroupOffsetsRequest<'a>, versions 0..=0, flexible 0 }

request! {
    DeleteShareGroupOffsets,
    DeleteShareGroupOffsetsRequest<'a>,
    DeleteShareGroupOffsetsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteShareGroupOffsetsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub responses: Vec<DeleteShareGroupOffsetsResponseTopic<'a>>,
}

impl<'a> DeleteShareGroupOffsetsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.responses = reader.array(true, 21, |reader| {
            DeleteShareGroupOffsetsResponseTopic::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_array(&self.responses, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteShareGroupOffsetsResponseTopic<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl<'a> DeleteShareGroupOffsetsResponseTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        this.topic_id = reader.uuid()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic_name.0, true)?;
        out.put_uuid(self.topic_id);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DeleteShareGroupOffsetsResponse<'a>, versions 0..=0, flexible 0 }
