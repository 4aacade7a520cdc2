//! StreamsGroupDescribe: a group of this kind as it is.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  the machine.
//! Never:      tells partitions of internal topics that are not decided; those stay 0.

use super::description::{AVAILABLE, NOT_STORED};
use super::reconcile::ASSIGNOR;
use super::topology::{InternalTopic, Subtopology};
use super::{Held, Member, Offsets, StreamsGroup, Task, Tasks, by_subtopology};
use crate::protocol::messages::streams_group_describe as wire;
use crate::protocol::{ErrorCode, GroupId, TopicName};
use std::collections::BTreeMap;

impl StreamsGroup {
    pub fn describe(
        &self,
        authorized_operations: i32,
        with_description: bool,
    ) -> wire::DescribedGroup<'_> {
        let own = self.topology.as_ref();
        let description = own.and_then(|topology| self.description.of(topology.epoch));
        let members = self.members.iter();
        wire::DescribedGroup {
            error_code: ErrorCode::None,
            error_message: None,
            group_id: GroupId(&self.id),
            group_state: self.state_name(),
            group_epoch: self.epoch,
            assignment_epoch: self.target_epoch,
            topology: own.map(|topology| wire::Topology {
                epoch: topology.epoch,
                subtopologies: Some(
                    topology
                        .subtopologies
                        .values()
                        .map(|subtopology| self.subtopology(subtopology))
                        .collect(),
                ),
            }),
            members: members
                .map(|(id, member)| self.member(id, member))
                .collect(),
            authorized_operations,
            topology_description: description
                .filter(|_| with_description)
                .map(|description| description.told()),
            topology_description_status: match (with_description, description) {
                (false, _) => 0,
                (true, None) => NOT_STORED,
                (true, Some(_)) => AVAILABLE,
            },
            assignor_name: Some(ASSIGNOR),
        }
    }

    fn subtopology<'a>(&'a self, subtopology: &'a Subtopology) -> wire::Subtopology<'a> {
        // Like Kafka, a topology that cannot run is told as it came.
        let ready = self.configured.as_ref().filter(|known| known.is_ready());
        let info = |topic: &'a InternalTopic| wire::TopicInfo {
            name: TopicName(&topic.name),
            partitions: ready.map_or(topic.partitions, |known| known.partitions_of(topic)),
            replication_factor: topic.replication_factor,
            topic_configs: topic
                .configs
                .iter()
                .map(|(key, value)| wire::KeyValue { key, value })
                .collect(),
        };
        let infos = |topics: &'a [InternalTopic]| -> Vec<wire::TopicInfo<'a>> {
            let mut infos: Vec<_> = topics.iter().map(info).collect();
            infos.sort_by_key(|info| info.name.0);
            infos
        };
        wire::Subtopology {
            subtopology_id: &subtopology.id,
            source_topics: sorted(&subtopology.sources),
            repartition_sink_topics: sorted(&subtopology.repartition_sinks),
            state_changelog_topics: infos(&subtopology.changelogs),
            repartition_source_topics: infos(&subtopology.repartition_sources),
        }
    }

    fn member<'a>(&'a self, id: &'a str, member: &'a Member) -> wire::Member<'a> {
        let offsets: Option<&Offsets> = self.offsets.get(id);
        let endpoint = member.endpoint.as_ref();
        let tags = member.tags.iter();
        wire::Member {
            member_id: id,
            member_epoch: member.epoch,
            instance_id: member.instance.as_deref(),
            rack_id: member.rack.as_deref(),
            client_id: &member.client_id,
            client_host: &member.client_host,
            topology_epoch: member.topology_epoch,
            process_id: &member.process,
            user_endpoint: endpoint.map(|(host, port)| wire::Endpoint { host, port: *port }),
            client_tags: tags
                .map(|(key, value)| wire::KeyValue { key, value })
                .collect(),
            task_offsets: positions(offsets.map(|offsets| &offsets.reached)),
            task_end_offsets: positions(offsets.map(|offsets| &offsets.ends)),
            assignment: assigned(&member.assigned),
            target_assignment: self.target.get(id).map(targeted).unwrap_or_default(),
            is_classic: false,
        }
    }
}

fn sorted(names: &[String]) -> Vec<TopicName<'_>> {
    let mut names: Vec<TopicName<'_>> = names.iter().map(|name| TopicName(name)).collect();
    names.sort_by_key(|name| name.0);
    names
}

fn positions(offsets: Option<&BTreeMap<Task, i64>>) -> Vec<wire::TaskOffset<'_>> {
    let offsets = offsets.into_iter().flatten();
    offsets
        .map(|((subtopology_id, partition), offset)| wire::TaskOffset {
            subtopology_id,
            partition: *partition,
            offset: *offset,
        })
        .collect()
}

fn assigned(held: &Held) -> wire::Assignment<'_> {
    wire::Assignment {
        active_tasks: listed(&mut held.active.keys()),
        standby_tasks: listed(&mut held.standby.iter()),
        warmup_tasks: listed(&mut held.warmup.iter()),
    }
}

fn targeted(tasks: &Tasks) -> wire::Assignment<'_> {
    wire::Assignment {
        active_tasks: listed(&mut tasks.active.iter()),
        standby_tasks: listed(&mut tasks.standby.iter()),
        warmup_tasks: listed(&mut tasks.warmup.iter()),
    }
}

fn listed<'t>(tasks: &mut dyn Iterator<Item = &'t Task>) -> Vec<wire::TaskIds<'t>> {
    let tasks = by_subtopology(tasks).into_iter();
    tasks
        .map(|(subtopology_id, partitions)| wire::TaskIds {
            subtopology_id,
            partitions,
        })
        .collect()
}
