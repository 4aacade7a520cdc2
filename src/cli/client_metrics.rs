//! `ottla client-metrics`: which metrics clients push, as `kafka-client-metrics` sets it (KIP-714).
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      shows what clients pushed; it is about what they are asked for.

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use super::resource_configs::{Change, Kind, alter, describe, listed};
use crate::client::Cluster;
use crate::protocol::Uuid;
use std::fmt::Write;

/// The flags of `ottla client-metrics`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("action").required(true))]
pub struct ClientMetrics {
    /// Make or change a subscription.
    #[arg(long, group = "action")]
    alter: bool,
    /// Take a subscription away.
    #[arg(long, group = "action", requires = "name")]
    delete: bool,
    /// Show subscriptions.
    #[arg(long, group = "action")]
    describe: bool,
    /// List subscriptions.
    #[arg(long, group = "action")]
    list: bool,
    /// Which subscription.
    #[arg(long, value_name = "NAME", conflicts_with = "generate_name")]
    name: Option<String>,
    /// Make a subscription with a name of its own.
    #[arg(long, requires = "alter")]
    generate_name: bool,
    /// Prefixes of the metrics to push: a,b; * is all, '' is none.
    #[arg(long, value_name = "LIST", requires = "alter")]
    metrics: Option<String>,
    /// How often, in milliseconds; '' gives the default back.
    #[arg(long, value_name = "MS", requires = "alter")]
    interval: Option<String>,
    /// Which clients: NAME=REGEX, comma-separated; '' is every client.
    #[arg(long = "match", value_name = "LIST", requires = "alter")]
    matching: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

impl ClientMetrics {
    pub fn run(self) -> Outcome {
        let cluster = Cluster::connect(self.client.config()?)?;
        if self.list {
            let names = listed(&cluster, Kind::ClientMetrics)?;
            return match self.json {
                true => print(&format!("{}\n", serde_json::json!(names))),
                false => print(
                    &names
                        .iter()
                        .fold(String::new(), |text, name| text + name + "\n"),
                ),
            };
        }
        if self.describe {
            return self.show(&cluster);
        }
        if self.delete {
            let name = self.name.as_deref().unwrap_or_default();
            let set = ["interval.ms", "match", "metrics"];
            let changes = set.map(|name| (name.to_owned(), None));
            alter(&cluster, Kind::ClientMetrics, name, &changes)?;
            return print(&format!("Deleted client metrics config for {name}.\n"));
        }
        let name = match (&self.name, self.generate_name) {
            (Some(name), _) => name.clone(),
            (None, true) => fresh_name(),
            (None, false) => {
                return Err(Refusal::new("--alter needs --name or --generate-name"));
            }
        };
        alter(&cluster, Kind::ClientMetrics, &name, &self.changes()?)?;
        print(&format!("Altered client metrics config for {name}.\n"))
    }

    /// An empty value takes the setting away.
    fn changes(&self) -> Result<Vec<Change>, Refusal> {
        let given = [
            ("interval.ms", &self.interval),
            ("match", &self.matching),
            ("metrics", &self.metrics),
        ];
        let changes = given.into_iter().filter_map(|(name, value)| {
            let value = value.as_deref()?.trim();
            Some((
                name.to_owned(),
                (!value.is_empty()).then(|| value.to_owned()),
            ))
        });
        let changes: Vec<Change> = changes.collect();
        match changes.is_empty() {
            true => Err(Refusal::new(
                "--alter needs --metrics, --interval or --match",
            )),
            false => Ok(changes),
        }
    }

    fn show(&self, cluster: &Cluster) -> Outcome {
        let all = listed(cluster, Kind::ClientMetrics)?;
        let names = match &self.name {
            None => all,
            Some(name) if all.contains(name) => vec![name.clone()],
            Some(name) => {
                return print(&format!(
                    "The client metric resource {name} doesn't exist and doesn't have dynamic \
                     config.\n"
                ));
            }
        };
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let described = describe(cluster, Kind::ClientMetrics, &asked)?;
        let (mut out, mut json) = (String::new(), serde_json::Map::new());
        for (name, mut entries) in names.into_iter().zip(described) {
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            let _ = writeln!(out, "Client metrics configs for {name} are:");
            let mut values = serde_json::Map::new();
            for entry in entries {
                let value = entry.value.unwrap_or_default();
                let _ = writeln!(out, "  {}={value}", entry.name);
                values.insert(entry.name, value.into());
            }
            json.insert(name, values.into());
        }
        match self.json {
            true => print(&format!("{}\n", serde_json::Value::Object(json))),
            false => print(&out),
        }
    }
}

/// 22 characters that nobody else chose.
fn fresh_name() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let bits = u128::from_str_radix(&digits, 16).unwrap_or_default();
    Uuid::from_u128(bits).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_name_is_one_of_its_own() {
        let (one, other) = (fresh_name(), fresh_name());
        assert_eq!(one.len(), 22);
        assert_ne!(one, other);
    }
}
