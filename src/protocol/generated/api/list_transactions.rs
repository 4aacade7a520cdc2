//! `ListTransactionsRequest`, `ListTransactionsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/list_transactions.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ListTransactionsRequest<'a> {
    /// Versions 0+.
    pub state_filters: Vec<&'a str>,
    /// Versions 0+.
    pub producer_id_filters: Vec<ProducerId>,
    /// Versions 1+.
    pub duration_filter: i64,
    /// Versions 2+, nullable 2+.
    pub transactional_id_pattern: Option<&'a str>,
}

impl Default for ListTransactionsRequest<'_> {
    fn default() -> Self {
        Self {
            state_filters: Default::default(),
            producer_id_filters: Default::default(),
            duration_filter: -1,
            transactional_id_pattern: Default::default(),
        }
    }
}

impl<'a> ListTransactionsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.state_filters = reader.array(true, 1, |reader| reader.string(true))?;
        this.producer_id_filters = reader.array(true, 8, |reader| Ok(ProducerId(reader.i64()?)))?;
        if version >= 1 {
            this.duration_filter = reader.i64()?;
        }
        if version >= 2 {
            this.transactional_id_pattern = reader.nullable_string(true)?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_array(&self.state_filters, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_array(&self.producer_id_filters, true, |out, item| {
            out.put_i64(item.0);
            Ok(())
        })?;
        if version >= 1 {
            out.put_i64(self.duration_filter);
        } else {
            absent(self.duration_filter == -1, "DurationFilter", version)?;
        }
        if version >= 2 {
            out.put_nullable_string(self.transactional_id_pattern, true)?;
        } else {
            absent(
                self.transactional_id_pattern.is_none(),
                "TransactionalIdPattern",
                version,
            )?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ListTransactionsRequest<'a>, versions 0..=2, flexible 0 }

request! {
    ListTransactions,
    ListTransactionsRequest<'a>,
    ListTransactionsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListTransactionsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub unknown_state_filters: Vec<&'a str>,
    /// Versions 0+.
    pub transaction_states: Vec<TransactionState<'a>>,
}

impl<'a> ListTransactionsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.unknown_state_filters = reader.array(true, 1, |reader| reader.string(true))?;
        this.transaction_states =
            reader.array(true, 11, |reader| TransactionState::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_array(&self.unknown_state_filters, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_array(&self.transaction_states, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransactionState<'a> {
    /// Versions 0+.
    pub transactional_id: TransactionalId<'a>,
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub transaction_state: &'a str,
}

impl<'a> TransactionState<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.transactional_id = TransactionalId(reader.string(true)?);
        this.producer_id = ProducerId(reader.i64()?);
        this.transaction_state = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.transactional_id.0, true)?;
        out.put_i64(self.producer_id.0);
        out.put_string(self.transaction_state, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ListTransactionsResponse<'a>, versions 0..=2, flexible 0 }
