//! Share groups as their members and administrators see them, beside a machine that keeps the
//! states of partitions.
//!
//! Room:       `coordinator::group::share`, tests only.

use super::topics::Named;
use super::*;
use crate::config::{BrokerConfig, Overrides};
use crate::coordinator::group::GroupMachine;
use crate::coordinator::share::{Settings, States, wire};
use crate::coordinator::{
    Ask, Client, Coordinated, Machine, Millis, NewRecord, Request, Step, Ticket, Token,
};
use crate::ids::PartitionKey;
use crate::metadata::{PartitionImage, TopicImage};
use crate::protocol::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic, AlterShareGroupOffsetsResponse,
};
use crate::protocol::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use crate::protocol::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequestTopic,
    DeleteShareGroupOffsetsResponse,
};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::messages::share_group_describe::{
    ShareGroupDescribeRequest, ShareGroupDescribeResponse,
};
use crate::protocol::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};
use crate::protocol::{ApiKey, Message, Reader};
use std::sync::Arc;

struct Desk {
    groups: GroupMachine,
    states: States,
    now: u64,
    /// How far the wall clock has moved against `now`.
    shift: i64,
    log: Vec<NewRecord>,
    answers: BTreeMap<Token, Coordinated>,
    token: u64,
    /// Whoever keeps the states answers this instead.
    states_refuse: Option<ErrorCode>,
}

const TOPIC: TopicId = TopicId([7; 16]);

fn image(partitions: usize) -> Arc<Image> {
    let mut image = Image::empty("cluster", 1);
    image.offset = partitions as i64;
    if partitions > 0 {
        image.put_topic(TopicImage {
            id: TOPIC,
            name: "t".into(),
            partitions: vec![PartitionImage::default(); partitions],
        });
    }
    Arc::new(image)
}

fn machine() -> GroupMachine {
    let (config, _) =
        BrokerConfig::from_given(&[], &Default::default()).expect("defaults are fine");
    GroupMachine::new(config.group())
}

/// A code, the member's epoch, and what it is given if it is told.
type Beat = (ErrorCode, i32, Option<Vec<i32>>);

impl Desk {
    fn new() -> Desk {
        let settings = Settings {
            updates_per_snapshot: 500,
            prune_interval_ms: 300_000,
        };
        let mut desk = Desk {
            groups: machine(),
            states: States::new(settings),
            now: 1_000_000,
            shift: 0,
            log: Vec::new(),
            answers: BTreeMap::new(),
            token: 0,
            states_refuse: None,
        };
        desk.follow(4);
        desk.step(|machine, step| assert!(!machine.loaded(step)));
        desk
    }

    fn follow(&mut self, partitions: usize) {
        let image = image(partitions);
        self.states.follow(&mut Step::default(), &image);
        self.step(|machine, step| machine.follow(step, &image));
    }

    fn restart(&mut self) {
        self.groups = machine();
        for record in &self.log {
            self.groups
                .replay(&record.replayed())
                .expect("it wrote it itself");
        }
        self.follow(4);
        self.step(|machine, step| assert!(!machine.loaded(step)));
    }

    /// One step, and those that follow when its questions are answered.
    fn step(&mut self, act: impl FnOnce(&mut GroupMachine, &mut Step)) {
        let mut step = self.new_step();
        act(&mut self.groups, &mut step);
        let mut asks = self.carry_out(step);
        while !asks.is_empty() {
            let (ticket, ask) = asks.remove(0);
            let Ask::Coordinator { request, .. } = ask else {
                panic!("{ask:?}");
            };
            let reply = self.ask_states(&request);
            let mut step = self.new_step();
            self.groups.replied(&mut step, ticket, reply);
            asks.extend(self.carry_out(step));
        }
    }

    fn new_step(&self) -> Step {
        let random = u128::from(self.token) << 64 | u128::from(self.now);
        Step::at(Millis(self.now), self.now as i64 + self.shift, random)
    }

    fn carry_out(&mut self, step: Step) -> Vec<(Ticket, Ask)> {
        for batch in step.effects.batches {
            self.log.extend(batch.records);
        }
        self.answers.extend(step.effects.answers);
        step.effects.asks
    }

    fn ask_states(&mut self, request: &Request) -> Coordinated {
        if let Some(code) = self.states_refuse {
            return Err(code);
        }
        let mut step = Step::at(Millis(self.now), self.now as i64, 1);
        self.states.request(&mut step, Token(0), request);
        step.effects.answers.pop().expect("answered at once").1
    }

