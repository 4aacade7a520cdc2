//! `ottla cluster`: the cluster's id and its brokers, as `kafka-cluster` prints them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      changes the cluster.

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use crate::client::{ClientError, Cluster as Client};
use crate::protocol::messages::describe_cluster::{
    DescribeClusterRequest, DescribeClusterResponse,
};
use std::fmt::Write;

/// The commands of `ottla cluster`.
#[derive(clap::Args, Debug)]
pub struct Cluster {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Prints the cluster's id.
    ClusterId,
    /// Prints where the brokers are reached.
    ListEndpoints {
        /// Brokers that are fenced too.
        #[arg(long)]
        include_fenced_brokers: bool,
    },
}

impl Cluster {
    pub fn run(self) -> Outcome {
        let cluster = Client::connect(self.client.config()?)?;
        let fenced = matches!(
            self.command,
            Command::ListEndpoints {
                include_fenced_brokers: true
            }
        );
        let request = DescribeClusterRequest {
            include_fenced_brokers: fenced,
            endpoint_type: 1,
            ..DescribeClusterRequest::default()
        };
        let answer = cluster.call_any(&request)?;
        let response: DescribeClusterResponse<'_> = answer.decode()?;
        ClientError::check(response.error_code, response.error_message, || {
            "cluster".to_owned()
        })?;
        if let Command::ClusterId = self.command {
            return match self.json {
                true => print(&format!(
                    "{}\n",
                    serde_json::json!({ "clusterId": response.cluster_id })
                )),
                false => print(&format!("Cluster ID: {}\n", response.cluster_id)),
            };
        }
        if response.brokers.is_empty() {
            return Err(Refusal::new("the cluster has no broker to show"));
        }
        if self.json {
            let brokers = response.brokers.iter().map(|broker| {
                serde_json::json!({
                    "id": broker.broker_id.0, "host": broker.host, "port": broker.port,
                    "rack": broker.rack, "isFenced": broker.is_fenced,
                })
            });
            return print(&format!(
                "{}\n",
                serde_json::Value::Array(brokers.collect())
            ));
        }
        let mut out = String::new();
        let state = if fenced { "STATE      " } else { "" };
        let _ = writeln!(
            out,
            "{:<10} {:<16} {:<10} {:<10} {state}{:<15}",
            "ID", "HOST", "PORT", "RACK", "ENDPOINT_TYPE"
        );
        for broker in &response.brokers {
            let state = match (fenced, broker.is_fenced) {
                (false, _) => "",
                (true, true) => "fenced     ",
                (true, false) => "unfenced   ",
            };
            let _ = writeln!(
                out,
                "{:<10} {:<16} {:<10} {:<10} {state}{:<15}",
                broker.broker_id.0,
                broker.host,
                broker.port,
                broker.rack.unwrap_or("null"),
                "broker"
            );
        }
        print(&out)
    }
}
