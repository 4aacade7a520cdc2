//! `ottla log-dirs`: what lies in the brokers' log dirs, as `kafka-log-dirs` prints it.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      looks at a disk itself.

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use crate::client::Cluster;
use crate::protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsRequest, DescribeLogDirsResponse,
};
use crate::protocol::{ErrorCode, TopicName};
use serde_json::{Value, json};

/// The flags of `ottla log-dirs`.
#[derive(clap::Args, Debug)]
pub struct LogDirs {
    /// Describe the log dirs (there is nothing else to do).
    #[arg(long, required = true)]
    describe: bool,
    /// Only these topics: a,b.
    #[arg(long, value_name = "LIST")]
    topic_list: Option<String>,
    /// Only these brokers: 1,2.
    #[arg(long, value_name = "LIST")]
    broker_list: Option<String>,
    /// Print the JSON alone.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

impl LogDirs {
    pub fn run(self) -> Outcome {
        let cluster = Cluster::connect(self.client.config()?)?;
        let known = cluster.known();
        let brokers: Vec<i32> = match &self.broker_list {
            None => known.brokers.keys().copied().collect(),
            Some(list) => {
                let parsed: Result<Vec<i32>, _> =
                    list.split(',').map(|id| id.trim().parse()).collect();
                parsed.map_err(|_| {
                    Refusal::new(format_args!("--broker-list takes broker ids, not '{list}'"))
                })?
            }
        };
        if let Some(unknown) = brokers.iter().find(|id| !known.brokers.contains_key(id)) {
            return Err(Refusal::new(format_args!(
                "ERROR: The given brokers do not exist from --broker-list: {unknown}"
            )));
        }
        let topics = match &self.topic_list {
            None => None,
            Some(list) => Some(self.topics(&cluster, list)?),
        };
        if !self.json {
            print("Querying brokers for log directories information\n")?;
        }
        let mut described = Vec::new();
        for broker in &brokers {
            described
                .push(json!({ "broker": broker, "logDirs": ask(&cluster, *broker, &topics)? }));
        }
        if !self.json {
            let shown: Vec<String> = brokers.iter().map(ToString::to_string).collect();
            let shown = shown.join(",");
            print(&format!(
                "Received log directory information from brokers {shown}\n"
            ))?;
        }
        print(&format!(
            "{}\n",
            json!({ "version": 1, "brokers": described })
        ))
    }

    /// Every partition of the topics named.
    fn topics(&self, cluster: &Cluster, list: &str) -> Result<Vec<(String, Vec<i32>)>, Refusal> {
        let names: Vec<&str> = list.split(',').map(str::trim).collect();
        cluster.refresh(Some(&names), false)?;
        let known = cluster.known();
        let mut topics = Vec::new();
        for name in names {
            let topic = known.topics.get(name).ok_or_else(|| {
                Refusal::new(format_args!("--topic-list: topic '{name}' does not exist"))
            })?;
            let partitions = topic.partitions.iter().map(|partition| partition.index);
            topics.push((name.to_owned(), partitions.collect()));
        }
        Ok(topics)
    }
}

fn ask<'a>(
    cluster: &Cluster,
    broker: i32,
    topics: &'a Option<Vec<(String, Vec<i32>)>>,
) -> Result<Vec<Value>, Refusal> {
    let asked = topics.as_ref().map(|topics| {
        let topic = |(name, partitions): &'a (String, Vec<i32>)| DescribableLogDirTopic {
            topic: TopicName(name),
            partitions: partitions.clone(),
        };
        topics.iter().map(topic).collect()
    });
    let request = DescribeLogDirsRequest { topics: asked };
    let answer = cluster.call_broker(broker, &request)?;
    let response: DescribeLogDirsResponse<'_> = answer.decode()?;
    let dirs = response.results.iter().map(|dir| {
        let error = match dir.error_code {
            ErrorCode::None => Value::Null,
            code => Value::String(format!("{code:?}")),
        };
        let partitions = dir.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| {
                json!({
                    "partition": format!("{}-{}", topic.name.0, partition.partition_index),
                    "size": partition.partition_size,
                    "offsetLag": partition.offset_lag,
                    "isFuture": partition.is_future_key,
                })
            })
        });
        let partitions: Vec<Value> = partitions.collect();
        json!({ "partitions": partitions, "error": error, "logDir": dir.log_dir })
    });
    Ok(dirs.collect())
}
