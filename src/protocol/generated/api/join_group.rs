//! `JoinGroupRequest`, `JoinGroupResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/join_group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub session_timeout_ms: i32,
    /// Versions 1+.
    pub rebalance_timeout_ms: i32,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 5+, nullable 5+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 0+.
    pub protocol_type: &'a str,
    /// Versions 0+.
    pub protocols: Vec<JoinGroupRequestProtocol<'a>>,
    /// Versions 8+, nullable 8+.
    pub reason: Option<&'a str>,
}

impl Default for JoinGroupRequest<'_> {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            session_timeout_ms: Default::default(),
            rebalance_timeout_ms: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            protocol_type: Default::default(),
            protocols: Default::default(),
            reason: Default::default(),
        }
    }
}

impl<'a> JoinGroupRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 9)?;
        let flexible = version >= 6;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(flexible)?);
        this.session_timeout_ms = reader.i32()?;
        if version >= 1 {
            this.rebalance_timeout_ms = reader.i32()?;
        }
        this.member_id = reader.string(flexible)?;
        if version >= 5 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        this.protocol_type = reader.string(flexible)?;
        this.protocols = reader.array(flexible, 3, |reader| {
            JoinGroupRequestProtocol::decode(reader, version)
        })?;
        if version >= 8 {
            this.reason = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 9)?;
        let flexible = version >= 6;
        out.put_string(self.group_id.0, flexible)?;
        out.put_i32(self.session_timeout_ms);
        if version >= 1 {
            out.put_i32(self.rebalance_timeout_ms);
        }
        out.put_string(self.member_id, flexible)?;
        if version >= 5 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        } else {
            absent(self.group_instance_id.is_none(), "GroupInstanceId", version)?;
        }
        out.put_string(self.protocol_type, flexible)?;
        out.put_array(&self.protocols, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 8 {
            out.put_nullable_string(self.reason, flexible)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupRequestProtocol<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub metadata: &'a [u8],
}

impl<'a> JoinGroupRequestProtocol<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut this = Self::default();
        this.name = reader.string(flexible)?;
        this.metadata = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        out.put_string(self.name, flexible)?;
        out.put_bytes(self.metadata, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { JoinGroupRequest<'a>, versions 0..=9, flexible 6 }

request! {
    JoinGroup,
    JoinGroupRequest<'a>,
    JoinGroupResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupResponse<'a> {
    /// Versions 2+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub generation_id: i32,
    /// Versions 7+, nullable 7+.
    pub protocol_type: Option<&'a str>,
    /// Versions 0+, nullable 7+.
    pub protocol_name: Option<&'a str>,
    /// Versions 0+.
    pub leader: &'a str,
    /// Versions 9+.
    pub skip_assignment: bool,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+.
    pub members: Vec<JoinGroupResponseMember<'a>>,
}

impl Default for JoinGroupResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            generation_id: -1,
            protocol_type: Default::default(),
            protocol_name: Some(""),
            leader: Default::default(),
            skip_assignment: Default::default(),
            member_id: Default::default(),
            members: Default::default(),
        }
    }
}

impl<'a> JoinGroupResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 9)?;
        let flexible = version >= 6;
        let mut this = Self::default();
        if version >= 2 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.generation_id = reader.i32()?;
        if version >= 7 {
            this.protocol_type = reader.nullable_string(flexible)?;
        }
        this.protocol_name = null_if(version >= 7, reader.nullable_string(flexible)?)?;
        this.leader = reader.string(flexible)?;
        if version >= 9 {
            this.skip_assignment = reader.bool()?;
        }
        this.member_id = reader.string(flexible)?;
        this.members = reader.array(flexible, 4, |reader| {
            JoinGroupResponseMember::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 9)?;
        let flexible = version >= 6;
        if version >= 2 {
            out.put_i32(self.throttle_time_ms);
        }
        out.put_i16(self.error_code.code());
        out.put_i32(self.generation_id);
        if version >= 7 {
            out.put_nullable_string(self.protocol_type, flexible)?;
        }
        not_null(
            self.protocol_name.is_some() || version >= 7,
            "ProtocolName",
            version,
        )?;
        out.put_nullable_string(self.protocol_name, flexible)?;
        out.put_string(self.leader, flexible)?;
        if version >= 9 {
            out.put_bool(self.skip_assignment);
        } else {
            absent(!self.skip_assignment, "SkipAssignment", version)?;
        }
        out.put_string(self.member_id, flexible)?;
        out.put_array(&self.members, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupResponseMember<'a> {
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 5+, nullable 5+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 0+.
    pub metadata: &'a [u8],
}

impl<'a> JoinGroupResponseMember<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut this = Self::default();
        this.member_id = reader.string(flexible)?;
        if version >= 5 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        this.metadata = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        out.put_string(self.member_id, flexible)?;
        if version >= 5 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        }
        out.put_bytes(self.metadata, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { JoinGroupResponse<'a>, versions 0..=9, flexible 6 }
