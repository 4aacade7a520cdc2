//! Bytes of a message to JSON, as Kafka's generated converters write it.
//!
//! Room:       `cli::schemas`.
//! Called by:  `schemas`.
//! Calls:      `protocol` for primitives.
//! Never:      writes a tagged field that is not there, or a field its version does not have.

use super::schema::{Field, Message, Type};
use crate::protocol::{DecodeError, Reader};
use std::fmt::Write;

/// One message of `version`.
pub fn message(message: &Message, reader: &mut Reader<'_>, version: i16) -> Result<String, String> {
    if !message.versions.contain(version) {
        let name = message.name;
        return Err(format!("version {version} of {name} is unknown"));
    }
    let decoder = Decoder {
        message,
        version,
        flexible: message.flexible.contain(version),
    };
    decoder
        .fields(&message.fields, reader)
        .map_err(|error| error.to_string())
}

struct Decoder<'m> {
    message: &'m Message,
    version: i16,
    flexible: bool,
}

impl Decoder<'_> {
    fn fields(&self, fields: &[Field], reader: &mut Reader<'_>) -> Result<String, DecodeError> {
        let version = self.version;
        let mut texts: Vec<Option<String>> = vec![None; fields.len()];
        let tag_of = |field: &Field| match field.tag {
            Some((tag, versions)) if versions.contain(version) => Some(tag),
            _ => None,
        };
        for (text, field) in texts.iter_mut().zip(fields) {
            if field.versions.contain(version) && tag_of(field).is_none() {
                *text = Some(self.field(field, reader, Reader::is_present)?);
            }
        }
        if self.flexible {
            reader.tags(|reader, tag| {
                let at = fields.iter().position(|field| {
                    field.versions.contain(version) && tag_of(field) == Some(tag)
                });
                if let Some(at) = at {
                    let present = Reader::is_present_in_tag;
                    texts[at] = Some(self.field(&fields[at], reader, present)?);
                }
                Ok(at.is_some())
            })?;
        }
        let mut out = String::from("{");
        for (field, text) in fields.iter().zip(texts) {
            if let Some(text) = text {
                let comma = if out.len() > 1 { "," } else { "" };
                let _ = write!(out, "{comma}\"{}\":{text}", field.name);
            }
        }
        out.push('}');
        Ok(out)
    }

    fn field<'r>(
        &self,
        field: &Field,
        reader: &mut Reader<'r>,
        is_present: impl FnOnce(&mut Reader<'r>) -> Result<bool, DecodeError>,
    ) -> Result<String, DecodeError> {
        let nullable = field.nullable.contain(self.version);
        if let (Type::Struct(_), true) = (&field.kind, nullable)
            && !is_present(reader)?
        {
            return Ok("null".to_owned());
        }
        self.value(&field.kind, reader)
    }

    fn value(&self, kind: &Type, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
        let null = || "null".to_owned();
        Ok(match kind {
            Type::Bool => reader.bool()?.to_string(),
            Type::Int8 => reader.i8()?.to_string(),
            Type::Int16 => reader.i16()?.to_string(),
            Type::Uint16 => reader.u16()?.to_string(),
            Type::Int32 => reader.i32()?.to_string(),
            Type::Uint32 => reader.u32()?.to_string(),
            Type::Int64 => reader.i64()?.to_string(),
            Type::Float64 => serde_json::json!(reader.f64()?).to_string(),
            Type::Uuid => format!("\"{}\"", reader.uuid()?),
            Type::String => reader
                .nullable_string(self.flexible)?
                .map_or_else(null, |text| serde_json::Value::from(text).to_string()),
            Type::Bytes => reader
                .nullable_bytes(self.flexible)?
                .map_or_else(null, |bytes| format!("\"{}\"", base64(bytes))),
            Type::Struct(name) => {
                let fields = self.message.structs.get(name);
                self.fields(fields.map_or(&[], Vec::as_slice), reader)?
            }
            Type::Array(inner) => {
                let values =
                    reader.nullable_array(self.flexible, 1, |reader| self.value(inner, reader))?;
                values.map_or_else(null, |values| format!("[{}]", values.join(",")))
            }
        })
    }
}

/// The letters of base64, standard alphabet.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The other way around; `None` for text that is none.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes().take_while(|letter| *letter != b'=') {
        let value = LETTERS.iter().position(|known| *known == letter)? as u32;
        bits = bits << 6 | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

/// Padded.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64, from_base64};

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
        assert_eq!(from_base64("a b"), None);
    }
}
