//! One node, a few stories of coordinators over a log: what they are asked, and what of it lasts.
//!
//! Room:       `sim`, tests only.
//! Calls:      `one_node` (shards behind simulated doors).
//! Never:      leaves to chance what happens: each test is one story, told of any length.

use super::clock::SECOND;
use super::node::{Node, spawn};
use super::one_node::Story;
use super::seed::{Rng, Seeds};
use crate::coordinator::{Client, Coordinated, Request, encoded};
use crate::ids::Offset;
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse,
};
use crate::protocol::messages::streams_group_heartbeat::{
    StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, Subtopology, Topology,
};
use crate::protocol::{ApiKey, ErrorCode, GroupId, Message, Reader, TopicName};
use std::cell::RefCell;
use std::rc::Rc;

const OFFSETS: &str = "__consumer_offsets";

/// A node that coordinates all groups.
struct Office {
    story: Story,
    node: Node,
}

/// What comes of a request.
type Told = Rc<RefCell<Option<Coordinated>>>;

impl Office {
    fn open(seed: u64, set: impl FnOnce(&mut Story)) -> Office {
        let mut story = Story::new(seed, "acks");
        story.plan.name = OFFSETS;
        set(&mut story);
        let node = story.start(1);
        Office { story, node }
    }

    /// Has the node follow the settings that the plan has now.
    fn configure(&mut self, set: impl FnOnce(&mut Story)) {
        set(&mut self.story);
        let followed = self.node.configure(&self.story.plan);
        let has_followed = || followed.get() == 1;
        assert!(self.story.world.run_until(60 * SECOND, has_followed));
    }

    fn ask<'r>(&self, api: ApiKey, version: i16, message: &impl Message<'r>) -> Told {
        let request = Request {
            api,
            version,
            client: Client::default(),
            body: encoded(message, version).expect("a fine request"),
        };
        let (runtime, shard) = self.node.owner(0);
        let answers = shard.coordinate(vec![(Node::key(0), request)]);
        let told = Told::default();
        let tell = told.clone();
        spawn(&runtime, async move {
            *tell.borrow_mut() = answers.await.pop();
        });
        told
    }

    fn hear(&self, told: &Told) -> Coordinated {
        let is_told = || told.borrow().is_some();
        assert!(self.story.world.run_until(60 * SECOND, is_told));
        told.take().expect("it is told")
    }

    /// A member of a consumer group joins; its epoch.
    fn join(&self, member: &str, names: Vec<TopicName<'_>>) -> Result<i32, ErrorCode> {
        self.beat(&ConsumerGroupHeartbeatRequest {
            member_id: member,
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: Some(names),
            topic_partitions: Some(Vec::new()),
            ..ConsumerGroupHeartbeatRequest::default()
        })
    }

    fn beat(&self, said: &ConsumerGroupHeartbeatRequest<'_>) -> Result<i32, ErrorCode> {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: GroupId("beats"),
            ..said.clone()
        };
        let body = self.hear(&self.ask(ApiKey::ConsumerGroupHeartbeat, 1, &request))?;
        let told = ConsumerGroupHeartbeatResponse::decode(&mut Reader::new(&body), 1);
        let told = told.expect("whole");
        assert_eq!(told.error_code, ErrorCode::None);
        Ok(told.member_epoch)
    }

    /// A member of a streams group joins; the states it is told.
    fn join_streams(&self, member: &str) -> Vec<i8> {
        let request = StreamsGroupHeartbeatRequest {
            group_id: GroupId("streams"),
            member_id: member,
            rebalance_timeout_ms: 60_000,
            topology: Some(Topology {
                subtopologies: vec![Subtopology {
                    subtopology_id: "0",
                    source_topics: vec![TopicName(OFFSETS)],
                    ..Subtopology::default()
                }],
                ..Topology::default()
            }),
            active_tasks: Some(Vec::new()),
            standby_tasks: Some(Vec::new()),
            warmup_tasks: Some(Vec::new()),
            process_id: Some("p"),
            ..StreamsGroupHeartbeatRequest::default()
        };
        let body = self.hear(&self.ask(ApiKey::StreamsGroupHeartbeat, 0, &request));
        let body = body.expect("it is answered");
        let told = StreamsGroupHeartbeatResponse::decode(&mut Reader::new(&body), 0);
        let told = told.expect("whole");
        assert_eq!(told.error_code, ErrorCode::None, "{:?}", told.error_message);
        let states = told.status.unwrap_or_default();
        states.iter().map(|status| status.status_code).collect()
    }

    fn end(&self) -> Offset {
        let (_, shard) = self.node.owner(0);
        let partition = shard.partition(Node::key(0)).expect("it is open");
        partition.log().log_end_offset()
    }
}

