//! `ottla broker-api-versions`: what each broker serves, as `kafka-broker-api-versions` prints it.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      shows what it only knows itself: every line is a broker's answer.

use super::ClientFlags;
use super::output::{Outcome, print};
use crate::client::Cluster;
use crate::client::connection::ApiRange;
use crate::protocol::ApiKey;
use std::collections::BTreeMap;
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
            let _ = writeln!(out, "{}\n)", lines(&ranges).join(",\n"));
        }
        match self.json {
            true => print(&format!("{}\n", serde_json::Value::Array(json))),
            false => print(&out),
        }
    }
}

/// A line for each key the broker names, and for each it should name and does not.
fn lines(ranges: &[ApiRange]) -> Vec<String> {
    let mut by_key: BTreeMap<i16, String> = ApiKey::all()
        .filter(|key| key.is_for_broker() && key.versions().is_some())
        .map(|key| {
            let line = format!("\t{}({}): UNSUPPORTED", key.name(), key.code());
            (key.code(), line)
        })
        .collect();
    by_key.extend(ranges.iter().map(|range| (range.0, line(*range))));
    by_key.into_values().collect()
}

fn line((key, (low, high)): ApiRange) -> String {
    let known = ApiKey::from_code(key);
    let name = known.map_or("UNKNOWN", ApiKey::name);
    let versions = match low == high {
        true => low.to_string(),
        false => format!("{low} to {high}"),
    };
    let usable = match known.and_then(ApiKey::versions) {
        None => String::new(),
        Some((_, max)) if max < low => " [unusable: node too new]".to_owned(),
        Some((min, _)) if high < min => " [unusable: node too old]".to_owned(),
        Some((_, max)) => format!(" [usable: {}]", max.min(high)),
    };
    format!("\t{name}({key}): {versions}{usable}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_says_what_can_be_used_of_it() {
        let (min, max) = ApiKey::Metadata.versions().expect("it is ours");
        assert_eq!(
            line((3, (min, max + 2))),
            format!("\tMetadata(3): {min} to {} [usable: {max}]", max + 2)
        );
        assert_eq!(
            line((3, (max + 1, max + 1))),
            format!("\tMetadata(3): {} [unusable: node too new]", max + 1)
        );
        let (min, _) = ApiKey::Produce.versions().expect("it is ours");
        if min > 0 {
            let old = line((0, (0, min - 1)));
            assert!(old.ends_with("[unusable: node too old]"), "{old}");
        }
        assert_eq!(line((999, (0, 1))), "\tUNKNOWN(999): 0 to 1");
        let all = lines(&[(3, (0, 1))]);
        assert!(all.contains(&"\tFetch(1): UNSUPPORTED".to_owned()));
        assert!(all[0].starts_with("\tProduce(0)"));
    }
}
