//! `StreamsGroupTopologyKey`, `StreamsGroupTopologyValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupTopologyKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
}

impl<'a> StreamsGroupTopologyKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        Ok(())
    }
}

message! { StreamsGroupTopologyKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupTopologyValue<'a> {
    /// Versions 0+.
    pub epoch: i32,
    /// Versions 0+.
    pub subtopologies: Vec<Subtopology<'a>>,
}

impl<'a> StreamsGroupTopologyValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.epoch = reader.i32()?;
        this.subtopologies =
            reader.array(true, 8, |reader| Subtopology::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
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
    pub source_topics: Vec<&'a str>,
    /// Versions 0+.
    pub source_topic_regex: Vec<&'a str>,
    /// Versions 0+.
    pub state_changelog_topics: Vec<TopicInfo<'a>>,
    /// Versions 0+.
    pub repartition_sink_topics: Vec<&'a str>,
    /// Versions 0+.
    pub repartition_source_topics: Vec<TopicInfo<'a>>,
    /// Versions 0+.
    pub copartition_groups: Vec<CopartitionGroup>,
}

impl<'a> Subtopology<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.source_topics = reader.array(true, 1, |reader| reader.string(true))?;
        this.source_topic_regex = reader.array(true, 1, |reader| reader.string(true))?;
        this.state_changelog_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        this.repartition_sink_topics = reader.array(true, 1, |reader| reader.string(true))?;
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
pub struct TopicConfig<'a> {
    /// Versions 0+.
    pub key: &'a str,
    /// Versions 0+.
    pub value: &'a str,
}

impl<'a> TopicConfig<'a> {
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
    pub name: &'a str,
    /// Versions 0+.
    pub partitions: i32,
    /// Versions 0+.
    pub replication_factor: i16,
    /// Versions 0+.
    pub topic_configs: Vec<TopicConfig<'a>>,
}

impl<'a> TopicInfo<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.partitions = reader.i32()?;
        this.replication_factor = reader.i16()?;
        this.topic_configs =
            reader.array(true, 3, |reader| TopicConfig::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_i32(self.partitions);
        out.put_i16(self.replication_factor);
        out.put_array(&self.topic_configs, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupTopologyValue<'a>, versions 0..=0, flexible 0 }