/// Goal: a member that says more than a record may hold is refused alone: whoever waits in another
/// group of the same partition goes on, and so do all when the limit is lowered below what
/// coordinators write.
#[test]
fn a_member_that_says_too_much_disturbs_nobody() {
    let limit = |bytes: &str| ("max.message.bytes", bytes.to_owned());
    let mut office = Office::open(3, |story| story.plan.topic.push(limit("2000")));
    let join = JoinGroupRequest {
        group_id: GroupId("waits"),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        group_instance_id: Some("i"),
        protocol_type: "other",
        protocols: vec![JoinGroupRequestProtocol {
            name: "range",
            metadata: b"little",
        }],
        ..JoinGroupRequest::default()
    };
    let waiting = office.ask(ApiKey::JoinGroup, 9, &join);
    let long = "t".repeat(200);
    let refused = office.join("m", vec![TopicName(&long); 20]);
    assert_eq!(refused, Err(ErrorCode::UnknownServerError));
    assert!(waiting.borrow().is_none());
    let joined = office.hear(&waiting).expect("it was not thrown out");
    let joined = JoinGroupResponse::decode(&mut Reader::new(&joined), 9).expect("whole");
    let joined = (joined.error_code, joined.generation_id);
    assert_eq!(joined, (ErrorCode::None, 1));

    office.configure(|story| story.plan.topic.push(limit("100")));
    let before = office.end();
    assert_eq!(office.join("m", vec![TopicName(OFFSETS)]), Ok(1));
    assert!(office.end() > before, "what follows from it is written");
}

/// Goal: coordinators hear of settings that an operator changes while they run.
#[test]
fn settings_are_followed() {
    /// `ASSIGNMENT_DELAYED` of KIP-1071.
    const DELAYED: i8 = 5;
    let interval = |ms: &str| {
        let streams = ("group.streams.assignment.interval.ms", ms.to_owned());
        [streams, (INTERVAL, ms.to_owned())]
    };
    let mut office = Office::open(4, |story| story.plan.brokers.extend(interval("60000")));
    let wants = || vec![TopicName(OFFSETS)];
    assert_eq!(office.join("a", wants()), Ok(1));
    assert_eq!(
        office.join("b", wants()),
        Ok(1),
        "the second epoch's target waits"
    );
    assert_eq!(office.join_streams("a"), [DELAYED], "more may come");
    office.story.world.run_for(4 * SECOND);
    assert_eq!(office.join_streams("b"), [DELAYED]);
    office.configure(|story| story.plan.brokers.extend(interval("0")));
    assert_eq!(office.join_streams("c"), [0; 0]);
    assert_eq!(office.join("c", wants()), Ok(3));
}

const INTERVAL: &str = "group.consumer.assignment.interval.ms";

/// Goal: however long the pause between two targets of a consumer group is, the next one is made
/// when it is over, and not before: nobody needs to speak for that.
#[test]
fn a_target_is_made_when_its_pause_is_over() {
    for seed in Seeds::from_env(10) {
        let seconds = Rng::new(seed).between(1..16);
        let interval = (INTERVAL, (seconds * 1_000).to_string());
        let office = Office::open(seed, |story| story.plan.brokers.push(interval));
        assert_eq!(office.join("a", vec![TopicName(OFFSETS)]), Ok(1));
        assert_eq!(office.join("b", vec![TopicName(OFFSETS)]), Ok(1));
        let joined = office.end();
        office.story.world.run_for(seconds * SECOND - SECOND / 2);
        assert_eq!(office.end(), joined, "seed {seed}: {seconds} s");
        office.story.world.run_for(SECOND);
        assert!(office.end() > joined, "seed {seed}: {seconds} s");
        let told = office.beat(&ConsumerGroupHeartbeatRequest {
            member_id: "b",
            member_epoch: 1,
            rebalance_timeout_ms: -1,
            ..ConsumerGroupHeartbeatRequest::default()
        });
        assert_eq!(told, Ok(2), "seed {seed}: {seconds} s");
    }
}
