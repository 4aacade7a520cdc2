//! Offsets that nobody wants any more: `offsets.retention.minutes` (KIP-211).
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine's timer.
//! Never:      expires what a member or an open transaction may still use.

use super::timers::{Id, Timer};
use super::{Group, GroupMachine, records};
use crate::coordinator::Step;
use crate::coordinator::group::classic::{ClassicGroup, State};
use crate::coordinator::group::offsets::Committed;
use std::collections::BTreeSet;

/// Records that one round may write; what is left waits for the next, a moment later.
const RECORDS_PER_ROUND_MAX: usize = 10_000;
const NEXT_ROUND_MS: u64 = 10;

/// Since when an offset is unused, if it is.
enum Unused {
    No,
    SinceCommit,
    SinceGroupEmpty(i64),
}

impl GroupMachine {
    pub(super) fn expire(&mut self, step: &mut Step) {
        let ids: Vec<Id> = self.groups.keys().cloned().collect();
        let mut written = 0;
        for id in ids {
            if written >= RECORDS_PER_ROUND_MAX {
                self.timers
                    .set(Timer::Retention, step.now.plus(NEXT_ROUND_MS));
                return;
            }
            for (topic, partition) in self.expired(&id, step.wall) {
                records::offset_gone(step, &id, &topic, partition);
                self.offsets.remove(&id, &topic, partition);
                written += 1;
            }
            let group = self.groups.get(&id);
            // A share group stays until somebody deletes it.
            let is_share = matches!(group, Some(Group::Share(_)));
            let is_empty = !is_share && group.is_some_and(Group::is_empty);
            if is_empty && !self.offsets.has(&id) && !self.offsets.has_pending(&id) {
                self.delete(step, &id);
                written += 1;
            }
        }
        let interval = self.config.offsets_retention_check_interval_ms;
        self.timers.set(Timer::Retention, step.now.plus(interval));
    }

    fn expired(&self, id: &Id, wall: i64) -> Vec<(Id, i32)> {
        let Some(group) = self.groups.get(id) else {
            return Vec::new();
        };
        let subscribed = match group {
            Group::Classic(group) => group.subscribed(),
            Group::Share(_) => return Vec::new(),
            Group::Consumer(_) | Group::Streams(_) => None,
        };
        let unused = |topic: &str| match group {
            Group::Classic(group) => classic_unused(group, subscribed.as_ref(), topic),
            Group::Consumer(group) if group.is_subscribed(topic) => Unused::No,
            Group::Streams(group) if group.is_subscribed(topic) => Unused::No,
            Group::Share(_) | Group::Consumer(_) | Group::Streams(_) => Unused::SinceCommit,
        };
        let retention = self.config.offsets_retention_ms;
        let is_over = |unused: &Unused, committed: &Committed| {
            let since = match unused {
                Unused::No => return false,
                Unused::SinceCommit | Unused::SinceGroupEmpty(-1) => committed.commit_timestamp,
                Unused::SinceGroupEmpty(since) => *since,
            };
            match committed.expire_timestamp {
                -1 => wall.saturating_sub(since) >= retention,
                at => wall >= at,
            }
        };
        let mut expired = Vec::new();
        for (topic, partitions) in self.offsets.of(id) {
            let unused = unused(topic);
            for (partition, committed) in partitions {
                let is_free = !self.offsets.is_pending(id, topic, *partition);
                if is_free && is_over(&unused, committed) {
                    expired.push((topic.clone(), *partition));
                }
            }
        }
        expired
    }
}

/// Since when a classic group has no use for a topic's offsets.
fn classic_unused(
    group: &ClassicGroup,
    subscribed: Option<&BTreeSet<String>>,
    topic: &str,
) -> Unused {
    match (group.protocol_type(), group.state()) {
        (None, _) => Unused::SinceCommit,
        (Some(_), State::Empty) => Unused::SinceGroupEmpty(group.state_timestamp()),
        (Some(_), State::Stable) => match subscribed {
            Some(topics) if !topics.contains(topic) => Unused::SinceCommit,
            _ => Unused::No,
        },
        _ => Unused::No,
    }
}
