//! `InitProducerIdRequest`, `InitProducerIdResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/init_producer_id.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub transactional_id: Option<TransactionalId<'a>>,
    /// Versions 0+.
    pub transaction_timeout_ms: i32,
    /// Versions 3+.
    pub producer_id: ProducerId,
    /// Versions 3+.
    pub producer_epoch: i16,
    /// Versions 6+.
    pub enable2_pc: bool,
    /// Versions 6+.
    pub keep_prepared_txn: bool,
}

impl Default for InitProducerIdRequest<'_> {
    fn default() -> Self {
        Self {
            transactional_id: Some(TransactionalId("")),
            transaction_timeout_ms: Default::default(),
            producer_id: ProducerId(-1),
            producer_epoch: -1,
            enable2_pc: Default::default(),
            keep_prepared_txn: Default::default(),
        }
    }
}

impl<'a> InitProducerIdRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.transactional_id = reader.nullable_string(flexible)?.map(TransactionalId);
        this.transaction_timeout_ms = reader.i32()?;
        if version >= 3 {
            this.producer_id = ProducerId(reader.i64()?);
        }
        if version >= 3 {
            this.producer_epoch = reader.i16()?;
        }
        if version >= 6 {
            this.enable2_pc = reader.bool()?;
        }
        if version >= 6 {
            this.keep_prepared_txn = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 2;
        out.put_nullable_string(self.transactional_id.as_deref(), flexible)?;
        out.put_i32(self.transaction_timeout_ms);
        if version >= 3 {
            out.put_i64(self.producer_id.0);
        } else {
            absent(self.producer_id == ProducerId(-1), "ProducerId", version)?;
        }
        if version >= 3 {
            out.put_i16(self.producer_epoch);
        } else {
            absent(self.producer_epoch == -1, "ProducerEpoch", version)?;
        }
        if version >= 6 {
            out.put_bool(self.enable2_pc);
        } else {
            absent(!self.enable2_pc, "Enable2Pc", version)?;
        }
        if version >= 6 {
            out.put_bool(self.keep_prepared_txn);
        } else {
            absent(!self.keep_prepared_txn, "KeepPreparedTxn", version)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { InitProducerIdRequest<'a>, versions 0..=5, flexible 2 }

request! {
    InitProducerId,
    InitProducerIdRequest<'a>,
    InitProducerIdResponse
}

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub producer_epoch: i16,
    /// Versions 6+.
    pub ongoing_txn_producer_id: ProducerId,
    /// Versions 6+.
    pub ongoing_txn_producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: ProducerId(-1),
            producer_epoch: Default::default(),
            ongoing_txn_producer_id: ProducerId(-1),
            ongoing_txn_producer_epoch: -1,
        }
    }
}

impl InitProducerIdResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 6)?;
        let flexible = version >= 2;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.producer_id = ProducerId(reader.i64()?);
        this.producer_epoch = reader.i16()?;
        if version >= 6 {
            this.ongoing_txn_producer_id = ProducerId(reader.i64()?);
        }
        if version >= 6 {
            this.ongoing_txn_producer_epoch = reader.i16()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 6)?;
        let flexible = version >= 2;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch);
        if version >= 6 {
            out.put_i64(self.ongoing_txn_producer_id.0);
        } else {
            absent(
                self.ongoing_txn_producer_id == ProducerId(-1),
                "OngoingTxnProducerId",
                version,
            )?;
        }
        if version >= 6 {
            out.put_i16(self.ongoing_txn_producer_epoch);
        } else {
            absent(
                self.ongoing_txn_producer_epoch == -1,
                "OngoingTxnProducerEpoch",
                version,
            )?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { InitProducerIdResponse, versions 0..=6, flexible 2 }
