//! `LegacyOffsetCommitKey`, `LegacyOffsetCommitValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegacyOffsetCommitKey<'a> {
    /// Versions 0.
    pub group: &'a str,
    /// Versions 0.
    pub topic: &'a str,
    /// Versions 0.
    pub partition: i32,
}

impl<'a> LegacyOffsetCommitKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group = reader.string(false)?;
        this.topic = reader.string(false)?;
        this.partition = reader.i32()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group, false)?;
        out.put_string(self.topic, false)?;
        out.put_i32(self.partition);
        Ok(())
    }
}

message! { LegacyOffsetCommitKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegacyOffsetCommitValue<'a> {
    /// Versions 0.
    pub offset: i64,
    /// Versions 0.
    pub metadata: &'a str,
    /// Versions 0.
    pub commit_timestamp: i64,
}

impl<'a> LegacyOffsetCommitValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.offset = reader.i64()?;
        this.metadata = reader.string(false)?;
        this.commit_timestamp = reader.i64()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i64(self.offset);
        out.put_string(self.metadata, false)?;
        out.put_i64(self.commit_timestamp);
        Ok(())
    }
}

message! { LegacyOffsetCommitValue<'a>, versions 0..=0, flexible i16::MAX }
