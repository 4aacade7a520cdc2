//! `StreamsGroupTopologyDescriptionUpdateRequest`, `StreamsGroupTopologyDescriptionUpdateResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/streams_group_topology_description_update.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupTopologyDescriptionUpdateRequest<'a> {
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+.
    pub topology_epoch: i32,
    /// Versions 0+.
    pub topology_description: TopologyDescription<'a>,
}

impl<'a> StreamsGroupTopologyDescriptionUpdateRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = GroupId(reader.string(true)?);
        this.member_id = reader.string(true)?;
        this.topology_epoch = reader.i32()?;
        this.topology_description = TopologyDescription::decode(reader, version)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id.0, true)?;
        out.put_string(self.member_id, true)?;
        out.put_i32(self.topology_epoch);
        self.topology_description.encode(out, version)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescription<'a> {
    /// Versions 0+.
    pub subtopologies: Vec<TopologyDescriptionSubtopology<'a>>,
    /// Versions 0+.
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
    /// Versions 0+.
    pub subtopology_id: &'a str,
    /// Versions 0+.
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
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub node_type: i8,
    /// Versions 0+.
    pub source_topics: Vec<TopicName<'a>>,
    /// Versions 0+, nullable 0+.
    pub sink_topic: Option<TopicName<'a>>,
    /// Versions 0+.
    pub stores: Vec<&'a str>,
    /// Versions 0+.
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
    /// Versions 0+.
    pub source: TopologyDescriptionNode<'a>,
    /// Versions 0+.
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

message! { StreamsGroupTopologyDescriptionUpdateRequest<'a>, versions 0..=0, flexible 0 }

request! {
    StreamsGroupTopologyDescriptionUpdate,
    StreamsGroupTopologyDescriptionUpdateRequest<'a>,
    StreamsGroupTopologyDescriptionUpdateResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupTopologyDescriptionUpdateResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl<'a> StreamsGroupTopologyDescriptionUpdateResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupTopologyDescriptionUpdateResponse<'a>, versions 0..=0, flexible 0 }
