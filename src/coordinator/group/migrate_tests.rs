//! Both protocols in one group: members of the one join the other's, and the group follows.

use super::tests::Bench;
use super::*;
use crate::config::BrokerConfig;
use crate::config::parse::Given;
use crate::protocol::messages::join_group::{JoinGroupRequestProtocol, JoinGroupResponse};
use crate::protocol::messages::leave_group::MemberIdentity;
use crate::protocol::messages::sync_group::{SyncGroupRequestAssignment, SyncGroupResponse};
use crate::protocol::records::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, consumer_protocol_assignment as a,
    consumer_protocol_subscription as s,
};
use crate::protocol::{GroupId, TopicName};

const OK: ErrorCode = ErrorCode::None;
const REJOIN: ErrorCode = ErrorCode::RebalanceInProgress;

/// What a client of the classic protocol says of itself.
fn subscription(owned: &[i32]) -> Vec<u8> {
    let owned = match owned {
        [] => Vec::new(),
        owned => vec![s::TopicPartition {
            topic: TopicName("t"),
            partitions: owned.to_vec(),
        }],
    };
    let value = ConsumerProtocolSubscription {
        topics: vec!["t"],
        owned_partitions: owned,
        ..ConsumerProtocolSubscription::default()
    };
    let mut bytes = 1i16.to_be_bytes().to_vec();
    value.encode(&mut bytes, 1).expect("encodes");
    bytes
}

fn assignment(partitions: &[i32]) -> Vec<u8> {
    let value = ConsumerProtocolAssignment {
        assigned_partitions: vec![a::TopicPartition {
            topic: TopicName("t"),
            partitions: partitions.to_vec(),
        }],
        user_data: None,
    };
    let mut bytes = 1i16.to_be_bytes().to_vec();
    value.encode(&mut bytes, 1).expect("encodes");
    bytes
}

fn partitions(assignment: &[u8]) -> Vec<i32> {
    let mut reader = Reader::new(assignment);
    let version = reader.i16().expect("a version");
    let value = ConsumerProtocolAssignment::decode(&mut reader, version).expect("an assignment");
    let topics = value.assigned_partitions.into_iter();
    topics.flat_map(|topic| topic.partitions).collect()
}

/// A classic client, by what it was told last.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub id: String,
    instance: Option<&'static str>,
    generation: i32,
    pub has: Vec<i32>,
}

impl Bench {
    fn ask_join(&mut self, client: &Client) -> Token {
        let metadata = subscription(&client.has);
        let request = JoinGroupRequest {
            group_id: GroupId("g"),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            member_id: &client.id,
            group_instance_id: client.instance,
            protocol_type: "consumer",
            protocols: vec![JoinGroupRequestProtocol {
                name: "range",
                metadata: &metadata,
            }],
            ..JoinGroupRequest::default()
        };
        self.ask(ApiKey::JoinGroup, 9, &request)
    }

    /// The answer to a join, and whether the client leads.
    fn was_told(&mut self, client: &mut Client, token: Token) -> (ErrorCode, bool) {
        let body = self.answer(token).expect("answered");
        let mut reader = Reader::new(&body);
        let answer = JoinGroupResponse::decode(&mut reader, 9).expect("an answer");
        if matches!(answer.error_code, OK | ErrorCode::MemberIdRequired) {
            client.id = answer.member_id.to_owned();
        }
        client.generation = answer.generation_id;
        (answer.error_code, answer.leader == answer.member_id)
    }

    fn ask_sync(&mut self, client: &Client, assigned: &[(&str, &[u8])]) -> Token {
        let assignments = assigned.iter();
        let assignments = assignments.map(|(member_id, assignment)| SyncGroupRequestAssignment {
            member_id,
            assignment,
        });
        let request = SyncGroupRequest {
            group_id: GroupId("g"),
            generation_id: client.generation,
            member_id: &client.id,
            group_instance_id: client.instance,
            protocol_type: Some("consumer"),
            protocol_name: Some("range"),
            assignments: assignments.collect(),
        };
        self.ask(ApiKey::SyncGroup, 5, &request)
    }

