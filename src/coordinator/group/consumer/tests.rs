//! When targets are made, and what members are told while one waits.

use super::{Assigned, ConsumerGroup};
use crate::config::{BrokerConfig, Overrides};
use crate::coordinator::Machine;
use crate::coordinator::group::Group;
use crate::coordinator::group::tests::{Bench, Told};
use crate::ids::TopicId;
use crate::metadata::{Image, PartitionImage, ResourceKind, TopicImage};
use crate::protocol::messages::consumer_group_heartbeat as wire;
use crate::protocol::records::group::{GroupRecordKey, GroupRecordValue};
use crate::protocol::{ApiKey, ErrorCode, GroupId, Reader, TopicName, Uuid};
use std::sync::Arc;

const OK: ErrorCode = ErrorCode::None;
const NAME: &str = "group.consumer.assignment.interval.ms";

pub const T: TopicId = TopicId([7; 16]);
pub const U: TopicId = TopicId([8; 16]);

/// Topics `t` and `u` of so many partitions, and what an operator has set for group `g`.
pub fn image(offset: i64, counts: [usize; 2], own: Option<&str>) -> Arc<Image> {
    let mut image = Image::empty("cluster", 1);
    image.offset = offset;
    for ((name, id), count) in [("t", T), ("u", U)].into_iter().zip(counts) {
        image.put_topic(TopicImage {
            id,
            name: name.into(),
            partitions: vec![PartitionImage::default(); count],
        });
    }
    if let Some(ms) = own {
        let name = "consumer.assignment.interval.ms".to_owned();
        let own = Overrides::from([(name, ms.to_owned())]);
        let set = [((ResourceKind::Group, "g".to_owned()), own)];
        image.configs = Arc::new(set.into_iter().collect());
    }
    Arc::new(image)
}

pub fn with_interval(config: &BrokerConfig, all: &str, own: Option<&str>) -> BrokerConfig {
    let set = |value: &str| Overrides::from([(NAME.to_owned(), value.to_owned())]);
    let own = own.map(set).unwrap_or_default();
    config.with_dynamic(&set(all), &own).expect("fine")
}

impl Bench {
    /// A heartbeat that may say what the member wants and what it has; with both it is a full one,
    /// which is always told what it shall have.
    pub fn beat_of(
        &mut self,
        member: &str,
        epoch: i32,
        names: Option<&[&str]>,
        owned: Option<&Assigned>,
    ) -> (ErrorCode, i32, Option<Assigned>) {
        let topics = owned.map(|owned| {
            let topics = owned.iter();
            let topics = topics.map(|(topic, partitions)| {
                wire::ConsumerGroupHeartbeatRequestTopicPartitions {
                    topic_id: Uuid(topic.0),
                    partitions: partitions.iter().copied().collect(),
                }
            });
            topics.collect()
        });
        let request = wire::ConsumerGroupHeartbeatRequest {
            group_id: GroupId("g"),
            member_id: member,
            member_epoch: epoch,
            rebalance_timeout_ms: if names.is_some() { 60_000 } else { -1 },
            subscribed_topic_names: names
                .map(|names| names.iter().copied().map(TopicName).collect()),
            topic_partitions: topics,
            ..wire::ConsumerGroupHeartbeatRequest::default()
        };
        let token = self.ask(ApiKey::ConsumerGroupHeartbeat, 1, &request);
        let body = self.answer(token).expect("at once");
        let told = wire::ConsumerGroupHeartbeatResponse::decode(&mut Reader::new(&body), 1);
        let told = told.expect("an answer");
        let assigned = told.assignment.map(|assignment| {
            let topics = assignment.topic_partitions.into_iter();
            topics
                .map(|topic| {
                    let partitions = topic.partitions.into_iter().collect();
                    (TopicId(topic.topic_id.0), partitions)
                })
                .collect()
        });
        (told.error_code, told.member_epoch, assigned)
    }

    pub fn consumer_group(&self) -> &ConsumerGroup {
        match self.machine.groups.get("g") {
            Some(Group::Consumer(group)) => group,
            _ => panic!("it is a consumer group"),
        }
    }

