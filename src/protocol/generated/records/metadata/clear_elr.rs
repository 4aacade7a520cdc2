//! `ClearElrRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClearElrRecord<'a> {
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
}

impl<'a> ClearElrRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.topic_name = TopicName(reader.string(true)?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.topic_name.0, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ClearElrRecord<'a>, versions 0..=0, flexible 0 }
