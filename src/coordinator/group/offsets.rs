//! Committed offsets of all groups of a partition, and those that wait for their transactions.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine, for requests and while replaying.
//! Never:      decides who may commit.
//!
//! Always true:
//!   - an offset committed in a transaction counts when the transaction commits, and only if
//!     nothing newer was committed meanwhile.

use super::timers::Id;
use crate::coordinator::Producer;
use crate::coordinator::dismantle::{drop_some, drop_some_of};
use crate::protocol::Uuid;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// One committed offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    pub offset: i64,
    /// -1 when the client did not say.
    pub leader_epoch: i32,
    pub metadata: String,
    /// Milliseconds since 1970.
    pub commit_timestamp: i64,
    /// -1 unless the client set it (before KIP-211).
    pub expire_timestamp: i64,
    /// Of the topic it was committed for; zero when it was named by name in a transaction, or by an
    /// older broker.
    pub topic_id: Uuid,
    /// Counts changes, so that a late commit of a transaction does not go back.
    order: u64,
}

/// A topic and partition.
pub type Place = (Id, i32);

type Topics = BTreeMap<Id, BTreeMap<i32, Committed>>;

#[derive(Debug, Default)]
pub struct Offsets {
    groups: BTreeMap<Id, Topics>,
    /// By producer, by group.
    pending: BTreeMap<i64, BTreeMap<Id, Topics>>,
    /// Producers with pending offsets, by group.
    producers: BTreeMap<Id, BTreeSet<i64>>,
    changes: u64,
}

impl Committed {
    pub fn new(offset: i64, leader_epoch: i32, metadata: &str, commit_timestamp: i64) -> Self {
        Committed {
            offset,
            leader_epoch,
            metadata: metadata.to_owned(),
            commit_timestamp,
            expire_timestamp: -1,
            topic_id: Uuid::ZERO,
            order: 0,
        }
    }

    /// Whether it is of another topic that had the same name: a topic made anew has no offsets.
    pub fn is_of_another(&self, topic_id: Uuid) -> bool {
        self.topic_id != Uuid::ZERO && topic_id != Uuid::ZERO && self.topic_id != topic_id
    }
}

impl Offsets {
    /// Forgets some. Whether there are more.
    pub fn dismantle(&mut self) -> bool {
        let groups = drop_some_of(&mut self.groups, drop_some);
        let pending = drop_some_of(&mut self.pending, |groups| drop_some_of(groups, drop_some));
        let producers = drop_some(&mut self.producers);
        groups || pending || producers
    }

