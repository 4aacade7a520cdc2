//! `ottla features`: the levels a cluster agreed on, as `kafka-features` shows and changes them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      asks a broker for a feature it does not know, when a whole release is asked for.

use super::ClientFlags;
use super::client_flags::ControllerFlag;
use super::output::{Outcome, Refusal, print};
use super::release::{METADATA_VERSION, RELEASES, levels, metadata_level, metadata_name};
use crate::client::{ClientError, Cluster};
use crate::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::messages::update_features::{
    FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The commands of `ottla features`.
#[derive(clap::Args, Debug)]
pub struct Features {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
    #[command(flatten)]
    controller: ControllerFlag,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Shows what is served and what is agreed on.
    Describe,
    /// Raises levels.
    Upgrade(Change),
    /// Lowers levels.
    Downgrade {
        #[command(flatten)]
        change: Change,
        /// Even if metadata is lost by it.
        #[arg(long = "unsafe")]
        is_unsafe: bool,
    },
    /// Sets features to level 0.
    Disable {
        /// Which; may be repeated.
        #[arg(long, value_name = "NAME", required = true)]
        feature: Vec<String>,
        /// Even if metadata is lost by it.
        #[arg(long = "unsafe")]
        is_unsafe: bool,
        /// Only say whether it could be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Prints the levels a release of Apache Kafka starts with.
    VersionMapping {
        /// Which release; the newest without it.
        #[arg(long, value_name = "RELEASE")]
        release_version: Option<String>,
    },
    /// Prints which levels need which others.
    FeatureDependencies {
        /// Which: NAME=LEVEL; may be repeated.
        #[arg(long, value_name = "NAME=LEVEL", required = true)]
        feature: Vec<String>,
    },
}

/// What to raise or to lower.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("wanted").required(true).multiple(true))]
struct Change {
    /// A feature and its level: NAME=LEVEL; may be repeated.
    #[arg(
        long,
        value_name = "NAME=LEVEL",
        group = "wanted",
        conflicts_with = "release_version"
    )]
    feature: Vec<String>,
    /// metadata.version, by its level or name.
    #[arg(
        long,
        value_name = "LEVEL",
        group = "wanted",
        conflicts_with = "release_version"
    )]
    metadata: Option<String>,
    /// All features as this release of Apache Kafka has them.
    #[arg(long, value_name = "RELEASE", group = "wanted")]
    release_version: Option<String>,
    /// Only say whether it could be done.
    #[arg(long)]
    dry_run: bool,
}

/// `FeatureUpdate.UpgradeType` on the wire, with what a tool says about it.
#[derive(Clone, Copy)]
struct Kind {
    code: i8,
    verb: &'static str,
    done: &'static str,
}

const UPGRADE: Kind = Kind {
    code: 1,
    verb: "upgrade",
    done: "upgraded",
};
const DOWNGRADE: Kind = Kind {
    code: 2,
    verb: "downgrade",
    done: "downgraded",
};
const DISABLE: Kind = Kind {
    code: 2,
    verb: "disable",
    done: "disabled",
};
const UNSAFE_CODE: i8 = 3;

impl Features {
    pub fn run(self) -> Outcome {
        self.controller.refuse()?;
        let safe = |kind: Kind, is_unsafe| match is_unsafe {
            true => Kind {
                code: UNSAFE_CODE,
                ..kind
            },
            false => kind,
        };
        match &self.command {
            Command::VersionMapping { release_version } => {
                return version_mapping(release_version.as_deref(), self.json);
            }
            Command::FeatureDependencies { feature } => return dependencies(feature),
            _ => {}
        }
        let cluster = Cluster::connect(self.client.config()?)?;
        match &self.command {
            Command::Describe => self.describe(&cluster),
            Command::Upgrade(change) => {
                update(&cluster, &change.levels(&cluster)?, UPGRADE, change.dry_run)
            }
            Command::Downgrade { change, is_unsafe } => {
                let kind = safe(DOWNGRADE, *is_unsafe);
                update(&cluster, &change.levels(&cluster)?, kind, change.dry_run)
            }
            Command::Disable {
                feature,
                is_unsafe,
                dry_run,
            } => {
                let levels = feature.iter().map(|name| (name.clone(), 0)).collect();
                update(&cluster, &levels, safe(DISABLE, *is_unsafe), *dry_run)
            }
            Command::VersionMapping { .. } | Command::FeatureDependencies { .. } => Ok(()),
        }
    }

