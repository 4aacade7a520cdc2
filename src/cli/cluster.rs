//! `ottla cluster`: the cluster's id and its brokers, as `kafka-cluster` prints them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      asks a controller's own port: nothing is served there yet.

use super::client_flags::ClientFlags;
use super::output::{Outcome, Refusal, note, print};
use crate::client::{ClientError, Cluster as Client};
use crate::protocol::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use crate::protocol::messages::unregister_broker::{
    UnregisterBrokerRequest, UnregisterBrokerResponse,
};
use crate::protocol::{BrokerId, ErrorCode};
use std::fmt::Write;
use std::path::PathBuf;

/// The commands of `ottla cluster`.
#[derive(clap::Args, Debug)]
pub struct Cluster {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Brokers to ask first: HOST:PORT or unix:PATH, separated by commas [default: 127.0.0.1:9092]
    #[arg(short = 'b', long, value_name = "LIST", global = true)]
    bootstrap_server: Option<String>,
    /// Not served yet: every node is a broker too.
    #[arg(short = 'C', long, value_name = "LIST", global = true)]
    bootstrap_controller: Option<String>,
    /// A properties file with Kafka's client properties.
    #[arg(short = 'c', long, value_name = "FILE", global = true)]
    command_config: Option<PathBuf>,
    /// Deprecated: the same as --command-config.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// One client property; wins over the file.
    #[arg(long, value_name = "NAME=VALUE", global = true)]
    command_property: Vec<String>,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Prints the cluster's id.
    ClusterId,
    /// Takes a broker that is gone out of the cluster's metadata.
    Unregister {
        /// Which broker.
        #[arg(short = 'i', long, value_name = "ID")]
        id: i32,
    },
    /// Prints where the brokers are reached.
    ListEndpoints {
        /// Brokers that are fenced too.
        #[arg(long)]
        include_fenced_brokers: bool,
    },
}

impl Cluster {
    pub fn run(self) -> Outcome {
        if let Some(list) = &self.bootstrap_controller {
            return Err(Refusal::new(format_args!(
                "--bootstrap-controller {list} is not served yet; every node is a broker too: use \
                 --bootstrap-server"
            )));
        }
        if self.config.is_some() && self.command_config.is_some() {
            return Err(Refusal::new(
                "--config and --command-config cannot be specified together.",
            ));
        }
        if self.config.is_some() {
            note(
                "Option --config has been deprecated and will be removed in a future version. Use \
                 --command-config instead.",
            );
        }
        let flags = ClientFlags {
            bootstrap_server: self.bootstrap_server.clone(),
            command_config: self.command_config.clone().or(self.config.clone()),
            command_property: self.command_property.clone(),
        };
        let cluster = Client::connect(flags.config()?)?;
        match self.command {
            Command::ClusterId => self.cluster_id(&cluster),
            Command::Unregister { id } => unregister(&cluster, id),
            Command::ListEndpoints {
                include_fenced_brokers,
            } => self.list_endpoints(&cluster, include_fenced_brokers),
        }
    }

    fn cluster_id(&self, cluster: &Client) -> Outcome {
        let answer = cluster.call_any(&request(false))?;
        let response: DescribeClusterResponse<'_> = answer.decode()?;
        check(&response)?;
        match self.json {
            true => print(&format!(
                "{}\n",
                serde_json::json!({ "clusterId": response.cluster_id })
            )),
            false => print(&format!("Cluster ID: {}\n", response.cluster_id)),
        }
    }

    fn list_endpoints(&self, cluster: &Client, fenced: bool) -> Outcome {
        let answer = cluster.call_any(&request(fenced))?;
        let response: DescribeClusterResponse<'_> = answer.decode()?;
        check(&response)?;
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
        print(&table(&response.brokers))
    }
}

fn request(include_fenced_brokers: bool) -> DescribeClusterRequest {
    DescribeClusterRequest {
        include_fenced_brokers,
        endpoint_type: 1,
        ..DescribeClusterRequest::default()
    }
}

fn check(response: &DescribeClusterResponse<'_>) -> Outcome {
    ClientError::check(response.error_code, response.error_message, || {
        "cluster".to_owned()
    })?;
    Ok(())
}

/// As wide as its longest host and rack, which is what Kafka's tool does.
fn table(brokers: &[DescribeClusterBroker<'_>]) -> String {
    let hosts = brokers.iter().map(|broker| broker.host.chars().count());
    let racks = brokers.iter().filter_map(|broker| broker.rack);
    let host_width = hosts.max().unwrap_or(100);
    let rack_width = racks.map(|rack| rack.chars().count()).max().unwrap_or(10);
    let mut out = String::new();
    let mut row = |id: &str, host: &str, port: &str, rack: &str, state: &str, kind: &str| {
        let _ = writeln!(
            out,
            "{id:<10} {host:<host_width$} {port:<10} {rack:<rack_width$} {state:<10} {kind:<15}"
        );
    };
    row("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE");
    for broker in brokers {
        let state = match broker.is_fenced {
            true => "fenced",
            false => "unfenced",
        };
        row(
            &broker.broker_id.0.to_string(),
            broker.host,
            &broker.port.to_string(),
            broker.rack.unwrap_or("null"),
            state,
            "broker",
        );
    }
    out
}

fn unregister(cluster: &Client, id: i32) -> Outcome {
    let request = UnregisterBrokerRequest {
        broker_id: BrokerId(id),
    };
    let answer = match cluster.call_controller(&request) {
        Err(ClientError::Unsupported { .. }) => {
            return print("The target cluster does not support the broker unregistration API.\n");
        }
        answer => answer?,
    };
    let response: UnregisterBrokerResponse<'_> = answer.decode()?;
    match (response.error_code, response.error_message) {
        (ErrorCode::None, _) => print(&format!("Broker {id} is no longer registered.\n")),
        (code, message) => {
            ClientError::check(code, message, || format!("broker {id}"))?;
            Ok(())
        }
    }
}
