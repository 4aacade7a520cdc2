//! Schema texts as data: messages, their fields, types and versions.
//!
//! Room:       `cli::schemas`.
//! Called by:  `schemas`, `json`.
//! Never:      sees texts of others: they are part of this program, so a line that makes no sense
//!             is a bug and is told as one. `protocol/generator` describes the format.

use super::Source;
use std::collections::BTreeMap;

/// Inclusive; nothing when `low` is above `high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub low: i16,
    pub high: i16,
}

impl Versions {
    const NONE: Self = Self { low: 0, high: -1 };

    fn parse(text: &str) -> Self {
        let number = |text: &str| text.parse().expect("a version is a number");
        let (low, high) = match (text, text.split_once('-')) {
            ("none", _) => return Self::NONE,
            (_, Some((low, high))) => (number(low), number(high)),
            (text, None) => match text.strip_suffix('+') {
                Some(low) => (number(low), i16::MAX),
                None => (number(text), number(text)),
            },
        };
        Self { low, high }
    }

    pub fn contain(self, version: i16) -> bool {
        (self.low..=self.high).contains(&version)
    }
}

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Struct(&'static str),
    Array(Box<Type>),
}

impl Type {
    fn parse(text: &'static str) -> Self {
        if let Some(inner) = text.strip_prefix("[]") {
            return Self::Array(Box::new(Self::parse(inner)));
        }
        match text {
            "bool" => Self::Bool,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "uint16" => Self::Uint16,
            "int32" => Self::Int32,
            "uint32" => Self::Uint32,
            "int64" => Self::Int64,
            "float64" => Self::Float64,
            "uuid" => Self::Uuid,
            "string" => Self::String,
            "bytes" | "records" => Self::Bytes,
            name => Self::Struct(name),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Field {
    /// As JSON has it, in camel case.
    pub name: String,
    pub kind: Type,
    pub versions: Versions,
    pub nullable: Versions,
    /// Its tag, in the versions in which it is one.
    pub tag: Option<(u32, Versions)>,
}

#[derive(Debug)]
pub struct Message {
    source: Source,
    kind: &'static str,
    code: Option<i16>,
    pub name: &'static str,
    pub versions: Versions,
    pub flexible: Versions,
    pub fields: Vec<Field>,
    pub structs: BTreeMap<&'static str, Vec<Field>>,
}

#[derive(Debug)]
pub struct Schemas(Vec<Message>);

impl Schemas {
    pub fn parse(texts: &[(Source, &'static str)]) -> Self {
        let mut messages = Vec::new();
        for (source, text) in texts {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                match line.starts_with(' ') {
                    false => messages.push(Open::new(*source, line)),
                    true => {
                        let open = messages.last_mut().expect("fields follow a message");
                        open.add(line);
                    }
                }
            }
        }
        Self(messages.into_iter().map(|open| open.message).collect())
    }

    pub fn find(&self, source: Source, kind: &str, code: i16) -> Option<&Message> {
        self.0.iter().find(|message| {
            message.source == source && message.kind == kind && message.code == Some(code)
        })
    }

    pub fn named(&self, source: Source, name: &str) -> Option<&Message> {
        let mut messages = self.0.iter();
        messages.find(|message| message.source == source && message.name == name)
    }
}

/// A message whose lines are being read.
struct Open {
    message: Message,
    /// The struct that fields of each depth belong to; none at the first.
    owners: Vec<Option<&'static str>>,
}

impl Open {
    fn new(source: Source, line: &'static str) -> Self {
        let words: Vec<&'static str> = line.split(' ').collect();
        let [kind, code, name, versions, "flexible", flexible, ..] = words[..] else {
            panic!("no message: {line}");
        };
        Self {
            message: Message {
                source,
                kind,
                code: code.parse().ok(),
                name,
                versions: Versions::parse(versions),
                flexible: Versions::parse(flexible),
                fields: Vec::new(),
                structs: BTreeMap::new(),
            },
            owners: vec![None],
        }
    }

    fn add(&mut self, line: &'static str) {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 2;
        self.owners.truncate(depth);
        let words: Vec<&'static str> = text.split(' ').collect();
        if let ["struct", name, ..] = words[..] {
            self.owners.push(Some(name));
            return;
        }
        let field = field(&words);
        // What is indented deeper belongs to the struct this field is made of.
        self.owners.push(struct_of(&field.kind));
        match self.owners[depth - 1] {
            None => self.message.fields.push(field),
            Some(owner) => {
                let fields = self.message.structs.entry(owner).or_default();
                fields.push(field);
            }
        }
    }
}

fn field(words: &[&'static str]) -> Field {
    let [name, kind, versions, rest @ ..] = words else {
        panic!("no field: {words:?}");
    };
    let after = |word: &str| {
        let at = rest.iter().position(|other| *other == word);
        at.map(|at| &rest[at + 1..])
    };
    let tag = after("tag").map(|tag| {
        let number = tag[0].parse().expect("a tag is a number");
        (number, Versions::parse(tag[1]))
    });
    let mut name = (*name).to_owned();
    name[..1].make_ascii_lowercase();
    Field {
        name,
        kind: Type::parse(kind),
        versions: Versions::parse(versions),
        nullable: after("null").map_or(Versions::NONE, |null| match null[0] {
            // `default null` says what is missing, not where null may stand.
            word if word.starts_with(|first: char| first.is_ascii_digit()) => Versions::parse(word),
            _ => Versions::NONE,
        }),
        tag,
    }
}

fn struct_of(kind: &Type) -> Option<&'static str> {
    match kind {
        Type::Struct(name) => Some(name),
        Type::Array(inner) => struct_of(inner),
        _ => None,
    }
}

/// `FeatureLevelRecord` as `FEATURE_LEVEL_RECORD`.
pub fn upper_snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}