    fn describe(&self, cluster: &Cluster) -> Outcome {
        let answer = cluster.call_any(&api_versions())?;
        let response: ApiVersionsResponse<'_> = answer.decode()?;
        let finalized = |name: &str| {
            let mut levels = response.finalized_features.iter();
            let level = levels.find(|level| level.name == name);
            level.map_or(0, |level| level.max_version_level)
        };
        let epoch = response.finalized_features_epoch;
        let mut supported: Vec<_> = response.supported_features.iter().collect();
        supported.sort_by_key(|feature| feature.name);
        if self.json {
            let features = supported.iter().map(|feature| {
                json!({
                    "feature": feature.name, "supportedMinVersion": feature.min_version,
                    "supportedMaxVersion": feature.max_version,
                    "finalizedVersionLevel": finalized(feature.name), "epoch": epoch,
                })
            });
            let features: Vec<_> = features.collect();
            return print(&format!("{}\n", json!(features)));
        }
        let mut out = String::new();
        for feature in supported {
            let name = feature.name;
            let _ = writeln!(
                out,
                "Feature: {name:<42}SupportedMinVersion: {:<17}SupportedMaxVersion: {:<17}\
                 FinalizedVersionLevel: {:<17}Epoch: {epoch}",
                shown(name, feature.min_version),
                shown(name, feature.max_version),
                shown(name, finalized(name)),
            );
        }
        print(&out)
    }
}

/// Prints what a release starts a cluster with; the newest without one.
pub fn version_mapping(release: Option<&str>, as_json: bool) -> Outcome {
    let newest = RELEASES[RELEASES.len() - 1];
    let release = release.unwrap_or_else(|| metadata_name(newest.1).unwrap_or(newest.0));
    let levels = levels(release).ok_or_else(|| unknown_release(release))?;
    if as_json {
        let levels: serde_json::Map<_, _> = levels
            .into_iter()
            .map(|(name, level)| (name.to_owned(), level.into()))
            .collect();
        return print(&format!("{}\n", serde_json::Value::Object(levels)));
    }
    let lines = levels.into_iter().map(|(name, level)| match name {
        METADATA_VERSION => format!("{name}={level} ({release})\n"),
        _ => format!("{name}={level}\n"),
    });
    print(&lines.collect::<String>())
}

impl Change {
    fn levels(&self, cluster: &Cluster) -> Result<BTreeMap<String, i16>, Refusal> {
        if let Some(release) = &self.release_version {
            let levels = levels(release).ok_or_else(|| unknown_release(release))?;
            let answer = cluster.call_any(&api_versions())?;
            let response: ApiVersionsResponse<'_> = answer.decode()?;
            let is_served = |name: &str| {
                let mut served = response.supported_features.iter();
                served.any(|feature| feature.name == name)
            };
            let levels = levels.into_iter().filter(|(name, _)| is_served(name));
            return Ok(levels
                .map(|(name, level)| (name.to_owned(), level))
                .collect());
        }
        let mut wanted = BTreeMap::new();
        if let Some(level) = &self.metadata {
            let level = metadata_level(level).ok_or_else(|| unknown_release(level))?;
            wanted.insert(METADATA_VERSION.to_owned(), level);
        }
        for text in &self.feature {
            let (name, level) = parse(text)?;
            if wanted.insert(name, level).is_some() {
                return Err(Refusal::new(format_args!(
                    "{text}: the feature is named twice"
                )));
            }
        }
        Ok(wanted)
    }
}

