//! Offsets that nobody wants any more: `offsets.retention.minutes` (KIP-211).
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine's timer.
//! Never:      expires what a member or an open transaction may still use; looks at all offsets
//!             in one step.

use super::timers::{Id, Timer};
use super::{Group, GroupMachine, records};
use crate::coordinator::Step;
use crate::coordinator::group::classic::State;
use crate::coordinator::group::offsets::{Committed, Place};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

/// Offsets and groups that one step looks at, and when the next one goes on.
const LOOKS_PER_STEP_MAX: usize = 128;
const NEXT_STEP_MS: u64 = 1;

/// Since when a group has had no use for offsets of topics it is not subscribed to.
#[derive(Clone, Copy)]
enum Unused {
    No,
    SinceCommit,
    SinceGroupEmpty(i64),
}

impl GroupMachine {
    /// Looks at some offsets from where it left; the next step goes on.
    pub(super) fn expire(&mut self, step: &mut Step) {
        let wait = match self.expire_some(step) {
            ControlFlow::Break(place) => {
                self.looked = Some(place);
                NEXT_STEP_MS
            }
            ControlFlow::Continue(()) => self.config.offsets_retention_check_interval_ms,
        };
        self.timers.set(Timer::Retention, step.now.plus(wait));
    }

    /// `Break`: the group to go on with, and the last of its offsets that was looked at.
    fn expire_some(&mut self, step: &mut Step) -> ControlFlow<(Id, Option<Place>)> {
        let (from, mut after) = match self.looked.take() {
            Some((group, last)) => (Bound::Included(group), last),
            None => (Bound::Unbounded, None),
        };
        let behind = self.groups.range((from, Bound::Unbounded));
        let ids = behind.take(LOOKS_PER_STEP_MAX + 1).map(|(id, _)| id);
        let ids: Vec<Id> = ids.cloned().collect();
        let mut left = LOOKS_PER_STEP_MAX;
        for id in ids {
            if left == 0 {
                return ControlFlow::Break((id, None));
            }
            let mut expired = Vec::new();
            let last = self.expired(&id, after.take(), step.wall, &mut left, &mut expired);
            for (topic, partition) in expired {
                records::offset_gone(step, &id, &topic, partition);
                self.offsets.remove(&id, &topic, partition);
            }
            if last.is_some() {
                return ControlFlow::Break((id, last));
            }
            let group = self.groups.get(&id);
            // A share group stays until somebody deletes it.
            let is_share = matches!(group, Some(Group::Share(_)));
            let is_empty = !is_share && group.is_some_and(Group::is_empty);
            if is_empty && !self.offsets.has(&id) && !self.offsets.has_pending(&id) {
                self.delete(step, &id);
            }
            left = left.saturating_sub(1);
        }
        ControlFlow::Continue(())
    }

    /// Adds what has expired of a group's offsets behind `after`; the last one that was looked at
    /// when there may be more. One at least may be looked at.
    fn expired(
        &self,
        id: &Id,
        after: Option<Place>,
        wall: i64,
        left: &mut usize,
        expired: &mut Vec<Place>,
    ) -> Option<Place> {
        let group = self.groups.get(id)?;
        let unused = group.unused();
        if matches!(unused, Unused::No) {
            return None;
        }
        let classic = OnceCell::new();
        let mut last = after.clone();
        for (topic, partition, committed) in self.offsets.behind(id, after) {
            if *left == 0 {
                return last;
            }
            *left -= 1;
            // Cheap questions first: most offsets were committed a moment ago.
            if self.is_over(unused, committed, wall)
                && !self.offsets.is_pending(id, topic, partition)
                && !group.is_subscribed(topic, &classic)
            {
                expired.push((topic.clone(), partition));
            }
            last = Some((topic.clone(), partition));
        }
        None
    }

    fn is_over(&self, unused: Unused, committed: &Committed, wall: i64) -> bool {
        let since = match unused {
            Unused::No => return false,
            Unused::SinceCommit | Unused::SinceGroupEmpty(-1) => committed.commit_timestamp,
            Unused::SinceGroupEmpty(since) => since,
        };
        match committed.expire_timestamp {
            -1 => wall.saturating_sub(since) >= self.config.offsets_retention_ms,
            at => wall >= at,
        }
    }
}

impl Group {
    fn unused(&self) -> Unused {
        let group = match self {
            Group::Classic(group) => group,
            Group::Consumer(_) | Group::Streams(_) => return Unused::SinceCommit,
            Group::Share(_) => return Unused::No,
        };
        match (group.protocol_type(), group.state()) {
            (None, _) | (Some(_), State::Stable) => Unused::SinceCommit,
            (Some(_), State::Empty) => Unused::SinceGroupEmpty(group.state_timestamp()),
            _ => Unused::No,
        }
    }

    /// Whether a member may want this topic; `classic` keeps what classic members said.
    fn is_subscribed(&self, topic: &str, classic: &OnceCell<Option<BTreeSet<String>>>) -> bool {
        match self {
            Group::Classic(group) if group.protocol_type().is_none() || group.is_empty() => false,
            Group::Classic(group) => {
                let topics = classic.get_or_init(|| group.subscribed()).as_ref();
                topics.is_none_or(|topics| topics.contains(topic))
            }
            Group::Consumer(group) => group.is_subscribed(topic),
            Group::Streams(group) => group.is_subscribed(topic),
            Group::Share(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::Machine;
    use crate::coordinator::group::tests::Bench;

    /// Goal: every old offset goes, each once, and no step does more than it may.
    #[test]
    fn old_offsets_go_some_in_each_step() {
        let mut bench = Bench::new();
        // One group takes several steps, many have an offset or two, some have none at all.
        let mut count = 0;
        let mut commit = |group: &str, topic: &str, partitions: usize| {
            count += partitions;
            let id = bench.machine.group_or_new(group, 0);
            for partition in 0..partitions as i32 {
                let committed = Committed::new(1, -1, "", bench.now as i64);
                let offsets = &mut bench.machine.offsets;
                offsets.put(None, &id, topic, partition, committed);
            }
        };
        commit("b", "t", LOOKS_PER_STEP_MAX + 7);
        commit("b", "u", 2 * LOOKS_PER_STEP_MAX);
        for number in 0..200 {
            commit(&format!("c{number}"), "t", number % 3);
        }
        let young = bench.now + 3 * 24 * 3_600_000;
        let id = bench.machine.group_or_new("d", 0);
        let committed = Committed::new(1, -1, "", young as i64);
        bench.machine.offsets.put(None, &id, "t", 0, committed);
        bench.now += 7 * 24 * 3_600_000 + 1;
        let (mut steps, mut gone) = (0, 0);
        loop {
            steps += 1;
            bench.log.clear();
            bench.step(GroupMachine::expire);
            let records: usize = bench.log.iter().map(|batch| batch.records.len()).sum();
            // A group without offsets goes with a record of its own.
            assert!(records <= LOOKS_PER_STEP_MAX + 1, "{records}");
            gone += records;
            if bench.machine.looked.is_none() {
                break;
            }
            let next = bench.machine.next_timeout().expect("it goes on");
            assert!(next.0 <= bench.now + NEXT_STEP_MS);
        }
        assert_eq!(gone, count + 201, "each offset, each group");
        assert!(steps > (count + 201) / LOOKS_PER_STEP_MAX, "{steps}");
        let left: Vec<&Id> = bench.machine.groups.keys().collect();
        assert_eq!(left, [&id]);
        assert!(bench.machine.offsets.has("d"));
    }
}
