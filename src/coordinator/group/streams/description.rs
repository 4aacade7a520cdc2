//! The description of a topology (KIP-1331): nodes and stores, for people who look at the group.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  heartbeats, which ask a member for it; the machine, with what the member sent.
//! Never:      decides anything: tasks are assigned by the topology alone.
//!
//! Apache Kafka hands descriptions to a plugin. Here the coordinator keeps them in memory: they are
//! not in the log, and after a restart or a move the next heartbeat asks for them again. A member
//! that was asked and did not send is asked again after half a minute, and then ever more rarely.

use super::{Refused, StreamsGroup};
use crate::coordinator::{Millis, group::Work};
use crate::protocol::messages::streams_group_describe as described;
use crate::protocol::messages::streams_group_topology_description_update as sent;
use crate::protocol::{ErrorCode, TopicName};

pub type Update<'a> = sent::StreamsGroupTopologyDescriptionUpdateRequest<'a>;

#[derive(Default)]
pub struct Description {
    stored: Option<(i32, ReceivedDescription)>,
    /// The topology that was described in a way nobody can keep.
    failed_epoch: Option<i32>,
    asked: u32,
    ask_again: Millis,
}

/// A description as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceivedDescription {
    subtopologies: Vec<(String, Vec<Node>)>,
    /// A source and a processor each.
    global_stores: Vec<(Node, Node)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Node {
    name: String,
    kind: i8,
    source_topics: Vec<String>,
    sink_topic: Option<String>,
    stores: Vec<String>,
    successors: Vec<String>,
}

const SOURCE: i8 = 1;
const PROCESSOR: i8 = 2;
const SINK: i8 = 3;

/// What a group says of its description when it is asked.
pub const NOT_STORED: i8 = 1;
pub const AVAILABLE: i8 = 3;

/// How long a member may take to send, the first time and at most.
const ASK_AGAIN_MS: u64 = 30_000;
const ASK_AGAIN_MS_MAX: u64 = 3_600_000;

impl Description {
    /// Whether a member shall send the description of this topology now.
    pub fn asks(&mut self, topology_epoch: i32, now: Millis) -> bool {
        let is_stored = self.of(topology_epoch).is_some();
        if is_stored || self.failed_epoch == Some(topology_epoch) || now < self.ask_again {
            return false;
        }
        let pause = ASK_AGAIN_MS.checked_shl(self.asked).unwrap_or(u64::MAX);
        self.ask_again = now.plus(pause.min(ASK_AGAIN_MS_MAX));
        // Beyond this the pause is at its longest.
        self.asked = (self.asked + 1).min(16);
        true
    }

    pub fn of(&self, topology_epoch: i32) -> Option<&ReceivedDescription> {
        let stored = self.stored.as_ref();
        stored
            .filter(|(epoch, _)| *epoch == topology_epoch)
            .map(|(_, description)| description)
    }
}

impl StreamsGroup {
    /// A member describes the topology.
    pub fn describe_topology(
        &mut self,
        asked: &Update<'_>,
        work: &Work<'_>,
    ) -> Result<(), Refused> {
        let (id, epoch) = (asked.member_id, asked.topology_epoch);
        if !self.members.contains_key(id) {
            let text = format!("Member {id} is not a member of group {}.", self.id);
            return Err((ErrorCode::UnknownMemberId, text));
        }
        let own = self.topology.as_ref().map_or(-1, |topology| topology.epoch);
        if epoch != own {
            let text =
                format!("The topology epoch {epoch} is not the group's topology epoch {own}.");
            return Err((ErrorCode::InvalidRequest, text));
        }
        let description = ReceivedDescription::of(&asked.topology_description)?;
        if description.bytes() > work.step.record_bytes_max {
            self.description.failed_epoch = Some(epoch);
            let text = format!(
                "The topology description is larger than message.max.bytes, {}.",
                work.step.record_bytes_max
            );
            return Err((ErrorCode::StreamsTopologyDescriptionUpdateFailed, text));
        }
        self.description = Description {
            stored: Some((epoch, description)),
            ..Description::default()
        };
        Ok(())
    }
}

