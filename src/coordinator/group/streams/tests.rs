//! Streams groups as their members see them: heartbeats in, answers and records out.

use crate::config::{BrokerConfig, Overrides};
use crate::coordinator::group::tests::Bench;
use crate::coordinator::group::{Group, Machine};
use crate::coordinator::{Ask, CREATE_TOPICS_VERSION, NewTopic, encoded};
use crate::ids::TopicId;
use crate::metadata::{Image, PartitionImage, TopicImage};
use crate::protocol::messages::create_topics::{CreatableTopicResult, CreateTopicsResponse};
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse,
};
use crate::protocol::messages::streams_group_describe::{
    StreamsGroupDescribeRequest, StreamsGroupDescribeResponse,
};
use crate::protocol::messages::streams_group_heartbeat as wire;
use crate::protocol::messages::streams_group_topology_description_update as update;
use crate::protocol::{ApiKey, ErrorCode, GroupId, Reader, TopicName};
use std::sync::Arc;

pub type Names = Vec<(String, Vec<i32>)>;

/// What a member is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub code: ErrorCode,
    pub epoch: i32,
    pub active: Option<Names>,
    pub standby: Option<Names>,
    pub status: Vec<i8>,
    pub details: Vec<String>,
    pub endpoints: Option<usize>,
    pub description: bool,
}

fn topology(epoch: i32) -> wire::Topology<'static> {
    wire::Topology {
        epoch,
        subtopologies: vec![wire::Subtopology {
            subtopology_id: "0",
            source_topics: vec![TopicName("t")],
            state_changelog_topics: vec![wire::TopicInfo {
                name: TopicName("app-store-changelog"),
                topic_configs: vec![wire::KeyValue {
                    key: "cleanup.policy",
                    value: "compact",
                }],
                ..wire::TopicInfo::default()
            }],
            ..wire::Subtopology::default()
        }],
    }
}

pub fn request<'a>(member: &'a str, epoch: i32) -> wire::StreamsGroupHeartbeatRequest<'a> {
    let joins = epoch == 0;
    wire::StreamsGroupHeartbeatRequest {
        group_id: GroupId("s"),
        member_id: member,
        member_epoch: epoch,
        rebalance_timeout_ms: if joins { 60_000 } else { -1 },
        topology: joins.then(|| topology(0)),
        active_tasks: joins.then(Vec::new),
        standby_tasks: joins.then(Vec::new),
        warmup_tasks: joins.then(Vec::new),
        process_id: joins.then_some("p"),
        ..wire::StreamsGroupHeartbeatRequest::default()
    }
}

pub fn tasks(names: &Names) -> Option<Vec<wire::StreamsGroupHeartbeatRequestTaskIds<'_>>> {
    let tasks = names.iter();
    Some(
        tasks
            .map(
                |(id, partitions)| wire::StreamsGroupHeartbeatRequestTaskIds {
                    subtopology_id: id,
                    partitions: partitions.clone(),
                },
            )
            .collect(),
    )
}

fn names(tasks: Option<Vec<wire::StreamsGroupHeartbeatResponseTaskIds<'_>>>) -> Option<Names> {
    let tasks = tasks?.into_iter();
    let tasks = tasks.map(|tasks| (tasks.subtopology_id.to_owned(), tasks.partitions));
    Some(tasks.collect())
}

fn of(partitions: &[i32]) -> Option<Names> {
    let names = match partitions {
        [] => Vec::new(),
        some => vec![("0".to_owned(), some.to_vec())],
    };
    Some(names)
}

/// An image with `t` of four partitions, and others.
pub fn image(offset: i64, topics: &[(&str, usize)]) -> Arc<Image> {
    let mut image = Image::empty("cluster", 1);
    image.offset = offset;
    for (place, (name, count)) in [("t", 4)].iter().chain(topics).enumerate() {
        image.put_topic(TopicImage {
            id: TopicId([place as u8 + 7; 16]),
            name: (*name).into(),
            partitions: vec![PartitionImage::default(); *count],
        });
    }
    Arc::new(image)
}

pub fn ready() -> Bench {
    let mut bench = Bench::new();
    bench.follow(image(2, &[("app-store-changelog", 4)]));
    bench
}

impl Bench {
    pub fn follow(&mut self, image: Arc<Image>) {
        self.step(|machine, step| machine.follow(step, &image));
    }

