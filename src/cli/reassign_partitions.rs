//! `ottla reassign-partitions`: moves replicas between brokers and log dirs, with the flags and the
//! output of `kafka-reassign-partitions`.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`, `log_dir_moves` for replicas that only change their log dir.
//! Never:      moves more than its file names.

use super::ClientFlags;
use super::client_flags::ControllerFlag;
use super::log_dir_moves::{Move, Place, moves_of, place_of, start_moves};
use super::output::{Outcome, Refusal, print};
use super::reassignment::{
    ANY, Wanted, as_json, as_text, joined, name, not_found, numbers, propose, topics_to_move,
    wanted,
};
use super::resource_configs::{Change, Kind, alter};
use crate::client::{ClientError, Cluster};
use crate::protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignableTopic,
};
use crate::protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

/// The flags of `ottla reassign-partitions`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("action").required(true))]
pub struct ReassignPartitions {
    /// Propose where the partitions of some topics could be.
    #[arg(
        long,
        group = "action",
        requires = "topics_to_move_json_file",
        requires = "broker_list"
    )]
    generate: bool,
    /// Start the moves of a file.
    #[arg(long, group = "action", requires = "reassignment_json_file")]
    execute: bool,
    /// Tell how far the moves of a file are, and take throttles away when all are done.
    #[arg(long, group = "action", requires = "reassignment_json_file")]
    verify: bool,
    /// List the moves that are under way.
    #[arg(long, group = "action")]
    list: bool,
    /// Cancel the moves of a file.
    #[arg(long, group = "action", requires = "reassignment_json_file")]
    cancel: bool,
    /// What shall be where.
    #[arg(long, value_name = "FILE")]
    reassignment_json_file: Option<PathBuf>,
    /// The topics of --generate.
    #[arg(long, value_name = "FILE")]
    topics_to_move_json_file: Option<PathBuf>,
    /// The brokers of --generate: 1,2.
    #[arg(long, value_name = "LIST")]
    broker_list: Option<String>,
    /// Do not look at racks when generating.
    #[arg(long)]
    disable_rack_aware: bool,
    /// Bytes a second that moves between brokers may take.
    #[arg(long, value_name = "BYTES", default_value_t = -1, allow_hyphen_values = true)]
    throttle: i64,
    /// Bytes a second that moves between log dirs may take.
    #[arg(long, value_name = "BYTES", default_value_t = -1, allow_hyphen_values = true)]
    replica_alter_log_dirs_throttle: i64,
    /// Leave throttles as they are.
    #[arg(long)]
    preserve_throttles: bool,
    /// Also while other moves are under way.
    #[arg(long)]
    additional: bool,
    /// Refuse to change how many replicas a partition has.
    #[arg(long)]
    disallow_replication_factor_change: bool,
    /// How long to wait for moves between log dirs to begin, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    timeout: i32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
    #[command(flatten)]
    controller: ControllerFlag,
}

/// Throttles of a broker and of a topic, as `--verify` takes them away.
const BROKER_THROTTLES: [&str; 3] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    MOVE_THROTTLE,
];
const MOVE_THROTTLE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";
const TOPIC_THROTTLES: [&str; 2] = [
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
];

impl ReassignPartitions {
    pub fn run(self) -> Outcome {
        self.controller.refuse()?;
        let wanted = match &self.reassignment_json_file {
            Some(file) => wanted(file)?,
            None => Vec::new(),
        };
        let cluster = Cluster::connect(self.client.config()?)?;
        if self.list {
            return self.list(&cluster);
        }
        if self.generate {
            return self.generate(&cluster);
        }
        let topics: BTreeSet<&str> = wanted.iter().map(|one| one.topic.as_str()).collect();
        let topics: Vec<&str> = topics.into_iter().collect();
        cluster.refresh(Some(&topics), false)?;
        match () {
            () if self.execute => self.execute(&cluster, &wanted),
            () if self.verify => self.verify(&cluster, &wanted),
            () => self.cancel(&cluster, &wanted),
        }
    }

