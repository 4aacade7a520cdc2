//! `MetadataRequest`, `MetadataResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequest<'a> {
    /// Versions 0+, nullable 1+.
    pub topics: Option<Vec<MetadataRequestTopic<'a>>>,
    /// Versions 4+.
    pub allow_auto_topic_creation: bool,
    /// Versions 8-10.
    pub include_cluster_authorized_operations: bool,
    /// Versions 8+.
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest<'_> {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: Default::default(),
            include_topic_authorized_operations: Default::default(),
        }
    }
}

impl<'a> MetadataRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 13)?;
        let flexible = version >= 9;
        let mut this = Self::default();
        this.topics = null_if(
            version >= 1,
            reader.nullable_array(flexible, 2, |reader| {
                MetadataRequestTopic::decode(reader, version)
            })?,
        )?;
        if version >= 4 {
            this.allow_auto_topic_creation = reader.bool()?;
        }
        if (8..=10).contains(&version) {
            this.include_cluster_authorized_operations = reader.bool()?;
        }
        if version >= 8 {
            this.include_topic_authorized_operations = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 13)?;
        let flexible = version >= 9;
        not_null(self.topics.is_some() || version >= 1, "Topics", version)?;
        out.put_nullable_array(self.topics.as_deref(), flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 4 {
            out.put_bool(self.allow_auto_topic_creation);
        } else {
            absent(
                self.allow_auto_topic_creation,
                "AllowAutoTopicCreation",
                version,
            )?;
        }
        if (8..=10).contains(&version) {
            out.put_bool(self.include_cluster_authorized_operations);
        } else {
            absent(
                !self.include_cluster_authorized_operations,
                "IncludeClusterAuthorizedOperations",
                version,
            )?;
        }
        if version >= 8 {
            out.put_bool(self.include_topic_authorized_operations);
        } else {
            absent(
                !self.include_topic_authorized_operations,
                "IncludeTopicAuthorizedOperations",
                version,
            )?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequestTopic<'a> {
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Versions 0+, nullable 10+.
    pub name: Option<TopicName<'a>>,
}

impl Default for MetadataRequestTopic<'_> {
    fn default() -> Self {
        Self {
            topic_id: Default::default(),
            name: Some(TopicName("")),
        }
    }
}

impl<'a> MetadataRequestTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        if version >= 10 {
            this.topic_id = reader.uuid()?;
        }
        this.name = null_if(version >= 10, reader.nullable_string(flexible)?)?.map(TopicName);
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        if version >= 10 {
            out.put_uuid(self.topic_id);
        }
        not_null(self.name.is_some() || version >= 10, "Name", version)?;
        out.put_nullable_string(self.name.as_deref(), flexible)?;
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { MetadataRequest<'a>, versions 0..=13, flexible 9 }

request! {
    Metadata,
    MetadataRequest<'a>,
    MetadataResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponse<'a> {
    /// Versions 3+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub brokers: Vec<MetadataResponseBroker<'a>>,
    /// Versions 2+, nullable 2+.
    pub cluster_id: Option<&'a str>,
    /// Versions 1+.
    pub controller_id: BrokerId,
    /// Versions 0+.
    pub topics: Vec<MetadataResponseTopic<'a>>,
    /// Versions 8-10.
    pub cluster_authorized_operations: i32,
    /// Versions 13+.
    pub error_code: ErrorCode,
}

impl Default for MetadataResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            brokers: Default::default(),
            cluster_id: Default::default(),
            controller_id: BrokerId(-1),
            topics: Default::default(),
            cluster_authorized_operations: -2147483648,
            error_code: Default::default(),
        }
    }
}

