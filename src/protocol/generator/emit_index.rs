//! The lists: module files, `ApiKey` with its table, the enums of record types.
//!
//! Room:       `protocol/generator`.
//! Called by:  `emit`.
//! Never:      knows fields.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::emit::{Unit, head, snake, stem};
use crate::schema::Message;

pub fn emit(units: &[Unit], files: &mut BTreeMap<String, String>) {
    let mut families: BTreeMap<&str, Vec<&Unit>> = BTreeMap::new();
    for unit in units {
        families.entry(&unit.folder).or_default().push(unit);
    }
    let mut root = head("The generated part of the crate.", "");
    root.push_str("pub mod api;\npub mod api_key;\npub mod records;\n");
    files.insert("mod.rs".into(), root);
    files.insert("api_key.rs".into(), api_key(&families["api"]));
    let mut records = head(
        "The records of Kafka's internal logs, one module per log.",
        "records",
    );
    for (folder, units) in &families {
        if let Some(family) = folder.strip_prefix("records/") {
            let _ = writeln!(records, "pub mod {family};");
            files.insert(format!("{folder}/mod.rs"), family_text(family, units));
        } else {
            files.insert(format!("{folder}/mod.rs"), api_text(units));
        }
    }
    let _ = write!(records, "\n{}", for_each_record(&families));
    files.insert("records/mod.rs".into(), records);
}

fn messages<'u>(units: &[&'u Unit]) -> impl Iterator<Item = &'u Message> {
    let messages = units.iter().flat_map(|unit| unit.messages.iter());
    messages
        .filter(|message| !message.versions.is_none())
        .collect::<Vec<_>>()
        .into_iter()
}

