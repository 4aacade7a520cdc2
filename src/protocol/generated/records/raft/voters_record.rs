//! `VotersRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/raft.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct VotersRecord<'a> {
    /// Versions 0+.
    pub version: i16,
    /// Versions 0+.
    pub voters: Vec<Voter<'a>>,
}

impl<'a> VotersRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.version = reader.i16()?;
        this.voters = reader.array(true, 27, |reader| Voter::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i16(self.version);
        out.put_array(&self.voters, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voter<'a> {
    /// Versions 0+.
    pub voter_id: BrokerId,
    /// Versions 0+.
    pub voter_directory_id: Uuid,
    /// Versions 0+.
    pub endpoints: Vec<Endpoint<'a>>,
    /// Versions 0+.
    pub k_raft_version_feature: KRaftVersionFeature,
}

impl<'a> Voter<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.voter_id = BrokerId(reader.i32()?);
        this.voter_directory_id = reader.uuid()?;
        this.endpoints = reader.array(true, 5, |reader| Endpoint::decode(reader, version))?;
        this.k_raft_version_feature = KRaftVersionFeature::decode(reader, version)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.voter_id.0);
        out.put_uuid(self.voter_directory_id);
        out.put_array(&self.endpoints, true, |out, item| item.encode(out, version))?;
        self.k_raft_version_feature.encode(out, version)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
}

impl<'a> Endpoint<'a> {
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

message! { VotersRecord<'a>, versions 0..=0, flexible 0 }
