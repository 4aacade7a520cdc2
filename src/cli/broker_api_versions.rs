//! `ottla broker-api-versions`: what each broker serves, as `kafka-broker-api-versions` prints it.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      shows what it only knows itself: every line is a broker's answer.

use super::ClientFlags;
use super::output::{Outcome, print};
use crate::client::Cluster;
use crate::protocol::ApiKey;
use std::fmt::Write;

/// The flags of `ottla broker-api-versions`.
#[derive(clap::Args, Debug)]
pub struct BrokerApiVersions {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

impl BrokerApiVersions {
    pub fn run(self) -> Outcome {
        let cluster = Cluster::connect(self.client.config()?)?;
        let mut out = String::new();
        let mut json = Vec::new();
        for (id, broker) in cluster.known().brokers {
            let ranges = cluster.api_versions(id)?;
            let named = |key: i16| ApiKey::from_code(key).map_or("UNKNOWN", ApiKey::name);
            if self.json {
                let apis = ranges.iter().map(|(key, (min, max))| {
                    serde_json::json!({ "key": key, "name": named(*key), "min": min, "max": max })
                });
                let apis: Vec<_> = apis.collect();
                json.push(serde_json::json!({ "broker": id, "apis": apis }));
                continue;
            }
            let rack = broker.rack.as_deref().unwrap_or("null");
            let _ = writeln!(
                out,
                "{} (id: {id} rack: {rack} isFenced: false) -> (",
                broker.address
            );
            let lines = ranges.iter().map(|(key, (low, high))| {
                let name = named(*key);
                let versions = match low == high {
                    true => low.to_string(),
                    false => format!("{low} to {high}"),
                };
                let ours = ApiKey::from_code(*key).and_then(ApiKey::versions);
                let usable = ours.and_then(|(min, max)| {
                    let best = max.min(*high);
                    (best >= min.max(*low)).then_some(best)
                });
                match usable {
                    Some(usable) => format!("\t{name}({key}): {versions} [usable: {usable}]"),
                    None => format!("\t{name}({key}): {versions} [unusable: node too new]"),
                }
            });
            let _ = writeln!(out, "{}\n)", lines.collect::<Vec<_>>().join(",\n"));
        }
        match self.json {
            true => print(&format!("{}\n", serde_json::Value::Array(json))),
            false => print(&out),
        }
    }
}