    fn was_given(&mut self, client: &mut Client, token: Token) -> ErrorCode {
        let body = self.answer(token).expect("answered");
        let mut reader = Reader::new(&body);
        let answer = SyncGroupResponse::decode(&mut reader, 5).expect("an answer");
        if answer.error_code == OK {
            client.has = partitions(answer.assignment);
        }
        answer.error_code
    }

    pub fn lives(&mut self, client: &Client) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: GroupId("g"),
            generation_id: client.generation,
            member_id: &client.id,
            group_instance_id: client.instance,
        };
        let token = self.ask(ApiKey::Heartbeat, 4, &request);
        let body = self.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let answer = HeartbeatResponse::decode(&mut reader, 4).expect("an answer");
        answer.error_code
    }

    /// Joins a consumer group and asks for what it has.
    pub fn joins(&mut self, client: &mut Client) -> ErrorCode {
        let mut token = self.ask_join(client);
        if self.was_told(client, token).0 == ErrorCode::MemberIdRequired {
            token = self.ask_join(client);
            assert_eq!(self.was_told(client, token), (OK, false));
        }
        let token = self.ask_sync(client, &[]);
        self.was_given(client, token)
    }

    pub fn leaves(&mut self, client: &Client) -> ErrorCode {
        let request = LeaveGroupRequest {
            group_id: GroupId("g"),
            members: vec![MemberIdentity {
                member_id: &client.id,
                group_instance_id: client.instance,
                ..MemberIdentity::default()
            }],
            ..LeaveGroupRequest::default()
        };
        let token = self.ask(ApiKey::LeaveGroup, 5, &request);
        let body = self.answer(token).expect("at once");
        let mut reader = Reader::new(&body);
        let answer = LeaveGroupResponse::decode(&mut reader, 5).expect("an answer");
        answer.members[0].error_code
    }

    /// A stable classic group of these clients, the first of which leads, with two partitions each.
    fn classic_pair(&mut self) -> [Client; 2] {
        let mut clients = [Client::default(), Client::default()];
        for client in &mut clients {
            let token = self.ask_join(client);
            let told = self.was_told(client, token);
            assert_eq!(told.0, ErrorCode::MemberIdRequired);
        }
        let tokens = [self.ask_join(&clients[0]), self.ask_join(&clients[1])];
        self.pass(6_000);
        let leads = [0, 1].map(|n| self.was_told(&mut clients[n], tokens[n]));
        if leads[1].1 {
            clients.swap(0, 1);
        }
        let [first, second] = &mut clients;
        let waits = self.ask_sync(second, &[]);
        let (to_first, to_second) = (assignment(&[0, 1]), assignment(&[2, 3]));
        let given = [(&*first.id, &*to_first), (&*second.id, &*to_second)];
        let leads = self.ask_sync(first, &given);
        assert_eq!(self.was_given(first, leads), OK);
        assert_eq!(self.was_given(second, waits), OK);
        assert_eq!((&*first.has, &*second.has), (&[0, 1][..], &[2, 3][..]));
        clients
    }
}

fn with_policy(policy: &str) -> Bench {
    let given = [Given::argument("group.consumer.migration.policy", policy)];
    let (config, _) = BrokerConfig::from_given(&given, &Default::default()).expect("fine");
    Bench::with(GroupMachine::new(config.group()))
}

