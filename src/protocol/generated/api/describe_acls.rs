//! `DescribeAclsRequest`, `DescribeAclsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_acls.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsRequest<'a> {
    /// Versions 0+.
    pub resource_type_filter: i8,
    /// Versions 0+, nullable 0+.
    pub resource_name_filter: Option<&'a str>,
    /// Versions 1+.
    pub pattern_type_filter: i8,
    /// Versions 0+, nullable 0+.
    pub principal_filter: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub host_filter: Option<&'a str>,
    /// Versions 0+.
    pub operation: i8,
    /// Versions 0+.
    pub permission_type: i8,
}

impl Default for DescribeAclsRequest<'_> {
    fn default() -> Self {
        Self {
            resource_type_filter: Default::default(),
            resource_name_filter: Some(""),
            pattern_type_filter: 3,
            principal_filter: Some(""),
            host_filter: Some(""),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl<'a> DescribeAclsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.resource_type_filter = reader.i8()?;
        this.resource_name_filter = reader.nullable_string(flexible)?;
        this.pattern_type_filter = reader.i8()?;
        this.principal_filter = reader.nullable_string(flexible)?;
        this.host_filter = reader.nullable_string(flexible)?;
        this.operation = reader.i8()?;
        this.permission_type = reader.i8()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 3)?;
        let flexible = version >= 2;
        out.put_i8(self.resource_type_filter);
        out.put_nullable_string(self.resource_name_filter, flexible)?;
        out.put_i8(self.pattern_type_filter);
        out.put_nullable_string(self.principal_filter, flexible)?;
        out.put_nullable_string(self.host_filter, flexible)?;
        out.put_i8(self.operation);
        out.put_i8(self.permission_type);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeAclsRequest<'a>, versions 1..=3, flexible 2 }

request! {
    DescribeAcls,
    DescribeAclsRequest<'a>,
    DescribeAclsResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub resources: Vec<DescribeAclsResource<'a>>,
}

impl Default for DescribeAclsResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
            resources: Default::default(),
        }
    }
}

impl<'a> DescribeAclsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(flexible)?;
        this.resources = reader.array(flexible, 5, |reader| {
            DescribeAclsResource::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 3)?;
        let flexible = version >= 2;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, flexible)?;
        out.put_array(&self.resources, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsResource<'a> {
    /// Versions 0+.
    pub resource_type: i8,
    /// Versions 0+.
    pub resource_name: &'a str,
    /// Versions 1+.
    pub pattern_type: i8,
    /// Versions 0+.
    pub acls: Vec<AclDescription<'a>>,
}

impl Default for DescribeAclsResource<'_> {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            acls: Default::default(),
        }
    }
}

impl<'a> DescribeAclsResource<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.resource_type = reader.i8()?;
        this.resource_name = reader.string(flexible)?;
        this.pattern_type = reader.i8()?;
        this.acls = reader.array(flexible, 5, |reader| {
            AclDescription::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_i8(self.resource_type);
        out.put_string(self.resource_name, flexible)?;
        out.put_i8(self.pattern_type);
        out.put_array(&self.acls, flexible, |out, item| item.encode(out, version))?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AclDescription<'a> {
    /// Versions 0+.
    pub principal: &'a str,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub operation: i8,
    /// Versions 0+.
    pub permission_type: i8,
}

impl<'a> AclDescription<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.principal = reader.string(flexible)?;
        this.host = reader.string(flexible)?;
        this.operation = reader.i8()?;
        this.permission_type = reader.i8()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.principal, flexible)?;
        out.put_string(self.host, flexible)?;
        out.put_i8(self.operation);
        out.put_i8(self.permission_type);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeAclsResponse<'a>, versions 1..=3, flexible 2 }
