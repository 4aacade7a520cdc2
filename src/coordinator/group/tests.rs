//! The machine as its clients see it: requests in, answers and records out, time by hand.

use super::*;
use crate::config::BrokerConfig;
use crate::coordinator::{Ask, Client, NewBatch};
use crate::metadata::{PartitionImage, TopicImage};
use crate::protocol::messages::heartbeat::HeartbeatResponse;
use crate::protocol::messages::join_group::{JoinGroupRequestProtocol, JoinGroupResponse};
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse,
};
use crate::protocol::messages::sync_group::{SyncGroupRequestAssignment, SyncGroupResponse};
use crate::protocol::{GroupId, TopicName};

/// A machine, what it has written, and the answers that were not looked at.
pub struct Bench {
    pub machine: GroupMachine,
    pub now: u64,
    pub log: Vec<NewBatch>,
    pub asks: Vec<(Ticket, Ask)>,
    pub record_bytes_max: usize,
    answers: BTreeMap<Token, Coordinated>,
    token: u64,
}

/// All there is: topic `t` with four partitions.
fn image(offset: i64, id: u8) -> Arc<Image> {
    let mut image = Image::empty("cluster", 1);
    image.offset = offset;
    image.put_topic(TopicImage {
        id: crate::ids::TopicId([id; 16]),
        name: "t".into(),
        partitions: vec![PartitionImage::default(); 4],
    });
    Arc::new(image)
}

impl Bench {
    pub fn new() -> Bench {
        let (config, _) =
            BrokerConfig::from_given(&[], &Default::default()).expect("defaults are fine");
        Bench::with(GroupMachine::new(config.group()))
    }

    pub fn with(machine: GroupMachine) -> Bench {
        let mut bench = Bench {
            machine,
            now: 1_000,
            log: Vec::new(),
            asks: Vec::new(),
            record_bytes_max: usize::MAX,
            answers: BTreeMap::new(),
            token: 0,
        };
        let image = image(1, 7);
        bench.step(|machine, step| {
            machine.follow(step, &image);
            assert!(!machine.loaded(step), "there are few");
        });
        bench
    }

    pub fn step(&mut self, act: impl FnOnce(&mut GroupMachine, &mut Step)) {
        let random = u128::from(self.token) << 64 | u128::from(self.now);
        let mut step = Step::at(Millis(self.now), self.now as i64, random);
        step.record_bytes_max = self.record_bytes_max;
        act(&mut self.machine, &mut step);
        self.log.append(&mut step.effects.batches);
        self.asks.append(&mut step.effects.asks);
        self.answers.extend(step.effects.answers);
    }

