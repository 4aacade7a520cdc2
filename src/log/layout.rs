//! Names of files and folders, exactly Kafka's, so that its tools find their way in our folders.
//!
//! Room:       `log`.
//! Called by:  every file of this room, `shard` (what lies in a log dir), `cli::log_dump`.
//! Never:      touches a disk.
//!
//! ```text
//!   <log dir>/<topic>-<partition>/00000000000000000042.log   the first record's offset
//!                                 00000000000000000042.index .timeindex .txnindex .snapshot
//!                                 leader-epoch-checkpoint    partition.metadata
//! ```

use crate::ids::{Offset, TopicId};
use std::path::{Path, PathBuf};

pub const LEADER_EPOCH_FILE: &str = "leader-epoch-checkpoint";
pub const PARTITION_METADATA_FILE: &str = "partition.metadata";
pub const RECOVERY_POINT_FILE: &str = "recovery-point-offset-checkpoint";
pub const LOG_START_FILE: &str = "log-start-offset-checkpoint";
pub const HIGH_WATERMARK_FILE: &str = "replication-offset-checkpoint";
/// Kafka's own mark of a clean stop; holds `{"version":0,"brokerEpoch":n}` since 3.7.
pub const CLEAN_SHUTDOWN_FILE: &str = ".kafka_cleanshutdown";
pub const CLEANER_CHECKPOINT_FILE: &str = "cleaner-offset-checkpoint";
/// In the folder of a partition that came from another log dir, as long as a start may find the one
/// that it was copied from.
pub const MOVED_FILE: &str = "ottla-moved";
/// In the folder of a partition that is about to be another log dir's: which one. While that log
/// dir cannot be used, nobody knows whose replica counts.
pub const LEAVING_FILE: &str = "ottla-leaving";
/// Behind the name of a file that no segment has any more.
pub const DELETED_SUFFIX: &str = ".deleted";
/// Behind the names of a compacted segment's files while they are written.
pub const CLEANED_SUFFIX: &str = ".cleaned";
/// Behind their names once they are whole and about to replace segments.
pub const SWAP_SUFFIX: &str = ".swap";

/// What a file of a partition's folder holds; its name ends so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    Log,
    OffsetIndex,
    TimeIndex,
    TransactionIndex,
    ProducerSnapshot,
}

impl FileKind {
    pub const ALL: [FileKind; 5] = [
        FileKind::Log,
        FileKind::OffsetIndex,
        FileKind::TimeIndex,
        FileKind::TransactionIndex,
        FileKind::ProducerSnapshot,
    ];

    pub fn suffix(self) -> &'static str {
        match self {
            FileKind::Log => ".log",
            FileKind::OffsetIndex => ".index",
            FileKind::TimeIndex => ".timeindex",
            FileKind::TransactionIndex => ".txnindex",
            FileKind::ProducerSnapshot => ".snapshot",
        }
    }
}

/// What a file name in a partition's folder says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileName {
    Segment {
        base: Offset,
        kind: FileKind,
    },
    /// Kafka was replacing segments with a cleaned one: complete, to be renamed (`.swap`).
    Swap {
        base: Offset,
        kind: FileKind,
    },
    /// Half written or already deleted: to be removed (`.cleaned`, `.deleted`, `.tmp`).
    Leftover,
    LeaderEpochs,
    PartitionMetadata,
    Foreign,
}

impl FileName {
    pub fn parse(name: &str) -> FileName {
        match name {
            LEADER_EPOCH_FILE => return FileName::LeaderEpochs,
            PARTITION_METADATA_FILE => return FileName::PartitionMetadata,
            _ => {}
        }
        if let Some((base, kind)) = parse_segment_name(name) {
            return FileName::Segment { base, kind };
        }
        if let Some((base, kind)) = name.strip_suffix(SWAP_SUFFIX).and_then(parse_segment_name) {
            return FileName::Swap { base, kind };
        }
        let leftover = [CLEANED_SUFFIX, DELETED_SUFFIX, ".tmp"];
        if leftover.iter().any(|suffix| name.ends_with(suffix)) {
            return FileName::Leftover;
        }
        FileName::Foreign
    }
}

