//! `UnregisterControllerRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnregisterControllerRecord {
    /// Versions 0+.
    pub controller_id: i32,
}

impl UnregisterControllerRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.controller_id = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.controller_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UnregisterControllerRecord, versions 0..=0, flexible 0 }
