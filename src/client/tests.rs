//! The client against a fake broker over real sockets: what is promised under faults.
//!
//! Room:       `client`, tests only.
//! Never:      sleeps to make something happen: every wait is for an answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::cluster::{Cluster, lock};
use super::fake_broker::{FakeBroker, Fault};
use super::fake_group::FakeGroup;
use super::member::{GroupConsumer, Subscription};
use super::{ClientConfig, ClientError, Consumer, Outgoing, Producer, Start};
use crate::protocol::record_batch::Compression;
use crate::protocol::{ApiKey, ErrorCode};

fn config(broker: &FakeBroker) -> ClientConfig {
    let mut config = ClientConfig::default();
    config
        .set("bootstrap.servers", &format!("127.0.0.1:{}", broker.port))
        .unwrap();
    config.set("retry.backoff.ms", "1").unwrap();
    config.set("fetch.max.wait.ms", "1").unwrap();
    config
}

/// Writes `count` numbered records over all partitions; the failures of each record.
fn produce(config: ClientConfig, partitions: i32, count: u64) -> Vec<(u64, ErrorCode)> {
    let cluster = Cluster::connect(config).unwrap();
    let failed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&failed);
    let producer = Producer::new(
        cluster,
        Box::new(move |delivery| {
            if let Err(failure) = delivery.result {
                let code = failure.code().unwrap_or(ErrorCode::UnknownServerError);
                lock(&seen).extend(delivery.tags.iter().map(|tag| (*tag, code)));
            }
        }),
    );
    let handles: Vec<_> = (0..partitions)
        .map(|partition| producer.partition("t", partition).unwrap())
        .collect();
    for tag in 0..count {
        let value = format!("record {tag}");
        let record = Outgoing {
            timestamp: 1_000,
            key: None,
            value: Some(value.as_bytes()),
            headers: &[("n", Some(b"v"))],
            tag,
        };
        producer
            .send(handles[tag as usize % handles.len()], &record)
            .unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    drop(producer);
    std::mem::take(&mut *lock(&failed))
}

/// Reads everything: the values by partition, in order.
fn consume(config: ClientConfig, partitions: i32, count: usize) -> Vec<Vec<String>> {
    let cluster = Cluster::connect(config).unwrap();
    let assigned: Vec<(&str, i32, Start)> = (0..partitions)
        .map(|partition| ("t", partition, Start::Earliest))
        .collect();
    let mut consumer = Consumer::assign(cluster, &assigned).unwrap();
    let mut values = vec![Vec::new(); partitions as usize];
    while values.iter().map(Vec::len).sum::<usize>() < count {
        let fetched = consumer.poll(Duration::from_secs(30)).unwrap();
        let fetched = fetched.expect("records come in time");
        for record in fetched.records() {
            let record = record.unwrap();
            let of_partition = &mut values[fetched.partition as usize];
            assert_eq!(record.offset, of_partition.len() as i64);
            assert_eq!(record.headers.len(), 1);
            of_partition.push(String::from_utf8_lossy(record.value.unwrap()).into_owned());
        }
    }
    values
}

/// What `produce` of `count` records leaves in each partition.
fn expected(partitions: i32, count: u64) -> Vec<Vec<String>> {
    let of = |partition: i32| {
        let mine = (0..count).filter(|tag| *tag % partitions as u64 == partition as u64);
        mine.map(|tag| format!("record {tag}")).collect()
    };
    (0..partitions).map(of).collect()
}

#[test]
fn records_come_back_in_order_with_every_codec() {
    for codec in Compression::ALL {
        let broker = FakeBroker::start(3);
        let mut config = config(&broker);
        config.set("compression.type", codec.name()).unwrap();
        config.set("batch.size", "300").unwrap();
        config.set("max.partition.fetch.bytes", "1000").unwrap();
        assert!(produce(config.clone(), 3, 500).is_empty());
        assert_eq!(consume(config, 3, 500), expected(3, 500), "{codec:?}");
    }
}

