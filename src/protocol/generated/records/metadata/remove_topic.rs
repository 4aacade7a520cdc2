//! `RemoveTopicRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoveTopicRecord {
    /// Versions 0+.
    pub topic_id: Uuid,
}

impl RemoveTopicRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_uuid(self.topic_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { RemoveTopicRecord, versions 0..=0, flexible 0 }