#[test]
fn a_classic_group_is_upgraded_by_the_first_who_speaks_the_new_protocol() {
    let mut bench = Bench::new();
    let [mut first, mut second] = bench.classic_pair();
    let epoch = first.generation + 1;
    // It is in, and waits for what the others have: nobody lost anything yet.
    assert_eq!(bench.live("new", 0, Some(&[])), (OK, epoch, Some(vec![])));
    assert_eq!(bench.commit(&first.id, first.generation, 5), OK);
    assert_eq!(bench.commit(&first.id, 77, 5), ErrorCode::IllegalGeneration);
    assert_eq!(bench.lives(&first), REJOIN);
    assert_eq!(bench.lives(&second), REJOIN);

    // A cooperative client: what it must give up is missing from what it is given.
    let mut moved = Vec::new();
    for client in [&mut first, &mut second] {
        let before = client.has.clone();
        assert_eq!(bench.joins(client), OK);
        moved.extend(before.into_iter().filter(|p| !client.has.contains(p)));
    }
    assert_eq!(moved.len(), 1, "{moved:?}: four partitions, three members");
    // Whoever gave something up joins again to say so.
    for client in [&mut first, &mut second] {
        if bench.lives(client) == REJOIN {
            assert_eq!(bench.joins(client), OK);
        }
        assert_eq!(bench.lives(client), OK);
        assert_eq!(client.generation, epoch);
    }
    assert_eq!(bench.live("new", epoch, None), (OK, epoch, Some(moved)));

    // All of it is in the log.
    let mut bench = bench.restart();
    assert_eq!(bench.lives(&first), OK);
    assert_eq!(bench.lives(&second), OK);
    assert_eq!(bench.live("new", epoch, None), (OK, epoch, None));
}

#[test]
fn a_consumer_group_is_downgraded_when_its_last_new_member_goes() {
    for by_silence in [false, true] {
        let mut bench = Bench::new();
        assert_eq!(bench.live("new", 0, Some(&[])).1, 1);
        bench.pass(1_000);
        let mut old = Client::default();
        assert_eq!(bench.joins(&mut old), OK);
        assert_eq!((old.generation, &*old.has), (2, &[][..]), "it waits");
        assert_eq!(bench.live("new", 1, None).2, Some(vec![0, 1]));
        assert_eq!(bench.lives(&old), OK, "nothing is free yet");
        bench.live("new", 1, Some(&[0, 1]));
        assert_eq!(bench.lives(&old), REJOIN);
        assert_eq!(bench.joins(&mut old), OK);
        assert_eq!(old.has, [2, 3]);

        if by_silence {
            for _ in 0..6 {
                bench.pass(8_000);
                bench.lives(&old);
            }
        } else {
            assert_eq!(bench.live("new", -1, None), (OK, -1, None));
        }
        assert!(matches!(bench.machine.groups["g"], Group::Classic(_)));
        assert_eq!(bench.lives(&old), REJOIN);
        let mut bench = bench.restart();
        assert!(matches!(bench.machine.groups["g"], Group::Classic(_)));
        let before = old.generation;
        assert_eq!(bench.commit(&old.id, before, 5), OK);
        let token = bench.ask_join(&old);
        let told = bench.was_told(&mut old, token);
        assert_eq!(told, (OK, true), "its leader assigns again");
        assert!(old.generation > before);
        let all = assignment(&[0, 1, 2, 3]);
        let token = bench.ask_sync(&old, &[(&*old.id, &*all)]);
        assert_eq!(bench.was_given(&mut old, token), OK);
        assert_eq!(old.has, [0, 1, 2, 3]);
        assert_eq!(bench.lives(&old), OK);
    }
}

#[test]
fn the_policy_says_which_way_a_group_may_go() {
    for (policy, up, down) in [
        ("disabled", false, false),
        ("upgrade", true, false),
        ("DOWNGRADE", false, true),
        ("bidirectional", true, true),
    ] {
        let mut bench = with_policy(policy);
        let [first, _] = bench.classic_pair();
        let code = bench.live("new", 0, Some(&[])).0;
        assert_eq!(code == OK, up, "{policy}: {code:?}");
        assert_eq!(code == ErrorCode::GroupIdNotFound, !up, "{policy}");
        assert_eq!(
            bench.lives(&first),
            if up { REJOIN } else { OK },
            "{policy}"
        );

        // A classic member is served in a consumer group whatever the policy.
        let mut bench = with_policy(policy);
        bench.live("new", 0, Some(&[]));
        bench.pass(1_000);
        let mut old = Client::default();
        assert_eq!(bench.joins(&mut old), OK, "{policy}");
        bench.live("new", -1, None);
        bench.pass(1_000);
        let is_classic = matches!(bench.machine.groups["g"], Group::Classic(_));
        assert_eq!(is_classic, down, "{policy}");
        // Either way it is told to join again, and nothing is lost.
        assert_eq!(bench.lives(&old), REJOIN, "{policy}");
    }
}

