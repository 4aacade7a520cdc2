//! `AbortedTxn`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortedTxn {
    /// Versions 0+.
    pub producer_id: i64,
    /// Versions 0+.
    pub first_offset: i64,
    /// Versions 0+.
    pub last_offset: i64,
    /// Versions 0+.
    pub last_stable_offset: i64,
}

impl AbortedTxn {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.producer_id = reader.i64()?;
        this.first_offset = reader.i64()?;
        this.last_offset = reader.i64()?;
        this.last_stable_offset = reader.i64()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i64(self.producer_id);
        out.put_i64(self.first_offset);
        out.put_i64(self.last_offset);
        out.put_i64(self.last_stable_offset);
        Ok(())
    }
}

message! { AbortedTxn, versions 0..=0, flexible i16::MAX }