    /// Of each target in the log: its epoch, and when it was made.
    pub fn targets(&self) -> Vec<(i32, i64)> {
        let records = self.log.iter().flat_map(|batch| &batch.records);
        let targets = records.filter_map(|record| {
            let key = GroupRecordKey::decode(&record.key).expect("its own");
            match key.decode_value(record.value.as_deref()).expect("its own") {
                Some(GroupRecordValue::ConsumerGroupTargetAssignmentMetadata(value)) => {
                    Some((value.assignment_epoch, value.assignment_timestamp))
                }
                _ => None,
            }
        });
        targets.collect()
    }
}

fn some(topics: &[(TopicId, &[i32])]) -> Assigned {
    let topics = topics.iter();
    topics
        .map(|(topic, partitions)| (*topic, partitions.iter().copied().collect()))
        .collect()
}

/// Goal: the pause between two assignments is the one that an operator says now: for all brokers,
/// for this one, or for the group.
#[test]
fn the_assignment_interval_follows_the_operator() {
    let mut bench = Bench::new();
    let (defaults, _) = BrokerConfig::from_given(&[], &Default::default()).expect("fine");
    let mut offset = 1;
    let mut joins = |all: &str, broker: Option<&str>, group: Option<&str>, member: &str| {
        let config = with_interval(&defaults, all, broker);
        offset += 1;
        let image = image(offset, [4, 1], group);
        bench.step(|machine, step| {
            machine.configure(&config);
            machine.follow(step, &image);
        });
        let told: Told = bench.live(member, 0, Some(&[]));
        assert_eq!(told.0, OK);
        bench.consumer_group().state_name() != "Assigning"
    };
    assert!(joins("60000", None, None, "a"), "it is the first");
    assert!(!joins("60000", None, None, "b"));
    assert!(joins("60000", Some("0"), None, "c"));
    assert!(!joins("0", Some("60000"), None, "d"));
    assert!(joins("0", Some("60000"), Some("0"), "e"));
    assert!(!joins("0", Some("0"), Some("15000"), "f"));
    assert!(joins("0", None, None, "g"));
}

/// Goal: members that come one after another share one target, which is made when its time comes
/// though nobody speaks; until then each lives on in the epoch it has.
#[test]
fn members_that_come_together_share_a_target() {
    let mut bench = Bench::new();
    let first = bench.live("a", 0, Some(&[]));
    assert_eq!(first, (OK, 1, Some(vec![0, 1, 2, 3])));
    for member in ["b", "c", "d"] {
        bench.pass(100);
        assert_eq!(bench.live(member, 0, Some(&[])), (OK, 1, Some(vec![])));
        assert_eq!(bench.live(member, 1, None), (OK, 1, None));
        assert_eq!(bench.commit(member, 1, 5), OK);
        assert_eq!(bench.consumer_group().state_name(), "Assigning");
    }
    assert_eq!(bench.live("a", 1, None), (OK, 1, None));
    bench.pass(699);
    assert_eq!(bench.targets(), [(1, 1_000)]);
    bench.pass(1);
    assert_eq!(bench.targets(), [(1, 1_000), (4, 2_000)]);
    assert_eq!(bench.consumer_group().state_name(), "Reconciling");
    let kept = bench.live("a", 1, None).2.expect("it is told");
    assert_eq!(bench.live("a", 1, Some(&kept)), (OK, 4, None));
    let mut all = kept;
    for member in ["b", "c", "d"] {
        let (code, epoch, given) = bench.live(member, 1, None);
        assert_eq!((code, epoch), (OK, 4));
        all.extend(given.expect("it is told"));
    }
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    assert_eq!(bench.consumer_group().state_name(), "Stable");
    // What a member leaves behind waits as well, and news of topics that came meanwhile do not
    // wait for another pause.
    bench.live("d", -1, None);
    assert_eq!(bench.live("a", 4, None), (OK, 4, None));
    let image = image(2, [6, 0], None);
    bench.step(|machine, step| machine.follow(step, &image));
    bench.pass(1_000);
    assert_eq!(bench.targets().last(), Some(&(6, 3_000)));
    for (member, partitions) in [("a", 2), ("b", 2), ("c", 2)] {
        let told = bench.live(member, 4, None);
        assert_eq!(told.1, 6, "{told:?}");
        assert_eq!(bench.consumer_group().epoch, 6);
        let has = &bench.consumer_group().members[member].assigned;
        assert_eq!(has[&T].len(), partitions, "{member}: {has:?}");
    }
}

