//! `ottla server [FILE]`: the broker, one process in the foreground.
//!
//! Room:       `cli`, the server.
//! Called by:  `cli::main`.
//! Calls:      `config` for its settings.
//! Never:      detaches from the terminal or writes a pid file.

use super::output::exit_code;
use super::{Refusal, settings};
use crate::config::BrokerConfig;
use std::path::PathBuf;
use std::process::ExitCode;

/// The flags of `ottla server`.
#[derive(clap::Args, Debug)]
pub struct Server {
    /// Properties as in Kafka's server.properties; none is a broker on 127.0.0.1:9092.
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub flags: settings::Flags,
}

/// Reads the settings and runs the broker until it is told to stop.
pub fn start(server: Server) -> ExitCode {
    match settings::read(server.file.as_deref(), &server.flags) {
        Ok(config) => run(config),
        Err(refusal) => exit_code(Err(refusal)),
    }
}

/// Runs the broker until it is told to stop.
pub fn run(config: BrokerConfig) -> ExitCode {
    let listeners: Vec<_> = config.listeners.iter().map(ToString::to_string).collect();
    let line = format!(
        "the server does not start yet; it would listen on {}",
        listeners.join(",")
    );
    exit_code(Err(Refusal::new(line)))
}
