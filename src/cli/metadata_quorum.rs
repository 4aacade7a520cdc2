//! `ottla metadata-quorum`: who votes on the metadata, as `kafka-metadata-quorum` tells it.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      adds or removes voters; one node is its own quorum.

use super::ClientFlags;
use super::client_flags::ControllerFlag;
use super::output::{Outcome, Refusal, print};
use crate::client::{ClientError, Cluster, clock};
use crate::protocol::TopicName;
use crate::protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumRequestPartitionData, DescribeQuorumRequestTopicData,
    DescribeQuorumResponse, DescribeQuorumResponsePartitionData, Node, ReplicaState,
};
use serde_json::{Value, json};
use std::fmt::Write;

/// The commands of `ottla metadata-quorum`.
#[derive(clap::Args, Debug)]
pub struct MetadataQuorum {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
    #[command(flatten)]
    controller: ControllerFlag,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Shows the quorum, or how far each of its replicas is.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Describe {
        /// A short summary.
        #[arg(long, group = "what")]
        status: bool,
        /// Each replica.
        #[arg(long, group = "what")]
        replication: bool,
        /// Times as spans until now.
        #[arg(long, requires = "replication")]
        human_readable: bool,
    },
    /// Not served yet: a node is its own quorum.
    AddController {
        /// Only say whether it could be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Not served yet: a node is its own quorum.
    RemoveController {
        /// Which controller.
        #[arg(short = 'i', long, value_name = "ID")]
        controller_id: Option<i32>,
        /// The directory id of it.
        #[arg(short = 'd', long, value_name = "ID")]
        controller_directory_id: Option<String>,
        /// Only say whether it could be done.
        #[arg(long)]
        dry_run: bool,
    },
}

/// The topic of the metadata log.
const TOPIC: &str = "__cluster_metadata";

impl MetadataQuorum {
    pub fn run(self) -> Outcome {
        self.controller.refuse()?;
        let Command::Describe {
            status,
            human_readable,
            ..
        } = self.command
        else {
            return Err(Refusal::new(
                "the quorum has one controller and cannot get or lose one yet; `describe --status` \
                 shows it",
            ));
        };
        let cluster = Cluster::connect(self.client.config()?)?;
        let request = DescribeQuorumRequest {
            topics: vec![DescribeQuorumRequestTopicData {
                topic_name: TopicName(TOPIC),
                partitions: vec![DescribeQuorumRequestPartitionData::default()],
            }],
        };
        let answer = cluster.call_any(&request)?;
        let response: DescribeQuorumResponse<'_> = answer.decode()?;
        let what = || "the quorum".to_owned();
        ClientError::check(response.error_code, response.error_message, what)?;
        let quorum = response.topics.first();
        let quorum = quorum.and_then(|topic| topic.partitions.first());
        let quorum = quorum.ok_or_else(|| Refusal::new("the broker told of no quorum"))?;
        ClientError::check(quorum.error_code, quorum.error_message, what)?;
        let quorum = Quorum {
            quorum,
            nodes: &response.nodes,
        };
        match (status, self.json) {
            (true, false) => print(&quorum.status(&cluster.known().cluster_id.unwrap_or_default())),
            (false, false) => print(&quorum.replication(human_readable)),
            (_, true) => print(&format!("{}\n", quorum.json())),
        }
    }
}

struct Quorum<'q> {
    quorum: &'q DescribeQuorumResponsePartitionData<'q>,
    nodes: &'q [Node<'q>],
}

