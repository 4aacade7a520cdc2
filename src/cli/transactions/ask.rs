//! The questions of `ottla transactions`, each asked of the broker that knows.
//!
//! Room:       `cli`, a tool.
//! Called by:  `transactions`.
//! Calls:      `client`.
//! Never:      prints.

use crate::cli::output::Refusal;
use crate::client::admin::call_until_settled;
use crate::client::{ClientError, Cluster};
use crate::protocol::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, TopicRequest,
};
use crate::protocol::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse,
};
use crate::protocol::messages::find_coordinator::{
    FindCoordinatorRequest, FindCoordinatorResponse,
};
use crate::protocol::messages::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse,
};
use crate::protocol::{ErrorCode, ProducerId, TopicName, TransactionalId};

/// One transactional id of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub transactional_id: String,
    pub coordinator: i32,
    pub producer_id: i64,
    pub state: String,
}

/// What its coordinator knows of an id.
#[derive(Clone, Debug)]
pub struct Described {
    pub coordinator: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub state: String,
    pub timeout_ms: i32,
    /// -1 without a transaction.
    pub start_ms: i64,
    pub partitions: Vec<(String, i32)>,
}

/// A producer of a partition; -1 is none.
#[derive(Clone, Debug)]
pub struct Producer {
    pub id: i64,
    pub epoch: i32,
    pub coordinator_epoch: i32,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub start_offset: i64,
}

/// Milliseconds since 1970.
pub fn wall() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_millis() as i64)
}

/// All brokers' lists, in the order of the brokers.
pub fn list(
    cluster: &Cluster,
    producer_ids: &[i64],
    duration_ms: i64,
    pattern: Option<&str>,
) -> Result<Vec<Listed>, Refusal> {
    let request = ListTransactionsRequest {
        state_filters: Vec::new(),
        producer_id_filters: producer_ids.iter().map(|id| ProducerId(*id)).collect(),
        duration_filter: duration_ms,
        transactional_id_pattern: pattern,
    };
    let mut listed = Vec::new();
    for coordinator in cluster.known().brokers.into_keys() {
        let answer = cluster.call_broker(coordinator, &request)?;
        let response: ListTransactionsResponse<'_> = answer.decode()?;
        check(response.error_code, "Failed to list transactions")?;
        listed.extend(response.transaction_states.iter().map(|state| Listed {
            transactional_id: state.transactional_id.0.to_owned(),
            coordinator,
            producer_id: state.producer_id.0,
            state: state.transaction_state.to_owned(),
        }));
    }
    Ok(listed)
}

/// The broker that coordinates a transactional id.
pub fn coordinator(cluster: &Cluster, transactional_id: &str) -> Result<i32, Refusal> {
    let request = FindCoordinatorRequest {
        key: "",
        key_type: 1,
        coordinator_keys: vec![transactional_id],
    };
    let code = |answer: &crate::client::Answer| -> Result<ErrorCode, ClientError> {
        let response: FindCoordinatorResponse<'_> = answer.decode()?;
        let first = response.coordinators.first();
        Ok(first.map_or(ErrorCode::UnknownServerError, |found| found.error_code))
    };
    let answer = call_until_settled(cluster, &request, code)?;
    check(
        code(&answer)?,
        &format!("No coordinator of `{transactional_id}`"),
    )?;
    let response: FindCoordinatorResponse<'_> = answer.decode()?;
    Ok(response.coordinators[0].node_id.0)
}

/// `None` when nobody uses the id.
pub fn describe(cluster: &Cluster, transactional_id: &str) -> Result<Option<Described>, Refusal> {
    let coordinator = coordinator(cluster, transactional_id)?;
    let request = DescribeTransactionsRequest {
        transactional_ids: vec![TransactionalId(transactional_id)],
    };
    let answer = cluster.call_broker(coordinator, &request)?;
    let response: DescribeTransactionsResponse<'_> = answer.decode()?;
    let Some(state) = response.transaction_states.first() else {
        return Ok(None);
    };
    if state.error_code == ErrorCode::TransactionalIdNotFound {
        return Ok(None);
    }
    let what = format!("Failed to describe transactional-id `{transactional_id}`");
    check(state.error_code, &what)?;
    let partitions = state.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (topic.topic.0.to_owned(), *partition))
    });
    Ok(Some(Described {
        coordinator,
        producer_id: state.producer_id.0,
        producer_epoch: state.producer_epoch,
        state: state.transaction_state.to_owned(),
        timeout_ms: state.transaction_timeout_ms,
        start_ms: state.transaction_start_time_ms,
        partitions: partitions.collect(),
    }))
}

/// The producers of a partition, as its leader or another replica knows them.
pub fn producers(
    cluster: &Cluster,
    topic: &str,
    partition: i32,
    broker: Option<i32>,
) -> Result<Vec<Producer>, Refusal> {
    let leader = cluster.leader(topic, partition).map(|(leader, ..)| leader);
    let Some(broker) = broker.or(leader) else {
        return Err(Refusal::new(format_args!(
            "There is no partition {topic}-{partition}, or it has no leader now"
        )));
    };
    let request = DescribeProducersRequest {
        topics: vec![TopicRequest {
            name: TopicName(topic),
            partition_indexes: vec![partition],
        }],
    };
    let answer = cluster.call_broker(broker, &request)?;
    let response: DescribeProducersResponse<'_> = answer.decode()?;
    let mut partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    let Some(described) = partitions.next() else {
        return Ok(Vec::new());
    };
    let what = format!("Failed to describe producers for partition {topic}-{partition}");
    check(described.error_code, &what)?;
    let producers = described.active_producers.iter();
    Ok(producers
        .map(|producer| Producer {
            id: producer.producer_id.0,
            epoch: producer.producer_epoch,
            coordinator_epoch: producer.coordinator_epoch,
            last_sequence: producer.last_sequence,
            last_timestamp: producer.last_timestamp,
            start_offset: producer.current_txn_start_offset,
        })
        .collect())
}

pub fn check(code: ErrorCode, what: &str) -> Result<(), Refusal> {
    match code {
        ErrorCode::None => Ok(()),
        code => Err(Refusal::new(format_args!("{what}: {code:?}"))),
    }
}
