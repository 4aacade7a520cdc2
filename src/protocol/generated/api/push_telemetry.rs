//! `PushTelemetryRequest`, `PushTelemetryResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/push_telemetry.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushTelemetryRequest<'a> {
    /// Versions 0+.
    pub client_instance_id: Uuid,
    /// Versions 0+.
    pub subscription_id: i32,
    /// Versions 0+.
    pub terminating: bool,
    /// Versions 0+.
    pub compression_type: i8,
    /// Versions 0+.
    pub metrics: &'a [u8],
}

impl<'a> PushTelemetryRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.client_instance_id = reader.uuid()?;
        this.subscription_id = reader.i32()?;
        this.terminating = reader.bool()?;
        this.compression_type = reader.i8()?;
        this.metrics = reader.bytes(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_uuid(self.client_instance_id);
        out.put_i32(self.subscription_id);
        out.put_bool(self.terminating);
        out.put_i8(self.compression_type);
        out.put_bytes(self.metrics, true);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { PushTelemetryRequest<'a>, versions 0..=0, flexible 0 }

request! {
    PushTelemetry,
    PushTelemetryRequest<'a>,
    PushTelemetryResponse
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushTelemetryResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl PushTelemetryResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { PushTelemetryResponse, versions 0..=0, flexible 0 }
