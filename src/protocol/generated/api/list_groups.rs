//! `ListGroupsRequest`, `ListGroupsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/list_groups.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsRequest<'a> {
    /// Versions 4+.
    pub states_filter: Vec<&'a str>,
    /// Versions 5+.
    pub types_filter: Vec<&'a str>,
}

impl<'a> ListGroupsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        if version >= 4 {
            this.states_filter = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        }
        if version >= 5 {
            this.types_filter = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 3;
        if version >= 4 {
            out.put_array(&self.states_filter, flexible, |out, item| {
                out.put_string(item, flexible)
            })?;
        } else {
            absent(self.states_filter.is_empty(), "StatesFilter", version)?;
        }
        if version >= 5 {
            out.put_array(&self.types_filter, flexible, |out, item| {
                out.put_string(item, flexible)
            })?;
        } else {
            absent(self.types_filter.is_empty(), "TypesFilter", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ListGroupsRequest<'a>, versions 0..=5, flexible 3 }

request! {
    ListGroups,
    ListGroupsRequest<'a>,
    ListGroupsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsResponse<'a> {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub groups: Vec<ListedGroup<'a>>,
}

impl<'a> ListGroupsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        if version >= 1 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.groups = reader.array(flexible, 3, |reader| ListedGroup::decode(reader, version))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 3;
        if version >= 1 {
            out.put_i32(self.throttle_time_ms);
        }
        out.put_i16(self.error_code.code());
        out.put_array(&self.groups, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedGroup<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub protocol_type: &'a str,
    /// Versions 4+.
    pub group_state: &'a str,
    /// Versions 5+.
    pub group_type: &'a str,
}

impl<'a> ListedGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(flexible)?);
        this.protocol_type = reader.string(flexible)?;
        if version >= 4 {
            this.group_state = reader.string(flexible)?;
        }
        if version >= 5 {
            this.group_type = reader.string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        out.put_string(self.group_id.0, flexible)?;
        out.put_string(self.protocol_type, flexible)?;
        if version >= 4 {
            out.put_string(self.group_state, flexible)?;
        }
        if version >= 5 {
            out.put_string(self.group_type, flexible)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ListGroupsResponse<'a>, versions 0..=5, flexible 3 }
