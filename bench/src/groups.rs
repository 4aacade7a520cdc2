//! Question:  does one partition's group coordinator stall under 10,000 groups and 100,000 members?
//! Budget:    members are heard of every 3 s, so 100,000 of them ask 33,000 times a second; at
//!            10 us each that is a third of a core. No step may hold its shard for 10 ms.
//! Workload:  10,000 classic groups of 10 members on one machine: all join, sync, are heard of ten
//!            times and commit; then a machine is made anew from what was written, its members
//!            fall silent, their offsets are looked at, and expire a week later. The same of as
//!            many groups of the consumer protocol; and one of those with 1,000 members, that
//!            come a millisecond apart.
//! Prints:    requests per second of each kind and the longest step of each.

mod consumer;
mod written;

use crate::Size;
use crate::measure::{Latencies, now, own_time};
use ottla::config::BrokerConfig;
use ottla::coordinator::group::GroupMachine;
use ottla::coordinator::{Client, Machine, Millis, Request, Step, Token};
use ottla::metadata::{Image, PartitionImage, TopicImage};
use ottla_protocol::messages::heartbeat::HeartbeatRequest;
use ottla_protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse,
};
use ottla_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use ottla_protocol::{ApiKey, GroupId, Message, Reader, TopicName};
use std::sync::Arc;
use written::Written;

const MEMBERS: usize = 10;

/// Rounds of heartbeats.
const ROUNDS: usize = 10;

/// Apache Kafka's defaults: ten minutes, and a week.
const RETENTION_CHECK_MS: u64 = 600_000;
const RETENTION_MS: u64 = 7 * 24 * 3_600_000;

/// A machine and what it wrote.
struct Bench {
    /// What its lines begin with.
    kind: &'static str,
    cpu: bool,
    machine: GroupMachine,
    now: u64,
    token: u64,
    log: Written,
    answers: Vec<(Token, Vec<u8>)>,
}

pub fn run(size: &Size) {
    // As the broker is set. It holds for the rest of the process: this bench comes last.
    ottla::io::uring::join_freed_at_once();
    let groups = if size.smoke { 100 } else { 10_000 };
    let (config, _) = BrokerConfig::from_given(&[], &Default::default()).expect("defaults");
    let mut bench = Bench::new(&config, size.cpu, "", MEMBERS);
    let ids: Vec<Vec<String>> = bench.join_all(groups);
    bench.sync_all(&ids);
    bench.beat_all(&ids);
    bench.commit_all(&ids);
    bench.reload(&config, MEMBERS);
    bench.grow_old();
    consumer::run(size, &config);
}

impl Bench {
    fn new(config: &BrokerConfig, cpu: bool, kind: &'static str, partitions: usize) -> Bench {
        let mut bench = Bench {
            kind,
            cpu,
            machine: GroupMachine::new(config.group()),
            now: 1_000,
            token: 0,
            log: Written::default(),
            answers: Vec::new(),
        };
        bench.follow(partitions);
        bench.step(|machine, step| assert!(!machine.loaded(step), "nothing was written"));
        bench
    }

    /// A machine is made anew from what this one wrote, which goes first.
    fn reload(&mut self, config: &BrokerConfig, partitions: usize) {
        let mut watch = self.watch("dismantle");
        while watch.time(|| self.machine.dismantle()) {}
        watch.print();
        self.machine = GroupMachine::new(config.group());
        let started = now();
        let mut count = 0;
        self.log.each(|record| {
            count += 1;
            self.machine.replay(record).expect("its own record");
        });
        let took = started.elapsed();
        let name = format!("{}replay", self.kind);
        println!("groups {name:<18} {count:>8} records in {took:.1?}");
        self.follow(partitions);
    }

    fn watch(&self, name: &str) -> Watch {
        Watch {
            name: format!("{}{name}", self.kind),
            cpu: self.cpu,
            steps: Latencies::default(),
            total: std::time::Duration::ZERO,
        }
    }

    fn follow(&mut self, partitions: usize) {
        let mut image = Image::empty("cluster", 1);
        image.offset = 1;
        image.put_topic(TopicImage {
            id: ottla::ids::TopicId([7; 16]),
            name: "t".into(),
            partitions: vec![PartitionImage::default(); partitions],
        });
        let image = Arc::new(image);
        self.step(|machine, step| machine.follow(step, &image));
    }

    /// A machine that was made anew begins; then nobody is heard of any more.
    fn grow_old(&mut self) {
        let mut watch = self.watch("begin");
        let mut has_more = true;
        while has_more {
            watch.time(|| self.step(|machine, step| has_more = machine.loaded(step)));
        }
        watch.print();
        let loaded = self.now;
        self.pass("silence", loaded + RETENTION_CHECK_MS - 1);
        self.pass("look", loaded + RETENTION_CHECK_MS + 60_000);
        self.now += RETENTION_MS;
        self.pass("expire", self.now + 60_000);
        assert_eq!(
            self.machine.next_timeout().map(|at| at.0 > self.now),
            Some(true)
        );
    }

    /// Wakes the machine whenever it wants to be; what it answers is let go.
    fn pass(&mut self, name: &str, end: u64) {
        let mut watch = self.watch(name);
        while let Some(next) = self.machine.next_timeout().filter(|at| at.0 <= end) {
            self.now = self.now.max(next.0);
            watch.time(|| self.step(|machine, step| machine.timeout(step)));
            self.answers.clear();
        }
        watch.print();
    }

    /// Wakes the machine for what comes of what it was asked, which is kept.
    fn wake(&mut self, name: &str, end: u64) {
        let mut watch = self.watch(name);
        while let Some(next) = self.machine.next_timeout().filter(|at| at.0 <= end) {
            self.now = self.now.max(next.0);
            watch.time(|| self.step(|machine, step| machine.timeout(step)));
        }
        watch.print();
    }

