//! `RemoveDelegationTokenRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoveDelegationTokenRecord<'a> {
    /// Versions 0+.
    pub token_id: &'a str,
}

impl<'a> RemoveDelegationTokenRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.token_id = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.token_id, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { RemoveDelegationTokenRecord<'a>, versions 0..=0, flexible 0 }
