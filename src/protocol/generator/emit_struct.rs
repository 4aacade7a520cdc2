//! One message and its nested structs as Rust: definition, defaults, decode, encode.
//!
//! Room:       `protocol/generator`.
//! Called by:  `emit`.
//! Never:      emits more than the versions Kafka calls valid.
//!
//! A field that a version does not know keeps its default when decoded, and must have it (unless
//! *ignorable*) when encoded. Conditions are emitted only where the versions in scope differ.

mod decode;
mod encode;

use std::fmt::Write;

use crate::emit::{Names, snake};
use crate::schema::{Field, Message, Versions};

/// The Rust text of a message.
pub fn message_text(message: &Message, names: &Names) -> String {
    let mut emitter = Emitter {
        message,
        names,
        text: String::new(),
    };
    let has_lifetime = borrows(message);
    emitter.structure(&message.name, &message.fields, message.versions, true);
    for shared in &message.structs {
        let scope = shared.versions.and(message.versions);
        emitter.structure(&names.rust(&shared.name), &shared.fields, scope, false);
    }
    let lifetime = if has_lifetime { "<'a>" } else { "" };
    let stable = message.versions.high - i16::from(message.unstable);
    let flexible = if message.flexible.is_none() {
        i16::MAX
    } else {
        message.flexible.low
    };
    let flexible = if flexible == i16::MAX {
        "i16::MAX".into()
    } else {
        flexible.to_string()
    };
    let _ = writeln!(
        emitter.text,
        "\nmessage! {{ {}{lifetime}, versions {}..={stable}, flexible {flexible} }}",
        message.name, message.versions.low
    );
    emitter.text
}

/// Whether the message's struct borrows from the bytes it was decoded from.
pub fn borrows(message: &Message) -> bool {
    fn walk(message: &Message, fields: &[Field]) -> bool {
        let valid = fields
            .iter()
            .filter(|field| !field.versions.and(message.versions).is_none());
        valid.into_iter().any(|field| {
            let kind = field.kind.trim_start_matches("[]");
            ["string", "bytes", "records"].contains(&kind)
                || walk(message, &field.fields)
                || message
                    .structs
                    .iter()
                    .any(|shared| shared.name == kind && walk(message, &shared.fields))
        })
    }
    walk(message, &message.fields)
}

struct Emitter<'s> {
    message: &'s Message,
    names: &'s Names,
    text: String,
}

/// What a field is in Rust, without `Option`.
#[derive(Clone)]
enum Type {
    Scalar {
        rust: &'static str,
        wire: &'static str,
        bytes: usize,
    },
    /// A scalar inside a type of its own.
    Wrapped {
        rust: &'static str,
        wire: &'static str,
        bytes: usize,
    },
    Text {
        wrapper: Option<&'static str>,
    },
    Bytes,
    Struct {
        rust: String,
        kafka: String,
    },
    Array(Box<Type>),
}

/// When a field may be null.
#[derive(Clone, PartialEq)]
enum Null {
    Never,
    Always,
    When(String),
}

/// One field in the scope of its struct.
struct Place<'s> {
    field: &'s Field,
    name: String,
    ty: Type,
    /// `None`: in all versions of the scope.
    when: Option<String>,
    null: Null,
    flexible: String,
}

impl<'s> Emitter<'s> {
    fn structure(&mut self, rust: &str, fields: &'s [Field], scope: Versions, top: bool) {
        let places: Vec<Place> = fields
            .iter()
            .filter(|field| !field.versions.and(scope).is_none())
            .map(|field| self.place(field, scope))
            .collect();
        let borrows = places.iter().any(|place| self.type_borrows(&place.ty));
        let lifetime = if borrows { "<'a>" } else { "" };
        self.definition(rust, lifetime, &places);
        self.codec(rust, lifetime, &places, scope, top);
        for field in fields.iter().filter(|field| !field.fields.is_empty()) {
            let scope = field.versions.and(scope);
            if !scope.is_none() {
                let name = self.names.rust(field.kind.trim_start_matches("[]"));
                self.structure(&name, &field.fields, scope, false);
            }
        }
    }

