//! `StreamsGroupHeartbeatRequest`, `StreamsGroupHeartbeatResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/streams_group_heartbeat.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupHeartbeatRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+.
    pub member_epoch: i32,
    /// Versions 0+.
    pub endpoint_information_epoch: i32,
    /// Versions 0+, nullable 0+.
    pub instance_id: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub rack_id: Option<&'a str>,
    /// Versions 0+.
    pub rebalance_timeout_ms: i32,
    /// Versions 0+, nullable 0+.
    pub topology: Option<Topology<'a>>,
    /// Versions 0+, nullable 0+.
    pub active_tasks: Option<Vec<StreamsGroupHeartbeatRequestTaskIds<'a>>>,
    /// Versions 0+, nullable 0+.
    pub standby_tasks: Option<Vec<StreamsGroupHeartbeatRequestTaskIds<'a>>>,
    /// Versions 0+, nullable 0+.
    pub warmup_tasks: Option<Vec<StreamsGroupHeartbeatRequestTaskIds<'a>>>,
    /// Versions 0+, nullable 0+.
    pub process_id: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub user_endpoint: Option<StreamsGroupHeartbeatRequestEndpoint<'a>>,
    /// Versions 0+, nullable 0+.
    pub client_tags: Option<Vec<KeyValue<'a>>>,
    /// Versions 0+, nullable 0+.
    pub task_offsets: Option<Vec<TaskOffset<'a>>>,
    /// Versions 0+, nullable 0+.
    pub task_end_offsets: Option<Vec<TaskOffset<'a>>>,
    /// Versions 0+.
    pub shutdown_application: bool,
}

impl Default for StreamsGroupHeartbeatRequest<'_> {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: Default::default(),
            endpoint_information_epoch: Default::default(),
            instance_id: Default::default(),
            rack_id: Default::default(),
            rebalance_timeout_ms: -1,
            topology: Default::default(),
            active_tasks: Default::default(),
            standby_tasks: Default::default(),
            warmup_tasks: Default::default(),
            process_id: Default::default(),
            user_endpoint: Default::default(),
            client_tags: Default::default(),
            task_offsets: Default::default(),
            task_end_offsets: Default::default(),
            shutdown_application: Default::default(),
        }
    }
}

impl<'a> StreamsGroupHeartbeatRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        this.member_id = reader.string(true)?;
        this.member_epoch = reader.i32()?;
        this.endpoint_information_epoch = reader.i32()?;
        this.instance_id = reader.nullable_string(true)?;
        this.rack_id = reader.nullable_string(true)?;
        this.rebalance_timeout_ms = reader.i32()?;
        this.topology = if reader.is_present()? {
            Some(Topology::decode(reader, version)?)
        } else {
            None
        };
        this.active_tasks = reader.nullable_array(true, 3, |reader| {
            StreamsGroupHeartbeatRequestTaskIds::decode(reader, version)
        })?;
        this.standby_tasks = reader.nullable_array(true, 3, |reader| {
            StreamsGroupHeartbeatRequestTaskIds::decode(reader, version)
        })?;
        this.warmup_tasks = reader.nullable_array(true, 3, |reader| {
            StreamsGroupHeartbeatRequestTaskIds::decode(reader, version)
        })?;
        this.process_id = reader.nullable_string(true)?;
        this.user_endpoint = if reader.is_present()? {
            Some(StreamsGroupHeartbeatRequestEndpoint::decode(
                reader, version,
            )?)
        } else {
            None
        };
        this.client_tags =
            reader.nullable_array(true, 3, |reader| KeyValue::decode(reader, version))?;
        this.task_offsets =
            reader.nullable_array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        this.task_end_offsets =
            reader.nullable_array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        this.shutdown_application = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_string(self.group_id.0, true)?;
        out.put_string(self.member_id, true)?;
        out.put_i32(self.member_epoch);
        out.put_i32(self.endpoint_information_epoch);
        out.put_nullable_string(self.instance_id, true)?;
        out.put_nullable_string(self.rack_id, true)?;
        out.put_i32(self.rebalance_timeout_ms);
        put_nullable(out, true, self.topology.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_nullable_array(self.active_tasks.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_array(self.standby_tasks.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_array(self.warmup_tasks.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_string(self.process_id, true)?;
        put_nullable(out, true, self.user_endpoint.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_nullable_array(self.client_tags.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_array(self.task_offsets.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_array(self.task_end_offsets.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_bool(self.shutdown_application);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology<'a> {
    /// Versions 0+.
    pub epoch: i32,
    /// Versions 0+.
    pub subtopologies: Vec<Subtopology<'a>>,
}

impl<'a> Topology<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.epoch = reader.i32()?;
        this.subtopologies =
            reader.array(true, 8, |reader| Subtopology::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.epoch);
        out.put_array(&self.subtopologies, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subtopology<'a> {
    /// Versions 0+.
    pub subtopology_id: &'a str,
    /// Versions 0+.
    pub source_topics: Vec<TopicName<'a>>,
    /// Versions 0+.
    pub source_topic_regex: Vec<&'a str>,
    /// Versions 0+.
    pub state_changelog_topics: Vec<TopicInfo<'a>>,
    /// Versions 0+.
    pub repartition_sink_topics: Vec<TopicName<'a>>,
    /// Versions 0+.
    pub repartition_source_topics: Vec<TopicInfo<'a>>,
    /// Versions 0+.
    pub copartition_groups: Vec<CopartitionGroup>,
}

impl<'a> Subtopology<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.source_topics = reader.array(true, 1, |reader| Ok(TopicName(reader.string(true)?)))?;
        this.source_topic_regex = reader.array(true, 1, |reader| reader.string(true))?;
        this.state_changelog_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        this.repartition_sink_topics =
            reader.array(true, 1, |reader| Ok(TopicName(reader.string(true)?)))?;
        this.repartition_source_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        this.copartition_groups =
            reader.array(true, 4, |reader| CopartitionGroup::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.subtopology_id, true)?;
        out.put_array(&self.source_topics, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_array(&self.source_topic_regex, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_array(&self.state_changelog_topics, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.repartition_sink_topics, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_array(&self.repartition_source_topics, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.copartition_groups, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopartitionGroup {
    /// Versions 0+.
    pub source_topics: Vec<i16>,
    /// Versions 0+.
    pub source_topic_regex: Vec<i16>,
    /// Versions 0+.
    pub repartition_source_topics: Vec<i16>,
}

impl CopartitionGroup {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.source_topics = reader.array(true, 2, Reader::i16)?;
        this.source_topic_regex = reader.array(true, 2, Reader::i16)?;
        this.repartition_source_topics = reader.array(true, 2, Reader::i16)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_array(&self.source_topics, true, |out, item| {
            out.put_i16(*item);
            Ok(())
        })?;
        out.put_array(&self.source_topic_regex, true, |out, item| {
            out.put_i16(*item);
            Ok(())
        })?;
        out.put_array(&self.repartition_source_topics, true, |out, item| {
            out.put_i16(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyValue<'a> {
    /// Versions 0+.
    pub key: &'a str,
    /// Versions 0+.
    pub value: &'a str,
}

impl<'a> KeyValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.key = reader.string(true)?;
        this.value = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.key, true)?;
        out.put_string(self.value, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicInfo<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: i32,
    /// Versions 0+.
    pub replication_factor: i16,
    /// Versions 0+.
    pub topic_configs: Vec<KeyValue<'a>>,
}

impl<'a> TopicInfo<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        this.partitions = reader.i32()?;
        this.replication_factor = reader.i16()?;
        this.topic_configs = reader.array(true, 3, |reader| KeyValue::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name.0, true)?;
        out.put_i32(self.partitions);
        out.put_i16(self.replication_factor);
        out.put_array(&self.topic_configs, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupHeartbeatRequestEndpoint<'a> {
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
}

impl<'a> StreamsGroupHeartbeatRequestEndpoint<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.host = reader.string(true)?;
        this.port = reader.u16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.host, true)?;
        out.put_u16(self.port);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskOffset<'a> {
    /// Versions 0+.
    pub subtopology_id: &'a str,
    /// Versions 0+.
    pub partition: i32,
    /// Versions 0+.
    pub offset: i64,
}

impl<'a> TaskOffset<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.partition = reader.i32()?;
        this.offset = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.subtopology_id, true)?;
        out.put_i32(self.partition);
        out.put_i64(self.offset);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupHeartbeatRequestTaskIds<'a> {
    /// Versions 0+.
    pub subtopology_id: &'a str,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> StreamsGroupHeartbeatRequestTaskIds<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.subtopology_id, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupHeartbeatRequest<'a>, versions 0..=1, flexible 0 }

request! {
    StreamsGroupHeartbeat,
    StreamsGroupHeartbeatRequest<'a>,
    StreamsGroupHeartbeatResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupHeartbeatResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+.
    pub member_epoch: i32,
    /// Versions 0+.
    pub heartbeat_interval_ms: i32,
    /// Versions 0.
    pub acceptable_recovery_lag_legacy: i32,
    /// Versions 0+.
    pub task_offset_interval_ms: i32,
    /// Versions 1+.
    pub acceptable_recovery_lag: i64,
    /// Versions 0+, nullable 0+.
    pub status: Option<Vec<Status<'a>>>,
    /// Versions 0+, nullable 0+.
    pub active_tasks: Option<Vec<StreamsGroupHeartbeatResponseTaskIds<'a>>>,
    /// Versions 0+, nullable 0+.
    pub standby_tasks: Option<Vec<StreamsGroupHeartbeatResponseTaskIds<'a>>>,
    /// Versions 0+, nullable 0+.
    pub warmup_tasks: Option<Vec<StreamsGroupHeartbeatResponseTaskIds<'a>>>,
    /// Versions 1+.
    pub topology_description_required: bool,
    /// Versions 0+.
    pub endpoint_information_epoch: i32,
    /// Versions 0+, nullable 0+.
    pub partitions_by_user_endpoint: Option<Vec<EndpointToPartitions<'a>>>,
}

impl Default for StreamsGroupHeartbeatResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            member_id: Default::default(),
            member_epoch: Default::default(),
            heartbeat_interval_ms: Default::default(),
            acceptable_recovery_lag_legacy: Default::default(),
            task_offset_interval_ms: Default::default(),
            acceptable_recovery_lag: -1,
            status: Some(Vec::new()),
            active_tasks: Default::default(),
            standby_tasks: Default::default(),
            warmup_tasks: Default::default(),
            topology_description_required: Default::default(),
            endpoint_information_epoch: Default::default(),
            partitions_by_user_endpoint: Default::default(),
        }
    }
}

impl<'a> StreamsGroupHeartbeatResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.member_id = reader.string(true)?;
        this.member_epoch = reader.i32()?;
        this.heartbeat_interval_ms = reader.i32()?;
        if version <= 0 {
            this.acceptable_recovery_lag_legacy = reader.i32()?;
        }
        this.task_offset_interval_ms = reader.i32()?;
        if version >= 1 {
            this.acceptable_recovery_lag = reader.i64()?;
        }
        this.status = reader.nullable_array(true, 3, |reader| Status::decode(reader, version))?;
        this.active_tasks = reader.nullable_array(true, 3, |reader| {
            StreamsGroupHeartbeatResponseTaskIds::decode(reader, version)
        })?;
        this.standby_tasks = reader.nullable_array(true, 3, |reader| {
            StreamsGroupHeartbeatResponseTaskIds::decode(reader, version)
        })?;
        this.warmup_tasks = reader.nullable_array(true, 3, |reader| {
            StreamsGroupHeartbeatResponseTaskIds::decode(reader, version)
        })?;
        if version >= 1 {
            this.topology_description_required = reader.bool()?;
        }
        this.endpoint_information_epoch = reader.i32()?;
        this.partitions_by_user_endpoint = reader.nullable_array(true, 7, |reader| {
            EndpointToPartitions::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_string(self.member_id, true)?;
        out.put_i32(self.member_epoch);
        out.put_i32(self.heartbeat_interval_ms);
        if version <= 0 {
            out.put_i32(self.acceptable_recovery_lag_legacy);
        } else {
            absent(
                self.acceptable_recovery_lag_legacy == 0,
                "AcceptableRecoveryLagLegacy",
                version,
            )?;
        }
        out.put_i32(self.task_offset_interval_ms);
        if version >= 1 {
            out.put_i64(self.acceptable_recovery_lag);
        }
        out.put_nullable_array(self.status.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_array(self.active_tasks.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_array(self.standby_tasks.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_nullable_array(self.warmup_tasks.as_deref(), true, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 1 {
            out.put_bool(self.topology_description_required);
        } else {
            absent(
                !self.topology_description_required,
                "TopologyDescriptionRequired",
                version,
            )?;
        }
        out.put_i32(self.endpoint_information_epoch);
        out.put_nullable_array(
            self.partitions_by_user_endpoint.as_deref(),
            true,
            |out, item| item.encode(out, version),
        )?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointToPartitions<'a> {
    /// Versions 0+.
    pub user_endpoint: StreamsGroupHeartbeatResponseEndpoint<'a>,
    /// Versions 0+.
    pub active_partitions: Vec<TopicPartition<'a>>,
    /// Versions 0+.
    pub standby_partitions: Vec<TopicPartition<'a>>,
}

impl<'a> EndpointToPartitions<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.user_endpoint = StreamsGroupHeartbeatResponseEndpoint::decode(reader, version)?;
        this.active_partitions =
            reader.array(true, 3, |reader| TopicPartition::decode(reader, version))?;
        this.standby_partitions =
            reader.array(true, 3, |reader| TopicPartition::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        self.user_endpoint.encode(out, version)?;
        out.put_array(&self.active_partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.standby_partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status<'a> {
    /// Versions 0+.
    pub status_code: i8,
    /// Versions 0+.
    pub status_detail: &'a str,
}

impl<'a> Status<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.status_code = reader.i8()?;
        this.status_detail = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i8(self.status_code);
        out.put_string(self.status_detail, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition<'a> {
    /// Versions 0+.
    pub topic: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> TopicPartition<'a> {
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupHeartbeatResponseTaskIds<'a> {
    /// Versions 0+.
    pub subtopology_id: &'a str,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> StreamsGroupHeartbeatResponseTaskIds<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.subtopology_id, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupHeartbeatResponseEndpoint<'a> {
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
}

impl<'a> StreamsGroupHeartbeatResponseEndpoint<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.host = reader.string(true)?;
        this.port = reader.u16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.host, true)?;
        out.put_u16(self.port);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupHeartbeatResponse<'a>, versions 0..=1, flexible 0 }