/// A member of the new protocol does as it is told.
fn follow(bench: &mut Bench, epoch: &mut i32, has: &mut Vec<i32>) {
    let told = bench.live("new", *epoch, Some(has));
    assert_eq!(told.0, OK);
    *epoch = told.1;
    if let Some(partitions) = told.2 {
        *has = partitions;
    }
}

#[test]
fn a_classic_member_that_is_silent_or_does_not_join_again_is_out() {
    let mut bench = Bench::new();
    let (mut epoch, mut has) = (0, Vec::new());
    follow(&mut bench, &mut epoch, &mut has);
    bench.pass(1_000);
    let mut old = Client::default();
    assert_eq!(bench.joins(&mut old), OK);
    bench.pass(9_000);
    follow(&mut bench, &mut epoch, &mut has);
    assert_eq!(bench.lives(&old), OK);
    bench.pass(10_001);
    let code = bench.lives(&old);
    assert_eq!(
        code,
        ErrorCode::UnknownMemberId,
        "its own session timeout holds"
    );

    let mut old = Client::default();
    assert_eq!(bench.joins(&mut old), OK);
    bench.pass(1_000);
    bench.live("third", 0, Some(&[]));
    // Told to join again for longer than its rebalance timeout, it lives and does not.
    for _ in 0..8 {
        assert_eq!(bench.lives(&old), REJOIN);
        bench.pass(8_000);
        follow(&mut bench, &mut epoch, &mut has);
    }
    assert_eq!(bench.lives(&old), ErrorCode::UnknownMemberId);
}

