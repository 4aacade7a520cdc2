//! `DescribeTransactionsRequest`, `DescribeTransactionsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_transactions.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTransactionsRequest<'a> {
    /// Versions 0+.
    pub transactional_ids: Vec<TransactionalId<'a>>,
}

impl<'a> DescribeTransactionsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.transactional_ids =
            reader.array(true, 1, |reader| Ok(TransactionalId(reader.string(true)?)))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_array(&self.transactional_ids, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeTransactionsRequest<'a>, versions 0..=0, flexible 0 }

request! {
    DescribeTransactions,
    DescribeTransactionsRequest<'a>,
    DescribeTransactionsResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTransactionsResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub transaction_states: Vec<TransactionState<'a>>,
}

impl<'a> DescribeTransactionsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.transaction_states =
            reader.array(true, 28, |reader| TransactionState::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
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
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub transactional_id: TransactionalId<'a>,
    /// Versions 0+.
    pub transaction_state: &'a str,
    /// Versions 0+.
    pub transaction_timeout_ms: i32,
    /// Versions 0+.
    pub transaction_start_time_ms: i64,
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub producer_epoch: i16,
    /// Versions 0+.
    pub topics: Vec<TopicData<'a>>,
}

impl<'a> TransactionState<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.transactional_id = TransactionalId(reader.string(true)?);
        this.transaction_state = reader.string(true)?;
        this.transaction_timeout_ms = reader.i32()?;
        this.transaction_start_time_ms = reader.i64()?;
        this.producer_id = ProducerId(reader.i64()?);
        this.producer_epoch = reader.i16()?;
        this.topics = reader.array(true, 3, |reader| TopicData::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i16(self.error_code.code());
        out.put_string(self.transactional_id.0, true)?;
        out.put_string(self.transaction_state, true)?;
        out.put_i32(self.transaction_timeout_ms);
        out.put_i64(self.transaction_start_time_ms);
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicData<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> TopicData<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.topic.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeTransactionsResponse<'a>, versions 0..=0, flexible 0 }
