//! `ottla share-groups`: share groups, their members, lag and offsets, as `kafka-share-groups`.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client::share_groups`, ListOffsets for what times and ends mean.
//! Never:      changes an offset without `--execute`.

use super::ClientFlags;
use super::consumer_groups::{datetime, topics};
use super::output::{Outcome, Refusal, note, print};
use crate::client::admin::{OffsetSpec, list_offsets};
use crate::client::groups::{self, Partitions};
use crate::client::share_groups::{self, ShareGroup};
use crate::client::{ClientError, Cluster};
use crate::protocol::ErrorCode;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// The flags of `ottla share-groups`.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("action").required(true).args(
    ["list", "describe", "delete", "reset_offsets", "delete_offsets"])))]
pub struct ShareGroups {
    /// List share groups.
    #[arg(long)]
    list: bool,
    /// Show offsets and lag, members, or the state of groups.
    #[arg(long)]
    describe: bool,
    /// Delete groups that nobody is in.
    #[arg(long)]
    delete: bool,
    /// Set where a group that nobody is in reads on; takes --dry-run or --execute.
    #[arg(long)]
    reset_offsets: bool,
    /// Have a group that nobody is in forget topics.
    #[arg(long)]
    delete_offsets: bool,
    /// A group; may come again.
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// All share groups.
    #[arg(long, conflicts_with = "group")]
    all_groups: bool,
    /// A topic, or TOPIC:0,1,2; may come again.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// All topics the group knows.
    #[arg(long, conflicts_with = "topic")]
    all_topics: bool,
    /// With --describe: the members.
    #[arg(long, requires = "describe")]
    members: bool,
    /// With --describe: offsets and lag, which is the default.
    #[arg(long, requires = "describe", conflicts_with = "members")]
    offsets: bool,
    /// With --list: the states too, or only groups in these states; with --describe: the state.
    #[arg(long, value_name = "STATES", num_args = 0..=1, default_missing_value = "")]
    state: Option<String>,
    /// More about each.
    #[arg(long, requires = "describe")]
    verbose: bool,
    #[command(flatten)]
    scenario: Scenario,
    /// Do it.
    #[arg(long, conflicts_with = "dry_run")]
    execute: bool,
    /// Only show it.
    #[arg(long)]
    dry_run: bool,
    /// How long to wait, in milliseconds; the client's own default without it.
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
    #[command(flatten)]
    client: ClientFlags,
}

/// Where to; one of these.
#[derive(clap::Args, Debug)]
#[group(multiple = false)]
struct Scenario {
    /// To the first offset there is.
    #[arg(long)]
    to_earliest: bool,
    /// To the end.
    #[arg(long)]
    to_latest: bool,
    /// To a time: YYYY-MM-DDTHH:mm:SS.sss, in UTC unless it ends in Z or +HH:MM.
    #[arg(long, value_name = "TIME")]
    to_datetime: Option<String>,
}

/// What stands where there is nothing to tell.
const NONE: &str = "-";

/// Kafka's tool knows these.
const STATES: [&str; 3] = ["Empty", "Stable", "Dead"];

impl ShareGroups {
    pub fn run(self) -> Outcome {
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
            self.describe(&cluster, &groups)
        } else if self.delete {
            delete(&cluster, &groups)
        } else if self.delete_offsets {
            self.delete_offsets(&cluster, &groups)
        } else {
            self.reset(&cluster, &groups)
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
        let all = groups::list(cluster, &[], &["share"])?.into_iter();
        Ok(all.map(|group| group.id).collect())
    }

