//! `ottla get-offsets`: offsets of partitions at a time, as `kafka-get-offsets` prints them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      prints a partition that has no answer.

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use crate::client::Cluster;
use crate::client::admin::{OffsetSpec, list_offsets};

/// The flags of `ottla get-offsets`.
#[derive(clap::Args, Debug)]
pub struct GetOffsets {
    /// Topics, as a regular expression; all without it.
    #[arg(long, value_name = "PATTERN")]
    topic: Option<String>,
    /// Which partitions: 0,2.
    #[arg(long, value_name = "LIST")]
    partitions: Option<String>,
    /// latest (-1), earliest (-2), max-timestamp (-3), earliest-local (-4), latest-tiered (-5), or
    /// a time in milliseconds.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "latest",
        allow_hyphen_values = true
    )]
    time: String,
    /// Leave internal topics out.
    #[arg(long)]
    exclude_internal_topics: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

impl GetOffsets {
    pub fn run(self) -> Outcome {
        let spec = spec(&self.time)?;
        let partitions = match &self.partitions {
            Some(list) => Some(numbers(list)?),
            None => None,
        };
        let pattern = self.topic.as_deref().unwrap_or(".*").replace(',', "|");
        let pattern = regex_lite::Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
            Refusal::new(format_args!("--topic is no regular expression: {error}"))
        })?;
        let cluster = Cluster::connect(self.client.config()?)?;
        cluster.refresh(None, false)?;
        let known = cluster.known();
        let mut wanted = Vec::new();
        for (name, topic) in &known.topics {
            if !pattern.is_match(name) || self.exclude_internal_topics && topic.internal {
                continue;
            }
            let chosen = topic.partitions.iter().map(|partition| partition.index);
            let chosen = chosen.filter(|i| partitions.as_ref().is_none_or(|p| p.contains(i)));
            wanted.extend(chosen.map(|index| (&**name, index, spec)));
        }
        if wanted.is_empty() {
            return Err(Refusal::new(
                "Could not match any topic-partitions with the specified filters",
            ));
        }
        let listed = list_offsets(&cluster, &wanted)?;
        let found = wanted.iter().zip(listed);
        if self.json {
            let rows = found.map(|((topic, partition, _), listed)| {
                serde_json::json!({
                    "topic": topic, "partition": partition, "offset": listed.offset,
                    "timestamp": listed.timestamp, "leaderEpoch": listed.leader_epoch,
                })
            });
            return print(&format!("{}\n", serde_json::Value::Array(rows.collect())));
        }
        let lines = found.map(|((topic, partition, _), listed)| match listed.offset {
            -1 => format!("{topic}:{partition}:\n"),
            offset => format!("{topic}:{partition}:{offset}\n"),
        });
        print(&lines.collect::<String>())
    }
}

fn spec(text: &str) -> Result<OffsetSpec, Refusal> {
    match text {
        "latest" | "-1" => Ok(OffsetSpec::Latest),
        "earliest" | "-2" => Ok(OffsetSpec::Earliest),
        "max-timestamp" | "-3" => Ok(OffsetSpec::MaxTimestamp),
        "earliest-local" => Ok(OffsetSpec::Raw(-4)),
        "latest-tiered" => Ok(OffsetSpec::Raw(-5)),
        "earliest-pending-upload" => Ok(OffsetSpec::Raw(-6)),
        other => match other.parse() {
            Ok(time @ -6..) => Ok(OffsetSpec::Raw(time)),
            _ => Err(Refusal::new(format_args!(
                "--time takes latest, earliest, max-timestamp or milliseconds, not '{other}'"
            ))),
        },
    }
}

fn numbers(list: &str) -> Result<Vec<i32>, Refusal> {
    let parsed: Result<Vec<i32>, _> = list
        .split(',')
        .map(|number| number.trim().parse())
        .collect();
    parsed.map_err(|_| Refusal::new(format_args!("--partitions takes numbers, not '{list}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_words_or_milliseconds() {
        assert_eq!(spec("-1").unwrap(), OffsetSpec::Latest);
        assert_eq!(spec("earliest").unwrap(), OffsetSpec::Earliest);
        assert_eq!(spec("1700000000000").unwrap().code(), 1_700_000_000_000);
        assert_eq!(spec("-5").unwrap().code(), -5);
        assert!(spec("-7").is_err());
        assert!(spec("now").is_err());
    }
}