    fn place(&self, field: &'s Field, scope: Versions) -> Place<'s> {
        let versions = field.versions.and(scope);
        if let Some((_, tagged)) = field.tag {
            assert_eq!(
                tagged.and(scope),
                versions,
                "{} is tagged in some versions",
                field.name
            );
        }
        let null = match condition(field.null.and(versions), versions) {
            _ if field.null.and(versions).is_none() => Null::Never,
            None => Null::Always,
            Some(when) => Null::When(when),
        };
        let flexible = if field.never_flexible {
            "false".into()
        } else {
            self.flexible(scope)
        };
        let name = match snake(&field.name).as_str() {
            name @ ("type" | "match" | "ref" | "move" | "static") => format!("r#{name}"),
            name => name.to_string(),
        };
        let when = condition(versions, scope);
        Place {
            field,
            name,
            ty: self.ty(field, &field.kind),
            when,
            null,
            flexible,
        }
    }

    /// `true`, `false`, or the name of the variable that knows.
    fn flexible(&self, scope: Versions) -> String {
        let flexible = self.message.flexible.and(scope);
        if flexible.is_none() {
            "false".into()
        } else if flexible == scope {
            "true".into()
        } else {
            "flexible".into()
        }
    }

    fn push_flexible(&self, text: &mut String, scope: Versions, tags: &str) {
        match self.flexible(scope).as_str() {
            "false" => (),
            "true" => text.push_str(tags),
            variable => {
                let _ = writeln!(text, "if {variable} {{\n{tags}}}");
            }
        }
    }

    fn ty(&self, field: &Field, kind: &str) -> Type {
        if let Some(element) = kind.strip_prefix("[]") {
            return Type::Array(Box::new(self.ty(field, element)));
        }
        let entity = field.entity.as_deref();
        let wrapped = |rust, wire, bytes| Type::Wrapped { rust, wire, bytes };
        let scalar = |rust, wire, bytes| Type::Scalar { rust, wire, bytes };
        match kind {
            "int32" if entity == Some("brokerId") => wrapped("BrokerId", "i32", 4),
            "int64" if entity == Some("producerId") => wrapped("ProducerId", "i64", 8),
            "int16" if field.name.ends_with("ErrorCode") => wrapped("ErrorCode", "i16", 2),
            "bool" => scalar("bool", "bool", 1),
            "int8" => scalar("i8", "i8", 1),
            "int16" => scalar("i16", "i16", 2),
            "uint16" => scalar("u16", "u16", 2),
            "int32" => scalar("i32", "i32", 4),
            "uint32" => scalar("u32", "u32", 4),
            "int64" => scalar("i64", "i64", 8),
            "float64" => scalar("f64", "f64", 8),
            "uuid" => scalar("Uuid", "uuid", 16),
            "string" => Type::Text {
                wrapper: match entity {
                    Some("topicName") => Some("TopicName"),
                    Some("groupId") => Some("GroupId"),
                    Some("transactionalId") => Some("TransactionalId"),
                    _ => None,
                },
            },
            "bytes" | "records" => Type::Bytes,
            name => Type::Struct {
                rust: self.names.rust(name),
                kafka: name.into(),
            },
        }
    }

    fn borrows(&self, fields: &[Field]) -> bool {
        let valid = fields
            .iter()
            .filter(|field| !field.versions.and(self.message.versions).is_none());
        valid
            .into_iter()
            .any(|field| self.type_borrows(&self.ty(field, &field.kind)))
    }

    fn type_borrows(&self, ty: &Type) -> bool {
        match ty {
            Type::Scalar { .. } | Type::Wrapped { .. } => false,
            Type::Text { .. } | Type::Bytes => true,
            Type::Array(element) => self.type_borrows(element),
            Type::Struct { kafka, .. } => self.borrows(self.fields_of(kafka)),
        }
    }

    fn fields_of(&self, kafka: &str) -> &'s [Field] {
        fn find<'s>(fields: &'s [Field], kafka: &str) -> Option<&'s [Field]> {
            fields
                .iter()
                .filter(|field| !field.fields.is_empty())
                .find_map(|field| {
                    let is_it = field.kind.trim_start_matches("[]") == kafka;
                    if is_it {
                        Some(&field.fields[..])
                    } else {
                        find(&field.fields, kafka)
                    }
                })
        }
        let shared = self.message.structs.iter();
        let found = shared
            .clone()
            .find(|shared| shared.name == kafka)
            .map(|shared| &shared.fields[..]);
        found
            .or_else(|| find(&self.message.fields, kafka))
            .or_else(|| {
                shared
                    .into_iter()
                    .find_map(|shared| find(&shared.fields, kafka))
            })
            .unwrap_or_else(|| panic!("{}: no struct {kafka}", self.message.name))
    }

    fn rust_type(&self, ty: &Type) -> String {
        match ty {
            Type::Scalar { rust, .. } | Type::Wrapped { rust, .. } => rust.to_string(),
            Type::Text {
                wrapper: Some(wrapper),
            } => format!("{wrapper}<'a>"),
            Type::Text { wrapper: None } => "&'a str".into(),
            Type::Bytes => "&'a [u8]".into(),
            Type::Array(element) => format!("Vec<{}>", self.rust_type(element)),
            Type::Struct { rust, .. } if self.type_borrows(ty) => format!("{rust}<'a>"),
            Type::Struct { rust, .. } => rust.clone(),
        }
    }

    fn definition(&mut self, rust: &str, lifetime: &str, places: &[Place]) {
        let derive_default = places.iter().all(|place| place.default().is_none());
        let default = if derive_default { "Default, " } else { "" };
        let mut text = format!("\n#[derive(Clone, Debug, {default}PartialEq)]\n");
        let _ = writeln!(text, "pub struct {rust}{lifetime} {{");
        for place in places {
            let field = place.field;
            let _ = write!(text, "/// Versions {}", field.versions);
            if !field.null.is_none() {
                let _ = write!(text, ", nullable {}", field.null);
            }
            if let Some((tag, _)) = field.tag {
                let _ = write!(text, ", tag {tag}");
            }
            let ty = self.rust_type(&place.ty);
            let ty = if place.null == Null::Never {
                ty
            } else {
                format!("Option<{ty}>")
            };
            let _ = writeln!(text, ".\npub {}: {ty},", place.name);
        }
        text.push_str("}\n");
        if !derive_default {
            let lifetime = if lifetime.is_empty() { "" } else { "<'_>" };
            let _ = writeln!(text, "\nimpl Default for {rust}{lifetime} {{");
            let _ = writeln!(text, "fn default() -> Self {{\nSelf {{");
            for place in places {
                let value = place.default().unwrap_or("Default::default()".into());
                let _ = writeln!(text, "{}: {value},", place.name);
            }
            text.push_str("}\n}\n}\n");
        }
        self.text.push_str(&text);
    }

    fn codec(&mut self, rust: &str, lifetime: &str, places: &[Place], scope: Versions, top: bool) {
        let (read, write) = (
            self.decode_body(places, scope),
            self.encode_body(places, scope),
        );
        let flexible = format!("let flexible = version >= {};\n", self.message.flexible.low);
        let open = |body: &str, check: &str| {
            let mut opening = String::new();
            if top {
                let (low, high) = (self.message.versions.low, self.message.versions.high);
                let _ = writeln!(opening, "{check}(version, {low}, {high})?;");
            }
            if has_word(body, "flexible") {
                opening.push_str(&flexible);
            }
            let version = if has_word(body, "version") || !opening.is_empty() {
                ""
            } else {
                "_"
            };
            (opening, version)
        };
        let (read_open, read_version) = open(&read, "check_decode");
        let (write_open, write_version) = open(&write, "check_encode");
        let borrowed = if lifetime.is_empty() {
            "<'_>"
        } else {
            lifetime
        };
        let the_impl = if lifetime.is_empty() {
            "impl"
        } else {
            "impl<'a>"
        };
        let mutable = if places.is_empty() { "" } else { "mut " };
        let reader = if has_word(&read, "reader") { "" } else { "_" };
        let out = if has_word(&write, "out") { "" } else { "_" };
        let _ = writeln!(
            self.text,
            "\n{the_impl} {rust}{lifetime} {{\n\
             pub fn decode({reader}reader: &mut Reader{borrowed}, {read_version}version: i16) \
             -> Result<Self, DecodeError> {{\n\
             {read_open}let {mutable}this = Self::default();\n{read}Ok(this)\n}}\n\n\
             pub fn encode(&self, {out}out: &mut Vec<u8>, {write_version}version: i16) \
             -> Result<(), EncodeError> {{\n\
             {write_open}{write}Ok(())\n}}\n}}"
        );
    }
}

