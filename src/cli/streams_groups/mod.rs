//! `ottla streams-groups`: groups of Kafka Streams applications, as `kafka-streams-groups`.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client::streams_groups` and `client::groups`.
//! Never:      changes an offset or deletes a topic without being told to.

mod describe;

use super::ClientFlags;
use super::consumer_groups::{Scenario, capitalized, report, topics};
use super::output::{Outcome, Refusal, note, print};
use crate::client::admin::delete_topic;
use crate::client::streams_groups::{self, StreamsGroup};
use crate::client::{ClientError, Cluster, groups};
use crate::protocol::ErrorCode;
use std::fmt::Write;
use std::sync::Arc;

/// The flags of `ottla streams-groups`.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("action").required(true).args(
    ["list", "describe", "delete", "delete_offsets", "reset_offsets"])))]
pub struct StreamsGroups {
    /// List groups.
    #[arg(long)]
    list: bool,
    /// Show lag, members, or the state of groups.
    #[arg(long)]
    describe: bool,
    /// Delete groups that nobody is in.
    #[arg(long)]
    delete: bool,
    /// Delete offsets of a group.
    #[arg(long)]
    delete_offsets: bool,
    /// Set offsets of groups that nobody is in; takes --dry-run or --execute.
    #[arg(long, requires = "how")]
    reset_offsets: bool,
    /// A group; may come again.
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// All streams groups.
    #[arg(long, conflicts_with = "group")]
    all_groups: bool,
    /// An input topic, or TOPIC:0,1,2; may come again.
    #[arg(long, value_name = "TOPIC")]
    input_topic: Vec<String>,
    /// All source topics of the group's topology.
    #[arg(long, conflicts_with = "input_topic")]
    all_input_topics: bool,
    /// With --describe: the members and their tasks.
    #[arg(long, requires = "describe")]
    members: bool,
    /// With --describe: offsets and lag, which is the default.
    #[arg(long, requires = "describe", conflicts_with = "members")]
    offsets: bool,
    /// More about each.
    #[arg(long, requires = "describe")]
    verbose: bool,
    /// With --list: the states too, or only groups in these states; with --describe: the state.
    #[arg(long, value_name = "STATES", num_args = 0..=1, default_missing_value = "",
        conflicts_with_all = ["members", "offsets"])]
    state: Option<String>,
    #[command(flatten)]
    reset: Scenario,
    /// Do it.
    #[arg(long, group = "how", requires = "reset_offsets")]
    execute: bool,
    /// Only show it.
    #[arg(long, group = "how", requires = "reset_offsets")]
    dry_run: bool,
    /// Print the offsets as CSV, for --from-file.
    #[arg(long)]
    export: bool,
    /// With --reset-offsets --execute: delete this internal topic too; may come again.
    #[arg(long, value_name = "TOPIC", requires = "execute")]
    delete_internal_topic: Vec<String>,
    /// With --delete, or --reset-offsets --execute: delete all internal topics of the group too.
    #[arg(long)]
    delete_all_internal_topics: bool,
    /// How long to wait, in milliseconds; the client's own default without it.
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
    #[command(flatten)]
    client: ClientFlags,
}

/// How names of topics end that applications keep for themselves.
const INTERNAL_ENDS: [&str; 4] = [
    "-changelog",
    "-repartition",
    "-subscription-registration-topic",
    "-subscription-response-topic",
];

/// The states a streams group may be in.
const STATES: [&str; 6] = [
    "Empty",
    "NotReady",
    "Stable",
    "Assigning",
    "Reconciling",
    "Dead",
];

impl StreamsGroups {
    pub fn run(self) -> Outcome {
        if self.delete_all_internal_topics && !self.delete && !self.execute {
            return Err(Refusal::new(
                "--delete-all-internal-topics takes --delete, or --reset-offsets with --execute",
            ));
        }
        if self.delete && (self.all_input_topics || !self.input_topic.is_empty()) {
            return Err(Refusal::new(
                "Kafka Streams does not support topic-specific offset deletion from a streams \
                 group; --delete deletes groups whole",
            ));
        }
        let mut config = self.client.config()?;
        if let Some(timeout) = self.timeout {
            config.set("default.api.timeout.ms", &timeout.to_string())?;
        }
        let cluster = Cluster::connect(config)?;
        cluster.refresh(None, false)?;
        if self.list {
            return self.list(&cluster);
        }
        let groups = self.groups(&cluster)?;
        if self.describe {
            describe::run(&self, &cluster, &groups)
        } else if self.delete {
            self.delete(&cluster, &groups)
        } else if self.delete_offsets {
            self.delete_offsets(&cluster, &groups)
        } else {
            self.reset_offsets(&cluster, &groups)
        }
    }

