//! `RequestHeader`, `ResponseHeader`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/header.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct RequestHeader<'a> {
    /// Versions 0+.
    pub request_api_key: i16,
    /// Versions 0+.
    pub request_api_version: i16,
    /// Versions 0+.
    pub correlation_id: i32,
    /// Versions 1+, nullable 1+.
    pub client_id: Option<&'a str>,
}

impl Default for RequestHeader<'_> {
    fn default() -> Self {
        Self {
            request_api_key: Default::default(),
            request_api_version: Default::default(),
            correlation_id: Default::default(),
            client_id: Some(""),
        }
    }
}

impl<'a> RequestHeader<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.request_api_key = reader.i16()?;
        this.request_api_version = reader.i16()?;
        this.correlation_id = reader.i32()?;
        this.client_id = reader.nullable_string(false)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        let flexible = version >= 2;
        out.put_i16(self.request_api_key);
        out.put_i16(self.request_api_version);
        out.put_i32(self.correlation_id);
        out.put_nullable_string(self.client_id, false)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { RequestHeader<'a>, versions 1..=2, flexible 2 }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseHeader {
    /// Versions 0+.
    pub correlation_id: i32,
}

impl ResponseHeader {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.correlation_id = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_i32(self.correlation_id);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ResponseHeader, versions 0..=1, flexible 1 }