impl Quorum<'_> {
    fn leader(&self) -> Option<&ReplicaState> {
        let mut voters = self.quorum.current_voters.iter();
        voters.find(|voter| voter.replica_id == self.quorum.leader_id)
    }

    fn status(&self, cluster_id: &str) -> String {
        let quorum = self.quorum;
        let replicas = || quorum.current_voters.iter().chain(&quorum.observers);
        let end = self.leader().map_or(0, |leader| leader.log_end_offset);
        let caught_up = self
            .leader()
            .map_or(0, |leader| leader.last_caught_up_timestamp);
        let lag = replicas().map(|replica| end - replica.log_end_offset).max();
        let known = replicas().filter(|replica| replica.last_caught_up_timestamp > 0);
        let lag_ms = known
            .map(|replica| caught_up - replica.last_caught_up_timestamp)
            .max();
        let mut out = String::new();
        let lines = [
            ("ClusterId:", cluster_id.to_owned()),
            ("LeaderId:", quorum.leader_id.0.to_string()),
            ("LeaderEpoch:", quorum.leader_epoch.to_string()),
            ("HighWatermark:", quorum.high_watermark.to_string()),
            ("MaxFollowerLag:", lag.unwrap_or(0).to_string()),
            ("MaxFollowerLagTimeMs:", lag_ms.unwrap_or(0).to_string()),
            ("CurrentVoters:", self.members(&quorum.current_voters)),
            ("CurrentObservers:", self.members(&quorum.observers)),
        ];
        for (name, value) in lines {
            let _ = writeln!(out, "{name:<23} {value}");
        }
        out
    }

    /// As Kafka's own tool writes them: JSON, but with a blank behind each colon.
    fn members(&self, replicas: &[ReplicaState]) -> String {
        let members = replicas.iter().map(|replica| {
            let mut text = format!("{{\"id\": {}", replica.replica_id.0);
            if !replica.replica_directory_id.is_zero() {
                let _ = write!(
                    text,
                    ", \"directoryId\": \"{}\"",
                    replica.replica_directory_id
                );
            }
            let endpoints = self.endpoints(replica);
            if !endpoints.is_empty() {
                let quoted: Vec<String> = endpoints
                    .iter()
                    .map(|endpoint| format!("\"{endpoint}\""))
                    .collect();
                let _ = write!(text, ", \"endpoints\": [{}]", quoted.join(", "));
            }
            text + "}"
        });
        format!("[{}]", members.collect::<Vec<_>>().join(", "))
    }

    fn endpoints(&self, replica: &ReplicaState) -> Vec<String> {
        let node = self
            .nodes
            .iter()
            .find(|node| node.node_id == replica.replica_id);
        let listeners = node.into_iter().flat_map(|node| &node.listeners);
        let endpoints = listeners.map(|listener| {
            let (name, host, port) = (listener.name, listener.host, listener.port);
            match host.contains(':') {
                true => format!("{name}://[{host}]:{port}"),
                false => format!("{name}://{host}:{port}"),
            }
        });
        endpoints.collect()
    }

    /// Replicas with what they are.
    fn rows(&self) -> impl Iterator<Item = (&ReplicaState, &'static str)> {
        let quorum = self.quorum;
        let voters = quorum.current_voters.iter().map(|voter| {
            let leads = voter.replica_id == quorum.leader_id;
            (voter, if leads { "Leader" } else { "Follower" })
        });
        voters.chain(
            quorum
                .observers
                .iter()
                .map(|observer| (observer, "Observer")),
        )
    }

    fn replication(&self, human_readable: bool) -> String {
        let now = clock::wall_ms();
        let time = |at: i64| match (at, human_readable) {
            (-1, _) => "-1".to_owned(),
            (at, true) => format!("{} ms ago", now.saturating_sub(at).max(0)),
            (at, false) => at.to_string(),
        };
        let end = self.leader().map_or(0, |leader| leader.log_end_offset);
        let header = [
            "NodeId",
            "DirectoryId",
            "LogEndOffset",
            "Lag",
            "LastFetchTimestamp",
            "LastCaughtUpTimestamp",
            "Status",
        ];
        let mut table = vec![header.map(str::to_owned)];
        table.extend(self.rows().map(|(replica, status)| {
            [
                replica.replica_id.0.to_string(),
                replica.replica_directory_id.to_string(),
                replica.log_end_offset.to_string(),
                (end - replica.log_end_offset).to_string(),
                time(replica.last_fetch_timestamp),
                time(replica.last_caught_up_timestamp),
                status.to_owned(),
            ]
        }));
        tabulate(&table)
    }

    fn json(&self) -> Value {
        let replicas = self.rows().map(|(replica, status)| {
            json!({
                "id": replica.replica_id.0,
                "directoryId": replica.replica_directory_id.to_string(),
                "logEndOffset": replica.log_end_offset,
                "lastFetchTimestamp": replica.last_fetch_timestamp,
                "lastCaughtUpTimestamp": replica.last_caught_up_timestamp,
                "status": status, "endpoints": self.endpoints(replica),
            })
        });
        json!({
            "leaderId": self.quorum.leader_id.0, "leaderEpoch": self.quorum.leader_epoch,
            "highWatermark": self.quorum.high_watermark,
            "replicas": replicas.collect::<Vec<_>>(),
        })
    }
}

/// Columns as wide as their widest cell, a tab behind each.
fn tabulate<const N: usize>(rows: &[[String; N]]) -> String {
    let mut out = String::new();
    let widths: Vec<usize> = (0..N)
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(out, "{cell:<width$}\t");
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::BrokerId;
    use crate::protocol::messages::describe_quorum::Listener;

    #[test]
    fn a_quorum_of_one_reads_as_kafkas() {
        let voter = ReplicaState {
            replica_id: BrokerId(1),
            log_end_offset: 9,
            last_fetch_timestamp: 5,
            last_caught_up_timestamp: 5,
            ..ReplicaState::default()
        };
        let data = DescribeQuorumResponsePartitionData {
            leader_id: BrokerId(1),
            leader_epoch: 1,
            high_watermark: 9,
            current_voters: vec![voter],
            ..DescribeQuorumResponsePartitionData::default()
        };
        let listener = Listener {
            name: "PLAINTEXT",
            host: "::1",
            port: 9092,
        };
        let nodes = [Node {
            node_id: BrokerId(1),
            listeners: vec![listener],
        }];
        let quorum = Quorum {
            quorum: &data,
            nodes: &nodes,
        };
        let status = quorum.status("c");
        let voters = "CurrentVoters:          [{\"id\": 1, \"endpoints\": \
                      [\"PLAINTEXT://[::1]:9092\"]}]\n";
        assert!(status.contains(voters), "{status}");
        assert!(status.contains("MaxFollowerLag:         0\n"), "{status}");
        let rows = quorum.replication(false);
        let line = rows.lines().nth(1).expect("a row");
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(cells, ["1", id, "9", "0", "5", "5", "Leader", ""]);
    }
}