    fn generate(&self, cluster: &Cluster) -> Outcome {
        let topics = match &self.topics_to_move_json_file {
            Some(file) => topics_to_move(file)?,
            None => Vec::new(),
        };
        let brokers = numbers(self.broker_list.as_deref().unwrap_or_default())?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        cluster.refresh(Some(&names), false)?;
        let known = cluster.known();
        let mut current = Vec::new();
        for name in &topics {
            let topic = known
                .topics
                .get(name.as_str())
                .ok_or_else(|| not_found(name))?;
            current.extend(topic.partitions.iter().map(|partition| Wanted {
                topic: name.clone(),
                partition: partition.index,
                replicas: partition.replicas.clone(),
                log_dirs: Vec::new(),
            }));
        }
        let live: Vec<i32> = brokers
            .iter()
            .copied()
            .filter(|id| known.brokers.contains_key(id))
            .collect();
        let proposed = propose(&current, &live)?;
        let current = with_places(cluster, current)?;
        if self.json {
            let both = json!({ "current": as_json(&current), "proposed": as_json(&proposed) });
            return print(&format!("{both}\n"));
        }
        print(&format!(
            "Current partition replica assignment\n{}\n\nProposed partition reassignment \
             configuration\n{}\n",
            as_text(&current),
            as_text(&proposed)
        ))
    }

    fn execute(&self, cluster: &Cluster, wanted: &[Wanted]) -> Outcome {
        let known = cluster.known();
        let mut current = Vec::new();
        for one in wanted {
            let unknown = one
                .replicas
                .iter()
                .find(|id| !known.brokers.contains_key(id));
            if let Some(id) = unknown {
                return Err(Refusal::new(format_args!("Unknown broker id {id}")));
            }
            let topic = known.topics.get(one.topic.as_str());
            let topic = topic.ok_or_else(|| not_found(&one.topic))?;
            let partition = usize::try_from(one.partition).ok();
            let partition = partition.and_then(|index| topic.partitions.get(index));
            let partition = partition.ok_or_else(|| {
                Refusal::new(format_args!("Unable to find partition: {}", name(one)))
            })?;
            current.push(Wanted {
                replicas: partition.replicas.clone(),
                log_dirs: Vec::new(),
                ..one.clone()
            });
        }
        if !self.additional && !ongoing(cluster)?.is_empty() {
            return Err(Refusal::new(
                "Cannot execute because there is an existing partition assignment.  Use \
                 --additional to override this and create a new partition assignment in addition \
                 to the existing one.",
            ));
        }
        let current = with_places(cluster, current)?;
        if !self.json {
            print(&format!(
                "Current partition replica assignment\n\n{}\n\nSave this to use as the \
                 --reassignment-json-file option during rollback\n",
                as_text(&current)
            ))?;
            self.print_throttles()?;
        }
        let refused = self.reassign(cluster, wanted, |one| Some(one.replicas.clone()))?;
        if let Some((partition, code, text)) = refused.first() {
            let (partition, text) = (partition, text.clone().unwrap_or_default());
            return Err(Refusal::new(format_args!(
                "Error reassigning partition(s):\n{partition}: {}: {text}",
                code.name()
            )));
        }
        let names: Vec<String> = wanted.iter().map(name).collect();
        let moves = moves(cluster, wanted)?;
        self.throttle_moves(cluster, &moves)?;
        start_moves(cluster, &moves)?;
        if self.json {
            let moves = moves
                .iter()
                .map(|one| json!({ "replica": one.name(), "logDir": one.to }));
            let moves: Vec<Value> = moves.collect();
            let started = json!({
                "rollback": as_json(&current), "started": names, "logDirMoves": moves,
            });
            return print(&format!("{started}\n"));
        }
        let many = if names.len() == 1 { "" } else { "s" };
        print(&format!(
            "Successfully started partition reassignment{many} for {}\n",
            names.join(",")
        ))?;
        for one in &moves {
            print(&format!(
                "Successfully started moving log directory to {} for replica {}-{} with broker {} \
                 \n",
                one.to, one.topic, one.partition, one.broker
            ))?;
        }
        Ok(())
    }