impl ReceivedDescription {
    fn of(sent: &sent::TopologyDescription<'_>) -> Result<ReceivedDescription, Refused> {
        let mut description = ReceivedDescription::default();
        for subtopology in &sent.subtopologies {
            let nodes = subtopology.nodes.iter().map(Node::of);
            let nodes = nodes.collect::<Result<_, _>>()?;
            let id = subtopology.subtopology_id.to_owned();
            description.subtopologies.push((id, nodes));
        }
        for store in &sent.global_stores {
            let (source, processor) = (Node::of(&store.source)?, Node::of(&store.processor)?);
            if source.kind != SOURCE || processor.kind != PROCESSOR {
                let text = "Global store must be composed of a source and a processor node.";
                return Err((ErrorCode::InvalidRequest, text.to_owned()));
            }
            description.global_stores.push((source, processor));
        }
        Ok(description)
    }

    pub fn told(&self) -> described::TopologyDescription<'_> {
        let subtopologies = self.subtopologies.iter();
        let stores = self.global_stores.iter();
        described::TopologyDescription {
            subtopologies: subtopologies
                .map(|(id, nodes)| described::TopologyDescriptionSubtopology {
                    subtopology_id: id,
                    nodes: nodes.iter().map(Node::told).collect(),
                })
                .collect(),
            global_stores: stores
                .map(
                    |(source, processor)| described::TopologyDescriptionGlobalStore {
                        source: source.told(),
                        processor: processor.told(),
                    },
                )
                .collect(),
        }
    }

    fn bytes(&self) -> usize {
        let subtopologies = self.subtopologies.iter();
        let subtopologies = subtopologies.map(|(id, nodes)| id.len() + bytes_of(nodes.iter()));
        let stores = self.global_stores.iter();
        let stores = stores.map(|(source, processor)| bytes_of([source, processor].into_iter()));
        subtopologies.chain(stores).sum()
    }
}

fn bytes_of<'n>(nodes: impl Iterator<Item = &'n Node>) -> usize {
    let lists = |node: &Node| {
        let lists = [&node.source_topics, &node.stores, &node.successors];
        lists.into_iter().flatten().map(String::len).sum::<usize>()
    };
    nodes
        .map(|node| node.name.len() + lists(node) + node.sink_topic.as_ref().map_or(0, String::len))
        .sum()
}

impl Node {
    fn of(sent: &sent::TopologyDescriptionNode<'_>) -> Result<Node, Refused> {
        if !(SOURCE..=SINK).contains(&sent.node_type) {
            let text = format!("Unknown topology node type: {}", sent.node_type);
            return Err((ErrorCode::InvalidRequest, text));
        }
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let topics = sent.source_topics.iter();
        Ok(Node {
            name: sent.name.to_owned(),
            kind: sent.node_type,
            source_topics: topics.map(|topic| topic.0.to_owned()).collect(),
            sink_topic: sent.sink_topic.map(|topic| topic.0.to_owned()),
            stores: owned(&sent.stores),
            successors: owned(&sent.successors),
        })
    }

    fn told(&self) -> described::TopologyDescriptionNode<'_> {
        fn strs(texts: &[String]) -> Vec<&str> {
            texts.iter().map(String::as_str).collect()
        }
        described::TopologyDescriptionNode {
            name: &self.name,
            node_type: self.kind,
            source_topics: self.source_topics.iter().map(|t| TopicName(t)).collect(),
            sink_topic: self.sink_topic.as_deref().map(TopicName),
            stores: strs(&self.stores),
            successors: strs(&self.successors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_ever_more_rarely_until_it_comes() {
        let mut description = Description::default();
        assert!(description.asks(0, Millis(0)));
        assert!(!description.asks(0, Millis(29_999)));
        assert!(description.asks(0, Millis(30_000)));
        assert!(!description.asks(0, Millis(89_999)));
        assert!(description.asks(0, Millis(90_000)));
        for _ in 0..40 {
            let at = description.ask_again;
            assert!(description.asks(0, at));
            assert!(description.ask_again.0 - at.0 <= ASK_AGAIN_MS_MAX);
        }
        description.stored = Some((0, ReceivedDescription::default()));
        assert!(!description.asks(0, description.ask_again));
    }
}
