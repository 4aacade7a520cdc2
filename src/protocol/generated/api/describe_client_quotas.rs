//! `DescribeClientQuotasRequest`, `DescribeClientQuotasResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_client_quotas.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClientQuotasRequest<'a> {
    /// Versions 0+.
    pub components: Vec<ComponentData<'a>>,
    /// Versions 0+.
    pub strict: bool,
}

impl<'a> DescribeClientQuotasRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.components =
            reader.array(flexible, 4, |reader| ComponentData::decode(reader, version))?;
        this.strict = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_array(&self.components, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_bool(self.strict);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ComponentData<'a> {
    /// Versions 0+.
    pub entity_type: &'a str,
    /// Versions 0+.
    pub match_type: i8,
    /// Versions 0+, nullable 0+.
    pub r#match: Option<&'a str>,
}

impl Default for ComponentData<'_> {
    fn default() -> Self {
        Self {
            entity_type: Default::default(),
            match_type: Default::default(),
            r#match: Some(""),
        }
    }
}

impl<'a> ComponentData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.entity_type = reader.string(flexible)?;
        this.match_type = reader.i8()?;
        this.r#match = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_string(self.entity_type, flexible)?;
        out.put_i8(self.match_type);
        out.put_nullable_string(self.r#match, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeClientQuotasRequest<'a>, versions 0..=1, flexible 1 }

request! {
    DescribeClientQuotas,
    DescribeClientQuotasRequest<'a>,
    DescribeClientQuotasResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClientQuotasResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub entries: Option<Vec<EntryData<'a>>>,
}

impl Default for DescribeClientQuotasResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
            entries: Some(Vec::new()),
        }
    }
}

impl<'a> DescribeClientQuotasResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(flexible)?;
        this.entries =
            reader.nullable_array(flexible, 3, |reader| EntryData::decode(reader, version))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, flexible)?;
        out.put_nullable_array(self.entries.as_deref(), flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryData<'a> {
    /// Versions 0+.
    pub entity: Vec<EntityData<'a>>,
    /// Versions 0+.
    pub values: Vec<ValueData<'a>>,
}

impl<'a> EntryData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.entity = reader.array(flexible, 3, |reader| EntityData::decode(reader, version))?;
        this.values = reader.array(flexible, 10, |reader| ValueData::decode(reader, version))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_array(&self.entity, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.values, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EntityData<'a> {
    /// Versions 0+.
    pub entity_type: &'a str,
    /// Versions 0+, nullable 0+.
    pub entity_name: Option<&'a str>,
}

impl Default for EntityData<'_> {
    fn default() -> Self {
        Self {
            entity_type: Default::default(),
            entity_name: Some(""),
        }
    }
}

impl<'a> EntityData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.entity_type = reader.string(flexible)?;
        this.entity_name = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_string(self.entity_type, flexible)?;
        out.put_nullable_string(self.entity_name, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueData<'a> {
    /// Versions 0+.
    pub key: &'a str,
    /// Versions 0+.
    pub value: f64,
}

impl<'a> ValueData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.key = reader.string(flexible)?;
        this.value = reader.f64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_string(self.key, flexible)?;
        out.put_f64(self.value);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { DescribeClientQuotasResponse<'a>, versions 0..=1, flexible 1 }
