//! `RegisterBrokerRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct RegisterBrokerRecord<'a> {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 2+.
    pub is_migrating_zk_broker: bool,
    /// Versions 0+.
    pub incarnation_id: Uuid,
    /// Versions 0+.
    pub broker_epoch: i64,
    /// Versions 0+.
    pub end_points: Vec<BrokerEndpoint<'a>>,
    /// Versions 0+.
    pub features: Vec<BrokerFeature<'a>>,
    /// Versions 0+, nullable 0+.
    pub rack: Option<&'a str>,
    /// Versions 0+.
    pub fenced: bool,
    /// Versions 1+.
    pub in_controlled_shutdown: bool,
    /// Versions 3+, tag 0.
    pub log_dirs: Vec<Uuid>,
    /// Versions 4+, nullable 4+, tag 1.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Default for RegisterBrokerRecord<'_> {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            is_migrating_zk_broker: Default::default(),
            incarnation_id: Default::default(),
            broker_epoch: Default::default(),
            end_points: Default::default(),
            features: Default::default(),
            rack: Some(""),
            fenced: true,
            in_controlled_shutdown: Default::default(),
            log_dirs: Default::default(),
            cordoned_log_dirs: Default::default(),
        }
    }
}

impl<'a> RegisterBrokerRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        if version >= 2 {
            this.is_migrating_zk_broker = reader.bool()?;
        }
        this.incarnation_id = reader.uuid()?;
        this.broker_epoch = reader.i64()?;
        this.end_points =
            reader.array(true, 7, |reader| BrokerEndpoint::decode(reader, version))?;
        this.features = reader.array(true, 6, |reader| BrokerFeature::decode(reader, version))?;
        this.rack = reader.nullable_string(true)?;
        this.fenced = reader.bool()?;
        if version >= 1 {
            this.in_controlled_shutdown = reader.bool()?;
        }
        reader.tags(|reader, tag| {
            match tag {
                0 if version >= 3 => this.log_dirs = reader.array(true, 16, Reader::uuid)?,
                1 if version >= 4 => {
                    this.cordoned_log_dirs = reader.nullable_array(true, 16, Reader::uuid)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        out.put_i32(self.broker_id.0);
        if version >= 2 {
            out.put_bool(self.is_migrating_zk_broker);
        } else {
            absent(!self.is_migrating_zk_broker, "IsMigratingZkBroker", version)?;
        }
        out.put_uuid(self.incarnation_id);
        out.put_i64(self.broker_epoch);
        out.put_array(&self.end_points, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.features, true, |out, item| item.encode(out, version))?;
        out.put_nullable_string(self.rack, true)?;
        out.put_bool(self.fenced);
        if version >= 1 {
            out.put_bool(self.in_controlled_shutdown);
        } else {
            absent(
                !self.in_controlled_shutdown,
                "InControlledShutdown",
                version,
            )?;
        }
        let has_log_dirs = version >= 3 && !self.log_dirs.is_empty();
        let has_cordoned_log_dirs = version >= 4 && self.cordoned_log_dirs.is_some();
        out.put_unsigned_varint(u32::from(has_log_dirs) + u32::from(has_cordoned_log_dirs));
        if has_log_dirs {
            out.put_tag(0, |out| {
                out.put_array(&self.log_dirs, true, |out, item| {
                    out.put_uuid(*item);
                    Ok(())
                })
            })?;
        }
        if has_cordoned_log_dirs {
            out.put_tag(1, |out| {
                out.put_nullable_array(self.cordoned_log_dirs.as_deref(), true, |out, item| {
                    out.put_uuid(*item);
                    Ok(())
                })
            })?;
        }
        if version < 3 {
            absent(self.log_dirs.is_empty(), "LogDirs", version)?;
        }
        if version < 4 {
            absent(self.cordoned_log_dirs.is_none(), "CordonedLogDirs", version)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerEndpoint<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
    /// Versions 0+.
    pub security_protocol: i16,
}

impl<'a> BrokerEndpoint<'a> {
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
pub struct BrokerFeature<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub min_supported_version: i16,
    /// Versions 0+.
    pub max_supported_version: i16,
}

impl<'a> BrokerFeature<'a> {
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

message! { RegisterBrokerRecord<'a>, versions 0..=4, flexible 0 }
