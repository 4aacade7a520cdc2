//! `ottla consumer-groups`: groups, their members, lag and offsets, as `kafka-consumer-groups`.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client::groups`.
//! Never:      changes an offset without `--execute`.

mod describe;
mod reset;

pub(super) use reset::{Scenario, datetime, report};

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use crate::client::{Cluster, groups};
use crate::protocol::ErrorCode;
use std::fmt::Write;
use std::sync::Arc;

/// The flags of `ottla consumer-groups`.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("action").required(true).args(
    ["list", "describe", "delete", "delete_offsets", "reset_offsets", "validate_regex"])))]
pub struct ConsumerGroups {
    /// List groups.
    #[arg(long)]
    list: bool,
    /// Show offsets and lag, members, or the state of groups.
    #[arg(long)]
    describe: bool,
    /// Delete groups that nobody is in.
    #[arg(long)]
    delete: bool,
    /// Delete offsets of a group.
    #[arg(long)]
    delete_offsets: bool,
    /// Set offsets of groups that nobody is in; shows what it would do unless --execute.
    #[arg(long)]
    reset_offsets: bool,
    /// Say whether a regular expression can be subscribed to; asks no broker.
    #[arg(long, value_name = "REGEX")]
    validate_regex: Option<String>,
    /// A group; may come again.
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// All groups.
    #[arg(long, conflicts_with = "group")]
    all_groups: bool,
    /// A topic, or TOPIC:0,1,2; may come again.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// All topics the group has offsets of.
    #[arg(long, conflicts_with = "topic")]
    all_topics: bool,
    /// With --describe: the members.
    #[arg(long)]
    members: bool,
    /// With --describe: offsets and lag, which is the default.
    #[arg(long, conflicts_with = "members")]
    offsets: bool,
    /// More about each.
    #[arg(long)]
    verbose: bool,
    /// With --list: the states too, or only groups in these states; with --describe: the state.
    #[arg(long, value_name = "STATES", num_args = 0..=1, default_missing_value = "")]
    state: Option<String>,
    /// With --list: the types too, or only groups of these types.
    #[arg(long, value_name = "TYPES", num_args = 0..=1, default_missing_value = "")]
    r#type: Option<String>,
    #[command(flatten)]
    reset: reset::Scenario,
    /// Do it.
    #[arg(long, conflicts_with = "dry_run")]
    execute: bool,
    /// Only show it, which is the default.
    #[arg(long)]
    dry_run: bool,
    /// Print the offsets as CSV, for --from-file.
    #[arg(long)]
    export: bool,
    /// How long to wait, in milliseconds; the client's own default without it.
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
    #[command(flatten)]
    client: ClientFlags,
}

/// What consumers' groups may be.
const KINDS: &[&str] = &["classic", "consumer"];
const STATES: &[&str] = &[
    "Stable",
    "PreparingRebalance",
    "CompletingRebalance",
    "Assigning",
    "Reconciling",
    "Empty",
    "Dead",
];

fn check(what: &str, named: &[String], known: &[&str]) -> Outcome {
    let is_known = |name: &String| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    if named.iter().all(is_known) {
        return Ok(());
    }
    Err(Refusal::new(format_args!(
        "Invalid {what} list '{}'. Valid {}s are: {}",
        named.join(","),
        what.trim_end_matches('s'),
        known.join(", ")
    )))
}

fn validate(pattern: &str) -> Outcome {
    match regex_lite::Regex::new(pattern) {
        Ok(_) => print(&format!("The regular expression `{pattern}` is valid.\n")),
        Err(error) => Err(Refusal::new(format_args!(
            "The regular expression `{pattern}` is invalid: {error}."
        ))),
    }
}

