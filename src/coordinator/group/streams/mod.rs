//! A streams group (KIP-1071): members run tasks of one topology; the coordinator sizes and orders
//! its internal topics, assigns the tasks, and brings each member to them at its own pace.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Calls:      `topics` for how many tasks there are, `assignor` for who runs which, `save` for
//!             what must survive.
//! Never:      lets a task be active at two members, or twice in one process.
//!
//! As in a consumer group three epochs follow each other: the group's, the target assignment's,
//! each member's. A task is a subtopology and a partition; it is active at one member, a standby
//! (a copy of its state) at others, or a warm-up (a copy on its way).
//!
//! Static members, regular expressions for source topics and warm-ups are in the protocol but, as
//! in Apache Kafka, no coordinator gives them yet; whoever sends them is refused.
//!
//! Always true:
//!   - a task is in `holders` while some member has it or has not confirmed giving it up.
//!   - without `configured` nothing is assigned anew: it is made of the topology and the image.

mod assignor;
mod describe;
mod description;
mod endpoints;
mod heartbeat;
mod internal_topics;
#[cfg(test)]
mod model;
mod reconcile;
mod replay;
mod save;
#[cfg(test)]
mod tests;
mod topics;
mod topology;

pub use description::Update;
pub use heartbeat::{Beat, Refused};

use super::begin::Begun;
use super::timers::{Id, Timer, Timers};
use crate::coordinator::dismantle::drop_some;
use crate::protocol::ErrorCode;
use description::Description;
use internal_topics::Creations;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use topics::Configured;
use topology::Topology;

/// A task: its subtopology and its partition.
pub type Task = (Rc<str>, i32);

/// Tasks by what is done with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    pub active: BTreeSet<Task>,
    pub standby: BTreeSet<Task>,
    pub warmup: BTreeSet<Task>,
}

/// Tasks a member has. An active one remembers the assignment it came with, so that a commit of
/// the member's older epochs is still good for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub active: BTreeMap<Task, i32>,
    pub standby: BTreeSet<Task>,
    pub warmup: BTreeSet<Task>,
}

pub struct StreamsGroup {
    pub id: Id,
    epoch: i32,
    /// Of the topology's topics and their partitions, as of `epoch`.
    metadata_hash: i64,
    /// The topology whose topics were all there and fine, -1 for none.
    validated_epoch: i32,
    /// How `target` was asked for; another way asks for another target.
    assignment_configs: BTreeMap<String, String>,
    topology: Option<Rc<Topology>>,
    configured: Option<Rc<Configured>>,
    members: BTreeMap<Id, Member>,
    target_epoch: i32,
    /// Milliseconds since 1970, 0 when not known.
    target_at: i64,
    target: BTreeMap<Id, Tasks>,
    holders: BTreeMap<Task, BTreeSet<(Id, Role)>>,
    /// The image that `configured` and `metadata_hash` were looked up in.
    seen_image: i64,
    /// The first assignment of a group waits for more members.
    delayed: bool,
    // What is not in the log, and starts anew with each coordinator.
    shutdown_by: Option<Id>,
    endpoint_epoch: i32,
    offsets: BTreeMap<Id, Offsets>,
    creations: Creations,
    description: Description,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Active,
    Standby,
    Warmup,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    instance: Option<String>,
    rack: Option<String>,
    client_id: String,
    client_host: String,
    rebalance_timeout_ms: i32,
    topology_epoch: i32,
    process: String,
    endpoint: Option<(String, u16)>,
    tags: BTreeMap<String, String>,
    epoch: i32,
    previous_epoch: i32,
    state: Progress,
    assigned: Held,
    revoking: Held,
}

/// Positions in changelogs, and where those end, as a member last told.
#[derive(Clone, Debug, Default, PartialEq)]
struct Offsets {
    reached: BTreeMap<Task, i64>,
    ends: BTreeMap<Task, i64>,
}

/// How far a member is on its way to the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Stable = 1,
    /// It must give up tasks first.
    Revoking = 2,
    /// It waits for tasks that others must give up.
    Waiting = 3,
    /// A newer coordinator's; the member must start from nothing.
    Unknown = 127,
}

/// The epoch of a member that joins, of one that leaves, of a static one that will be back.
pub const JOIN: i32 = 0;
pub const LEAVE: i32 = -1;
pub const LEAVE_STATIC: i32 = -2;

