//! What records say of a streams group.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  the machine, while its partition's log is replayed.
//! Never:      writes a record, or sets a timer.

use super::{Held, LEAVE, Member, Progress, StreamsGroup, Task, Tasks, Topology, tasks_of};
use crate::coordinator::group::timers::Id;
use crate::protocol::records::group::{
    StreamsGroupCurrentMemberAssignmentValue, StreamsGroupMemberMetadataValue,
    StreamsGroupMetadataValue, StreamsGroupTargetAssignmentMemberValue,
    StreamsGroupTargetAssignmentMetadataValue, StreamsGroupTopologyValue,
    streams_group_current_member_assignment as current,
    streams_group_target_assignment_member as target,
};
use std::collections::BTreeSet;
use std::rc::Rc;

impl StreamsGroup {
    pub fn replay_epoch(&mut self, value: &StreamsGroupMetadataValue<'_>) {
        self.epoch = value.epoch;
        self.metadata_hash = value.metadata_hash;
        self.validated_epoch = value.validated_topology_epoch;
        let configs = value.last_assignment_configs.iter().flatten();
        let configs = configs.map(|config| (config.key.to_owned(), config.value.to_owned()));
        self.assignment_configs = configs.collect();
    }

    pub fn replay_topology(&mut self, value: Option<&StreamsGroupTopologyValue<'_>>) {
        self.topology = value.map(|value| Rc::new(Topology::of_record(value)));
    }

    pub fn replay_target_epoch(
        &mut self,
        value: Option<&StreamsGroupTargetAssignmentMetadataValue>,
    ) {
        (self.target_epoch, self.target_at) = value.map_or((LEAVE, 0), |value| {
            (value.assignment_epoch, value.assignment_timestamp)
        });
    }

    pub fn replay_target(
        &mut self,
        member: &str,
        value: Option<&StreamsGroupTargetAssignmentMemberValue<'_>>,
    ) {
        let of = |tasks: &[target::TaskIds<'_>]| -> BTreeSet<Task> {
            let tasks = tasks.iter();
            tasks_of(tasks.map(|tasks| (tasks.subtopology_id, tasks.partitions.as_slice())))
        };
        match value {
            Some(value) => {
                let tasks = Tasks {
                    active: of(&value.active_tasks),
                    standby: of(&value.standby_tasks),
                    warmup: of(&value.warmup_tasks),
                };
                self.target.insert(member.into(), tasks);
            }
            None => {
                self.target.remove(member);
            }
        }
    }

    pub fn replay_member(
        &mut self,
        member: &str,
        value: Option<&StreamsGroupMemberMetadataValue<'_>>,
    ) {
        let id: Id = member.into();
        let Some(value) = value else {
            self.take_out(&id);
            return;
        };
        let mut known = self.members.get(&id).cloned().unwrap_or_default();
        known.instance = value.instance_id.map(str::to_owned);
        known.rack = value.rack_id.map(str::to_owned);
        value.client_id.clone_into(&mut known.client_id);
        value.client_host.clone_into(&mut known.client_host);
        known.rebalance_timeout_ms = value.rebalance_timeout_ms;
        known.topology_epoch = value.topology_epoch;
        value.process_id.clone_into(&mut known.process);
        let endpoint = value.user_endpoint.as_ref();
        known.endpoint = endpoint.map(|endpoint| (endpoint.host.to_owned(), endpoint.port));
        let tags = value.client_tags.iter();
        let tags = tags.map(|tag| (tag.key.to_owned(), tag.value.to_owned()));
        known.tags = tags.collect();
        self.put(&id, known);
    }

    pub fn replay_current(
        &mut self,
        member: &str,
        value: Option<&StreamsGroupCurrentMemberAssignmentValue<'_>>,
    ) {
        let id: Id = member.into();
        let Some(known) = self.members.get(&id) else {
            return;
        };
        let mut known: Member = known.clone();
        match value {
            Some(value) => {
                known.epoch = value.member_epoch;
                known.previous_epoch = value.previous_member_epoch;
                known.state = match value.state {
                    1 => Progress::Stable,
                    2 => Progress::Revoking,
                    3 => Progress::Waiting,
                    _ => Progress::Unknown,
                };
                let epoch = value.member_epoch;
                known.assigned = held(
                    [
                        &value.active_tasks,
                        &value.standby_tasks,
                        &value.warmup_tasks,
                    ],
                    epoch,
                );
                known.revoking = held(
                    [
                        &value.active_tasks_pending_revocation,
                        &value.standby_tasks_pending_revocation,
                        &value.warmup_tasks_pending_revocation,
                    ],
                    epoch,
                );
            }
            None => {
                (known.epoch, known.previous_epoch) = (LEAVE, LEAVE);
                (known.assigned, known.revoking) = (Held::default(), Held::default());
            }
        }
        self.put(&id, known);
    }
}

/// Active, standby and warm-up tasks; an active one without its epoch has the member's.
fn held([active, standby, warmup]: [&Vec<current::TaskIds<'_>>; 3], epoch: i32) -> Held {
    let of = |tasks: &[current::TaskIds<'_>]| -> BTreeSet<Task> {
        let tasks = tasks.iter();
        tasks_of(tasks.map(|tasks| (tasks.subtopology_id, tasks.partitions.as_slice())))
    };
    let mut held = Held {
        standby: of(standby),
        warmup: of(warmup),
        ..Held::default()
    };
    for tasks in active {
        let id: Rc<str> = tasks.subtopology_id.into();
        let epochs = tasks.assignment_epochs.as_deref().unwrap_or_default();
        let fit = epochs.len() == tasks.partitions.len();
        for (at, partition) in tasks.partitions.iter().enumerate() {
            let since = if fit { epochs[at] } else { epoch };
            held.active.insert((id.clone(), *partition), since);
        }
    }
    held
}