    pub fn stream(
        &mut self,
        version: i16,
        request: &wire::StreamsGroupHeartbeatRequest<'_>,
    ) -> Told {
        let token = self.ask(ApiKey::StreamsGroupHeartbeat, version, request);
        let body = self.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let told = wire::StreamsGroupHeartbeatResponse::decode(&mut reader, version);
        let told = told.expect("an answer");
        let status = told.status.unwrap_or_default();
        Told {
            code: told.error_code,
            epoch: told.member_epoch,
            active: names(told.active_tasks),
            standby: names(told.standby_tasks),
            status: status.iter().map(|status| status.status_code).collect(),
            details: status.iter().map(|s| s.status_detail.to_owned()).collect(),
            endpoints: told.partitions_by_user_endpoint.map(|all| all.len()),
            description: told.topology_description_required,
        }
    }

    pub fn plain(&mut self, member: &str, epoch: i32) -> Told {
        self.stream(0, &request(member, epoch))
    }

    /// A heartbeat that tells what the member has.
    fn owning(&mut self, member: &str, epoch: i32, active: &[i32]) -> Told {
        let active = of(active).expect("given");
        let none = Names::new();
        let request = wire::StreamsGroupHeartbeatRequest {
            active_tasks: tasks(&active),
            standby_tasks: tasks(&none),
            warmup_tasks: tasks(&none),
            ..request(member, epoch)
        };
        self.stream(0, &request)
    }

    pub fn state(&self) -> &'static str {
        match self.machine.groups.get("s") {
            Some(Group::Streams(group)) => group.state_name(),
            _ => "none",
        }
    }

    fn stream_commit(&mut self, member: &str, epoch: i32, partition: i32) -> ErrorCode {
        let request = OffsetCommitRequest {
            group_id: GroupId("s"),
            generation_id_or_member_epoch: epoch,
            member_id: member,
            topics: vec![OffsetCommitRequestTopic {
                name: TopicName("t"),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: partition,
                    committed_offset: 1,
                    ..OffsetCommitRequestPartition::default()
                }],
                ..OffsetCommitRequestTopic::default()
            }],
            ..OffsetCommitRequest::default()
        };
        let token = self.ask(ApiKey::OffsetCommit, 9, &request);
        let body = self.answer(token).expect("at once");
        let answer = OffsetCommitResponse::decode(&mut Reader::new(&body), 9);
        answer.expect("an answer").topics[0].partitions[0].error_code
    }
}

/// Goal: the pause between two assignments is the one that an operator says now, for all brokers or
/// for this one.
#[test]
fn the_assignment_interval_follows_the_operator() {
    const NAME: &str = "group.streams.assignment.interval.ms";
    let configure = |bench: &mut Bench, all: &str, own: Option<&str>| {
        let set = |value: &str| Overrides::from([(NAME.to_owned(), value.to_owned())]);
        let (config, _) = BrokerConfig::from_given(&[], &Default::default()).expect("fine");
        let own = own.map(set).unwrap_or_default();
        let config = config.with_dynamic(&set(all), &own).expect("fine");
        bench.step(|machine, _| machine.configure(&config));
    };
    let mut bench = ready();
    bench.plain("a", 0);
    bench.pass(3_000);
    assert_eq!(bench.plain("a", 1).epoch, 2);
    assert_eq!(bench.plain("b", 0).status, [5]);
    configure(&mut bench, "60000", Some("0"));
    assert_eq!(bench.plain("c", 0).status, [0; 0]);
    configure(&mut bench, "0", Some("60000"));
    assert_eq!(bench.plain("d", 0).status, [5]);
    configure(&mut bench, "0", None);
    assert_eq!(bench.plain("e", 0).status, [0; 0]);
}

