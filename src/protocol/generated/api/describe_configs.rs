//! `DescribeConfigsRequest`, `DescribeConfigsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_configs.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsRequest<'a> {
    /// Versions 0+.
    pub resources: Vec<DescribeConfigsResource<'a>>,
    /// Versions 1+.
    pub include_synonyms: bool,
    /// Versions 3+.
    pub include_documentation: bool,
}

impl<'a> DescribeConfigsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.resources = reader.array(flexible, 4, |reader| {
            DescribeConfigsResource::decode(reader, version)
        })?;
        this.include_synonyms = reader.bool()?;
        if version >= 3 {
            this.include_documentation = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 4)?;
        let flexible = version >= 4;
        out.put_array(&self.resources, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_bool(self.include_synonyms);
        if version >= 3 {
            out.put_bool(self.include_documentation);
        } else {
            absent(!self.include_documentation, "IncludeDocumentation", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResource<'a> {
    /// Versions 0+.
    pub resource_type: i8,
    /// Versions 0+.
    pub resource_name: &'a str,
    /// Versions 0+, nullable 0+.
    pub configuration_keys: Option<Vec<&'a str>>,
}

impl Default for DescribeConfigsResource<'_> {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            configuration_keys: Some(Vec::new()),
        }
    }
}

impl<'a> DescribeConfigsResource<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.resource_type = reader.i8()?;
        this.resource_name = reader.string(flexible)?;
        this.configuration_keys =
            reader.nullable_array(flexible, 1, |reader| reader.string(flexible))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_i8(self.resource_type);
        out.put_string(self.resource_name, flexible)?;
        out.put_nullable_array(self.configuration_keys.as_deref(), flexible, |out, item| {
            out.put_string(item, flexible)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeConfigsRequest<'a>, versions 1..=4, flexible 4 }

request! {
    DescribeConfigs,
    DescribeConfigsRequest<'a>,
    DescribeConfigsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub results: Vec<DescribeConfigsResult<'a>>,
}

impl<'a> DescribeConfigsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.results = reader.array(flexible, 7, |reader| {
            DescribeConfigsResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 4)?;
        let flexible = version >= 4;
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

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResult<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub resource_type: i8,
    /// Versions 0+.
    pub resource_name: &'a str,
    /// Versions 0+.
    pub configs: Vec<DescribeConfigsResourceResult<'a>>,
}

impl Default for DescribeConfigsResult<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(""),
            resource_type: Default::default(),
            resource_name: Default::default(),
            configs: Default::default(),
        }
    }
}

impl<'a> DescribeConfigsResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(flexible)?;
        this.resource_type = reader.i8()?;
        this.resource_name = reader.string(flexible)?;
        this.configs = reader.array(flexible, 9, |reader| {
            DescribeConfigsResourceResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, flexible)?;
        out.put_i8(self.resource_type);
        out.put_string(self.resource_name, flexible)?;
        out.put_array(&self.configs, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResourceResult<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+, nullable 0+.
    pub value: Option<&'a str>,
    /// Versions 0+.
    pub read_only: bool,
    /// Versions 1+.
    pub config_source: i8,
    /// Versions 0+.
    pub is_sensitive: bool,
    /// Versions 1+.
    pub synonyms: Vec<DescribeConfigsSynonym<'a>>,
    /// Versions 3+.
    pub config_type: i8,
    /// Versions 3+, nullable 0+.
    pub documentation: Option<&'a str>,
}

impl Default for DescribeConfigsResourceResult<'_> {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Some(""),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
            synonyms: Default::default(),
            config_type: Default::default(),
            documentation: Some(""),
        }
    }
}

impl<'a> DescribeConfigsResourceResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.name = reader.string(flexible)?;
        this.value = reader.nullable_string(flexible)?;
        this.read_only = reader.bool()?;
        this.config_source = reader.i8()?;
        this.is_sensitive = reader.bool()?;
        this.synonyms = reader.array(flexible, 4, |reader| {
            DescribeConfigsSynonym::decode(reader, version)
        })?;
        if version >= 3 {
            this.config_type = reader.i8()?;
        }
        if version >= 3 {
            this.documentation = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.name, flexible)?;
        out.put_nullable_string(self.value, flexible)?;
        out.put_bool(self.read_only);
        out.put_i8(self.config_source);
        out.put_bool(self.is_sensitive);
        out.put_array(&self.synonyms, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 3 {
            out.put_i8(self.config_type);
        }
        if version >= 3 {
            out.put_nullable_string(self.documentation, flexible)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsSynonym<'a> {
    /// Versions 1+.
    pub name: &'a str,
    /// Versions 1+, nullable 0+.
    pub value: Option<&'a str>,
    /// Versions 1+.
    pub source: i8,
}

impl Default for DescribeConfigsSynonym<'_> {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Some(""),
            source: Default::default(),
        }
    }
}

impl<'a> DescribeConfigsSynonym<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.name = reader.string(flexible)?;
        this.value = reader.nullable_string(flexible)?;
        this.source = reader.i8()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.name, flexible)?;
        out.put_nullable_string(self.value, flexible)?;
        out.put_i8(self.source);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeConfigsResponse<'a>, versions 1..=4, flexible 4 }
