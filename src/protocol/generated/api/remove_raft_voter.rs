//! `RemoveRaftVoterRequest`, `RemoveRaftVoterResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/remove_raft_voter.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct RemoveRaftVoterRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub cluster_id: Option<&'a str>,
    /// Versions 0+.
    pub voter_id: i32,
    /// Versions 0+.
    pub voter_directory_id: Uuid,
}

impl Default for RemoveRaftVoterRequest<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Some(""),
            voter_id: Default::default(),
            voter_directory_id: Default::default(),
        }
    }
}

impl<'a> RemoveRaftVoterRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.cluster_id = reader.nullable_string(true)?;
        this.voter_id = reader.i32()?;
        this.voter_directory_id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_nullable_string(self.cluster_id, true)?;
        out.put_i32(self.voter_id);
        out.put_uuid(self.voter_directory_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { RemoveRaftVoterRequest<'a>, versions 0..=0, flexible 0 }

request! {
    RemoveRaftVoter,
    RemoveRaftVoterRequest<'a>,
    RemoveRaftVoterResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct RemoveRaftVoterResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for RemoveRaftVoterResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> RemoveRaftVoterResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { RemoveRaftVoterResponse<'a>, versions 0..=0, flexible 0 }
