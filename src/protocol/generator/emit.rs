//! From schema texts to Rust files: which file holds which message, and what each type is called.
//!
//! Room:       `protocol/generator`.
//! Called by:  `main`; hands structs to `emit_struct` and lists to `emit_index`.
//! Never:      reads or writes a file; the layout (line breaks) is left to rustfmt.
//!
//! A *unit* is one generated file: an API, or a record type with its key. A nested struct keeps
//! Kafka's name unless another message of the same unit has one of that name: then the name of
//! its message goes in front.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::emit_index;
use crate::emit_struct::{self, message_text};
use crate::schema::{Field, Message, parse};

pub struct Unit {
    /// `api`, or `records/FAMILY`.
    pub folder: String,
    /// The module's name.
    pub module: String,
    pub messages: Vec<Message>,
}

/// All generated files by path below `generated/`.
pub fn emit(texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let units: Vec<Unit> = texts
        .iter()
        .flat_map(|(path, text)| units(path, text))
        .collect();
    let mut files = BTreeMap::new();
    for unit in &units {
        if unit
            .messages
            .iter()
            .all(|message| message.versions.is_none())
        {
            continue;
        }
        files.insert(
            format!("{}/{}.rs", unit.folder, unit.module),
            unit_text(unit),
        );
    }
    emit_index::emit(&units, &mut files);
    files
}

/// Every file opens with this.
pub fn head(what: &str, source: &str) -> String {
    format!(
        "//! {what}\n//!\n//! Room:   `protocol`.\n\
         //! Source: `schema/{source}`, by `protocol/generator`.\n\
         //! Never:  edited by hand.\n\n"
    )
}

fn units(path: &str, text: &str) -> Vec<Unit> {
    let (folder, file) = path.split_once('/').expect("folder/file");
    let module = file.trim_end_matches(".txt").to_string();
    let messages = parse(text);
    if folder == "api" {
        return vec![Unit {
            folder: folder.into(),
            module,
            messages,
        }];
    }
    let mut by_stem: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for message in messages {
        by_stem
            .entry(snake(stem(&message)))
            .or_default()
            .push(message);
    }
    let folder = format!("records/{module}");
    by_stem
        .into_iter()
        .map(|(module, messages)| Unit {
            folder: folder.clone(),
            module,
            messages,
        })
        .collect()
}

/// What a record type is called without `Record`, `Key` and `Value`.
pub fn stem(message: &Message) -> &str {
    let suffix = match message.kind.as_str() {
        "metadata" => "Record",
        "coordinator-key" => "Key",
        "coordinator-value" => "Value",
        _ => "",
    };
    message.name.strip_suffix(suffix).unwrap_or(&message.name)
}

fn unit_text(unit: &Unit) -> String {
    let names: Vec<&str> = unit
        .messages
        .iter()
        .map(|message| message.name.as_str())
        .collect();
    let source = match unit.folder.strip_prefix("records/") {
        Some(family) => format!("records/{family}.txt"),
        None => format!("api/{}.txt", unit.module),
    };
    let mut text = head(&format!("`{}`.", names.join("`, `")), &source);
    text.push_str("use crate::codec::*;\n");
    for message in &unit.messages {
        let names = Names::of(unit, message);
        text.push_str(&message_text(message, &names));
        if message.kind == "request" {
            let api = message.name.trim_end_matches("Request");
            let response = unit.messages.iter().find(|other| other.kind == "response");
            let borrows = |message: &Message| emit_struct::borrows(message);
            let request_lifetime = if borrows(message) { "<'a>" } else { "" };
            let response_lifetime = if response.is_some_and(borrows) {
                "<'r>"
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "\nrequest! {{\n    {api},\n    {api}Request{request_lifetime},\n    \
                 {api}Response{response_lifetime}\n}}"
            );
        }
    }
    text
}

/// How the structs of one message are called in Rust.
pub struct Names {
    message: String,
    prefixed: Vec<String>,
}

impl Names {
    fn of(unit: &Unit, message: &Message) -> Self {
        let mut taken: Vec<String> = RESERVED.iter().map(|name| name.to_string()).collect();
        for other in &unit.messages {
            taken.push(other.name.clone());
            if other.name != message.name {
                taken.extend(nested(other));
            }
        }
        let prefixed = nested(message)
            .into_iter()
            .filter(|name| taken.contains(name))
            .collect();
        Self {
            message: message.name.clone(),
            prefixed,
        }
    }

    pub fn rust(&self, name: &str) -> String {
        if self.prefixed.iter().any(|prefixed| prefixed == name) {
            format!("{}{name}", self.message)
        } else {
            name.to_string()
        }
    }
}

/// Kafka's names of the structs in a message.
fn nested(message: &Message) -> Vec<String> {
    fn walk(fields: &[Field], names: &mut Vec<String>) {
        for field in fields.iter().filter(|field| !field.fields.is_empty()) {
            names.push(field.kind.trim_start_matches("[]").into());
            walk(&field.fields, names);
        }
    }
    let mut names = Vec::new();
    walk(&message.fields, &mut names);
    for shared in &message.structs {
        names.push(shared.name.clone());
        walk(&shared.fields, &mut names);
    }
    names
}

/// `ISRNodeIds` → `isr_node_ids`.
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (index, char) in chars.iter().enumerate() {
        let after_lower = index > 0 && !chars[index - 1].is_uppercase();
        let before_lower =
            index > 0 && chars.get(index + 1).is_some_and(|next| next.is_lowercase());
        if char.is_uppercase() && (after_lower || before_lower) && !text.is_empty() {
            text.push('_');
        }
        text.extend(char.to_lowercase());
    }
    text
}

/// Names the generated text uses for something else.
const RESERVED: &[&str] = &[
    "BrokerId",
    "Default",
    "ErrorCode",
    "GroupId",
    "Message",
    "Option",
    "ProducerId",
    "Reader",
    "Request",
    "Result",
    "TopicName",
    "TransactionalId",
    "Uuid",
    "Vec",
    "Writer",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snakes() {
        for (name, expected) in [
            ("TopicId", "topic_id"),
            ("IsrNodes", "isr_nodes"),
            ("SASLAuth", "sasl_auth"),
            ("NewISR", "new_isr"),
            ("K2Value", "k2_value"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }
}
