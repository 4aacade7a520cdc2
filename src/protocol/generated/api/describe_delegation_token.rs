//! `DescribeDelegationTokenRequest`, `DescribeDelegationTokenResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_delegation_token.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeDelegationTokenRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub owners: Option<Vec<DescribeDelegationTokenOwner<'a>>>,
}

impl Default for DescribeDelegationTokenRequest<'_> {
    fn default() -> Self {
        Self {
            owners: Some(Vec::new()),
        }
    }
}

impl<'a> DescribeDelegationTokenRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.owners = reader.nullable_array(flexible, 3, |reader| {
            DescribeDelegationTokenOwner::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 3)?;
        let flexible = version >= 2;
        out.put_nullable_array(self.owners.as_deref(), flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeDelegationTokenOwner<'a> {
    /// Versions 0+.
    pub principal_type: &'a str,
    /// Versions 0+.
    pub principal_name: &'a str,
}

impl<'a> DescribeDelegationTokenOwner<'a> {
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

message! { DescribeDelegationTokenRequest<'a>, versions 1..=3, flexible 2 }

request! {
    DescribeDelegationToken,
    DescribeDelegationTokenRequest<'a>,
    DescribeDelegationTokenResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeDelegationTokenResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub tokens: Vec<DescribedDelegationToken<'a>>,
    /// Versions 0+.
    pub throttle_time_ms: i32,
}

impl<'a> DescribeDelegationTokenResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 3)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.tokens = reader.array(flexible, 30, |reader| {
            DescribedDelegationToken::decode(reader, version)
        })?;
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
        out.put_array(&self.tokens, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_i32(self.throttle_time_ms);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedDelegationToken<'a> {
    /// Versions 0+.
    pub principal_type: &'a str,
    /// Versions 0+.
    pub principal_name: &'a str,
    /// Versions 3+.
    pub token_requester_principal_type: &'a str,
    /// Versions 3+.
    pub token_requester_principal_name: &'a str,
    /// Versions 0+.
    pub issue_timestamp: i64,
    /// Versions 0+.
    pub expiry_timestamp: i64,
    /// Versions 0+.
    pub max_timestamp: i64,
    /// Versions 0+.
    pub token_id: &'a str,
    /// Versions 0+.
    pub hmac: &'a [u8],
    /// Versions 0+.
    pub renewers: Vec<DescribedDelegationTokenRenewer<'a>>,
}

impl<'a> DescribedDelegationToken<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut this = Self::default();
        this.principal_type = reader.string(flexible)?;
        this.principal_name = reader.string(flexible)?;
        if version >= 3 {
            this.token_requester_principal_type = reader.string(flexible)?;
        }
        if version >= 3 {
            this.token_requester_principal_name = reader.string(flexible)?;
        }
        this.issue_timestamp = reader.i64()?;
        this.expiry_timestamp = reader.i64()?;
        this.max_timestamp = reader.i64()?;
        this.token_id = reader.string(flexible)?;
        this.hmac = reader.bytes(flexible)?;
        this.renewers = reader.array(flexible, 3, |reader| {
            DescribedDelegationTokenRenewer::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 2;
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
        out.put_i64(self.issue_timestamp);
        out.put_i64(self.expiry_timestamp);
        out.put_i64(self.max_timestamp);
        out.put_string(self.token_id, flexible)?;
        out.put_bytes(self.hmac, flexible);
        out.put_array(&self.renewers, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedDelegationTokenRenewer<'a> {
    /// Versions 0+.
    pub principal_type: &'a str,
    /// Versions 0+.
    pub principal_name: &'a str,
}

impl<'a> DescribedDelegationTokenRenewer<'a> {
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

message! { DescribeDelegationTokenResponse<'a>, versions 1..=3, flexible 2 }
