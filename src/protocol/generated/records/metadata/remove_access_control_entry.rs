//! `RemoveAccessControlEntryRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoveAccessControlEntryRecord {
    /// Versions 0+.
    pub id: Uuid,
}

impl RemoveAccessControlEntryRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_uuid(self.id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { RemoveAccessControlEntryRecord, versions 0..=0, flexible 0 }
