//! `ShareGroupHeartbeatRequest`, `ShareGroupHeartbeatResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/share_group_heartbeat.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupHeartbeatRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+.
    pub member_epoch: i32,
    /// Versions 0+, nullable 0+.
    pub rack_id: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub subscribed_topic_names: Option<Vec<TopicName<'a>>>,
}

impl<'a> ShareGroupHeartbeatRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 1)?;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        this.member_id = reader.string(true)?;
        this.member_epoch = reader.i32()?;
        this.rack_id = reader.nullable_string(true)?;
        this.subscribed_topic_names =
            reader.nullable_array(true, 1, |reader| Ok(TopicName(reader.string(true)?)))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 1)?;
        out.put_string(self.group_id.0, true)?;
        out.put_string(self.member_id, true)?;
        out.put_i32(self.member_epoch);
        out.put_nullable_string(self.rack_id, true)?;
        out.put_nullable_array(self.subscribed_topic_names.as_deref(), true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareGroupHeartbeatRequest<'a>, versions 1..=1, flexible 0 }

request! {
    ShareGroupHeartbeat,
    ShareGroupHeartbeatRequest<'a>,
    ShareGroupHeartbeatResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupHeartbeatResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub member_id: Option<&'a str>,
    /// Versions 0+.
    pub member_epoch: i32,
    /// Versions 0+.
    pub heartbeat_interval_ms: i32,
    /// Versions 0+, nullable 0+.
    pub assignment: Option<Assignment>,
}

impl<'a> ShareGroupHeartbeatResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.member_id = reader.nullable_string(true)?;
        this.member_epoch = reader.i32()?;
        this.heartbeat_interval_ms = reader.i32()?;
        this.assignment = if reader.is_present()? {
            Some(Assignment::decode(reader, version)?)
        } else {
            None
        };
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 1)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_nullable_string(self.member_id, true)?;
        out.put_i32(self.member_epoch);
        out.put_i32(self.heartbeat_interval_ms);
        put_nullable(out, true, self.assignment.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    /// Versions 0+.
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Assignment {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_partitions =
            reader.array(true, 18, |reader| TopicPartitions::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_array(&self.topic_partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareGroupHeartbeatResponse<'a>, versions 1..=1, flexible 0 }
