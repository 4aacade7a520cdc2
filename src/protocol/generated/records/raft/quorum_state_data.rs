//! `QuorumStateData`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/raft.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct QuorumStateData<'a> {
    /// Versions 0.
    pub cluster_id: &'a str,
    /// Versions 0+.
    pub leader_id: i32,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub voted_id: i32,
    /// Versions 1+.
    pub voted_directory_id: Uuid,
    /// Versions 0.
    pub applied_offset: i64,
    /// Versions 0, nullable 0.
    pub current_voters: Option<Vec<Voter>>,
}

impl Default for QuorumStateData<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            leader_id: -1,
            leader_epoch: -1,
            voted_id: -1,
            voted_directory_id: Default::default(),
            applied_offset: Default::default(),
            current_voters: Some(Vec::new()),
        }
    }
}

impl<'a> QuorumStateData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        if version <= 0 {
            this.cluster_id = reader.string(true)?;
        }
        this.leader_id = reader.i32()?;
        this.leader_epoch = reader.i32()?;
        this.voted_id = reader.i32()?;
        if version >= 1 {
            this.voted_directory_id = reader.uuid()?;
        }
        if version <= 0 {
            this.applied_offset = reader.i64()?;
        }
        if version <= 0 {
            this.current_voters =
                reader.nullable_array(true, 5, |reader| Voter::decode(reader, version))?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        if version <= 0 {
            out.put_string(self.cluster_id, true)?;
        } else {
            absent(self.cluster_id.is_empty(), "ClusterId", version)?;
        }
        out.put_i32(self.leader_id);
        out.put_i32(self.leader_epoch);
        out.put_i32(self.voted_id);
        if version >= 1 {
            out.put_uuid(self.voted_directory_id);
        } else {
            absent(
                self.voted_directory_id.is_zero(),
                "VotedDirectoryId",
                version,
            )?;
        }
        if version <= 0 {
            out.put_i64(self.applied_offset);
        } else {
            absent(self.applied_offset == 0, "AppliedOffset", version)?;
        }
        if version <= 0 {
            out.put_nullable_array(self.current_voters.as_deref(), true, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(
                self.current_voters.as_ref().is_some_and(Vec::is_empty),
                "CurrentVoters",
                version,
            )?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voter {
    /// Versions 0.
    pub voter_id: i32,
}

impl Voter {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.voter_id = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.voter_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { QuorumStateData<'a>, versions 0..=1, flexible 0 }
