//! `ottla configs`: shows and changes properties, as `kafka-configs` does.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      changes its output: scripts read it.

use super::ClientFlags;
use super::client_flags::ControllerFlag;
use super::output::{Outcome, Refusal, print};
use super::resource_configs::{Change, Entry, Kind, alter, describe, listed, parse_changes};
use crate::client::Cluster;
use std::fmt::Write;
use std::path::PathBuf;

/// The flags of `ottla configs`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("action").required(true))]
pub struct Configs {
    /// Change properties.
    #[arg(long, group = "action")]
    alter: bool,
    /// Show properties.
    #[arg(long, group = "action")]
    describe: bool,
    /// What has them: topics, brokers, groups, client-metrics or broker-loggers.
    #[arg(long, value_name = "TYPE")]
    entity_type: Option<String>,
    /// Which one; all of them when describing without it.
    #[arg(long, value_name = "NAME")]
    entity_name: Option<String>,
    /// What holds for all brokers.
    #[arg(long)]
    entity_default: bool,
    /// The same as --entity-type topics --entity-name NAME.
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// The same as --entity-type brokers --entity-name ID.
    #[arg(long, value_name = "ID")]
    broker: Option<String>,
    /// The same as --entity-type brokers --entity-default.
    #[arg(long)]
    broker_defaults: bool,
    /// The same as --entity-type groups --entity-name NAME.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// The same as --entity-type client-metrics --entity-name NAME.
    #[arg(long, value_name = "NAME")]
    client_metrics: Option<String>,
    /// The same as --entity-type broker-loggers --entity-name ID.
    #[arg(long, value_name = "ID")]
    broker_logger: Option<String>,
    /// Not served yet, as --client and --ip: quotas and SCRAM credentials.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Not served yet.
    #[arg(long)]
    user_defaults: bool,
    /// Not served yet.
    #[arg(long = "client", value_name = "ID")]
    client_id: Option<String>,
    /// Not served yet.
    #[arg(long)]
    client_defaults: bool,
    /// Not served yet.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    /// Not served yet.
    #[arg(long)]
    ip_defaults: bool,
    /// Properties to set: a=1,b=[x,y].
    #[arg(long, value_name = "LIST")]
    add_config: Option<String>,
    /// A properties file with those to set.
    #[arg(long, value_name = "FILE")]
    add_config_file: Option<PathBuf>,
    /// Properties to give back to their defaults: a,b.
    #[arg(long, value_name = "LIST")]
    delete_config: Option<String>,
    /// Show defaults too.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
    #[command(flatten)]
    controller: ControllerFlag,
}

impl Configs {
    pub fn run(self) -> Outcome {
        self.controller.refuse()?;
        self.refuse_quotas()?;
        let (kind, name) = self.entity()?;
        let cluster = Cluster::connect(self.client.config()?)?;
        if self.alter {
            let name = name
                .ok_or_else(|| Refusal::new("--alter needs --entity-name or --entity-default"))?;
            alter(&cluster, kind, &name, &self.changes()?)?;
            return print(&format!(
                "Completed updating {}.\n",
                config_for(kind, &name)
            ));
        }
        let names = match name {
            Some(name) if is_unset(&cluster, kind, &name)? => {
                return Err(Refusal::new(format_args!(
                    "The {} '{name}' doesn't exist and doesn't have dynamic config.",
                    kind.name()
                )));
            }
            Some(name) => vec![name],
            None => every_name(&cluster, kind)?,
        };
        self.describe(&cluster, kind, &names)
    }

    /// Users, clients and addresses have quotas and credentials, which are not served yet.
    fn refuse_quotas(&self) -> Outcome {
        let kinds = ["users", "clients", "ips"];
        let named = self.entity_type.iter().map(String::as_str);
        let mut asked: Vec<&str> = named.filter(|kind| kinds.contains(kind)).collect();
        let flags = [
            (self.user.is_some() || self.user_defaults, "users"),
            (self.client_id.is_some() || self.client_defaults, "clients"),
            (self.ip.is_some() || self.ip_defaults, "ips"),
        ];
        asked.extend(
            flags
                .iter()
                .filter(|(given, _)| *given)
                .map(|(_, kind)| *kind),
        );
        match asked.first() {
            None => Ok(()),
            Some(kind) => Err(Refusal::new(format_args!(
                "{kind} have no properties here yet: quotas and SCRAM credentials are not served; \
                 topics, brokers, broker-loggers, groups and client-metrics have"
            ))),
        }
    }

