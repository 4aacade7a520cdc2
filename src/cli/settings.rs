//! From a properties file and flags to the settings of a broker.
//!
//! Room:       `cli`, settings.
//! Called by:  `cli::server`, `cli::storage`, `cli::config`.
//! Calls:      `config`; reads one file and the machine's name.
//! Never:      knows a property; flags are properties under shorter names.

use super::output::{Refusal, note};
use crate::config::parse::Given;
use crate::config::{BrokerConfig, Machine};
use std::fs;
use std::net::ToSocketAddrs;
use std::path::Path;

/// Flags that win over the file.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Flags {
    /// Shards, one pinned thread each; 0 is one per core.
    #[arg(long, value_name = "N")]
    shards: Option<String>,
    /// What an idle shard does: park, spin-then-park or spin.
    #[arg(long, value_name = "PROFILE")]
    polling: Option<String>,
    /// How the broker talks to the kernel.
    #[arg(long, value_name = "MODE")]
    io: Option<String>,
    /// How log lines are written: text or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// A property that wins over the file; may be repeated.
    #[arg(long = "override", value_name = "NAME=VALUE", value_parser = name_and_value)]
    overrides: Vec<(String, String)>,
}

impl Flags {
    fn given(&self) -> Vec<Given> {
        let overrides = self
            .overrides
            .iter()
            .map(|(name, value)| Given::argument(name, value));
        let named = [
            ("ottla.shards", &self.shards),
            ("ottla.polling", &self.polling),
            ("ottla.io", &self.io),
            ("ottla.log.format", &self.log_format),
        ];
        let named = named
            .into_iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| Given::argument(name, value)));
        overrides.chain(named).collect()
    }
}

/// The settings of a broker, with its warnings printed. No file is an empty one.
pub fn read(file: Option<&Path>, flags: &Flags) -> Result<BrokerConfig, Refusal> {
    /// Far above any real file; a device or a log named by mistake ends here.
    const FILE_BYTES_MAX: u64 = 4 << 20;
    let (text, name) = match file {
        None => (String::new(), String::new()),
        Some(path) => {
            let shown = path.display().to_string();
            let refuse = |reason: &dyn std::fmt::Display| {
                Refusal::new(format_args!("{shown}: {reason}; name a properties file"))
            };
            let length = fs::metadata(path).map_err(|error| refuse(&error))?.len();
            if length > FILE_BYTES_MAX {
                return Err(refuse(&"longer than 4 MiB"));
            }
            (
                fs::read_to_string(path).map_err(|error| refuse(&error))?,
                shown,
            )
        }
    };
    let machine = Machine { host_name };
    let (config, warnings) = BrokerConfig::parse(&text, &name, &flags.given(), &machine)?;
    for warning in warnings {
        note(format_args!("warning: {warning}"));
    }
    Ok(config)
}

/// The machine's name if it leads anywhere from here, else `localhost`.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let resolves = !name.is_empty()
        && (name, 0)
            .to_socket_addrs()
            .is_ok_and(|mut addresses| addresses.next().is_some());
    if resolves {
        name.to_owned()
    } else {
        "localhost".to_owned()
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_properties_that_win() {
        let flags = Flags {
            shards: Some("2".to_owned()),
            overrides: vec![("node.id".to_owned(), "9".to_owned())],
            ..Flags::default()
        };
        let config = read(None, &flags).expect("valid");
        assert_eq!((config.shards, config.node_id), (Some(2), 9));
    }

    #[test]
    fn a_file_that_is_not_there_is_one_line() {
        let error = read(
            Some(Path::new("/nonexistent/x.properties")),
            &Flags::default(),
        );
        let line = error.expect_err("there is no such file").to_string();
        assert!(
            line.starts_with("/nonexistent/x.properties: No such file"),
            "{line}"
        );
        assert!(!line.contains('\n'));
    }
}
