//! `AddOffsetsToTxnRequest`, `AddOffsetsToTxnResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/add_offsets_to_txn.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddOffsetsToTxnRequest<'a> {
    /// Versions 0+.
    pub transactional_id: TransactionalId<'a>,
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub producer_epoch: i16,
    /// Versions 0+.
    pub group_id: GroupId<'a>,
}

impl<'a> AddOffsetsToTxnRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.transactional_id = TransactionalId(reader.string(flexible)?);
        this.producer_id = ProducerId(reader.i64()?);
        this.producer_epoch = reader.i16()?;
        this.group_id = GroupId(reader.string(flexible)?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        let flexible = version >= 3;
        out.put_string(self.transactional_id.0, flexible)?;
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch);
        out.put_string(self.group_id.0, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { AddOffsetsToTxnRequest<'a>, versions 0..=4, flexible 3 }

request! {
    AddOffsetsToTxn,
    AddOffsetsToTxnRequest<'a>,
    AddOffsetsToTxnResponse
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddOffsetsToTxnResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl AddOffsetsToTxnResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        let flexible = version >= 3;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { AddOffsetsToTxnResponse, versions 0..=4, flexible 3 }
