//! `consumer-groups --describe`: offsets with lag, members, states.
//!
//! Room:       `cli`, part of a tool.
//! Called by:  `consumer_groups`.
//! Calls:      `client::groups`, ListOffsets for where the logs end.
//! Never:      leaves out a partition that has an owner or an offset.

use super::ConsumerGroups;
use crate::cli::output::{Outcome, Refusal, note, print};
use crate::client::Cluster;
use crate::client::admin::{OffsetSpec, list_offsets};
use crate::client::groups::{self, DescribedGroup, DescribedMember, Partitions};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// What stands where there is nothing to tell.
const NONE: &str = "-";

pub fn run(flags: &ConsumerGroups, cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
    let mut missing = 0;
    for name in wanted {
        let Some(group) = groups::describe(cluster, name)? else {
            note(format_args!(
                "\nError: Consumer group '{name}' does not exist."
            ));
            missing += 1;
            continue;
        };
        if flags.state.is_some() {
            print(&state(cluster, &group, flags.verbose))?;
            continue;
        }
        match group.state.as_str() {
            "Empty" => note(format_args!(
                "\nConsumer group '{name}' has no active members."
            )),
            "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => {
                note(format_args!(
                    "\nWarning: Consumer group '{name}' is rebalancing."
                ));
            }
            _ => {}
        }
        match flags.members {
            true => print(&members(&group, flags.verbose))?,
            false => print(&offsets(cluster, &group, flags.verbose)?)?,
        }
    }
    match missing {
        0 => Ok(()),
        count => Err(Refusal::new(format_args!("{count} groups do not exist"))),
    }
}

fn offsets(
    cluster: &Arc<Cluster>,
    group: &DescribedGroup,
    verbose: bool,
) -> Result<String, Refusal> {
    let committed = groups::offsets(cluster, &group.id)?;
    let mut owners: BTreeMap<(String, i32), &DescribedMember> = BTreeMap::new();
    for member in &group.members {
        for (topic, partitions) in &member.assigned {
            let places = partitions
                .iter()
                .map(|partition| (topic.clone(), *partition));
            owners.extend(places.map(|place| (place, member)));
        }
    }
    let places: BTreeSet<&(String, i32)> = committed.keys().chain(owners.keys()).collect();
    let known: Vec<_> = places
        .iter()
        .filter(|(topic, partition)| cluster.leader(topic, *partition).is_some())
        .map(|(topic, partition)| (topic.as_str(), *partition, OffsetSpec::Latest))
        .collect();
    let ends = list_offsets(cluster, &known)?;
    let ends: BTreeMap<(&str, i32), i64> = known
        .iter()
        .zip(ends)
        .map(|((topic, partition, _), end)| ((*topic, *partition), end.offset))
        .collect();
    let mut rows = Vec::new();
    for place in places {
        let at = committed.get(place).filter(|(offset, _)| *offset >= 0);
        let end = ends.get(&(place.0.as_str(), place.1));
        let lag = at.zip(end).map(|((at, _), end)| (end - at).max(0));
        let member = owners.get(place);
        let number = |number: Option<i64>| number.map_or(NONE.to_owned(), |n| n.to_string());
        let text = |text: Option<&String>| text.cloned().unwrap_or_else(|| NONE.to_owned());
        let epoch = at
            .map(|(_, epoch)| i64::from(*epoch))
            .filter(|epoch| *epoch >= 0);
        let mut row = vec![group.id.clone(), place.0.clone(), place.1.to_string()];
        if verbose {
            row.push(number(epoch));
        }
        row.extend([
            number(at.map(|(at, _)| *at)),
            number(end.copied()),
            number(lag),
        ]);
        row.push(text(member.map(|member| &member.id)));
        row.push(text(member.map(|member| &member.host)));
        row.push(text(member.map(|member| &member.client_id)));
        rows.push(row);
    }
    let mut columns = vec![("GROUP", 15), ("TOPIC", 15), ("PARTITION", 10)];
    if verbose {
        columns.push(("LEADER-EPOCH", 15));
    }
    columns.extend([("CURRENT-OFFSET", 15), ("LOG-END-OFFSET", 15), ("LAG", 15)]);
    columns.extend([("CONSUMER-ID", 15), ("HOST", 15), ("CLIENT-ID", 0)]);
    Ok(match rows.is_empty() {
        true => String::new(),
        false => table(&columns, &rows),
    })
}

