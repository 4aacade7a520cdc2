//! `LeaderChangeMessage`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/raft.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderChangeMessage {
    /// Versions 0+.
    pub version: i16,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub voters: Vec<Voter>,
    /// Versions 0+.
    pub granting_voters: Vec<Voter>,
}

impl LeaderChangeMessage {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.version = reader.i16()?;
        this.leader_id = BrokerId(reader.i32()?);
        this.voters = reader.array(true, 5, |reader| Voter::decode(reader, version))?;
        this.granting_voters = reader.array(true, 5, |reader| Voter::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i16(self.version);
        out.put_i32(self.leader_id.0);
        out.put_array(&self.voters, true, |out, item| item.encode(out, version))?;
        out.put_array(&self.granting_voters, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voter {
    /// Versions 0+.
    pub voter_id: i32,
    /// Versions 1+.
    pub voter_directory_id: Uuid,
}

impl Voter {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.voter_id = reader.i32()?;
        if version >= 1 {
            this.voter_directory_id = reader.uuid()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.voter_id);
        if version >= 1 {
            out.put_uuid(self.voter_directory_id);
        } else {
            absent(
                self.voter_directory_id.is_zero(),
                "VoterDirectoryId",
                version,
            )?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { LeaderChangeMessage, versions 0..=1, flexible 0 }
