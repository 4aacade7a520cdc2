//! The flags by which every tool finds and configures its cluster.
//!
//! Room:       `cli`, shared by the tools that are clients.
//! Called by:  the tools, flattened into their own flags.
//! Calls:      `client::properties`.
//! Never:      connects; the tool does, when it has something to say.

use std::path::PathBuf;

use super::output::{Refusal, note};
use crate::client::ClientConfig;

/// Where the cluster is, and how to talk to it.
#[derive(clap::Args, Clone, Debug)]
pub struct ClientFlags {
    /// Brokers to ask first: HOST:PORT or unix:PATH, separated by commas [default: 127.0.0.1:9092]
    #[arg(long, value_name = "LIST", global = true)]
    pub bootstrap_server: Option<String>,
    /// A properties file with Kafka's client properties.
    #[arg(long, value_name = "FILE", global = true)]
    pub command_config: Option<PathBuf>,
    /// One client property; wins over the file.
    #[arg(long, value_name = "NAME=VALUE", global = true)]
    pub command_property: Vec<String>,
}

impl ClientFlags {
    /// The client's configuration: Kafka's defaults, the file, single properties, the address.
    ///
    /// # Errors
    /// One line that names the property or the file. Properties without effect are noted.
    pub fn config(&self) -> Result<ClientConfig, Refusal> {
        let mut config = ClientConfig::default();
        if let Some(file) = &self.command_config {
            config.load(file)?;
        }
        for property in &self.command_property {
            let Some((name, value)) = property.split_once('=') else {
                return Err(Refusal::new(format_args!(
                    "--command-property takes NAME=VALUE, not '{property}'"
                )));
            };
            config.set(name, value)?;
        }
        if let Some(list) = &self.bootstrap_server {
            config.set("bootstrap.servers", list)?;
        }
        config.notes.iter().for_each(note);
        Ok(config)
    }
}
