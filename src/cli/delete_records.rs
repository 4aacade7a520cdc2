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
        print("Executing records delete operation\n")?;
        let mut by_leader: BTreeMap<i32, Vec<DeleteRecordsTopic<'_>>> = BTreeMap::new();
        let mut out = "Records delete operation completed:\n".to_owned();
        let mut failed = 0;
        for (topic, partition, offset) in &wanted {
            let Some((leader, ..)) = cluster.leader(topic, *partition) else {
                let _ = writeln!(out, "partition: {topic}-{partition}\terror: {UNKNOWN}");
                failed += 1;
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
                    let name = format!("{}-{}", topic.name.0, partition.partition_index);
                    let _ = match partition.error_code {
                        ErrorCode::None => writeln!(
                            out,
                            "partition: {name}\tlow_watermark: {}",
                            partition.low_watermark
                        ),
                        code => {
                            failed += 1;
                            writeln!(out, "partition: {name}\terror: {code:?}")
                        }
                    };
                }
            }
        }
        print(&out)?;
        match failed {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "{count} partitions were refused"
            ))),
        }
    }
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