    fn start_of(&mut self, group: &str, partition: i32) -> i64 {
        let key = PartitionKey {
            topic: TOPIC,
            partition,
        };
        let asked = wire::Asked::Summary;
        let answer = self.ask_states(&wire::request(group, key, &asked));
        match wire::said(&asked, &answer) {
            Ok(wire::Said::Summary(summary)) => summary.start,
            other => panic!("{other:?}"),
        }
    }

    fn ask<'r>(&mut self, api: ApiKey, version: i16, message: &impl Message<'r>) -> Vec<u8> {
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
        let answer = self.answers.remove(&token).expect("answered");
        answer.expect("the machine answered itself")
    }

    fn beat(&mut self, member: &str, epoch: i32, topics: Option<&[&str]>) -> Beat {
        self.beat_of("g", member, epoch, topics)
    }

    fn beat_of(&mut self, group: &str, member: &str, epoch: i32, topics: Option<&[&str]>) -> Beat {
        let request = ShareGroupHeartbeatRequest {
            group_id: GroupId(group),
            member_id: member,
            member_epoch: epoch,
            subscribed_topic_names: topics
                .map(|topics| topics.iter().map(|topic| TopicName(topic)).collect()),
            ..ShareGroupHeartbeatRequest::default()
        };
        let body = self.ask(ApiKey::ShareGroupHeartbeat, 1, &request);
        let response = ShareGroupHeartbeatResponse::decode(&mut Reader::new(&body), 1);
        let response = response.expect("a response");
        let given = response.assignment.map(|assignment| {
            let topics = assignment.topic_partitions.into_iter();
            topics.flat_map(|topic| topic.partitions).collect()
        });
        (response.error_code, response.member_epoch, given)
    }

    fn alter(&mut self, partition: i32, start: i64) -> (ErrorCode, Option<ErrorCode>) {
        let request = AlterShareGroupOffsetsRequest {
            group_id: GroupId("g"),
            topics: vec![AlterShareGroupOffsetsRequestTopic {
                topic_name: TopicName("t"),
                partitions: vec![AlterShareGroupOffsetsRequestPartition {
                    partition_index: partition,
                    start_offset: start,
                }],
            }],
        };
        let body = self.ask(ApiKey::AlterShareGroupOffsets, 0, &request);
        let response = AlterShareGroupOffsetsResponse::decode(&mut Reader::new(&body), 0);
        let response = response.expect("a response");
        let one = response
            .responses
            .first()
            .and_then(|topic| topic.partitions.first());
        (
            response.error_code,
            one.map(|partition| partition.error_code),
        )
    }

    fn delete_offsets(&mut self, topic: &str) -> (ErrorCode, Option<ErrorCode>) {
        let request = DeleteShareGroupOffsetsRequest {
            group_id: GroupId("g"),
            topics: vec![DeleteShareGroupOffsetsRequestTopic {
                topic_name: TopicName(topic),
            }],
        };
        let body = self.ask(ApiKey::DeleteShareGroupOffsets, 0, &request);
        let response = DeleteShareGroupOffsetsResponse::decode(&mut Reader::new(&body), 0);
        let response = response.expect("a response");
        (
            response.error_code,
            response.responses.first().map(|topic| topic.error_code),
        )
    }

    fn delete(&mut self, group: &str) -> ErrorCode {
        let request = DeleteGroupsRequest {
            groups_names: vec![GroupId(group)],
        };
        let body = self.ask(ApiKey::DeleteGroups, 2, &request);
        let response = DeleteGroupsResponse::decode(&mut Reader::new(&body), 2);
        response.expect("a response").results[0].error_code
    }
}

const NONE: ErrorCode = ErrorCode::None;

#[test]
fn a_member_has_something_to_read_with_its_first_heartbeat() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.beat("a", 0, Some(&["t"])),
        (NONE, 2, Some(vec![0, 1, 2, 3]))
    );
    assert_eq!(desk.start_of("g", 0), -1);
    assert_eq!(desk.beat("a", 2, None), (NONE, 2, None));
    // Assigning anew waits a second after the last time.
    desk.now += 1_000;
    let second = desk.beat("b", 0, Some(&["t"]));
    assert_eq!((second.0, second.1), (NONE, 3));
    assert_eq!(second.2.map(|given| given.len()), Some(2));
    let first = desk.beat("a", 2, None);
    assert_eq!((first.1, first.2.map(|given| given.len())), (3, Some(2)));
    desk.restart();
    assert_eq!(desk.beat("a", 3, None), (NONE, 3, None));
    assert_eq!(desk.beat("b", 3, None), (NONE, 3, None));
    assert_eq!(desk.beat("b", -1, None), (NONE, -1, None));
    desk.now += 1_000;
    assert_eq!(desk.beat("a", 3, None), (NONE, 4, Some(vec![0, 1, 2, 3])));
}

