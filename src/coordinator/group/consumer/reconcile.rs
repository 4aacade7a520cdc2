//! The target, and each member's way to it.
//!
//! Room:       `coordinator::group::consumer`.
//! Called by:  heartbeats; the timer that ends the pause after a target.
//! Never:      hands a partition out before its last holder has said that it gave it up.

use super::assignor::{Candidate, assign};
use super::{Assigned, ConsumerGroup, Member, Progress};
use crate::coordinator::group::Work;
use crate::coordinator::group::timers::{Id, Timer};
use crate::ids::TopicId;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

impl ConsumerGroup {
    /// Looks at the topics anew if the cluster or the wishes have changed; whether what the group
    /// subscribes to is different.
    pub(super) fn topics_changed(&mut self, wishes_changed: bool, work: &mut Work<'_>) -> bool {
        let are_due = self.patterns_are_due(work);
        if self.seen_image == work.image.offset && !wishes_changed && !are_due {
            return false;
        }
        self.seen_image = work.image.offset;
        self.resolve_patterns(are_due, work);
        let hash = self.hash(work);
        let changed = hash != self.metadata_hash;
        self.metadata_hash = hash;
        changed
    }

    /// Of every topic somebody wants, with its partitions; 0 for nothing.
    fn hash(&self, work: &Work<'_>) -> i64 {
        let mut hasher = rustc_hash::FxHasher::default();
        let names: BTreeSet<&str> = self
            .members
            .values()
            .flat_map(|member| self.topics_of(member))
            .collect();
        let mut any = false;
        for topic in names.iter().filter_map(|name| work.image.topic(name)) {
            (topic.id.0, &topic.name, topic.partitions.len()).hash(&mut hasher);
            any = true;
        }
        match any {
            true => hasher.finish() as i64,
            false => 0,
        }
    }

    pub(super) fn bump(&mut self, work: &mut Work<'_>) {
        self.epoch = self.epoch.saturating_add(1);
        self.save_epoch(work.step);
    }

    /// Brings the target up to the group's epoch. If the last one was made only just now, a timer
    /// does so later: members that come one by one do not each have the assignor run.
    pub(super) fn aim(&mut self, work: &mut Work<'_>) {
        if self.epoch <= self.target_epoch {
            return;
        }
        let timer = Timer::Target(self.id.clone());
        if let Some(left) = self.pause_left(work) {
            return work.timers.set(timer, work.step.now.plus(left));
        }
        work.timers.cancel(&timer);
        let mut topics: BTreeMap<TopicId, usize> = BTreeMap::new();
        let members: Vec<Candidate<'_>> = self
            .members
            .iter()
            .map(|(id, member)| {
                let names = self.topics_of(member).into_iter();
                let known = names.filter_map(|name| work.image.topic(name));
                let wanted = known.map(|topic| {
                    topics.insert(topic.id, topic.partitions.len());
                    topic.id
                });
                Candidate {
                    id,
                    instance: member.instance.as_deref(),
                    topics: wanted.collect(),
                    before: self.target.get(id),
                }
            })
            .collect();
        let target = assign(&self.assignor(work), &members, &topics);
        for (id, assigned) in &target {
            if self.target.get(id) != Some(assigned) {
                self.save_target(work.step, id, assigned);
            }
        }
        self.target = target;
        self.target_epoch = self.epoch;
        self.target_at = work.step.wall;
        self.save_target_epoch(work.step);
    }

    /// How many milliseconds the next target must wait.
    fn pause_left(&self, work: &Work<'_>) -> Option<u64> {
        let own = work.setting(&self.id, "consumer.assignment.interval.ms");
        let interval = own.unwrap_or(work.config.consumer_assignment_interval_ms);
        let passed = work.step.wall.saturating_sub(self.target_at);
        let left = i64::from(interval).saturating_sub(passed);
        // A clock that went backwards does not hold it up.
        let waits = self.target_at != 0 && passed >= 0 && left > 0;
        waits.then(|| left.unsigned_abs())
    }

    /// The next target is due: by the topics there are now, or their news would wait once more.
    pub fn pause_is_over(&mut self, work: &mut Work<'_>) {
        if self.members.is_empty() {
            return;
        }
        if self.topics_changed(false, work) {
            self.bump(work);
        }
        self.aim(work);
    }

