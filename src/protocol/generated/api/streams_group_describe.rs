//! `StreamsGroupDescribeRequest`, `StreamsGroupDescribeResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/streams_group_describe.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupDescribeRequest<'a> {
    /// Versions 0+.
    pub group_ids: Vec<GroupId<'a>>,
    /// Versions 0+.
    pub include_authorized_operations: bool,
    /// Versions 1+.
    pub include_topology_description: bool,
}

impl<'a> StreamsGroupDescribeRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.group_ids = reader.array(true, 1, |reader| Ok(GroupId(reader.string(true)?)))?;
        this.include_authorized_operations = reader.bool()?;
        if version >= 1 {
            this.include_topology_description = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_array(&self.group_ids, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_bool(self.include_authorized_operations);
        if version >= 1 {
            out.put_bool(self.include_topology_description);
        } else {
            absent(
                !self.include_topology_description,
                "IncludeTopologyDescription",
                version,
            )?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupDescribeRequest<'a>, versions 0..=1, flexible 0 }

request! {
    StreamsGroupDescribe,
    StreamsGroupDescribeRequest<'a>,
    StreamsGroupDescribeResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupDescribeResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub groups: Vec<DescribedGroup<'a>>,
}

impl<'a> StreamsGroupDescribeResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.groups = reader.array(true, 20, |reader| DescribedGroup::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.groups, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub group_state: &'a str,
    /// Versions 0+.
    pub group_epoch: i32,
    /// Versions 0+.
    pub assignment_epoch: i32,
    /// Versions 0+, nullable 0+.
    pub topology: Option<Topology<'a>>,
    /// Versions 0+.
    pub members: Vec<Member<'a>>,
    /// Versions 0+.
    pub authorized_operations: i32,
    /// Versions 1+, nullable 1+.
    pub topology_description: Option<TopologyDescription<'a>>,
    /// Versions 1+.
    pub topology_description_status: i8,
    /// Versions 1+, nullable 1+.
    pub assignor_name: Option<&'a str>,
}

impl Default for DescribedGroup<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            group_epoch: Default::default(),
            assignment_epoch: Default::default(),
            topology: Default::default(),
            members: Default::default(),
            authorized_operations: -2147483648,
            topology_description: Default::default(),
            topology_description_status: Default::default(),
            assignor_name: Default::default(),
        }
    }
}