impl ConsumerGroups {
    pub fn run(self) -> Outcome {
        if let Some(pattern) = &self.validate_regex {
            return validate(pattern);
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
            delete(&cluster, &groups)
        } else if self.delete_offsets {
            self.delete_offsets(&cluster, &groups)
        } else {
            reset::run(&self, &cluster, &groups)
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
        let all = groups::list(cluster, &[], KINDS)?.into_iter();
        Ok(all.map(|group| group.id).collect())
    }

    fn list(&self, cluster: &Arc<Cluster>) -> Outcome {
        let split = |text: &Option<String>| -> Vec<String> {
            let text = text.as_deref().unwrap_or_default();
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            items.map(str::to_owned).collect()
        };
        let (states, mut kinds) = (split(&self.state), split(&self.r#type));
        check("state", &states, STATES)?;
        check("types", &kinds, KINDS)?;
        if kinds.is_empty() {
            kinds = KINDS.iter().map(|kind| (*kind).to_owned()).collect();
        }
        fn texts(items: &[String]) -> Vec<&str> {
            items.iter().map(String::as_str).collect()
        }
        let listed = groups::list(cluster, &texts(&states), &texts(&kinds))?;
        // Classic groups of others than consumers are not this tool's.
        let listed: Vec<_> = listed
            .into_iter()
            .filter(|group| matches!(group.protocol.as_str(), "" | "consumer"))
            .collect();
        let mut out = String::new();
        let width = listed
            .iter()
            .map(|group| group.id.len())
            .max()
            .unwrap_or(0)
            .max(15);
        let (with_kind, with_state) = (self.r#type.is_some(), self.state.is_some());
        let mut line = |id: &str, kind: &str, state: &str| {
            let _ = match (with_kind, with_state) {
                (false, false) => writeln!(out, "{id}"),
                (true, false) => writeln!(out, "{id:<width$} {kind}"),
                (false, true) => writeln!(out, "{id:<width$} {state}"),
                (true, true) => writeln!(out, "{id:<width$} {kind:<20} {state}"),
            };
        };
        if with_kind || with_state {
            line("GROUP", "TYPE", "STATE");
        }
        for group in &listed {
            line(&group.id, &capitalized(&group.kind), &group.state);
        }
        print(&out)
    }

    fn delete_offsets(&self, cluster: &Arc<Cluster>, groups: &[String]) -> Outcome {
        let [group] = groups else {
            return Err(Refusal::new("--delete-offsets takes one --group"));
        };
        let places = topics(cluster, &self.topic)?;
        if places.is_empty() {
            return Err(Refusal::new("name topics with --topic"));
        }
        let results = groups::delete_offsets(cluster, group, &places)?;
        let refused = results
            .iter()
            .filter(|(.., code)| *code != ErrorCode::None)
            .count();
        let mut out = match refused {
            0 => format!("Request succeeded for deleting offsets from group {group}.\n"),
            _ => "Encountered some partition-level error, see the follow-up details.\n".to_owned(),
        };
        let _ = writeln!(
            out,
            "\n{:<30} {:<15} {:<15}",
            "TOPIC", "PARTITION", "STATUS"
        );
        for (topic, partition, code) in &results {
            let status = match code {
                ErrorCode::None => "Successful".to_owned(),
                code => format!("Error: {code:?}"),
            };
            let _ = writeln!(out, "{topic:<30} {partition:<15} {status:<15}");
        }
        print(&out)?;
        match refused {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "{count} offsets were not deleted"
            ))),
        }
    }
}

fn delete(cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
    let mut failed = Vec::new();
    let mut done = Vec::new();
    for group in wanted {
        match groups::delete(cluster, group) {
            Ok(()) => done.push(format!("'{group}'")),
            Err(error) => failed.push((group, error)),
        }
    }
    if failed.is_empty() {
        let done = done.join(", ");
        return print(&format!(
            "Deletion of requested consumer groups ({done}) was successful.\n"
        ));
    }
    let mut out = "\nError: Deletion of some consumer groups failed:\n".to_owned();
    for (group, error) in &failed {
        let _ = writeln!(
            out,
            "* Group '{group}' could not be deleted due to: {error}"
        );
    }
    if !done.is_empty() {
        let done = done.join(", ");
        let _ = writeln!(
            out,
            "\nThese consumer groups were deleted successfully: {done}"
        );
    }
    print(&out)?;
    Err(Refusal::new(format_args!(
        "{} groups were not deleted",
        failed.len()
    )))
}

/// TOPIC or TOPIC:0,1 each, as partitions there are.
pub(super) fn topics(
    cluster: &Arc<Cluster>,
    named: &[String],
) -> Result<Vec<(String, i32)>, Refusal> {
    let known = cluster.known();
    let mut places = Vec::new();
    for name in named {
        // A topic's name has no colon.
        let (topic, partitions) = match name.split_once(':') {
            Some((topic, list)) => (topic, Some(list)),
            None => (name.as_str(), None),
        };
        let found = known.topics.get(topic);
        let found = found.ok_or_else(|| {
            Refusal::new(format_args!(
                "topic '{topic}' does not exist; name another one"
            ))
        })?;
        match partitions {
            None => {
                let partitions = found.partitions.iter();
                places.extend(partitions.map(|partition| (topic.to_owned(), partition.index)));
            }
            Some(list) => {
                for number in list.split(',') {
                    let partition = number.trim().parse().map_err(|_| {
                        Refusal::new(format_args!("--topic {name}: '{number}' is no partition"))
                    })?;
                    places.push((topic.to_owned(), partition));
                }
            }
        }
    }
    Ok(places)
}

pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