fn members(group: &DescribedGroup, verbose: bool) -> String {
    let statics = group.members.iter().any(|member| member.instance.is_some());
    let mut columns = vec![("GROUP", 15), ("CONSUMER-ID", 15)];
    if statics {
        columns.push(("GROUP-INSTANCE-ID", 17));
    }
    columns.extend([("HOST", 15), ("CLIENT-ID", 15), ("#PARTITIONS", 15)]);
    if verbose {
        columns.extend([("CURRENT-EPOCH", 15), ("CURRENT-ASSIGNMENT", 20)]);
        columns.extend([("TARGET-EPOCH", 15), ("TARGET-ASSIGNMENT", 0)]);
    }
    let mut rows = Vec::new();
    for member in &group.members {
        let count: usize = member.assigned.values().map(Vec::len).sum();
        let mut row = vec![group.id.clone(), member.id.clone()];
        if statics {
            row.push(member.instance.clone().unwrap_or_else(|| NONE.to_owned()));
        }
        row.extend([
            member.host.clone(),
            member.client_id.clone(),
            count.to_string(),
        ]);
        if verbose {
            let epoch = |epoch: Option<i32>| epoch.map_or(NONE.to_owned(), |e| e.to_string());
            let current = Some(member.epoch).filter(|epoch| *epoch >= 0);
            row.extend([epoch(current), shown(&member.assigned)]);
            let target = group.epochs.map(|(_, assignment)| assignment);
            // A classic group has no target: what it was given is all there is.
            let aim = target.map_or(NONE.to_owned(), |_| shown(&member.target));
            row.extend([epoch(target), aim]);
        }
        rows.push(row);
    }
    table(&columns, &rows)
}

fn shown(partitions: &Partitions) -> String {
    let topics = partitions
        .iter()
        .filter(|(_, partitions)| !partitions.is_empty());
    let topics = topics.map(|(topic, partitions)| {
        let numbers: Vec<String> = partitions.iter().map(i32::to_string).collect();
        format!("{topic}:{}", numbers.join(","))
    });
    let all: Vec<String> = topics.collect();
    match all.is_empty() {
        true => NONE.to_owned(),
        false => all.join(";"),
    }
}

fn state(cluster: &Arc<Cluster>, group: &DescribedGroup, verbose: bool) -> String {
    let known = cluster.known();
    let broker = known.brokers.get(&group.coordinator);
    let address = broker.map_or(String::new(), |broker| broker.address.to_string());
    let assignor = match group.assignor.as_str() {
        "" => NONE,
        assignor => assignor,
    };
    let mut columns = vec![("GROUP", 15), ("COORDINATOR (ID)", 25)];
    columns.extend([("ASSIGNMENT-STRATEGY", 20), ("STATE", 15)]);
    let mut row = vec![
        group.id.clone(),
        format!("{address} ({})", group.coordinator),
        assignor.to_owned(),
        group.state.clone(),
    ];
    if verbose {
        columns.extend([("GROUP-EPOCH", 15), ("TARGET-ASSIGNMENT-EPOCH", 25)]);
        let epochs = group.epochs.map(|(of, target)| [of, target]);
        row.extend(match epochs {
            Some(epochs) => epochs.map(|epoch| epoch.to_string()),
            None => [NONE, NONE].map(str::to_owned),
        });
    }
    columns.push(("#MEMBERS", 0));
    row.push(group.members.len().to_string());
    table(&columns, &[row])
}

/// An empty line, the names, the rows; each column as wide as its widest cell, at least as given.
fn table(columns: &[(&str, usize)], rows: &[Vec<String>]) -> String {
    let width = |place: usize, (name, least): (&str, usize)| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(place))
            .map(String::len);
        cells.max().unwrap_or(0).max(least).max(name.len())
    };
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(n, c)| width(n, *c))
        .collect();
    let mut out = "\n".to_owned();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(text, "{cell:<width$} ");
        }
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line(&mut columns.iter().map(|(name, _)| *name));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    out
}
