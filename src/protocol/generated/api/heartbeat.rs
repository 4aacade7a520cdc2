//! `HeartbeatRequest`, `HeartbeatResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/heartbeat.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub generation_id: i32,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 3+, nullable 3+.
    pub group_instance_id: Option<&'a str>,
}

impl<'a> HeartbeatRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(flexible)?);
        this.generation_id = reader.i32()?;
        this.member_id = reader.string(flexible)?;
        if version >= 3 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        let flexible = version >= 4;
        out.put_string(self.group_id.0, flexible)?;
        out.put_i32(self.generation_id);
        out.put_string(self.member_id, flexible)?;
        if version >= 3 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        } else {
            absent(self.group_instance_id.is_none(), "GroupInstanceId", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { HeartbeatRequest<'a>, versions 0..=4, flexible 4 }

request! {
    Heartbeat,
    HeartbeatRequest<'a>,
    HeartbeatResponse
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatResponse {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl HeartbeatResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        if version >= 1 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        let flexible = version >= 4;
        if version >= 1 {
            out.put_i32(self.throttle_time_ms);
        }
        out.put_i16(self.error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { HeartbeatResponse, versions 0..=4, flexible 4 }