impl<'a> MetadataResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 13)?;
        let flexible = version >= 9;
        let mut this = Self::default();
        if version >= 3 {
            this.throttle_time_ms = reader.i32()?;
        }
        this.brokers = reader.array(flexible, 10, |reader| {
            MetadataResponseBroker::decode(reader, version)
        })?;
        if version >= 2 {
            this.cluster_id = reader.nullable_string(flexible)?;
        }
        if version >= 1 {
            this.controller_id = BrokerId(reader.i32()?);
        }
        this.topics = reader.array(flexible, 8, |reader| {
            MetadataResponseTopic::decode(reader, version)
        })?;
        if (8..=10).contains(&version) {
            this.cluster_authorized_operations = reader.i32()?;
        }
        if version >= 13 {
            this.error_code = ErrorCode::from_code(reader.i16()?);
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 13)?;
        let flexible = version >= 9;
        if version >= 3 {
            out.put_i32(self.throttle_time_ms);
        }
        out.put_array(&self.brokers, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 2 {
            out.put_nullable_string(self.cluster_id, flexible)?;
        }
        if version >= 1 {
            out.put_i32(self.controller_id.0);
        }
        out.put_array(&self.topics, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if (8..=10).contains(&version) {
            out.put_i32(self.cluster_authorized_operations);
        } else {
            absent(
                self.cluster_authorized_operations == -2147483648,
                "ClusterAuthorizedOperations",
                version,
            )?;
        }
        if version >= 13 {
            out.put_i16(self.error_code.code());
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataResponseBroker<'a> {
    /// Versions 0+.
    pub node_id: BrokerId,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: i32,
    /// Versions 1+, nullable 1+.
    pub rack: Option<&'a str>,
}

impl<'a> MetadataResponseBroker<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        this.node_id = BrokerId(reader.i32()?);
        this.host = reader.string(flexible)?;
        this.port = reader.i32()?;
        if version >= 1 {
            this.rack = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        out.put_i32(self.node_id.0);
        out.put_string(self.host, flexible)?;
        out.put_i32(self.port);
        if version >= 1 {
            out.put_nullable_string(self.rack, flexible)?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponseTopic<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 12+.
    pub name: Option<TopicName<'a>>,
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Versions 1+.
    pub is_internal: bool,
    /// Versions 0+.
    pub partitions: Vec<MetadataResponsePartition>,
    /// Versions 8+.
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Some(TopicName("")),
            topic_id: Default::default(),
            is_internal: Default::default(),
            partitions: Default::default(),
            topic_authorized_operations: -2147483648,
        }
    }
}

impl<'a> MetadataResponseTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.name = null_if(version >= 12, reader.nullable_string(flexible)?)?.map(TopicName);
        if version >= 10 {
            this.topic_id = reader.uuid()?;
        }
        if version >= 1 {
            this.is_internal = reader.bool()?;
        }
        this.partitions = reader.array(flexible, 18, |reader| {
            MetadataResponsePartition::decode(reader, version)
        })?;
        if version >= 8 {
            this.topic_authorized_operations = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        out.put_i16(self.error_code.code());
        not_null(self.name.is_some() || version >= 12, "Name", version)?;
        out.put_nullable_string(self.name.as_deref(), flexible)?;
        if version >= 10 {
            out.put_uuid(self.topic_id);
        }
        if version >= 1 {
            out.put_bool(self.is_internal);
        }
        out.put_array(&self.partitions, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 8 {
            out.put_i32(self.topic_authorized_operations);
        } else {
            absent(
                self.topic_authorized_operations == -2147483648,
                "TopicAuthorizedOperations",
                version,
            )?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponsePartition {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub leader_id: BrokerId,
    /// Versions 7+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub replica_nodes: Vec<BrokerId>,
    /// Versions 0+.
    pub isr_nodes: Vec<BrokerId>,
    /// Versions 5+.
    pub offline_replicas: Vec<BrokerId>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl MetadataResponsePartition {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.partition_index = reader.i32()?;
        this.leader_id = BrokerId(reader.i32()?);
        if version >= 7 {
            this.leader_epoch = reader.i32()?;
        }
        this.replica_nodes = reader.array(flexible, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.isr_nodes = reader.array(flexible, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        if version >= 5 {
            this.offline_replicas =
                reader.array(flexible, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        out.put_i16(self.error_code.code());
        out.put_i32(self.partition_index);
        out.put_i32(self.leader_id.0);
        if version >= 7 {
            out.put_i32(self.leader_epoch);
        }
        out.put_array(&self.replica_nodes, flexible, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_array(&self.isr_nodes, flexible, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        if version >= 5 {
            out.put_array(&self.offline_replicas, flexible, |out, item| {
                out.put_i32(item.0);
                Ok(())
            })?;
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { MetadataResponse<'a>, versions 0..=13, flexible 9 }