impl<'a> DescribedGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.group_id = GroupId(reader.string(true)?);
        this.group_state = reader.string(true)?;
        this.group_epoch = reader.i32()?;
        this.assignment_epoch = reader.i32()?;
        this.topology = if reader.is_present()? {
            Some(Topology::decode(reader, version)?)
        } else {
            None
        };
        this.members = reader.array(true, 28, |reader| Member::decode(reader, version))?;
        this.authorized_operations = reader.i32()?;
        if version >= 1 {
            this.topology_description = if reader.is_present()? {
                Some(TopologyDescription::decode(reader, version)?)
            } else {
                None
            };
        }
        if version >= 1 {
            this.topology_description_status = reader.i8()?;
        }
        if version >= 1 {
            this.assignor_name = reader.nullable_string(true)?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_string(self.group_id.0, true)?;
        out.put_string(self.group_state, true)?;
        out.put_i32(self.group_epoch);
        out.put_i32(self.assignment_epoch);
        put_nullable(out, true, self.topology.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_array(&self.members, true, |out, item| item.encode(out, version))?;
        out.put_i32(self.authorized_operations);
        if version >= 1 {
            put_nullable(
                out,
                true,
                self.topology_description.as_ref(),
                |out, value| value.encode(out, version),
            )?;
        } else {
            absent(
                self.topology_description.is_none(),
                "TopologyDescription",
                version,
            )?;
        }
        if version >= 1 {
            out.put_i8(self.topology_description_status);
        } else {
            absent(
                self.topology_description_status == 0,
                "TopologyDescriptionStatus",
                version,
            )?;
        }
        if version >= 1 {
            out.put_nullable_string(self.assignor_name, true)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology<'a> {
    /// Versions 0+.
    pub epoch: i32,
    /// Versions 0+, nullable 0+.
    pub subtopologies: Option<Vec<Subtopology<'a>>>,
}

impl<'a> Topology<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.epoch = reader.i32()?;
        this.subtopologies =
            reader.nullable_array(true, 6, |reader| Subtopology::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.epoch);
        out.put_nullable_array(self.subtopologies.as_deref(), true, |out, item| {
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
    pub repartition_sink_topics: Vec<TopicName<'a>>,
    /// Versions 0+.
    pub state_changelog_topics: Vec<TopicInfo<'a>>,
    /// Versions 0+.
    pub repartition_source_topics: Vec<TopicInfo<'a>>,
}

impl<'a> Subtopology<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.source_topics = reader.array(true, 1, |reader| Ok(TopicName(reader.string(true)?)))?;
        this.repartition_sink_topics =
            reader.array(true, 1, |reader| Ok(TopicName(reader.string(true)?)))?;
        this.state_changelog_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        this.repartition_source_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.subtopology_id, true)?;
        out.put_array(&self.source_topics, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_array(&self.repartition_sink_topics, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_array(&self.state_changelog_topics, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.repartition_source_topics, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member<'a> {
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+.
    pub member_epoch: i32,
    /// Versions 0+, nullable 0+.
    pub instance_id: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub rack_id: Option<&'a str>,
    /// Versions 0+.
    pub client_id: &'a str,
    /// Versions 0+.
    pub client_host: &'a str,
    /// Versions 0+.
    pub topology_epoch: i32,
    /// Versions 0+.
    pub process_id: &'a str,
    /// Versions 0+, nullable 0+.
    pub user_endpoint: Option<Endpoint<'a>>,
    /// Versions 0+.
    pub client_tags: Vec<KeyValue<'a>>,
    /// Versions 0+.
    pub task_offsets: Vec<TaskOffset<'a>>,
    /// Versions 0+.
    pub task_end_offsets: Vec<TaskOffset<'a>>,
    /// Versions 0+.
    pub assignment: Assignment<'a>,
    /// Versions 0+.
    pub target_assignment: Assignment<'a>,
    /// Versions 0+.
    pub is_classic: bool,
}

impl<'a> Member<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.member_id = reader.string(true)?;
        this.member_epoch = reader.i32()?;
        this.instance_id = reader.nullable_string(true)?;
        this.rack_id = reader.nullable_string(true)?;
        this.client_id = reader.string(true)?;
        this.client_host = reader.string(true)?;
        this.topology_epoch = reader.i32()?;
        this.process_id = reader.string(true)?;
        this.user_endpoint = if reader.is_present()? {
            Some(Endpoint::decode(reader, version)?)
        } else {
            None
        };
        this.client_tags = reader.array(true, 3, |reader| KeyValue::decode(reader, version))?;
        this.task_offsets = reader.array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        this.task_end_offsets =
            reader.array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        this.assignment = Assignment::decode(reader, version)?;
        this.target_assignment = Assignment::decode(reader, version)?;
        this.is_classic = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.member_id, true)?;
        out.put_i32(self.member_epoch);
        out.put_nullable_string(self.instance_id, true)?;
        out.put_nullable_string(self.rack_id, true)?;
        out.put_string(self.client_id, true)?;
        out.put_string(self.client_host, true)?;
        out.put_i32(self.topology_epoch);
        out.put_string(self.process_id, true)?;
        put_nullable(out, true, self.user_endpoint.as_ref(), |out, value| {
            value.encode(out, version)
        })?;
        out.put_array(&self.client_tags, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.task_offsets, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.task_end_offsets, true, |out, item| {
            item.encode(out, version)
        })?;
        self.assignment.encode(out, version)?;
        self.target_assignment.encode(out, version)?;
        out.put_bool(self.is_classic);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint<'a> {
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: u16,
}

impl<'a> Endpoint<'a> {
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
pub struct Assignment<'a> {
    /// Versions 0+.
    pub active_tasks: Vec<TaskIds<'a>>,
    /// Versions 0+.
    pub standby_tasks: Vec<TaskIds<'a>>,
    /// Versions 0+.
    pub warmup_tasks: Vec<TaskIds<'a>>,
}

impl<'a> Assignment<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.active_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        this.standby_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        this.warmup_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_array(&self.active_tasks, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.standby_tasks, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.warmup_tasks, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskIds<'a> {
    /// Versions 0+.
    pub subtopology_id: &'a str,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> TaskIds<'a> {
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
pub struct TopologyDescription<'a> {
    /// Versions 1+.
    pub subtopologies: Vec<TopologyDescriptionSubtopology<'a>>,
    /// Versions 1+.
    pub global_stores: Vec<TopologyDescriptionGlobalStore<'a>>,
}

impl<'a> TopologyDescription<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopologies = reader.array(true, 3, |reader| {
            TopologyDescriptionSubtopology::decode(reader, version)
        })?;
        this.global_stores = reader.array(true, 15, |reader| {
            TopologyDescriptionGlobalStore::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_array(&self.subtopologies, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.global_stores, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescriptionSubtopology<'a> {
    /// Versions 1+.
    pub subtopology_id: &'a str,
    /// Versions 1+.
    pub nodes: Vec<TopologyDescriptionNode<'a>>,
}

impl<'a> TopologyDescriptionSubtopology<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.nodes = reader.array(true, 7, |reader| {
            TopologyDescriptionNode::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.subtopology_id, true)?;
        out.put_array(&self.nodes, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescriptionNode<'a> {
    /// Versions 1+.
    pub name: &'a str,
    /// Versions 1+.
    pub node_type: i8,
    /// Versions 1+.
    pub source_topics: Vec<TopicName<'a>>,
    /// Versions 1+, nullable 1+.
    pub sink_topic: Option<TopicName<'a>>,
    /// Versions 1+.
    pub stores: Vec<&'a str>,
    /// Versions 1+.
    pub successors: Vec<&'a str>,
}

impl<'a> TopologyDescriptionNode<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.node_type = reader.i8()?;
        this.source_topics = reader.array(true, 1, |reader| Ok(TopicName(reader.string(true)?)))?;
        this.sink_topic = reader.nullable_string(true)?.map(TopicName);
        this.stores = reader.array(true, 1, |reader| reader.string(true))?;
        this.successors = reader.array(true, 1, |reader| reader.string(true))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_i8(self.node_type);
        out.put_array(&self.source_topics, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_nullable_string(self.sink_topic.as_deref(), true)?;
        out.put_array(&self.stores, true, |out, item| out.put_string(item, true))?;
        out.put_array(&self.successors, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescriptionGlobalStore<'a> {
    /// Versions 1+.
    pub source: TopologyDescriptionNode<'a>,
    /// Versions 1+.
    pub processor: TopologyDescriptionNode<'a>,
}

impl<'a> TopologyDescriptionGlobalStore<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.source = TopologyDescriptionNode::decode(reader, version)?;
        this.processor = TopologyDescriptionNode::decode(reader, version)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        self.source.encode(out, version)?;
        self.processor.encode(out, version)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupDescribeResponse<'a>, versions 0..=1, flexible 0 }
