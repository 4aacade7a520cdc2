//! `WriteShareGroupStateRequest`, `WriteShareGroupStateResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/write_share_group_state.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteShareGroupStateRequest<'a> {
    /// Versions 0+.
    pub group_id: &'a str,
    /// Versions 0+.
    pub topics: Vec<WriteStateData>,
}

impl<'a> WriteShareGroupStateRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.group_id = reader.string(true)?;
        this.topics = reader.array(true, 18, |reader| WriteStateData::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_string(self.group_id, true)?;
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteStateData {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<PartitionData>,
}

impl WriteStateData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions =
            reader.array(true, 22, |reader| PartitionData::decode(reader, version))?;
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

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionData {
    /// Versions 0+.
    pub partition: i32,
    /// Versions 0+.
    pub state_epoch: i32,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub start_offset: i64,
    /// Versions 1+.
    pub delivery_complete_count: i32,
    /// Versions 0+.
    pub state_batches: Vec<StateBatch>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            state_epoch: Default::default(),
            leader_epoch: Default::default(),
            start_offset: Default::default(),
            delivery_complete_count: -1,
            state_batches: Default::default(),
        }
    }
}

impl PartitionData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition = reader.i32()?;
        this.state_epoch = reader.i32()?;
        this.leader_epoch = reader.i32()?;
        this.start_offset = reader.i64()?;
        if version >= 1 {
            this.delivery_complete_count = reader.i32()?;
        }
        this.state_batches =
            reader.array(true, 20, |reader| StateBatch::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition);
        out.put_i32(self.state_epoch);
        out.put_i32(self.leader_epoch);
        out.put_i64(self.start_offset);
        if version >= 1 {
            out.put_i32(self.delivery_complete_count);
        }
        out.put_array(&self.state_batches, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateBatch {
    /// Versions 0+.
    pub first_offset: i64,
    /// Versions 0+.
    pub last_offset: i64,
    /// Versions 0+.
    pub delivery_state: i8,
    /// Versions 0+.
    pub delivery_count: i16,
}

impl StateBatch {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.first_offset = reader.i64()?;
        this.last_offset = reader.i64()?;
        this.delivery_state = reader.i8()?;
        this.delivery_count = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.first_offset);
        out.put_i64(self.last_offset);
        out.put_i8(self.delivery_state);
        out.put_i16(self.delivery_count);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { WriteShareGroupStateRequest<'a>, versions 0..=1, flexible 0 }

request! {
    WriteShareGroupState,
    WriteShareGroupStateRequest<'a>,
    WriteShareGroupStateResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteShareGroupStateResponse<'a> {
    /// Versions 0+.
    pub results: Vec<WriteStateResult<'a>>,
}

impl<'a> WriteShareGroupStateResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.results =
            reader.array(true, 18, |reader| WriteStateResult::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_array(&self.results, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteStateResult<'a> {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<PartitionResult<'a>>,
}

impl<'a> WriteStateResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions =
            reader.array(true, 8, |reader| PartitionResult::decode(reader, version))?;
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
pub struct PartitionResult<'a> {
    /// Versions 0+.
    pub partition: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl<'a> PartitionResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { WriteShareGroupStateResponse<'a>, versions 0..=1, flexible 0 }
