//! `EndTxnMarker`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndTxnMarker {
    /// Versions 0+.
    pub coordinator_epoch: i32,
}

impl EndTxnMarker {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.coordinator_epoch = reader.i32()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.coordinator_epoch);
        Ok(())
    }
}

message! { EndTxnMarker, versions 0..=0, flexible i16::MAX }
