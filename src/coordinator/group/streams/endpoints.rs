//! Where interactive queries find state: what each member with an endpoint runs, by topic.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  heartbeats, for members that know an older epoch of it.
//! Never:      names a partition that its topic does not have.

use super::topics::Configured;
use super::{Member, StreamsGroup, Task, by_subtopology};
use crate::metadata::Image;
use crate::protocol::TopicName;
use crate::protocol::messages::streams_group_heartbeat::{
    EndpointToPartitions, StreamsGroupHeartbeatResponseEndpoint, TopicPartition,
};

/// One member's endpoint, with partitions by topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    host: String,
    port: u16,
    active: Vec<(String, Vec<i32>)>,
    standby: Vec<(String, Vec<i32>)>,
}

impl StreamsGroup {
    pub(super) fn endpoints(&self, configured: &Configured, image: &Image) -> Vec<Endpoint> {
        let of = |member: &Member| {
            let (host, port) = member.endpoint.clone()?;
            let tasks = &member.assigned;
            Some(Endpoint {
                host,
                port,
                active: partitions(&mut tasks.active.keys(), configured, image),
                standby: partitions(&mut tasks.standby.iter(), configured, image),
            })
        };
        self.members.values().filter_map(of).collect()
    }
}

fn partitions(
    tasks: &mut dyn Iterator<Item = &Task>,
    configured: &Configured,
    image: &Image,
) -> Vec<(String, Vec<i32>)> {
    let mut found = Vec::new();
    for (id, tasks) in by_subtopology(tasks) {
        let Some(subtopology) = configured.topology.subtopologies.get(id) else {
            continue;
        };
        let repartitions = subtopology
            .repartition_sources
            .iter()
            .map(|topic| &topic.name);
        for topic in subtopology.sources.iter().chain(repartitions) {
            let count = image.topic(topic).map_or(0, |known| known.partitions.len());
            let has = |task: &i32| usize::try_from(*task).is_ok_and(|task| task < count);
            let partitions = tasks.iter().copied().filter(has).collect();
            found.push((topic.clone(), partitions));
        }
    }
    found
}

impl Endpoint {
    pub fn told(&self) -> EndpointToPartitions<'_> {
        fn topics(topics: &[(String, Vec<i32>)]) -> Vec<TopicPartition<'_>> {
            let topics = topics.iter().map(|(topic, partitions)| TopicPartition {
                topic: TopicName(topic),
                partitions: partitions.clone(),
            });
            topics.collect()
        }
        EndpointToPartitions {
            user_endpoint: StreamsGroupHeartbeatResponseEndpoint {
                host: &self.host,
                port: self.port,
            },
            active_partitions: topics(&self.active),
            standby_partitions: topics(&self.standby),
        }
    }
}