    /// Before moves between log dirs begin, their brokers are told how fast they may be.
    fn throttle_moves(&self, cluster: &Cluster, moves: &[Move]) -> Outcome {
        if self.replica_alter_log_dirs_throttle < 0 {
            return Ok(());
        }
        let rate = self.replica_alter_log_dirs_throttle.to_string();
        let change: Change = (MOVE_THROTTLE.to_owned(), Some(rate));
        let brokers: BTreeSet<i32> = moves.iter().map(|one| one.broker).collect();
        for broker in brokers {
            let change = std::slice::from_ref(&change);
            alter(cluster, Kind::Broker, &broker.to_string(), change)?;
        }
        Ok(())
    }

    /// Throttles are taken as Kafka's tool takes them. On one node nothing moves between brokers.
    fn print_throttles(&self) -> Outcome {
        let mut out = String::new();
        let throttles = [
            ("inter-broker throttle", self.throttle),
            (
                "replica-alter-dir throttle",
                self.replica_alter_log_dirs_throttle,
            ),
        ];
        if throttles.iter().any(|(_, bytes)| *bytes >= 0) {
            out.push_str(
                "Warning: You must run --verify periodically, until the reassignment completes, \
                 to ensure the throttle is removed.\n",
            );
        }
        for (what, bytes) in throttles.iter().filter(|(_, bytes)| *bytes >= 0) {
            let _ = writeln!(out, "The {what} limit was set to {bytes} B/s");
        }
        print(&out)
    }

    fn verify(&self, cluster: &Cluster, wanted: &[Wanted]) -> Outcome {
        let known = cluster.known();
        let moving = ongoing(cluster)?;
        let (mut lines, mut is_done) = (Vec::new(), true);
        for one in wanted {
            let topic = known.topics.get(one.topic.as_str());
            let partition = usize::try_from(one.partition).ok();
            let found = topic.and_then(|topic| topic.partitions.get(partition?));
            let replicas = found
                .map(|found| found.replicas.clone())
                .unwrap_or_default();
            lines.push(
                if moving.contains_key(&(one.topic.clone(), one.partition)) {
                    is_done = false;
                    format!(
                        "Reassignment of partition {} is still in progress.",
                        name(one)
                    )
                } else if replicas == one.replicas {
                    format!("Reassignment of partition {} is completed.", name(one))
                } else {
                    format!(
                        "There is no active reassignment of partition {}, but replica set is {} \
                     rather than {}.",
                        name(one),
                        joined(&replicas),
                        joined(&one.replicas)
                    )
                },
            );
        }
        let moves = moves(cluster, wanted)?;
        let mut log_dirs = Vec::new();
        for one in &moves {
            let place = place_of(cluster, one)?;
            is_done &= !matches!(place, Place::Moving(_));
            log_dirs.push(one.describe(&place));
        }
        if self.json {
            let told = json!({ "partitions": lines, "logDirs": log_dirs, "done": is_done });
            print(&format!("{told}\n"))?;
        } else {
            let (lines, log_dirs) = (lines.join("\n"), log_dirs.join("\n"));
            print(&format!(
                "Status of partition reassignment:\n{lines}\n{log_dirs}\n"
            ))?;
        }
        match is_done && !self.preserve_throttles {
            true => self.clear_throttles(cluster, wanted),
            false => Ok(()),
        }
    }

