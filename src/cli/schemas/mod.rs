//! Records of internal topics and of the metadata log as JSON, in the words of Kafka's tools.
//!
//! Room:       `cli`, shared by tools that show such records.
//! Called by:  `log dump`, the formatters of `console_consumer`.
//! Calls:      `protocol` for primitives; the schema texts themselves, read once.
//! Never:      trusts the bytes: whatever does not fit its schema is an error with a reason.
//!
//! The generated structs have no names at run time, so this reads the texts they are made from.

mod json;
mod schema;

pub use json::from_base64;

use crate::protocol::Reader;
use schema::{Message, Schemas};
use std::sync::LazyLock;

/// Whose records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `__consumer_offsets`
    Group,
    /// `__transaction_state`
    Transaction,
    /// `__share_group_state`
    Share,
    /// `__cluster_metadata`
    Metadata,
    /// `__remote_log_metadata`
    RemoteLog,
    /// Control records of the metadata log.
    Raft,
    /// What consumers of a classic group tell each other.
    Consumer,
}

/// A decoded key or value: what it says it is, and its contents as JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// The type of a key, the version of a value.
    pub number: i16,
    pub data: String,
}

/// Why bytes are not shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// No record is known by this number.
    Type(i32),
    Bytes(String),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(number) => write!(f, "Unknown record type {number}"),
            Self::Bytes(reason) => f.write_str(reason),
        }
    }
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    Schemas::parse(&[
        (
            Source::Group,
            include_str!("../../protocol/schema/records/group.txt"),
        ),
        (
            Source::Transaction,
            include_str!("../../protocol/schema/records/transaction.txt"),
        ),
        (
            Source::Share,
            include_str!("../../protocol/schema/records/share.txt"),
        ),
        (
            Source::Metadata,
            include_str!("../../protocol/schema/records/metadata.txt"),
        ),
        (
            Source::RemoteLog,
            include_str!("../../protocol/schema/records/remote_log.txt"),
        ),
        (
            Source::Raft,
            include_str!("../../protocol/schema/records/raft.txt"),
        ),
        (
            Source::Consumer,
            include_str!("../../protocol/schema/records/consumer_protocol.txt"),
        ),
    ])
});

/// The key of a coordinator's record.
pub fn key(source: Source, bytes: &[u8]) -> Result<Told, Unreadable> {
    let mut reader = Reader::new(bytes);
    let number = read(reader.i16())?;
    let message = SCHEMAS.find(source, "coordinator-key", number);
    let message = message.ok_or(Unreadable::Type(i32::from(number)))?;
    // Keys of these topics have one version.
    let data = whole(message, &mut reader, message.versions.low)?;
    Ok(Told { number, data })
}

/// The value of a coordinator's record whose key is of type `kind`.
pub fn value(source: Source, kind: i16, bytes: &[u8]) -> Result<Told, Unreadable> {
    let mut reader = Reader::new(bytes);
    let number = read(reader.i16())?;
    // Kafka tells both kinds of committed offsets by their version alone.
    let kind = if source == Source::Group && kind == 0 {
        1
    } else {
        kind
    };
    let message = SCHEMAS.find(source, "coordinator-value", kind);
    let message = message.ok_or(Unreadable::Type(i32::from(kind)))?;
    let data = whole(message, &mut reader, number)?;
    Ok(Told { number, data })
}

/// A record of the metadata log: `{"type":…,"version":…,"data":…}`.
pub fn framed(source: Source, bytes: &[u8]) -> Result<String, Unreadable> {
    let mut reader = Reader::new(bytes);
    let frame = read(reader.unsigned_varint())?;
    if frame != 1 {
        let reason = format!("frame version {frame} is unknown");
        return Err(Unreadable::Bytes(reason));
    }
    let number = read(reader.unsigned_varint())?;
    let version = read(reader.unsigned_varint())?;
    let unknown = Unreadable::Type(i32::try_from(number).unwrap_or(i32::MAX));
    let code = i16::try_from(number).ok();
    let message = code.and_then(|code| SCHEMAS.find(source, "metadata", code));
    let message = message.ok_or(unknown)?;
    let version = i16::try_from(version).unwrap_or(i16::MAX);
    let data = whole(message, &mut reader, version)?;
    let name = schema::upper_snake(message.name);
    Ok(format!(
        r#"{{"type":"{name}","version":{version},"data":{data}}}"#
    ))
}

/// A message without a type of its own: `name` says which, its first field is its version.
pub fn named(source: Source, name: &str, bytes: &[u8]) -> Result<String, Unreadable> {
    let mut reader = Reader::new(bytes);
    let version = read(Reader::new(bytes).i16())?;
    if source == Source::Consumer {
        // Here the version is no field.
        read(reader.i16())?;
    }
    let message = SCHEMAS.named(source, name);
    let message = message.ok_or(Unreadable::Type(-1))?;
    json::message(message, &mut reader, version).map_err(Unreadable::Bytes)
}

