//! `ottla leader-election`: elects leaders, as `kafka-leader-election` does.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      elects a replica that is not in sync unless it was asked for by its name, unclean.

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use super::partition_file;
use crate::client::{ClientError, Cluster};
use crate::protocol::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, TopicPartitions,
};
use crate::protocol::{ErrorCode, TopicName};
use serde_json::json;
use std::path::PathBuf;

/// The flags of `ottla leader-election`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct LeaderElection {
    /// Who may lead: the preferred replica, or any that is live (unclean).
    #[arg(long, value_name = "TYPE", value_parser = ["preferred", "unclean"],
        ignore_case = true)]
    election_type: String,
    /// Every partition.
    #[arg(long, group = "which")]
    all_topic_partitions: bool,
    /// One topic; --partition says which of its partitions.
    #[arg(long, value_name = "NAME", group = "which", requires = "partition")]
    topic: Option<String>,
    /// One partition of --topic.
    #[arg(long, value_name = "N", requires = "topic")]
    partition: Option<i32>,
    /// A JSON file: {"partitions": [{"topic": "a", "partition": 1}]}.
    #[arg(long, value_name = "FILE", group = "which")]
    path_to_json_file: Option<PathBuf>,
    /// A properties file with Kafka's client properties (as --command-config).
    #[arg(
        long = "admin.config",
        visible_alias = "admin-config",
        value_name = "FILE"
    )]
    admin_config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

/// A partition by its topic and number.
type Partition = (String, i32);

impl LeaderElection {
    pub fn run(mut self) -> Outcome {
        if let Some(file) = self.admin_config.take() {
            self.client.command_config.get_or_insert(file);
        }
        let asked = self.asked()?;
        let cluster = Cluster::connect(self.client.config()?)?;
        let is_unclean = self.election_type.eq_ignore_ascii_case("unclean");
        let topics = asked.as_ref().map(|asked| {
            let one = |(topic, partition): &'_ Partition| (topic.clone(), vec![*partition]);
            asked.iter().map(one).collect::<Vec<_>>()
        });
        let request = ElectLeadersRequest {
            election_type: i8::from(is_unclean),
            topic_partitions: topics.as_ref().map(|topics| {
                let one = |(topic, partitions)| TopicPartitions { topic, partitions };
                let topics = topics
                    .iter()
                    .map(|(topic, partitions)| (TopicName(topic), partitions.clone()));
                topics.map(one).collect()
            }),
            timeout_ms: 30_000,
        };
        let answer = cluster.call_controller(&request)?;
        let response: ElectLeadersResponse<'_> = answer.decode()?;
        ClientError::check(response.error_code, None, || "the election".to_owned())?;
        let mut elected = Elected::default();
        for topic in &response.replica_election_results {
            for partition in &topic.partition_result {
                let name = format!("{}-{}", topic.topic.0, partition.partition_id);
                let text = partition.error_message.unwrap_or_default().to_owned();
                elected.add(name, partition.error_code, text);
            }
        }
        elected.print(&self.election_type.to_uppercase(), self.json)
    }

    /// `None` is every partition.
    fn asked(&self) -> Result<Option<Vec<Partition>>, Refusal> {
        if let Some(file) = &self.path_to_json_file {
            return partition_file::read(file).map(Some);
        }
        let (Some(topic), Some(partition)) = (&self.topic, self.partition) else {
            return Ok(None);
        };
        Ok(Some(vec![(topic.clone(), partition)]))
    }
}

/// What came of each partition.
#[derive(Default)]
struct Elected {
    done: Vec<String>,
    not_needed: Vec<String>,
    failed: Vec<(String, ErrorCode, String)>,
}

impl Elected {
    fn add(&mut self, partition: String, code: ErrorCode, text: String) {
        match code {
            ErrorCode::None => self.done.push(partition),
            ErrorCode::ElectionNotNeeded => self.not_needed.push(partition),
            code => self.failed.push((partition, code, text)),
        }
    }

    fn print(&self, election_type: &str, json: bool) -> Outcome {
        if json {
            let failed = self.failed.iter().map(|(partition, code, text)| {
                json!({ "partition": partition, "error": code.name(), "message": text })
            });
            print(&format!(
                "{}\n",
                json!({
                    "elected": self.done, "notNeeded": self.not_needed,
                    "failed": failed.collect::<Vec<_>>(),
                })
            ))?;
        } else {
            self.print_lines(election_type)?;
        }
        match self.failed.len() {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "{count} replica(s) could not be elected"
            ))),
        }
    }

    fn print_lines(&self, election_type: &str) -> Outcome {
        if !self.done.is_empty() {
            print(&format!(
                "Successfully completed leader election ({election_type}) for partitions {}\n",
                self.done.join(", ")
            ))?;
        }
        if !self.not_needed.is_empty() {
            print(&format!(
                "Valid replica already elected for partitions {}\n",
                self.not_needed.join(", ")
            ))?;
        }
        for (partition, _, text) in &self.failed {
            print(&format!(
                "Error completing leader election ({election_type}) for partition: {partition}: \
                 {text}\n"
            ))?;
        }
        Ok(())
    }
}
