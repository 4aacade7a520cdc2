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

mod client_flags;
mod completions;
mod config;
mod output;
mod perf;
pub mod server;
mod settings;
mod storage;

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
        Some(Command::Perf(perf)) => perf.run(),
        Some(Command::Completions(completions)) => completions.run(Cli::command()),
    };
    output::exit_code(outcome)
}

/// A log broker that speaks Kafka's wire protocol.
///
/// Without a command it starts a broker on 127.0.0.1:9092 with its data in ./ottla-data.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, args_conflicts_with_subcommands = true)]
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
    fn no_command_takes_the_servers_flags() {
        let cli = Cli::try_parse_from(["ottla", "--shards", "2"]).expect("valid");
        assert!(cli.command.is_none());
        assert!(Cli::try_parse_from(["ottla", "sever"]).is_err());
        assert!(Cli::try_parse_from(["ottla", "server", "a", "--override", "x=1"]).is_ok());
        assert!(Cli::try_parse_from(["ottla", "storage", "format", "-t", "x", "-c", "f"]).is_ok());
    }
}
