//! What writes a struct: `encode`, field by field.
//!
//! Room:       `protocol/generator`.
//! Called by:  `emit_struct`.
//! Never:      drops a value that the version cannot carry, unless Kafka calls it ignorable.

use super::{Emitter, Null, Place, Type, condition, not, sorted_tags, unwrap};
use crate::schema::Versions;
use std::fmt::Write;

impl Emitter<'_> {
    pub(super) fn encode_body(&self, places: &[Place], scope: Versions) -> String {
        let mut text = String::new();
        for place in places.iter().filter(|place| place.field.tag.is_none()) {
            let write = self.write_checked(place);
            let absent = place.absent(&place.is_default(self), &place.field.name);
            match &place.when {
                None => text.push_str(&write),
                Some(when) if absent.is_empty() => {
                    let _ = writeln!(text, "if {when} {{\n{write}}}");
                }
                Some(when) => {
                    let _ = writeln!(text, "if {when} {{\n{write}}} else {{\n{absent}}}");
                }
            }
        }
        let tagged = sorted_tags(places);
        let mut tags = "out.put_unsigned_varint(0);\n".to_string();
        if !tagged.is_empty() {
            let (mut lets, mut writes, mut count) = (String::new(), String::new(), Vec::new());
            for (tag, place) in &tagged {
                let when = condition(
                    place.field.versions.and(scope),
                    self.message.flexible.and(scope),
                );
                let is_set = not(&place.is_default(self));
                let is_set = when.map_or(is_set.clone(), |when| format!("{when} && {is_set}"));
                let has = format!("has_{}", place.name.trim_start_matches("r#"));
                let write = self.write(place);
                let payload = match write.strip_suffix("?;\n") {
                    Some(fallible) => fallible.to_string(),
                    None => format!("{{\n{write}Ok(())\n}}"),
                };
                let _ = writeln!(lets, "let {has} = {is_set};");
                let _ = writeln!(
                    writes,
                    "if {has} {{\nout.put_tag({tag}, |out| {payload})?;\n}}"
                );
                count.push(format!("u32::from({has})"));
            }
            tags = format!(
                "{lets}out.put_unsigned_varint({});\n{writes}",
                count.join(" + ")
            );
        }
        self.push_flexible(&mut text, scope, &tags);
        for (_, place) in &tagged {
            let absent = place.absent(&place.is_default(self), &place.field.name);
            if let (Some(when), false) = (&place.when, absent.is_empty()) {
                let _ = writeln!(text, "if {} {{\n{absent}}}", not(when));
            }
        }
        text
    }

    /// Statements that write the field, after a check that null is allowed.
    fn write_checked(&self, place: &Place) -> String {
        let mut text = String::new();
        if let Null::When(when) = &place.null {
            let _ = writeln!(
                text,
                "not_null(self.{}.is_some() || {when}, \"{}\", version)?;",
                place.name, place.field.name
            );
        }
        text + &self.write(place)
    }

    fn write(&self, place: &Place) -> String {
        let flexible = if place.field.tag.is_some() {
            "true"
        } else {
            &place.flexible
        };
        let name = &place.name;
        let nullable = place.null != Null::Never;
        let prefix = if nullable { "nullable_" } else { "" };
        let by_ref = if nullable {
            format!("self.{name}.as_deref()")
        } else {
            format!("&self.{name}")
        };
        match &place.ty {
            Type::Scalar { wire, .. } => format!("out.put_{wire}(self.{name});\n"),
            Type::Wrapped { rust, wire, .. } => {
                format!(
                    "out.put_{wire}({});\n",
                    unwrap(rust, &format!("self.{name}"))
                )
            }
            Type::Text { wrapper } => {
                let value = match (wrapper, nullable) {
                    (None, _) => format!("self.{name}"),
                    (Some(_), true) => by_ref,
                    (Some(_), false) => format!("self.{name}.0"),
                };
                format!("out.put_{prefix}string({value}, {flexible})?;\n")
            }
            Type::Bytes => format!("out.put_{prefix}bytes(self.{name}, {flexible});\n"),
            Type::Array(element) => {
                let element = self.element_writer(element, flexible);
                format!("out.put_{prefix}array({by_ref}, {flexible}, {element})?;\n")
            }
            Type::Struct { .. } => match &place.null {
                Null::Never => format!("self.{name}.encode(out, version)?;\n"),
                _ if place.field.tag.is_some() => format!(
                    "put_tagged_nullable(out, self.{name}.as_ref(), \
                     |out, value| value.encode(out, version))?;\n"
                ),
                null => {
                    let is_prefixed = match null {
                        Null::When(when) => when.as_str(),
                        _ => "true",
                    };
                    format!(
                        "put_nullable(out, {is_prefixed}, self.{name}.as_ref(), \
                         |out, value| value.encode(out, version))?;\n"
                    )
                }
            },
        }
    }

    fn element_writer(&self, element: &Type, flexible: &str) -> String {
        match element {
            Type::Scalar { wire, .. } => {
                format!("|out, item| {{\nout.put_{wire}(*item);\nOk(())\n}}")
            }
            Type::Wrapped { rust, wire, .. } => {
                format!(
                    "|out, item| {{\nout.put_{wire}({});\nOk(())\n}}",
                    unwrap(rust, "item")
                )
            }
            Type::Text { .. } => format!("|out, item| out.put_string(item, {flexible})"),
            Type::Bytes => format!("|out, item| {{\nout.put_bytes(item, {flexible});\nOk(())\n}}"),
            Type::Struct { .. } => "|out, item| item.encode(out, version)".into(),
            Type::Array(_) => unreachable!("Kafka has no arrays of arrays"),
        }
    }
}