    fn groups(&self, cluster: &Arc<Cluster>) -> Result<Vec<String>, Refusal> {
        if !self.all_groups {
            return match self.group.is_empty() {
                true => Err(Refusal::new(
                    "name groups with --group, or take --all-groups",
                )),
                false => Ok(self.group.clone()),
            };
        }
        let all = groups::list(cluster, &[], &["streams"])?.into_iter();
        Ok(all.map(|group| group.id).collect())
    }

    fn list(&self, cluster: &Arc<Cluster>) -> Outcome {
        let asked = self.state.as_deref().unwrap_or_default().split(',');
        let asked = asked.map(str::trim).filter(|state| !state.is_empty());
        let mut states = Vec::new();
        for state in asked {
            let known = STATES
                .iter()
                .find(|known| known.eq_ignore_ascii_case(state));
            states.push(*known.ok_or_else(|| {
                Refusal::new(format_args!(
                    "no streams group is ever '{state}'; the states are {}",
                    STATES.join(", ")
                ))
            })?);
        }
        let listed = groups::list(cluster, &states, &["streams"])?;
        let mut out = String::new();
        if self.state.is_none() {
            for group in &listed {
                let _ = writeln!(out, "{}", group.id);
            }
            return print(&out);
        }
        let widths = listed.iter().map(|group| group.id.len());
        let width = widths.max().unwrap_or(0).max(15);
        let _ = writeln!(out, "{:<width$} STATE", "GROUP");
        for group in &listed {
            let _ = writeln!(out, "{:<width$} {}", group.id, capitalized(&group.state));
        }
        print(&out)
    }