fn update(cluster: &Cluster, levels: &BTreeMap<String, i16>, kind: Kind, dry_run: bool) -> Outcome {
    let updates = levels.iter().map(|(name, level)| FeatureUpdateKey {
        feature: name,
        max_version_level: *level,
        upgrade_type: kind.code,
        ..FeatureUpdateKey::default()
    });
    let request = UpdateFeaturesRequest {
        timeout_ms: 60_000,
        feature_updates: updates.collect(),
        validate_only: dry_run,
    };
    let answer = cluster.call_controller(&request)?;
    let response: UpdateFeaturesResponse<'_> = answer.decode()?;
    let refused = ClientError::check(response.error_code, response.error_message, String::new);
    let reason = response
        .error_message
        .unwrap_or_else(|| response.error_code.name());
    let could = if dry_run { "Can not" } else { "Could not" };
    let mut out = String::new();
    for (name, level) in levels {
        let what = match kind.verb {
            "disable" => name.clone(),
            _ => format!("{name} to {level}"),
        };
        let to = if kind.verb == "disable" {
            String::new()
        } else {
            format!(" to {level}")
        };
        let _ = match (&refused, dry_run) {
            (Err(_), _) => writeln!(out, "{could} {} {what}. {reason}", kind.verb),
            (Ok(()), true) => writeln!(out, "{name} can be {}{to}.", kind.done),
            (Ok(()), false) => writeln!(out, "{name} was {}{to}.", kind.done),
        };
    }
    print(&out)?;
    let count = levels.len();
    refused.map_err(|_| Refusal::new(format_args!("{count} out of {count} operation(s) failed.")))
}

fn api_versions() -> ApiVersionsRequest<'static> {
    ApiVersionsRequest {
        client_software_name: "ottla",
        client_software_version: env!("CARGO_PKG_VERSION"),
        ..ApiVersionsRequest::default()
    }
}

/// Levels of `metadata.version` are shown by their names.
fn shown(feature: &str, level: i16) -> String {
    match (feature, metadata_name(level)) {
        (METADATA_VERSION, Some(name)) => name.to_owned(),
        _ => level.to_string(),
    }
}

/// A feature and its level out of NAME=LEVEL.
pub fn parse(text: &str) -> Result<(String, i16), Refusal> {
    let refuse = |reason: &str| {
        Refusal::new(format_args!(
            "Can't parse feature=level string {text}: {reason}"
        ))
    };
    let (name, level) = text
        .split_once('=')
        .ok_or_else(|| refuse("equals sign not found."))?;
    let level = level.trim();
    let number = match name.trim() {
        METADATA_VERSION => metadata_level(level),
        _ => level.parse().ok(),
    };
    let number = number.ok_or_else(|| refuse(&format!("unable to parse {level} as a short.")))?;
    Ok((name.trim().to_owned(), number))
}

/// Prints which levels need which others.
pub fn dependencies(features: &[String]) -> Outcome {
    let mut out = String::new();
    let newest = levels(RELEASES[RELEASES.len() - 1].0).unwrap_or_default();
    for text in features {
        let (name, level) = parse(text)?;
        let Some((_, highest)) = newest.iter().find(|(known, _)| *known == name) else {
            return Err(Refusal::new(format_args!("Unknown feature: {name}")));
        };
        if !(0..=*highest).contains(&level) {
            return Err(Refusal::new(format_args!(
                "No feature:{name} with feature level {level}"
            )));
        }
        let named = match (name.as_str(), metadata_name(level)) {
            (METADATA_VERSION, Some(version)) => format!("{name}={level} ({version})"),
            _ => format!("{name}={level}"),
        };
        let _ = match (name.as_str(), level) {
            ("eligible.leader.replicas.version", 1..) => {
                writeln!(out, "{named} requires:\n    metadata.version=23 (4.0-IV1)")
            }
            _ => writeln!(out, "{named} has no dependencies."),
        };
    }
    print(&out)
}

/// Refuses what is no release.
pub fn unknown_release(release: &str) -> Refusal {
    let known: Vec<&str> = RELEASES.iter().map(|(name, _)| *name).collect();
    Refusal::new(format_args!(
        "Unknown metadata.version '{release}'. Supported metadata.version are: {}",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_by_number_and_by_name() {
        let read = |text: &str| parse(text).ok();
        assert_eq!(
            read("group.version=1"),
            Some(("group.version".to_owned(), 1))
        );
        let metadata = (METADATA_VERSION.to_owned(), 25);
        assert_eq!(read("metadata.version=25"), Some(metadata.clone()));
        assert_eq!(read("metadata.version=4.0-IV3"), Some(metadata));
        assert_eq!(read("group.version"), None);
        assert_eq!(read("group.version=x"), None);
    }
}