fn modules(units: &[&Unit]) -> String {
    let mut text = String::new();
    let lists: Vec<(&str, Vec<&str>)> = units
        .iter()
        .map(|unit| {
            let valid = unit
                .messages
                .iter()
                .filter(|message| !message.versions.is_none());
            (
                unit.module.as_str(),
                valid
                    .map(|message| message.name.as_str())
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, names)| !names.is_empty())
        .collect();
    for (module, _) in &lists {
        let _ = writeln!(text, "pub mod {module};");
    }
    text.push('\n');
    for (module, mut names) in lists {
        names.sort_unstable();
        match names[..] {
            [name] => {
                let _ = writeln!(text, "pub use {module}::{name};");
            }
            _ => {
                let _ = writeln!(text, "pub use {module}::{{{}}};", names.join(", "));
            }
        }
    }
    text
}

fn api_text(units: &[&Unit]) -> String {
    let mut text = head(
        "One module per API; the messages themselves are found here.",
        "api",
    );
    text.push_str(&modules(units));
    text.push_str(
        "\n/// Calls `$callback!` with every API that has messages: its key, request, response.\n\
         #[macro_export]\nmacro_rules! for_each_api {\n    ($callback:ident) => {\n        $callback! {\n",
    );
    for message in messages(units).filter(|message| message.kind == "request") {
        let api = message.name.trim_end_matches("Request");
        let _ = writeln!(
            text,
            "            {api}\n                {api}Request\n                {api}Response;"
        );
    }
    text.push_str("        }\n    };\n}\n");
    text
}

fn for_each_record(families: &BTreeMap<&str, Vec<&Unit>>) -> String {
    let mut text = String::from(
        "/// Calls `$callback!` with every record schema: its family's module and its name.\n\
         #[macro_export]\nmacro_rules! for_each_record {\n    ($callback:ident) => {\n        $callback! {\n",
    );
    for (folder, units) in families {
        let Some(family) = folder.strip_prefix("records/") else {
            continue;
        };
        for message in messages(units) {
            let _ = writeln!(text, "            {family} {};", message.name);
        }
    }
    text.push_str("        }\n    };\n}\n");
    text
}

fn api_key(units: &[&Unit]) -> String {
    let mut requests: Vec<&Message> = units
        .iter()
        .flat_map(|unit| unit.messages.iter())
        .filter(|message| message.kind == "request")
        .collect();
    requests.sort_by_key(|message| message.api_key);
    let mut text = head("`ApiKey` and what Kafka says about each API.", "api");
    text.push_str(
        "use crate::api_key::{BROKER, CONTROLLER, Facts};\n\n\
         /// Which API a request speaks. Keys without valid versions were removed from Kafka.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n#[repr(i16)]\n\
         pub enum ApiKey {\n",
    );
    let mut table = String::new();
    for (index, request) in requests.iter().enumerate() {
        let name = request.name.trim_end_matches("Request");
        assert_eq!(request.api_key, Some(index as i16), "keys leave no hole");
        let versions = request.versions;
        if versions.is_none() {
            let _ = writeln!(text, "/// Removed.");
        }
        let _ = writeln!(text, "{name} = {index},");
        let stable = versions.high - i16::from(request.unstable);
        let flexible = if request.flexible.is_none() {
            i16::MAX
        } else {
            request.flexible.low
        };
        let flexible = if flexible == i16::MAX {
            "i16::MAX".into()
        } else {
            flexible.to_string()
        };
        let listeners: Vec<&str> = ["broker", "controller"]
            .into_iter()
            .filter(|name| request.listeners.iter().any(|listener| listener == name))
            .map(|name| {
                if name == "broker" {
                    "BROKER"
                } else {
                    "CONTROLLER"
                }
            })
            .collect();
        let listeners = if listeners.is_empty() {
            "0".into()
        } else {
            listeners.join(" | ")
        };
        let _ = writeln!(
            table,
            "Facts {{\nkey: ApiKey::{name},\nname: \"{name}\",\nmin: {},\nmax: {stable},\n\
             flexible: {flexible},\nlisteners: {listeners},\n}},",
            versions.low
        );
    }
    let _ = write!(
        text,
        "}}\n\n/// By key: the index is the key.\npub(crate) const FACTS: &[Facts] = &[\n{table}];\n"
    );
    text
}

fn family_text(family: &str, units: &[&Unit]) -> String {
    let mut text = head(
        &format!("Record schemas: `{family}`."),
        &format!("records/{family}.txt"),
    );
    text.push_str(&modules(units));
    let messages: Vec<&Message> = messages(units).collect();
    let name = camel(family);
    let typed = |message: &Message| {
        let generated = crate::emit_struct::borrows(message);
        format!("{}{}", message.name, if generated { "<'a>" } else { "" })
    };
    let of_kind = |kind: &str| {
        let mut found: Vec<&&Message> = messages
            .iter()
            .filter(|message| message.kind == kind)
            .collect();
        found.sort_by_key(|message| message.api_key);
        found
    };
    let framed = of_kind("metadata");
    if !framed.is_empty() {
        let _ = writeln!(
            text,
            "\ncrate::record_frame::framed_records! {{\n    {name}Record;"
        );
        for message in framed {
            let key = message.api_key.unwrap_or_default();
            let _ = writeln!(
                text,
                "    {key} {}\n        {}({});",
                stem(message),
                message.name,
                typed(message)
            );
        }
        text.push_str("}\n");
    }
    let keys = of_kind("coordinator-key");
    if !keys.is_empty() {
        let values = of_kind("coordinator-value");
        let borrows = values
            .iter()
            .any(|value| crate::emit_struct::borrows(value));
        let lifetime = if borrows { "<'a>" } else { "" };
        let _ = writeln!(
            text,
            "\ncrate::record_frame::keyed_records! {{\n    {name}RecordKey {name}RecordValue{lifetime};"
        );
        for (key, value) in keys.iter().zip(values) {
            assert_eq!(key.api_key, value.api_key, "a key for each value");
            let _ = writeln!(
                text,
                "    {} {}\n        {}({})\n        {}({});",
                key.api_key.unwrap_or_default(),
                stem(key),
                key.name,
                typed(key),
                value.name,
                typed(value)
            );
        }
        text.push_str("}\n");
    }
    text
}

fn camel(snake_name: &str) -> String {
    debug_assert_eq!(snake(snake_name), snake_name);
    let words = snake_name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}
