//! An operator: makes and removes topics, deletes records, and looks at everything after a start.
//!
//! Room:       `sim`.
//! Called by:  `clients`; `whole`, which has it check everything after a start.
//! Never:      takes a name or an offset for granted that was not acknowledged.

use super::consumer::{EARLIEST, LATEST, offset_at};
use super::{Fleet, Link, TOPIC, think, topic_id};
use crate::ids::Offset;
use crate::protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsTopic};
use crate::protocol::messages::delete_topics::DeleteTopicState;
use crate::protocol::messages::fetch::{FetchPartition, FetchTopic};
use crate::protocol::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use crate::protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, FetchRequest, FetchResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, MetadataRequest,
    MetadataResponse,
};
use crate::protocol::{ErrorCode, TopicName};
use crate::runtime::Runtime;
use crate::sim::checker::{Ending, Served};
use crate::sim::model::{Durability, Level};
use crate::sim::seed::Rng;
use std::rc::Rc;
use std::time::Duration;

/// Works as long as the world runs.
pub async fn administer(fleet: Rc<Fleet>, runtime: Runtime, mut rng: Rng) {
    let mut made = 0;
    loop {
        let link = fleet.link(&runtime, &mut rng).await;
        while link.may_send() {
            let pause = Duration::from_millis(rng.below(400));
            runtime.sleep(pause).await;
            think(&runtime, &mut rng).await;
            if !link.may_send() || fleet.budget.get() == 0 {
                runtime.sleep(super::LOOK).await;
                continue;
            }
            match rng.below(if fleet.levels_change { 6 } else { 4 }) {
                4.. => change_level(&link, &mut rng).await,
                0 => {
                    made += 1;
                    let name = format!("topic-{made}");
                    let partitions = 1 + rng.below(3) as i32;
                    create(&link, &name, partitions, &[]).await;
                }
                1 => delete(&link, &mut rng).await,
                _ => delete_records(&link, &mut rng).await,
            }
        }
    }
}

/// Makes the topic that producers write to.
pub async fn prepare(
    fleet: &Rc<Fleet>,
    runtime: &Runtime,
    rng: &mut Rng,
    config: &[(&str, String)],
) {
    let partitions = fleet.partitions as i32;
    let link = fleet.link_now(runtime, rng).await;
    let link = link.expect("a broker that is up can be reached");
    create(&link, TOPIC, partitions, config).await;
    let found = fleet.topics.borrow_mut().remove(TOPIC);
    assert_eq!(found, Some(Some(true)), "the topic can be made");
    describe(&link).await;
}

async fn create(link: &Link, name: &str, partitions: i32, config: &[(&str, String)]) {
    let version = link.connection.version::<CreateTopicsRequest<'_>>(2);
    let configs = config.iter().map(|(name, value)| CreatableTopicConfig {
        name,
        value: Some(value),
    });
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: TopicName(name),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..CreatableTopic::default()
        }],
        timeout_ms: 60_000,
        ..CreateTopicsRequest::default()
    };
    let topics = &link.fleet.topics;
    topics.borrow_mut().insert(name.to_owned(), None);
    let Some(frame) = link.connection.call(&request, version).await else {
        return;
    };
    let response: CreateTopicsResponse<'_> = frame.message();
    match response.topics[0].error_code {
        ErrorCode::None if link.counts() => {
            topics.borrow_mut().insert(name.to_owned(), Some(true));
        }
        ErrorCode::None | ErrorCode::RequestTimedOut | ErrorCode::NotController => {}
        code => panic!("topic {name} was refused: {code:?}"),
    }
}

