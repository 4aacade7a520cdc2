//! `ottla transactions find-hanging`: transactions that hold up readers and that nobody will end.
//!
//! Room:       `cli`, a tool.
//! Called by:  `transactions`.
//! Calls:      `client`.
//! Never:      calls one hanging that its coordinator knows.

use super::ask::{self, Producer};
use super::table;
use crate::cli::output::{Outcome, Refusal};
use crate::client::Cluster;
use std::collections::{BTreeMap, BTreeSet};

/// The flags of `ottla transactions find-hanging`.
#[derive(clap::Args, Debug)]
pub struct FindHanging {
    /// Only partitions with a replica on this broker.
    #[arg(long, value_name = "ID", required_unless_present = "topic")]
    broker_id: Option<i32>,
    /// Only transactions whose producer was silent for longer, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    max_transaction_timeout: i64,
    /// Only partitions of this topic.
    #[arg(long)]
    topic: Option<String>,
    /// Only this partition of the topic.
    #[arg(long, value_name = "NUMBER", requires = "topic")]
    partition: Option<i32>,
}

/// An open transaction of a partition.
struct Open {
    topic: String,
    partition: i32,
    producer: Producer,
}

impl FindHanging {
    pub fn run(self, cluster: &Cluster, json: bool) -> Outcome {
        let now = ask::wall();
        let silent_ms = self.max_transaction_timeout.saturating_mul(60_000);
        let mut open = Vec::new();
        for (topic, partition) in self.partitions(cluster)? {
            let producers = ask::producers(cluster, &topic, partition, self.broker_id)?;
            let hang = producers.into_iter().filter(|producer| {
                producer.start_offset >= 0 && now - producer.last_timestamp > silent_ms
            });
            open.extend(hang.map(|producer| Open {
                topic: topic.clone(),
                partition,
                producer,
            }));
        }
        let hanging = without_known(cluster, open)?;
        let rows = hanging.iter().map(|open| {
            let producer = &open.producer;
            vec![
                open.topic.clone(),
                open.partition.to_string(),
                producer.id.to_string(),
                producer.epoch.to_string(),
                producer.coordinator_epoch.to_string(),
                producer.start_offset.to_string(),
                producer.last_timestamp.to_string(),
                ((now - producer.last_timestamp) / 60_000).to_string(),
            ]
        });
        table(json, HEADERS, rows.collect())
    }

    fn partitions(&self, cluster: &Cluster) -> Result<Vec<(String, i32)>, Refusal> {
        match &self.topic {
            Some(topic) => cluster.refresh(Some(&[topic]), false)?,
            None => cluster.refresh(None, false)?,
        }
        let known = cluster.known();
        let mut partitions = Vec::new();
        for (name, topic) in &known.topics {
            if self
                .topic
                .as_deref()
                .is_some_and(|wanted| wanted != &**name)
            {
                continue;
            }
            for partition in &topic.partitions {
                let wanted = self.partition.is_none_or(|index| index == partition.index);
                let broker = self.broker_id;
                let has_replica = broker.is_none_or(|id| partition.replicas.contains(&id));
                if wanted && has_replica {
                    partitions.push((name.to_string(), partition.index));
                }
            }
        }
        Ok(partitions)
    }
}

/// Those that belong to no transaction of their producer's id.
fn without_known(cluster: &Cluster, open: Vec<Open>) -> Result<Vec<Open>, Refusal> {
    let ids: BTreeSet<i64> = open.iter().map(|open| open.producer.id).collect();
    if ids.is_empty() {
        return Ok(open);
    }
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut partitions: BTreeMap<i64, Vec<(String, i32)>> = BTreeMap::new();
    for listed in ask::list(cluster, &ids, -1, None)? {
        if let Some(described) = ask::describe(cluster, &listed.transactional_id)? {
            partitions.insert(listed.producer_id, described.partitions);
        }
    }
    let hangs = |open: &Open| {
        let known = partitions.get(&open.producer.id);
        known.is_none_or(|known| !known.contains(&(open.topic.clone(), open.partition)))
    };
    Ok(open.into_iter().filter(hangs).collect())
}

const HEADERS: &[&str] = &[
    "Topic",
    "Partition",
    "ProducerId",
    "ProducerEpoch",
    "CoordinatorEpoch",
    "StartOffset",
    "LastTimestamp",
    "Duration(min)",
];
