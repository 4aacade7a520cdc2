//! `SaslAuthenticateRequest`, `SaslAuthenticateResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/sasl_authenticate.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslAuthenticateRequest<'a> {
    /// Versions 0+.
    pub auth_bytes: &'a [u8],
}

impl<'a> SaslAuthenticateRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.auth_bytes = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        let flexible = version >= 2;
        out.put_bytes(self.auth_bytes, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { SaslAuthenticateRequest<'a>, versions 0..=2, flexible 2 }

request! {
    SaslAuthenticate,
    SaslAuthenticateRequest<'a>,
    SaslAuthenticateResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct SaslAuthenticateResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub auth_bytes: &'a [u8],
    /// Versions 1+.
    pub session_lifetime_ms: i64,
}

impl Default for SaslAuthenticateResponse<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(""),
            auth_bytes: Default::default(),
            session_lifetime_ms: Default::default(),
        }
    }
}

impl<'a> SaslAuthenticateResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(flexible)?;
        this.auth_bytes = reader.bytes(flexible)?;
        if version >= 1 {
            this.session_lifetime_ms = reader.i64()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        let flexible = version >= 2;
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, flexible)?;
        out.put_bytes(self.auth_bytes, flexible);
        if version >= 1 {
            out.put_i64(self.session_lifetime_ms);
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { SaslAuthenticateResponse<'a>, versions 0..=2, flexible 2 }
