//! The generator of the wire protocol: Kafka's schema JSON → terse texts → Rust.
//!
//! Room:       `protocol/generator`, a program of its own that no build runs.
//! Called by:  a person: `cargo run -p ottla-protocol-generator -- generate` after a text changed,
//!             `… -- extract FOLDER` (unpacked Kafka jars) when a new Kafka version is adopted.
//! Never:      is needed to build the broker: its output is checked in, and a test compares.

#![forbid(unsafe_code)]

mod emit;
mod emit_index;
mod emit_struct;
mod extract;
mod schema;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["extract", folder] => {
            for (path, text) in extract::extract(Path::new(folder)) {
                write(&protocol().join("schema").join(path), &text);
            }
        }
        ["generate"] => generate(),
        _ => {
            eprintln!("usage: ottla-protocol-generator extract FOLDER | generate");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn generate() {
    let target = protocol().join("generated");
    if target.exists() {
        fs::remove_dir_all(&target).expect("the generated folder can be replaced");
    }
    let mut files = Vec::new();
    for (path, text) in emit::emit(&schemas()) {
        let path = target.join(path);
        write(&path, &text);
        files.push(path);
    }
    let config = protocol().join("../../.rustfmt.toml");
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(config)
        .args(&files)
        .status()
        .expect("rustfmt runs");
    assert!(status.success(), "rustfmt refused the generated text");
}

fn protocol() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    fs::write(path, text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

/// All schema texts by path below `schema/`.
fn schemas() -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for folder in ["api", "records"] {
        for entry in fs::read_dir(protocol().join("schema").join(folder)).expect("schema texts") {
            let path = entry.expect("a readable folder").path();
            let name = path
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            texts.insert(
                format!("{folder}/{name}"),
                fs::read_to_string(&path).expect("a text"),
            );
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rustfmt may change: white space, line breaks, trailing commas, braces of closures.
    fn without_layout(text: &str) -> String {
        text.chars()
            .filter(|char| !char.is_whitespace() && !",{}".contains(*char))
            .collect()
    }

    fn count_files(folder: &Path) -> usize {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
            .sum()
    }

    /// Goal: nobody edits generated text, and nobody forgets to generate.
    #[test]
    fn the_checked_in_text_is_what_the_schemas_say() {
        let emitted = emit::emit(&schemas());
        for (path, text) in &emitted {
            let checked_in = fs::read_to_string(protocol().join("generated").join(path))
                .unwrap_or_else(|error| panic!("generated/{path}: {error}"));
            let (checked_in, text) = (without_layout(&checked_in), without_layout(text));
            let same = checked_in
                .chars()
                .zip(text.chars())
                .take_while(|(a, b)| a == b)
                .count();
            let excerpt = |text: &str| {
                text.chars()
                    .skip(same.saturating_sub(40))
                    .take(80)
                    .collect()
            };
            let (checked_in, text): (String, String) = (excerpt(&checked_in), excerpt(&text));
            assert_eq!(
                checked_in, text,
                "{path}: run `cargo run -p ottla-protocol-generator -- generate`"
            );
        }
        assert_eq!(count_files(&protocol().join("generated")), emitted.len());
    }

    #[test]
    fn schema_texts_are_in_their_one_spelling() {
        for (path, text) in schemas() {
            assert_eq!(schema::print(&schema::parse(&text)), text, "schema/{path}");
        }
    }
}
