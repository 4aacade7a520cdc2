//! `DeleteGroupsRequest`, `DeleteGroupsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/delete_groups.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteGroupsRequest<'a> {
    /// Versions 0+.
    pub groups_names: Vec<GroupId<'a>>,
}

impl<'a> DeleteGroupsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.groups_names =
            reader.array(flexible, 1, |reader| Ok(GroupId(reader.string(flexible)?)))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 3)?;
        let flexible = version >= 2;
        out.put_array(&self.groups_names, flexible, |out, item| {
            out.put_string(item, flexible)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DeleteGroupsRequest<'a>, versions 0..=3, flexible 2 }

request! {
    DeleteGroups,
    DeleteGroupsRequest<'a>,
    DeleteGroupsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteGroupsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub results: Vec<DeletableGroupResult<'a>>,
}

impl<'a> DeleteGroupsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.results = reader.array(flexible, 4, |reader| {
            DeletableGroupResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 3)?;
        let flexible = version >= 2;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.results, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletableGroupResult<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 3+, nullable 3+.
    pub error_message: Option<&'a str>,
}

impl<'a> DeletableGroupResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(flexible)?);
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 3 {
            this.error_message = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.group_id.0, flexible)?;
        out.put_i16(self.error_code.code());
        if version >= 3 {
            out.put_nullable_string(self.error_message, flexible)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DeleteGroupsResponse<'a>, versions 0..=3, flexible 2 }
