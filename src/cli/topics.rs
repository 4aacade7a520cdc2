//! `ottla topics`: create, list, describe, alter and delete topics, as `kafka-topics` does.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      changes its output: scripts read it.

use super::ClientFlags;
use super::output::{Outcome, Refusal, note, print};
use super::resource_configs::{Kind, describe, is_missing};
use crate::client::cluster::Broker;
use crate::client::{ClientError, Cluster};
use crate::protocol::messages::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsResponse,
    CreatePartitionsTopic,
};
use crate::protocol::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
    CreateTopicsResponse,
};
use crate::protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsRequestCursor,
    DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponsePartition, TopicRequest,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName, Uuid};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The flags of `ottla topics`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("action").required(true))]
pub struct Topics {
    /// Create a topic.
    #[arg(long, group = "action", requires = "topic")]
    create: bool,
    /// List all topics, one name a line.
    #[arg(long, group = "action")]
    list: bool,
    /// Show partitions, leaders, replicas and overridden properties.
    #[arg(long, group = "action")]
    describe: bool,
    /// Give a topic more partitions.
    #[arg(long, group = "action", requires = "topic")]
    alter: bool,
    /// Delete topics.
    #[arg(long, group = "action", requires = "topic")]
    delete: bool,
    /// The topic; for list, describe and delete a regular expression.
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// The topic by its id; for describe.
    #[arg(long, value_name = "ID")]
    topic_id: Option<Uuid>,
    /// How many partitions; a new topic has num.partitions otherwise.
    #[arg(long, value_name = "N")]
    partitions: Option<i32>,
    /// How many replicas; a new topic has default.replication.factor otherwise.
    #[arg(long, value_name = "N")]
    replication_factor: Option<i16>,
    /// Brokers by partition: 1:2,2:1 is two partitions on brokers 1 and 2.
    #[arg(long, value_name = "LIST")]
    replica_assignment: Option<String>,
    /// A property of the new topic; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    config: Vec<String>,
    /// Do nothing if the topic exists.
    #[arg(long)]
    if_not_exists: bool,
    /// Do nothing if no topic fits.
    #[arg(long)]
    if_exists: bool,
    /// Leave internal topics out of list and describe.
    #[arg(long)]
    exclude_internal: bool,
    /// Describe only partitions with fewer replicas in sync than they have.
    #[arg(long)]
    under_replicated_partitions: bool,
    /// Describe only partitions without a leader.
    #[arg(long)]
    unavailable_partitions: bool,
    /// Describe only partitions with fewer replicas in sync than min.insync.replicas.
    #[arg(long)]
    under_min_isr_partitions: bool,
    /// Describe only partitions with exactly min.insync.replicas replicas in sync.
    #[arg(long)]
    at_min_isr_partitions: bool,
    /// Describe only topics with overridden properties, without partitions.
    #[arg(long)]
    topics_with_overrides: bool,
    /// How many partitions one answer may describe.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partition_size_limit_per_response: Option<i32>,
    /// Not served any more since Kafka 4.0; use `ottla configs --delete-config`.
    #[arg(long, value_name = "NAME")]
    delete_config: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

/// A topic as DescribeTopicPartitions tells it.
struct Described {
    name: String,
    id: Uuid,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
}

impl Topics {
    pub fn run(self) -> Outcome {
        if let Some(name) = self.delete_config.first() {
            return Err(Refusal::new(format_args!(
                "--delete-config is not served any more; use `ottla configs --alter --topic TOPIC \
                 --delete-config {name}`"
            )));
        }
        let cluster = Cluster::connect(self.client.config()?)?;
        if self.create {
            self.create(&cluster)
        } else if self.list {
            let names = self.matching(&cluster)?;
            if self.json {
                return print(&format!("{}\n", serde_json::json!(names)));
            }
            print(
                &names
                    .iter()
                    .fold(String::new(), |text, name| text + name + "\n"),
            )
        } else if self.describe {
            self.describe(&cluster)
        } else if self.alter {
            self.alter(&cluster)
        } else {
            self.delete(&cluster)
        }
    }

