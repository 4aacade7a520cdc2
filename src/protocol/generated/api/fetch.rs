//! `FetchRequest`, `FetchResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/fetch.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest<'a> {
    /// Versions 12+, nullable 12+, tag 0.
    pub cluster_id: Option<&'a str>,
    /// Versions 0-14.
    pub replica_id: BrokerId,
    /// Versions 15+, tag 1.
    pub replica_state: ReplicaState,
    /// Versions 0+.
    pub max_wait_ms: i32,
    /// Versions 0+.
    pub min_bytes: i32,
    /// Versions 3+.
    pub max_bytes: i32,
    /// Versions 4+.
    pub isolation_level: i8,
    /// Versions 7+.
    pub session_id: i32,
    /// Versions 7+.
    pub session_epoch: i32,
    /// Versions 0+.
    pub topics: Vec<FetchTopic<'a>>,
    /// Versions 7+.
    pub forgotten_topics_data: Vec<ForgottenTopic<'a>>,
    /// Versions 11+.
    pub rack_id: &'a str,
}

impl Default for FetchRequest<'_> {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            replica_id: BrokerId(-1),
            replica_state: Default::default(),
            max_wait_ms: Default::default(),
            min_bytes: Default::default(),
            max_bytes: 0x7fffffff,
            isolation_level: Default::default(),
            session_id: Default::default(),
            session_epoch: -1,
            topics: Default::default(),
            forgotten_topics_data: Default::default(),
            rack_id: Default::default(),
        }
    }
}

impl<'a> FetchRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 4, 18)?;
        let flexible = version >= 12;
        let mut this = Self::default();
        if version <= 14 {
            this.replica_id = BrokerId(reader.i32()?);
        }
        this.max_wait_ms = reader.i32()?;
        this.min_bytes = reader.i32()?;
        this.max_bytes = reader.i32()?;
        this.isolation_level = reader.i8()?;
        if version >= 7 {
            this.session_id = reader.i32()?;
        }
        if version >= 7 {
            this.session_epoch = reader.i32()?;
        }
        this.topics = reader.array(flexible, 3, |reader| FetchTopic::decode(reader, version))?;
        if version >= 7 {
            this.forgotten_topics_data = reader.array(flexible, 3, |reader| {
                ForgottenTopic::decode(reader, version)
            })?;
        }
        if version >= 11 {
            this.rack_id = reader.string(flexible)?;
        }
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 => this.cluster_id = reader.nullable_string(true)?,
                    1 if version >= 15 => {
                        this.replica_state = ReplicaState::decode(reader, version)?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 4, 18)?;
        let flexible = version >= 12;
        if version <= 14 {
            out.put_i32(self.replica_id.0);
        } else {
            absent(self.replica_id == BrokerId(-1), "ReplicaId", version)?;
        }
        out.put_i32(self.max_wait_ms);
        out.put_i32(self.min_bytes);
        out.put_i32(self.max_bytes);
        out.put_i8(self.isolation_level);
        if version >= 7 {
            out.put_i32(self.session_id);
        }
        if version >= 7 {
            out.put_i32(self.session_epoch);
        }
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 7 {
            out.put_array(&self.forgotten_topics_data, flexible, |out, item| {
                item.encode(out, version)
            })?;
        } else {
            absent(
                self.forgotten_topics_data.is_empty(),
                "ForgottenTopicsData",
                version,
            )?;
        }
        if version >= 11 {
            out.put_string(self.rack_id, flexible)?;
        }
        if flexible {
            let has_cluster_id = self.cluster_id.is_some();
            let has_replica_state = version >= 15 && self.replica_state != ReplicaState::default();
            out.put_unsigned_varint(u32::from(has_cluster_id) + u32::from(has_replica_state));
            if has_cluster_id {
                out.put_tag(0, |out| out.put_nullable_string(self.cluster_id, true))?;
            }
            if has_replica_state {
                out.put_tag(1, |out| self.replica_state.encode(out, version))?;
            }
        }
        if version < 15 {
            absent(
                self.replica_state == ReplicaState::default(),
                "ReplicaState",
                version,
            )?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    /// Versions 15+.
    pub replica_id: BrokerId,
    /// Versions 15+.
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self {
            replica_id: BrokerId(-1),
            replica_epoch: -1,
        }
    }
}

impl ReplicaState {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.replica_id = BrokerId(reader.i32()?);
        this.replica_epoch = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.replica_id.0);
        out.put_i64(self.replica_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic<'a> {
    /// Versions 0-12.
    pub topic: TopicName<'a>,
    /// Versions 13+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<FetchPartition>,
}

