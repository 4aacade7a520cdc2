//! `FeatureLevelRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureLevelRecord<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub feature_level: i16,
}

impl<'a> FeatureLevelRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.feature_level = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.name, true)?;
        out.put_i16(self.feature_level);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { FeatureLevelRecord<'a>, versions 0..=0, flexible 0 }
