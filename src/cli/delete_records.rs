//! `ottla delete-records`: moves the start of partitions forward, as `kafka-delete-records` does.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      guesses: partitions and offsets come from a file.

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use crate::client::Cluster;
use crate::protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};
use crate::protocol::{ErrorCode, TopicName};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// The flags of `ottla delete-records`.
#[derive(clap::Args, Debug)]
pub struct DeleteRecords {
    /// {"partitions": [{"topic": "t", "partition": 0, "offset": 5}], "version": 1}; records below
    /// the offset go, -1 is the high watermark.
    #[arg(long, value_name = "FILE")]
    offset_json_file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

impl DeleteRecords {
    pub fn run(self) -> Outcome {
        let shown = self.offset_json_file.display();
        let refuse = |error: &dyn std::fmt::Display| Refusal::new(format_args!("{shown}: {error}"));
        let text = std::fs::read_to_string(&self.offset_json_file).map_err(|e| refuse(&e))?;
        let wanted = parse(&text).map_err(|error| refuse(&error))?;
        let cluster = Cluster::connect(self.client.config()?)?;
        let names: Vec<&str> = wanted.iter().map(|(topic, ..)| topic.as_str()).collect();
        cluster.refresh(Some(&names), false)?;
        if !self.json {
            print("Executing records delete operation\n")?;
        }
        let mut by_leader: BTreeMap<i32, Vec<DeleteRecordsTopic<'_>>> = BTreeMap::new();
        let mut rows = Vec::new();
        for (topic, partition, offset) in &wanted {
            let Some((leader, ..)) = cluster.leader(topic, *partition) else {
                rows.push((topic.clone(), *partition, Err(UNKNOWN.to_owned())));
                continue;
            };
            by_leader
                .entry(leader)
                .or_default()
                .push(DeleteRecordsTopic {
                    name: TopicName(topic),
                    partitions: vec![DeleteRecordsPartition {
                        partition_index: *partition,
                        offset: *offset,
                    }],
                });
        }
        for (leader, topics) in by_leader {
            let request = DeleteRecordsRequest {
                topics,
                timeout_ms: 30_000,
            };
            let answer = cluster.call_broker(leader, &request)?;
            let response: DeleteRecordsResponse<'_> = answer.decode()?;
            for topic in &response.topics {
                for partition in &topic.partitions {
                    let moved = match partition.error_code {
                        ErrorCode::None => Ok(partition.low_watermark),
                        code => Err(format!("{code:?}")),
                    };
                    rows.push((topic.name.0.to_owned(), partition.partition_index, moved));
                }
            }
        }
        print(&report(&rows, self.json))?;
        match rows.iter().filter(|(.., moved)| moved.is_err()).count() {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "{count} partitions were refused"
            ))),
        }
    }
}

/// A partition, and where its log starts now or why not.
type Row = (String, i32, Result<i64, String>);

fn report(rows: &[Row], as_json: bool) -> String {
    if as_json {
        let rows = rows.iter().map(|(topic, partition, moved)| {
            serde_json::json!({
                "topic": topic, "partition": partition, "lowWatermark": moved.as_ref().ok(),
                "error": moved.as_ref().err(),
            })
        });
        return format!("{}\n", serde_json::Value::Array(rows.collect()));
    }
    let mut out = "Records delete operation completed:\n".to_owned();
    for (topic, partition, moved) in rows {
        let _ = match moved {
            Ok(low) => writeln!(out, "partition: {topic}-{partition}\tlow_watermark: {low}"),
            Err(error) => writeln!(out, "partition: {topic}-{partition}\terror: {error}"),
        };
    }
    out
}

const UNKNOWN: &str = "This server does not host this topic-partition.";

fn parse(text: &str) -> Result<Vec<(String, i32, i64)>, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let version = json
        .get("version")
        .and_then(serde_json::Value::as_i64)
        .unwrap_or(1);
    if version != 1 {
        return Err(format!("Not supported version field value {version}"));
    }
    let partitions = json.get("partitions").and_then(serde_json::Value::as_array);
    let partitions = partitions.ok_or("Missing partitions field")?;
    let mut wanted: Vec<(String, i32, i64)> = Vec::new();
    for entry in partitions {
        let number = |name: &str| entry.get(name).and_then(serde_json::Value::as_i64);
        let topic = entry.get("topic").and_then(serde_json::Value::as_str);
        let partition = number("partition").and_then(|number| i32::try_from(number).ok());
        let (Some(topic), Some(partition), Some(offset)) = (topic, partition, number("offset"))
        else {
            return Err(format!("{entry} needs topic, partition and offset"));
        };
        if wanted
            .iter()
            .any(|(name, index, _)| name == topic && *index == partition)
        {
            return Err(format!("partition {topic}-{partition} is named twice"));
        }
        wanted.push((topic.to_owned(), partition, offset));
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_each_partition_once() {
        let one = r#"{"partitions":[{"topic":"t","partition":0,"offset":5}],"version":1}"#;
        assert_eq!(parse(one).unwrap(), vec![("t".to_owned(), 0, 5)]);
        let twice = r#"{"partitions":[{"topic":"t","partition":0,"offset":5},
            {"topic":"t","partition":0,"offset":6}]}"#;
        assert!(parse(twice).is_err());
        assert!(parse("{}").is_err());
        assert!(parse(r#"{"version":2,"partitions":[]}"#).is_err());
    }
}
