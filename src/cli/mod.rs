//! The command line: the server and Kafka's console tools, one file per tool.
//!
//! Room:       `cli`, commands.
//! Called by:  `main`.
//! Calls:      `client`, `config`; `server` starts shards.
//! Never:      prints anything but data on stdout.
//!
//! A tool is a struct of flags with `run(self) -> Outcome`. Exit codes: 0 done, 1 refused (one
//! line on stderr says why and what to do), 2 misuse (clap says which flag).

#![forbid(unsafe_code)]

mod broker_api_versions;
mod client_flags;
mod client_metrics;
mod cluster;
mod completions;
mod config;
mod configs;
mod console_consumer;
mod console_producer;
mod console_share_consumer;
mod consumer_groups;
mod delete_records;
mod doctor;
mod features;
mod get_offsets;
mod groups;
mod leader_election;
mod log;
mod log_dir_moves;
mod log_dirs;
mod metadata_quorum;
mod output;
mod partition_file;
mod perf;
mod reassign_partitions;
mod reassignment;
mod release;
mod resource_configs;
mod schemas;
pub mod server;
mod settings;
mod share_groups;
mod storage;
mod streams_groups;
mod topics;
mod transactions;

pub use client_flags::ClientFlags;
pub use output::{Outcome, Refusal};

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Reads the command line, runs its tool, and says how it went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => {
            return server::start(server::Server {
                file: None,
                flags: cli.flags,
            });
        }
        Some(Command::Server(server)) => return server::start(server),
        Some(Command::Storage(storage)) => storage.run(),
        Some(Command::Config(config)) => config.run(),
        Some(Command::Doctor(doctor)) => doctor.run(),
        Some(Command::Perf(perf)) => perf.run(),
        Some(Command::Topics(topics)) => topics.run(),
        Some(Command::Configs(configs)) => configs.run(),
        Some(Command::ConsoleProducer(producer)) => producer.run(),
        Some(Command::ConsoleConsumer(consumer)) => consumer.run(),
        Some(Command::ConsoleShareConsumer(consumer)) => consumer.run(),
        Some(Command::ConsumerGroups(groups)) => groups.run(),
        Some(Command::ShareGroups(groups)) => groups.run(),
        Some(Command::Groups(groups)) => groups.run(),
        Some(Command::StreamsGroups(groups)) => groups.run(),
        Some(Command::GetOffsets(get_offsets)) => get_offsets.run(),
        Some(Command::DeleteRecords(delete_records)) => delete_records.run(),
        Some(Command::Transactions(transactions)) => transactions.run(),
        Some(Command::ClientMetrics(client_metrics)) => client_metrics.run(),
        Some(Command::LeaderElection(election)) => election.run(),
        Some(Command::ReassignPartitions(reassign)) => reassign.run(),
        Some(Command::Features(features)) => features.run(),
        Some(Command::MetadataQuorum(quorum)) => quorum.run(),
        Some(Command::Log(log)) => log.run(),
        Some(Command::LogDirs(log_dirs)) => log_dirs.run(),
        Some(Command::Cluster(cluster)) => cluster.run(),
        Some(Command::BrokerApiVersions(versions)) => versions.run(),
        Some(Command::Completions(completions)) => completions.run(Cli::command()),
    };
    output::exit_code(outcome)
}

/// A log broker that speaks Kafka's wire protocol.
///
/// Without a command it starts a broker on 127.0.0.1:9092 with its data in ./ottla-data.
#[derive(Debug, Parser)]
#[command(
    name = "ottla",
    version,
    propagate_version = true,
    // Kafka's tools take what is left of a flag as long as it names one flag only.
    infer_long_args = true,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: settings::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the broker, in the foreground.
    Server(server::Server),
    /// Formats log folders and tells what is in them.
    Storage(storage::Storage),
    /// Lists the properties, or checks a file of them.
    Config(config::Config),
    /// Creates, lists, describes, alters and deletes topics.
    Topics(Box<topics::Topics>),
    /// Shows and changes properties of topics and brokers.
    Configs(Box<configs::Configs>),
    /// Writes one record per line of stdin.
    ConsoleProducer(Box<console_producer::ConsoleProducer>),
    /// Prints records.
    ConsoleConsumer(Box<console_consumer::ConsoleConsumer>),
    /// Prints records as a member of a share group.
    ConsoleShareConsumer(Box<console_share_consumer::ConsoleShareConsumer>),
    /// Lists and describes consumer groups, resets and deletes their offsets.
    ConsumerGroups(Box<consumer_groups::ConsumerGroups>),
    /// Lists and describes share groups, resets and deletes their offsets.
    ShareGroups(Box<share_groups::ShareGroups>),
    /// Lists groups of all types.
    Groups(groups::Groups),
    /// Groups of Kafka Streams applications: their members and tasks, lag and offsets.
    StreamsGroups(Box<streams_groups::StreamsGroups>),
    /// Prints the offsets of partitions at a time.
    GetOffsets(get_offsets::GetOffsets),
    /// Moves the start of partitions forward.
    DeleteRecords(delete_records::DeleteRecords),
    /// Lists and describes transactions, and ends those that hang.
    Transactions(Box<transactions::Transactions>),
    /// Says which metrics clients push.
    ClientMetrics(client_metrics::ClientMetrics),
    /// Elects leaders of partitions.
    LeaderElection(leader_election::LeaderElection),
    /// Moves replicas between brokers and log dirs.
    ReassignPartitions(Box<reassign_partitions::ReassignPartitions>),
    /// Shows and changes the levels of features.
    Features(features::Features),
    /// Shows the quorum of the metadata.
    MetadataQuorum(metadata_quorum::MetadataQuorum),
    /// Prints and checks the files of a log dir, without a broker.
    Log(log::Log),
    /// Shows what lies in the brokers' log dirs.
    LogDirs(log_dirs::LogDirs),
    /// Prints the cluster's id, or its endpoints.
    Cluster(cluster::Cluster),
    /// Prints what each broker serves.
    BrokerApiVersions(broker_api_versions::BrokerApiVersions),
    /// Tells whether this machine is fit for a broker, and what would make it fitter.
    Doctor(doctor::Doctor),
    /// Loads any Kafka broker and measures it.
    Perf(perf::Perf),
    /// Prints completions for a shell.
    Completions(completions::Completions),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_may_be_cut_short() {
        let tool = [
            "ottla",
            "topics",
            "--desc",
            "--bootstrap-s",
            "h:1",
            "--topic",
            "t",
        ];
        assert!(Cli::try_parse_from(tool).is_ok());
        // --partitions and --partition-size-limit-per-response.
        let ambiguous = [
            "ottla", "topics", "--alter", "--topic", "t", "--partit", "3",
        ];
        assert!(Cli::try_parse_from(ambiguous).is_err());
    }

    #[test]
    fn no_command_takes_the_servers_flags() {
        let cli = Cli::try_parse_from(["ottla", "--shards", "2"]).expect("valid");
        assert!(cli.command.is_none());
        assert!(Cli::try_parse_from(["ottla", "sever"]).is_err());
        assert!(Cli::try_parse_from(["ottla", "server", "a", "--override", "x=1"]).is_ok());
        assert!(Cli::try_parse_from(["ottla", "storage", "format", "-t", "x", "-c", "f"]).is_ok());
    }
}
