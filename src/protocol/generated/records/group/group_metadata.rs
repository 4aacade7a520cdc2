//! `GroupMetadataKey`, `GroupMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupMetadataKey<'a> {
    /// Versions 0.
    pub group: &'a str,
}

impl<'a> GroupMetadataKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group, false)?;
        Ok(())
    }
}

message! { GroupMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct GroupMetadataValue<'a> {
    /// Versions 0+.
    pub protocol_type: &'a str,
    /// Versions 0+.
    pub generation: i32,
    /// Versions 0+, nullable 0+.
    pub protocol: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub leader: Option<&'a str>,
    /// Versions 2+.
    pub current_state_timestamp: i64,
    /// Versions 0+.
    pub members: Vec<MemberMetadata<'a>>,
}

impl Default for GroupMetadataValue<'_> {
    fn default() -> Self {
        Self {
            protocol_type: Default::default(),
            generation: Default::default(),
            protocol: Some(""),
            leader: Some(""),
            current_state_timestamp: -1,
            members: Default::default(),
        }
    }
}

impl<'a> GroupMetadataValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.protocol_type = reader.string(flexible)?;
        this.generation = reader.i32()?;
        this.protocol = reader.nullable_string(flexible)?;
        this.leader = reader.nullable_string(flexible)?;
        if version >= 2 {
            this.current_state_timestamp = reader.i64()?;
        }
        this.members = reader.array(flexible, 15, |reader| {
            MemberMetadata::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        let flexible = version >= 4;
        out.put_string(self.protocol_type, flexible)?;
        out.put_i32(self.generation);
        out.put_nullable_string(self.protocol, flexible)?;
        out.put_nullable_string(self.leader, flexible)?;
        if version >= 2 {
            out.put_i64(self.current_state_timestamp);
        }
        out.put_array(&self.members, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MemberMetadata<'a> {
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 3+, nullable 3+.
    pub group_instance_id: Option<&'a str>,
    /// Versions 0+.
    pub client_id: &'a str,
    /// Versions 0+.
    pub client_host: &'a str,
    /// Versions 1+.
    pub rebalance_timeout: i32,
    /// Versions 0+.
    pub session_timeout: i32,
    /// Versions 0+.
    pub subscription: &'a [u8],
    /// Versions 0+.
    pub assignment: &'a [u8],
}

impl Default for MemberMetadata<'_> {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            group_instance_id: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            rebalance_timeout: -1,
            session_timeout: Default::default(),
            subscription: Default::default(),
            assignment: Default::default(),
        }
    }
}

impl<'a> MemberMetadata<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut this = Self::default();
        this.member_id = reader.string(flexible)?;
        if version >= 3 {
            this.group_instance_id = reader.nullable_string(flexible)?;
        }
        this.client_id = reader.string(flexible)?;
        this.client_host = reader.string(flexible)?;
        if version >= 1 {
            this.rebalance_timeout = reader.i32()?;
        }
        this.session_timeout = reader.i32()?;
        this.subscription = reader.bytes(flexible)?;
        this.assignment = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        out.put_string(self.member_id, flexible)?;
        if version >= 3 {
            out.put_nullable_string(self.group_instance_id, flexible)?;
        }
        out.put_string(self.client_id, flexible)?;
        out.put_string(self.client_host, flexible)?;
        if version >= 1 {
            out.put_i32(self.rebalance_timeout);
        }
        out.put_i32(self.session_timeout);
        out.put_bytes(self.subscription, flexible);
        out.put_bytes(self.assignment, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { GroupMetadataValue<'a>, versions 0..=4, flexible 4 }
