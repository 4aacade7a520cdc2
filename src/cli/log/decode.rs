//! What keys and values of dumped records say, by the decoder that was asked for.
//!
//! Room:       `cli::log`.
//! Called by:  `batches`.
//! Calls:      `cli::schemas`.
//! Never:      fails on a record: what cannot be read is said in its place.

use crate::cli::output::Refusal;
use crate::cli::schemas::{self, Source, Told, Unreadable};
use crate::protocol::Reader;
use crate::protocol::record_batch::Record;

/// How keys and values are read.
#[derive(Clone, Copy, Debug)]
pub enum Decoder {
    Plain { key: Plain, value: Plain },
    Coordinator(Source),
    Framed(Source),
}

/// Kafka's decoders for topics of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    Text,
    Integer,
    Long,
}

impl Plain {
    /// By the class, whose package may be missing.
    pub fn of(class: &str) -> Result<Self, Refusal> {
        match class.rsplit('.').next().unwrap_or(class) {
            "StringDecoder" | "DefaultDecoder" => Ok(Self::Text),
            "IntegerDecoder" => Ok(Self::Integer),
            "LongDecoder" => Ok(Self::Long),
            _ => Err(Refusal::new(format_args!(
                "decoder {class}: classes of one's own cannot be loaded; there are StringDecoder, \
                 DefaultDecoder, IntegerDecoder and LongDecoder of org.apache.kafka.tools.api"
            ))),
        }
    }

    fn read(self, bytes: &[u8]) -> String {
        let text = || String::from_utf8_lossy(bytes).into_owned();
        match self {
            Self::Text => text(),
            Self::Integer => bytes
                .first_chunk()
                .map_or_else(text, |number| i32::from_be_bytes(*number).to_string()),
            Self::Long => bytes
                .first_chunk()
                .map_or_else(text, |number| i64::from_be_bytes(*number).to_string()),
        }
    }
}

impl Decoder {
    /// What is printed of a record's key and value.
    pub fn read(
        &self,
        offset: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> (Option<String>, Option<String>) {
        match self {
            Self::Plain {
                key: of,
                value: as_,
            } => (
                key.map(|key| of.read(key)),
                value.map(|value| as_.read(value)),
            ),
            Self::Coordinator(source) => coordinator(*source, offset, key, value),
            Self::Framed(source) => {
                let told = schemas::framed(*source, value.unwrap_or_default());
                let skipped = |reason| format!("Error at {offset}, skipping. {reason}");
                (None, Some(told.unwrap_or_else(skipped)))
            }
        }
    }
}

fn coordinator(
    source: Source,
    offset: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> (Option<String>, Option<String>) {
    let told = match schemas::key(source, key.unwrap_or_default()) {
        Ok(told) => told,
        Err(Unreadable::Type(kind)) => {
            let line = format!("Unknown record type {kind} at offset {offset}, skipping.");
            return (Some(line), None);
        }
        Err(reason) => return (Some(skipping(offset, &reason)), None),
    };
    let Told { number, data } = told;
    let key = format!(r#"{{"type":"{number}","data":{data}}}"#);
    let Some(value) = value else {
        return (Some(key), Some("<DELETE>".to_owned()));
    };
    match schemas::value(source, number, value) {
        Ok(Told { number, data }) => {
            let data = match source {
                Source::Group => with_members(data),
                _ => data,
            };
            let value = format!(r#"{{"version":"{number}","data":{data}}}"#);
            (Some(key), Some(value))
        }
        Err(reason) => (Some(skipping(offset, &reason)), None),
    }
}

fn skipping(offset: i64, reason: &Unreadable) -> String {
    format!("Error at offset {offset}, skipping. {reason}")
}

/// In groups of consumers, the bytes that members exchange are told too.
fn with_members(data: String) -> String {
    const MARK: &str = r#"{"protocolType":"consumer","#;
    if !data.starts_with(MARK) {
        return data;
    }
    let mut out = data;
    for (field, name) in [
        ("subscription", "ConsumerProtocolSubscription"),
        ("assignment", "ConsumerProtocolAssignment"),
    ] {
        let mark = format!("\"{field}\":\"");
        let mut from = 0;
        while let Some(at) = out[from..].find(&mark).map(|at| from + at + mark.len()) {
            let Some(end) = out[at..].find('"').map(|length| at + length) else {
                break;
            };
            let bytes = schemas::from_base64(&out[at..end]);
            let told = bytes.and_then(|bytes| schemas::named(Source::Consumer, name, &bytes).ok());
            from = at;
            if let Some(told) = told {
                out.replace_range(at - 1..=end, &told);
            }
        }
    }
    out
}

/// What a control record says.
pub fn control(record: &Record<'_>) -> String {
    let (key, value) = (
        record.key.unwrap_or_default(),
        record.value.unwrap_or_default(),
    );
    let mut reader = Reader::new(key);
    let kind = reader.i16().and_then(|_| reader.i16()).unwrap_or(-1);
    let raft = |label: &str, name: &str| match schemas::named(Source::Raft, name, value) {
        Ok(told) => format!(" {label} {told}"),
        Err(reason) => format!(" {label} {reason}"),
    };
    match kind {
        0 | 1 => {
            let name = if kind == 1 { "COMMIT" } else { "ABORT" };
            let mut reader = Reader::new(value);
            let epoch = reader.i16().and_then(|_| reader.i32()).unwrap_or(-1);
            format!(" endTxnMarker: {name} coordinatorEpoch: {epoch}")
        }
        2 => raft("LeaderChange:", "LeaderChangeMessage"),
        3 => raft("SnapshotHeader", "SnapshotHeaderRecord"),
        4 => raft("SnapshotFooter", "SnapshotFooterRecord"),
        5 => raft("KRaftVersion", "KRaftVersionRecord"),
        6 => raft("KRaftVoters", "VotersRecord"),
        kind => format!(" controlType: UNKNOWN({kind})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said() {
        let decoder = Decoder::Coordinator(Source::Group);
        let (key, value) = decoder.read(7, Some(&[0, 99]), None);
        assert_eq!(
            key.as_deref(),
            Some("Unknown record type 99 at offset 7, skipping.")
        );
        assert_eq!(value, None);
        let (key, value) = decoder.read(7, Some(&[0, 2, 0, 1, b'g']), None);
        assert_eq!(key.as_deref(), Some(r#"{"type":"2","data":{"group":"g"}}"#));
        assert_eq!(value.as_deref(), Some("<DELETE>"));
    }

    #[test]
    fn members_of_consumers_are_told() {
        // Version 0 without topics and without user data: an array and bytes of length -1.
        let group = |subscription: &str| {
            let member = format!(r#"{{"subscription":{subscription},"assignment":""}}"#);
            format!(r#"{{"protocolType":"consumer","members":[{member}]}}"#)
        };
        assert_eq!(
            with_members(group(r#""AAAAAAAA/////w==""#)),
            group(r#"{"topics":[],"userData":null}"#)
        );
    }
}