#[test]
fn with_and_without_linger_and_topic_ids() {
    for (linger, produce_cap, fetch_cap) in [("0", 13, 18), ("0", 12, 12), ("5", 3, 4)] {
        let broker = FakeBroker::start(2);
        broker.cap(ApiKey::Produce, produce_cap);
        broker.cap(ApiKey::Fetch, fetch_cap);
        broker.cap(ApiKey::ApiVersions, 2);
        let mut config = config(&broker);
        config.set("linger.ms", linger).unwrap();
        assert!(produce(config.clone(), 2, 300).is_empty());
        assert_eq!(consume(config, 2, 300), expected(2, 300));
    }
}

/// Goal: an idempotent producer loses nothing, doubles nothing and keeps the order, whatever
/// happens to single requests.
#[test]
fn faults_neither_lose_nor_double_nor_reorder() {
    let faults = [
        Fault::Pass,
        Fault::LoseAnswer,
        Fault::Refuse(ErrorCode::NotLeaderOrFollower),
        Fault::Pass,
        Fault::LoseRequest,
        Fault::Refuse(ErrorCode::NotEnoughReplicas),
        Fault::LoseAnswer,
        Fault::LoseAnswer,
        Fault::Pass,
        Fault::LoseRequest,
    ];
    for linger in ["0", "1"] {
        let broker = FakeBroker::start(2);
        let mut config = config(&broker);
        config.set("linger.ms", linger).unwrap();
        config.set("batch.size", "200").unwrap();
        broker.fault(&faults);
        assert!(produce(config.clone(), 2, 400).is_empty());
        assert!(broker.produces() > faults.len());
        assert_eq!(consume(config, 2, 400), expected(2, 400));
    }
}

#[test]
fn a_final_refusal_is_told_and_later_records_go_on() {
    let broker = FakeBroker::start(1);
    let mut config = config(&broker);
    config.set("batch.size", "200").unwrap();
    broker.fault(&[Fault::Pass, Fault::Refuse(ErrorCode::InvalidRecord)]);
    let failed = produce(config.clone(), 1, 100);
    assert!(!failed.is_empty());
    assert!(
        failed
            .iter()
            .all(|(_, code)| *code == ErrorCode::InvalidRecord)
    );
    let mut wanted = expected(1, 100);
    wanted[0].retain(|value| {
        !failed
            .iter()
            .any(|(tag, _)| *value == format!("record {tag}"))
    });
    assert_eq!(consume(config, 1, wanted[0].len()), wanted);
}

#[test]
fn what_is_too_large_together_is_sent_in_halves() {
    for linger in ["0", "1"] {
        let broker = FakeBroker::start(1);
        let mut config = config(&broker);
        config.set("linger.ms", linger).unwrap();
        config.set("batch.size", "400").unwrap();
        let too_large = Fault::Refuse(ErrorCode::MessageTooLarge);
        broker.fault(&[too_large, too_large, Fault::LoseAnswer, too_large]);
        assert!(produce(config.clone(), 1, 400).is_empty());
        assert_eq!(consume(config, 1, 400), expected(1, 400));
    }
}

#[test]
fn a_record_over_the_limit_is_refused_at_once() {
    let broker = FakeBroker::start(1);
    let cluster = Cluster::connect(config(&broker)).unwrap();
    let producer = Producer::new(cluster, Box::new(|_| {}));
    let to = producer.partition("t", 0).unwrap();
    let value = vec![0; 2 << 20];
    let record = Outgoing {
        timestamp: 0,
        key: None,
        value: Some(&value),
        headers: &[],
        tag: 0,
    };
    let refused = producer.send(to, &record).unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::MessageTooLarge));
}

