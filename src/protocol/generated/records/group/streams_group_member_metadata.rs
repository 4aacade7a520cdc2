//! `StreamsGroupMemberMetadataKey`, `StreamsGroupMemberMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupMemberMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
    /// Versions 0.
    pub member_id: &'a str,
}

impl<'a> StreamsGroupMemberMetadataKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        this.member_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        out.put_string(self.member_id, false)?;
        Ok(())
    }
}

message! { StreamsGroupMemberMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupMemberMetadataValue<'a> {
    /// Versions 0+, nullable 0+.
    pub instance_id: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub rack_id: Option<&'a str>,
    /// Versions 0+.
    pub client_id: &'a str,
    /// Versions 0+.
    pub client_host: &'a str,
    /// Versions 0+.
    pub rebalance_timeout_ms: i32,
    /// Versions 0+.
    pub topology_epoch: i32,
    /// Versions 0+.
    pub process_id: &'a str,
    /// Versions 0+, nullable 0+.
    pub user_endpoint: Option<Endpoint<'a>>,
    /// Versions 0+.
    pub client_tags: Vec<KeyValue<'a>>,
}

impl Default for StreamsGroupMemberMetadataValue<'_> {
    fn default() -> Self {
        Self {
            instance_id: Some(""),
            rack_id: Some(""),
            client_id: Default::default(),
            client_host: Default::default(),
            rebalance_timeout_ms: -1,
            topology_epoch: Default::default(),
            process_id: Default::default(),
            user_endpoint: Default::default(),
            client_tags: Default::default(),
        }
    }
}

impl<'a> StreamsGroupMemberMetadataValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.instance_id = reader.nullable_string(true)?;
        this.rack_id = reader.nullable_string(true)?;
        this.client_id = reader.string(true)?;
        this.client_host = reader.string(true)?;
        this.rebalance_timeout_ms = reader.i32()?;
        this.topology_epoch = reader.i32()?;
        this.process_id = reader.string(true)?;
        this.user_endpoint = if reader.is_present()? {
            Some(Endpoint::decode(reader, version)?)
        } else {
            None
        };
        this.client_tags = reader.array(true, 3, |reader| KeyValue::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_nullable_string(self.instance_id, true)?;
        out.put_nullable_string(self.rack_id, true)?;
        out.put_string(self.client_id, true)?;
        out.put_string(self.client_host, true)?;
        out.put_i32(self.rebalance_timeout_ms);
        out.put_i32(self.topology_epoch);
        out.put_string(self.process_id, true)?;
        put_nullable(out, true, self.user_endpoint.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_array(&self.client_tags, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint<'a> {
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
}

impl<'a> Endpoint<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.host = reader.string(true)?;
        this.port = reader.u16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.host, true)?;
        out.put_u16(self.port);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyValue<'a> {
    /// Versions 0+.
    pub key: &'a str,
    /// Versions 0+.
    pub value: &'a str,
}

impl<'a> KeyValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.key = reader.string(true)?;
        this.value = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.key, true)?;
        out.put_string(self.value, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupMemberMetadataValue<'a>, versions 0..=0, flexible 0 }
