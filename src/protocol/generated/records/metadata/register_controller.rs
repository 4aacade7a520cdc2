//! `RegisterControllerRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegisterControllerRecord<'a> {
    /// Versions 0+.
    pub controller_id: i32,
    /// Versions 0+.
    pub incarnation_id: Uuid,
    /// Versions 0+.
    pub zk_migration_ready: bool,
    /// Versions 0+.
    pub end_points: Vec<ControllerEndpoint<'a>>,
    /// Versions 0+.
    pub features: Vec<ControllerFeature<'a>>,
}

impl<'a> RegisterControllerRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.controller_id = reader.i32()?;
        this.incarnation_id = reader.uuid()?;
        this.zk_migration_ready = reader.bool()?;
        this.end_points = reader.array(true, 7, |reader| {
            ControllerEndpoint::decode(reader, version)
        })?;
        this.features =
            reader.array(true, 6, |reader| ControllerFeature::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.controller_id);
        out.put_uuid(self.incarnation_id);
        out.put_bool(self.zk_migration_ready);
        out.put_array(&self.end_points, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.features, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControllerEndpoint<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
    /// Versions 0+.
    pub security_protocol: i16,
}

impl<'a> ControllerEndpoint<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.host = reader.string(true)?;
        this.port = reader.u16()?;
        this.security_protocol = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_string(self.host, true)?;
        out.put_u16(self.port);
        out.put_i16(self.security_protocol);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControllerFeature<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub min_supported_version: i16,
    /// Versions 0+.
    pub max_supported_version: i16,
}

impl<'a> ControllerFeature<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.min_supported_version = reader.i16()?;
        this.max_supported_version = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_i16(self.min_supported_version);
        out.put_i16(self.max_supported_version);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { RegisterControllerRecord<'a>, versions 0..=0, flexible 0 }