fn parse_segment_name(name: &str) -> Option<(Offset, FileKind)> {
    let kind = FileKind::ALL
        .into_iter()
        .find(|kind| name.ends_with(kind.suffix()))?;
    let digits = name.strip_suffix(kind.suffix())?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let base = digits.parse::<i64>().ok().filter(|_| well_formed)?;
    Some((Offset(base), kind))
}

/// `00000000000000000042.log`, the number padded to 20 digits.
pub fn segment_file_name(base: Offset, kind: FileKind) -> String {
    format!("{:020}{}", base.0.max(0), kind.suffix())
}

pub fn segment_path(dir: &Path, base: Offset, kind: FileKind) -> PathBuf {
    dir.join(segment_file_name(base, kind))
}

/// What a folder name in a log dir says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderName {
    Partition {
        topic: String,
        partition: i32,
    },
    /// Being deleted: to be removed at start.
    Delete,
    /// Claimed by no topic; kept for the operator.
    Stray,
    /// Kafka's future replica of a move between log dirs.
    Future,
    Foreign,
}

impl FolderName {
    pub fn parse(name: &str) -> FolderName {
        if name.ends_with("-delete") {
            return FolderName::Delete;
        }
        if name.ends_with("-stray") {
            return FolderName::Stray;
        }
        if name.ends_with("-future") {
            return FolderName::Future;
        }
        let Some((topic, partition)) = name.rsplit_once('-') else {
            return FolderName::Foreign;
        };
        let well_formed = !topic.is_empty()
            && !partition.is_empty()
            && partition.bytes().all(|byte| byte.is_ascii_digit());
        match partition.parse() {
            Ok(partition) if well_formed => FolderName::Partition {
                topic: topic.to_owned(),
                partition,
            },
            _ => FolderName::Foreign,
        }
    }
}

/// `topic-partition`.
pub fn folder_name(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

/// `topic-partition.<unique>-delete`, shortened so that it stays a legal name.
pub fn delete_folder_name(topic: &str, partition: i32, unique: u128) -> String {
    marked_folder_name(topic, partition, unique, "delete")
}

/// `topic-partition.<unique>-future`; `None` when that is too long for a name.
pub fn future_folder_name(topic: &str, partition: i32, unique: u128) -> Option<String> {
    let name = format!("{topic}-{partition}.{unique:032x}-future");
    (name.len() <= FILE_NAME_BYTES_MAX).then_some(name)
}

/// How the names of future folders end.
pub const FUTURE: &str = "-future";

/// The partition whose future folder this is.
pub fn parse_future_folder_name(name: &str) -> Option<i32> {
    let (of, unique) = name.strip_suffix(FUTURE)?.rsplit_once('.')?;
    let well_formed = unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit());
    match FolderName::parse(of) {
        FolderName::Partition { partition, .. } if well_formed => Some(partition),
        _ => None,
    }
}

/// `topic-partition.<unique>-stray`, shortened so that it stays a legal name.
pub fn stray_folder_name(topic: &str, partition: i32, unique: u128) -> String {
    marked_folder_name(topic, partition, unique, "stray")
}

fn marked_folder_name(topic: &str, partition: i32, unique: u128, mark: &str) -> String {
    let end = format!("-{partition}.{unique:032x}-{mark}");
    // Topic names are ASCII; a name from elsewhere is cut at a character.
    let mut length = topic.len().min(FILE_NAME_BYTES_MAX - end.len());
    while !topic.is_char_boundary(length) {
        length -= 1;
    }
    format!("{}{end}", &topic[..length])
}

