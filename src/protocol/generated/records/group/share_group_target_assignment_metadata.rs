//! `ShareGroupTargetAssignmentMetadataKey`, `ShareGroupTargetAssignmentMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupTargetAssignmentMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
}

impl<'a> ShareGroupTargetAssignmentMetadataKey<'a> {
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

message! { ShareGroupTargetAssignmentMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupTargetAssignmentMetadataValue {
    /// Versions 0+.
    pub assignment_epoch: i32,
    /// Versions 0+, tag 0.
    pub assignment_timestamp: i64,
}

impl ShareGroupTargetAssignmentMetadataValue {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.assignment_epoch = reader.i32()?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.assignment_timestamp = reader.i64()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.assignment_epoch);
        let has_assignment_timestamp = self.assignment_timestamp != 0;
        out.put_unsigned_varint(u32::from(has_assignment_timestamp));
        if has_assignment_timestamp {
            out.put_tag(0, |out| {
                out.put_i64(self.assignment_timestamp);
                Ok(())
            })?;
        }
        Ok(())
    }
}

message! { ShareGroupTargetAssignmentMetadataValue, versions 0..=0, flexible 0 }
