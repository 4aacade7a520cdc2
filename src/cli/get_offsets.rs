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
    /// Topics and partitions in one: t1:0,t2:1-3 (without 3),t3:5-, instead of the two above.
    #[arg(long, value_name = "LIST", conflicts_with_all = ["topic", "partitions"])]
    topic_partitions: Option<String>,
    /// latest (-1), earliest (-2), max-timestamp (-3), earliest-local (-4), latest-tiered (-5),
    /// earliest-pending-upload (-6), or a time in milliseconds.
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
        let filters = match &self.topic_partitions {
            Some(list) => list.split(',').map(filter).collect::<Result<Vec<_>, _>>()?,
            None => {
                let partitions = match &self.partitions {
                    Some(list) => Partitions::These(numbers(list)?),
                    None => Partitions::Span(0, i32::MAX),
                };
                let topics = self.topic.as_deref().unwrap_or(".*");
                vec![(pattern("--topic", &topics.replace(',', "|"))?, partitions)]
            }
        };
        let cluster = Cluster::connect(self.client.config()?)?;
        cluster.refresh(None, false)?;
        let known = cluster.known();
        let mut wanted = Vec::new();
        for (name, topic) in &known.topics {
            if self.exclude_internal_topics && topic.internal {
                continue;
            }
            let chosen = topic.partitions.iter().map(|partition| partition.index);
            let chosen = chosen.filter(|index| {
                let mut filters = filters.iter();
                filters.any(|(topics, these)| topics.is_match(name) && these.contains(*index))
            });
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
        let lines = found
            .filter_map(|((topic, partition, _), listed)| line(topic, *partition, listed.offset));
        print(&lines.collect::<String>())
    }
}

/// A partition without such an offset is left out, as Kafka's tool does.
fn line(topic: &str, partition: i32, offset: i64) -> Option<String> {
    (offset != -1).then(|| format!("{topic}:{partition}:{offset}\n"))
}

/// Which partitions of a topic.
enum Partitions {
    These(Vec<i32>),
    /// From, and before.
    Span(i32, i32),
}

impl Partitions {
    fn contains(&self, index: i32) -> bool {
        match self {
            Self::These(these) => these.contains(&index),
            Self::Span(from, before) => (*from..*before).contains(&index),
        }
    }
}

fn pattern(flag: &str, text: &str) -> Result<regex_lite::Regex, Refusal> {
    regex_lite::Regex::new(&format!("^(?:{text})$"))
        .map_err(|error| Refusal::new(format_args!("{flag} is no regular expression: {error}")))
}

/// One item of `--topic-partitions`: TOPIC, TOPIC:N, TOPIC:FROM-BEFORE; a side may be left out.
fn filter(item: &str) -> Result<(regex_lite::Regex, Partitions), Refusal> {
    let refuse = || {
        Refusal::new(format_args!(
            "--topic-partitions takes TOPIC:PARTITION or TOPIC:FROM-BEFORE, not '{item}'"
        ))
    };
    let (topics, partitions) = item.split_once(':').unwrap_or((item, ""));
    let topics = if topics.is_empty() { ".*" } else { topics };
    let number = |text: &str, otherwise| match text {
        "" => Ok(otherwise),
        text => text.parse::<u16>().map(i32::from).map_err(|_| refuse()),
    };
    let partitions = match partitions.split_once('-') {
        Some((from, before)) => Partitions::Span(number(from, 0)?, number(before, i32::MAX)?),
        None if partitions.is_empty() => Partitions::Span(0, i32::MAX),
        None => Partitions::These(vec![number(partitions, 0)?]),
    };
    Ok((pattern("--topic-partitions", topics)?, partitions))
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
                "--time takes latest, earliest, max-timestamp, earliest-local, latest-tiered, \
                 earliest-pending-upload or milliseconds, not '{other}'"
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
    fn a_filter_names_topics_and_a_span() {
        let fits = |item, topic: &str, index| {
            let (topics, partitions) = filter(item).unwrap();
            topics.is_match(topic) && partitions.contains(index)
        };
        assert!(fits("t", "t", 7) && !fits("t", "tt", 7));
        assert!(fits("t:1", "t", 1) && !fits("t:1", "t", 2));
        assert!(fits("t.*:1-3", "tt", 2) && !fits("t:1-3", "t", 3));
        assert!(fits(":2-", "any", 9) && !fits(":-2", "any", 2));
        assert!(filter("t:x").is_err() && filter("t:1-2-3").is_err());
    }

    #[test]
    fn what_has_no_such_offset_has_no_line() {
        assert_eq!(line("t", 1, 0).as_deref(), Some("t:1:0\n"));
        assert_eq!(line("t", 1, -1), None);
    }

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
