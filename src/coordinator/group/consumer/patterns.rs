//! Regular expressions that members subscribe by, and the topics they stand for.
//!
//! Room:       `coordinator::group::consumer`.
//! Called by:  heartbeats.
//! Never:      matches all topics against a group's patterns twice within `PAUSE_MS`: in a cluster
//!             where topics come and go each heartbeat would.

use super::ConsumerGroup;
use crate::coordinator::group::Work;
use crate::metadata::Image;
use regex_lite::Regex;
use std::collections::BTreeSet;

/// The least time between two looks at all topics, Kafka's
/// `REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`. A pattern that is new is looked up at once.
const PAUSE_MS: u64 = 10_000;

impl ConsumerGroup {
    /// There are topics that were not there before.
    pub fn topics_came(&mut self) {
        self.topics_came = true;
    }

    /// Whether all patterns shall be looked up anew.
    pub(super) fn patterns_are_due(&self, work: &Work<'_>) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let Some(at) = self.patterns_at else {
            return true;
        };
        let passed = work.step.now.0.saturating_sub(at.0);
        let interval = work.config.consumer_regex_refresh_interval_ms;
        passed >= PAUSE_MS && (self.topics_came || passed >= interval)
    }

    /// Looks up all patterns that members have, or those that are new.
    pub(super) fn resolve_patterns(&mut self, all: bool, work: &mut Work<'_>) {
        let members = self.members.values();
        let wanted: BTreeSet<String> = members.filter_map(|m| m.pattern.clone()).collect();
        let gone: Vec<String> = self.patterns.keys().cloned().collect();
        for pattern in gone.iter().filter(|pattern| !wanted.contains(*pattern)) {
            self.patterns.remove(pattern);
            self.save_pattern(work.step, pattern, None);
        }
        if all || self.patterns.is_empty() {
            self.patterns_at = Some(work.step.now);
            self.topics_came = false;
        }
        for pattern in wanted {
            let known = self.patterns.get(&pattern);
            if known.is_some() && !all {
                continue;
            }
            let topics = resolve(&pattern, work.image);
            if known != Some(&topics) {
                self.save_pattern(work.step, &pattern, Some((&topics, work.image.offset)));
                self.patterns.insert(pattern, topics);
            }
        }
    }
}

/// A pattern as clients write it: the whole name must match. `None` when it is none.
pub fn compile(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// Topics that match.
fn resolve(pattern: &str, image: &Image) -> BTreeSet<String> {
    let Some(regex) = compile(pattern) else {
        return BTreeSet::new();
    };
    let names = image.topics().map(|topic| &*topic.name);
    let matching = names.filter(|name| regex.is_match(name));
    matching.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::Machine;
    use crate::coordinator::group::Group;
    use crate::coordinator::group::tests::Bench;
    use crate::ids::TopicId;
    use crate::metadata::{PartitionImage, TopicImage};
    use crate::protocol::messages::consumer_group_heartbeat::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    };
    use crate::protocol::{ApiKey, ErrorCode, GroupId, Reader};
    use std::sync::Arc;

    fn follow(bench: &mut Bench, offset: i64, names: &[&str]) {
        let mut image = Image::empty("cluster", 1);
        image.offset = offset;
        for (number, name) in names.iter().enumerate() {
            image.put_topic(TopicImage {
                id: TopicId([number as u8; 16]),
                name: (*name).into(),
                partitions: vec![PartitionImage::default()],
            });
        }
        let image = Arc::new(image);
        bench.step(|machine, step| machine.follow(step, &image));
    }

    /// A heartbeat; the member's epoch.
    fn beat(bench: &mut Bench, member: &str, epoch: i32, pattern: Option<&str>) -> i32 {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: GroupId("g"),
            member_id: member,
            member_epoch: epoch,
            rebalance_timeout_ms: if epoch == 0 { 60_000 } else { -1 },
            subscribed_topic_regex: pattern,
            topic_partitions: (epoch == 0).then(Vec::new),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        let token = bench.ask(ApiKey::ConsumerGroupHeartbeat, 1, &request);
        let body = bench.answer(token).expect("at once");
        let told = ConsumerGroupHeartbeatResponse::decode(&mut Reader::new(&body), 1);
        let told = told.expect("an answer");
        assert_eq!(told.error_code, ErrorCode::None);
        told.member_epoch
    }

    /// How many topics a pattern stands for.
    fn count(bench: &Bench, pattern: &str) -> Option<usize> {
        let Some(Group::Consumer(group)) = bench.machine.groups.get("g") else {
            panic!("there is no such group");
        };
        group.patterns.get(pattern).map(BTreeSet::len)
    }

    fn are_due(bench: &mut Bench) -> bool {
        let mut are_due = false;
        bench.step(|machine, step| {
            let (group, work) = machine.consumer(step, "g").expect("it is there");
            are_due = group.patterns_are_due(&work);
        });
        are_due
    }

    #[test]
    fn topics_that_come_are_matched_after_a_pause_and_new_patterns_at_once() {
        let mut bench = Bench::new();
        follow(&mut bench, 2, &["a-1", "b-1"]);
        let mut epoch = beat(&mut bench, "m", 0, Some("a-.*"));
        assert_eq!(count(&bench, "a-.*"), Some(1));
        follow(&mut bench, 3, &["a-1", "b-1", "a-2"]);
        bench.pass(PAUSE_MS - 1);
        epoch = beat(&mut bench, "m", epoch, None);
        let other = beat(&mut bench, "n", 0, Some(".-2"));
        assert_eq!(count(&bench, "a-.*"), Some(1), "not yet");
        assert_eq!(count(&bench, ".-2"), Some(1));
        bench.pass(1);
        epoch = beat(&mut bench, "m", epoch, None);
        assert_eq!(count(&bench, "a-.*"), Some(2));
        assert!(!are_due(&mut bench));
        // A pattern that nobody has any more is forgotten.
        beat(&mut bench, "n", other, Some("b-.*"));
        assert_eq!(
            (count(&bench, ".-2"), count(&bench, "b-.*")),
            (None, Some(1))
        );
        beat(&mut bench, "m", epoch, None);

        bench.now += 600_000 - 1;
        assert!(!are_due(&mut bench));
        bench.now += 1;
        assert!(
            are_due(&mut bench),
            "group.consumer.regex.refresh.interval.ms"
        );
        assert!(are_due(&mut bench.restart()), "nobody knows when they were");
    }
}