fn whole(message: &Message, reader: &mut Reader<'_>, version: i16) -> Result<String, Unreadable> {
    let data = json::message(message, reader, version).map_err(Unreadable::Bytes)?;
    match reader.is_empty() {
        true => Ok(data),
        false => Err(Unreadable::Bytes(format!(
            "{} bytes are left over",
            reader.left().len()
        ))),
    }
}

fn read<T, E: std::fmt::Display>(read: Result<T, E>) -> Result<T, Unreadable> {
    read.map_err(|error| Unreadable::Bytes(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Writer;
    use crate::protocol::records::group::{
        ConsumerGroupMemberMetadataValue, OffsetCommitKey, OffsetCommitValue,
    };
    use crate::protocol::records::metadata::FeatureLevelRecord;
    use crate::protocol::records::transaction::TransactionLogValue;

    fn encoded<'m>(
        head: &[u8],
        message: &impl crate::protocol::Message<'m>,
        version: i16,
    ) -> Vec<u8> {
        let mut out = head.to_vec();
        message.encode(&mut out, version).expect("it fits");
        out
    }

    #[test]
    fn an_offset_is_told_in_kafkas_words() {
        let of = OffsetCommitKey {
            group: "g",
            topic: "t\"",
            partition: 2,
        };
        let told = key(Source::Group, &encoded(&[0, 1], &of, 0)).unwrap();
        assert_eq!(told.number, 1);
        assert_eq!(told.data, r#"{"group":"g","topic":"t\"","partition":2}"#);
        let committed = OffsetCommitValue {
            offset: 5,
            metadata: "m",
            commit_timestamp: 7,
            ..Default::default()
        };
        let told = value(Source::Group, 1, &encoded(&[0, 3], &committed, 3)).unwrap();
        assert_eq!(
            told.data,
            r#"{"offset":5,"leaderEpoch":-1,"metadata":"m","commitTimestamp":7}"#
        );
        // The topic's id is a tag that is left out while it is zero.
        let told = value(Source::Group, 1, &encoded(&[0, 4], &committed, 4)).unwrap();
        assert!(!told.data.contains("topicId"), "{}", told.data);
    }

    #[test]
    fn tags_null_and_types_are_told() {
        let value_of = TransactionLogValue {
            producer_id: 9,
            client_transaction_version: 2,
            ..Default::default()
        };
        let bytes = encoded(&[0, 1], &value_of, 1);
        let told = value(Source::Transaction, 0, &bytes).unwrap().data;
        assert!(told.starts_with(r#"{"producerId":9,"#), "{told}");
        assert!(told.contains(r#""transactionPartitions":"#), "{told}");
        assert!(told.ends_with(r#""clientTransactionVersion":2}"#), "{told}");
        let mut head = Vec::new();
        for number in [1, 12, 0] {
            head.put_unsigned_varint(number);
        }
        let feature = FeatureLevelRecord {
            name: "metadata.version",
            feature_level: 30,
        };
        let data = r#"{"name":"metadata.version","featureLevel":30}"#;
        assert_eq!(
            framed(Source::Metadata, &encoded(&head, &feature, 0)).unwrap(),
            format!(r#"{{"type":"FEATURE_LEVEL_RECORD","version":0,"data":{data}}}"#)
        );
    }

    /// Goal: a member of a consumer group that is no classic one: its tag says so with a zero.
    #[test]
    fn a_null_in_a_tag_is_told() {
        let value_of = ConsumerGroupMemberMetadataValue {
            client_id: "c",
            classic_member_metadata: None,
            ..Default::default()
        };
        let bytes = encoded(&[0, 0], &value_of, 0);
        assert!(bytes.ends_with(&[1, 0, 1, 0]), "{bytes:?}");
        let told = value(Source::Group, 5, &bytes).unwrap().data;
        assert!(told.ends_with(r#""classicMemberMetadata":null}"#), "{told}");
    }

    #[test]
    fn strange_bytes_are_an_error() {
        assert_eq!(key(Source::Group, &[0, 99]), Err(Unreadable::Type(99)));
        for source in [Source::Group, Source::Share, Source::Transaction] {
            for length in 0..40 {
                let bytes: Vec<u8> = (0..length).map(|n| (n * 37 % 11) as u8).collect();
                let _ = key(source, &bytes);
                let _ = value(source, 0, &bytes);
                let _ = framed(Source::Metadata, &bytes);
            }
        }
        assert!(key(Source::Group, &[0, 1, 0x7f, 0xff]).is_err());
        // An array that claims more than there is.
        assert!(
            value(
                Source::Group,
                6,
                &[0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 7]
            )
            .is_err()
        );
    }

    #[test]
    fn every_schema_is_understood() {
        assert!(
            SCHEMAS
                .find(Source::Group, "coordinator-value", 23)
                .is_some()
        );
        assert!(SCHEMAS.find(Source::Metadata, "metadata", 27).is_some());
        assert!(SCHEMAS.named(Source::Raft, "VotersRecord").is_some());
    }
}