#[test]
fn tasks_move_when_their_holder_has_given_them_up() {
    let mut bench = ready();
    let told = bench.plain("a", 0);
    assert_eq!((told.code, told.epoch), (ErrorCode::None, 1));
    assert_eq!(
        (told.active, told.status),
        (of(&[]), vec![5]),
        "more members may come"
    );
    assert_eq!(bench.state(), "Assigning");
    bench.pass(3_000);
    let told = bench.plain("a", 1);
    assert_eq!((told.epoch, told.active), (2, of(&[0, 1, 2, 3])));
    assert_eq!((told.status, bench.state()), (vec![], "Stable"));
    // The second, in another process, waits for what the first still has.
    bench.pass(1_000);
    let joins = wire::StreamsGroupHeartbeatRequest {
        process_id: Some("q"),
        ..request("b", 0)
    };
    let told = bench.stream(0, &joins);
    assert_eq!((told.epoch, told.active), (3, of(&[])));
    let told = bench.plain("a", 2);
    assert_eq!((told.epoch, told.active.clone()), (2, of(&[0, 1])));
    assert_eq!(bench.state(), "Reconciling");
    // What it must give up it may commit until it has.
    assert_eq!(bench.stream_commit("a", 2, 3), ErrorCode::None);
    assert_eq!(bench.stream_commit("b", 3, 3), ErrorCode::None);
    assert_eq!(bench.owning("a", 2, &[0, 1, 2, 3]).active, None);
    let told = bench.owning("a", 2, &[0, 1]);
    assert_eq!((told.epoch, told.active), (3, None));
    assert_eq!(
        bench.stream_commit("a", 2, 1),
        ErrorCode::None,
        "its own since epoch 2"
    );
    assert_eq!(bench.stream_commit("a", 2, 3), ErrorCode::StaleMemberEpoch);
    assert_eq!(bench.stream_commit("a", 4, 1), ErrorCode::StaleMemberEpoch);
    let told = bench.plain("b", 3);
    assert_eq!((told.epoch, told.active), (3, of(&[2, 3])));
    assert_eq!(
        bench.stream_commit("b", 2, 3),
        ErrorCode::StaleMemberEpoch,
        "it came with 3"
    );
    // All of it is in the log.
    let mut bench = bench.restart();
    bench.follow(image(3, &[("app-store-changelog", 4)]));
    assert_eq!(bench.state(), "Stable");
    assert_eq!(bench.plain("a", 3).active, None);
    assert_eq!(bench.plain("b", 3).epoch, 3);
    assert_eq!(bench.plain("b", -1).epoch, -1);
    bench.pass(1_000);
    let told = bench.plain("a", 3);
    assert_eq!((told.epoch, told.active), (4, of(&[0, 1, 2, 3])));
    assert_eq!(bench.plain("a", -1).code, ErrorCode::None);
    assert_eq!(bench.state(), "Empty");
}

#[test]
fn internal_topics_are_made_and_what_is_missing_is_told() {
    let mut bench = Bench::new();
    let told = bench.plain("a", 0);
    assert_eq!((told.status, told.active), (vec![5, 3], of(&[])));
    assert_eq!(
        told.details[1],
        "Internal topics are missing: app-store-changelog"
    );
    assert_eq!(bench.state(), "NotReady");
    let (ticket, asked) = bench.asks.pop().expect("the coordinator has them made");
    let Ask::CreateTopics { topics } = asked else {
        panic!("{asked:?}");
    };
    let expected = NewTopic {
        name: "app-store-changelog".into(),
        partitions: 4,
        replication_factor: -1,
        configs: vec![("cleanup.policy".into(), "compact".into())],
    };
    assert_eq!(topics, [expected]);
    bench.plain("a", 1);
    assert!(bench.asks.is_empty(), "asked once");
    let refusal = CreateTopicsResponse {
        topics: vec![CreatableTopicResult {
            name: TopicName("app-store-changelog"),
            error_code: ErrorCode::PolicyViolation,
            error_message: Some("no"),
            ..CreatableTopicResult::default()
        }],
        ..CreateTopicsResponse::default()
    };
    let body = encoded(&refusal, CREATE_TOPICS_VERSION).expect("it fits");
    bench.step(|machine, step| machine.replied(step, ticket, Ok(body)));
    let told = bench.plain("a", 1);
    let failed = "; Creation failed: app-store-changelog (no).";
    assert!(told.details[1].ends_with(failed), "{:?}", told.details);
    assert!(bench.asks.is_empty(), "the failure is told first");
    bench.pass(10_000);
    bench.plain("a", 1);
    assert_eq!(bench.asks.len(), 1, "tried again");
    bench.follow(image(3, &[("app-store-changelog", 4)]));
    let told = bench.plain("a", 2);
    assert_eq!((told.status, told.active), (vec![], of(&[0, 1, 2, 3])));
    // A source topic that goes takes the tasks with it.
    let mut gone = Image::empty("cluster", 1);
    gone.offset = 4;
    bench.follow(Arc::new(gone));
    bench.pass(1_000);
    let told = bench.plain("a", 3);
    assert_eq!((told.status, told.active), (vec![1], of(&[])));
    assert_eq!(told.details, ["Source topics t are missing."]);
    bench.follow(image(5, &[("app-store-changelog", 3)]));
    bench.pass(1_000);
    let told = bench.plain("a", 3);
    assert_eq!(told.status, [2], "{:?}", told.details);
}

