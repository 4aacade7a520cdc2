//! The target, and each member's way to it.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  heartbeats; the timer of a group's first target.
//! Never:      hands a task out before whoever has it, or a process that may not have it twice,
//!             has said that it gave it up.

use super::assignor::{Candidate, assign};
use super::topics::Configured;
use super::{Held, Member, Progress, Role, StreamsGroup, Task, Tasks};
use crate::coordinator::group::Work;
use crate::coordinator::group::timers::{Id, Timer};
use crate::protocol::ErrorCode;
use std::collections::BTreeSet;

/// The name of the one way to assign tasks.
pub const ASSIGNOR: &str = "sticky";

/// The setting that `assignment_configs` keeps.
pub const STANDBY_REPLICAS: &str = "num.standby.replicas";

/// Why a target that is due is not made yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// More members may come.
    First,
    /// The last one was made a moment ago.
    Interval,
}

impl StreamsGroup {
    /// Brings the target up to the group's epoch, unless it must wait.
    pub(super) fn aim(&mut self, configured: &Configured, work: &mut Work<'_>) -> Option<Delay> {
        if self.delayed {
            return Some(Delay::First);
        }
        if self.epoch <= self.target_epoch {
            return None;
        }
        let passed = work.step.wall.saturating_sub(self.target_at);
        let interval = i64::from(self.assignment_interval_ms(work));
        // A clock that went backwards does not hold it up.
        if self.target_at != 0 && (0..interval).contains(&passed) {
            return Some(Delay::Interval);
        }
        let members: Vec<Candidate<'_>> = self
            .members
            .iter()
            .map(|(id, member)| Candidate {
                id,
                process: &member.process,
                before: self.target.get(id),
            })
            .collect();
        let standbys = self.assignment_configs.get(STANDBY_REPLICAS);
        let standbys = standbys.and_then(|text| text.parse().ok()).unwrap_or(0);
        let none = Default::default();
        let counts = match configured.is_ready() {
            true => &configured.tasks,
            false => &none,
        };
        let target = assign(&members, &configured.topology, counts, standbys);
        for (id, tasks) in &target {
            if self.target.get(id) != Some(tasks) {
                self.save_target(work.step, id, tasks);
            }
        }
        self.target = target;
        self.target_epoch = self.epoch;
        self.target_at = work.step.wall;
        self.save_target_epoch(work.step);
        None
    }

    /// A new group has waited for its members.
    pub fn first_target(&mut self, work: &mut Work<'_>) {
        self.delayed = false;
        let configured = self.configured.clone().filter(|_| !self.members.is_empty());
        if let Some(configured) = configured {
            self.aim(&configured, work);
        }
    }

    /// One step of a member on its way; `owned` is what it says it has, if it says.
    pub(super) fn reconcile(&mut self, id: &Id, owned: Option<&Tasks>, work: &mut Work<'_>) {
        let none = Tasks::default();
        // While the first target waits, nobody has anything of it.
        let target = self.target.get(id).filter(|_| !self.delayed);
        let Some(member) = self.members.get(id) else {
            return;
        };
        let next = self.next_of(member, target.unwrap_or(&none), owned);
        if next == *member {
            return;
        }
        self.save_current(work.step, id, &next);
        self.put(id, next);
        self.expect_revocation(id, work);
    }

    fn next_of(&self, member: &Member, target: &Tasks, owned: Option<&Tasks>) -> Member {
        match member.state {
            Progress::Stable if member.epoch == self.target_epoch => member.clone(),
            Progress::Stable | Progress::Waiting => self.moved(member, member.epoch, target, owned),
            Progress::Revoking if owned.is_none_or(|owned| member.revoking.is_among(owned)) => {
                member.clone()
            }
            Progress::Revoking => self.moved(member, member.epoch.saturating_add(1), target, owned),
            Progress::Unknown => self.moved(member, self.target_epoch, target, owned),
        }
    }

    /// A member whose state no coordinator here can have written starts from nothing.
    pub(super) fn check_state(
        &self,
        member: &Member,
        owned: Option<&Tasks>,
    ) -> Result<(), (ErrorCode, String)> {
        if member.state == Progress::Unknown && owned.is_none_or(|owned| !owned.is_empty()) {
            let text = "The streams group member is in a unknown state. The member must abandon \
                        all its tasks and rejoin.";
            return Err((ErrorCode::FencedMemberEpoch, text.to_owned()));
        }
        Ok(())
    }

    fn moved(&self, member: &Member, epoch: i32, target: &Tasks, owned: Option<&Tasks>) -> Member {
        let taken = |task: &Task, role| self.is_taken(task, role, &member.process);
        let mut next = member.clone();
        let (mut keeps, mut gives, mut waits) = (Held::default(), Held::default(), false);
        for (task, since) in &member.assigned.active {
            let side = match target.active.contains(task) {
                true => &mut keeps,
                false => &mut gives,
            };
            side.active.insert(task.clone(), *since);
        }
        let mut gets = Held::default();
        for task in &target.active {
            if !keeps.active.contains_key(task) {
                match taken(task, Role::Active) {
                    true => waits = true,
                    false => {
                        gets.active.insert(task.clone(), self.target_epoch);
                    }
                }
            }
        }
        let mut copies = |had: &BTreeSet<Task>, wanted: &BTreeSet<Task>, role| {
            let keeps: BTreeSet<Task> = had.intersection(wanted).cloned().collect();
            let gives: BTreeSet<Task> = had.difference(wanted).cloned().collect();
            let new = wanted.difference(&keeps);
            let (later, gets): (BTreeSet<Task>, _) = new.cloned().partition(|t| taken(t, role));
            waits |= !later.is_empty();
            (keeps, gives, gets)
        };
        let assigned = &member.assigned;
        (keeps.standby, gives.standby, gets.standby) =
            copies(&assigned.standby, &target.standby, Role::Standby);
        (keeps.warmup, gives.warmup, gets.warmup) =
            copies(&assigned.warmup, &target.warmup, Role::Warmup);
        if !gives.is_empty() && owned.is_none_or(|owned| gives.is_among(owned)) {
            next.advance(epoch);
            next.state = Progress::Revoking;
            (next.assigned, next.revoking) = (keeps, gives);
            return next;
        }
        keeps.active.append(&mut gets.active);
        keeps.standby.append(&mut gets.standby);
        keeps.warmup.append(&mut gets.warmup);
        next.advance(self.target_epoch);
        (next.assigned, next.revoking) = (keeps, Held::default());
        next.state = match waits {
            true => Progress::Waiting,
            false => Progress::Stable,
        };
        next
    }

    /// A member that must give up tasks has its rebalance timeout for that.
    pub(super) fn expect_revocation(&self, id: &Id, work: &mut Work<'_>) {
        let timer = Timer::Revoke(self.id.clone(), id.clone());
        match self.members.get(id) {
            Some(member) if member.state == Progress::Revoking => {
                let at = work.step.now.plus_i32(member.rebalance_timeout_ms);
                work.timers.set(timer, at);
            }
            _ => work.timers.cancel(&timer),
        }
    }
}

impl Member {
    /// The epoch before is remembered as long as an answer that told the new one may be lost.
    fn advance(&mut self, epoch: i32) {
        if epoch != self.epoch {
            self.previous_epoch = self.epoch;
            self.epoch = epoch;
        }
    }
}