impl Place<'_> {
    /// The default when it is not the one Rust would choose.
    fn default(&self) -> Option<String> {
        let given = self.field.default.as_deref();
        let value = match &self.ty {
            _ if given == Some("null") => return None,
            Type::Bytes if self.field.kind == "records" => return None,
            Type::Scalar { .. } => given
                .filter(|text| !["0", "false"].contains(text))?
                .to_string(),
            Type::Wrapped { rust, .. } => wrap(rust, given.filter(|text| *text != "0")?),
            Type::Text { wrapper } => {
                let text = format!("{:?}", given.unwrap_or_default());
                let text = wrapper.map_or(text.clone(), |wrapper| format!("{wrapper}({text})"));
                if given.is_none() && self.null == Null::Never {
                    return None;
                }
                text
            }
            _ if self.null == Null::Never => return None,
            Type::Bytes => "&[]".into(),
            Type::Array(_) => "Vec::new()".into(),
            Type::Struct { .. } => "Default::default()".into(),
        };
        Some(if self.null == Null::Never {
            value
        } else {
            format!("Some({value})")
        })
    }

    /// An expression that is true when the field has its default.
    fn is_default(&self, emitter: &Emitter) -> String {
        let name = &self.name;
        let default = self.default();
        if self.null != Null::Never {
            return match (&self.ty, default) {
                (_, None) => format!("self.{name}.is_none()"),
                (Type::Array(_), _) => format!("self.{name}.as_ref().is_some_and(Vec::is_empty)"),
                (_, Some(default)) => format!("self.{name} == {default}"),
            };
        }
        match (&self.ty, default) {
            (Type::Scalar { rust: "bool", .. }, None) => format!("!self.{name}"),
            (Type::Scalar { rust: "bool", .. }, Some(_)) => format!("self.{name}"),
            (Type::Scalar { rust: "Uuid", .. }, _) => format!("self.{name}.is_zero()"),
            (Type::Scalar { rust: "f64", .. }, None) => format!("self.{name} == 0.0"),
            (Type::Scalar { .. }, None) => format!("self.{name} == 0"),
            (Type::Wrapped { rust, .. }, None) => format!("self.{name} == {}", wrap(rust, "0")),
            (Type::Text { .. } | Type::Bytes | Type::Array(_), None) => {
                format!("self.{name}.is_empty()")
            }
            (Type::Struct { .. }, _) => {
                format!("self.{name} == {}::default()", path(emitter, &self.ty))
            }
            (_, Some(default)) => format!("self.{name} == {default}"),
        }
    }

    /// The statement that refuses a value the version has no place for.
    fn absent(&self, is_default: &str, name: &str) -> String {
        if self.field.ignorable {
            return String::new();
        }
        format!("absent({is_default}, \"{name}\", version)?;\n")
    }
}

