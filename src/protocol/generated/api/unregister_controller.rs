//! `UnregisterControllerRequest`, `UnregisterControllerResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/unregister_controller.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnregisterControllerRequest {
    /// Versions 0+.
    pub controller_id: i32,
}

impl UnregisterControllerRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.controller_id = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.controller_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UnregisterControllerRequest, versions 0..=0, flexible 0 }

request! {
    UnregisterController,
    UnregisterControllerRequest,
    UnregisterControllerResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct UnregisterControllerResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for UnregisterControllerResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> UnregisterControllerResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UnregisterControllerResponse<'a>, versions 0..=0, flexible 0 }