impl<'a> FetchTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut this = Self::default();
        if version <= 12 {
            this.topic = TopicName(reader.string(flexible)?);
        }
        if version >= 13 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(flexible, 16, |reader| {
            FetchPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        if version <= 12 {
            out.put_string(self.topic.0, flexible)?;
        }
        if version >= 13 {
            out.put_uuid(self.topic_id);
        }
        out.put_array(&self.partitions, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    /// Versions 0+.
    pub partition: i32,
    /// Versions 9+.
    pub current_leader_epoch: i32,
    /// Versions 0+.
    pub fetch_offset: i64,
    /// Versions 12+.
    pub last_fetched_epoch: i32,
    /// Versions 5+.
    pub log_start_offset: i64,
    /// Versions 0+.
    pub partition_max_bytes: i32,
    /// Versions 17+, tag 0.
    pub replica_directory_id: Uuid,
    /// Versions 18+, tag 1.
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            current_leader_epoch: -1,
            fetch_offset: Default::default(),
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: Default::default(),
            replica_directory_id: Default::default(),
            high_watermark: 9223372036854775807,
        }
    }
}

impl FetchPartition {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut this = Self::default();
        this.partition = reader.i32()?;
        if version >= 9 {
            this.current_leader_epoch = reader.i32()?;
        }
        this.fetch_offset = reader.i64()?;
        if version >= 12 {
            this.last_fetched_epoch = reader.i32()?;
        }
        if version >= 5 {
            this.log_start_offset = reader.i64()?;
        }
        this.partition_max_bytes = reader.i32()?;
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 if version >= 17 => this.replica_directory_id = reader.uuid()?,
                    1 if version >= 18 => this.high_watermark = reader.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        out.put_i32(self.partition);
        if version >= 9 {
            out.put_i32(self.current_leader_epoch);
        }
        out.put_i64(self.fetch_offset);
        if version >= 12 {
            out.put_i32(self.last_fetched_epoch);
        } else {
            absent(self.last_fetched_epoch == -1, "LastFetchedEpoch", version)?;
        }
        if version >= 5 {
            out.put_i64(self.log_start_offset);
        }
        out.put_i32(self.partition_max_bytes);
        if flexible {
            let has_replica_directory_id = version >= 17 && !self.replica_directory_id.is_zero();
            let has_high_watermark = version >= 18 && self.high_watermark != 9223372036854775807;
            out.put_unsigned_varint(
                u32::from(has_replica_directory_id) + u32::from(has_high_watermark),
            );
            if has_replica_directory_id {
                out.put_tag(0, |out| {
                    out.put_uuid(self.replica_directory_id);
                    Ok(())
                })?;
            }
            if has_high_watermark {
                out.put_tag(1, |out| {
                    out.put_i64(self.high_watermark);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenTopic<'a> {
    /// Versions 7-12.
    pub topic: TopicName<'a>,
    /// Versions 13+.
    pub topic_id: Uuid,
    /// Versions 7+.
    pub partitions: Vec<i32>,
}

impl<'a> ForgottenTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut this = Self::default();
        if version <= 12 {
            this.topic = TopicName(reader.string(flexible)?);
        }
        if version >= 13 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        if version <= 12 {
            out.put_string(self.topic.0, flexible)?;
        }
        if version >= 13 {
            out.put_uuid(self.topic_id);
        }
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

message! { FetchRequest<'a>, versions 4..=18, flexible 12 }

request! {
    Fetch,
    FetchRequest<'a>,
    FetchResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchResponse<'a> {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 7+.
    pub error_code: ErrorCode,
    /// Versions 7+.
    pub session_id: i32,
    /// Versions 0+.
    pub responses: Vec<FetchableTopicResponse<'a>>,
    /// Versions 16+, tag 0.
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

impl<'a> FetchResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 4, 18)?;
        let flexible = version >= 12;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        if version >= 7 {
            this.error_code = ErrorCode::from_code(reader.i16()?);
        }
        if version >= 7 {
            this.session_id = reader.i32()?;
        }
        this.responses = reader.array(flexible, 3, |reader| {
            FetchableTopicResponse::decode(reader, version)
        })?;
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 if version >= 16 => {
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
        check_encode(version, 4, 18)?;
        let flexible = version >= 12;
        out.put_i32(self.throttle_time_ms);
        if version >= 7 {
            out.put_i16(self.error_code.code());
        }
        if version >= 7 {
            out.put_i32(self.session_id);
        } else {
            absent(self.session_id == 0, "SessionId", version)?;
        }
        out.put_array(&self.responses, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            let has_node_endpoints = version >= 16 && !self.node_endpoints.is_empty();
            out.put_unsigned_varint(u32::from(has_node_endpoints));
            if has_node_endpoints {
                out.put_tag(0, |out| {
                    out.put_array(&self.node_endpoints, true, |out, item| {
                        item.encode(out, version)
                    })
                })?;
            }
        }
        if version < 16 {
            absent(self.node_endpoints.is_empty(), "NodeEndpoints", version)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchableTopicResponse<'a> {
    /// Versions 0-12.
    pub topic: TopicName<'a>,
    /// Versions 13+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub partitions: Vec<PartitionData<'a>>,
}

impl<'a> FetchableTopicResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut this = Self::default();
        if version <= 12 {
            this.topic = TopicName(reader.string(flexible)?);
        }
        if version >= 13 {
            this.topic_id = reader.uuid()?;
        }
        this.partitions = reader.array(flexible, 30, |reader| {
            PartitionData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        if version <= 12 {
            out.put_string(self.topic.0, flexible)?;
        }
        if version >= 13 {
            out.put_uuid(self.topic_id);
        }
        out.put_array(&self.partitions, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionData<'a> {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub high_watermark: i64,
    /// Versions 4+.
    pub last_stable_offset: i64,
    /// Versions 5+.
    pub log_start_offset: i64,
    /// Versions 12+, tag 0.
    pub diverging_epoch: EpochEndOffset,
    /// Versions 12+, tag 1.
    pub current_leader: LeaderIdAndEpoch,
    /// Versions 12+, tag 2.
    pub snapshot_id: SnapshotId,
    /// Versions 4+, nullable 4+.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// Versions 11+.
    pub preferred_read_replica: BrokerId,
    /// Versions 0+, nullable 0+.
    pub records: Option<&'a [u8]>,
}

impl Default for PartitionData<'_> {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            high_watermark: Default::default(),
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: Default::default(),
            current_leader: Default::default(),
            snapshot_id: Default::default(),
            aborted_transactions: Some(Vec::new()),
            preferred_read_replica: BrokerId(-1),
            records: Default::default(),
        }
    }
}

impl<'a> PartitionData<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.high_watermark = reader.i64()?;
        this.last_stable_offset = reader.i64()?;
        if version >= 5 {
            this.log_start_offset = reader.i64()?;
        }
        this.aborted_transactions = reader.nullable_array(flexible, 16, |reader| {
            AbortedTransaction::decode(reader, version)
        })?;
        if version >= 11 {
            this.preferred_read_replica = BrokerId(reader.i32()?);
        }
        this.records = reader.nullable_bytes(flexible)?;
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 => this.diverging_epoch = EpochEndOffset::decode(reader, version)?,
                    1 => this.current_leader = LeaderIdAndEpoch::decode(reader, version)?,
                    2 => this.snapshot_id = SnapshotId::decode(reader, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_i64(self.high_watermark);
        out.put_i64(self.last_stable_offset);
        if version >= 5 {
            out.put_i64(self.log_start_offset);
        }
        out.put_nullable_array(
            self.aborted_transactions.as_deref(),
            flexible,
            |out, item| item.encode(out, version),
        )?;
        if version >= 11 {
            out.put_i32(self.preferred_read_replica.0);
        } else {
            absent(
                self.preferred_read_replica == BrokerId(-1),
                "PreferredReadReplica",
                version,
            )?;
        }
        out.put_nullable_bytes(self.records, flexible);
        if flexible {
            let has_diverging_epoch = self.diverging_epoch != EpochEndOffset::default();
            let has_current_leader = self.current_leader != LeaderIdAndEpoch::default();
            let has_snapshot_id = self.snapshot_id != SnapshotId::default();
            out.put_unsigned_varint(
                u32::from(has_diverging_epoch)
                    + u32::from(has_current_leader)
                    + u32::from(has_snapshot_id),
            );
            if has_diverging_epoch {
                out.put_tag(0, |out| self.diverging_epoch.encode(out, version))?;
            }
            if has_current_leader {
                out.put_tag(1, |out| self.current_leader.encode(out, version))?;
            }
            if has_snapshot_id {
                out.put_tag(2, |out| self.snapshot_id.encode(out, version))?;
            }
        }
        if version < 12 {
            absent(
                self.diverging_epoch == EpochEndOffset::default(),
                "DivergingEpoch",
                version,
            )?;
        }
        if version < 12 {
            absent(
                self.current_leader == LeaderIdAndEpoch::default(),
                "CurrentLeader",
                version,
            )?;
        }
        if version < 12 {
            absent(
                self.snapshot_id == SnapshotId::default(),
                "SnapshotId",
                version,
            )?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    /// Versions 12+.
    pub epoch: i32,
    /// Versions 12+.
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self {
            epoch: -1,
            end_offset: -1,
        }
    }
}

impl EpochEndOffset {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.epoch = reader.i32()?;
        this.end_offset = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.epoch);
        out.put_i64(self.end_offset);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    /// Versions 12+.
    pub leader_id: BrokerId,
    /// Versions 12+.
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

#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotId {
    /// Versions 0+.
    pub end_offset: i64,
    /// Versions 0+.
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self {
            end_offset: -1,
            epoch: -1,
        }
    }
}

impl SnapshotId {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.end_offset = reader.i64()?;
        this.epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.end_offset);
        out.put_i32(self.epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortedTransaction {
    /// Versions 4+.
    pub producer_id: ProducerId,
    /// Versions 4+.
    pub first_offset: i64,
}

impl AbortedTransaction {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut this = Self::default();
        this.producer_id = ProducerId(reader.i64()?);
        this.first_offset = reader.i64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        out.put_i64(self.producer_id.0);
        out.put_i64(self.first_offset);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint<'a> {
    /// Versions 16+.
    pub node_id: BrokerId,
    /// Versions 16+.
    pub host: &'a str,
    /// Versions 16+.
    pub port: i32,
    /// Versions 16+, nullable 16+.
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

message! { FetchResponse<'a>, versions 4..=18, flexible 12 }
