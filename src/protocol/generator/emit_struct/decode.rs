//! What reads a struct: `decode`, field by field.
//!
//! Room:       `protocol/generator`.
//! Called by:  `emit_struct`.
//! Never:      takes an element for smaller than it can be: arrays are bounded by it.

use super::{Emitter, Null, Place, Type, condition, sorted_tags, wrap};
use crate::schema::Versions;
use std::fmt::Write;

impl Emitter<'_> {
    pub(super) fn decode_body(&self, places: &[Place], scope: Versions) -> String {
        let mut text = String::new();
        for place in places.iter().filter(|place| place.field.tag.is_none()) {
            let read = format!("this.{} = {};\n", place.name, self.read(place));
            match &place.when {
                None => text.push_str(&read),
                Some(when) => {
                    let _ = writeln!(text, "if {when} {{\n{read}}}");
                }
            }
        }
        let tagged = sorted_tags(places);
        let mut tags = "reader.skip_tags()?;\n".to_string();
        if !tagged.is_empty() {
            tags = "reader.tags(|reader, tag| {\nmatch tag {\n".into();
            for (tag, place) in tagged {
                let when = condition(
                    place.field.versions.and(scope),
                    self.message.flexible.and(scope),
                );
                let when = when.map_or(String::new(), |when| format!(" if {when}"));
                let read = self.read(place);
                let _ = writeln!(tags, "{tag}{when} => this.{} = {read},", place.name);
            }
            tags.push_str("_ => return Ok(false),\n}\nOk(true)\n})?;\n");
        }
        self.push_flexible(&mut text, scope, &tags);
        text
    }

    /// An expression that reads the field's value.
    fn read(&self, place: &Place) -> String {
        let flexible = if place.field.tag.is_some() {
            "true"
        } else {
            &place.flexible
        };
        let nullable = place.null != Null::Never;
        let prefix = if nullable { "nullable_" } else { "" };
        let (read, map) = match &place.ty {
            Type::Scalar { wire, .. } => return format!("reader.{wire}()?"),
            Type::Wrapped { rust, wire, .. } => return wrap(rust, &format!("reader.{wire}()?")),
            Type::Struct { rust, .. } => {
                let decode = format!("{rust}::decode(reader, version)?");
                let is_present = match place.field.tag {
                    Some(_) => "is_present_in_tag",
                    None => "is_present",
                };
                return match &place.null {
                    Null::Never => decode,
                    Null::Always => {
                        format!("if reader.{is_present}()? {{ Some({decode}) }} else {{ None }}")
                    }
                    Null::When(when) => format!(
                        "if {when} && !reader.{is_present}()? {{ None }} else {{ Some({decode}) }}"
                    ),
                };
            }
            Type::Text { wrapper } => (format!("reader.{prefix}string({flexible})?"), *wrapper),
            Type::Bytes => (format!("reader.{prefix}bytes({flexible})?"), None),
            Type::Array(element) => {
                let bytes_min = self.bytes_min(element, place.field.versions);
                let element = self.element_reader(element, flexible);
                (
                    format!("reader.{prefix}array({flexible}, {bytes_min}, {element})?"),
                    None,
                )
            }
        };
        let read = match &place.null {
            Null::When(when) => format!("null_if({when}, {read})?"),
            _ => read,
        };
        match map {
            None => read,
            Some(wrapper) if nullable => format!("{read}.map({wrapper})"),
            Some(wrapper) => wrap(wrapper, &read),
        }
    }

    fn element_reader(&self, element: &Type, flexible: &str) -> String {
        match element {
            Type::Scalar { wire, .. } => format!("Reader::{wire}"),
            Type::Wrapped { rust, wire, .. } => {
                format!("|reader| Ok({})", wrap(rust, &format!("reader.{wire}()?")))
            }
            Type::Text {
                wrapper: Some(wrapper),
            } => {
                format!("|reader| Ok({wrapper}(reader.string({flexible})?))")
            }
            Type::Text { wrapper: None } => format!("|reader| reader.string({flexible})"),
            Type::Bytes => format!("|reader| reader.bytes({flexible})"),
            Type::Struct { rust, .. } => format!("|reader| {rust}::decode(reader, version)"),
            Type::Array(_) => unreachable!("Kafka has no arrays of arrays"),
        }
    }

    /// The fewest bytes a value takes in any of these versions.
    fn bytes_min(&self, ty: &Type, versions: Versions) -> usize {
        let scope = versions.and(self.message.versions);
        let all = scope.low..=scope.high;
        all.map(|version| self.bytes_min_in(ty, Versions::NONE, version))
            .min()
            .unwrap_or(0)
    }

    fn bytes_min_in(&self, ty: &Type, null: Versions, version: i16) -> usize {
        let flexible = self.message.flexible.contains(version);
        match ty {
            Type::Scalar { bytes, .. } | Type::Wrapped { bytes, .. } => *bytes,
            _ if null.contains(version) && matches!(ty, Type::Struct { .. }) => 1,
            Type::Text { .. } => 2 - usize::from(flexible),
            Type::Bytes | Type::Array(_) => 4 - 3 * usize::from(flexible),
            Type::Struct { kafka, .. } => {
                let fields = self.fields_of(kafka).iter();
                let plain =
                    fields.filter(|field| field.tag.is_none() && field.versions.contains(version));
                let sum: usize = plain
                    .map(|field| {
                        self.bytes_min_in(&self.ty(field, &field.kind), field.null, version)
                    })
                    .sum();
                sum + usize::from(flexible)
            }
        }
    }
}