    fn clear_throttles(&self, cluster: &Cluster, wanted: &[Wanted]) -> Outcome {
        let known = cluster.known();
        let brokers: BTreeSet<i32> = wanted.iter().flat_map(|one| one.replicas.clone()).collect();
        let live: Vec<i32> = brokers
            .into_iter()
            .filter(|id| known.brokers.contains_key(id))
            .collect();
        let topics: BTreeSet<&str> = wanted.iter().map(|one| one.topic.as_str()).collect();
        let topics: Vec<&str> = topics
            .into_iter()
            .filter(|topic| known.topics.contains_key(*topic))
            .collect();
        let gone = |names: &[&str]| -> Vec<Change> {
            names
                .iter()
                .map(|name| ((*name).to_owned(), None))
                .collect()
        };
        if !self.json {
            let many = |count: usize| if count == 1 { "" } else { "s" };
            print(&format!(
                "Clearing broker-level throttles on broker{} {}\nClearing topic-level throttles \
                 on topic{} {}\n",
                many(live.len()),
                joined(&live),
                many(topics.len()),
                topics.join(",")
            ))?;
        }
        for broker in live {
            alter(
                cluster,
                Kind::Broker,
                &broker.to_string(),
                &gone(&BROKER_THROTTLES),
            )?;
        }
        for topic in topics {
            alter(cluster, Kind::Topic, topic, &gone(&TOPIC_THROTTLES))?;
        }
        Ok(())
    }

    fn cancel(&self, cluster: &Cluster, wanted: &[Wanted]) -> Outcome {
        let moving = ongoing(cluster)?;
        let active: Vec<Wanted> = wanted
            .iter()
            .filter(|one| moving.contains_key(&(one.topic.clone(), one.partition)))
            .cloned()
            .collect();
        let refused = match active.is_empty() {
            true => Vec::new(),
            false => self.reassign(cluster, &active, |_| None)?,
        };
        if let Some((partition, code, _)) = refused.first() {
            return Err(Refusal::new(format_args!(
                "Error cancelling partition reassignment(s) for: {partition}: {}",
                code.name()
            )));
        }
        let names: Vec<String> = active.iter().map(name).collect();
        let mut back = Vec::new();
        for one in moves(cluster, wanted)? {
            if let Place::Moving(from) = place_of(cluster, &one)? {
                back.push(Move { to: from, ..one });
            }
        }
        start_moves(cluster, &back)?;
        let moves: Vec<String> = back.iter().map(Move::name).collect();
        if self.json {
            print(&format!(
                "{}\n",
                json!({ "cancelled": names, "logDirMoves": moves })
            ))?;
        } else {
            print(&match names.is_empty() {
                true => "None of the specified partition reassignments are active.\n".to_owned(),
                false => format!(
                    "Successfully cancelled partition reassignments for: {}\n",
                    names.join(",")
                ),
            })?;
            print(&match moves.is_empty() {
                true => "None of the specified partition moves are active.\n".to_owned(),
                false => {
                    format!(
                        "Successfully cancelled log directory moves for: {}\n",
                        moves.join(",")
                    )
                }
            })?;
        }
        match self.preserve_throttles {
            true => Ok(()),
            false => self.clear_throttles(cluster, wanted),
        }
    }

    fn list(&self, cluster: &Cluster) -> Outcome {
        let moving = ongoing(cluster)?;
        if self.json {
            let moving = moving.iter().map(|((topic, partition), one)| {
                json!({
                    "topic": topic, "partition": partition, "replicas": one.replicas,
                    "adding": one.adding, "removing": one.removing,
                })
            });
            let moving: Vec<Value> = moving.collect();
            return print(&format!("{}\n", json!(moving)));
        }
        if moving.is_empty() {
            return print("No partition reassignments found.\n");
        }
        let mut out = "Current partition reassignments:\n".to_owned();
        for ((topic, partition), one) in moving {
            let _ = write!(
                out,
                "{topic}-{partition}: replicas: {}.",
                joined(&one.replicas)
            );
            if !one.adding.is_empty() {
                let _ = write!(out, " adding: {}.", joined(&one.adding));
            }
            if !one.removing.is_empty() {
                let _ = write!(out, " removing: {}.", joined(&one.removing));
            }
            out.push('\n');
        }
        print(&out)
    }