    pub fn ask<'r>(&mut self, api: ApiKey, version: i16, message: &impl Message<'r>) -> Token {
        self.token += 1;
        let token = Token(self.token);
        let mut body = Vec::new();
        message.encode(&mut body, version).expect("a fine request");
        let client = Client {
            id: "client".into(),
            host: "/127.0.0.1".into(),
        };
        let request = Request {
            api,
            version,
            client,
            body,
        };
        self.step(|machine, step| machine.request(step, token, &request));
        token
    }

    pub fn outcome(&mut self, token: Token) -> Option<Coordinated> {
        self.answers.remove(&token)
    }

    pub fn answer(&mut self, token: Token) -> Option<Vec<u8>> {
        let answer = self.outcome(token)?;
        Some(answer.expect("the machine answered itself"))
    }

    /// Lets time pass, waking the machine whenever it wants to be.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(next) = self.machine.next_timeout().filter(|at| at.0 <= end) {
            self.now = self.now.max(next.0);
            self.step(|machine, step| machine.timeout(step));
        }
        self.now = end;
    }

    /// Another machine, made of what this one has written.
    pub fn restart(self) -> Bench {
        let mut machine = GroupMachine::new(self.machine.config.clone());
        for record in self.log.iter().flat_map(|batch| &batch.records) {
            machine.replay(&record.replayed()).expect("its own record");
        }
        let mut bench = Bench::with(machine);
        bench.log = self.log;
        bench.now = self.now;
        bench
    }

    fn join(&mut self, version: i16, member: &str, instance: Option<&str>) -> Token {
        let request = JoinGroupRequest {
            group_id: GroupId("g"),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            member_id: member,
            group_instance_id: instance,
            protocol_type: "consumer",
            protocols: vec![JoinGroupRequestProtocol {
                name: "range",
                metadata: b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff",
            }],
            ..JoinGroupRequest::default()
        };
        self.ask(ApiKey::JoinGroup, version, &request)
    }

    fn joined(&mut self, version: i16, token: Token) -> Option<(ErrorCode, String, i32, usize)> {
        let body = self.answer(token)?;
        let mut reader = Reader::new(&body);
        let answer = JoinGroupResponse::decode(&mut reader, version).expect("an answer");
        Some((
            answer.error_code,
            answer.member_id.to_owned(),
            answer.generation_id,
            answer.members.len(),
        ))
    }

    fn sync(&mut self, member: &str, generation: i32, assigned: &[(&str, &[u8])]) -> Token {
        let assignments =
            assigned
                .iter()
                .map(|(member_id, assignment)| SyncGroupRequestAssignment {
                    member_id,
                    assignment,
                });
        let request = SyncGroupRequest {
            group_id: GroupId("g"),
            generation_id: generation,
            member_id: member,
            protocol_type: Some("consumer"),
            protocol_name: Some("range"),
            assignments: assignments.collect(),
            ..SyncGroupRequest::default()
        };
        self.ask(ApiKey::SyncGroup, 5, &request)
    }

    fn synced(&mut self, token: Token) -> Option<(ErrorCode, Vec<u8>)> {
        let body = self.answer(token)?;
        let mut reader = Reader::new(&body);
        let answer = SyncGroupResponse::decode(&mut reader, 5).expect("an answer");
        Some((answer.error_code, answer.assignment.to_vec()))
    }

    fn beat(&mut self, member: &str, generation: i32) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: GroupId("g"),
            generation_id: generation,
            member_id: member,
            ..HeartbeatRequest::default()
        };
        let token = self.ask(ApiKey::Heartbeat, 4, &request);
        let body = self.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let answer = HeartbeatResponse::decode(&mut reader, 4).expect("an answer");
        answer.error_code
    }

    pub fn commit(&mut self, member: &str, generation: i32, offset: i64) -> ErrorCode {
        let request = OffsetCommitRequest {
            group_id: GroupId("g"),
            generation_id_or_member_epoch: generation,
            member_id: member,
            topics: vec![OffsetCommitRequestTopic {
                name: TopicName("t"),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: 1,
                    committed_offset: offset,
                    committed_leader_epoch: 3,
                    committed_metadata: Some("m"),
                }],
                ..OffsetCommitRequestTopic::default()
            }],
            ..OffsetCommitRequest::default()
        };
        let token = self.ask(ApiKey::OffsetCommit, 9, &request);
        let body = self.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let answer = OffsetCommitResponse::decode(&mut reader, 9).expect("an answer");
        answer.topics[0].partitions[0].error_code
    }

    /// Two members in a stable generation: their ids and its number.
    fn pair(&mut self) -> (String, String, i32) {
        let first = self.join(3, "", None);
        let second = self.join(3, "", None);
        self.pass(6_000);
        let first = self.joined(3, first).expect("joined");
        let second = self.joined(3, second).expect("joined");
        assert_eq!((first.0, first.2), (ErrorCode::None, 1));
        let (leader, other) = match first.3 {
            2 => (first.1, second.1),
            _ => (second.1, first.1),
        };
        let waits = self.sync(&other, 1, &[]);
        assert_eq!(self.synced(waits), None);
        let leads = self.sync(&leader, 1, &[(&leader, b"A"), (&other, b"B")]);
        assert_eq!(self.synced(leads), Some((ErrorCode::None, b"A".to_vec())));
        assert_eq!(self.synced(waits), Some((ErrorCode::None, b"B".to_vec())));
        (leader, other, 1)
    }
}

