//! `SnapshotHeaderRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/raft.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotHeaderRecord {
    /// Versions 0+.
    pub version: i16,
    /// Versions 0+.
    pub last_contained_log_timestamp: i64,
}

impl SnapshotHeaderRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.version = reader.i16()?;
        this.last_contained_log_timestamp = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i16(self.version);
        out.put_i64(self.last_contained_log_timestamp);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { SnapshotHeaderRecord, versions 0..=0, flexible 0 }
