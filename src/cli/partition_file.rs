//! The JSON files by which tools are told partitions: `{"partitions": [{"topic": …}]}`.
//!
//! Room:       `cli`.
//! Called by:  `leader_election`, `reassign_partitions`.
//! Never:      takes a partition that is named twice.

use super::output::Refusal;
use serde_json::Value;
use std::path::Path;

/// The partitions a file names.
pub fn read(file: &Path) -> Result<Vec<(String, i32)>, Refusal> {
    let entries = entries(file, "partitions")?;
    let read = entries
        .iter()
        .map(|(topic, partition, _)| (topic.clone(), *partition));
    Ok(read.collect())
}

/// Topic, partition and the whole entry of each.
pub fn entries(file: &Path, field: &str) -> Result<Vec<(String, i32, Value)>, Refusal> {
    let json = parse(file)?;
    named(&json, field).map_err(|reason| Refusal::new(format_args!("{}: {reason}", file.display())))
}

/// A file's JSON, of version 1.
pub fn parse(file: &Path) -> Result<Value, Refusal> {
    let refuse = |reason: String| Refusal::new(format_args!("{}: {reason}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    let json: Value = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    match json.get("version").map_or(Some(1), Value::as_i64) {
        Some(1) => Ok(json),
        _ => Err(refuse("only version 1 is known".to_owned())),
    }
}

fn named(json: &Value, field: &str) -> Result<Vec<(String, i32, Value)>, String> {
    let list = json.get(field).and_then(Value::as_array);
    let list = list.ok_or_else(|| format!("it has no list '{field}'"))?;
    let mut found: Vec<(String, i32, Value)> = Vec::new();
    for entry in list {
        let topic = entry.get("topic").and_then(Value::as_str);
        let partition = entry.get("partition").and_then(Value::as_i64);
        let partition = partition.and_then(|number| i32::try_from(number).ok());
        let (Some(topic), Some(partition)) = (topic, partition) else {
            return Err(format!("{entry} needs topic and partition"));
        };
        if found
            .iter()
            .any(|(name, index, _)| name == topic && *index == partition)
        {
            return Err(format!("{topic}-{partition} is named twice"));
        }
        found.push((topic.to_owned(), partition, entry.clone()));
    }
    match found.is_empty() {
        true => Err(format!("the list '{field}' is empty")),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_is_named_once() {
        let read = |text: &str| {
            let json: Value = serde_json::from_str(text).expect("JSON");
            named(&json, "partitions").map(|found| found.len())
        };
        let one = r#"{"topic":"t","partition":0}"#;
        let other = r#"{"topic":"t","partition":1}"#;
        assert_eq!(read(&format!(r#"{{"partitions":[{one},{other}]}}"#)), Ok(2));
        for wrong in [
            "{}".to_owned(),
            r#"{"partitions":[]}"#.to_owned(),
            format!(r#"{{"partitions":[{one},{one}]}}"#),
            r#"{"partitions":[{"topic":"t"}]}"#.to_owned(),
            r#"{"partitions":[{"topic":"t","partition":3000000000}]}"#.to_owned(),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