#[test]
fn more_members_than_partitions_share_them() {
    let mut desk = Desk::new();
    for (index, member) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        desk.now += 1_000;
        let (code, epoch, given) = desk.beat(member, 0, Some(&["t"]));
        assert_eq!((code, epoch), (NONE, index as i32 + 2));
        assert!(given.is_some_and(|given| !given.is_empty()), "{member}");
    }
}

#[test]
fn partitions_that_come_later_are_given_later() {
    let mut desk = Desk::new();
    desk.follow(0);
    assert_eq!(desk.beat("a", 0, Some(&["t"])), (NONE, 1, Some(vec![])));
    desk.follow(2);
    desk.now += 5_000;
    let (_, epoch, given) = desk.beat("a", 1, None);
    assert_eq!((epoch, given), (2, None), "they are being initialized");
    desk.now += 5_000;
    assert_eq!(desk.beat("a", 2, None), (NONE, 3, Some(vec![0, 1])));
    desk.follow(3);
    desk.now += 5_000;
    desk.beat("a", 3, None);
    desk.now += 5_000;
    assert_eq!(desk.beat("a", 4, None), (NONE, 5, Some(vec![0, 1, 2])));
}

#[test]
fn the_assignment_interval_follows_the_operator() {
    let mut desk = Desk::new();
    assert_eq!(desk.beat("a", 0, Some(&["t"])).1, 2);
    assert_eq!(desk.beat("b", 0, Some(&["t"])).2, Some(vec![]), "too soon");
    let name = "group.share.assignment.interval.ms".to_owned();
    let (config, _) = BrokerConfig::from_given(&[], &Default::default()).expect("fine");
    let all = Overrides::from([(name, "0".to_owned())]);
    let config = config.with_dynamic(&all, &Overrides::new()).expect("fine");
    desk.step(|machine, _| machine.configure(&config));
    let third = desk.beat("c", 0, Some(&["t"]));
    assert!(third.2.is_some_and(|given| !given.is_empty()));
}

/// Goal: a clock that is set back holds up neither assignments, also after a restart, nor the
/// making of states whose answer is lost.
#[test]
fn a_clock_that_goes_back_holds_nobody_up() {
    let mut desk = Desk::new();
    assert_eq!(desk.beat("a", 0, Some(&["t"])).1, 2);
    desk.shift = -500_000;
    let second = desk.beat("b", 0, Some(&["t"]));
    assert_eq!((second.1, second.2.map(|given| given.len())), (3, Some(2)));
    desk.restart();
    desk.shift = -600_000;
    let third = desk.beat("c", 0, Some(&["t"]));
    assert_eq!(third.1, 4);
    assert!(third.2.is_some_and(|given| !given.is_empty()));

    let mut topics = Topics::default();
    let begun = Named {
        name: "t".to_owned(),
        partitions: BTreeSet::from([0, 1]),
        since: 1_000_000,
    };
    topics.initializing.insert(TOPIC, begun);
    let names = BTreeSet::from(["t"]);
    let missing = |wall| topics.missing(&names, &image(2), wall, 5_000).len();
    let walls = [1_000_000, 1_004_999, 1_005_000, 999_999];
    assert_eq!(walls.map(missing), [0, 0, 1, 1]);
}

#[test]
fn when_states_cannot_be_made_the_next_heartbeat_tries_again() {
    let mut desk = Desk::new();
    desk.states_refuse = Some(ErrorCode::NotCoordinator);
    assert_eq!(desk.beat("a", 0, Some(&["t"])), (NONE, 1, Some(vec![])));
    desk.states_refuse = None;
    assert_eq!(desk.beat("a", 1, None), (NONE, 1, None));
    assert_eq!(desk.beat("a", 1, None), (NONE, 2, Some(vec![0, 1, 2, 3])));
}

