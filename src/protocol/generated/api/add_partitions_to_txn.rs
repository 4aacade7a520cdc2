//! `AddPartitionsToTxnRequest`, `AddPartitionsToTxnResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/add_partitions_to_txn.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnRequest<'a> {
    /// Versions 4+.
    pub transactions: Vec<AddPartitionsToTxnTransaction<'a>>,
    /// Versions 0-3.
    pub v3_and_below_transactional_id: TransactionalId<'a>,
    /// Versions 0-3.
    pub v3_and_below_producer_id: ProducerId,
    /// Versions 0-3.
    pub v3_and_below_producer_epoch: i16,
    /// Versions 0-3.
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic<'a>>,
}

impl<'a> AddPartitionsToTxnRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        if version >= 4 {
            this.transactions = reader.array(flexible, 14, |reader| {
                AddPartitionsToTxnTransaction::decode(reader, version)
            })?;
        }
        if version <= 3 {
            this.v3_and_below_transactional_id = TransactionalId(reader.string(flexible)?);
        }
        if version <= 3 {
            this.v3_and_below_producer_id = ProducerId(reader.i64()?);
        }
        if version <= 3 {
            this.v3_and_below_producer_epoch = reader.i16()?;
        }
        if version <= 3 {
            this.v3_and_below_topics = reader.array(flexible, 3, |reader| {
                AddPartitionsToTxnTopic::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 3;
        if version >= 4 {
            out.put_array(&self.transactions, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(self.transactions.is_empty(), "Transactions", version)?;
        }
        if version <= 3 {
            out.put_string(self.v3_and_below_transactional_id.0, flexible)?;
        } else {
            absent(
                self.v3_and_below_transactional_id.is_empty(),
                "V3AndBelowTransactionalId",
                version,
            )?;
        }
        if version <= 3 {
            out.put_i64(self.v3_and_below_producer_id.0);
        } else {
            absent(
                self.v3_and_below_producer_id == ProducerId(0),
                "V3AndBelowProducerId",
                version,
            )?;
        }
        if version <= 3 {
            out.put_i16(self.v3_and_below_producer_epoch);
        } else {
            absent(
                self.v3_and_below_producer_epoch == 0,
                "V3AndBelowProducerEpoch",
                version,
            )?;
        }
        if version <= 3 {
            out.put_array(&self.v3_and_below_topics, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(
                self.v3_and_below_topics.is_empty(),
                "V3AndBelowTopics",
                version,
            )?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTransaction<'a> {
    /// Versions 4+.
    pub transactional_id: TransactionalId<'a>,
    /// Versions 4+.
    pub producer_id: ProducerId,
    /// Versions 4+.
    pub producer_epoch: i16,
    /// Versions 4+.
    pub verify_only: bool,
    /// Versions 4+.
    pub topics: Vec<AddPartitionsToTxnTopic<'a>>,
}

impl<'a> AddPartitionsToTxnTransaction<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.transactional_id = TransactionalId(reader.string(true)?);
        this.producer_id = ProducerId(reader.i64()?);
        this.producer_epoch = reader.i16()?;
        this.verify_only = reader.bool()?;
        this.topics = reader.array(true, 3, |reader| {
            AddPartitionsToTxnTopic::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.transactional_id.0, true)?;
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch);
        out.put_bool(self.verify_only);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopic<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> AddPartitionsToTxnTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        this.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        out.put_string(self.name.0, flexible)?;
        out.put_array(&self.partitions, flexible, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { AddPartitionsToTxnRequest<'a>, versions 0..=5, flexible 3 }

request! {
    AddPartitionsToTxn,
    AddPartitionsToTxnRequest<'a>,
    AddPartitionsToTxnResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 4+.
    pub error_code: ErrorCode,
    /// Versions 4+.
    pub results_by_transaction: Vec<AddPartitionsToTxnResult<'a>>,
    /// Versions 0-3.
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult<'a>>,
}

impl<'a> AddPartitionsToTxnResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        if version >= 4 {
            this.error_code = ErrorCode::from_code(reader.i16()?);
        }
        if version >= 4 {
            this.results_by_transaction = reader.array(flexible, 3, |reader| {
                AddPartitionsToTxnResult::decode(reader, version)
            })?;
        }
        if version <= 3 {
            this.results_by_topic_v3_and_below = reader.array(flexible, 3, |reader| {
                AddPartitionsToTxnTopicResult::decode(reader, version)
            })?;
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
        if version >= 4 {
            out.put_i16(self.error_code.code());
        }
        if version >= 4 {
            out.put_array(&self.results_by_transaction, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(
                self.results_by_transaction.is_empty(),
                "ResultsByTransaction",
                version,
            )?;
        }
        if version <= 3 {
            out.put_array(
                &self.results_by_topic_v3_and_below,
                flexible,
                |out, item| item.encode(out, version),
            )?;
        } else {
            absent(
                self.results_by_topic_v3_and_below.is_empty(),
                "ResultsByTopicV3AndBelow",
                version,
            )?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResult<'a> {
    /// Versions 4+.
    pub transactional_id: TransactionalId<'a>,
    /// Versions 4+.
    pub topic_results: Vec<AddPartitionsToTxnTopicResult<'a>>,
}

impl<'a> AddPartitionsToTxnResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.transactional_id = TransactionalId(reader.string(true)?);
        this.topic_results = reader.array(true, 3, |reader| {
            AddPartitionsToTxnTopicResult::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.transactional_id.0, true)?;
        out.put_array(&self.topic_results, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopicResult<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

impl<'a> AddPartitionsToTxnTopicResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        this.name = TopicName(reader.string(flexible)?);
        this.results_by_partition = reader.array(flexible, 6, |reader| {
            AddPartitionsToTxnPartitionResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        out.put_string(self.name.0, flexible)?;
        out.put_array(&self.results_by_partition, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnPartitionResult {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub partition_error_code: ErrorCode,
}

impl AddPartitionsToTxnPartitionResult {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.partition_error_code = ErrorCode::from_code(reader.i16()?);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        out.put_i32(self.partition_index);
        out.put_i16(self.partition_error_code.code());
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { AddPartitionsToTxnResponse<'a>, versions 0..=5, flexible 3 }