    /// The assignor most members ask for, else the broker's first.
    pub(super) fn assignor_of(&self, default: &str) -> String {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.members.values().filter_map(|m| m.assignor.as_deref()) {
            *votes.entry(name).or_default() += 1;
        }
        let chosen = votes.into_iter().max_by_key(|(_, votes)| *votes);
        chosen.map_or(default, |(name, _)| name).to_owned()
    }

    fn assignor(&self, work: &Work<'_>) -> String {
        let default = work.config.consumer_assignors.first();
        self.assignor_of(default.map_or("uniform", String::as_str))
    }

    /// One step of a member on its way; `owned` is what it says it has, if it says. What it wants
    /// no more it gives up at once, even if the target does not know of that yet.
    pub(super) fn reconcile(
        &mut self,
        id: &Id,
        owned: Option<&Assigned>,
        has_new_wishes: bool,
        work: &mut Work<'_>,
    ) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        let stays = match member.state {
            Progress::Stable => member.epoch == self.target_epoch,
            Progress::Revoking => holds(owned, &member.revoking),
            Progress::Waiting => false,
        };
        if stays && !has_new_wishes {
            return;
        }
        let names = self.topics_of(member).into_iter();
        let wanted = names.filter_map(|name| work.image.topic(name));
        let wanted: BTreeSet<TopicId> = wanted.map(|topic| topic.id).collect();
        let next = match stays {
            true => without_unwanted(member, owned, &wanted),
            false => self.next_of(id, member, owned, &wanted),
        };
        if next == *member {
            return;
        }
        self.save_current(work.step, id, &next);
        self.put(id, next);
        self.expect_revocation(id, work);
    }

    fn next_of(
        &self,
        id: &Id,
        member: &Member,
        owned: Option<&Assigned>,
        wanted: &BTreeSet<TopicId>,
    ) -> Member {
        let mut target = self.target.get(id).cloned().unwrap_or_default();
        target.retain(|topic, _| wanted.contains(topic));
        let (mut keeps, mut gives) = (Assigned::new(), Assigned::new());
        for (topic, partitions) in &member.assigned {
            for partition in partitions {
                let wanted = target.get(topic).is_some_and(|t| t.contains(partition));
                let side = if wanted { &mut keeps } else { &mut gives };
                side.entry(*topic).or_default().insert(*partition);
            }
        }
        let mut next = member.clone();
        next.revoking = Assigned::new();
        if !gives.is_empty() && holds(owned, &gives) {
            next.state = Progress::Revoking;
            (next.assigned, next.revoking) = (keeps, gives);
            return next;
        }
        let mut waits = false;
        for (topic, partitions) in &target {
            for partition in partitions {
                let owner = self.owners.get(&(*topic, *partition));
                match owner.is_none_or(|owner| owner == id) {
                    true => {
                        keeps.entry(*topic).or_default().insert(*partition);
                    }
                    false => waits = true,
                }
            }
        }
        next.assigned = keeps;
        next.state = match waits {
            true => Progress::Waiting,
            false => Progress::Stable,
        };
        if next.epoch != self.target_epoch {
            next.previous_epoch = next.epoch;
            next.epoch = self.target_epoch;
        }
        next
    }

    /// A member that must give up partitions has its rebalance timeout for that.
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

/// A member that stays where it is, but for the topics that it wants no more.
fn without_unwanted(
    member: &Member,
    owned: Option<&Assigned>,
    wanted: &BTreeSet<TopicId>,
) -> Member {
    let mut next = member.clone();
    next.assigned.retain(|topic, _| wanted.contains(topic));
    for (topic, partitions) in &member.assigned {
        if !wanted.contains(topic) {
            next.revoking.entry(*topic).or_default().extend(partitions);
        }
    }
    match holds(owned, &next.revoking) {
        true => next.state = Progress::Revoking,
        false => next.revoking.clone_from(&member.revoking),
    }
    next
}

/// Whether a member still has one of these; one that does not say may.
fn holds(owned: Option<&Assigned>, of: &Assigned) -> bool {
    let Some(owned) = owned else {
        return !of.is_empty();
    };
    of.iter().any(|(topic, partitions)| {
        owned
            .get(topic)
            .is_some_and(|owned| !owned.is_disjoint(partitions))
    })
}