/// Reads as a member of group "g" until so many records came, all trouble is over and offsets of
/// this sum are committed; how often each record came.
fn consume_as_member(
    broker: &FakeBroker,
    config: ClientConfig,
    count: usize,
    committed: i64,
) -> std::collections::BTreeMap<String, u32> {
    let cluster = Cluster::connect(config).unwrap();
    let topics = Subscription::Topics(vec!["t".into()]);
    let mut member = GroupConsumer::new(cluster, "g", topics).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    let settled = |group: &mut FakeGroup| {
        group.trouble.is_empty() && group.committed.values().sum::<i64>() == committed
    };
    while seen.len() < count || !broker.group(settled) {
        let Some(fetched) = member.poll(Duration::from_millis(50)).unwrap() else {
            continue;
        };
        for record in fetched.records() {
            let record = record.unwrap();
            let value = String::from_utf8_lossy(record.value.unwrap()).into_owned();
            *seen.entry(value).or_default() += 1;
            member.consumed(&fetched.topic, fetched.partition, record.offset + 1, 0);
        }
    }
    member.close().unwrap();
    seen
}

fn member_config(broker: &FakeBroker, assignor: &str) -> ClientConfig {
    let mut config = config(broker);
    for (name, value) in [
        ("partition.assignment.strategy", assignor),
        ("auto.offset.reset", "earliest"),
        ("heartbeat.interval.ms", "1"),
        ("auto.commit.interval.ms", "1"),
        ("max.partition.fetch.bytes", "200"),
    ] {
        config.set(name, value).unwrap();
    }
    config
}

/// Goal: a member reads on where the group was, whatever happens to its membership, and whatever
/// it has consumed is committed when it has left.
#[test]
fn a_member_commits_what_it_consumed_and_goes_on_there() {
    for assignor in [
        "RangeAssignor",
        "CooperativeStickyAssignor",
        "StickyAssignor",
    ] {
        let broker = FakeBroker::start(3);
        assert!(produce(config(&broker), 3, 60).is_empty());
        broker.group(|group| {
            let quiet = [ErrorCode::None; 3];
            for trouble in [ErrorCode::RebalanceInProgress, ErrorCode::IllegalGeneration] {
                group.trouble.extend(quiet);
                group.trouble.push_back(trouble);
            }
        });
        let config = member_config(&broker, assignor);
        let seen = consume_as_member(&broker, config.clone(), 60, 60);
        assert_eq!(seen.len(), 60);
        broker.group(|group| {
            assert_eq!(group.member, None, "it has left");
            assert_eq!(group.committed.values().sum::<i64>(), 60);
        });
        assert!(produce(config.clone(), 3, 90).is_empty());
        let seen = consume_as_member(&broker, config, 90, 150);
        assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    }
}

#[test]
fn a_member_that_is_forgotten_joins_anew() {
    let broker = FakeBroker::start(1);
    assert!(produce(config(&broker), 1, 20).is_empty());
    broker.group(|group| group.trouble.push_back(ErrorCode::UnknownMemberId));
    let seen = consume_as_member(
        &broker,
        member_config(&broker, "RoundRobinAssignor"),
        20,
        20,
    );
    assert_eq!(seen.len(), 20);
    broker.group(|group| assert_eq!(group.committed[&0], 20));
}

#[test]
fn without_an_offset_or_a_policy_a_member_says_so() {
    let broker = FakeBroker::start(2);
    let mut config = member_config(&broker, "RangeAssignor");
    config.set("auto.offset.reset", "none").unwrap();
    let cluster = Cluster::connect(config).unwrap();
    let topics = Subscription::Topics(vec!["t".into()]);
    let mut member = GroupConsumer::new(cluster, "g", topics).unwrap();
    let refused = member.poll(Duration::ZERO).unwrap_err().to_string();
    assert!(
        refused.starts_with("Undefined offset with no reset policy for partitions: [t-0, t-1]"),
        "{refused}"
    );
}

#[test]
fn nobody_there_is_one_clear_line() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut config = ClientConfig::default();
    config
        .set("bootstrap.servers", &format!("127.0.0.1:{port}"))
        .unwrap();
    let refused = Cluster::connect(config).unwrap_err();
    assert!(matches!(refused, ClientError::Bootstrap { .. }));
    assert_eq!(
        refused.to_string(),
        format!(
            "cannot connect to 127.0.0.1:{port}: connection refused; is a broker running there? \
             (--bootstrap-server)"
        )
    );
}