    fn entity(&self) -> Result<(Kind, Option<String>), Refusal> {
        if let Some(topic) = &self.topic {
            return Ok((Kind::Topic, Some(topic.clone())));
        }
        if self.broker_defaults {
            return Ok((Kind::Broker, Some(String::new())));
        }
        let named = [
            (Kind::Broker, &self.broker),
            (Kind::Group, &self.group),
            (Kind::ClientMetrics, &self.client_metrics),
            (Kind::BrokerLogger, &self.broker_logger),
        ];
        for (kind, name) in named {
            if name.is_some() {
                return Ok((kind, name.clone()));
            }
        }
        let kind = match self.entity_type.as_deref() {
            Some("topics") => Kind::Topic,
            Some("brokers") => Kind::Broker,
            Some("groups") => Kind::Group,
            Some("client-metrics") => Kind::ClientMetrics,
            Some("broker-loggers") => Kind::BrokerLogger,
            Some(other) => {
                return Err(Refusal::new(format_args!(
                    "--entity-type {other} is not served; topics, brokers, groups, client-metrics \
                     and broker-loggers are"
                )));
            }
            None => return Err(Refusal::new("name what to look at: --entity-type topics")),
        };
        let name = match self.entity_default {
            true => Some(String::new()),
            false => self.entity_name.clone(),
        };
        Ok((kind, name))
    }

    fn changes(&self) -> Result<Vec<Change>, Refusal> {
        let mut changes = Vec::new();
        if let Some(file) = &self.add_config_file {
            let shown = file.display().to_string();
            let refuse =
                |error: &dyn std::fmt::Display| Refusal::new(format_args!("{shown}: {error}"));
            let text = std::fs::read_to_string(file).map_err(|error| refuse(&error))?;
            let given = crate::config::parse::parse(&text, &shown)?;
            changes.extend(
                given
                    .into_iter()
                    .map(|given| (given.name, Some(given.value))),
            );
        }
        if let Some(add) = &self.add_config {
            let added = parse_changes(add)
                .map_err(|error| Refusal::new(format_args!("--add-config: {error}")))?;
            changes.extend(added);
        }
        if let Some(delete) = &self.delete_config {
            changes.extend(delete.split(',').map(|name| (name.trim().to_owned(), None)));
        }
        if changes.is_empty() {
            return Err(Refusal::new(
                "--alter needs --add-config or --delete-config",
            ));
        }
        Ok(changes)
    }

    fn describe(&self, cluster: &Cluster, kind: Kind, names: &[String]) -> Outcome {
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let described = describe(cluster, kind, &asked)?;
        let mut out = String::new();
        let mut json = serde_json::Map::new();
        for (name, mut entries) in names.iter().zip(described) {
            entries.retain(|entry| self.all || entry.is_dynamic());
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            if self.json {
                let values = entries
                    .iter()
                    .map(|entry| (entry.name.clone(), serde_json::json!(entry.value)));
                json.insert(name.clone(), serde_json::Value::Object(values.collect()));
                continue;
            }
            let _ = match (kind, name.as_str(), self.all) {
                (Kind::Broker, "", _) => {
                    writeln!(out, "Default configs for brokers in the cluster are:")
                }
                (_, _, true) => writeln!(out, "All configs for {} are:", entity(kind, name)),
                (_, _, false) => writeln!(out, "Dynamic configs for {} are:", entity(kind, name)),
            };
            entries.iter().for_each(|entry| write(&mut out, entry));
        }
        match self.json {
            true => print(&format!("{}\n", serde_json::Value::Object(json))),
            false => print(&out),
        }
    }
}

fn write(out: &mut String, entry: &Entry) {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    let synonyms: Vec<String> = entry
        .synonyms
        .iter()
        .map(|(name, value, source)| {
            format!("{}:{name}={}", Entry::source_name(*source), shown(value))
        })
        .collect();
    let _ = writeln!(
        out,
        "  {}={} sensitive={} synonyms={{{}}}",
        entry.name,
        shown(&entry.value),
        entry.sensitive,
        synonyms.join(", ")
    );
}

fn every_name(cluster: &Cluster, kind: Kind) -> Result<Vec<String>, Refusal> {
    cluster.refresh(None, false)?;
    let known = cluster.known();
    Ok(match kind {
        Kind::Topic => known.topics.keys().map(ToString::to_string).collect(),
        Kind::Broker => {
            let brokers = known.brokers.keys().map(ToString::to_string);
            brokers.chain([String::new()]).collect()
        }
        kind => listed(cluster, kind)?,
    })
}

/// Groups and subscriptions are there, for this tool, once something is set for them.
fn is_unset(cluster: &Cluster, kind: Kind, name: &str) -> Result<bool, Refusal> {
    Ok(match kind {
        Kind::Group | Kind::ClientMetrics => !listed(cluster, kind)?.iter().any(|one| one == name),
        _ => false,
    })
}

fn entity(kind: Kind, name: &str) -> String {
    format!("{} {name}", kind.name())
}

fn config_for(kind: Kind, name: &str) -> String {
    match (kind, name) {
        (Kind::Broker, "") => "default config for brokers in the cluster".to_owned(),
        _ => format!("config for {}", entity(kind, name)),
    }
}
