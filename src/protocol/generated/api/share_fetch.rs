//! `ShareFetchRequest`, `ShareFetchResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/share_fetch.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ShareFetchRequest<'a> {
    /// Versions 0+, nullable 0+.
    pub group_id: Option<GroupId<'a>>,
    /// Versions 0+, nullable 0+.
    pub member_id: Option<&'a str>,
    /// Versions 0+.
    pub share_session_epoch: i32,
    /// Versions 0+.
    pub max_wait_ms: i32,
    /// Versions 0+.
    pub min_bytes: i32,
    /// Versions 0+.
    pub max_bytes: i32,
    /// Versions 1+.
    pub max_records: i32,
    /// Versions 1+.
    pub batch_size: i32,
    /// Versions 2+.
    pub share_acquire_mode: i8,
    /// Versions 2+.
    pub is_renew_ack: bool,
    /// Versions 0+.
    pub topics: Vec<FetchTopic>,
    /// Versions 0+.
    pub forgotten_topics_data: Vec<ForgottenTopic>,
}

impl Default for ShareFetchRequest<'_> {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Some(""),
            share_session_epoch: Default::default(),
            max_wait_ms: Default::default(),
            min_bytes: Default::default(),
            max_bytes: 0x7fffffff,
            max_records: Default::default(),
            batch_size: Default::default(),
            share_acquire_mode: Default::default(),
            is_renew_ack: Default::default(),
            topics: Default::default(),
            forgotten_topics_data: Default::default(),
        }
    }
}

impl<'a> ShareFetchRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let mut this = Self::default();
        this.group_id = reader.nullable_string(true)?.map(GroupId);
        this.member_id = reader.nullable_string(true)?;
        this.share_session_epoch = reader.i32()?;
        this.max_wait_ms = reader.i32()?;
        this.min_bytes = reader.i32()?;
        this.max_bytes = reader.i32()?;
        this.max_records = reader.i32()?;
        this.batch_size = reader.i32()?;
        if version >= 2 {
            this.share_acquire_mode = reader.i8()?;
        }
        if version >= 2 {
            this.is_renew_ack = reader.bool()?;
        }
        this.topics = reader.array(true, 18, |reader| FetchTopic::decode(reader, version))?;
        this.forgotten_topics_data =
            reader.array(true, 18, |reader| ForgottenTopic::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        out.put_nullable_string(self.group_id.as_deref(), true)?;
        out.put_nullable_string(self.member_id, true)?;
        out.put_i32(self.share_session_epoch);
        out.put_i32(self.max_wait_ms);
        out.put_i32(self.min_bytes);
        out.put_i32(self.max_bytes);
        out.put_i32(self.max_records);
        out.put_i32(self.batch_size);
        if version >= 2 {
            out.put_i8(self.share_acquire_mode);
        }
        if version >= 2 {
            out.put_bool(self.is_renew_ack);
        } else {
            absent(!self.is_renew_ack, "IsRenewAck", version)?;
        }
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_array(&self.forgotten_topics_data, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<FetchPartition>,
}

impl FetchTopic {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions =
            reader.array(true, 6, |reader| FetchPartition::decode(reader, version))?;
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
pub struct FetchPartition {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

impl FetchPartition {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.acknowledgement_batches = reader.array(true, 18, |reader| {
            AcknowledgementBatch::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_array(&self.acknowledgement_batches, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AcknowledgementBatch {
    /// Versions 0+.
    pub first_offset: i64,
    /// Versions 0+.
    pub last_offset: i64,
    /// Versions 0+.
    pub acknowledge_types: Vec<i8>,
}

impl AcknowledgementBatch {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.first_offset = reader.i64()?;
        this.last_offset = reader.i64()?;
        this.acknowledge_types = reader.array(true, 1, Reader::i8)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.first_offset);
        out.put_i64(self.last_offset);
        out.put_array(&self.acknowledge_types, true, |out, item| {
            out.put_i8(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenTopic {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl ForgottenTopic {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareFetchRequest<'a>, versions 1..=2, flexible 0 }

request! {
    ShareFetch,
    ShareFetchRequest<'a>,
    ShareFetchResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareFetchResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 1+.
    pub acquisition_lock_timeout_ms: i32,
    /// Versions 0+.
    pub responses: Vec<ShareFetchableTopicResponse<'a>>,
    /// Versions 0+.
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

impl<'a> ShareFetchResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.acquisition_lock_timeout_ms = reader.i32()?;
        this.responses = reader.array(true, 18, |reader| {
            ShareFetchableTopicResponse::decode(reader, version)
        })?;
        this.node_endpoints =
            reader.array(true, 11, |reader| NodeEndpoint::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_i32(self.acquisition_lock_timeout_ms);
        out.put_array(&self.responses, true, |out, item| item.encode(out, version))?;
        out.put_array(&self.node_endpoints, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareFetchableTopicResponse<'a> {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<PartitionData<'a>>,
}

impl<'a> ShareFetchableTopicResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.partitions =
            reader.array(true, 22, |reader| PartitionData::decode(reader, version))?;
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
pub struct PartitionData<'a> {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub acknowledge_error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub acknowledge_error_message: Option<&'a str>,
    /// Versions 0+.
    pub current_leader: LeaderIdAndEpoch,
    /// Versions 0+, nullable 0.
    pub records: &'a [u8],
    /// Versions 0+.
    pub acquired_records: Vec<AcquiredRecords>,
}

impl<'a> PartitionData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.acknowledge_error_code = ErrorCode::from_code(reader.i16()?);
        this.acknowledge_error_message = reader.nullable_string(true)?;
        this.current_leader = LeaderIdAndEpoch::decode(reader, version)?;
        this.records = reader.bytes(true)?;
        this.acquired_records =
            reader.array(true, 19, |reader| AcquiredRecords::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_i16(self.acknowledge_error_code.code());
        out.put_nullable_string(self.acknowledge_error_message, true)?;
        self.current_leader.encode(out, version)?;
        out.put_bytes(self.records, true);
        out.put_array(&self.acquired_records, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderIdAndEpoch {
    /// Versions 0+.
    pub leader_id: i32,
    /// Versions 0+.
    pub leader_epoch: i32,
}

impl LeaderIdAndEpoch {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.leader_id = reader.i32()?;
        this.leader_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.leader_id);
        out.put_i32(self.leader_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AcquiredRecords {
    /// Versions 0+.
    pub first_offset: i64,
    /// Versions 0+.
    pub last_offset: i64,
    /// Versions 0+.
    pub delivery_count: i16,
}

impl AcquiredRecords {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.first_offset = reader.i64()?;
        this.last_offset = reader.i64()?;
        this.delivery_count = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.first_offset);
        out.put_i64(self.last_offset);
        out.put_i16(self.delivery_count);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint<'a> {
    /// Versions 0+.
    pub node_id: BrokerId,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: i32,
    /// Versions 0+, nullable 0+.
    pub rack: Option<&'a str>,
}

impl<'a> NodeEndpoint<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.node_id = BrokerId(reader.i32()?);
        this.host = reader.string(true)?;
        this.port = reader.i32()?;
        this.rack = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.node_id.0);
        out.put_string(self.host, true)?;
        out.put_i32(self.port);
        out.put_nullable_string(self.rack, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareFetchResponse<'a>, versions 1..=2, flexible 0 }
