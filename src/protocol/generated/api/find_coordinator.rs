//! `FindCoordinatorRequest`, `FindCoordinatorResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/find_coordinator.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorRequest<'a> {
    /// Versions 0-3.
    pub key: &'a str,
    /// Versions 1+.
    pub key_type: i8,
    /// Versions 4+.
    pub coordinator_keys: Vec<&'a str>,
}

impl<'a> FindCoordinatorRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        if version <= 3 {
            this.key = reader.string(flexible)?;
        }
        if version >= 1 {
            this.key_type = reader.i8()?;
        }
        if version >= 4 {
            this.coordinator_keys = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 3;
        if version <= 3 {
            out.put_string(self.key, flexible)?;
        } else {
            absent(self.key.is_empty(), "Key", version)?;
        }
        if version >= 1 {
            out.put_i8(self.key_type);
        } else {
            absent(self.key_type == 0, "KeyType", version)?;
        }
        if version >= 4 {
            out.put_array(&self.coordinator_keys, flexible, |out, item| {
                out.put_string(item, flexible)
            })?;
        } else {
            absent(self.coordinator_keys.is_empty(), "CoordinatorKeys", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { FindCoordinatorRequest<'a>, versions 0..=6, flexible 3 }

request! {
    FindCoordinator,
    FindCoordinatorRequest<'a>,
    FindCoordinatorResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct FindCoordinatorResponse<'a> {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0-3.
    pub error_code: ErrorCode,
    /// Versions 1-3, nullable 1-3.
    pub error_message: Option<&'a str>,
    /// Versions 0-3.
    pub node_id: BrokerId,
    /// Versions 0-3.
    pub host: &'a str,
    /// Versions 0-3.
    pub port: i32,
    /// Versions 4+.
    pub coordinators: Vec<Coordinator<'a>>,
}

impl Default for FindCoordinatorResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
            node_id: Default::default(),
            host: Default::default(),
            port: Default::default(),
            coordinators: Default::default(),
        }
    }
}

impl<'a> FindCoordinatorResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        if version >= 1 {
            this.throttle_time_ms = reader.i32()?;
        }
        if version <= 3 {
            this.error_code = ErrorCode::from_code(reader.i16()?);
        }
        if (1..=3).contains(&version) {
            this.error_message = reader.nullable_string(flexible)?;
        }
        if version <= 3 {
            this.node_id = BrokerId(reader.i32()?);
        }
        if version <= 3 {
            this.host = reader.string(flexible)?;
        }
        if version <= 3 {
            this.port = reader.i32()?;
        }
        if version >= 4 {
            this.coordinators =
                reader.array(flexible, 14, |reader| Coordinator::decode(reader, version))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 3;
        if version >= 1 {
            out.put_i32(self.throttle_time_ms);
        }
        if version <= 3 {
            out.put_i16(self.error_code.code());
        } else {
            absent(
                self.error_code == ErrorCode::from_code(0),
                "ErrorCode",
                version,
            )?;
        }
        if (1..=3).contains(&version) {
            out.put_nullable_string(self.error_message, flexible)?;
        }
        if version <= 3 {
            out.put_i32(self.node_id.0);
        } else {
            absent(self.node_id == BrokerId(0), "NodeId", version)?;
        }
        if version <= 3 {
            out.put_string(self.host, flexible)?;
        } else {
            absent(self.host.is_empty(), "Host", version)?;
        }
        if version <= 3 {
            out.put_i32(self.port);
        } else {
            absent(self.port == 0, "Port", version)?;
        }
        if version >= 4 {
            out.put_array(&self.coordinators, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.coordinators.is_empty(), "Coordinators", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Coordinator<'a> {
    /// Versions 4+.
    pub key: &'a str,
    /// Versions 4+.
    pub node_id: BrokerId,
    /// Versions 4+.
    pub host: &'a str,
    /// Versions 4+.
    pub port: i32,
    /// Versions 4+.
    pub error_code: ErrorCode,
    /// Versions 4+, nullable 4+.
    pub error_message: Option<&'a str>,
}

impl Default for Coordinator<'_> {
    fn default() -> Self {
        Self {
            key: Default::default(),
            node_id: Default::default(),
            host: Default::default(),
            port: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> Coordinator<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.key = reader.string(true)?;
        this.node_id = BrokerId(reader.i32()?);
        this.host = reader.string(true)?;
        this.port = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.key, true)?;
        out.put_i32(self.node_id.0);
        out.put_string(self.host, true)?;
        out.put_i32(self.port);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { FindCoordinatorResponse<'a>, versions 0..=6, flexible 3 }
