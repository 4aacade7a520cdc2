//! `EnvelopeRequest`, `EnvelopeResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/envelope.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct EnvelopeRequest<'a> {
    /// Versions 0+.
    pub request_data: &'a [u8],
    /// Versions 0+, nullable 0+.
    pub request_principal: Option<&'a [u8]>,
    /// Versions 0+.
    pub client_host_address: &'a [u8],
}

impl Default for EnvelopeRequest<'_> {
    fn default() -> Self {
        Self {
            request_data: Default::default(),
            request_principal: Some(&[]),
            client_host_address: Default::default(),
        }
    }
}

impl<'a> EnvelopeRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.request_data = reader.bytes(true)?;
        this.request_principal = reader.nullable_bytes(true)?;
        this.client_host_address = reader.bytes(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_bytes(self.request_data, true);
        out.put_nullable_bytes(self.request_principal, true);
        out.put_bytes(self.client_host_address, true);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { EnvelopeRequest<'a>, versions 0..=0, flexible 0 }

request! {
    Envelope,
    EnvelopeRequest<'a>,
    EnvelopeResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvelopeResponse<'a> {
    /// Versions 0+, nullable 0+.
    pub response_data: Option<&'a [u8]>,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl<'a> EnvelopeResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.response_data = reader.nullable_bytes(true)?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_nullable_bytes(self.response_data, true);
        out.put_i16(self.error_code.code());
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { EnvelopeResponse<'a>, versions 0..=0, flexible 0 }