#[test]
fn who_is_not_what_it_says_is_refused() {
    let mut desk = Desk::new();
    let code = |beat: Beat| beat.0;
    assert_eq!(code(desk.beat("a", 1, None)), ErrorCode::GroupIdNotFound);
    assert_eq!(code(desk.beat("a", -1, None)), ErrorCode::GroupIdNotFound);
    assert_eq!(code(desk.beat("a", 0, None)), ErrorCode::InvalidRequest);
    assert_eq!(
        code(desk.beat("", 0, Some(&["t"]))),
        ErrorCode::InvalidRequest
    );
    assert_eq!(code(desk.beat("a", -2, None)), ErrorCode::InvalidRequest);
    let long = "x".repeat(37);
    assert_eq!(
        code(desk.beat(&long, 0, Some(&["t"]))),
        ErrorCode::InvalidRequest
    );
    assert_eq!(
        code(desk.beat_of("", "a", 0, Some(&["t"]))),
        ErrorCode::InvalidRequest
    );
    desk.beat("a", 0, Some(&["t"]));
    assert_eq!(code(desk.beat("b", 1, None)), ErrorCode::UnknownMemberId);
    assert_eq!(code(desk.beat("a", 3, None)), ErrorCode::FencedMemberEpoch);
    assert_eq!(
        desk.beat("a", 1, None),
        (NONE, 2, None),
        "our answer may have been lost"
    );
    // Silent for longer than its session.
    desk.now += 45_000;
    desk.step(|machine, step| machine.timeout(step));
    assert_eq!(code(desk.beat("a", 2, None)), ErrorCode::UnknownMemberId);
}

#[test]
fn a_group_is_listed_and_described() {
    let mut desk = Desk::new();
    desk.beat("a", 0, Some(&["t"]));
    let body = desk.ask(ApiKey::ListGroups, 5, &ListGroupsRequest::default());
    let list = ListGroupsResponse::decode(&mut Reader::new(&body), 5).expect("a response");
    let listed = &list.groups[0];
    assert_eq!((listed.group_type, listed.group_state), ("share", "Stable"));
    assert_eq!(listed.protocol_type, "share");
    let request = ShareGroupDescribeRequest {
        group_ids: vec![GroupId("g"), GroupId("x")],
        include_authorized_operations: false,
    };
    let body = desk.ask(ApiKey::ShareGroupDescribe, 1, &request);
    let told = ShareGroupDescribeResponse::decode(&mut Reader::new(&body), 1).expect("a response");
    let group = &told.groups[0];
    assert_eq!((group.group_epoch, group.assignment_epoch), (2, 2));
    assert_eq!(group.assignor_name, "simple");
    assert_eq!(
        group.members[0].assignment.topic_partitions[0].partitions,
        [0, 1, 2, 3]
    );
    assert_eq!(told.groups[1].error_code, ErrorCode::GroupIdNotFound);
}

#[test]
fn offsets_are_changed_while_nobody_is_there() {
    let mut desk = Desk::new();
    assert_eq!(desk.delete_offsets("t"), (ErrorCode::GroupIdNotFound, None));
    assert_eq!(desk.alter(1, 17), (NONE, Some(NONE)), "it makes the group");
    assert_eq!(desk.start_of("g", 1), 17);
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(desk.alter(9, 17), (NONE, Some(unknown)));
    desk.beat("a", 0, Some(&["t"]));
    assert_eq!(desk.start_of("g", 1), 17, "what is initialized stays");
    assert_eq!(desk.alter(1, 20), (ErrorCode::NonEmptyGroup, None));
    assert_eq!(desk.delete_offsets("t"), (ErrorCode::NonEmptyGroup, None));
    assert_eq!(desk.delete("g"), ErrorCode::NonEmptyGroup);
    desk.beat("a", -1, None);
    assert_eq!(desk.alter(1, 20), (NONE, Some(NONE)));
    assert_eq!(desk.delete_offsets("x"), (NONE, Some(unknown)));
    assert_eq!(desk.delete_offsets("t"), (NONE, Some(NONE)));
    assert_eq!(desk.start_of("g", 1), -1);
    assert_eq!(
        desk.delete_offsets("t"),
        (NONE, Some(unknown)),
        "there is nothing more"
    );
    desk.restart();
    assert_eq!(desk.delete("g"), NONE);
    assert_eq!(desk.delete("g"), ErrorCode::GroupIdNotFound);
    desk.restart();
    assert_eq!(desk.beat("a", 1, None).0, ErrorCode::GroupIdNotFound);
}

#[test]
fn a_deleted_group_takes_its_states_along() {
    let mut desk = Desk::new();
    desk.alter(0, 5);
    desk.states_refuse = Some(ErrorCode::CoordinatorNotAvailable);
    assert_eq!(desk.delete("g"), ErrorCode::CoordinatorNotAvailable);
    desk.states_refuse = None;
    assert_eq!(desk.delete("g"), NONE);
    assert_eq!(desk.start_of("g", 0), -1);
    // One of the same name starts anew.
    assert_eq!(
        desk.beat("a", 0, Some(&["t"])),
        (NONE, 2, Some(vec![0, 1, 2, 3]))
    );
}
