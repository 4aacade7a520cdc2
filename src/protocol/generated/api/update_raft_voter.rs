//! `UpdateRaftVoterRequest`, `UpdateRaftVoterResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/update_raft_voter.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRaftVoterRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub cluster_id: Option<&'a str>,
    /// Versions 0+.
    pub current_leader_epoch: i32,
    /// Versions 0+.
    pub voter_id: i32,
    /// Versions 0+.
    pub voter_directory_id: Uuid,
    /// Versions 0+.
    pub listeners: Vec<Listener<'a>>,
    /// Versions 0+.
    pub k_raft_version_feature: KRaftVersionFeature,
}

impl Default for UpdateRaftVoterRequest<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Some(""),
            current_leader_epoch: Default::default(),
            voter_id: Default::default(),
            voter_directory_id: Default::default(),
            listeners: Default::default(),
            k_raft_version_feature: Default::default(),
        }
    }
}

impl<'a> UpdateRaftVoterRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.cluster_id = reader.nullable_string(true)?;
        this.current_leader_epoch = reader.i32()?;
        this.voter_id = reader.i32()?;
        this.voter_directory_id = reader.uuid()?;
        this.listeners = reader.array(true, 5, |reader| Listener::decode(reader, version))?;
        this.k_raft_version_feature = KRaftVersionFeature::decode(reader, version)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_nullable_string(self.cluster_id, true)?;
        out.put_i32(self.current_leader_epoch);
        out.put_i32(self.voter_id);
        out.put_uuid(self.voter_directory_id);
        out.put_array(&self.listeners, true, |out, item| item.encode(out, version))?;
        self.k_raft_version_feature.encode(out, version)?;
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KRaftVersionFeature {
    /// Versions 0+.
    pub min_supported_version: i16,
    /// Versions 0+.
    pub max_supported_version: i16,
}

impl KRaftVersionFeature {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.min_supported_version = reader.i16()?;
        this.max_supported_version = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i16(self.min_supported_version);
        out.put_i16(self.max_supported_version);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UpdateRaftVoterRequest<'a>, versions 0..=0, flexible 0 }

request! {
    UpdateRaftVoter,
    UpdateRaftVoterRequest<'a>,
    UpdateRaftVoterResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateRaftVoterResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, tag 0.
    pub current_leader: CurrentLeader<'a>,
}

impl<'a> UpdateRaftVoterResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        reader.tags(|reader, tag| {
            match tag {
                0 => this.current_leader = CurrentLeader::decode(reader, version)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        let has_current_leader = self.current_leader != CurrentLeader::default();
        out.put_unsigned_varint(u32::from(has_current_leader));
        if has_current_leader {
            out.put_tag(0, |out| self.current_leader.encode(out, version))?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CurrentLeader<'a> {
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: i32,
}

impl Default for CurrentLeader<'_> {
    fn default() -> Self {
        Self {
            leader_id: BrokerId(-1),
            leader_epoch: -1,
            host: Default::default(),
            port: Default::default(),
        }
    }
}

impl<'a> CurrentLeader<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        this.host = reader.string(true)?;
        this.port = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        out.put_string(self.host, true)?;
        out.put_i32(self.port);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UpdateRaftVoterResponse<'a>, versions 0..=0, flexible 0 }
