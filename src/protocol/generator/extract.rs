//! Extracts the facts of Kafka's schema JSON: no comment, no licence text, no `about` sentence.
//!
//! Room:       `protocol/generator`.
//! Called by:  `main`, by hand, when a new Kafka version is adopted.
//! Never:      runs in a build.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::emit::snake;
use crate::schema::{Field, Message, Struct, Versions, print};

/// Reads every `*.json` below `source` (unpacked jars) and returns texts by path below `schema/`.
pub fn extract(source: &Path) -> BTreeMap<String, String> {
    let mut files = Vec::new();
    walk(source, &mut files);
    files.sort();
    let mut units: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let json: Value = serde_json::from_str(&without_comments(&text))
            .unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let message = message(&json);
        units
            .entry(unit(&file, &message))
            .or_default()
            .push(message);
    }
    for messages in units.values_mut() {
        messages.sort_by_key(|message| (message.api_key, message.name.clone()));
    }
    units
        .into_iter()
        .map(|(path, messages)| (path, print(&messages)))
        .collect()
}

/// Which text a message belongs to.
fn unit(file: &Path, message: &Message) -> String {
    let from = |jar: &str| file.to_string_lossy().contains(jar);
    let family = match message.kind.as_str() {
        "request" | "response" => {
            let name = message
                .name
                .trim_end_matches("Request")
                .trim_end_matches("Response");
            return format!("api/{}.txt", snake(name));
        }
        "header" => return "api/header.txt".into(),
        "metadata" if from("kafka-storage") => "remote_log",
        "metadata" => "metadata",
        _ if from("kafka-group-coordinator") => "group",
        _ if from("kafka-transaction-coordinator") => "transaction",
        _ if from("kafka-share-coordinator") => "share",
        _ => match message.name.as_str() {
            "ConsumerProtocolAssignment" | "ConsumerProtocolSubscription" => "consumer_protocol",
            "DefaultPrincipalData" => "principal",
            "AbortedTxn" | "ControlRecordTypeSchema" | "EndTxnMarker" | "ProducerSnapshot" => "log",
            _ => "raft",
        },
    };
    format!("records/{family}.txt")
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
}

/// Kafka's files hold `//` comments to the end of the line; no string in them holds `//`.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

fn message(json: &Value) -> Message {
    let text = |name: &str| json[name].as_str().map(str::to_string);
    let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
    Message {
        kind: text("type").expect("a type"),
        api_key: json["apiKey"].as_i64().map(|key| key as i16),
        name: text("name").expect("a name"),
        versions: Versions::parse(&text("validVersions").expect("versions")),
        flexible: Versions::parse(&text("flexibleVersions").unwrap_or("none".into())),
        listeners: list("listeners")
            .iter()
            .map(|name| name.as_str().unwrap_or("").into())
            .collect(),
        unstable: json["latestVersionUnstable"] == true,
        fields: list("fields").iter().map(field).collect(),
        structs: list("commonStructs")
            .iter()
            .map(|json| Struct {
                name: json["name"].as_str().expect("a name").into(),
                versions: Versions::parse(json["versions"].as_str().expect("versions")),
                fields: json["fields"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(field)
                    .collect(),
            })
            .collect(),
    }
}

fn field(json: &Value) -> Field {
    let versions = |name: &str| json[name].as_str().map(Versions::parse);
    let tagged = versions("taggedVersions");
    let mut name = json["name"].as_str().expect("a name").to_string();
    name[..1].make_ascii_uppercase();
    Field {
        name,
        kind: json["type"].as_str().expect("a type").into(),
        versions: versions("versions").or(tagged).expect("versions"),
        null: versions("nullableVersions").unwrap_or(Versions::NONE),
        tag: json["tag"]
            .as_u64()
            .map(|tag| (tag as u32, tagged.expect("tagged versions"))),
        default: match &json["default"] {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        },
        ignorable: json["ignorable"] == true,
        key: json["mapKey"] == true,
        entity: json["entityType"].as_str().map(Into::into),
        never_flexible: json["flexibleVersions"] == "none",
        zero_copy: json["zeroCopy"] == true,
        fields: json["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(field)
            .collect(),
    }
}
