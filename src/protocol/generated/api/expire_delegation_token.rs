//! `ExpireDelegationTokenRequest`, `ExpireDelegationTokenResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/expire_delegation_token.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpireDelegationTokenRequest<'a> {
    /// Versions 0+.
    pub hmac: &'a [u8],
    /// Versions 0+.
    pub expiry_time_period_ms: i64,
}

impl<'a> ExpireDelegationTokenRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.hmac = reader.bytes(flexible)?;
        this.expiry_time_period_ms = reader.i64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        let flexible = version >= 2;
        out.put_bytes(self.hmac, flexible);
        out.put_i64(self.expiry_time_period_ms);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ExpireDelegationTokenRequest<'a>, versions 1..=2, flexible 2 }

request! {
    ExpireDelegationToken,
    ExpireDelegationTokenRequest<'a>,
    ExpireDelegationTokenResponse
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpireDelegationTokenResponse {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub expiry_timestamp_ms: i64,
    /// Versions 0+.
    pub throttle_time_ms: i32,
}

impl ExpireDelegationTokenResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.expiry_timestamp_ms = reader.i64()?;
        this.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        let flexible = version >= 2;
        out.put_i16(self.error_code.code());
        out.put_i64(self.expiry_timestamp_ms);
        out.put_i32(self.throttle_time_ms);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ExpireDelegationTokenResponse, versions 1..=2, flexible 2 }