/// Epochs of a group nobody has joined.
const FIRST_EPOCH: i32 = 1;

/// The first version of OffsetCommit that carries a member epoch.
const COMMIT_WITH_EPOCH: i16 = 9;

impl StreamsGroup {
    pub fn new(id: Id) -> StreamsGroup {
        StreamsGroup {
            id,
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            validated_epoch: -1,
            assignment_configs: BTreeMap::new(),
            topology: None,
            configured: None,
            members: BTreeMap::new(),
            target_epoch: FIRST_EPOCH,
            target_at: 0,
            target: BTreeMap::new(),
            holders: BTreeMap::new(),
            seen_image: -1,
            delayed: false,
            shutdown_by: None,
            endpoint_epoch: 0,
            offsets: BTreeMap::new(),
            creations: Creations::default(),
            description: Description::default(),
        }
    }

    /// Gives some of its memory back. Whether there is more.
    pub fn dismantle(&mut self) -> bool {
        let members = drop_some(&mut self.members);
        let target = drop_some(&mut self.target);
        let holders = drop_some(&mut self.holders);
        let offsets = drop_some(&mut self.offsets);
        members || target || holders || offsets
    }

    /// After loading: members have their session timeout to be heard of.
    pub fn begin(&self, begun: &mut Begun, work: &mut super::Work<'_>) {
        for id in begun.next_of(&self.members) {
            self.expect(&id, work);
            self.expect_revocation(&id, work);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn state_name(&self) -> &'static str {
        let topology = self.topology.as_ref();
        let is_reconciled = |member: &Member| member.is_reconciled_to(self.target_epoch);
        if self.members.is_empty() {
            "Empty"
        } else if topology.is_none_or(|topology| topology.epoch != self.validated_epoch) {
            "NotReady"
        } else if self.epoch > self.target_epoch {
            "Assigning"
        } else if self.members.values().all(is_reconciled) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    /// Whether the topology reads this topic and somebody runs it.
    pub fn is_subscribed(&self, topic: &str) -> bool {
        let topology = self.topology.as_ref().filter(|_| !self.members.is_empty());
        topology.is_some_and(|topology| topology.subtopology_of(topic).is_some())
    }

    /// Whether offsets may be committed by this sender.
    pub fn check_commit(
        &self,
        member: &str,
        epoch: i32,
        version: i16,
        in_transaction: bool,
    ) -> Result<(), ErrorCode> {
        // A tool, or a producer that does not say whose offsets it commits.
        if epoch < 0 && (self.members.is_empty() || (in_transaction && member.is_empty())) {
            return Ok(());
        }
        let found = self.members.get(member).ok_or(ErrorCode::UnknownMemberId)?;
        if !in_transaction && version < COMMIT_WITH_EPOCH {
            return Err(ErrorCode::UnsupportedVersion);
        }
        // An older epoch may do, partition by partition.
        match epoch <= found.epoch {
            true => Ok(()),
            false => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    /// Whether a sender that passed `check_commit` may commit for this partition: an older epoch is
    /// good as long as the task has been the member's since.
    pub fn check_commit_of(
        &self,
        member: &str,
        epoch: i32,
        topic: &str,
        partition: i32,
    ) -> Result<(), ErrorCode> {
        let Some(found) = self.members.get(member) else {
            return Ok(());
        };
        if epoch == found.epoch {
            return Ok(());
        }
        let topology = self.topology.as_ref().ok_or(ErrorCode::StaleMemberEpoch)?;
        let subtopology = topology.subtopology_of(topic);
        let subtopology = subtopology.ok_or(ErrorCode::StaleMemberEpoch)?;
        let task = (subtopology.id.clone(), partition);
        let held = [&found.assigned, &found.revoking].map(|held| held.active.get(&task));
        match held.into_iter().flatten().next() {
            Some(since) if epoch >= *since => Ok(()),
            _ => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    pub fn check_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        if member.is_none_or(str::is_empty) && epoch < 0 {
            return Ok(());
        }
        let member = member.unwrap_or_default();
        let found = self.members.get(member).ok_or(ErrorCode::UnknownMemberId)?;
        match epoch == found.epoch {
            true => Ok(()),
            false => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    pub fn cancel_timers(&self, timers: &mut Timers) {
        for member in self.members.keys() {
            timers.cancel(&Timer::Session(self.id.clone(), member.clone()));
            timers.cancel(&Timer::Revoke(self.id.clone(), member.clone()));
        }
        timers.cancel(&Timer::Target(self.id.clone()));
    }

    /// Puts a member in its place, and keeps the account of who has what.
    fn put(&mut self, id: &Id, member: Member) {
        self.release(id);
        for (task, role) in member.holds() {
            let holders = self.holders.entry(task.clone()).or_default();
            holders.insert((id.clone(), role));
        }
        self.members.insert(id.clone(), member);
    }

    /// What a member had is free.
    fn release(&mut self, id: &Id) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        for (task, role) in member.holds() {
            if let Some(holders) = self.holders.get_mut(task) {
                holders.remove(&(id.clone(), role));
                if holders.is_empty() {
                    self.holders.remove(task);
                }
            }
        }
    }

    fn take_out(&mut self, id: &Id) -> Option<Member> {
        self.release(id);
        let member = self.members.remove(id);
        self.offsets.remove(id);
        if self.members.is_empty() {
            // Whoever comes next runs another application.
            self.shutdown_by = None;
        }
        member
    }

    /// Whether a task must be given up before a member may have it in a role: it is active
    /// somewhere, or in any role in the member's own process.
    fn is_taken(&self, task: &Task, role: Role, process: &str) -> bool {
        let holders = self.holders.get(task).into_iter().flatten();
        let mut holders = holders.map(|(id, held)| (self.members.get(id), *held));
        holders.any(|(holder, held)| {
            let is_mine = holder.is_some_and(|holder| holder.process == process);
            is_mine || (role == Role::Active && held == Role::Active)
        })
    }
}

impl Member {
    fn is_reconciled_to(&self, epoch: i32) -> bool {
        self.state == Progress::Stable && self.epoch == epoch
    }

    fn holds(&self) -> impl Iterator<Item = (&Task, Role)> {
        let all = [&self.assigned, &self.revoking].into_iter();
        all.flat_map(|held| {
            let active = held.active.keys().map(|task| (task, Role::Active));
            let standby = held.standby.iter().map(|task| (task, Role::Standby));
            let warmup = held.warmup.iter().map(|task| (task, Role::Warmup));
            active.chain(standby).chain(warmup)
        })
    }
}

impl Tasks {
    fn is_empty(&self) -> bool {
        self.active.is_empty() && self.standby.is_empty() && self.warmup.is_empty()
    }

    /// Whether all that is held is among these.
    fn has_all(&self, held: &Held) -> bool {
        held.active.keys().all(|task| self.active.contains(task))
            && held.standby.is_subset(&self.standby)
            && held.warmup.is_subset(&self.warmup)
    }
}

impl Held {
    fn is_empty(&self) -> bool {
        self.active.is_empty() && self.standby.is_empty() && self.warmup.is_empty()
    }

    /// Whether some of these tasks are among `owned`.
    fn is_among(&self, owned: &Tasks) -> bool {
        self.active.keys().any(|task| owned.active.contains(task))
            || !self.standby.is_disjoint(&owned.standby)
            || !self.warmup.is_disjoint(&owned.warmup)
    }

    /// Whether all of `owned` are among these.
    fn has_all(&self, owned: &Tasks) -> bool {
        owned
            .active
            .iter()
            .all(|task| self.active.contains_key(task))
            && owned.standby.is_subset(&self.standby)
            && owned.warmup.is_subset(&self.warmup)
    }
}

/// Tasks by subtopology, as messages and records list them.
fn by_subtopology<'t>(tasks: impl IntoIterator<Item = &'t Task>) -> BTreeMap<&'t str, Vec<i32>> {
    let mut grouped: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (subtopology, partition) in tasks {
        grouped.entry(subtopology).or_default().push(*partition);
    }
    grouped
}

/// The tasks of such a list.
fn tasks_of<'t>(listed: impl IntoIterator<Item = (&'t str, &'t [i32])>) -> BTreeSet<Task> {
    let mut tasks = BTreeSet::new();
    for (subtopology, partitions) in listed {
        let id: Rc<str> = subtopology.into();
        tasks.extend(partitions.iter().map(|partition| (id.clone(), *partition)));
    }
    tasks
}
