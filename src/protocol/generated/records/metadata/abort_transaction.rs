//! `AbortTransactionRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortTransactionRecord<'a> {
    /// Versions 0+, nullable 0+, tag 0.
    pub reason: Option<&'a str>,
}

impl<'a> AbortTransactionRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        reader.tags(|reader, tag| {
            match tag {
                0 => this.reason = reader.nullable_string(true)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        let has_reason = self.reason.is_some();
        out.put_unsigned_varint(u32::from(has_reason));
        if has_reason {
            out.put_tag(0, |out| out.put_nullable_string(self.reason, true))?;
        }
        Ok(())
    }
}

message! { AbortTransactionRecord<'a>, versions 0..=0, flexible 0 }