/// Goal: a group that has as many members as it may takes nobody more, and those there stay.
#[test]
fn a_full_group_takes_nobody_more() {
    let bench_with = |name: &str| {
        let given = [crate::config::parse::Given::argument(name, "1")];
        let (config, _) = BrokerConfig::from_given(&given, &Default::default()).expect("fine");
        Bench::with(GroupMachine::new(config.group()))
    };
    let full = ErrorCode::GroupMaxSizeReached;
    let mut bench = bench_with("group.max.size");
    let first = bench.join(3, "", None);
    bench.pass(3_000);
    let (code, id, generation, _) = bench.joined(3, first).expect("joined");
    assert_eq!((code, generation), (ErrorCode::None, 1));
    let second = bench.join(3, "", None);
    assert_eq!(bench.joined(3, second).map(|told| told.0), Some(full));
    assert_eq!(bench.beat(&id, 1), ErrorCode::None);

    let mut bench = bench_with("group.consumer.max.size");
    assert_eq!(bench.live("a", 0, Some(&[])).0, ErrorCode::None);
    assert_eq!(bench.live("b", 0, Some(&[])).0, full);
    let classic = bench.join(3, "", None);
    assert_eq!(bench.joined(3, classic).map(|told| told.0), Some(full));
    assert_eq!(bench.live("a", 1, None).0, ErrorCode::None);
}

#[test]
fn members_that_come_together_share_the_first_generation() {
    let mut bench = Bench::new();
    let (leader, other, generation) = bench.pair();
    assert_eq!(bench.beat(&leader, generation), ErrorCode::None);
    assert_eq!(
        bench.beat(&other, generation + 1),
        ErrorCode::IllegalGeneration
    );
    assert_eq!(bench.beat("nobody", generation), ErrorCode::UnknownMemberId);
}

#[test]
fn a_new_client_is_given_its_id_first() {
    let mut bench = Bench::new();
    let token = bench.join(9, "", None);
    let (code, id, generation, _) = bench.joined(9, token).expect("at once");
    assert_eq!((code, generation), (ErrorCode::MemberIdRequired, -1));
    assert!(id.starts_with("client-"));
    let token = bench.join(9, &id, None);
    bench.pass(3_000);
    assert_eq!(bench.joined(9, token), Some((ErrorCode::None, id, 1, 1)));
}

#[test]
fn a_member_not_heard_of_is_left_behind() {
    let mut bench = Bench::new();
    let (leader, other, _) = bench.pair();
    bench.pass(6_000);
    assert_eq!(bench.beat(&leader, 1), ErrorCode::None);
    bench.pass(6_000);
    assert_eq!(bench.beat(&leader, 1), ErrorCode::RebalanceInProgress);
    let token = bench.join(3, &leader, None);
    assert_eq!(
        bench.joined(3, token),
        Some((ErrorCode::None, leader.clone(), 2, 1))
    );
    assert_eq!(bench.beat(&other, 1), ErrorCode::UnknownMemberId);
    // The leader leaves the group too: it is empty, and says so in the log.
    bench.pass(20_000);
    let group = bench.machine.groups.get("g").expect("kept for its offsets");
    let Group::Classic(group) = group else {
        panic!("its members spoke the classic protocol");
    };
    assert!(group.is_empty());
}