    fn delete(&self, cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        let mut topics_failed = 0;
        for group in wanted {
            let internal = match self.delete_one(cluster, group) {
                Ok(internal) => internal,
                Err(why) => {
                    failed.push((group, why));
                    continue;
                }
            };
            done.push(format!("'{group}'"));
            for topic in internal {
                if let Err(why) = delete_topic(cluster, &topic) {
                    note(format_args!(
                        "Failed to delete internal topic {topic}: {why}"
                    ));
                    let is_gone = why.code() == Some(ErrorCode::UnknownTopicOrPartition);
                    topics_failed += usize::from(!is_gone);
                }
            }
        }
        let mut out = String::new();
        if failed.is_empty() {
            let done = done.join(", ");
            let _ = writeln!(
                out,
                "Deletion of requested streams groups ({done}) was successful."
            );
        } else {
            let _ = writeln!(out, "\nError: Deletion of some streams groups failed:");
            for (group, why) in &failed {
                let _ = writeln!(out, "* Group '{group}' could not be deleted due to: {why}");
            }
            if !done.is_empty() {
                let done = done.join(", ");
                let _ = writeln!(
                    out,
                    "\nThese streams groups were deleted successfully: {done}."
                );
            }
        }
        if self.delete_all_internal_topics && !done.is_empty() && topics_failed == 0 {
            let done = done.join(", ");
            let _ = writeln!(
                out,
                "Deletion of associated internal topics of the streams groups ({done}) was \
                 successful."
            );
        }
        print(&out)?;
        match failed.len() + topics_failed {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "{count} groups or topics were not deleted"
            ))),
        }
    }

    /// Deletes a group; its internal topics that shall go too.
    fn delete_one(&self, cluster: &Arc<Cluster>, group: &str) -> Result<Vec<String>, String> {
        let text = |error: ClientError| error.to_string();
        let listed = groups::list(cluster, &[], &["streams"]).map_err(text)?;
        let found = listed.iter().find(|listed| listed.id == group);
        match found.map(|found| found.state.as_str()) {
            None => return Err("it does not exist or is not a streams group".to_owned()),
            Some("Empty") => {}
            Some(state) => return Err(format!("it is {state}, not Empty; stop its members")),
        }
        let internal = match self.delete_all_internal_topics {
            true => inferred(&streams_groups::describe(cluster, group).map_err(text)?),
            false => Vec::new(),
        };
        groups::delete(cluster, group).map_err(text)?;
        Ok(internal)
    }

    fn delete_offsets(&self, cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
        let [group] = wanted else {
            return Err(Refusal::new("--delete-offsets takes one --group"));
        };
        let places = self.places(cluster, group)?;
        let results = groups::delete_offsets(cluster, group, &places)?;
        let refused = results.iter().filter(|(.., code)| *code != ErrorCode::None);
        let refused = refused.count();
        let mut out = match refused {
            0 => format!("Request succeeded for deleting offsets from group {group}.\n"),
            _ => "\nError: Encountered some partition-level error, see the follow-up details.\n"
                .to_owned(),
        };
        let widths = results.iter().map(|(topic, ..)| topic.len());
        let width = widths.max().unwrap_or(0).max(15);
        let head = ("TOPIC", "PARTITION", "STATUS");
        let _ = write!(out, "\n{:<width$} {:<10} {:<15}", head.0, head.1, head.2);
        for (topic, partition, code) in &results {
            let status = match code {
                ErrorCode::None => "Successful".to_owned(),
                code => format!("Error: {code:?}"),
            };
            let _ = write!(out, "\n{topic:<width$} {partition:<10} {status:<15}");
        }
        out.push('\n');
        print(&out)?;
        match refused {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "{count} offsets were not deleted"
            ))),
        }
    }

    /// The partitions whose offsets are meant.
    fn places(&self, cluster: &Arc<Cluster>, group: &str) -> Result<Vec<(String, i32)>, Refusal> {
        if self.all_input_topics {
            let described = streams_groups::describe(cluster, group)?;
            let sources = described.sources();
            let committed = groups::offsets(cluster, group)?.into_keys();
            return Ok(committed
                .filter(|(topic, _)| sources.contains(topic.as_str()))
                .collect());
        }
        match self.input_topic.is_empty() {
            true => Err(Refusal::new(
                "name topics with --input-topic, or take --all-input-topics",
            )),
            false => topics(cluster, &self.input_topic),
        }
    }

    fn reset_offsets(&self, cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
        let mut prepared = Vec::new();
        for group in wanted {
            match streams_groups::describe(cluster, group) {
                Ok(found) if !matches!(found.state.as_str(), "Empty" | "Dead") => {
                    return Err(Refusal::new(format_args!(
                        "Assignments can only be reset if the group '{group}' is inactive, but \
                         the current state is {}; stop its members",
                        found.state
                    )));
                }
                Ok(_) => {}
                Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => {}
                Err(error) => return Err(error.into()),
            }
            let committed = groups::offsets(cluster, group)?;
            let places = match self.reset.is_from_file() {
                true => Vec::new(),
                false => self.places(cluster, group)?,
            };
            if let Some((topic, _)) = places.iter().find(|place| !committed.contains_key(*place)) {
                return Err(Refusal::new(format_args!(
                    "topic '{topic}' is not part of the group '{group}'; name its input topics"
                )));
            }
            let several = wanted.len() > 1;
            let offsets = self
                .reset
                .offsets(cluster, group, &places, &committed, several)?;
            prepared.push((group, offsets));
        }
        if self.execute {
            for (group, offsets) in &prepared {
                groups::commit(cluster, group, offsets)?;
                self.delete_internal(cluster, group)?;
            }
        }
        print(&report(&prepared, self.export))
    }

    /// What the application keeps is of no use from other offsets on.
    fn delete_internal(&self, cluster: &Arc<Cluster>, group: &str) -> Outcome {
        let topics = match self.delete_all_internal_topics {
            true => inferred(&streams_groups::describe(cluster, group)?),
            false => self.delete_internal_topic.clone(),
        };
        for topic in topics {
            match delete_topic(cluster, &topic) {
                Err(error) if error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {
                    note(format_args!("internal topic {topic} does not exist"));
                }
                done => done?,
            }
        }
        Ok(())
    }
}

/// Internal topics that are the group's by their names, too.
fn inferred(group: &StreamsGroup) -> Vec<String> {
    let prefix = format!("{}-", group.id);
    let mut topics = Vec::new();
    for topic in group.internal_topics() {
        let foreign_key =
            topic.contains("-KTABLE-FK-JOIN-SUBSCRIPTION-") && topic.ends_with("-topic");
        let is_internal = INTERNAL_ENDS.iter().any(|end| topic.ends_with(end)) || foreign_key;
        match topic.starts_with(&prefix) && is_internal {
            true => topics.push(topic.to_owned()),
            false => note(format_args!(
                "The internal topic '{topic}' is not inferred as internal and thus will not be \
                 deleted with the group '{}'.",
                group.id
            )),
        }
    }
    topics
}
