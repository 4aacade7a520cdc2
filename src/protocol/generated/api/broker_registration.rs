//! `BrokerRegistrationRequest`, `BrokerRegistrationResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/broker_registration.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerRegistrationRequest<'a> {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub cluster_id: &'a str,
    /// Versions 0+.
    pub incarnation_id: Uuid,
    /// Versions 0+.
    pub listeners: Vec<Listener<'a>>,
    /// Versions 0+.
    pub features: Vec<Feature<'a>>,
    /// Versions 0+, nullable 0+.
    pub rack: Option<&'a str>,
    /// Versions 1+.
    pub is_migrating_zk_broker: bool,
    /// Versions 2+.
    pub log_dirs: Vec<Uuid>,
    /// Versions 3+.
    pub previous_broker_epoch: i64,
}

impl Default for BrokerRegistrationRequest<'_> {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            cluster_id: Default::default(),
            incarnation_id: Default::default(),
            listeners: Default::default(),
            features: Default::default(),
            rack: Some(""),
            is_migrating_zk_broker: Default::default(),
            log_dirs: Default::default(),
            previous_broker_epoch: -1,
        }
    }
}

impl<'a> BrokerRegistrationRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.cluster_id = reader.string(true)?;
        this.incarnation_id = reader.uuid()?;
        this.listeners = reader.array(true, 7, |reader| Listener::decode(reader, version))?;
        this.features = reader.array(true, 6, |reader| Feature::decode(reader, version))?;
        this.rack = reader.nullable_string(true)?;
        if version >= 1 {
            this.is_migrating_zk_broker = reader.bool()?;
        }
        if version >= 2 {
            this.log_dirs = reader.array(true, 16, Reader::uuid)?;
        }
        if version >= 3 {
            this.previous_broker_epoch = reader.i64()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        out.put_i32(self.broker_id.0);
        out.put_string(self.cluster_id, true)?;
        out.put_uuid(self.incarnation_id);
        out.put_array(&self.listeners, true, |out, item| item.encode(out, version))?;
        out.put_array(&self.features, true, |out, item| item.encode(out, version))?;
        out.put_nullable_string(self.rack, true)?;
        if version >= 1 {
            out.put_bool(self.is_migrating_zk_broker);
        } else {
            absent(!self.is_migrating_zk_broker, "IsMigratingZkBroker", version)?;
        }
        if version >= 2 {
            out.put_array(&self.log_dirs, true, |out, item| {
                out.put_uuid(*item);
                Ok(())
            })?;
        }
        if version >= 3 {
            out.put_i64(self.previous_broker_epoch);
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
    /// Versions 0+.
    pub security_protocol: i16,
}

impl<'a> Listener<'a> {
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
pub struct Feature<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub min_supported_version: i16,
    /// Versions 0+.
    pub max_supported_version: i16,
}

impl<'a> Feature<'a> {
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

message! { BrokerRegistrationRequest<'a>, versions 0..=4, flexible 0 }

request! {
    BrokerRegistration,
    BrokerRegistrationRequest<'a>,
    BrokerRegistrationResponse
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerRegistrationResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub broker_epoch: i64,
}

impl Default for BrokerRegistrationResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            broker_epoch: -1,
        }
    }
}

impl BrokerRegistrationResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.broker_epoch = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_i64(self.broker_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { BrokerRegistrationResponse, versions 0..=4, flexible 0 }