    fn create(&self, cluster: &Cluster) -> Outcome {
        let name = self.topic.as_deref().unwrap_or_default();
        let assignments = self.assignments()?;
        let configs = self.config.iter().map(|config| {
            config.split_once('=').ok_or_else(|| {
                Refusal::new(format_args!("--config takes NAME=VALUE, not '{config}'"))
            })
        });
        let configs: Vec<(&str, &str)> = configs.collect::<Result<_, _>>()?;
        if name.contains('.') || name.contains('_') {
            note(
                "WARNING: Due to limitations in metric names, topics with a period ('.') or \
                 underscore ('_') could collide. To avoid issues it is best to use either, but \
                 not both.",
            );
        }
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: TopicName(name),
                num_partitions: self.partitions.unwrap_or(-1),
                replication_factor: self.replication_factor.unwrap_or(-1),
                assignments: assignments
                    .iter()
                    .zip(0..)
                    .map(|(brokers, partition_index)| CreatableReplicaAssignment {
                        partition_index,
                        broker_ids: brokers.iter().copied().map(BrokerId).collect(),
                    })
                    .collect(),
                configs: configs
                    .iter()
                    .map(|(name, value)| CreatableTopicConfig {
                        name,
                        value: Some(value),
                    })
                    .collect(),
            }],
            timeout_ms: TIMEOUT_MS,
            ..CreateTopicsRequest::default()
        };
        let answer = cluster.call_controller(&request)?;
        let response: CreateTopicsResponse<'_> = answer.decode()?;
        for topic in &response.topics {
            if topic.error_code == ErrorCode::TopicAlreadyExists && self.if_not_exists {
                return Ok(());
            }
            failed(topic.error_code, topic.error_message)?;
        }
        print(&format!("Created topic {name}.\n"))
    }

    fn alter(&self, cluster: &Cluster) -> Outcome {
        let names = self.existing(cluster)?;
        let Some(count) = self.partitions else {
            return Err(Refusal::new(
                "--alter needs --partitions: the new number of them",
            ));
        };
        let assignments = self.assignments()?;
        let topics = names.iter().map(|name| {
            let new = assignments
                .iter()
                .map(|brokers| CreatePartitionsAssignment {
                    broker_ids: brokers.iter().copied().map(BrokerId).collect(),
                });
            CreatePartitionsTopic {
                name: TopicName(name),
                count,
                assignments: (!assignments.is_empty()).then(|| new.collect()),
            }
        });
        let request = CreatePartitionsRequest {
            topics: topics.collect(),
            timeout_ms: TIMEOUT_MS,
            validate_only: false,
        };
        let answer = cluster.call_controller(&request)?;
        let response: CreatePartitionsResponse<'_> = answer.decode()?;
        response
            .results
            .iter()
            .try_for_each(|topic| failed(topic.error_code, topic.error_message))
    }

    fn delete(&self, cluster: &Cluster) -> Outcome {
        for name in self.existing(cluster)? {
            crate::client::admin::delete_topic(cluster, &name)?;
        }
        Ok(())
    }

    fn describe(&self, cluster: &Cluster) -> Outcome {
        let names = match self.topic_id {
            Some(id) => {
                cluster.refresh(None, false)?;
                let known = cluster.known();
                let found = known.topics.iter().find(|(_, topic)| topic.id == id);
                let (name, _) = found.ok_or_else(|| {
                    Refusal::new(format_args!(
                        "Error while executing topic command : TopicId '{id}' does not exist as \
                         expected"
                    ))
                })?;
                vec![name.to_string()]
            }
            None if self.topic.is_some() => self.existing(cluster)?,
            None => self.matching(cluster)?,
        };
        let mut out = String::new();
        let mut json = Vec::new();
        let limit = self.partition_size_limit_per_response.unwrap_or(2000);
        let live = cluster.known().brokers;
        for described in describe_topics(cluster, &names, limit)? {
            let entries = describe(cluster, Kind::Topic, &[&described.name])?;
            let mut all = entries.iter().flatten();
            let min_isr = all.find(|entry| entry.name == "min.insync.replicas");
            let min_isr = min_isr.and_then(|entry| entry.value.as_deref()?.parse().ok());
            let wanted = |partition: &DescribeTopicPartitionsResponsePartition| {
                self.wants(partition, min_isr.unwrap_or(1), &live)
            };
            let configs: Vec<(String, String)> = entries
                .into_iter()
                .flatten()
                .filter(|entry| !entry.is_default())
                .map(|entry| (entry.name, entry.value.unwrap_or_default()))
                .collect();
            match self.json {
                true => json.push(described.json(&configs)),
                false => self.write(&mut out, &described, &configs, wanted),
            }
        }
        match self.json {
            true => print(&format!("{}\n", serde_json::Value::Array(json))),
            false => print(&out),
        }
    }

    /// Whether only partitions that something is wrong with are asked for.
    fn only_some(&self) -> bool {
        self.under_replicated_partitions
            || self.unavailable_partitions
            || self.under_min_isr_partitions
            || self.at_min_isr_partitions
    }

    fn wants(
        &self,
        partition: &DescribeTopicPartitionsResponsePartition,
        min_isr: usize,
        live: &BTreeMap<i32, Broker>,
    ) -> bool {
        let leader = partition.leader_id.0;
        let in_sync = partition.isr_nodes.len();
        !self.only_some()
            || self.under_replicated_partitions && in_sync < partition.replica_nodes.len()
            || self.unavailable_partitions && !live.contains_key(&leader)
            || self.under_min_isr_partitions && (leader < 0 || in_sync < min_isr)
            || self.at_min_isr_partitions && in_sync == min_isr
    }

    fn write(
        &self,
        out: &mut String,
        topic: &Described,
        configs: &[(String, String)],
        wanted: impl Fn(&DescribeTopicPartitionsResponsePartition) -> bool,
    ) {
        let Described {
            name,
            id,
            partitions,
        } = topic;
        if self.topics_with_overrides && configs.is_empty() {
            return;
        }
        if !self.only_some() {
            let replicas = partitions
                .first()
                .map_or(0, |first| first.replica_nodes.len());
            let configs: Vec<String> = configs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let _ = writeln!(
                out,
                "Topic: {name}\tTopicId: {id}\tPartitionCount: {}\tReplicationFactor: \
                 {replicas}\tConfigs: {}",
                partitions.len(),
                configs.join(",")
            );
        }
        if self.topics_with_overrides {
            return;
        }
        for partition in partitions.iter().filter(|partition| wanted(partition)) {
            let leader = match partition.leader_id.0 {
                -1 => "none".to_owned(),
                leader => leader.to_string(),
            };
            let elr = |ids: &Option<Vec<BrokerId>>| {
                ids.as_deref().map_or_else(|| "N/A".to_owned(), joined)
            };
            let _ = writeln!(
                out,
                "\tTopic: {name}\tPartition: {}\tLeader: {leader}\tReplicas: {}\tIsr: {}\tElr: \
                 {}\tLastKnownElr: {}",
                partition.partition_index,
                joined(&partition.replica_nodes),
                joined(&partition.isr_nodes),
                elr(&partition.eligible_leader_replicas),
                elr(&partition.last_known_elr),
            );
        }
    }

    /// Names that fit `--topic`, sorted; all of them without it.
    fn matching(&self, cluster: &Cluster) -> Result<Vec<String>, Refusal> {
        cluster.refresh(None, false)?;
        let pattern = match &self.topic {
            Some(topic) => Some(pattern(topic)?),
            None => None,
        };
        let known = cluster.known();
        let fits = known.topics.iter().filter(|(name, topic)| {
            pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(name))
                && !(self.exclude_internal && topic.internal)
        });
        Ok(fits.map(|(name, _)| name.to_string()).collect())
    }

    /// As `matching`; none is refused unless `--if-exists`.
    fn existing(&self, cluster: &Cluster) -> Result<Vec<String>, Refusal> {
        let names = self.matching(cluster)?;
        match (&self.topic, names.is_empty() && !self.if_exists) {
            (Some(topic), true) => Err(Refusal::new(format_args!(
                "Error while executing topic command : Topic '{topic}' does not exist as expected"
            ))),
            _ => Ok(names),
        }
    }

    fn assignments(&self) -> Result<Vec<Vec<i32>>, Refusal> {
        let Some(text) = &self.replica_assignment else {
            return Ok(Vec::new());
        };
        let refuse = || {
            Refusal::new(format_args!(
                "--replica-assignment takes broker ids like 1:2,2:1, not '{text}'"
            ))
        };
        text.split(',')
            .map(|partition| {
                let brokers = partition.split(':').map(|id| id.trim().parse());
                brokers
                    .collect::<Result<Vec<i32>, _>>()
                    .map_err(|_| refuse())
            })
            .collect()
    }
}

