//! `streams-groups --describe`: lag, members with their tasks, states.
//!
//! Room:       `cli`, part of a tool.
//! Called by:  `streams_groups`.
//! Calls:      `client::streams_groups`, ListOffsets for where the logs begin and end.
//! Never:      leaves out a partition that some member's active task reads.

use super::StreamsGroups;
use crate::cli::output::{Outcome, Refusal, note, print};
use crate::client::admin::{OffsetSpec, list_offsets};
use crate::client::streams_groups::{self, StreamsGroup, StreamsMember};
use crate::client::{Cluster, groups};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

pub fn run(flags: &StreamsGroups, cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
    for name in wanted {
        let group = streams_groups::describe(cluster, name)?;
        let text = match (flags.state.is_some(), group.members.is_empty()) {
            (true, _) => state(cluster, &group, flags.verbose),
            (false, true) => {
                note(format_args!(
                    "Streams group '{name}' has no active members."
                ));
                continue;
            }
            (false, false) if flags.members => members(&group, flags.verbose),
            (false, false) => offsets(cluster, &group, flags.verbose)?,
        };
        print(&text)?;
    }
    Ok(())
}

fn offsets(cluster: &Arc<Cluster>, group: &StreamsGroup, verbose: bool) -> Result<String, Refusal> {
    let mut places: BTreeSet<(&str, i32)> = BTreeSet::new();
    for member in &group.members {
        for (subtopology, partitions) in &member.assigned.active {
            let Some(topics) = group.subtopologies.get(subtopology) else {
                continue;
            };
            for topic in topics.sources.iter().chain(&topics.repartition_sources) {
                places.extend(partitions.iter().map(|p| (topic.as_str(), *p)));
            }
        }
    }
    // A task may have a number that the narrower of its topics does not have.
    places.retain(|(topic, partition)| cluster.leader(topic, *partition).is_some());
    let listed = |spec: OffsetSpec| -> Result<Vec<i64>, Refusal> {
        let wanted: Vec<_> = places.iter().map(|(t, p)| (*t, *p, spec)).collect();
        let listed = list_offsets(cluster, &wanted)?;
        Ok(listed.into_iter().map(|listed| listed.offset).collect())
    };
    let (starts, ends) = (listed(OffsetSpec::Earliest)?, listed(OffsetSpec::Latest)?);
    let committed = groups::offsets(cluster, &group.id)?;
    let width = group.id.len().max(15);
    let topics = places.iter().map(|(topic, _)| topic.len());
    let topics = topics.max().unwrap_or(0).max(15);
    let mut out = String::new();
    let head = format!(
        "{:<width$} {:<topics$} {:<10}",
        "GROUP", "TOPIC", "PARTITION"
    );
    let _ = match verbose {
        false => writeln!(out, "{head} OFFSET-LAG"),
        true => writeln!(
            out,
            "{head} {:<15} {:<15} {:<15} {:<15}",
            "CURRENT-OFFSET", "LEADER-EPOCH", "LOG-END-OFFSET", "OFFSET-LAG"
        ),
    };
    for (place, (start, end)) in places.iter().zip(starts.iter().zip(&ends)) {
        let at = committed.get(&(place.0.to_owned(), place.1));
        let at = at.filter(|(offset, _)| *offset >= 0);
        let lag = end - at.map_or(*start, |(offset, _)| *offset);
        let row = format!("{:<width$} {:<topics$} {:<10}", group.id, place.0, place.1);
        let text = |number: Option<i64>| number.map_or("-".to_owned(), |n| n.to_string());
        let epoch = at
            .map(|(_, epoch)| i64::from(*epoch))
            .filter(|epoch| *epoch >= 0);
        let _ = match verbose {
            false => writeln!(out, "{row} {lag}"),
            true => writeln!(
                out,
                "{row} {:<15} {:<15} {end:<15} {lag:<15}",
                text(at.map(|(offset, _)| *offset)),
                text(epoch)
            ),
        };
    }
    Ok(out)
}

