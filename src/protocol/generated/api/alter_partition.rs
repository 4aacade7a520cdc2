//! `AlterPartitionRequest`, `AlterPartitionResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/alter_partition.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionRequest {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub broker_epoch: i64,
    /// Versions 0+.
    pub topics: Vec<AlterPartitionRequestTopicData>,
}

impl Default for AlterPartitionRequest {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            broker_epoch: -1,
            topics: Default::default(),
        }
    }
}

impl AlterPartitionRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 3)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.broker_epoch = reader.i64()?;
        this.topics = reader.array(true, 18, |reader| {
            AlterPartitionRequestTopicData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 3)?;
        out.put_i32(self.broker_id.0);
        out.put_i64(self.broker_epoch);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionRequestTopicData {
    /// Versions 2+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<AlterPartitionRequestPartitionData>,
}

impl AlterPartitionRequestTopicData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions = reader.array(true, 15, |reader| {
            AlterPartitionRequestPartitionData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionRequestPartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0-2.
    pub new_isr: Vec<BrokerId>,
    /// Versions 3+.
    pub new_isr_with_epochs: Vec<BrokerState>,
    /// Versions 1+.
    pub leader_recovery_state: i8,
    /// Versions 0+.
    pub partition_epoch: i32,
}

impl AlterPartitionRequestPartitionData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.leader_epoch = reader.i32()?;
        if version <= 2 {
            this.new_isr = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        }
        if version >= 3 {
            this.new_isr_with_epochs =
                reader.array(true, 13, |reader| BrokerState::decode(reader, version))?;
        }
        this.leader_recovery_state = reader.i8()?;
        this.partition_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i32(self.leader_epoch);
        if version <= 2 {
            out.put_array(&self.new_isr, true, |out, item| {
                out.put_i32(item.0);
                Ok(())
            })?;
        } else {
            absent(self.new_isr.is_empty(), "NewIsr", version)?;
        }
        if version >= 3 {
            out.put_array(&self.new_isr_with_epochs, true, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(
                self.new_isr_with_epochs.is_empty(),
                "NewIsrWithEpochs",
                version,
            )?;
        }
        out.put_i8(self.leader_recovery_state);
        out.put_i32(self.partition_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerState {
    /// Versions 3+.
    pub broker_id: BrokerId,
    /// Versions 3+.
    pub broker_epoch: i64,
}

impl Default for BrokerState {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            broker_epoch: -1,
        }
    }
}

impl BrokerState {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.broker_epoch = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.broker_id.0);
        out.put_i64(self.broker_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AlterPartitionRequest, versions 2..=3, flexible 0 }

request! {
    AlterPartition,
    AlterPartitionRequest,
    AlterPartitionResponse
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub topics: Vec<AlterPartitionResponseTopicData>,
}

impl AlterPartitionResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 2, 3)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.topics = reader.array(true, 18, |reader| {
            AlterPartitionResponseTopicData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 2, 3)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionResponseTopicData {
    /// Versions 2+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<AlterPartitionResponsePartitionData>,
}

impl AlterPartitionResponseTopicData {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions = reader.array(true, 21, |reader| {
            AlterPartitionResponsePartitionData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionResponsePartitionData {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub isr: Vec<BrokerId>,
    /// Versions 1+.
    pub leader_recovery_state: i8,
    /// Versions 0+.
    pub partition_epoch: i32,
}

impl AlterPartitionResponsePartitionData {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        this.isr = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.leader_recovery_state = reader.i8()?;
        this.partition_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        out.put_array(&self.isr, true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_i8(self.leader_recovery_state);
        out.put_i32(self.partition_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AlterPartitionResponse, versions 2..=3, flexible 0 }
