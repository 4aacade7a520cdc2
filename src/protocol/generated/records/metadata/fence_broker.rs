//! `FenceBrokerRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FenceBrokerRecord {
    /// Versions 0+.
    pub id: BrokerId,
    /// Versions 0+.
    pub epoch: i64,
}

impl FenceBrokerRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.id = BrokerId(reader.i32()?);
        this.epoch = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.id.0);
        out.put_i64(self.epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { FenceBrokerRecord, versions 0..=0, flexible 0 }