fn members(group: &StreamsGroup, verbose: bool) -> String {
    let longest = |of: &dyn Fn(&StreamsMember) -> usize| {
        let lengths = group.members.iter().map(of);
        lengths.max().unwrap_or(0).max(15)
    };
    let width = group.id.len().max(15);
    let (ids, processes) = (longest(&|m| m.id.len()), longest(&|m| m.process.len()));
    let clients = longest(&|m| m.client_id.len());
    let mut out = String::new();
    let mut line = |cells: [&str; 9]| {
        let [
            group,
            target,
            topology,
            member,
            protocol,
            epoch,
            process,
            client,
            tasks,
        ] = cells;
        // Kafka's tool leaves no space behind the topology's epoch.
        let _ = match verbose {
            false => writeln!(
                out,
                "{group:<width$} {member:<ids$} {process:<processes$} {client:<clients$} {tasks}"
            ),
            true => writeln!(
                out,
                "{group:<width$} {target:<25} {topology:<15}{member:<ids$} {protocol:<15} \
                 {epoch:<15} {process:<processes$} {client:<clients$} {tasks}"
            ),
        };
    };
    line([
        "GROUP",
        "TARGET-ASSIGNMENT-EPOCH",
        "TOPOLOGY-EPOCH",
        "MEMBER",
        "MEMBER-PROTOCOL",
        "MEMBER-EPOCH",
        "PROCESS",
        "CLIENT-ID",
        "ASSIGNMENTS",
    ]);
    for member in &group.members {
        let protocol = match member.is_classic {
            true => "classic",
            false => "streams",
        };
        line([
            &group.id,
            &group.assignment_epoch.to_string(),
            &group.topology_epoch.to_string(),
            &member.id,
            protocol,
            &member.epoch.to_string(),
            &member.process,
            &member.client_id,
            &tasks(member, verbose),
        ]);
    }
    out
}

fn tasks(member: &StreamsMember, with_target: bool) -> String {
    let (assigned, target) = (&member.assigned, &member.target);
    let mut kinds = vec![
        ("ACTIVE", &assigned.active),
        ("STANDBY", &assigned.standby),
        ("WARMUP", &assigned.warmup),
    ];
    if with_target {
        kinds.push(("TARGET-ACTIVE", &target.active));
        kinds.push(("TARGET-STANDBY", &target.standby));
        kinds.push(("TARGET-WARMUP", &target.warmup));
    }
    let mut out = String::new();
    for (kind, tasks) in kinds.into_iter().filter(|(_, tasks)| !tasks.is_empty()) {
        let _ = write!(out, "{kind}: ");
        for (subtopology, partitions) in tasks {
            let partitions: Vec<String> = partitions.iter().map(i32::to_string).collect();
            let _ = write!(out, "{subtopology}:[{}]; ", partitions.join(","));
        }
    }
    out
}

fn state(cluster: &Arc<Cluster>, group: &StreamsGroup, verbose: bool) -> String {
    let known = cluster.known();
    let broker = known.brokers.get(&group.coordinator);
    let address = broker.map_or(String::new(), |broker| broker.address.to_string());
    let coordinator = format!("{address} ({})", group.coordinator);
    let (width, wide) = (group.id.len().max(15), coordinator.len().max(25));
    let mut out = match group.state.as_str() {
        "Empty" => format!(
            "\nError: Streams group '{}' has no active members.\n",
            group.id
        ),
        _ => String::new(),
    };
    let mut line = |cells: [&str; 6]| {
        let [group, coordinator, state, epoch, target, members] = cells;
        let _ = write!(out, "{group:<width$} {coordinator:<wide$} {state:<25} ");
        if verbose {
            let _ = write!(out, "{epoch:<15} {target:<25} ");
        }
        let _ = writeln!(out, "{members}");
    };
    line([
        "GROUP",
        "COORDINATOR (ID)",
        "STATE",
        "GROUP-EPOCH",
        "TARGET-ASSIGNMENT-EPOCH",
        "#MEMBERS",
    ]);
    line([
        &group.id,
        &coordinator,
        &group.state,
        &group.epoch.to_string(),
        &group.assignment_epoch.to_string(),
        &group.members.len().to_string(),
    ]);
    out
}
