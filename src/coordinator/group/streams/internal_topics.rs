//! Internal topics on their way: which were asked for, and which could not be made.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  heartbeats, which find topics missing; the machine, with what came of it.
//! Never:      asks twice for a topic at once, or again at once for one that was refused.

use super::StreamsGroup;
use super::topics::Configured;
use crate::coordinator::group::Work;
use crate::coordinator::{Millis, NewTopic};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Creations {
    /// Asked for, not answered.
    asked: BTreeSet<String>,
    /// Why a topic was not made, and until when that is told instead of asking again.
    failed: BTreeMap<String, (String, Millis)>,
}

/// Failures that are told at most.
const FAILURES_MAX: usize = 3;

/// As long as this many heartbeats a failure is told before the topic is asked for again.
const FAILURE_HEARTBEATS: u64 = 2;

impl StreamsGroup {
    /// The topics to ask for now.
    pub(super) fn topics_to_make(&mut self, configured: &Configured, now: Millis) -> Vec<NewTopic> {
        let mut wanted = BTreeMap::new();
        for topic in configured.internal_topics() {
            if configured.missing.contains(&topic.name) {
                wanted.insert(&topic.name, topic);
            }
        }
        let Creations { asked, failed } = &mut self.creations;
        failed.retain(|_, (_, until)| *until > now);
        wanted.retain(|name, _| !failed.contains_key(*name) && asked.insert((*name).clone()));
        let wanted = wanted.into_values().map(|topic| NewTopic {
            name: topic.name.clone(),
            partitions: configured.partitions_of(topic),
            replication_factor: match topic.replication_factor {
                0 => -1,
                factor => factor,
            },
            configs: topic.configs.clone(),
        });
        wanted.collect()
    }

    /// What is told of topics that could not be made; empty when there are none.
    pub(super) fn creation_failures(&self, missing: &BTreeSet<String>) -> String {
        let failed = self.creations.failed.iter();
        let failed = failed.filter(|(name, _)| missing.contains(*name));
        let failed: Vec<String> = failed
            .map(|(name, (why, _))| format!("{name} ({why})"))
            .collect();
        let told = failed[..failed.len().min(FAILURES_MAX)].join(", ");
        match failed.len().saturating_sub(FAILURES_MAX) {
            _ if failed.is_empty() => String::new(),
            0 => format!("; Creation failed: {told}."),
            more => format!("; Creation failed: {told} and {more} more."),
        }
    }

    /// What came of topics that were asked for: why one was not made, if it was not.
    pub fn topics_made(&mut self, outcomes: Vec<(String, Option<String>)>, work: &Work<'_>) {
        let interval = u64::try_from(self.heartbeat_interval_ms(work)).unwrap_or_default();
        let until = work
            .step
            .now
            .plus(interval.saturating_mul(FAILURE_HEARTBEATS));
        for (name, error) in outcomes {
            self.creations.asked.remove(&name);
            if let Some(error) = error {
                self.creations.failed.insert(name, (error, until));
            }
        }
    }
}
