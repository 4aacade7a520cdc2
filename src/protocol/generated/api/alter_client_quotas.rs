//! `AlterClientQuotasRequest`, `AlterClientQuotasResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/alter_client_quotas.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasRequest<'a> {
    /// Versions 0+.
    pub entries: Vec<AlterClientQuotasRequestEntryData<'a>>,
    /// Versions 0+.
    pub validate_only: bool,
}

impl<'a> AlterClientQuotasRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.entries = reader.array(flexible, 3, |reader| {
            AlterClientQuotasRequestEntryData::decode(reader, version)
        })?;
        this.validate_only = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_array(&self.entries, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_bool(self.validate_only);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasRequestEntryData<'a> {
    /// Versions 0+.
    pub entity: Vec<AlterClientQuotasRequestEntityData<'a>>,
    /// Versions 0+.
    pub ops: Vec<OpData<'a>>,
}

impl<'a> AlterClientQuotasRequestEntryData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.entity = reader.array(flexible, 3, |reader| {
            AlterClientQuotasRequestEntityData::decode(reader, version)
        })?;
        this.ops = reader.array(flexible, 11, |reader| OpData::decode(reader, version))?;
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
        out.put_array(&self.ops, flexible, |out, item| item.encode(out, version))?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterClientQuotasRequestEntityData<'a> {
    /// Versions 0+.
    pub entity_type: &'a str,
    /// Versions 0+, nullable 0+.
    pub entity_name: Option<&'a str>,
}

impl Default for AlterClientQuotasRequestEntityData<'_> {
    fn default() -> Self {
        Self {
            entity_type: Default::default(),
            entity_name: Some(""),
        }
    }
}

impl<'a> AlterClientQuotasRequestEntityData<'a> {
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
pub struct OpData<'a> {
    /// Versions 0+.
    pub key: &'a str,
    /// Versions 0+.
    pub value: f64,
    /// Versions 0+.
    pub remove: bool,
}

impl<'a> OpData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.key = reader.string(flexible)?;
        this.value = reader.f64()?;
        this.remove = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_string(self.key, flexible)?;
        out.put_f64(self.value);
        out.put_bool(self.remove);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { AlterClientQuotasRequest<'a>, versions 0..=1, flexible 1 }

request! {
    AlterClientQuotas,
    AlterClientQuotasRequest<'a>,
    AlterClientQuotasResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub entries: Vec<AlterClientQuotasResponseEntryData<'a>>,
}

impl<'a> AlterClientQuotasResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.entries = reader.array(flexible, 5, |reader| {
            AlterClientQuotasResponseEntryData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.entries, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterClientQuotasResponseEntryData<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub entity: Vec<AlterClientQuotasResponseEntityData<'a>>,
}

impl Default for AlterClientQuotasResponseEntryData<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(""),
            entity: Default::default(),
        }
    }
}

impl<'a> AlterClientQuotasResponseEntryData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(flexible)?;
        this.entity = reader.array(flexible, 3, |reader| {
            AlterClientQuotasResponseEntityData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, flexible)?;
        out.put_array(&self.entity, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterClientQuotasResponseEntityData<'a> {
    /// Versions 0+.
    pub entity_type: &'a str,
    /// Versions 0+, nullable 0+.
    pub entity_name: Option<&'a str>,
}

impl Default for AlterClientQuotasResponseEntityData<'_> {
    fn default() -> Self {
        Self {
            entity_type: Default::default(),
            entity_name: Some(""),
        }
    }
}

impl<'a> AlterClientQuotasResponseEntityData<'a> {
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

message! { AlterClientQuotasResponse<'a>, versions 0..=1, flexible 1 }
