//! `ShareGroupMetadataKey`, `ShareGroupMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
}

impl<'a> ShareGroupMetadataKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        Ok(())
    }
}

message! { ShareGroupMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupMetadataValue {
    /// Versions 0+.
    pub epoch: i32,
    /// Versions 0+.
    pub metadata_hash: i64,
}

impl ShareGroupMetadataValue {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.epoch = reader.i32()?;
        this.metadata_hash = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.epoch);
        out.put_i64(self.metadata_hash);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareGroupMetadataValue, versions 0..=0, flexible 0 }