    fn list(&self, cluster: &Arc<Cluster>) -> Outcome {
        let mut states = Vec::new();
        let wanted = self.state.as_deref().unwrap_or_default();
        for name in wanted
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let known = STATES.iter().find(|known| known.eq_ignore_ascii_case(name));
            states.push(*known.ok_or_else(|| {
                Refusal::new(format_args!(
                    "Invalid state list '{wanted}'. Valid states are: {}",
                    STATES.join(", ")
                ))
            })?);
        }
        let listed = groups::list(cluster, &states, &["share"])?;
        let mut out = String::new();
        let longest = listed.iter().map(|group| group.id.len()).max();
        let width = longest.unwrap_or(0).max(15);
        if self.state.is_some() {
            let _ = writeln!(out, "{:<width$} STATE", "GROUP");
        }
        for group in &listed {
            let _ = match self.state {
                Some(_) => writeln!(out, "{:<width$} {}", group.id, group.state),
                None => writeln!(out, "{}", group.id),
            };
        }
        print(&out)
    }

    fn describe(&self, cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
        let mut wanted = wanted.to_vec();
        wanted.sort();
        let mut missing = 0;
        for name in &wanted {
            let Some(group) = share_groups::describe(cluster, name)? else {
                note(format_args!(
                    "\nError: Share group '{name}' does not exist."
                ));
                missing += 1;
                continue;
            };
            if self.members || self.state.is_some() {
                if group.state == "Empty" {
                    note(format_args!(
                        "\nShare group '{name}' has no active members."
                    ));
                }
                match self.members {
                    true => print(&members(&group, self.verbose))?,
                    false => print(&state(cluster, &group, self.verbose))?,
                }
            } else {
                print(&offsets(cluster, name, self.verbose)?)?;
            }
        }
        match missing {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!("{count} groups do not exist"))),
        }
    }

    fn delete_offsets(&self, cluster: &Arc<Cluster>, groups: &[String]) -> Outcome {
        let [group] = groups else {
            return Err(Refusal::new("--delete-offsets takes one --group"));
        };
        if self.topic.is_empty() {
            return Err(Refusal::new("name topics with --topic"));
        }
        let told = share_groups::delete_offsets(cluster, group, &self.topic)?;
        let longest = told.keys().map(String::len).max();
        let width = longest.unwrap_or(0).max(15);
        let mut out = format!("\n{:<width$} STATUS", "TOPIC");
        let mut refused = 0;
        for (topic, (code, message)) in &told {
            let status = match (code, message) {
                (ErrorCode::None, _) => "Successful".to_owned(),
                (_, Some(message)) => format!("Error: {message}"),
                (code, None) => format!("Error: {code:?}"),
            };
            refused += usize::from(*code != ErrorCode::None);
            let _ = write!(out, "\n{topic:<width$} {status}");
        }
        out.push('\n');
        print(&out)?;
        match refused {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "{count} topics were not forgotten"
            ))),
        }
    }

    fn reset(&self, cluster: &Arc<Cluster>, groups: &[String]) -> Outcome {
        let [group] = groups else {
            return Err(Refusal::new("--reset-offsets takes one --group"));
        };
        if !self.dry_run && !self.execute {
            return Err(Refusal::new("--reset-offsets takes --dry-run or --execute"));
        }
        if let Some(found) = share_groups::describe(cluster, group)?
            && !matches!(found.state.as_str(), "Empty" | "Dead")
        {
            return Err(Refusal::new(format_args!(
                "Share group '{group}' is not empty."
            )));
        }
        let places: Vec<(String, i32)> = if self.all_topics {
            share_groups::offsets(cluster, group)?.into_keys().collect()
        } else if self.topic.is_empty() {
            return Err(Refusal::new(
                "name topics with --topic, or take --all-topics",
            ));
        } else {
            topics(cluster, &self.topic)?
        };
        let listed = |spec: OffsetSpec| -> Result<Vec<i64>, ClientError> {
            let wanted: Vec<_> = places
                .iter()
                .map(|(topic, partition)| (topic.as_str(), *partition, spec))
                .collect();
            let listed = list_offsets(cluster, &wanted)?;
            Ok(listed.into_iter().map(|listed| listed.offset).collect())
        };
        let offsets = if self.scenario.to_earliest {
            listed(OffsetSpec::Earliest)?
        } else if self.scenario.to_latest {
            listed(OffsetSpec::Latest)?
        } else if let Some(text) = &self.scenario.to_datetime {
            let found = listed(OffsetSpec::Time(datetime(text)?))?;
            let ends = listed(OffsetSpec::Latest)?;
            let nearest = |(at, end): (i64, i64)| if at < 0 { end } else { at };
            found.into_iter().zip(ends).map(nearest).collect()
        } else {
            return Err(Refusal::new(
                "say where to: --to-earliest, --to-latest or --to-datetime",
            ));
        };
        let offsets: BTreeMap<(String, i32), i64> = places.into_iter().zip(offsets).collect();
        if self.execute {
            share_groups::alter(cluster, group, &offsets)?;
        }
        let rows = offsets.iter().map(|((topic, partition), offset)| {
            vec![
                group.clone(),
                topic.clone(),
                partition.to_string(),
                offset.to_string(),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let columns = [
            ("GROUP", 15),
            ("TOPIC", 15),
            ("PARTITION", 10),
            ("NEW-OFFSET", 0),
        ];
        print(&table(&columns, &rows, &[0, 1]))
    }
}

fn offsets(cluster: &Arc<Cluster>, group: &str, verbose: bool) -> Result<String, ClientError> {
    let reached = share_groups::offsets(cluster, group)?;
    if reached.is_empty() {
        return Ok(format!(
            "\nShare group '{group}' has no offset information.\n"
        ));
    }
    let number = |number: i64, is_known: bool| match is_known {
        true => number.to_string(),
        false => NONE.to_owned(),
    };
    let mut columns = vec![("GROUP", 15), ("TOPIC", 15), ("PARTITION", 10)];
    if verbose {
        columns.push(("LEADER-EPOCH", 13));
    }
    columns.extend([("START-OFFSET", 13), ("LAG", 0)]);
    let rows: Vec<Vec<String>> = reached
        .iter()
        .map(|((topic, partition), reached)| {
            let is_known = reached.start >= 0;
            let mut row = vec![group.to_owned(), topic.clone(), partition.to_string()];
            if verbose {
                row.push(number(i64::from(reached.leader_epoch), is_known));
            }
            row.push(number(reached.start, is_known));
            row.push(number(reached.lag, is_known && reached.lag >= 0));
            row
        })
        .collect();
    Ok(table(&columns, &rows, &[0, 1]))
}

fn members(group: &ShareGroup, verbose: bool) -> String {
    if group.members.is_empty() {
        return String::new();
    }
    let mut columns = vec![
        ("GROUP", 15),
        ("CONSUMER-ID", 15),
        ("HOST", 15),
        ("CLIENT-ID", 15),
    ];
    columns.push(("#PARTITIONS", 12));
    if verbose {
        columns.push(("MEMBER-EPOCH", 13));
    }
    columns.push(("ASSIGNMENT", 0));
    let rows = group.members.iter().map(|member| {
        let count: usize = member.assigned.values().map(Vec::len).sum();
        let mut row = vec![group.id.clone(), member.id.clone(), member.host.clone()];
        row.extend([member.client_id.clone(), count.to_string()]);
        if verbose {
            row.push(member.epoch.to_string());
        }
        row.push(shown(&member.assigned));
        row
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table(&columns, &rows, &[0, 1, 2, 3])
}

fn state(cluster: &Arc<Cluster>, group: &ShareGroup, verbose: bool) -> String {
    let known = cluster.known();
    let broker = known.brokers.get(&group.coordinator);
    let address = broker.map_or(String::new(), |broker| broker.address.to_string());
    let mut columns = vec![("GROUP", 15), ("COORDINATOR (ID)", 25), ("STATE", 15)];
    let mut row = vec![
        group.id.clone(),
        format!("{address}  ({})", group.coordinator),
        group.state.clone(),
    ];
    if verbose {
        columns.extend([("GROUP-EPOCH", 12), ("ASSIGNMENT-EPOCH", 17)]);
        row.extend([group.epoch.to_string(), group.assignment_epoch.to_string()]);
    }
    columns.push(("#MEMBERS", 0));
    row.push(group.members.len().to_string());
    table(&columns, &[row], &[0, 1])
}

fn shown(partitions: &Partitions) -> String {
    let topics = partitions.iter().map(|(topic, partitions)| {
        let mut partitions = partitions.clone();
        partitions.sort_unstable();
        let numbers: Vec<String> = partitions.iter().map(i32::to_string).collect();
        format!("{topic}:{}", numbers.join(","))
    });
    topics.collect::<Vec<String>>().join(";")
}

/// An empty line, the names, the rows, as Kafka lays them out: the columns named in `grows` are as
/// wide as their widest cell, at least as given; the last is not padded.
fn table(columns: &[(&str, usize)], rows: &[Vec<String>], grows: &[usize]) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(place, (_, least))| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(place))
                .map(String::len);
            match grows.contains(&place) {
                true => cells.max().unwrap_or(0).max(*least),
                false => *least,
            }
        })
        .collect();
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        out.push('\n');
        for (place, (cell, width)) in cells.zip(&widths).enumerate() {
            let gap = if place == 0 { "" } else { " " };
            let _ = write!(out, "{gap}{cell:<width$}");
        }
    };
    line(&mut columns.iter().map(|(name, _)| *name));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    out.push('\n');
    out
}

