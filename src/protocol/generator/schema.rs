//! The model of a message schema, and its terse text.
//!
//! Room:       `protocol/generator`.
//! Called by:  `extract` writes texts from Kafka's JSON, `emit` writes Rust from the texts.
//! Never:      holds prose: names, types, versions, tags, nullability, defaults, entity types.
//!
//! The text. A line without indentation opens a message, the fields follow, two spaces per level:
//! ```text
//! request 3 MetadataRequest 0-13 flexible 9+ listeners broker
//!   Topics []MetadataRequestTopic 0+ null 1+
//!     TopicId uuid 10+ ignorable
//!     Name string 0+ null 10+ entity topicName
//!   struct Shared 0+
//!     …
//! ```
//! After the versions: `null V`, `tag N V`, `default X`, `ignorable`, `key`, `entity E`,
//! `flexible none`, `zerocopy`.

use std::fmt;
use std::fmt::Write;

/// Inclusive; `MAX` stands for `+`, `NONE` for no version at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub low: i16,
    pub high: i16,
}

impl Versions {
    pub const NONE: Self = Self { low: 0, high: -1 };

    pub fn parse(text: &str) -> Self {
        let number = |text: &str| {
            text.trim()
                .parse()
                .unwrap_or_else(|_| panic!("version {text}"))
        };
        if text == "none" {
            Self::NONE
        } else if let Some(low) = text.strip_suffix('+') {
            Self {
                low: number(low),
                high: i16::MAX,
            }
        } else if let Some((low, high)) = text.split_once('-') {
            Self {
                low: number(low),
                high: number(high),
            }
        } else {
            Self {
                low: number(text),
                high: number(text),
            }
        }
    }

    pub fn is_none(self) -> bool {
        self.low > self.high
    }

    pub fn contains(self, version: i16) -> bool {
        self.low <= version && version <= self.high
    }

    pub fn and(self, other: Self) -> Self {
        let both = Self {
            low: self.low.max(other.low),
            high: self.high.min(other.high),
        };
        if both.is_none() { Self::NONE } else { both }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            versions if versions.is_none() => write!(formatter, "none"),
            Self {
                low,
                high: i16::MAX,
            } => write!(formatter, "{low}+"),
            Self { low, high } if low == high => write!(formatter, "{low}"),
            Self { low, high } => write!(formatter, "{low}-{high}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `request`, `response`, `header`, `data`, `metadata`, `coordinator-key`, `coordinator-value`.
    pub kind: String,
    pub api_key: Option<i16>,
    pub name: String,
    pub versions: Versions,
    pub flexible: Versions,
    pub listeners: Vec<String>,
    pub unstable: bool,
    pub fields: Vec<Field>,
    pub structs: Vec<Struct>,
}

/// Fields shared by several places of one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    pub name: String,
    pub versions: Versions,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub kind: String,
    pub versions: Versions,
    pub null: Versions,
    pub tag: Option<(u32, Versions)>,
    pub default: Option<String>,
    pub ignorable: bool,
    pub key: bool,
    pub entity: Option<String>,
    pub never_flexible: bool,
    pub zero_copy: bool,
    pub fields: Vec<Field>,
}

/// All messages of one text.
pub fn parse(text: &str) -> Vec<Message> {
    let lines: Vec<(usize, Vec<&str>)> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let depth = (line.len() - line.trim_start().len()) / 2;
            (depth, line.split_whitespace().collect())
        })
        .collect();
    let mut at = 0;
    let mut messages = Vec::new();
    while at < lines.len() {
        messages.push(parse_message(&lines, &mut at));
    }
    messages
}

fn parse_message(lines: &[(usize, Vec<&str>)], at: &mut usize) -> Message {
    let words = &lines[*at].1;
    let mut message = Message {
        kind: words[0].into(),
        api_key: words[1].parse().ok(),
        name: words[2].into(),
        versions: Versions::parse(words[3]),
        flexible: Versions::NONE,
        listeners: Vec::new(),
        unstable: false,
        fields: Vec::new(),
        structs: Vec::new(),
    };
    let mut rest = words[4..].iter();
    while let Some(word) = rest.next() {
        match *word {
            "flexible" => message.flexible = Versions::parse(rest.next().expect("versions")),
            "listeners" => {
                let names = rest.next().expect("listeners").split(',');
                message.listeners = names.map(Into::into).collect();
            }
            "unstable" => message.unstable = true,
            other => panic!("unknown word {other} in {}", message.name),
        }
    }
    *at += 1;
    while *at < lines.len() && lines[*at].0 == 1 {
        if lines[*at].1[0] == "struct" {
            let words = &lines[*at].1;
            let (name, versions) = (words[1].into(), Versions::parse(words[2]));
            *at += 1;
            message.structs.push(Struct {
                name,
                versions,
                fields: parse_fields(lines, at, 2),
            });
        } else {
            message.fields.push(parse_field(lines, at));
        }
    }
    message
}

