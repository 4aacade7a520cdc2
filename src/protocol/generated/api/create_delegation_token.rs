//! `CreateDelegationTokenRequest`, `CreateDelegationTokenResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/create_delegation_token.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateDelegationTokenRequest<'a> {
    /// Versions 3+, nullable 3+.
    pub owner_principal_type: Option<&'a str>,
    /// Versions 3+, nullable 3+.
    pub owner_principal_name: Option<&'a str>,
    /// Versions 0+.
    pub renewers: Vec<CreatableRenewers<'a>>,
    /// Versions 0+.
    pub max_lifetime_ms: i64,
}

impl Default for CreateDelegationTokenRequest<'_> {
    fn default() -> Self {
        Self {
            owner_principal_type: Some(""),
            owner_principal_name: Some(""),
            renewers: Default::default(),
            max_lifetime_ms: Default::default(),
        }
    }
}

impl<'a> CreateDelegationTokenRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        if version >= 3 {
            this.owner_principal_type = reader.nullable_string(flexible)?;
        }
        if version >= 3 {
            this.owner_principal_name = reader.nullable_string(flexible)?;
        }
        this.renewers = reader.array(flexible, 3, |reader| {
            CreatableRenewers::decode(reader, version)
        })?;
        this.max_lifetime_ms = reader.i64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 3)?;
        let flexible = version >= 2;
        if version >= 3 {
            out.put_nullable_string(self.owner_principal_type, flexible)?;
        } else {
            absent(
                self.owner_principal_type == Some(""),
                "OwnerPrincipalType",
                version,
            )?;
        }
        if version >= 3 {
            out.put_nullable_string(self.owner_principal_name, flexible)?;
        } else {
            absent(
                self.owner_principal_name == Some(""),
                "OwnerPrincipalName",
                version,
            )?;
        }
        out.put_array(&self.renewers, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_i64(self.max_lifetime_ms);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableRenewers<'a> {
    /// Versions 0+.
    pub principal_type: &'a str,
    /// Versions 0+.
    pub principal_name: &'a str,
}

impl<'a> CreatableRenewers<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.principal_type = reader.string(flexible)?;
        this.principal_name = reader.string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        out.put_string(self.principal_type, flexible)?;
        out.put_string(self.principal_name, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { CreateDelegationTokenRequest<'a>, versions 1..=3, flexible 2 }

request! {
    CreateDelegationToken,
    CreateDelegationTokenRequest<'a>,
    CreateDelegationTokenResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateDelegationTokenResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub principal_type: &'a str,
    /// Versions 0+.
    pub principal_name: &'a str,
    /// Versions 3+.
    pub token_requester_principal_type: &'a str,
    /// Versions 3+.
    pub token_requester_principal_name: &'a str,
    /// Versions 0+.
    pub issue_timestamp_ms: i64,
    /// Versions 0+.
    pub expiry_timestamp_ms: i64,
    /// Versions 0+.
    pub max_timestamp_ms: i64,
    /// Versions 0+.
    pub token_id: &'a str,
    /// Versions 0+.
    pub hmac: &'a [u8],
    /// Versions 0+.
    pub throttle_time_ms: i32,
}

impl<'a> CreateDelegationTokenResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.principal_type = reader.string(flexible)?;
        this.principal_name = reader.string(flexible)?;
        if version >= 3 {
            this.token_requester_principal_type = reader.string(flexible)?;
        }
        if version >= 3 {
            this.token_requester_principal_name = reader.string(flexible)?;
        }
        this.issue_timestamp_ms = reader.i64()?;
        this.expiry_timestamp_ms = reader.i64()?;
        this.max_timestamp_ms = reader.i64()?;
        this.token_id = reader.string(flexible)?;
        this.hmac = reader.bytes(flexible)?;
        this.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 3)?;
        let flexible = version >= 2;
        out.put_i16(self.error_code.code());
        out.put_string(self.principal_type, flexible)?;
        out.put_string(self.principal_name, flexible)?;
        if version >= 3 {
            out.put_string(self.token_requester_principal_type, flexible)?;
        } else {
            absent(
                self.token_requester_principal_type.is_empty(),
                "TokenRequesterPrincipalType",
                version,
            )?;
        }
        if version >= 3 {
            out.put_string(self.token_requester_principal_name, flexible)?;
        } else {
            absent(
                self.token_requester_principal_name.is_empty(),
                "TokenRequesterPrincipalName",
                version,
            )?;
        }
        out.put_i64(self.issue_timestamp_ms);
        out.put_i64(self.expiry_timestamp_ms);
        out.put_i64(self.max_timestamp_ms);
        out.put_string(self.token_id, flexible)?;
        out.put_bytes(self.hmac, flexible);
        out.put_i32(self.throttle_time_ms);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { CreateDelegationTokenResponse<'a>, versions 1..=3, flexible 2 }
