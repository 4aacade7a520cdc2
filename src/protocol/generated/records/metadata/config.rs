//! `ConfigRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ConfigRecord<'a> {
    /// Versions 0+.
    pub resource_type: i8,
    /// Versions 0+.
    pub resource_name: &'a str,
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+, nullable 0+.
    pub value: Option<&'a str>,
}

impl Default for ConfigRecord<'_> {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            name: Default::default(),
            value: Some(""),
        }
    }
}

impl<'a> ConfigRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.resource_type = reader.i8()?;
        this.resource_name = reader.string(true)?;
        this.name = reader.string(true)?;
        this.value = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i8(self.resource_type);
        out.put_string(self.resource_name, true)?;
        out.put_string(self.name, true)?;
        out.put_nullable_string(self.value, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ConfigRecord<'a>, versions 0..=0, flexible 0 }
