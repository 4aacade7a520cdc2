//! `ConsumerGroupMetadataKey`, `ConsumerGroupMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
}

impl<'a> ConsumerGroupMetadataKey<'a> {
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

message! { ConsumerGroupMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMetadataValue {
    /// Versions 0+.
    pub epoch: i32,
    /// Versions 0+, tag 0.
    pub metadata_hash: i64,
}

impl ConsumerGroupMetadataValue {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.epoch = reader.i32()?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.metadata_hash = reader.i64()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.epoch);
        let has_metadata_hash = self.metadata_hash != 0;
        out.put_unsigned_varint(u32::from(has_metadata_hash));
        if has_metadata_hash {
            out.put_tag(0, |out| {
                out.put_i64(self.metadata_hash);
                Ok(())
            })?;
        }
        Ok(())
    }
}

message! { ConsumerGroupMetadataValue, versions 0..=0, flexible 0 }
