//! What is printed of a record: Kafka's message formatters.
//!
//! Room:       `cli::console_consumer`.
//! Called by:  the tool.
//! Calls:      `deserialize` for keys and values, `schemas` for records of internal topics.
//! Never:      prints half a record: what cannot be formatted is an error before a byte is out.

use super::deserialize::Deserializer;
use crate::cli::output::{Refusal, note};
use crate::cli::schemas::{self, Source, Told};
use crate::client::ConsumedRecord;
use crate::protocol::record_batch::TimestampType;

/// A formatter and its properties.
#[derive(Debug)]
pub enum Formatter {
    Default(Format),
    /// As Default, and a line on stderr.
    Logging(Format),
    /// Records of an internal topic as JSON; only keys of these types.
    Coordinator(Source, &'static [i16]),
    /// One line of JSON with everything.
    Json,
    Silent,
}

/// What is printed of a record, in Kafka's order.
#[derive(Debug)]
pub struct Format {
    timestamp: bool,
    partition: bool,
    offset: bool,
    delivery: bool,
    epoch: bool,
    headers: bool,
    key: bool,
    value: bool,
    key_separator: String,
    line_separator: String,
    headers_separator: String,
    null_literal: String,
    key_deserializer: Deserializer,
    value_deserializer: Deserializer,
    headers_deserializer: Deserializer,
}

impl Formatter {
    /// A formatter by the name of its class, which may lack its package.
    pub fn of(class: Option<&str>, properties: &[(String, String)]) -> Result<Self, Refusal> {
        let class = class.unwrap_or("DefaultMessageFormatter");
        let coordinator = match class.rsplit('.').next().unwrap_or(class) {
            "DefaultMessageFormatter" | "default" => {
                return Ok(Self::Default(Format::of(properties)?));
            }
            "LoggingMessageFormatter" => return Ok(Self::Logging(Format::of(properties)?)),
            "NoOpMessageFormatter" | "noop" => return Ok(Self::Silent),
            "OffsetsMessageFormatter" => Self::Coordinator(Source::Group, &[0, 1]),
            "GroupMetadataMessageFormatter" => Self::Coordinator(Source::Group, &[2]),
            "TransactionLogMessageFormatter" => Self::Coordinator(Source::Transaction, &[0]),
            "ShareGroupStateMessageFormatter" => Self::Coordinator(Source::Share, &[0, 1]),
            "ShareGroupMessageFormatter" => {
                Self::Coordinator(Source::Group, &[10, 11, 12, 13, 14, 15])
            }
            _ => {
                return Err(Refusal::new(format_args!(
                    "--formatter {class}: classes of one's own cannot be loaded; there are \
                     Default-, Logging-, NoOp-, Offsets-, GroupMetadata-, TransactionLog-, \
                     ShareGroup- and ShareGroupStateMessageFormatter"
                )));
            }
        };
        for (name, _) in properties {
            note(format_args!("note: property {name} has no effect here"));
        }
        Ok(coordinator)
    }

    /// Appends what is printed of a record; or says why it cannot be.
    pub fn write(
        &self,
        topic: &str,
        partition: i32,
        record: &ConsumedRecord<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        self.write_delivered((topic, partition), record, None, out)
    }

