//! `DescribeGroupsRequest`, `DescribeGroupsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_groups.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsRequest<'a> {
    /// Versions 0+.
    pub groups: Vec<GroupId<'a>>,
    /// Versions 3+.
    pub include_authorized_operations: bool,
}

impl<'a> DescribeGroupsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 5;
        let mut this = Self::default();
        this.groups = reader.array(flexible, 1, |reader| Ok(GroupId(reader.string(flexible)?)))?;
        if version >= 3 {
            this.include_authorized_operations = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 5;
        out.put_array(&self.groups, flexible, |out, item| {
            out.put_string(item, flexible)
        })?;
        if version >= 3 {
            out.put_bool(self.include_authorized_operations);
        } else {
            absent(
                !self.include_authorized_operations,
                "IncludeAuthorizedOperations",
                version,
            )?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeGroupsRequest<'a>, versions 0..=6, flexible 5 }

request! {
    DescribeGroups,
    DescribeGroupsRequest<'a>,
    DescribeGroupsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsResponse<'a> {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub groups: Vec<DescribedGroup<'a>>,
}

impl<'a> DescribeGroupsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 5;
        let mut this = Self::default();
        if version >= 1 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.groups = reader.array(flexible, 12, |reader| {
            DescribedGroup::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 5;
        if version >= 1 {
            out.put_i32(self.throttle_time_ms);
        }
        out.put_array(&self.groups, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 6+, nullable 6+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub group_state: &'a str,
    /// Versions 0+.
    pub protocol_type: &'a str,
    /// Versions 0+.
    pub protocol_data: &'a str,
    /// Versions 0+.
    pub members: Vec<DescribedGroupMember<'a>>,
    /// Versions 3+.
    pub authorized_operations: i32,
}

impl Default for DescribedGroup<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            protocol_type: Default::default(),
            protocol_data: Default::default(),
            members: Default::default(),
            authorized_operations: -2147483648,
        }
    }
}

impl<'a> DescribedGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 6 {
            this.error_message = reader.nullable_string(flexible)?;
        }
        this.group_id = GroupId(reader.string(flexible)?);
        this.group_state = reader.string(flexible)?;
        this.protocol_type = reader.string(flexible)?;
        this.protocol_data = reader.string(flexible)?;
        this.members = reader.array(flexible, 7, |reader| {
            DescribedGroupMember::decode(reader, version)
        })?;
        if version >= 3 {
            this.authorized_operations = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        out.put_i16(self.error_code.code());
        if version >= 6 {
            out.put_nullable_string(self.error_message, flexible)?;
        } else {
            absent(self.error_message.is_none(), "ErrorMessage", version)?;
        }
        out.put_string(self.group_id.0, flexible)?;
        out.put_string(self.group_state, flexible)?;
        out.put_string(self.protocol_type, flexible)?;
        out.put_string(self.protocol_data, flexible)?;
        out.put_array(&self.members, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 3 {
            out.put_i32(self.authorized_operations);
        } else {
            absent(
                self.authorized_operations == -2147483648,
                "AuthorizedOperations",
                version,
            )?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedGroupMember<'a> {
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 4+, nullable 4+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 0+.
    pub client_id: &'a str,
    /// Versions 0+.
    pub client_host: &'a str,
    /// Versions 0+.
    pub member_metadata: &'a [u8],
    /// Versions 0+.
    pub member_assignment: &'a [u8],
}

impl<'a> DescribedGroupMember<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut this = Self::default();
        this.member_id = reader.string(flexible)?;
        if version >= 4 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        this.client_id = reader.string(flexible)?;
        this.client_host = reader.string(flexible)?;
        this.member_metadata = reader.bytes(flexible)?;
        this.member_assignment = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        out.put_string(self.member_id, flexible)?;
        if version >= 4 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        }
        out.put_string(self.client_id, flexible)?;
        out.put_string(self.client_host, flexible)?;
        out.put_bytes(self.member_metadata, flexible);
        out.put_bytes(self.member_assignment, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeGroupsResponse<'a>, versions 0..=6, flexible 5 }
