//! `AlterUserScramCredentialsRequest`, `AlterUserScramCredentialsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/alter_user_scram_credentials.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsRequest<'a> {
    /// Versions 0+.
    pub deletions: Vec<ScramCredentialDeletion<'a>>,
    /// Versions 0+.
    pub upsertions: Vec<ScramCredentialUpsertion<'a>>,
}

impl<'a> AlterUserScramCredentialsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.deletions = reader.array(true, 3, |reader| {
            ScramCredentialDeletion::decode(reader, version)
        })?;
        this.upsertions = reader.array(true, 9, |reader| {
            ScramCredentialUpsertion::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_array(&self.deletions, true, |out, item| item.encode(out, version))?;
        out.put_array(&self.upsertions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramCredentialDeletion<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub mechanism: i8,
}

impl<'a> ScramCredentialDeletion<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.mechanism = reader.i8()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_i8(self.mechanism);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramCredentialUpsertion<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub mechanism: i8,
    /// Versions 0+.
    pub iterations: i32,
    /// Versions 0+.
    pub salt: &'a [u8],
    /// Versions 0+.
    pub salted_password: &'a [u8],
}

impl<'a> ScramCredentialUpsertion<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.mechanism = reader.i8()?;
        this.iterations = reader.i32()?;
        this.salt = reader.bytes(true)?;
        this.salted_password = reader.bytes(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_i8(self.mechanism);
        out.put_i32(self.iterations);
        out.put_bytes(self.salt, true);
        out.put_bytes(self.salted_password, true);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AlterUserScramCredentialsRequest<'a>, versions 0..=0, flexible 0 }

request! {
    AlterUserScramCredentials,
    AlterUserScramCredentialsRequest<'a>,
    AlterUserScramCredentialsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub results: Vec<AlterUserScramCredentialsResult<'a>>,
}

impl<'a> AlterUserScramCredentialsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.results = reader.array(true, 5, |reader| {
            AlterUserScramCredentialsResult::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.results, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterUserScramCredentialsResult<'a> {
    /// Versions 0+.
    pub user: &'a str,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for AlterUserScramCredentialsResult<'_> {
    fn default() -> Self {
        Self {
            user: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> AlterUserScramCredentialsResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.user = reader.string(true)?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.user, true)?;
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AlterUserScramCredentialsResponse<'a>, versions 0..=0, flexible 0 }