#[test]
fn members_of_another_epoch_or_topology_are_told_so() {
    let mut bench = ready();
    bench.plain("a", 0);
    bench.pass(3_000);
    bench.plain("a", 1);
    assert_eq!(bench.plain("a", 7).code, ErrorCode::FencedMemberEpoch);
    assert_eq!(bench.plain("a", 1).code, ErrorCode::FencedMemberEpoch);
    assert_eq!(bench.plain("x", 1).code, ErrorCode::UnknownMemberId);
    // An answer that was lost: the member has nothing that it was not given.
    assert_eq!(bench.owning("a", 1, &[0]).code, ErrorCode::None);
    let other = wire::StreamsGroupHeartbeatRequest {
        topology: Some(topology(1)),
        ..request("b", 0)
    };
    assert_eq!(bench.stream(0, &other).code, ErrorCode::InvalidRequest);
    let mut behind = Bench::new();
    behind.stream(0, &other);
    let told = behind.plain("a", 0);
    assert_eq!(told.status.first(), Some(&0), "{:?}", told.details);
    // Silent for longer than its session: gone.
    bench.pass(46_000);
    assert_eq!(bench.plain("a", 2).code, ErrorCode::UnknownMemberId);
    assert_eq!(bench.plain("a", 0).code, ErrorCode::None);
}

#[test]
fn who_does_not_give_up_in_time_is_out() {
    let mut bench = ready();
    bench.plain("a", 0);
    bench.pass(3_000);
    bench.plain("a", 1);
    let joins = wire::StreamsGroupHeartbeatRequest {
        process_id: Some("q"),
        ..request("b", 0)
    };
    bench.pass(1_000);
    bench.stream(0, &joins);
    assert_eq!(bench.plain("a", 2).active, of(&[0, 1]));
    for _ in 0..4 {
        bench.pass(20_000);
        bench.owning("a", 2, &[0, 1, 2, 3]);
        bench.plain("b", 3);
    }
    assert_eq!(bench.plain("a", 2).code, ErrorCode::UnknownMemberId);
    bench.pass(1_000);
    assert_eq!(bench.plain("b", 4).epoch, 4);
}

#[test]
fn one_member_ends_the_whole_application() {
    let mut bench = ready();
    bench.plain("a", 0);
    let joins = wire::StreamsGroupHeartbeatRequest {
        shutdown_application: true,
        ..request("b", 0)
    };
    assert_eq!(bench.stream(0, &joins).status, [5, 4]);
    assert_eq!(bench.plain("a", 1).status, [5, 4]);
    bench.plain("a", -1);
    bench.plain("b", -1);
    assert_eq!(
        bench.plain("c", 0).status,
        [5],
        "the next one runs another application"
    );
}

#[test]
fn standbys_follow_the_group_setting_and_endpoints_tell_who_has_what() {
    let mut bench = ready();
    let mut image = Image::clone(&image(3, &[("app-store-changelog", 4)]));
    let group = (crate::metadata::ResourceKind::Group, "s".to_owned());
    let set = [("streams.num.standby.replicas".to_owned(), "1".to_owned())];
    let set = [(group, set.into_iter().collect())];
    image.configs = Arc::new(set.into_iter().collect());
    bench.follow(Arc::new(image));
    for (member, process) in [("a", "p"), ("b", "q")] {
        let joins = wire::StreamsGroupHeartbeatRequest {
            process_id: Some(process),
            user_endpoint: Some(wire::StreamsGroupHeartbeatRequestEndpoint {
                host: "here",
                port: 1,
            }),
            ..request(member, 0)
        };
        bench.stream(0, &joins);
    }
    bench.pass(3_000);
    let told = bench.plain("a", 1);
    assert_eq!((told.active, told.standby), (of(&[0, 2]), of(&[1, 3])));
    assert_eq!(told.endpoints, Some(2));
    let told = bench.plain("b", 1);
    assert_eq!((told.active, told.standby), (of(&[1, 3]), of(&[0, 2])));
}

/// Topologies that no topics could make fit.
fn senseless() -> [wire::Topology<'static>; 3] {
    let mut twice = topology(0);
    twice.subtopologies.push(twice.subtopologies[0].clone());
    let mut fixed = topology(0);
    fixed.subtopologies[0].state_changelog_topics[0].partitions = 3;
    let mut far = topology(0);
    far.subtopologies[0]
        .copartition_groups
        .push(wire::CopartitionGroup {
            source_topics: vec![i16::MAX],
            ..wire::CopartitionGroup::default()
        });
    [twice, fixed, far]
}

