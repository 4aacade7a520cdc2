//! `GetTelemetrySubscriptionsRequest`, `GetTelemetrySubscriptionsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/get_telemetry_subscriptions.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetTelemetrySubscriptionsRequest {
    /// Versions 0+.
    pub client_instance_id: Uuid,
}

impl GetTelemetrySubscriptionsRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.client_instance_id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_uuid(self.client_instance_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { GetTelemetrySubscriptionsRequest, versions 0..=0, flexible 0 }

request! {
    GetTelemetrySubscriptions,
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetTelemetrySubscriptionsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub client_instance_id: Uuid,
    /// Versions 0+.
    pub subscription_id: i32,
    /// Versions 0+.
    pub accepted_compression_types: Vec<i8>,
    /// Versions 0+.
    pub push_interval_ms: i32,
    /// Versions 0+.
    pub telemetry_max_bytes: i32,
    /// Versions 0+.
    pub delta_temporality: bool,
    /// Versions 0+.
    pub requested_metrics: Vec<&'a str>,
}

impl<'a> GetTelemetrySubscriptionsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.client_instance_id = reader.uuid()?;
        this.subscription_id = reader.i32()?;
        this.accepted_compression_types = reader.array(true, 1, Reader::i8)?;
        this.push_interval_ms = reader.i32()?;
        this.telemetry_max_bytes = reader.i32()?;
        this.delta_temporality = reader.bool()?;
        this.requested_metrics = reader.array(true, 1, |reader| reader.string(true))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_uuid(self.client_instance_id);
        out.put_i32(self.subscription_id);
        out.put_array(&self.accepted_compression_types, true, |out, item| {
            out.put_i8(*item);
            Ok(())
        })?;
        out.put_i32(self.push_interval_ms);
        out.put_i32(self.telemetry_max_bytes);
        out.put_bool(self.delta_temporality);
        out.put_array(&self.requested_metrics, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { GetTelemetrySubscriptionsResponse<'a>, versions 0..=0, flexible 0 }
