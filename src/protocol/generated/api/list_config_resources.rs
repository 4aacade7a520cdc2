//! `ListConfigResourcesRequest`, `ListConfigResourcesResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/list_config_resources.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfigResourcesRequest {
    /// Versions 1+.
    pub resource_types: Vec<i8>,
}

impl ListConfigResourcesRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        if version >= 1 {
            this.resource_types = reader.array(true, 1, Reader::i8)?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        if version >= 1 {
            out.put_array(&self.resource_types, true, |out, item| {
                out.put_i8(*item);
                Ok(())
            })?;
        } else {
            absent(self.resource_types.is_empty(), "ResourceTypes", version)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ListConfigResourcesRequest, versions 0..=1, flexible 0 }

request! {
    ListConfigResources,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfigResourcesResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub config_resources: Vec<ConfigResource<'a>>,
}

impl<'a> ListConfigResourcesResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.config_resources =
            reader.array(true, 2, |reader| ConfigResource::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_array(&self.config_resources, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConfigResource<'a> {
    /// Versions 0+.
    pub resource_name: &'a str,
    /// Versions 1+.
    pub resource_type: i8,
}

impl Default for ConfigResource<'_> {
    fn default() -> Self {
        Self {
            resource_name: Default::default(),
            resource_type: 16,
        }
    }
}

impl<'a> ConfigResource<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.resource_name = reader.string(true)?;
        if version >= 1 {
            this.resource_type = reader.i8()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.resource_name, true)?;
        if version >= 1 {
            out.put_i8(self.resource_type);
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ListConfigResourcesResponse<'a>, versions 0..=1, flexible 0 }