#[test]
fn requests_that_make_no_sense_change_nothing() {
    let mut bench = ready();
    let log = bench.log.len();
    let mut check = |request: wire::StreamsGroupHeartbeatRequest<'_>, code| {
        assert_eq!(bench.stream(1, &request).code, code, "{request:?}");
        assert_eq!(bench.log.len(), log);
        assert_eq!(bench.state(), "none");
    };
    let invalid = ErrorCode::InvalidRequest;
    check(request("", 0), invalid);
    check(request("a", -3), invalid);
    check(request("a", -2), invalid);
    check(request("a", 1), ErrorCode::GroupIdNotFound);
    check(request("a", -1), ErrorCode::GroupIdNotFound);
    let base = || request("a", 0);
    check(
        wire::StreamsGroupHeartbeatRequest {
            group_id: GroupId(""),
            ..base()
        },
        invalid,
    );
    check(
        wire::StreamsGroupHeartbeatRequest {
            instance_id: Some("i"),
            ..base()
        },
        invalid,
    );
    check(
        wire::StreamsGroupHeartbeatRequest {
            rack_id: Some(""),
            ..base()
        },
        invalid,
    );
    check(
        wire::StreamsGroupHeartbeatRequest {
            rebalance_timeout_ms: -1,
            ..base()
        },
        invalid,
    );
    check(
        wire::StreamsGroupHeartbeatRequest {
            topology: None,
            ..base()
        },
        invalid,
    );
    check(
        wire::StreamsGroupHeartbeatRequest {
            standby_tasks: None,
            ..base()
        },
        invalid,
    );
    for topology in senseless() {
        let topology = Some(topology);
        let asked = wire::StreamsGroupHeartbeatRequest { topology, ..base() };
        check(asked, ErrorCode::StreamsInvalidTopology);
    }
    bench.plain("a", 0);
    assert_eq!(
        bench.owning("a", 1, &[4]).code,
        invalid,
        "there is no such task"
    );
}

#[test]
fn descriptions_are_asked_for_kept_and_told() {
    let mut bench = ready();
    assert!(!bench.plain("a", 0).description, "version 0 cannot");
    assert!(bench.stream(1, &request("a", 1)).description);
    assert!(!bench.stream(1, &request("a", 1)).description);
    let node = update::TopologyDescriptionNode {
        name: "source",
        node_type: 1,
        source_topics: vec![TopicName("t")],
        ..update::TopologyDescriptionNode::default()
    };
    let mut asked = update::StreamsGroupTopologyDescriptionUpdateRequest {
        group_id: GroupId("s"),
        member_id: "a",
        topology_epoch: 0,
        topology_description: update::TopologyDescription {
            subtopologies: vec![update::TopologyDescriptionSubtopology {
                subtopology_id: "0",
                nodes: vec![node],
            }],
            global_stores: Vec::new(),
        },
    };
    let send = |bench: &mut Bench, asked: &update::StreamsGroupTopologyDescriptionUpdateRequest| {
        let token = bench.ask(ApiKey::StreamsGroupTopologyDescriptionUpdate, 0, asked);
        let body = bench.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let told = update::StreamsGroupTopologyDescriptionUpdateResponse::decode(&mut reader, 0);
        told.expect("an answer").error_code
    };
    let status = |bench: &mut Bench| {
        let asked = StreamsGroupDescribeRequest {
            group_ids: vec![GroupId("s"), GroupId("none")],
            include_topology_description: true,
            ..StreamsGroupDescribeRequest::default()
        };
        let token = bench.ask(ApiKey::StreamsGroupDescribe, 1, &asked);
        let body = bench.answer(token).expect("at once");
        let told = StreamsGroupDescribeResponse::decode(&mut Reader::new(&body), 1);
        let told = told.expect("an answer");
        assert_eq!(told.groups[1].error_code, ErrorCode::GroupIdNotFound);
        let described = told.groups[0].topology_description.as_ref();
        let nodes = described.map(|d| d.subtopologies[0].nodes[0].name.to_owned());
        (told.groups[0].topology_description_status, nodes)
    };
    assert_eq!(status(&mut bench), (1, None));
    asked.member_id = "x";
    assert_eq!(send(&mut bench, &asked), ErrorCode::UnknownMemberId);
    asked.member_id = "a";
    asked.topology_epoch = 1;
    assert_eq!(send(&mut bench, &asked), ErrorCode::InvalidRequest);
    asked.topology_epoch = 0;
    assert_eq!(send(&mut bench, &asked), ErrorCode::None);
    assert_eq!(status(&mut bench), (3, Some("source".to_owned())));
    asked.topology_description.subtopologies[0].nodes[0].node_type = 9;
    assert_eq!(send(&mut bench, &asked), ErrorCode::InvalidRequest);
    asked.group_id = GroupId("none");
    assert_eq!(send(&mut bench, &asked), ErrorCode::GroupIdNotFound);
    bench.pass(40_000);
    assert!(
        !bench.stream(1, &request("a", 1)).description,
        "it is there"
    );
}