#[test]
fn who_is_not_what_it_says_is_refused() {
    let mut bench = Bench::new();
    bench.live("new", 0, Some(&[]));
    bench.pass(1_000);
    let mut old = Client::default();
    assert_eq!(bench.joins(&mut old), OK);
    // A member of the other protocol has no say in this one.
    let new = Client {
        id: "new".into(),
        generation: 1,
        ..Client::default()
    };
    assert_eq!(bench.lives(&new), ErrorCode::UnknownMemberId);
    assert_eq!(bench.leaves(&new), ErrorCode::UnknownMemberId);
    let stale = Client {
        generation: 1,
        ..old.clone()
    };
    assert_eq!(bench.lives(&stale), ErrorCode::IllegalGeneration);
    let token = bench.ask_sync(&stale, &[]);
    assert_eq!(
        bench.was_given(&mut stale.clone(), token),
        ErrorCode::IllegalGeneration
    );
    // Somebody whose protocol the others do not speak.
    let request = JoinGroupRequest {
        group_id: GroupId("g"),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "connect",
        protocols: vec![JoinGroupRequestProtocol {
            name: "range",
            metadata: b"",
        }],
        ..JoinGroupRequest::default()
    };
    let token = bench.ask(ApiKey::JoinGroup, 9, &request);
    let told = bench.was_told(&mut Client::default(), token);
    assert_eq!(told.0, ErrorCode::InconsistentGroupProtocol);
    assert_eq!(bench.leaves(&old), OK);
    assert_eq!(bench.leaves(&old), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_keeps_its_place_across_the_protocols() {
    let mut bench = Bench::new();
    bench.live("new", 0, Some(&[]));
    let mut old = Client {
        instance: Some("i"),
        ..Client::default()
    };
    assert_eq!(bench.joins(&mut old), OK);
    let first_life = old.id.clone();
    // It restarted and comes without an id; the one before is fenced.
    let fenced = old.clone();
    (old.id, old.has) = (String::new(), Vec::new());
    assert_eq!(bench.joins(&mut old), OK);
    assert_ne!(old.id, first_life);
    assert_eq!(bench.lives(&fenced), ErrorCode::FencedInstanceId);
    assert_eq!(bench.lives(&old), OK);
}

/// Goal: a classic member is told to join again when there is something to learn, which a target
/// that waits is not; and it need not be another's heartbeat that ends the wait.
#[test]
fn a_classic_member_joins_again_when_the_target_is_made() {
    for by_heartbeat in [false, true] {
        let mut bench = with_policy("disabled");
        bench.live("new", 0, Some(&[]));
        let mut old = Client::default();
        assert_eq!(bench.joins(&mut old), OK);
        assert_eq!((old.generation, &*old.has), (1, &[][..]), "too soon");
        assert_eq!(bench.lives(&old), OK);
        assert_eq!(bench.live("new", -1, None).0, OK);
        bench.pass(999);
        assert_eq!(bench.lives(&old), OK);
        match by_heartbeat {
            // The timer is late.
            true => bench.now += 1,
            false => bench.pass(1),
        }
        assert_eq!(bench.lives(&old), REJOIN);
        assert_eq!(bench.joins(&mut old), OK);
        assert_eq!((old.generation, &*old.has), (3, &[0, 1, 2, 3][..]));
        assert_eq!(bench.lives(&old), OK);
        // What it must join again for, it learns of between its join and its sync as well.
        bench.pass(1_000);
        bench.live("newer", 0, Some(&[]));
        assert_eq!(bench.lives(&old), REJOIN);
        let token = bench.ask_join(&old);
        assert_eq!(bench.was_told(&mut old, token).0, OK);
        let token = bench.ask_sync(&old, &[]);
        assert_eq!(bench.was_given(&mut old, token), OK);
        assert_eq!(bench.joins(&mut old), OK);
        assert_eq!((old.generation, old.has.len()), (4, 2));
        bench.live("newest", 0, Some(&[]));
        let token = bench.ask_join(&old);
        assert_eq!(bench.was_told(&mut old, token).0, OK);
        assert_eq!(old.generation, 4, "the fifth waits");
        bench.now += 1_000;
        let token = bench.ask_sync(&old, &[]);
        assert_eq!(bench.was_given(&mut old, token), REJOIN);
    }
}

/// Goal: neither direction of the migration waits, nor does it fence who did nothing wrong.
#[test]
fn a_pause_between_targets_does_not_hold_up_a_migration() {
    let mut bench = Bench::new();
    let [first, _] = bench.classic_pair();
    // Two upgrades within one pause: the classic group in between knows nothing of it.
    assert_eq!(bench.live("new", 0, Some(&[])).1, first.generation + 1);
    assert_eq!(bench.live("new", -1, None).0, OK);
    assert!(matches!(bench.machine.groups["g"], Group::Classic(_)));
    assert_eq!(bench.live("new", 0, Some(&[])).0, OK);
    let Some(Group::Consumer(group)) = bench.machine.groups.get("g") else {
        panic!("it is upgraded");
    };
    assert_ne!(group.state_name(), "Assigning");

    let mut bench = Bench::new();
    bench.live("new", 0, Some(&[]));
    let mut old = Client::default();
    assert_eq!(bench.joins(&mut old), OK);
    assert_eq!(
        old.generation, 1,
        "the target waits, the group is of epoch 2"
    );
    assert_eq!(bench.live("new", -1, None).0, OK);
    assert!(matches!(bench.machine.groups["g"], Group::Classic(_)));
    assert_eq!(bench.lives(&old), REJOIN, "in peace");
    let token = bench.ask_join(&old);
    assert_eq!(bench.was_told(&mut old, token), (OK, true));
    assert_eq!(old.generation, 2);
}