    /// As `write`, for a record that a share group's member has got so often.
    pub fn write_delivered(
        &self,
        (topic, partition): (&str, i32),
        record: &ConsumedRecord<'_>,
        deliveries: Option<i16>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        match self {
            Self::Silent => Ok(()),
            Self::Json => {
                json(topic, partition, record, out);
                Ok(())
            }
            Self::Default(format) => format.write(partition, record, deliveries, out),
            Self::Logging(format) => {
                format.write(partition, record, deliveries, out)?;
                let key = record.key.map(|key| format!("{}, ", text(key)));
                note(format_args!(
                    "{}key:{}value:{}",
                    timestamp(record).map_or_else(String::new, |at| format!("{at}, ")),
                    key.as_deref().unwrap_or("null "),
                    record.value.map_or_else(|| "null".into(), text),
                ));
                Ok(())
            }
            Self::Coordinator(source, kinds) => coordinator(*source, kinds, record, out),
        }
    }
}

fn coordinator(
    source: Source,
    kinds: &[i16],
    record: &ConsumedRecord<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let Some(bytes) = record.key else {
        return Ok(());
    };
    let key = match schemas::key(source, bytes) {
        Ok(key) if kinds.contains(&key.number) => key,
        // Records of other kinds lie in the same topic.
        Ok(_) | Err(schemas::Unreadable::Type(_)) => return Ok(()),
        Err(unreadable) => return Err(unreadable.to_string()),
    };
    let value = match record.value {
        None => "null".to_owned(),
        Some(bytes) => {
            let value = schemas::value(source, key.number, bytes);
            let Told { number, data } = value.map_err(|unreadable| unreadable.to_string())?;
            format!(r#"{{"version":{number},"data":{data}}}"#)
        }
    };
    let Told { number, data } = key;
    let line = format!(r#"{{"key":{{"type":{number},"data":{data}}},"value":{value}}}"#);
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
    Ok(())
}

impl Format {
    fn of(properties: &[(String, String)]) -> Result<Self, Refusal> {
        let mut format = Self {
            timestamp: false,
            partition: false,
            offset: false,
            delivery: false,
            epoch: false,
            headers: false,
            key: false,
            value: true,
            key_separator: "\t".to_owned(),
            line_separator: "\n".to_owned(),
            headers_separator: ",".to_owned(),
            null_literal: "null".to_owned(),
            key_deserializer: Deserializer::Bytes,
            value_deserializer: Deserializer::Bytes,
            headers_deserializer: Deserializer::Bytes,
        };
        for (name, value) in properties {
            let yes = value.trim().eq_ignore_ascii_case("true");
            match name.as_str() {
                "print.timestamp" => format.timestamp = yes,
                "print.partition" => format.partition = yes,
                "print.offset" => format.offset = yes,
                "print.delivery" => format.delivery = yes,
                "print.epoch" => format.epoch = yes,
                "print.headers" => format.headers = yes,
                "print.key" => format.key = yes,
                "print.value" => format.value = yes,
                "key.separator" => format.key_separator.clone_from(value),
                "line.separator" => format.line_separator.clone_from(value),
                "headers.separator" => format.headers_separator.clone_from(value),
                "null.literal" => format.null_literal.clone_from(value),
                "key.deserializer" => format.key_deserializer = Deserializer::of(value)?,
                "value.deserializer" => format.value_deserializer = Deserializer::of(value)?,
                "headers.deserializer" => format.headers_deserializer = Deserializer::of(value)?,
                other => note(format_args!("note: property {other} has no effect here")),
            }
        }
        Ok(format)
    }

    fn write(
        &self,
        partition: i32,
        record: &ConsumedRecord<'_>,
        deliveries: Option<i16>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let mut fields: Vec<Vec<u8>> = Vec::new();
        if self.timestamp {
            let at = timestamp(record);
            fields.push(at.unwrap_or_else(|| "NO_TIMESTAMP".to_owned()).into_bytes());
        }
        if self.partition {
            fields.push(format!("Partition:{partition}").into_bytes());
        }
        if self.offset {
            fields.push(format!("Offset:{}", record.offset).into_bytes());
        }
        if self.delivery {
            // Only share consumers count deliveries.
            let count = deliveries.map(|count| count.to_string());
            let count = count.as_deref().unwrap_or("NOT_PRESENT");
            fields.push(format!("Delivery:{count}").into_bytes());
        }
        if self.epoch {
            fields.push(format!("Epoch:{}", record.leader_epoch).into_bytes());
        }
        if self.headers {
            fields.push(self.headers(record)?);
        }
        if self.key {
            fields.push(self.shown(self.key_deserializer, record.key)?);
        }
        if self.value {
            fields.push(self.shown(self.value_deserializer, record.value)?);
        }
        if !fields.is_empty() {
            out.extend(fields.join(self.key_separator.as_bytes()));
            out.extend_from_slice(self.line_separator.as_bytes());
        }
        Ok(())
    }

    fn headers(&self, record: &ConsumedRecord<'_>) -> Result<Vec<u8>, String> {
        if record.headers.is_empty() {
            return Ok(b"NO_HEADERS".to_vec());
        }
        let headers = record.headers.iter().map(|header| {
            let mut text = header.key.to_vec();
            text.push(b':');
            text.extend(self.shown(self.headers_deserializer, header.value)?);
            Ok(text)
        });
        let headers: Vec<Vec<u8>> = headers.collect::<Result<_, String>>()?;
        Ok(headers.join(self.headers_separator.as_bytes()))
    }

    fn shown(&self, deserializer: Deserializer, bytes: Option<&[u8]>) -> Result<Vec<u8>, String> {
        match bytes {
            Some(bytes) => deserializer.read(bytes),
            None => Ok(self.null_literal.as_bytes().to_vec()),
        }
    }
}

fn timestamp(record: &ConsumedRecord<'_>) -> Option<String> {
    match (record.timestamp, record.timestamp_type) {
        (-1, _) => None,
        (at, TimestampType::CreateTime) => Some(format!("CreateTime:{at}")),
        (at, TimestampType::LogAppendTime) => Some(format!("LogAppendTime:{at}")),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(topic: &str, partition: i32, record: &ConsumedRecord<'_>, out: &mut Vec<u8>) {
    let headers: Vec<serde_json::Value> = record
        .headers
        .iter()
        .map(|header| serde_json::json!([text(header.key), header.value.map(text)]))
        .collect();
    let line = serde_json::json!({
        "topic": topic, "partition": partition, "offset": record.offset,
        "timestamp": record.timestamp, "key": record.key.map(text),
        "value": record.value.map(text), "headers": headers,
    });
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}