const TIMEOUT_MS: i32 = 30_000;

impl Described {
    fn json(&self, configs: &[(String, String)]) -> serde_json::Value {
        let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
        let partitions = self.partitions.iter().map(|partition| {
            serde_json::json!({
                "partition": partition.partition_index,
                "leader": partition.leader_id.0,
                "leaderEpoch": partition.leader_epoch,
                "replicas": ids(&partition.replica_nodes),
                "isr": ids(&partition.isr_nodes),
            })
        });
        let configs: serde_json::Map<String, serde_json::Value> = configs
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        serde_json::json!({
            "topic": self.name,
            "topicId": self.id.to_string(),
            "partitions": partitions.collect::<Vec<_>>(),
            "configs": configs,
        })
    }
}

/// A pattern that must fit the whole name, as Kafka's tools take it (commas mean "or").
fn pattern(text: &str) -> Result<regex_lite::Regex, Refusal> {
    let alternatives = text.trim().replace(',', "|");
    regex_lite::Regex::new(&format!("^(?:{alternatives})$")).map_err(|error| {
        Refusal::new(format_args!(
            "--topic '{text}' is no regular expression: {error}"
        ))
    })
}

fn describe_topics(
    cluster: &Cluster,
    names: &[String],
    partitions_max: i32,
) -> Result<Vec<Described>, ClientError> {
    let mut described: Vec<Described> = Vec::new();
    let mut cursor: Option<(String, i32)> = None;
    while !names.is_empty() {
        let from = cursor.as_ref().map_or("", |(name, _)| name.as_str());
        let topics = names.iter().filter(|name| name.as_str() >= from);
        let request = DescribeTopicPartitionsRequest {
            topics: topics
                .map(|name| TopicRequest {
                    name: TopicName(name),
                })
                .collect(),
            response_partition_limit: partitions_max,
            cursor: cursor
                .as_ref()
                .map(|(name, index)| DescribeTopicPartitionsRequestCursor {
                    topic_name: TopicName(name),
                    partition_index: *index,
                }),
        };
        let answer = cluster.call_any(&request)?;
        let response: DescribeTopicPartitionsResponse<'_> = answer.decode()?;
        for topic in &response.topics {
            let name = topic.name.map(|name| name.0).unwrap_or_default();
            let checked = ClientError::check(topic.error_code, None, || format!("topic '{name}'"));
            match checked {
                // Deleted between the two calls.
                Err(error) if is_missing(&error) => continue,
                checked => checked?,
            }
            let partitions = topic.partitions.iter().cloned();
            match described.last_mut() {
                Some(last) if last.name == name => last.partitions.extend(partitions),
                _ => described.push(Described {
                    name: name.to_owned(),
                    id: topic.topic_id,
                    partitions: partitions.collect(),
                }),
            }
        }
        cursor = match &response.next_cursor {
            Some(next) => Some((next.topic_name.0.to_owned(), next.partition_index)),
            None => break,
        };
    }
    Ok(described)
}

fn failed(code: ErrorCode, message: Option<&str>) -> Outcome {
    match (code, message) {
        (ErrorCode::None, _) => Ok(()),
        (_, Some(message)) => Err(Refusal::new(format_args!(
            "Error while executing topic command : {message}"
        ))),
        (code, None) => Err(Refusal::new(format_args!(
            "Error while executing topic command : {code:?}"
        ))),
    }
}

fn joined(ids: &[BrokerId]) -> String {
    ids.iter()
        .map(|id| id.0.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_names() {
        let fits = pattern("a.*,b").unwrap();
        assert!(fits.is_match("abc"));
        assert!(fits.is_match("b"));
        assert!(!fits.is_match("bc"));
        assert!(pattern("(").is_err());
    }
}
