//! `UserScramCredentialRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserScramCredentialRecord<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub mechanism: i8,
    /// Versions 0+.
    pub salt: &'a [u8],
    /// Versions 0+.
    pub stored_key: &'a [u8],
    /// Versions 0+.
    pub server_key: &'a [u8],
    /// Versions 0+.
    pub iterations: i32,
}

impl<'a> UserScramCredentialRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.mechanism = reader.i8()?;
        this.salt = reader.bytes(true)?;
        this.stored_key = reader.bytes(true)?;
        this.server_key = reader.bytes(true)?;
        this.iterations = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.name, true)?;
        out.put_i8(self.mechanism);
        out.put_bytes(self.salt, true);
        out.put_bytes(self.stored_key, true);
        out.put_bytes(self.server_key, true);
        out.put_i32(self.iterations);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UserScramCredentialRecord<'a>, versions 0..=0, flexible 0 }
