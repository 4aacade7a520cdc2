//! What `reassign-partitions` moves: its files read, checked and written, and a proposal made.
//!
//! Room:       `cli`.
//! Called by:  `reassign_partitions`.
//! Never:      talks to a broker.

use super::output::Refusal;
use super::partition_file;
use serde_json::{Value, json};
use std::path::Path;

/// One partition of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub topic: String,
    pub partition: i32,
    pub replicas: Vec<i32>,
    /// As many as `replicas`; `any` leaves the choice to the broker.
    pub log_dirs: Vec<String>,
}

/// A replica's log dir that anyone may choose.
pub const ANY: &str = "any";

/// Goes round the brokers, partition by partition, as many replicas as there are now.
pub fn propose(current: &[Wanted], brokers: &[i32]) -> Result<Vec<Wanted>, Refusal> {
    let mut proposed = Vec::new();
    for (place, one) in current.iter().enumerate() {
        let count = one.replicas.len();
        if count > brokers.len() {
            return Err(Refusal::new(format_args!(
                "Unable to replicate the partition {count} time(s): The target replication factor \
                 of {count} cannot be reached because only {} broker(s) are registered.",
                brokers.len()
            )));
        }
        let replicas = (0..count).map(|replica| brokers[(place + replica) % brokers.len()]);
        proposed.push(Wanted {
            replicas: replicas.collect(),
            log_dirs: vec![ANY.to_owned(); count],
            ..one.clone()
        });
    }
    Ok(proposed)
}

pub fn wanted(file: &Path) -> Result<Vec<Wanted>, Refusal> {
    let entries = partition_file::entries(file, "partitions")?;
    let read = entries.into_iter().map(|(topic, partition, entry)| {
        let refuse = |reason: &str| {
            let shown = file.display();
            Refusal::new(format_args!("{shown}: {topic}-{partition}: {reason}"))
        };
        let replicas = entry.get("replicas").and_then(Value::as_array);
        let replicas = replicas.ok_or_else(|| refuse("replicas are missing"))?;
        let ids = replicas
            .iter()
            .map(|id| id.as_i64().and_then(|id| i32::try_from(id).ok()));
        let replicas: Option<Vec<i32>> = ids.collect();
        let replicas = replicas.ok_or_else(|| refuse("replicas are broker ids"))?;
        let twice = (1..replicas.len()).any(|place| replicas[..place].contains(&replicas[place]));
        if replicas.is_empty() || twice {
            return Err(refuse(
                "each replica is on a broker of its own, and there is one at least",
            ));
        }
        let log_dirs = match entry.get("log_dirs").and_then(Value::as_array) {
            None => vec![ANY.to_owned(); replicas.len()],
            Some(dirs) => dirs
                .iter()
                .map(|dir| dir.as_str().unwrap_or(ANY).to_owned())
                .collect(),
        };
        if log_dirs.len() != replicas.len() {
            return Err(refuse("there are not as many log_dirs as replicas"));
        }
        Ok(Wanted {
            topic,
            partition,
            replicas,
            log_dirs,
        })
    });
    read.collect()
}

pub fn topics_to_move(file: &Path) -> Result<Vec<String>, Refusal> {
    let json = partition_file::parse(file)?;
    let refuse = || {
        let shown = file.display();
        Refusal::new(format_args!(
            "{shown}: write {{\"topics\": [{{\"topic\": \"a\"}}]}}"
        ))
    };
    let topics = json
        .get("topics")
        .and_then(Value::as_array)
        .ok_or_else(refuse)?;
    let names = topics
        .iter()
        .map(|entry| entry.get("topic").and_then(Value::as_str));
    names
        .map(|name| name.map(str::to_owned).ok_or_else(refuse))
        .collect()
}

pub fn numbers(list: &str) -> Result<Vec<i32>, Refusal> {
    let parsed = list.split(',').map(|id| id.trim().parse());
    parsed
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::new(format_args!("--broker-list takes broker ids, not '{list}'")))
}

pub fn as_json(wanted: &[Wanted]) -> Value {
    serde_json::from_str(&as_text(wanted)).unwrap_or_default()
}

/// In the order of fields in which Kafka's tool writes them.
pub fn as_text(wanted: &[Wanted]) -> String {
    let partitions = wanted.iter().map(|one| {
        format!(
            "{{\"topic\":{},\"partition\":{},\"replicas\":{},\"log_dirs\":{}}}",
            json!(one.topic),
            one.partition,
            json!(one.replicas),
            json!(one.log_dirs)
        )
    });
    let partitions: Vec<String> = partitions.collect();
    format!(
        "{{\"version\":1,\"partitions\":[{}]}}",
        partitions.join(",")
    )
}

pub fn name(one: &Wanted) -> String {
    format!("{}-{}", one.topic, one.partition)
}

pub fn joined(ids: &[i32]) -> String {
    let shown: Vec<String> = ids.iter().map(ToString::to_string).collect();
    shown.join(",")
}

pub fn not_found(topic: &str) -> Refusal {
    Refusal::new(format_args!("Topic {topic} not found."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_goes_round_the_brokers() {
        let one = |partition, replicas: &[i32]| Wanted {
            topic: "t".to_owned(),
            partition,
            replicas: replicas.to_vec(),
            log_dirs: Vec::new(),
        };
        let current = [one(0, &[1, 2]), one(1, &[1, 2]), one(2, &[2, 1])];
        let proposed = propose(&current, &[1, 2, 3]).expect("enough brokers");
        let replicas: Vec<_> = proposed.into_iter().map(|one| one.replicas).collect();
        assert_eq!(replicas, [vec![1, 2], vec![2, 3], vec![3, 1]]);
        assert!(propose(&current, &[1]).is_err());
        assert!(propose(&current, &[]).is_err());
        let text = r#"{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":[]}"#;
        let whole = format!(r#"{{"version":1,"partitions":[{text}]}}"#);
        assert_eq!(as_text(&current[..1]), whole);
    }
}