fn parse_fields(lines: &[(usize, Vec<&str>)], at: &mut usize, depth: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    while *at < lines.len() && lines[*at].0 == depth {
        fields.push(parse_field(lines, at));
    }
    fields
}

fn parse_field(lines: &[(usize, Vec<&str>)], at: &mut usize) -> Field {
    let (depth, words) = &lines[*at];
    let mut field = Field {
        name: words[0].into(),
        kind: words[1].into(),
        versions: Versions::parse(words[2]),
        null: Versions::NONE,
        tag: None,
        default: None,
        ignorable: false,
        key: false,
        entity: None,
        never_flexible: false,
        zero_copy: false,
        fields: Vec::new(),
    };
    let mut rest = words[3..].iter();
    let mut next = || rest.next().copied();
    while let Some(word) = next() {
        let mut argument = || next().expect("a word after this one");
        match word {
            "null" => field.null = Versions::parse(argument()),
            "tag" => {
                let tag = argument().parse().expect("a tag's number");
                field.tag = Some((tag, Versions::parse(argument())));
            }
            "default" => field.default = Some(argument().into()),
            "ignorable" => field.ignorable = true,
            "key" => field.key = true,
            "entity" => field.entity = Some(argument().into()),
            "flexible" => field.never_flexible = argument() == "none",
            "zerocopy" => field.zero_copy = true,
            other => panic!("unknown word {other} at field {}", field.name),
        }
    }
    *at += 1;
    field.fields = parse_fields(lines, at, depth + 1);
    field
}

/// The inverse of `parse`.
pub fn print(messages: &[Message]) -> String {
    let mut text = String::new();
    for (index, message) in messages.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        print_message(&mut text, message).expect("a string takes all");
    }
    text
}

fn print_message(text: &mut String, message: &Message) -> fmt::Result {
    let key = message.api_key.map_or("-".into(), |key| key.to_string());
    write!(
        text,
        "{} {key} {} {}",
        message.kind, message.name, message.versions
    )?;
    if !message.versions.is_none() {
        write!(text, " flexible {}", message.flexible)?;
    }
    if !message.listeners.is_empty() {
        write!(text, " listeners {}", message.listeners.join(","))?;
    }
    if message.unstable {
        write!(text, " unstable")?;
    }
    text.push('\n');
    print_fields(text, &message.fields, 1)?;
    for shared in &message.structs {
        writeln!(text, "  struct {} {}", shared.name, shared.versions)?;
        print_fields(text, &shared.fields, 2)?;
    }
    Ok(())
}

fn print_fields(text: &mut String, fields: &[Field], depth: usize) -> fmt::Result {
    for field in fields {
        let indent = "  ".repeat(depth);
        write!(
            text,
            "{indent}{} {} {}",
            field.name, field.kind, field.versions
        )?;
        if !field.null.is_none() {
            write!(text, " null {}", field.null)?;
        }
        if let Some((tag, versions)) = field.tag {
            write!(text, " tag {tag} {versions}")?;
        }
        if let Some(default) = &field.default {
            write!(text, " default {default}")?;
        }
        for (is_set, word) in [(field.ignorable, " ignorable"), (field.key, " key")] {
            text.push_str(if is_set { word } else { "" });
        }
        if let Some(entity) = &field.entity {
            write!(text, " entity {entity}")?;
        }
        for (is_set, word) in [
            (field.never_flexible, " flexible none"),
            (field.zero_copy, " zerocopy"),
        ] {
            text.push_str(if is_set { word } else { "" });
        }
        text.push('\n');
        print_fields(text, &field.fields, depth + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_survives_parse_and_print() {
        let text = "\
request 3 MetadataRequest 0-13 flexible 9+ listeners broker unstable
  Topics []MetadataRequestTopic 0+ null 1+
    TopicId uuid 10+ ignorable
    Name string 0+ null 10+ key entity topicName
  ClusterId string 12+ tag 0 12+ default null
  struct Shared 0-3
    Node int32 1 entity brokerId

header - RequestHeader 1-2 flexible 2+
  ClientId string 1+ null 1+ flexible none

response 4 LeaderAndIsrResponse none
";
        assert_eq!(print(&parse(text)), text);
    }
}
