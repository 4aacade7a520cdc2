//! `EndTxnRequest`, `EndTxnResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/end_txn.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndTxnRequest<'a> {
    /// Versions 0+.
    pub transactional_id: TransactionalId<'a>,
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub producer_epoch: i16,
    /// Versions 0+.
    pub committed: bool,
}

impl<'a> EndTxnRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.transactional_id = TransactionalId(reader.string(flexible)?);
        this.producer_id = ProducerId(reader.i64()?);
        this.producer_epoch = reader.i16()?;
        this.committed = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 3;
        out.put_string(self.transactional_id.0, flexible)?;
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch);
        out.put_bool(self.committed);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { EndTxnRequest<'a>, versions 0..=5, flexible 3 }

request! {
    EndTxn,
    EndTxnRequest<'a>,
    EndTxnResponse
}

#[derive(Clone, Debug, PartialEq)]
pub struct EndTxnResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 5+.
    pub producer_id: ProducerId,
    /// Versions 5+.
    pub producer_epoch: i16,
}

impl Default for EndTxnResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: ProducerId(-1),
            producer_epoch: -1,
        }
    }
}

impl EndTxnResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if version >= 5 {
            this.producer_id = ProducerId(reader.i64()?);
        }
        if version >= 5 {
            this.producer_epoch = reader.i16()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 3;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        if version >= 5 {
            out.put_i64(self.producer_id.0);
        }
        if version >= 5 {
            out.put_i16(self.producer_epoch);
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { EndTxnResponse, versions 0..=5, flexible 3 }