    pub fn put(
        &mut self,
        producer: Option<Producer>,
        group: &Id,
        topic: &str,
        partition: i32,
        mut committed: Committed,
    ) {
        self.changes += 1;
        committed.order = self.changes;
        let groups = match producer {
            Some(producer) => {
                let producers = self.producers.entry(group.clone()).or_default();
                producers.insert(producer.id);
                self.pending.entry(producer.id).or_default()
            }
            None => &mut self.groups,
        };
        let topics = groups.entry(group.clone()).or_default();
        match topics.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, committed);
            }
            None => {
                topics.insert(topic.into(), BTreeMap::from([(partition, committed)]));
            }
        }
    }

    /// Forgets one offset; whether there was one.
    pub fn remove(&mut self, group: &str, topic: &str, partition: i32) -> bool {
        for producers in self.pending.values_mut() {
            if let Some(topics) = producers.get_mut(group) {
                take(topics, topic, partition);
            }
        }
        let Some(topics) = self.groups.get_mut(group) else {
            return false;
        };
        let had = take(topics, topic, partition);
        if topics.is_empty() {
            self.groups.remove(group);
        }
        had
    }

    /// A producer's transaction has ended.
    pub fn complete(&mut self, producer: i64, committed: bool) {
        for (group, topics) in self.pending.remove(&producer).unwrap_or_default() {
            if let Some(producers) = self.producers.get_mut(&group) {
                producers.remove(&producer);
                if producers.is_empty() {
                    self.producers.remove(&group);
                }
            }
            // What it had may be gone, with its topic: a group without offsets is not kept for it.
            if !committed || topics.is_empty() {
                continue;
            }
            let known = self.groups.entry(group).or_default();
            for (topic, partitions) in topics {
                let known = known.entry(topic).or_default();
                for (partition, new) in partitions {
                    let newer = known
                        .get(&partition)
                        .is_some_and(|old| old.order > new.order);
                    if !newer {
                        known.insert(partition, new);
                    }
                }
            }
        }
    }

    pub fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&Committed> {
        self.groups.get(group)?.get(topic)?.get(&partition)
    }

    /// Whether an open transaction may change this offset.
    pub fn is_pending(&self, group: &str, topic: &str, partition: i32) -> bool {
        let producers = self.producers.get(group).into_iter().flatten();
        producers.into_iter().any(|producer| {
            self.pending
                .get(producer)
                .and_then(|groups| groups.get(group)?.get(topic)?.get(&partition))
                .is_some()
        })
    }

    pub fn has_pending(&self, group: &str) -> bool {
        self.producers.contains_key(group)
    }

    /// All offsets of a group, by topic and partition.
    pub fn of(&self, group: &str) -> impl Iterator<Item = (&Id, &BTreeMap<i32, Committed>)> {
        self.groups.get(group).into_iter().flatten()
    }

    /// The offsets of a group behind this one, in the order of `of`.
    pub fn behind(
        &self,
        group: &str,
        after: Option<Place>,
    ) -> impl Iterator<Item = (&Id, i32, &Committed)> {
        let from = after.as_ref().map(|(topic, _)| topic.clone());
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let topics = self.groups.get(group);
        let topics = topics.map(|topics| topics.range((from, Bound::Unbounded)));
        topics
            .into_iter()
            .flatten()
            .flat_map(move |(topic, partitions)| {
                let after = after.as_ref().filter(|(last, _)| last == topic);
                let from = after.map_or(Bound::Unbounded, |(_, last)| Bound::Excluded(*last));
                let behind = partitions.range((from, Bound::Unbounded));
                behind.map(move |(partition, committed)| (topic, *partition, committed))
            })
    }

    pub fn has(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// Every offset there is of these topics: group, topic, partition.
    pub fn of_topics(&self, gone: &BTreeSet<&str>) -> Vec<(Id, Id, i32)> {
        let mut found = Vec::new();
        for (group, topics) in &self.groups {
            for (topic, partitions) in topics {
                if gone.contains(&**topic) {
                    let partitions = partitions.keys();
                    found.extend(partitions.map(|p| (group.clone(), topic.clone(), *p)));
                }
            }
        }
        found
    }
}

fn take(topics: &mut Topics, topic: &str, partition: i32) -> bool {
    let Some(partitions) = topics.get_mut(topic) else {
        return false;
    };
    let had = partitions.remove(&partition).is_some();
    if partitions.is_empty() {
        topics.remove(topic);
    }
    had
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Committed {
        Committed::new(offset, -1, "", 0)
    }

    #[test]
    fn a_transaction_counts_when_it_commits_unless_something_newer_is_there() {
        let mut offsets = Offsets::default();
        let (group, producer): (Id, _) = ("g".into(), Producer { id: 7, epoch: 0 });
        offsets.put(Some(producer), &group, "t", 0, at(5));
        offsets.put(Some(producer), &group, "t", 1, at(6));
        assert!(offsets.is_pending("g", "t", 0) && offsets.get("g", "t", 0).is_none());
        offsets.put(None, &group, "t", 1, at(60));
        offsets.complete(7, true);
        assert_eq!(offsets.get("g", "t", 0).map(|c| c.offset), Some(5));
        assert_eq!(offsets.get("g", "t", 1).map(|c| c.offset), Some(60));
        assert!(!offsets.has_pending("g"));
        offsets.put(Some(producer), &group, "t", 0, at(9));
        offsets.complete(7, false);
        assert_eq!(offsets.get("g", "t", 0).map(|c| c.offset), Some(5));
        assert!(offsets.remove("g", "t", 0) && offsets.remove("g", "t", 1));
        assert!(!offsets.has("g"));
    }

    /// Goal: a group is not there for ever because a transaction committed offsets of a topic that
    /// was deleted meanwhile.
    #[test]
    fn a_transaction_whose_offsets_are_gone_leaves_no_group() {
        let mut offsets = Offsets::default();
        let (group, producer): (Id, _) = ("g".into(), Producer { id: 7, epoch: 0 });
        offsets.put(None, &group, "t", 0, at(5));
        offsets.put(Some(producer), &group, "t", 0, at(6));
        assert!(offsets.remove("g", "t", 0));
        offsets.complete(7, true);
        assert!(!offsets.has("g") && !offsets.has_pending("g"));
    }
}
