//! `LeaveGroupRequest`, `LeaveGroupResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/leave_group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0-2.
    pub member_id: &'a str,
    /// Versions 3+.
    pub members: Vec<MemberIdentity<'a>>,
}

impl<'a> LeaveGroupRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(flexible)?);
        if version <= 2 {
            this.member_id = reader.string(flexible)?;
        }
        if version >= 3 {
            this.members = reader.array(flexible, 3, |reader| {
                MemberIdentity::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 4;
        out.put_string(self.group_id.0, flexible)?;
        if version <= 2 {
            out.put_string(self.member_id, flexible)?;
        } else {
            absent(self.member_id.is_empty(), "MemberId", version)?;
        }
        if version >= 3 {
            out.put_array(&self.members, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.members.is_empty(), "Members", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberIdentity<'a> {
    /// Versions 3+.
    pub member_id: &'a str,
    /// Versions 3+, nullable 3+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 5+, nullable 5+.
    pub reason: Option<&'a str>,
}

impl<'a> MemberIdentity<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.member_id = reader.string(flexible)?;
        this.group_instance_id = reader.nullable_string(flexible)?;
        if version >= 5 {
            this.reason = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.member_id, flexible)?;
        out.put_nullable_string(self.group_instance_id, flexible)?;
        if version >= 5 {
            out.put_nullable_string(self.reason, flexible)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { LeaveGroupRequest<'a>, versions 0..=5, flexible 4 }

request! {
    LeaveGroup,
    LeaveGroupRequest<'a>,
    LeaveGroupResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupResponse<'a> {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 3+.
    pub members: Vec<MemberResponse<'a>>,
}

impl<'a> LeaveGroupResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        if version >= 1 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 3 {
            this.members = reader.array(flexible, 5, |reader| {
                MemberResponse::decode(reader, version)
            })?;
        }
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
        if version >= 3 {
            out.put_array(&self.members, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.members.is_empty(), "Members", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MemberResponse<'a> {
    /// Versions 3+.
    pub member_id: &'a str,
    /// Versions 3+, nullable 3+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 3+.
    pub error_code: ErrorCode,
}

impl Default for MemberResponse<'_> {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            group_instance_id: Some(""),
            error_code: Default::default(),
        }
    }
}

impl<'a> MemberResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.member_id = reader.string(flexible)?;
        this.group_instance_id = reader.nullable_string(flexible)?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.member_id, flexible)?;
        out.put_nullable_string(self.group_instance_id, flexible)?;
        out.put_i16(self.error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { LeaveGroupResponse<'a>, versions 0..=5, flexible 4 }