    fn step(&mut self, act: impl FnOnce(&mut GroupMachine, &mut Step)) {
        let mut step = Step::at(
            Millis(self.now),
            self.now as i64,
            u128::from(self.token) << 64,
        );
        act(&mut self.machine, &mut step);
        self.log.append(step.effects.batches);
        let answers = step.effects.answers.into_iter();
        self.answers
            .extend(answers.map(|(token, body)| (token, body.expect("an answer"))));
    }

    fn ask<'r>(&mut self, api: ApiKey, version: i16, message: &impl Message<'r>) -> Token {
        self.token += 1;
        let token = Token(self.token);
        let mut body = Vec::new();
        message.encode(&mut body, version).expect("a fine request");
        let request = Request {
            api,
            version,
            client: Client {
                id: "client".into(),
                host: "/127.0.0.1".into(),
            },
            body,
        };
        self.step(|machine, step| machine.request(step, token, &request));
        token
    }

    /// All members join, first come first of their group; their ids, the leader first.
    fn join_all(&mut self, groups: usize) -> Vec<Vec<String>> {
        let mut watch = self.watch("join");
        let mut first = 0;
        for group in 0..groups {
            let name = format!("group-{group}");
            for _ in 0..MEMBERS {
                let request = JoinGroupRequest {
                    group_id: GroupId(&name),
                    session_timeout_ms: 45_000,
                    rebalance_timeout_ms: 300_000,
                    protocol_type: "consumer",
                    protocols: vec![JoinGroupRequestProtocol {
                        name: "range",
                        metadata: b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff",
                    }],
                    ..JoinGroupRequest::default()
                };
                let token = watch.time(|| self.ask(ApiKey::JoinGroup, 3, &request));
                first = if first == 0 { token.0 } else { first };
            }
        }
        watch.print();
        // The first rebalance of each group completes, in the machine's own time.
        self.wake("rebalance", self.now + 10_000);
        let mut ids = vec![Vec::new(); groups];
        for (token, body) in std::mem::take(&mut self.answers) {
            let mut reader = Reader::new(&body);
            let joined = JoinGroupResponse::decode(&mut reader, 3).expect("an answer");
            let members = &mut ids[(token.0 - first) as usize / MEMBERS];
            match joined.leader == joined.member_id {
                true => members.insert(0, joined.member_id.to_owned()),
                false => members.push(joined.member_id.to_owned()),
            }
        }
        ids
    }

    fn sync_all(&mut self, ids: &[Vec<String>]) {
        let mut watch = self.watch("sync");
        for (group, members) in ids.iter().enumerate() {
            let name = format!("group-{group}");
            for (place, member) in members.iter().enumerate() {
                let assigned = members.iter().map(|member_id| SyncGroupRequestAssignment {
                    member_id,
                    assignment: b"assignment",
                });
                let request = SyncGroupRequest {
                    group_id: GroupId(&name),
                    generation_id: 1,
                    member_id: member,
                    assignments: if place == 0 {
                        assigned.collect()
                    } else {
                        Vec::new()
                    },
                    ..SyncGroupRequest::default()
                };
                watch.time(|| self.ask(ApiKey::SyncGroup, 3, &request));
            }
            assert_eq!(self.answers.len(), MEMBERS, "all are synced");
            self.answers.clear();
        }
        watch.print();
    }

    fn beat_all(&mut self, ids: &[Vec<String>]) {
        let mut watch = self.watch("heartbeat");
        for _ in 0..ROUNDS {
            self.now += 3_000;
            for (group, members) in ids.iter().enumerate() {
                let name = format!("group-{group}");
                for member_id in members {
                    let request = HeartbeatRequest {
                        group_id: GroupId(&name),
                        generation_id: 1,
                        member_id,
                        ..HeartbeatRequest::default()
                    };
                    watch.time(|| self.ask(ApiKey::Heartbeat, 3, &request));
                    self.answers.clear();
                }
            }
        }
        watch.print();
    }

    fn commit_all(&mut self, ids: &[Vec<String>]) {
        let mut watch = self.watch("commit");
        for (group, members) in ids.iter().enumerate() {
            let name = format!("group-{group}");
            for (partition, member_id) in members.iter().enumerate() {
                let request = OffsetCommitRequest {
                    group_id: GroupId(&name),
                    generation_id_or_member_epoch: 1,
                    member_id,
                    topics: vec![OffsetCommitRequestTopic {
                        name: TopicName("t"),
                        partitions: vec![OffsetCommitRequestPartition {
                            partition_index: partition as i32,
                            committed_offset: 42,
                            committed_leader_epoch: 1,
                            committed_metadata: Some(""),
                        }],
                        ..OffsetCommitRequestTopic::default()
                    }],
                    ..OffsetCommitRequest::default()
                };
                watch.time(|| self.ask(ApiKey::OffsetCommit, 8, &request));
                self.answers.clear();
            }
        }
        watch.print();
    }
}

/// Times the steps of one kind.
struct Watch {
    name: String,
    cpu: bool,
    steps: Latencies,
    total: std::time::Duration,
}

impl Watch {
    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (began, started) = (self.cpu.then(own_time), now());
        let result = work();
        let took = match began {
            Some(began) => own_time() - began,
            None => started.elapsed(),
        };
        self.total += took;
        self.steps.add(took);
        result
    }

    fn print(&mut self) {
        let count = self.steps.len();
        let rate = count as f64 / self.total.as_secs_f64().max(1e-9);
        let line = self.steps.line();
        println!(
            "groups {:<18} {count:>8} at {rate:>10.0}/s  {line}",
            self.name
        );
    }
}