#[test]
fn whoever_comes_to_an_empty_group_does_not_wait() {
    let (defaults, _) = BrokerConfig::from_given(&[], &Default::default()).expect("fine");
    for by_silence in [false, true] {
        let mut bench = Bench::new();
        let config = with_interval(&defaults, "60000", None);
        bench.step(|machine, _| machine.configure(&config));
        bench.live("a", 0, Some(&[]));
        match by_silence {
            true => bench.pass(45_000),
            false => assert_eq!(bench.live("a", -1, None).0, OK),
        }
        assert_eq!(bench.consumer_group().state_name(), "Empty");
        assert_eq!(bench.targets().last(), Some(&(2, 0)));
        let mut bench = bench.restart();
        let told = bench.live("b", 0, Some(&[]));
        assert_eq!(told, (OK, 3, Some(vec![0, 1, 2, 3])));
    }
}

/// Goal: a coordinator that loads the group keeps the pause, and a clock that went backwards does
/// not make it longer.
#[test]
fn a_pause_outlives_its_coordinator_but_not_a_clock_that_is_set_back() {
    let mut bench = Bench::new();
    bench.live("a", 0, Some(&[]));
    bench.pass(400);
    assert_eq!(bench.live("b", 0, Some(&[])).1, 1);
    let mut bench = bench.restart();
    assert_eq!(bench.live("b", 1, None), (OK, 1, None));
    bench.pass(599);
    assert_eq!(bench.live("a", 1, None), (OK, 1, None));
    bench.pass(1);
    assert_eq!(bench.targets().last(), Some(&(2, 2_000)));

    bench.live("c", 0, Some(&[]));
    assert_eq!(bench.consumer_group().state_name(), "Assigning");
    let mut bench = bench.restart();
    bench.now = 1_500;
    assert_eq!(bench.live("c", 2, None).1, 3);
    assert_eq!(bench.targets().last(), Some(&(3, 1_500)));
}

/// Goal: what a member wants no more it gives up at once, in the epoch it has, and what it has
/// given up another gets with the next target.
#[test]
fn an_unwanted_topic_is_given_up_while_the_target_waits() {
    let mut bench = Bench::new();
    let image = image(2, [2, 2], None);
    bench.step(|machine, step| machine.follow(step, &image));
    let none = Assigned::new();
    let both = some(&[(T, &[0, 1]), (U, &[0, 1])]);
    let told = bench.beat_of("a", 0, Some(&["t", "u"]), Some(&none));
    assert_eq!(told, (OK, 1, Some(both.clone())));
    let told = bench.beat_of("b", 0, Some(&["u"]), Some(&none));
    assert_eq!(told, (OK, 1, Some(none.clone())));

    let only_t = some(&[(T, &[0, 1])]);
    let told = bench.beat_of("a", 1, Some(&["t"]), None);
    assert_eq!(told, (OK, 1, Some(only_t.clone())));
    // And the other one too, before it has given up the first.
    let told = bench.beat_of("a", 1, Some(&[]), Some(&both));
    assert_eq!(told, (OK, 1, Some(none.clone())));
    assert_eq!(bench.consumer_group().members["a"].revoking, both);
    let told = bench.beat_of("a", 1, None, Some(&only_t));
    assert_eq!(told, (OK, 1, None), "it has one of them still");
    let told = bench.beat_of("a", 1, Some(&["t"]), Some(&none));
    assert_eq!(told.1, 1);
    assert_eq!(bench.consumer_group().owners.len(), 2, "it wants it again");
    assert_eq!(bench.targets(), [(1, 1_000)], "none of it made a target");

    bench.pass(1_000);
    let told = bench.beat_of("b", 1, None, Some(&none));
    assert_eq!(told.2, Some(some(&[(U, &[0, 1])])));
    // One that gave up before it said so has nothing to be waited for.
    let told = bench.beat_of("b", told.1, Some(&[]), Some(&none));
    assert_eq!(told.2, Some(none));
    assert_eq!(bench.consumer_group().owners.len(), 2);
}