#[test]
fn a_static_member_takes_its_place_again() {
    let mut bench = Bench::new();
    let token = bench.join(9, "", Some("one"));
    bench.pass(3_000);
    let (_, first, generation, _) = bench.joined(9, token).expect("joined");
    let sync = SyncGroupRequest {
        group_id: GroupId("g"),
        generation_id: generation,
        member_id: &first,
        group_instance_id: Some("one"),
        assignments: vec![SyncGroupRequestAssignment {
            member_id: &first,
            assignment: b"all",
        }],
        ..SyncGroupRequest::default()
    };
    bench.ask(ApiKey::SyncGroup, 5, &sync);
    let token = bench.join(9, "", Some("one"));
    let (code, second, same, _) = bench.joined(9, token).expect("at once");
    assert_eq!((code, same), (ErrorCode::None, generation));
    let old = HeartbeatRequest {
        group_id: GroupId("g"),
        generation_id: generation,
        member_id: &first,
        group_instance_id: Some("one"),
    };
    let token = bench.ask(ApiKey::Heartbeat, 4, &old);
    let body = bench.answer(token).expect("at once");
    let fenced = HeartbeatResponse::decode(&mut Reader::new(&body), 4).expect("an answer");
    assert_eq!(fenced.error_code, ErrorCode::FencedInstanceId);
    assert_ne!(first, second);
}

#[test]
fn what_was_answered_is_there_after_a_restart() {
    let mut bench = Bench::new();
    let (leader, other, generation) = bench.pair();
    assert_eq!(bench.commit(&leader, generation, 42), ErrorCode::None);
    assert_eq!(
        bench.commit(&leader, generation - 1, 7),
        ErrorCode::IllegalGeneration
    );
    assert_eq!(bench.commit("", -1, 7), ErrorCode::UnknownMemberId);
    let mut bench = bench.restart();
    let found = bench.machine.offsets.get("g", "t", 1).expect("committed");
    assert_eq!(
        (found.offset, found.leader_epoch, &*found.metadata),
        (42, 3, "m")
    );
    assert_eq!(bench.beat(&other, generation), ErrorCode::None);
    let token = bench.sync(&other, generation, &[]);
    assert_eq!(bench.synced(token), Some((ErrorCode::None, b"B".to_vec())));
}

#[test]
fn offsets_outlive_their_group_for_the_retention_only() {
    let mut bench = Bench::new();
    let (leader, _, generation) = bench.pair();
    assert_eq!(bench.commit(&leader, generation, 42), ErrorCode::None);
    let week = 7 * 24 * 3_600_000;
    bench.pass(week - 3_600_000);
    assert!(bench.machine.offsets.has("g"));
    bench.pass(2 * 3_600_000);
    assert!(!bench.machine.offsets.has("g"));
    assert!(bench.machine.groups.is_empty());
    assert!(bench.restart().machine.groups.is_empty());
}

#[test]
fn commits_of_a_consumer_that_assigns_itself_need_no_member() {
    let mut bench = Bench::new();
    assert_eq!(bench.commit("", -1, 5), ErrorCode::None);
    assert_eq!(bench.commit("x", 3, 5), ErrorCode::UnknownMemberId);
    let mut elsewhere = Bench::new();
    assert_eq!(elsewhere.commit("x", 3, 5), ErrorCode::IllegalGeneration);
}

/// What a member of a consumer group is told: error, epoch, and its partitions if they are told.
pub type Told = (ErrorCode, i32, Option<Vec<i32>>);