fn path(emitter: &Emitter, ty: &Type) -> String {
    emitter.rust_type(ty).trim_end_matches("<'a>").to_string()
}

fn wrap(rust: &str, value: &str) -> String {
    if rust == "ErrorCode" {
        format!("ErrorCode::from_code({value})")
    } else {
        format!("{rust}({value})")
    }
}

fn unwrap(rust: &str, value: &str) -> String {
    if rust == "ErrorCode" {
        format!("{value}.code()")
    } else {
        format!("{value}.0")
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|char: char| !char.is_alphanumeric() && char != '_')
        .any(|found| found == word)
}

fn not(condition: &str) -> String {
    match condition {
        text if text.contains(" && ") => format!("!({text})"),
        text if text.ends_with(".is_none()") => text.replace(".is_none()", ".is_some()"),
        text if text.contains(" == ") => text.replace(" == ", " != "),
        text if text.contains(" >= ") => text.replace(" >= ", " < "),
        text if text.contains(" <= ") => text.replace(" <= ", " > "),
        text => text
            .strip_prefix('!')
            .map_or(format!("!{text}"), str::to_string),
    }
}

fn sorted_tags<'p, 's>(places: &'p [Place<'s>]) -> Vec<(u32, &'p Place<'s>)> {
    let mut tagged: Vec<_> = places
        .iter()
        .filter_map(|place| Some((place.field.tag?.0, place)))
        .collect();
    tagged.sort_by_key(|(tag, _)| *tag);
    tagged
}

/// The condition on `version` that tells `versions` from the rest of `scope`; `None` if all are.
fn condition(versions: Versions, scope: Versions) -> Option<String> {
    let versions = versions.and(scope);
    let low = (versions.low > scope.low).then(|| format!("version >= {}", versions.low));
    let high = (versions.high < scope.high).then(|| format!("version <= {}", versions.high));
    match (low, high) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(_), Some(_)) if versions.low == versions.high => {
            Some(format!("version == {}", versions.low))
        }
        (Some(_), Some(_)) => Some(format!(
            "({}..={}).contains(&version)",
            versions.low, versions.high
        )),
    }
}
