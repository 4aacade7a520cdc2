//! `ControlRecordTypeSchema`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlRecordTypeSchema {
    /// Versions 0+.
    pub r#type: i16,
}

impl ControlRecordTypeSchema {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.r#type = reader.i16()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i16(self.r#type);
        Ok(())
    }
}

message! { ControlRecordTypeSchema, versions 0..=0, flexible i16::MAX }
