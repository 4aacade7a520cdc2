//! `SaslHandshakeRequest`, `SaslHandshakeResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/sasl_handshake.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeRequest<'a> {
    /// Versions 0+.
    pub mechanism: &'a str,
}

impl<'a> SaslHandshakeRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.mechanism = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_string(self.mechanism, false)?;
        Ok(())
    }
}

message! { SaslHandshakeRequest<'a>, versions 0..=1, flexible i16::MAX }

request! {
    SaslHandshake,
    SaslHandshakeRequest<'a>,
    SaslHandshakeResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub mechanisms: Vec<&'a str>,
}

impl<'a> SaslHandshakeResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.mechanisms = reader.array(false, 2, |reader| reader.string(false))?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i16(self.error_code.code());
        out.put_array(&self.mechanisms, false, |out, item| {
            out.put_string(item, false)
        })?;
        Ok(())
    }
}

message! { SaslHandshakeResponse<'a>, versions 0..=1, flexible i16::MAX }
