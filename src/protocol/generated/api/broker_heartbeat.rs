//! `BrokerHeartbeatRequest`, `BrokerHeartbeatResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/broker_heartbeat.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerHeartbeatRequest {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub broker_epoch: i64,
    /// Versions 0+.
    pub current_metadata_offset: i64,
    /// Versions 0+.
    pub want_fence: bool,
    /// Versions 0+.
    pub want_shut_down: bool,
    /// Versions 1+, tag 0.
    pub offline_log_dirs: Vec<Uuid>,
    /// Versions 2+, nullable 2+, tag 1.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Default for BrokerHeartbeatRequest {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            broker_epoch: -1,
            current_metadata_offset: Default::default(),
            want_fence: Default::default(),
            want_shut_down: Default::default(),
            offline_log_dirs: Default::default(),
            cordoned_log_dirs: Default::default(),
        }
    }
}

impl BrokerHeartbeatRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.broker_epoch = reader.i64()?;
        this.current_metadata_offset = reader.i64()?;
        this.want_fence = reader.bool()?;
        this.want_shut_down = reader.bool()?;
        reader.tags(|reader, tag| {
            match tag {
                0 if version >= 1 => {
                    this.offline_log_dirs = reader.array(true, 16, Reader::uuid)?
                }
                1 if version >= 2 => {
                    this.cordoned_log_dirs = reader.nullable_array(true, 16, Reader::uuid)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.broker_id.0);
        out.put_i64(self.broker_epoch);
        out.put_i64(self.current_metadata_offset);
        out.put_bool(self.want_fence);
        out.put_bool(self.want_shut_down);
        let has_offline_log_dirs = version >= 1 && !self.offline_log_dirs.is_empty();
        let has_cordoned_log_dirs = version >= 2 && self.cordoned_log_dirs.is_some();
        out.put_unsigned_varint(u32::from(has_offline_log_dirs) + u32::from(has_cordoned_log_dirs));
        if has_offline_log_dirs {
            out.put_tag(0, |out| {
                out.put_array(&self.offline_log_dirs, true, |out, item| {
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
        if version < 1 {
            absent(self.offline_log_dirs.is_empty(), "OfflineLogDirs", version)?;
        }
        if version < 2 {
            absent(self.cordoned_log_dirs.is_none(), "CordonedLogDirs", version)?;
        }
        Ok(())
    }
}

message! { BrokerHeartbeatRequest, versions 0..=2, flexible 0 }

request! {
    BrokerHeartbeat,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerHeartbeatResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub is_caught_up: bool,
    /// Versions 0+.
    pub is_fenced: bool,
    /// Versions 0+.
    pub should_shut_down: bool,
}

impl Default for BrokerHeartbeatResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            is_caught_up: Default::default(),
            is_fenced: true,
            should_shut_down: Default::default(),
        }
    }
}

impl BrokerHeartbeatResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.is_caught_up = reader.bool()?;
        this.is_fenced = reader.bool()?;
        this.should_shut_down = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_bool(self.is_caught_up);
        out.put_bool(self.is_fenced);
        out.put_bool(self.should_shut_down);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { BrokerHeartbeatResponse, versions 0..=2, flexible 0 }
