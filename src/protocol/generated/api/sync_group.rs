//! `SyncGroupRequest`, `SyncGroupResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/sync_group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub generation_id: i32,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 3+, nullable 3+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 5+, nullable 5+.
    pub protocol_type: Option<&'a str>,
    /// Versions 5+, nullable 5+.
    pub protocol_name: Option<&'a str>,
    /// Versions 0+.
    pub assignments: Vec<SyncGroupRequestAssignment<'a>>,
}

impl<'a> SyncGroupRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(flexible)?);
        this.generation_id = reader.i32()?;
        this.member_id = reader.string(flexible)?;
        if version >= 3 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        if version >= 5 {
            this.protocol_type = reader.nullable_string(flexible)?;
        }
        if version >= 5 {
            this.protocol_name = reader.nullable_string(flexible)?;
        }
        this.assignments = reader.array(flexible, 3, |reader| {
            SyncGroupRequestAssignment::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 4;
        out.put_string(self.group_id.0, flexible)?;
        out.put_i32(self.generation_id);
        out.put_string(self.member_id, flexible)?;
        if version >= 3 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        } else {
            absent(self.group_instance_id.is_none(), "GroupInstanceId", version)?;
        }
        if version >= 5 {
            out.put_nullable_string(self.protocol_type, flexible)?;
        }
        if version >= 5 {
            out.put_nullable_string(self.protocol_name, flexible)?;
        }
        out.put_array(&self.assignments, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequestAssignment<'a> {
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+.
    pub assignment: &'a [u8],
}

impl<'a> SyncGroupRequestAssignment<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.member_id = reader.string(flexible)?;
        this.assignment = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.member_id, flexible)?;
        out.put_bytes(self.assignment, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { SyncGroupRequest<'a>, versions 0..=5, flexible 4 }

request! {
    SyncGroup,
    SyncGroupRequest<'a>,
    SyncGroupResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupResponse<'a> {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 5+, nullable 5+.
    pub protocol_type: Option<&'a str>,
    /// Versions 5+, nullable 5+.
    pub protocol_name: Option<&'a str>,
    /// Versions 0+.
    pub assignment: &'a [u8],
}

impl<'a> SyncGroupResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        if version >= 1 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 5 {
            this.protocol_type = reader.nullable_string(flexible)?;
        }
        if version >= 5 {
            this.protocol_name = reader.nullable_string(flexible)?;
        }
        this.assignment = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 4;
        if version >= 1 {
            out.put_i32(self.throttle_time_ms);
        }
        out.put_i16(self.error_code.code());
        if version >= 5 {
            out.put_nullable_string(self.protocol_type, flexible)?;
        }
        if version >= 5 {
            out.put_nullable_string(self.protocol_name, flexible)?;
        }
        out.put_bytes(self.assignment, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { SyncGroupResponse<'a>, versions 0..=5, flexible 4 }
