//! The broker's own files in a log dir: journals and checkpoints, and Kafka's checkpoints as text.
//!
//! Room:       `cli::log`, which here sees the rooms that own these formats.
//! Called by:  `log dump`, `log verify`.
//! Calls:      `journal`, `shard` and `log` for the formats.
//! Never:      judges what a start would make of a file: a group of an earlier incarnation is as
//!             whole as one that counts.

use super::Dump;
use super::batches::refuse;
use crate::cli::output::Refusal;
use crate::ids::PartitionKey;
use crate::journal::inspect::{
    BLOCK_BYTES, GroupHeader, Inspected, JournalFile, kind_of, superblocks,
};
use crate::journal::{Entry, Group};
use crate::log::checkpoint::parse_offsets;
use crate::log::layout::{
    CLEANER_CHECKPOINT_FILE, HIGH_WATERMARK_FILE, LEADER_EPOCH_FILE, LOG_START_FILE,
    RECOVERY_POINT_FILE,
};
use crate::log::leader_epoch::EpochCache;
use crate::protocol::Uuid;
use crate::shard::checkpoint_file::CheckpointFile;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What one of these files holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    Superblock,
    Ring,
    Checkpoint,
    LeaderEpochs,
    Offsets,
}

impl Ours {
    /// By the name of a file.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            LEADER_EPOCH_FILE => return Some(Self::LeaderEpochs),
            RECOVERY_POINT_FILE
            | LOG_START_FILE
            | HIGH_WATERMARK_FILE
            | CLEANER_CHECKPOINT_FILE => return Some(Self::Offsets),
            _ => {}
        }
        let shard = name.strip_prefix("ottla-checkpoint");
        let is_number = |rest: &str| rest.parse::<u16>().is_ok();
        if shard
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-').is_some_and(is_number))
        {
            return Some(Self::Checkpoint);
        }
        match kind_of(name)? {
            JournalFile::Superblock => Some(Self::Superblock),
            JournalFile::Ring => Some(Self::Ring),
        }
    }
}

/// What reading one of these files came to.
#[derive(Debug, Default)]
pub struct Seen {
    pub entries: u64,
    pub damage: Option<(u64, String)>,
}

/// Reads one of these files; each line of it goes to `line`, with the position it begins at.
pub fn read(
    path: &Path,
    kind: Ours,
    deep: bool,
    mut line: impl FnMut(u64, String),
) -> Result<Seen, Refusal> {
    let bytes = || std::fs::read(path).map_err(|error| refuse(path, error));
    let text = || std::fs::read_to_string(path).map_err(|error| refuse(path, error));
    let mut seen = Seen::default();
    let mut tell = |position: u64, text: String| {
        seen.entries += 1;
        line(position, text);
    };
    let damage = match kind {
        Ours::Ring => return ring(path, deep, line),
        Ours::Superblock => {
            let copies = superblocks(&bytes()?);
            let whole = copies.iter().any(|(_, copy)| copy.is_some());
            for (position, copy) in copies {
                let told = copy.unwrap_or_else(|| "this copy is not whole".to_owned());
                tell(position, told);
            }
            (!whole).then(|| "neither copy is whole".to_owned())
        }
        Ours::Checkpoint => match CheckpointFile::decode(&bytes()?) {
            Err(error) => Some(format!("{error:?}")),
            Ok(file) => {
                checkpoint(&file, deep, |text| tell(0, text));
                None
            }
        },
        Ours::LeaderEpochs => match EpochCache::parse(&text()?) {
            Err(error) => Some(error.to_string()),
            Ok(cache) => {
                for entry in cache.entries() {
                    let (epoch, start) = (entry.epoch.0, entry.start.0);
                    tell(0, format!("epoch: {epoch} startOffset: {start}"));
                }
                None
            }
        },
        Ours::Offsets => match parse_offsets(&text()?) {
            Err(error) => Some(error.to_string()),
            Ok(rows) => {
                for row in rows {
                    let offset = row.offset.0;
                    let (topic, partition) = (row.topic, row.partition);
                    tell(
                        0,
                        format!("topic: {topic} partition: {partition} offset: {offset}"),
                    );
                }
                None
            }
        },
    };
    seen.damage = damage.map(|what| (0, what));
    Ok(seen)
}

/// Prints one of these files; true when it is damaged.
pub fn dump(dump: &Dump, path: &Path, kind: Ours, out: &mut impl Write) -> Result<bool, Refusal> {
    let deep = dump.deep_iteration || dump.print_data_log;
    let seen = read(path, kind, deep, |position, line| {
        let _ = match dump.json {
            true => writeln!(out, "{}", json!({ "position": position, "text": line })),
            false => writeln!(out, "{line}"),
        };
    })?;
    if let (Some((position, what)), false) = (&seen.damage, dump.json) {
        let _ = writeln!(out, "{what} at position {position}");
    }
    Ok(seen.damage.is_some())
}

