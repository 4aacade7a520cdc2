//! `AddRaftVoterRequest`, `AddRaftVoterResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/add_raft_voter.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct AddRaftVoterRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub cluster_id: Option<&'a str>,
    /// Versions 0+.
    pub timeout_ms: i32,
    /// Versions 0+.
    pub voter_id: i32,
    /// Versions 0+.
    pub voter_directory_id: Uuid,
    /// Versions 0+.
    pub listeners: Vec<Listener<'a>>,
    /// Versions 1+.
    pub ack_when_committed: bool,
}

impl Default for AddRaftVoterRequest<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Some(""),
            timeout_ms: Default::default(),
            voter_id: Default::default(),
            voter_directory_id: Default::default(),
            listeners: Default::default(),
            ack_when_committed: true,
        }
    }
}

impl<'a> AddRaftVoterRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.cluster_id = reader.nullable_string(true)?;
        this.timeout_ms = reader.i32()?;
        this.voter_id = reader.i32()?;
        this.voter_directory_id = reader.uuid()?;
        this.listeners = reader.array(true, 5, |reader| Listener::decode(reader, version))?;
        if version >= 1 {
            this.ack_when_committed = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_nullable_string(self.cluster_id, true)?;
        out.put_i32(self.timeout_ms);
        out.put_i32(self.voter_id);
        out.put_uuid(self.voter_directory_id);
        out.put_array(&self.listeners, true, |out, item| item.encode(out, version))?;
        if version >= 1 {
            out.put_bool(self.ack_when_committed);
        } else {
            absent(self.ack_when_committed, "AckWhenCommitted", version)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listener<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
}

impl<'a> Listener<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.host = reader.string(true)?;
        this.port = reader.u16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_string(self.host, true)?;
        out.put_u16(self.port);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AddRaftVoterRequest<'a>, versions 0..=1, flexible 0 }

request! {
    AddRaftVoter,
    AddRaftVoterRequest<'a>,
    AddRaftVoterResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddRaftVoterResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for AddRaftVoterResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> AddRaftVoterResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AddRaftVoterResponse<'a>, versions 0..=1, flexible 0 }