async fn delete(link: &Link, rng: &mut Rng) {
    let topics = &link.fleet.topics;
    let there = |(name, is): (&String, &Option<bool>)| (*is == Some(true)).then(|| name.clone());
    let names: Vec<String> = topics.borrow().iter().filter_map(there).collect();
    let Some(name) = names.get(rng.below(names.len() as u64) as usize) else {
        return;
    };
    let version = link.connection.version::<DeleteTopicsRequest<'_>>(1);
    let mut request = DeleteTopicsRequest {
        timeout_ms: 60_000,
        ..DeleteTopicsRequest::default()
    };
    match version {
        6.. => request.topics.push(DeleteTopicState {
            name: Some(TopicName(name)),
            ..DeleteTopicState::default()
        }),
        _ => request.topic_names.push(TopicName(name)),
    }
    topics.borrow_mut().insert(name.clone(), None);
    let Some(frame) = link.connection.call(&request, version).await else {
        return;
    };
    let response: DeleteTopicsResponse<'_> = frame.message();
    match response.responses[0].error_code {
        ErrorCode::None if link.counts() => {
            topics.borrow_mut().insert(name.clone(), Some(false));
        }
        ErrorCode::None | ErrorCode::RequestTimedOut | ErrorCode::NotController => {}
        code => panic!("topic {name} cannot be deleted: {code:?}"),
    }
}

/// Sets the topic's durability. Without an answer nobody knows which one holds.
async fn change_level(link: &Link, rng: &mut Rng) {
    const TOPIC_TYPE: i8 = 2;
    let (level, name, value) = rng.choose(&[
        (3, (Durability::Acks, "ottla.durability", "acks")),
        (
            2,
            (
                Durability::Always(Level::Memory),
                "ottla.durability",
                "memory",
            ),
        ),
        (
            2,
            (
                Durability::Always(Level::Written),
                "ottla.durability",
                "written",
            ),
        ),
        (
            2,
            (
                Durability::Always(Level::Synced),
                "ottla.durability",
                "synced",
            ),
        ),
        (
            1,
            (Durability::Always(Level::Synced), "flush.messages", "1"),
        ),
    ]);
    let other = match name {
        "flush.messages" => "ottla.durability",
        _ => "flush.messages",
    };
    let set = AlterableConfig {
        name,
        config_operation: 0,
        value: Some(value),
    };
    let delete = AlterableConfig {
        name: other,
        config_operation: 1,
        value: None,
    };
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: TOPIC_TYPE,
            resource_name: TOPIC,
            configs: vec![set, delete],
        }],
        validate_only: false,
    };
    let version = link
        .connection
        .version::<IncrementalAlterConfigsRequest<'_>>(0);
    let fleet = &link.fleet;
    fleet.model.borrow_mut().begin_durability(level);
    let answer = link.connection.call(&request, version).await;
    let Some(frame) = answer.filter(|_| link.counts()) else {
        fleet.level_unknown_in.set(fleet.life.get());
        return;
    };
    let response: IncrementalAlterConfigsResponse<'_> = frame.message();
    match response.responses[0].error_code {
        ErrorCode::None if fleet.level_unknown_in.get() < fleet.life.get() => {
            fleet.model.borrow_mut().end_durability(level);
        }
        // An earlier one may come to pass yet.
        ErrorCode::None => {}
        ErrorCode::RequestTimedOut | ErrorCode::NotController => {
            fleet.level_unknown_in.set(fleet.life.get());
        }
        code => panic!("the topic's level cannot be set: {code:?}"),
    }
}

async fn delete_records(link: &Link, rng: &mut Rng) {
    let partition = rng.below(link.fleet.partitions as u64) as usize;
    let Some(end) = offset_at(link, partition, LATEST).await else {
        return;
    };
    let version = link.connection.version::<DeleteRecordsRequest<'_>>(0);
    let offset = rng.below(end.0.max(0) as u64 + 1) as i64;
    let request = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: TopicName(TOPIC),
            partitions: vec![DeleteRecordsPartition {
                partition_index: partition as i32,
                offset,
            }],
        }],
        timeout_ms: 60_000,
    };
    let Some(frame) = link.connection.call(&request, version).await else {
        return;
    };
    let response: DeleteRecordsResponse<'_> = frame.message();
    let part = &response.topics[0].partitions[0];
    match part.error_code {
        ErrorCode::None if link.counts() => {
            assert!(part.low_watermark >= offset, "deleted is what was asked");
            let mut model = link.fleet.model.borrow_mut();
            let start = &mut model.log_start[partition];
            *start = (*start).max(Offset(part.low_watermark));
        }
        ErrorCode::None
        // A power cut took what this client had heard of.
        | ErrorCode::OffsetOutOfRange
        | ErrorCode::RequestTimedOut
        | ErrorCode::NotLeaderOrFollower => {}
        code => panic!("partition {partition}: records cannot be deleted: {code:?}"),
    }
}

