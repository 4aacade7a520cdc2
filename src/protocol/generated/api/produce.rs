//! `ProduceRequest`, `ProduceResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/produce.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceRequest<'a> {
    /// Versions 3+, nullable 3+.
    pub transactional_id: Option<TransactionalId<'a>>,
    /// Versions 0+.
    pub acks: i16,
    /// Versions 0+.
    pub timeout_ms: i32,
    /// Versions 0+.
    pub topic_data: Vec<TopicProduceData<'a>>,
}

impl<'a> ProduceRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 3, 13)?;
        let flexible = version >= 9;
        let mut this = Self::default();
        this.transactional_id = reader.nullable_string(flexible)?.map(TransactionalId);
        this.acks = reader.i16()?;
        this.timeout_ms = reader.i32()?;
        this.topic_data = reader.array(flexible, 3, |reader| {
            TopicProduceData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 3, 13)?;
        let flexible = version >= 9;
        out.put_nullable_string(self.transactional_id.as_deref(), flexible)?;
        out.put_i16(self.acks);
        out.put_i32(self.timeout_ms);
        out.put_array(&self.topic_data, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceData<'a> {
    /// Versions 0-12.
    pub name: TopicName<'a>,
    /// Versions 13+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partition_data: Vec<PartitionProduceData<'a>>,
}

impl<'a> TopicProduceData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        if version <= 12 {
            this.name = TopicName(reader.string(flexible)?);
        }
        if version >= 13 {
            this.topic_id = reader.uuid()?;
        }
        this.partition_data = reader.array(flexible, 6, |reader| {
            PartitionProduceData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        if version <= 12 {
            out.put_string(self.name.0, flexible)?;
        }
        if version >= 13 {
            out.put_uuid(self.topic_id);
        }
        out.put_array(&self.partition_data, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionProduceData<'a> {
    /// Versions 0+.
    pub index: i32,
    /// Versions 0+, nullable 0+.
    pub records: Option<&'a [u8]>,
}

impl<'a> PartitionProduceData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        this.index = reader.i32()?;
        this.records = reader.nullable_bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        out.put_i32(self.index);
        out.put_nullable_bytes(self.records, flexible);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ProduceRequest<'a>, versions 3..=13, flexible 9 }

request! {
    Produce,
    ProduceRequest<'a>,
    ProduceResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceResponse<'a> {
    /// Versions 0+.
    pub responses: Vec<TopicProduceResponse<'a>>,
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 10+, tag 0.
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

impl<'a> ProduceResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 3, 13)?;
        let flexible = version >= 9;
        let mut this = Self::default();
        this.responses = reader.array(flexible, 3, |reader| {
            TopicProduceResponse::decode(reader, version)
        })?;
        this.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 if version >= 10 => {
                        this.node_endpoints = reader
                            .array(true, 11, |reader| NodeEndpoint::decode(reader, version))?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 3, 13)?;
        let flexible = version >= 9;
        out.put_array(&self.responses, flexible, |out, item| {
            item.encode(out, version)
        })?;
        out.put_i32(self.throttle_time_ms);
        if flexible {
            let has_node_endpoints = version >= 10 && !self.node_endpoints.is_empty();
            out.put_unsigned_varint(u32::from(has_node_endpoints));
            if has_node_endpoints {
                out.put_tag(0, |out| {
                    out.put_array(&self.node_endpoints, true, |out, item| {
                        item.encode(out, version)
                    })
                })?;
            }
        }
        if version < 10 {
            absent(self.node_endpoints.is_empty(), "NodeEndpoints", version)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceResponse<'a> {
    /// Versions 0-12.
    pub name: TopicName<'a>,
    /// Versions 13+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partition_responses: Vec<PartitionProduceResponse<'a>>,
}

impl<'a> TopicProduceResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        if version <= 12 {
            this.name = TopicName(reader.string(flexible)?);
        }
        if version >= 13 {
            this.topic_id = reader.uuid()?;
        }
        this.partition_responses = reader.array(flexible, 22, |reader| {
            PartitionProduceResponse::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        if version <= 12 {
            out.put_string(self.name.0, flexible)?;
        }
        if version >= 13 {
            out.put_uuid(self.topic_id);
        }
        out.put_array(&self.partition_responses, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProduceResponse<'a> {
    /// Versions 0+.
    pub index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub base_offset: i64,
    /// Versions 2+.
    pub log_append_time_ms: i64,
    /// Versions 5+.
    pub log_start_offset: i64,
    /// Versions 8+.
    pub record_errors: Vec<BatchIndexAndErrorMessage<'a>>,
    /// Versions 8+, nullable 8+.
    pub error_message: Option<&'a str>,
    /// Versions 10+, tag 0.
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse<'_> {
    fn default() -> Self {
        Self {
            index: Default::default(),
            error_code: Default::default(),
            base_offset: Default::default(),
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Default::default(),
            error_message: Default::default(),
            current_leader: Default::default(),
        }
    }
}

impl<'a> PartitionProduceResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        this.index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.base_offset = reader.i64()?;
        this.log_append_time_ms = reader.i64()?;
        if version >= 5 {
            this.log_start_offset = reader.i64()?;
        }
        if version >= 8 {
            this.record_errors = reader.array(flexible, 6, |reader| {
                BatchIndexAndErrorMessage::decode(reader, version)
            })?;
        }
        if version >= 8 {
            this.error_message = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 if version >= 10 => {
                        this.current_leader = LeaderIdAndEpoch::decode(reader, version)?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        out.put_i32(self.index);
        out.put_i16(self.error_code.code());
        out.put_i64(self.base_offset);
        out.put_i64(self.log_append_time_ms);
        if version >= 5 {
            out.put_i64(self.log_start_offset);
        }
        if version >= 8 {
            out.put_array(&self.record_errors, flexible, |out, item| {
                item.encode(out, version)
            })?;
        }
        if version >= 8 {
            out.put_nullable_string(self.error_message, flexible)?;
        }
        if flexible {
            let has_current_leader =
                version >= 10 && self.current_leader != LeaderIdAndEpoch::default();
            out.put_unsigned_varint(u32::from(has_current_leader));
            if has_current_leader {
                out.put_tag(0, |out| self.current_leader.encode(out, version))?;
            }
        }
        if version < 10 {
            absent(
                self.current_leader == LeaderIdAndEpoch::default(),
                "CurrentLeader",
                version,
            )?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchIndexAndErrorMessage<'a> {
    /// Versions 8+.
    pub batch_index: i32,
    /// Versions 8+, nullable 8+.
    pub batch_index_error_message: Option<&'a str>,
}

impl<'a> BatchIndexAndErrorMessage<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        this.batch_index = reader.i32()?;
        this.batch_index_error_message = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        out.put_i32(self.batch_index);
        out.put_nullable_string(self.batch_index_error_message, flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    /// Versions 10+.
    pub leader_id: BrokerId,
    /// Versions 10+.
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self {
            leader_id: BrokerId(-1),
            leader_epoch: -1,
        }
    }
}

impl LeaderIdAndEpoch {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.leader_id = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.leader_id.0);
        out.put_i32(self.leader_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint<'a> {
    /// Versions 10+.
    pub node_id: BrokerId,
    /// Versions 10+.
    pub host: &'a str,
    /// Versions 10+.
    pub port: i32,
    /// Versions 10+, nullable 10+.
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

message! { ProduceResponse<'a>, versions 3..=13, flexible 9 }
