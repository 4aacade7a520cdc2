//! The flags by which every tool finds and configures its cluster.
//!
//! Room:       `cli`, shared by the tools that are clients.
//! Called by:  the tools, flattened into their own flags.
//! Calls:      `client::properties`.
//! Never:      connects; the tool does, when it has something to say.

use std::path::{Path, PathBuf};

use super::output::{Outcome, Refusal, note};
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
        let config = self.read(ClientConfig::default(), None, ("", &[]))?;
        config.notes.iter().for_each(note);
        Ok(config)
    }

    /// As `config` for a tool with an id, a file and a flag for properties of its own. What has no
    /// effect stays in `notes`, because the tool goes on to set properties.
    ///
    /// # Errors
    /// As `config`.
    pub fn config_as(
        &self,
        client_id: &str,
        file: Option<&Path>,
        properties: (&str, &[String]),
    ) -> Result<ClientConfig, Refusal> {
        let config = ClientConfig {
            client_id: client_id.to_owned(),
            ..ClientConfig::default()
        };
        self.read(config, file, properties)
    }

    fn read(
        &self,
        mut config: ClientConfig,
        file: Option<&Path>,
        (flag, own): (&str, &[String]),
    ) -> Result<ClientConfig, Refusal> {
        for file in [self.command_config.as_deref(), file].into_iter().flatten() {
            config.load(file)?;
        }
        let own = own.iter().map(|property| (flag, property));
        let common = self.command_property.iter();
        for (flag, property) in own.chain(common.map(|one| ("--command-property", one))) {
            let (name, value) = name_and_value(flag, property)?;
            config.set(name, value)?;
        }
        if let Some(list) = &self.bootstrap_server {
            config.set("bootstrap.servers", list)?;
        }
        Ok(config)
    }
}

/// Tools that Kafka also lets ask the controllers themselves.
#[derive(clap::Args, Clone, Debug)]
pub struct ControllerFlag {
    /// Not served yet: every node is a broker too, so --bootstrap-server reaches all of them.
    #[arg(long, value_name = "LIST", global = true)]
    bootstrap_controller: Option<String>,
}

impl ControllerFlag {
    /// # Errors
    /// The flag was given.
    pub fn refuse(&self) -> Outcome {
        match &self.bootstrap_controller {
            None => Ok(()),
            Some(list) => Err(Refusal::new(format_args!(
                "--bootstrap-controller {list} is not served yet; every node is a broker too: use \
                 --bootstrap-server"
            ))),
        }
    }
}

/// What a flag like `--property NAME=VALUE` was given.
///
/// # Errors
/// One line that names the flag.
pub fn name_and_value<'p>(flag: &str, property: &'p str) -> Result<(&'p str, &'p str), Refusal> {
    property
        .split_once('=')
        .ok_or_else(|| Refusal::new(format_args!("{flag} takes NAME=VALUE, not '{property}'")))
}

/// The properties of a file, in their order.
///
/// # Errors
/// One line that names the file.
pub fn properties_of(file: &Path) -> Result<Vec<(String, String)>, Refusal> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Refusal::new(format_args!("{shown}: {error}")))?;
    let given = crate::config::parse::parse(&text, &shown)?;
    let given = given.into_iter();
    Ok(given.map(|given| (given.name, given.value)).collect())
}
