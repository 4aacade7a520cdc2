//! `ConsumerGroupRegularExpressionKey`, `ConsumerGroupRegularExpressionValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupRegularExpressionKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
    /// Versions 0.
    pub regular_expression: &'a str,
}

impl<'a> ConsumerGroupRegularExpressionKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        this.regular_expression = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        out.put_string(self.regular_expression, false)?;
        Ok(())
    }
}

message! { ConsumerGroupRegularExpressionKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupRegularExpressionValue<'a> {
    /// Versions 0+.
    pub topics: Vec<&'a str>,
    /// Versions 0+.
    pub version: i64,
    /// Versions 0+.
    pub timestamp: i64,
}

impl<'a> ConsumerGroupRegularExpressionValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.topics = reader.array(true, 1, |reader| reader.string(true))?;
        this.version = reader.i64()?;
        this.timestamp = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_array(&self.topics, true, |out, item| out.put_string(item, true))?;
        out.put_i64(self.version);
        out.put_i64(self.timestamp);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ConsumerGroupRegularExpressionValue<'a>, versions 0..=0, flexible 0 }