    /// Sends the moves; those that were refused come back.
    fn reassign(
        &self,
        cluster: &Cluster,
        wanted: &[Wanted],
        replicas: impl Fn(&Wanted) -> Option<Vec<i32>>,
    ) -> Result<Vec<(String, ErrorCode, Option<String>)>, ClientError> {
        let topics = wanted.iter().map(|one| ReassignableTopic {
            name: TopicName(&one.topic),
            partitions: vec![ReassignablePartition {
                partition_index: one.partition,
                replicas: replicas(one).map(|ids| ids.into_iter().map(BrokerId).collect()),
            }],
        });
        let request = AlterPartitionReassignmentsRequest {
            timeout_ms: self.timeout,
            allow_replication_factor_change: !self.disallow_replication_factor_change,
            topics: topics.collect(),
        };
        let answer = cluster.call_controller(&request)?;
        let response: AlterPartitionReassignmentsResponse<'_> = answer.decode()?;
        let what = || "the reassignment".to_owned();
        ClientError::check(response.error_code, response.error_message, what)?;
        let mut refused = Vec::new();
        for topic in &response.responses {
            for partition in &topic.partitions {
                let name = format!("{}-{}", topic.name.0, partition.partition_index);
                let text = partition.error_message.map(str::to_owned);
                match partition.error_code {
                    ErrorCode::None => {}
                    code => refused.push((name, code, text)),
                }
            }
        }
        Ok(refused)
    }
}

/// A move between brokers that is under way.
struct Ongoing {
    replicas: Vec<i32>,
    adding: Vec<i32>,
    removing: Vec<i32>,
}

fn ongoing(cluster: &Cluster) -> Result<BTreeMap<(String, i32), Ongoing>, ClientError> {
    let request = ListPartitionReassignmentsRequest {
        timeout_ms: 30_000,
        topics: None,
    };
    let answer = cluster.call_controller(&request)?;
    let response: ListPartitionReassignmentsResponse<'_> = answer.decode()?;
    let what = || "the reassignments".to_owned();
    ClientError::check(response.error_code, response.error_message, what)?;
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
    let mut moving = BTreeMap::new();
    for topic in &response.topics {
        for partition in &topic.partitions {
            let key = (topic.name.0.to_owned(), partition.partition_index);
            let one = Ongoing {
                replicas: ids(&partition.replicas),
                adding: ids(&partition.adding_replicas),
                removing: ids(&partition.removing_replicas),
            };
            moving.insert(key, one);
        }
    }
    Ok(moving)
}

/// Replicas whose log dir a file names, with the log dir each shall be in.
fn moves(cluster: &Cluster, wanted: &[Wanted]) -> Result<Vec<Move>, ClientError> {
    let mut named = Vec::new();
    for one in wanted {
        for (broker, to) in one.replicas.iter().zip(&one.log_dirs) {
            if to != ANY {
                named.push(Move {
                    topic: one.topic.clone(),
                    partition: one.partition,
                    broker: *broker,
                    to: to.clone(),
                });
            }
        }
    }
    moves_of(cluster, named)
}

/// Fills in where each replica is.
fn with_places(cluster: &Cluster, mut current: Vec<Wanted>) -> Result<Vec<Wanted>, ClientError> {
    for one in &mut current {
        let mut dirs = Vec::new();
        for broker in &one.replicas {
            let of = Move {
                topic: one.topic.clone(),
                partition: one.partition,
                broker: *broker,
                to: String::new(),
            };
            dirs.push(match place_of(cluster, &of)? {
                Place::In(dir) | Place::Moving(dir) => dir,
                Place::Unknown => ANY.to_owned(),
            });
        }
        one.log_dirs = dirs;
    }
    Ok(current)
}
