//! `TransactionLogKey`, `TransactionLogValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/transaction.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransactionLogKey<'a> {
    /// Versions 0.
    pub transactional_id: &'a str,
}

impl<'a> TransactionLogKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.transactional_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.transactional_id, false)?;
        Ok(())
    }
}

message! { TransactionLogKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct TransactionLogValue<'a> {
    /// Versions 0+.
    pub producer_id: i64,
    /// Versions 1+, tag 0.
    pub previous_producer_id: i64,
    /// Versions 1+, tag 1.
    pub next_producer_id: i64,
    /// Versions 0+.
    pub producer_epoch: i16,
    /// Versions 1+, tag 3.
    pub next_producer_epoch: i16,
    /// Versions 0+.
    pub transaction_timeout_ms: i32,
    /// Versions 0+.
    pub transaction_status: i8,
    /// Versions 0+, nullable 0+.
    pub transaction_partitions: Option<Vec<PartitionsSchema<'a>>>,
    /// Versions 0+.
    pub transaction_last_update_timestamp_ms: i64,
    /// Versions 0+.
    pub transaction_start_timestamp_ms: i64,
    /// Versions 1+, tag 2.
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue<'_> {
    fn default() -> Self {
        Self {
            producer_id: Default::default(),
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: Default::default(),
            next_producer_epoch: -1,
            transaction_timeout_ms: Default::default(),
            transaction_status: Default::default(),
            transaction_partitions: Some(Vec::new()),
            transaction_last_update_timestamp_ms: Default::default(),
            transaction_start_timestamp_ms: Default::default(),
            client_transaction_version: Default::default(),
        }
    }
}

impl<'a> TransactionLogValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let flexible = version >= 1;
        let mut this = Self::default();
        this.producer_id = reader.i64()?;
        this.producer_epoch = reader.i16()?;
        this.transaction_timeout_ms = reader.i32()?;
        this.transaction_status = reader.i8()?;
        this.transaction_partitions = reader.nullable_array(flexible, 3, |reader| {
            PartitionsSchema::decode(reader, version)
        })?;
        this.transaction_last_update_timestamp_ms = reader.i64()?;
        this.transaction_start_timestamp_ms = reader.i64()?;
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 => this.previous_producer_id = reader.i64()?,
                    1 => this.next_producer_id = reader.i64()?,
                    2 => this.client_transaction_version = reader.i16()?,
                    3 => this.next_producer_epoch = reader.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        let flexible = version >= 1;
        out.put_i64(self.producer_id);
        out.put_i16(self.producer_epoch);
        out.put_i32(self.transaction_timeout_ms);
        out.put_i8(self.transaction_status);
        out.put_nullable_array(
            self.transaction_partitions.as_deref(),
            flexible,
            |out, item| item.encode(out, version),
        )?;
        out.put_i64(self.transaction_last_update_timestamp_ms);
        out.put_i64(self.transaction_start_timestamp_ms);
        if flexible {
            let has_previous_producer_id = self.previous_producer_id != -1;
            let has_next_producer_id = self.next_producer_id != -1;
            let has_client_transaction_version = self.client_transaction_version != 0;
            let has_next_producer_epoch = self.next_producer_epoch != -1;
            out.put_unsigned_varint(
                u32::from(has_previous_producer_id)
                    + u32::from(has_next_producer_id)
                    + u32::from(has_client_transaction_version)
                    + u32::from(has_next_producer_epoch),
            );
            if has_previous_producer_id {
                out.put_tag(0, |out| {
                    out.put_i64(self.previous_producer_id);
                    Ok(())
                })?;
            }
            if has_next_producer_id {
                out.put_tag(1, |out| {
                    out.put_i64(self.next_producer_id);
                    Ok(())
                })?;
            }
            if has_client_transaction_version {
                out.put_tag(2, |out| {
                    out.put_i16(self.client_transaction_version);
                    Ok(())
                })?;
            }
            if has_next_producer_epoch {
                out.put_tag(3, |out| {
                    out.put_i16(self.next_producer_epoch);
                    Ok(())
                })?;
            }
        }
        if version < 1 {
            absent(
                self.previous_producer_id == -1,
                "PreviousProducerId",
                version,
            )?;
        }
        if version < 1 {
            absent(self.next_producer_id == -1, "NextProducerId", version)?;
        }
        if version < 1 {
            absent(
                self.client_transaction_version == 0,
                "ClientTransactionVersion",
                version,
            )?;
        }
        if version < 1 {
            absent(self.next_producer_epoch == -1, "NextProducerEpoch", version)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionsSchema<'a> {
    /// Versions 0+.
    pub topic: &'a str,
    /// Versions 0+.
    pub partition_ids: Vec<i32>,
}

impl<'a> PartitionsSchema<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut this = Self::default();
        this.topic = reader.string(flexible)?;
        this.partition_ids = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        out.put_string(self.topic, flexible)?;
        out.put_array(&self.partition_ids, flexible, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { TransactionLogValue<'a>, versions 0..=1, flexible 1 }