fn delete(cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
    let listed = groups::list(cluster, &[], &["share"])?;
    let (mut failed, mut done) = (Vec::new(), Vec::new());
    for group in wanted {
        let known = listed.iter().find(|listed| listed.id == *group);
        let outcome = match known.map(|known| known.state.as_str()) {
            None => Err(format!("Group '{group}' is not a share group.")),
            Some("Empty") => groups::delete(cluster, group).map_err(|error| error.to_string()),
            Some(_) => Err(format!("Share group '{group}' is not EMPTY.")),
        };
        match outcome {
            Ok(()) => done.push(format!("'{group}'")),
            Err(why) => failed.push((group, why)),
        }
    }
    let done = done.join(", ");
    if failed.is_empty() {
        return print(&format!(
            "Deletion of requested share groups ({done}) was successful.\n"
        ));
    }
    let mut out = "\nError: Deletion of some share groups failed:\n".to_owned();
    for (group, why) in &failed {
        let _ = writeln!(out, "* Group '{group}' could not be deleted due to: {why}");
    }
    if !done.is_empty() {
        let _ = writeln!(
            out,
            "\nThese share groups were deleted successfully: {done}"
        );
    }
    print(&out)?;
    Err(Refusal::new(format_args!(
        "{} groups were not deleted",
        failed.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_laid_out_as_kafkas() {
        let columns = [("GROUP", 15), ("TOPIC", 15), ("PARTITION", 10), ("LAG", 0)];
        let row = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let rows = [row(&["a group with a name", "t", "0", "17"])];
        assert_eq!(
            table(&columns, &rows, &[0, 1]),
            "\nGROUP               TOPIC           PARTITION  LAG\
             \na group with a name t               0          17\n"
        );
    }
}