/// Reads everything that the broker has after a start and holds it against all promises. Nobody
/// else may talk to it.
pub async fn check(fleet: &Rc<Fleet>, runtime: &Runtime, rng: &mut Rng, ending: Ending) {
    let link = fleet.link_now(runtime, rng).await;
    let link = link.expect("a broker that is up can be reached");
    describe(&link).await;
    for partition in 0..fleet.partitions {
        let start = offset_at(&link, partition, EARLIEST).await;
        let end = offset_at(&link, partition, LATEST).await;
        let (start, end) = (start.expect("an answer"), end.expect("an answer"));
        let mut from = start;
        let mut all: Vec<Served> = Vec::new();
        while from < end {
            let served = read(&link, partition, from).await;
            let last = served.last();
            from = last
                .expect("below the high watermark there is something")
                .next;
            all.extend(served);
        }
        let mut model = fleet.model.borrow_mut();
        model.check_log(partition, start, end, &all, ending);
    }
}

async fn read(link: &Link, partition: usize, from: Offset) -> Vec<Served> {
    let version = link.connection.version::<FetchRequest<'_>>(4);
    let by_id = version >= 13;
    let request = FetchRequest {
        max_wait_ms: 500,
        max_bytes: 1 << 20,
        topics: vec![FetchTopic {
            topic: TopicName(if by_id { "" } else { TOPIC }),
            topic_id: topic_id(&link.fleet, by_id),
            partitions: vec![FetchPartition {
                partition: partition as i32,
                fetch_offset: from.0,
                partition_max_bytes: 256 << 10,
                ..FetchPartition::default()
            }],
        }],
        ..FetchRequest::default()
    };
    let frame = link.connection.call(&request, version).await;
    let frame = frame.expect("a broker that is up answers");
    let response: FetchResponse<'_> = frame.message();
    let part = &response.responses[0].partitions[0];
    let codes = (response.error_code, part.error_code);
    assert_eq!(
        codes,
        (ErrorCode::None, ErrorCode::None),
        "{partition} at {from}"
    );
    let model = link.fleet.model.borrow();
    model.parse_served(partition, from, part.records.unwrap_or_default())
}

/// Topics that were made are there, those that were deleted are not.
async fn describe(link: &Link) {
    // Topic ids come with version 10.
    let version = link.connection.version::<MetadataRequest<'_>>(10);
    let request = MetadataRequest {
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    };
    let request = MetadataRequest {
        topics: None,
        ..request
    };
    let frame = link.connection.call(&request, version).await;
    let frame = frame.expect("a broker that is up answers");
    let response: MetadataResponse<'_> = frame.message();
    let find = |name: &str| {
        let mut topics = response.topics.iter();
        topics.find(|topic| topic.name == Some(TopicName(name)))
    };
    let orders = find(TOPIC).expect("the topic is there");
    assert_eq!(orders.error_code, ErrorCode::None);
    assert_eq!(orders.partitions.len(), link.fleet.partitions);
    for partition in &orders.partitions {
        assert_eq!(partition.error_code, ErrorCode::None);
    }
    let id = link.fleet.topic_id.replace(orders.topic_id);
    let is_new = id == crate::protocol::Uuid::ZERO;
    assert!(is_new || id == orders.topic_id, "a topic keeps its id");
    for (name, is_there) in &mut *link.fleet.topics.borrow_mut() {
        match (find(name), *is_there) {
            (None, Some(true)) => panic!("{name} was made, and is gone"),
            (Some(_), Some(false)) => panic!("{name} was deleted, and is back"),
            // What nobody knew is decided now.
            (found, _) => *is_there = Some(found.is_some()),
        }
    }
}