impl Bench {
    pub fn live(&mut self, member: &str, epoch: i32, owned: Option<&[i32]>) -> Told {
        use crate::protocol::messages::consumer_group_heartbeat::*;
        let request = ConsumerGroupHeartbeatRequest {
            group_id: GroupId("g"),
            member_id: member,
            member_epoch: epoch,
            rebalance_timeout_ms: if epoch == 0 { 60_000 } else { -1 },
            subscribed_topic_names: (epoch == 0).then(|| vec![TopicName("t")]),
            topic_partitions: owned.map(|owned| {
                vec![ConsumerGroupHeartbeatRequestTopicPartitions {
                    topic_id: crate::protocol::Uuid([7; 16]),
                    partitions: owned.to_vec(),
                }]
                .into_iter()
                .filter(|topic| !topic.partitions.is_empty())
                .collect()
            }),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        let token = self.ask(ApiKey::ConsumerGroupHeartbeat, 1, &request);
        let body = self.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let told = ConsumerGroupHeartbeatResponse::decode(&mut reader, 1).expect("an answer");
        let partitions = told.assignment.map(|assignment| {
            let topics = assignment.topic_partitions.into_iter();
            topics.flat_map(|topic| topic.partitions).collect()
        });
        (told.error_code, told.member_epoch, partitions)
    }
}

#[test]
fn a_partition_moves_when_its_holder_has_given_it_up() {
    let mut bench = Bench::new();
    let ok = ErrorCode::None;
    let told = bench.live("a", 0, Some(&[]));
    assert_eq!(told, (ok, 1, Some(vec![0, 1, 2, 3])));
    bench.pass(1_000);
    // The second waits for what the first still has.
    assert_eq!(bench.live("b", 0, Some(&[])), (ok, 2, Some(vec![])));
    // The first hears that it keeps two; its epoch stays until it has given up the others.
    assert_eq!(bench.live("a", 1, None), (ok, 1, Some(vec![0, 1])));
    assert_eq!(bench.live("b", 2, None), (ok, 2, None));
    assert_eq!(bench.live("a", 1, Some(&[0, 1])), (ok, 2, None));
    assert_eq!(bench.live("b", 2, None), (ok, 2, Some(vec![2, 3])));
    // All of it is in the log.
    let mut bench = bench.restart();
    assert_eq!(bench.live("a", 2, None), (ok, 2, None));
    assert_eq!(bench.live("b", 2, None), (ok, 2, None));
    // One leaves; what it had goes to the other.
    bench.pass(1_000);
    assert_eq!(bench.live("b", -1, None), (ok, -1, None));
    assert_eq!(bench.live("a", 2, None), (ok, 3, Some(vec![0, 1, 2, 3])));
}

#[test]
fn members_of_another_epoch_are_fenced() {
    let mut bench = Bench::new();
    bench.live("a", 0, Some(&[]));
    assert_eq!(bench.live("a", 2, None).0, ErrorCode::FencedMemberEpoch);
    assert_eq!(bench.live("x", 1, None).0, ErrorCode::UnknownMemberId);
    assert_eq!(bench.live("", 0, Some(&[])).0, ErrorCode::InvalidRequest);
    // The answer to the join was lost: it joins again, and has what it had.
    assert_eq!(
        bench.live("a", 0, Some(&[])),
        (ErrorCode::None, 1, Some(vec![0, 1, 2, 3]))
    );
    // Silent for longer than its session: gone, and told so.
    bench.pass(46_000);
    assert_eq!(bench.live("a", 1, None).0, ErrorCode::UnknownMemberId);
}

#[test]
fn who_does_not_give_up_in_time_is_out() {
    let mut bench = Bench::new();
    bench.live("a", 0, Some(&[]));
    bench.pass(1_000);
    bench.live("b", 0, Some(&[]));
    assert_eq!(bench.live("a", 1, None).2, Some(vec![0, 1]));
    for _ in 0..4 {
        bench.pass(20_000);
        // It lives, and holds on.
        bench.live("a", 1, Some(&[0, 1, 2, 3]));
        bench.live("b", 2, None);
    }
    assert_eq!(bench.live("a", 1, None).0, ErrorCode::UnknownMemberId);
    assert_eq!(bench.live("b", 3, None).2, None);
}

/// Goal: offsets that were committed for a topic are not those of one made later under its name.
#[test]
fn a_topic_made_anew_has_no_committed_offsets() {
    use crate::protocol::Uuid;
    use crate::protocol::messages::offset_fetch::*;
    let fetch = |bench: &mut Bench, id: u8| {
        let request = OffsetFetchRequest {
            groups: vec![OffsetFetchRequestGroup {
                group_id: GroupId("g"),
                topics: Some(vec![OffsetFetchRequestTopics {
                    topic_id: Uuid([id; 16]),
                    partition_indexes: vec![1],
                    ..OffsetFetchRequestTopics::default()
                }]),
                ..OffsetFetchRequestGroup::default()
            }],
            ..OffsetFetchRequest::default()
        };
        let token = bench.ask(ApiKey::OffsetFetch, 10, &request);
        let body = bench.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let told = OffsetFetchResponse::decode(&mut reader, 10).expect("an answer");
        told.groups[0].topics[0].partitions[0].committed_offset
    };
    // Version 9 knows names alone, 10 ids alone.
    for (version, name, id) in [(9, "t", 0), (10, "", 7)] {
        let mut bench = Bench::new();
        let request = OffsetCommitRequest {
            group_id: GroupId("g"),
            generation_id_or_member_epoch: -1,
            topics: vec![OffsetCommitRequestTopic {
                name: TopicName(name),
                topic_id: Uuid([id; 16]),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: 1,
                    committed_offset: 42,
                    ..OffsetCommitRequestPartition::default()
                }],
            }],
            ..OffsetCommitRequest::default()
        };
        bench.ask(ApiKey::OffsetCommit, version, &request);
        let mut bench = bench.restart();
        assert_eq!(fetch(&mut bench, 7), 42);
        let image = image(2, 8);
        bench.step(|machine, step| machine.follow(step, &image));
        assert_eq!(fetch(&mut bench, 8), -1, "committed by version {version}");
    }
}

