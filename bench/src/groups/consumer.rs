//! The same of groups of the consumer protocol (KIP-848), whose coordinator assigns.
//!
//! Room:       `bench`.
//! Called by:  `groups`.
//! Never:      lets time pass between requests of one kind but where it says so: what comes in one
//!             moment is the worst.

use super::{Bench, MEMBERS, ROUNDS, Watch};
use crate::Size;
use ottla::config::BrokerConfig;
use ottla_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
    ConsumerGroupHeartbeatResponse,
};
use ottla_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_protocol::{ApiKey, ErrorCode, GroupId, Reader, TopicName, Uuid};

/// A member as its client knows it.
struct Member {
    group: String,
    id: String,
    epoch: i32,
    has: Vec<i32>,
    /// What it has is other than when it last said so.
    has_news: bool,
}

pub fn run(size: &Size, config: &BrokerConfig) {
    let groups = if size.smoke { 100 } else { 10_000 };
    let mut bench = Bench::new(config, size.cpu, "consumer ", MEMBERS);
    let names = (0..groups).map(|group| format!("group-{group}"));
    let members = names.flat_map(|group| (0..MEMBERS).map(move |_| group.clone()));
    let mut members: Vec<Member> = members.enumerate().map(Member::new).collect();
    bench.join_members(&mut members, 0);
    // The second target of each group is due in the same moment.
    bench.wake("target", bench.now + 1_000);
    bench.reconcile(&mut members);
    assert!(members.iter().all(|member| member.has.len() == 1));
    let mut watch = bench.watch("heartbeat");
    for _ in 0..ROUNDS {
        bench.now += 5_000;
        for member in &mut members {
            bench.beat(member, &mut watch);
        }
    }
    watch.print();
    bench.commit_members(&members);
    bench.reload(config, MEMBERS);
    bench.grow_old();

    let count = if size.smoke { 20 } else { 1_000 };
    let mut bench = Bench::new(config, size.cpu, "large ", count);
    let names = (0..count).map(|_| "one".to_owned());
    let mut members: Vec<Member> = names.enumerate().map(Member::new).collect();
    bench.join_members(&mut members, 1);
    bench.wake("target", bench.now + 1_000);
    bench.reconcile(&mut members);
    assert!(members.iter().all(|member| member.has.len() == 1));
}

impl Member {
    fn new((number, group): (usize, String)) -> Member {
        Member {
            group,
            id: format!("member-{number:06}"),
            epoch: 0,
            has: Vec::new(),
            has_news: true,
        }
    }
}

impl Bench {
    /// All members join, with so many milliseconds between two of them.
    fn join_members(&mut self, members: &mut [Member], pause: u64) {
        let mut watch = self.watch("join");
        for member in members {
            self.now += pause;
            self.beat(member, &mut watch);
        }
        watch.print();
    }

    /// Members are heard of until none has anything new to say.
    fn reconcile(&mut self, members: &mut [Member]) {
        let mut watch = self.watch("reconcile");
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            for member in &mut *members {
                let before = member.epoch;
                self.beat(member, &mut watch);
                goes_on |= member.has_news || member.epoch != before;
            }
        }
        watch.print();
    }

    /// One heartbeat; the member does as it is told.
    fn beat(&mut self, member: &mut Member, watch: &mut Watch) {
        let joins = member.epoch == 0;
        let owned = || {
            let topics = (!member.has.is_empty()).then(|| {
                let partitions = member.has.clone();
                ConsumerGroupHeartbeatRequestTopicPartitions {
                    topic_id: Uuid([7; 16]),
                    partitions,
                }
            });
            topics.into_iter().collect()
        };
        let request = ConsumerGroupHeartbeatRequest {
            group_id: GroupId(&member.group),
            member_id: &member.id,
            member_epoch: member.epoch,
            rebalance_timeout_ms: if joins { 300_000 } else { -1 },
            subscribed_topic_names: joins.then(|| vec![TopicName("t")]),
            topic_partitions: member.has_news.then(owned),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        watch.time(|| self.ask(ApiKey::ConsumerGroupHeartbeat, 1, &request));
        let (_, body) = self.answers.pop().expect("at once");
        let told = ConsumerGroupHeartbeatResponse::decode(&mut Reader::new(&body), 1);
        let told = told.expect("an answer");
        assert_eq!(told.error_code, ErrorCode::None);
        (member.epoch, member.has_news) = (told.member_epoch, false);
        if let Some(assignment) = told.assignment {
            let topics = assignment.topic_partitions.into_iter();
            let has: Vec<i32> = topics.flat_map(|topic| topic.partitions).collect();
            member.has_news = has != member.has;
            member.has = has;
        }
    }

    fn commit_members(&mut self, members: &[Member]) {
        let mut watch = self.watch("commit");
        for member in members {
            let request = OffsetCommitRequest {
                group_id: GroupId(&member.group),
                generation_id_or_member_epoch: member.epoch,
                member_id: &member.id,
                topics: vec![OffsetCommitRequestTopic {
                    name: TopicName("t"),
                    partitions: vec![OffsetCommitRequestPartition {
                        partition_index: member.has[0],
                        committed_offset: 42,
                        committed_leader_epoch: 1,
                        committed_metadata: Some(""),
                    }],
                    ..OffsetCommitRequestTopic::default()
                }],
                ..OffsetCommitRequest::default()
            };
            watch.time(|| self.ask(ApiKey::OffsetCommit, 9, &request));
            self.answers.clear();
        }
        watch.print();
    }
}