/// Text of `partition.metadata`.
pub fn format_partition_metadata(topic: TopicId) -> String {
    format!("version: 0\ntopic_id: {topic}\n")
}

/// The topic id in a `partition.metadata`; `None` when it is not one of version 0.
pub fn parse_partition_metadata(text: &str) -> Option<TopicId> {
    let mut version = None;
    let mut topic = None;
    for line in text.lines() {
        match line.split_once(':') {
            Some(("version", value)) => version = value.trim().parse::<i32>().ok(),
            Some(("topic_id", value)) => topic = parse_topic_id(value.trim()),
            _ => return None,
        }
    }
    topic.filter(|_| version == Some(0))
}

/// The reverse of `TopicId`'s `Display`: 22 characters of URL-safe base64.
pub fn parse_topic_id(text: &str) -> Option<TopicId> {
    if text.len() != 22 {
        return None;
    }
    let mut value = 0u128;
    for (place, byte) in text.bytes().enumerate() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        if place < 21 {
            value = value << 6 | u128::from(digit);
        } else {
            // The last digit holds two bits of the id and four zeros.
            value = value << 2 | u128::from(digit >> 4);
        }
    }
    Some(TopicId(value.to_be_bytes()))
}

/// The longest name Linux file systems take.
const FILE_NAME_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_names_go_both_ways() {
        for kind in FileKind::ALL {
            let name = segment_file_name(Offset(42), kind);
            assert_eq!(name.len(), 20 + kind.suffix().len());
            let base = Offset(42);
            assert_eq!(FileName::parse(&name), FileName::Segment { base, kind });
            let swap = format!("{name}.swap");
            assert_eq!(FileName::parse(&swap), FileName::Swap { base, kind });
            let deleted = format!("{name}.deleted");
            assert_eq!(FileName::parse(&deleted), FileName::Leftover);
        }
        for foreign in ["1.log", "-0000000000000000001.log", "x", "", ".log"] {
            assert_eq!(FileName::parse(foreign), FileName::Foreign, "{foreign}");
        }
        // 20 digits that are no offset.
        let name = "99999999999999999999.log";
        assert_eq!(FileName::parse(name), FileName::Foreign);
    }

    #[test]
    fn folder_names_go_both_ways() {
        let name = folder_name("a-b-7", 3);
        let topic = "a-b-7".to_owned();
        assert_eq!(
            FolderName::parse(&name),
            FolderName::Partition {
                topic,
                partition: 3
            }
        );
        let long = "t".repeat(249);
        let name = delete_folder_name(&long, 12, 5);
        assert!(name.len() <= 255);
        assert_eq!(FolderName::parse(&name), FolderName::Delete);
        let name = future_folder_name("a-b.7", 12, 5).expect("short");
        assert_eq!(name, "a-b.7-12.00000000000000000000000000000005-future");
        assert_eq!(FolderName::parse(&name), FolderName::Future);
        assert_eq!(parse_future_folder_name(&name), Some(12));
        assert_eq!(parse_future_folder_name("a-1.5-future"), None);
        assert_eq!(future_folder_name(&long, 12, 5), None);
        let name = stray_folder_name("t", 12, 5);
        assert_eq!(FolderName::parse(&name), FolderName::Stray);
        for foreign in ["t", "-1", "t-", "t-x", "t--1x", "t-99999999999"] {
            assert_eq!(FolderName::parse(foreign), FolderName::Foreign, "{foreign}");
        }
    }

    #[test]
    fn partition_metadata_goes_both_ways() {
        let mut bytes = [0xa5; 16];
        bytes[15] = 0x3f;
        let topic = TopicId(bytes);
        let text = format_partition_metadata(topic);
        assert_eq!(parse_partition_metadata(&text), Some(topic));
        assert_eq!(parse_partition_metadata("version: 1\ntopic_id: x\n"), None);
        assert_eq!(parse_partition_metadata("garbage"), None);
        assert_eq!(parse_partition_metadata(""), None);
    }
}
