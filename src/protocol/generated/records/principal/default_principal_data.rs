//! `DefaultPrincipalData`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/principal.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefaultPrincipalData<'a> {
    /// Versions 0+.
    pub r#type: &'a str,
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub token_authenticated: bool,
}

impl<'a> DefaultPrincipalData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.r#type = reader.string(true)?;
        this.name = reader.string(true)?;
        this.token_authenticated = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.r#type, true)?;
        out.put_string(self.name, true)?;
        out.put_bool(self.token_authenticated);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DefaultPrincipalData<'a>, versions 0..=0, flexible 0 }