fn checkpoint(file: &CheckpointFile, deep: bool, mut tell: impl FnMut(String)) {
    let (incarnation, count) = (file.incarnation.0, file.records.len());
    tell(format!("incarnation: {incarnation} partitions: {count}"));
    for record in &file.records {
        let epochs: Vec<String> = record
            .epochs
            .iter()
            .map(|entry| format!("{}@{}", entry.epoch.0, entry.start.0))
            .collect();
        let mut text = format!(
            "{} folder: {} recoveryPoint: {} replayFrom: {} logStart: {} highWatermark: {} \
             epochs: [{}] refused: {}",
            place(&record.key),
            record.folder,
            record.recovery_point.0,
            record.replay_from.0,
            record.log_start.0,
            record.high_watermark.0,
            epochs.join(","),
            record.refused
        );
        if deep {
            let producers = crate::log::ProducerState::decode_whole(&record.producers);
            text += &match producers {
                Ok(state) => format!(" producers: {}", state.len()),
                Err(error) => format!(" producers: {error}"),
            };
        }
        tell(text);
    }
}

/// Block by block: a header is followed by its group, other blocks mean nothing.
fn ring(path: &Path, deep: bool, mut line: impl FnMut(u64, String)) -> Result<Seen, Refusal> {
    let file = File::open(path).map_err(|error| refuse(path, error))?;
    let length = file.metadata().map_err(|error| refuse(path, error))?.len();
    let mut seen = Seen::default();
    let mut position = 0;
    let mut block = [0; BLOCK_BYTES as usize];
    while position + BLOCK_BYTES <= length {
        file.read_exact_at(&mut block, position)
            .map_err(|error| refuse(path, error))?;
        let header = GroupHeader::at(&block);
        let Some(header) = header.filter(|header| header.length() <= length - position) else {
            position += BLOCK_BYTES;
            continue;
        };
        let mut bytes = vec![0; header.length() as usize];
        file.read_exact_at(&mut bytes, position)
            .map_err(|error| refuse(path, error))?;
        let head = header.describe();
        seen.entries += 1;
        match header.open(bytes) {
            Inspected::Whole(group) => {
                line(
                    position,
                    format!("{head} position: {position} isvalid: true"),
                );
                if deep {
                    entries(&group, |text| line(position, text));
                }
            }
            // The newest group of a file that was being written, or one half overwritten.
            Inspected::Torn(keys) => {
                let keys: Vec<String> = keys.iter().map(place).collect();
                let keys = keys.join(", ");
                let head = format!("{head} position: {position} isvalid: false");
                line(position, format!("{head} partitions: [{keys}]"));
            }
            Inspected::Lost => {
                line(
                    position,
                    format!("{head} position: {position} isvalid: false"),
                );
            }
        }
        position += header.length().next_multiple_of(BLOCK_BYTES);
    }
    Ok(seen)
}

fn entries(group: &Group, mut tell: impl FnMut(String)) {
    for (entry, bytes) in group.entries() {
        let size = bytes.len();
        let place = place(&entry.key());
        tell(match entry {
            Entry::Append {
                leader_epoch,
                required,
                base_offset,
                ..
            }
            | Entry::Copy {
                leader_epoch,
                required,
                base_offset,
                ..
            } => {
                let name = match entry {
                    Entry::Append { .. } => "append",
                    _ => "copy",
                };
                format!(
                    "| {name} {place} leaderEpoch: {} required: {required:?} baseOffset: {} size: \
                     {size}",
                    leader_epoch.0, base_offset.0
                )
            }
            Entry::Block {
                segment, position, ..
            } => format!(
                "| block {place} segment: {} position: {position} size: {size}",
                segment.0
            ),
            Entry::Truncate { to, .. } => format!("| truncate {place} to: {}", to.0),
            Entry::LogStart { to, .. } => format!("| logStart {place} to: {}", to.0),
            Entry::EpochStart { epoch, start, .. } => {
                format!("| epochStart {place} epoch: {} start: {}", epoch.0, start.0)
            }
            Entry::Create { folder, .. } => {
                format!(
                    "| create {place} folder: {}",
                    String::from_utf8_lossy(folder)
                )
            }
            Entry::Drop { .. } => format!("| drop {place}"),
        });
    }
}

fn place(key: &PartitionKey) -> String {
    format!(
        "topicId: {} partition: {}",
        Uuid(key.topic.0),
        key.partition
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_files_are_known_by_their_names() {
        for (name, kind) in [
            ("ottla-checkpoint", Some(Ours::Checkpoint)),
            ("ottla-checkpoint-12", Some(Ours::Checkpoint)),
            ("ottla-checkpoint.tmp", None),
            ("ottla-journal-0", Some(Ours::Superblock)),
            ("ottla-journal-0-3", Some(Ours::Ring)),
            ("ottla-journal-0-copies", Some(Ours::Ring)),
            ("leader-epoch-checkpoint", Some(Ours::LeaderEpochs)),
            ("replication-offset-checkpoint", Some(Ours::Offsets)),
            ("letter.txt", None),
        ] {
            assert_eq!(Ours::of(name), kind, "{name}");
        }
    }
}
