//! Requests that name very much, to a whole broker in a simulated machine: each takes many turns.
//!
//! Room:       `broker`, tests only.

use super::connection_tests::{Broker, Desk, TOPIC};
use crate::protocol::messages::describe_configs::DescribeConfigsResource;
use crate::protocol::messages::describe_log_dirs::DescribableLogDirTopic;
use crate::protocol::messages::describe_producers::TopicRequest;
use crate::protocol::messages::fetch::{FetchPartition, FetchTopic};
use crate::protocol::messages::find_coordinator::FindCoordinatorRequest;
use crate::protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::metadata::MetadataRequestTopic;
use crate::protocol::messages::offset_commit as commit;
use crate::protocol::messages::offset_for_leader_epoch as epochs;
use crate::protocol::messages::txn_offset_commit as txn_commit;
use crate::protocol::messages::{
    DeleteGroupsRequest, DescribeConfigsRequest, DescribeGroupsRequest, DescribeLogDirsRequest,
    DescribeProducersRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
    OffsetCommitRequest, OffsetForLeaderEpochRequest, TxnOffsetCommitRequest,
};
use crate::protocol::{BrokerId, GroupId, Request, TopicName};
use crate::runtime::Runtime;
use std::time::Duration;

/// Things that a request names.
const MANY: usize = 4096;

/// A pace gives way after some hundred things even where the clock stands still.
const TURNS_MIN: u64 = (MANY / 256) as u64;

struct Asker {
    desk: Desk,
    shards: Vec<Runtime>,
}

impl Asker {
    /// Asks about one thing and about many, which must take turns.
    async fn ask<'a, R: Request<'a>>(&self, version: i16, request: impl Fn(usize) -> R) {
        let connection = self.desk.connect().await;
        let turns = || self.shards.iter().map(Runtime::turns).sum::<u64>();
        let mut taken = Vec::new();
        for count in [1, MANY] {
            let before = turns();
            let answered = connection.call(&request(count), version).await;
            answered.expect("answered");
            taken.push(turns() - before);
        }
        let least = taken[0] + TURNS_MIN;
        assert!(taken[1] >= least, "{} takes {taken:?} turns", R::KEY.name());
    }

    /// Waits until there are groups' coordinators.
    async fn coordinator(&self) {
        let connection = self.desk.connect().await;
        let request = FindCoordinatorRequest {
            key: "g",
            ..FindCoordinatorRequest::default()
        };
        connection.call(&request, 3).await.expect("answered");
        self.desk.runtime.sleep(Duration::from_secs(5)).await;
    }
}

/// Goal: however much a request names, others go on beside it.
#[test]
fn requests_that_name_much_take_many_turns() {
    let broker = Broker::start(1);
    let shards = broker.runtimes.clone();
    broker.run(600, async move |desk| {
        desk.make_topic().await;
        let asker = Asker { desk, shards };
        asker.coordinator().await;
        named(&asker).await;
        of_groups(&asker).await;
        of_partitions(&asker).await;
    });
    broker.end();
}

async fn named(asker: &Asker) {
    let names: Vec<String> = (0..MANY).map(|number| format!("!{number:x}")).collect();
    let topic = |name| MetadataRequestTopic {
        name: Some(TopicName(name)),
        ..MetadataRequestTopic::default()
    };
    let metadata = |count| MetadataRequest {
        topics: Some(names[..count].iter().map(|name| topic(name)).collect()),
        ..MetadataRequest::default()
    };
    asker.ask(8, metadata).await;
    let resource = |name| DescribeConfigsResource {
        resource_type: 2,
        resource_name: name,
        configuration_keys: None,
    };
    let configs = |count| DescribeConfigsRequest {
        resources: names[..count].iter().map(|name| resource(name)).collect(),
        ..DescribeConfigsRequest::default()
    };
    asker.ask(3, configs).await;
    let log_dirs = |count| DescribeLogDirsRequest {
        topics: Some(vec![DescribableLogDirTopic {
            topic: TopicName(TOPIC),
            partitions: (0..count as i32).collect(),
        }]),
    };
    asker.ask(3, log_dirs).await;
}

async fn of_groups(asker: &Asker) {
    let names: Vec<String> = (0..MANY).map(|number| format!("g{number:x}")).collect();
    let groups = |count: usize| names[..count].iter().map(|name| GroupId(name)).collect();
    let describe = |count| DescribeGroupsRequest {
        groups: groups(count),
        ..DescribeGroupsRequest::default()
    };
    asker.ask(5, describe).await;
    let delete = |count| DeleteGroupsRequest {
        groups_names: groups(count),
    };
    asker.ask(2, delete).await;
    let partition = |partition_index| commit::OffsetCommitRequestPartition {
        partition_index,
        ..commit::OffsetCommitRequestPartition::default()
    };
    let offsets = |count| OffsetCommitRequest {
        group_id: GroupId("g"),
        topics: vec![commit::OffsetCommitRequestTopic {
            name: TopicName(TOPIC),
            // There is one.
            partitions: (1..=count as i32).map(partition).collect(),
            ..commit::OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    asker.ask(9, offsets).await;
    let partition = |partition_index| txn_commit::TxnOffsetCommitRequestPartition {
        partition_index,
        ..txn_commit::TxnOffsetCommitRequestPartition::default()
    };
    let offsets = |count| TxnOffsetCommitRequest {
        group_id: GroupId("g"),
        topics: vec![txn_commit::TxnOffsetCommitRequestTopic {
            name: TopicName(TOPIC),
            partitions: (1..=count as i32).map(partition).collect(),
            ..txn_commit::TxnOffsetCommitRequestTopic::default()
        }],
        ..TxnOffsetCommitRequest::default()
    };
    asker.ask(5, offsets).await;
}

async fn of_partitions(asker: &Asker) {
    let partition = |partition_index| ListOffsetsPartition {
        partition_index,
        timestamp: -1,
        ..ListOffsetsPartition::default()
    };
    let offsets = |count| ListOffsetsRequest {
        replica_id: BrokerId(-1),
        topics: vec![ListOffsetsTopic {
            name: TopicName(TOPIC),
            partitions: (0..count as i32).map(partition).collect(),
        }],
        ..ListOffsetsRequest::default()
    };
    asker.ask(7, offsets).await;
    let partition = |_| epochs::OffsetForLeaderPartition::default();
    let ends = |count| OffsetForLeaderEpochRequest {
        topics: vec![epochs::OffsetForLeaderTopic {
            topic: TopicName(TOPIC),
            partitions: (0..count).map(partition).collect(),
        }],
        ..OffsetForLeaderEpochRequest::default()
    };
    asker.ask(4, ends).await;
    let producers = |count| DescribeProducersRequest {
        topics: vec![TopicRequest {
            name: TopicName(TOPIC),
            partition_indexes: (0..count as i32).collect(),
        }],
    };
    asker.ask(0, producers).await;
    let partition = |_| FetchPartition {
        current_leader_epoch: -1,
        ..FetchPartition::default()
    };
    let fetch = |count| FetchRequest {
        replica_id: BrokerId(-1),
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: TopicName(TOPIC),
            partitions: (0..count).map(partition).collect(),
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    asker.ask(11, fetch).await;
}
