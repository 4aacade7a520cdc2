//! Which partitions of a share group have a state to go by: whose is being made, is there, is being
//! deleted.
//!
//! Room:       `coordinator::group::share`.
//! Never:      makes or deletes a state; `jobs` asks for that.

use super::super::consumer::Assigned;
use super::ShareGroup;
use crate::coordinator::Step;
use crate::ids::TopicId;
use crate::metadata::Image;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    pub initializing: BTreeMap<TopicId, Named>,
    pub initialized: BTreeMap<TopicId, Named>,
    pub deleting: BTreeMap<TopicId, String>,
}

/// Partitions of a topic, whose name is written down with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub partitions: BTreeSet<i32>,
    /// When it was begun; milliseconds since 1970. Not known after a restart: then it is begun
    /// again.
    pub since: i64,
}

impl Topics {
    /// Partitions of these topics that nobody has begun to initialize, or too long ago.
    pub fn missing(
        &self,
        names: &BTreeSet<&str>,
        image: &Image,
        wall: i64,
        retry_ms: i64,
    ) -> BTreeMap<TopicId, Named> {
        let mut missing = BTreeMap::new();
        for topic in names.iter().filter_map(|name| image.topic(name)) {
            let begun = self.initializing.get(&topic.id);
            // Also if the clock went back behind that: nobody knows how long ago it was.
            let is_fresh = |since: i64| (0..retry_ms).contains(&wall.saturating_sub(since));
            let begun = begun.filter(|begun| is_fresh(begun.since));
            let known = [self.initialized.get(&topic.id), begun];
            let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
            let is_known = |partition: &i32| {
                let mut known = known.iter().flatten();
                known.any(|known| known.partitions.contains(partition))
            };
            let partitions: BTreeSet<i32> = (0..count).filter(|p| !is_known(p)).collect();
            if !partitions.is_empty() {
                let named = Named {
                    name: topic.name.to_string(),
                    partitions,
                    since: wall,
                };
                missing.insert(topic.id, named);
            }
        }
        missing
    }

    /// Partitions that may be given to members.
    pub fn assignable(&self) -> Assigned {
        let topics = self.initialized.iter();
        topics
            .map(|(id, named)| (*id, named.partitions.clone()))
            .collect()
    }
}

impl ShareGroup {
    /// These are being initialized from now on.
    pub(super) fn begin_topics(&mut self, step: &mut Step, begun: &BTreeMap<TopicId, Named>) {
        for (id, named) in begun {
            let known = self.topics.initializing.entry(*id).or_default();
            known.name.clone_from(&named.name);
            known.partitions.extend(&named.partitions);
            known.since = named.since;
            self.topics.deleting.remove(id);
        }
        self.save_topics(step);
    }

    /// What came of initializing: these have a state now, those have none.
    pub(super) fn end_topics(
        &mut self,
        step: &mut Step,
        done: &Assigned,
        failed: &Assigned,
        image: &Image,
    ) {
        for (id, partitions) in done.iter().chain(failed) {
            if let Some(named) = self.topics.initializing.get_mut(id) {
                named
                    .partitions
                    .retain(|partition| !partitions.contains(partition));
                if named.partitions.is_empty() {
                    self.topics.initializing.remove(id);
                }
            }
        }
        for (id, partitions) in done {
            // One that is gone meanwhile is forgotten.
            let Some(topic) = image.topic_by_id(*id) else {
                continue;
            };
            let known = self.topics.initialized.entry(*id).or_default();
            known.name = topic.name.to_string();
            known.partitions.extend(partitions);
            known.since = step.wall;
        }
        self.save_topics(step);
    }

    /// Whether something that members subscribe to could be given to them, and is not.
    pub(super) fn has_news(&self) -> bool {
        let mut given = Assigned::new();
        for (id, partitions) in self.target.values().flatten() {
            given.entry(*id).or_default().extend(partitions);
        }
        let subscribed = self.subscribed();
        let mut topics = self.topics.initialized.iter();
        topics.any(|(id, named)| {
            subscribed.contains(&*named.name) && given.get(id) != Some(&named.partitions)
        })
    }

    /// Topics that are gone need no state.
    pub fn forget_topics(&mut self, step: &mut Step, image: &Image) {
        let before = self.topics.clone();
        let is_there = |id: &TopicId| image.topic_by_id(*id).is_some();
        self.topics.initializing.retain(|id, _| is_there(id));
        self.topics.initialized.retain(|id, _| is_there(id));
        self.topics.deleting.retain(|id, _| is_there(id));
        if self.topics != before {
            self.save_topics(step);
        }
    }
}
