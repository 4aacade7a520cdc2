//! `KRaftVersionRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/raft.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KRaftVersionRecord {
    /// Versions 0+.
    pub version: i16,
    /// Versions 0+.
    pub k_raft_version: i16,
}

impl KRaftVersionRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.version = reader.i16()?;
        this.k_raft_version = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i16(self.version);
        out.put_i16(self.k_raft_version);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { KRaftVersionRecord, versions 0..=0, flexible 0 }
