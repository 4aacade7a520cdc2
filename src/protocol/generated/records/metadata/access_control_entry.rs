//! `AccessControlEntryRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessControlEntryRecord<'a> {
    /// Versions 0+.
    pub id: Uuid,
    /// Versions 0+.
    pub resource_type: i8,
    /// Versions 0+.
    pub resource_name: &'a str,
    /// Versions 0+.
    pub pattern_type: i8,
    /// Versions 0+.
    pub principal: &'a str,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub operation: i8,
    /// Versions 0+.
    pub permission_type: i8,
}

impl<'a> AccessControlEntryRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.id = reader.uuid()?;
        this.resource_type = reader.i8()?;
        this.resource_name = reader.string(true)?;
        this.pattern_type = reader.i8()?;
        this.principal = reader.string(true)?;
        this.host = reader.string(true)?;
        this.operation = reader.i8()?;
        this.permission_type = reader.i8()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_uuid(self.id);
        out.put_i8(self.resource_type);
        out.put_string(self.resource_name, true)?;
        out.put_i8(self.pattern_type);
        out.put_string(self.principal, true)?;
        out.put_string(self.host, true)?;
        out.put_i8(self.operation);
        out.put_i8(self.permission_type);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AccessControlEntryRecord<'a>, versions 0..=0, flexible 0 }
