//! A topology as the group keeps it: what its first member said, and the record that says it.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  heartbeats, replay, `topics`.
//! Never:      changes: a group has one topology for its life, as in Apache Kafka.

use crate::protocol::messages::streams_group_heartbeat as wire;
use crate::protocol::records::group::{
    StreamsGroupTopologyValue, streams_group_topology as record,
};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    pub epoch: i32,
    /// By id.
    pub subtopologies: BTreeMap<Rc<str>, Subtopology>,
    /// Which subtopology reads a topic.
    readers: BTreeMap<String, Rc<str>>,
}

/// A part of the topology that runs by itself, with topics between it and others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subtopology {
    pub id: Rc<str>,
    pub sources: Vec<String>,
    pub source_patterns: Vec<String>,
    pub changelogs: Vec<InternalTopic>,
    pub repartition_sinks: Vec<String>,
    pub repartition_sources: Vec<InternalTopic>,
    pub copartition_groups: Vec<CopartitionGroup>,
}

/// A topic the application keeps for itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InternalTopic {
    pub name: String,
    /// 0: as many as follow from the rest of the topology.
    pub partitions: i32,
    /// 0 or -1: the broker's default.
    pub replication_factor: i16,
    pub configs: Vec<(String, String)>,
}

/// Topics that must have the same number of partitions, as places in the subtopology's lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopartitionGroup {
    pub sources: Vec<i16>,
    pub source_patterns: Vec<i16>,
    pub repartition_sources: Vec<i16>,
}

impl Topology {
    fn new(epoch: i32, subtopologies: impl Iterator<Item = Subtopology>) -> Topology {
        let mut topology = Topology {
            epoch,
            ..Topology::default()
        };
        for subtopology in subtopologies {
            let id = subtopology.id.clone();
            let repartitions = subtopology.repartition_sources.iter();
            let read = subtopology.sources.iter();
            let read = read.chain(repartitions.map(|topic| &topic.name));
            topology
                .readers
                .extend(read.map(|topic| (topic.clone(), id.clone())));
            topology.subtopologies.insert(id, subtopology);
        }
        topology
    }

    pub fn of_request(topology: &wire::Topology<'_>) -> Topology {
        let subtopologies = topology.subtopologies.iter();
        let subtopologies = subtopologies.map(|subtopology| Subtopology {
            id: subtopology.subtopology_id.into(),
            sources: names(&subtopology.source_topics),
            source_patterns: texts(&subtopology.source_topic_regex),
            changelogs: subtopology
                .state_changelog_topics
                .iter()
                .map(told)
                .collect(),
            repartition_sinks: names(&subtopology.repartition_sink_topics),
            repartition_sources: subtopology
                .repartition_source_topics
                .iter()
                .map(told)
                .collect(),
            copartition_groups: subtopology
                .copartition_groups
                .iter()
                .map(|group| CopartitionGroup {
                    sources: group.source_topics.clone(),
                    source_patterns: group.source_topic_regex.clone(),
                    repartition_sources: group.repartition_source_topics.clone(),
                })
                .collect(),
        });
        Topology::new(topology.epoch, subtopologies)
    }

    pub fn of_record(topology: &StreamsGroupTopologyValue<'_>) -> Topology {
        let subtopologies = topology.subtopologies.iter();
        let subtopologies = subtopologies.map(|subtopology| Subtopology {
            id: subtopology.subtopology_id.into(),
            sources: texts(&subtopology.source_topics),
            source_patterns: texts(&subtopology.source_topic_regex),
            changelogs: subtopology
                .state_changelog_topics
                .iter()
                .map(kept)
                .collect(),
            repartition_sinks: texts(&subtopology.repartition_sink_topics),
            repartition_sources: subtopology
                .repartition_source_topics
                .iter()
                .map(kept)
                .collect(),
            copartition_groups: subtopology
                .copartition_groups
                .iter()
                .map(|group| CopartitionGroup {
                    sources: group.source_topics.clone(),
                    source_patterns: group.source_topic_regex.clone(),
                    repartition_sources: group.repartition_source_topics.clone(),
                })
                .collect(),
        });
        Topology::new(topology.epoch, subtopologies)
    }

    pub fn record(&self) -> StreamsGroupTopologyValue<'_> {
        fn strs(texts: &[String]) -> Vec<&str> {
            texts.iter().map(String::as_str).collect()
        }
        let subtopologies = self.subtopologies.values();
        let subtopologies = subtopologies.map(|subtopology| record::Subtopology {
            subtopology_id: &subtopology.id,
            source_topics: strs(&subtopology.sources),
            source_topic_regex: strs(&subtopology.source_patterns),
            state_changelog_topics: subtopology.changelogs.iter().map(recorded).collect(),
            repartition_sink_topics: strs(&subtopology.repartition_sinks),
            repartition_source_topics: subtopology
                .repartition_sources
                .iter()
                .map(recorded)
                .collect(),
            copartition_groups: subtopology
                .copartition_groups
                .iter()
                .map(|group| record::CopartitionGroup {
                    source_topics: group.sources.clone(),
                    source_topic_regex: group.source_patterns.clone(),
                    repartition_source_topics: group.repartition_sources.clone(),
                })
                .collect(),
        });
        StreamsGroupTopologyValue {
            epoch: self.epoch,
            subtopologies: subtopologies.collect(),
        }
    }

    /// The subtopology that reads a topic.
    pub fn subtopology_of(&self, topic: &str) -> Option<&Subtopology> {
        self.subtopologies.get(self.readers.get(topic)?)
    }

    /// Every topic that must be there before the topology can run, each once, by name.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        let changelogs = self.subtopologies.values().flat_map(|s| &s.changelogs);
        let changelogs = changelogs.map(|topic| topic.name.as_str());
        let all: std::collections::BTreeSet<&str> = self
            .readers
            .keys()
            .map(String::as_str)
            .chain(changelogs)
            .collect();
        all.into_iter()
    }
}

fn names(names: &[crate::protocol::TopicName<'_>]) -> Vec<String> {
    names.iter().map(|name| name.0.to_owned()).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn told(topic: &wire::TopicInfo<'_>) -> InternalTopic {
    let configs = topic.topic_configs.iter();
    InternalTopic {
        name: topic.name.0.to_owned(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: configs
            .map(|config| (config.key.to_owned(), config.value.to_owned()))
            .collect(),
    }
}

fn kept(topic: &record::TopicInfo<'_>) -> InternalTopic {
    let configs = topic.topic_configs.iter();
    InternalTopic {
        name: topic.name.to_owned(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: configs
            .map(|config| (config.key.to_owned(), config.value.to_owned()))
            .collect(),
    }
}

fn recorded(topic: &InternalTopic) -> record::TopicInfo<'_> {
    let configs = topic.configs.iter();
    record::TopicInfo {
        name: &topic.name,
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        topic_configs: configs
            .map(|(key, value)| record::TopicConfig { key, value })
            .collect(),
    }
}