#[test]
fn a_step_wakes_no_more_groups_than_it_may() {
    let mut bench = Bench::new();
    let due = Millis(bench.now);
    for number in 0..=TIMERS_PER_STEP_MAX {
        let join = Timer::Join(format!("g{number}").into());
        bench.machine.timers.set(join, due);
    }
    bench.step(|machine, step| machine.timeout(step));
    assert_eq!(bench.machine.next_timeout(), Some(due), "one is left");
    bench.step(|machine, step| machine.timeout(step));
    assert!(bench.machine.next_timeout() > Some(due));
}

/// Goal: a commit is written as one batch or not at all, and the largest one that fits is taken.
#[test]
fn a_commit_that_no_batch_holds_is_refused_as_a_whole() {
    let mut bench = Bench::new();
    bench.record_bytes_max = 10_000;
    let commit = |bench: &mut Bench, count: i64| {
        let partition = |offset| OffsetCommitRequestPartition {
            partition_index: 1,
            committed_offset: offset,
            ..OffsetCommitRequestPartition::default()
        };
        let request = OffsetCommitRequest {
            group_id: GroupId("g"),
            generation_id_or_member_epoch: -1,
            topics: vec![OffsetCommitRequestTopic {
                name: TopicName("t"),
                partitions: (1..=count).map(partition).collect(),
                ..OffsetCommitRequestTopic::default()
            }],
            ..OffsetCommitRequest::default()
        };
        let token = bench.ask(ApiKey::OffsetCommit, 9, &request);
        bench.outcome(token).expect("at once").err()
    };
    let committed = |bench: &Bench| bench.machine.offsets.get("g", "t", 1).map(|c| c.offset);
    assert_eq!(
        commit(&mut bench, 1_000),
        Some(ErrorCode::UnknownServerError)
    );
    assert_eq!((bench.log.len(), committed(&bench)), (0, None));
    let fits = (1..1_000)
        .rev()
        .find(|count| commit(&mut bench, *count).is_none());
    // 61 bytes each, two more where lengths and deltas need them.
    assert_eq!(fits, Some(161));
    assert_eq!((bench.log.len(), committed(&bench)), (1, fits));
}
