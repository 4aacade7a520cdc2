//! `cleaner-offset-checkpoint`: how far each partition of a log dir is compacted, in Kafka's file.
//!
//! Room:       `shard`.
//! Called by:  `cleaner`.
//! Calls:      `log::checkpoint` for the format, `runtime`.
//! Never:      matters for what is served: a row that is lost means that a part is compacted again.
//!
//! A log dir has one such file and every shard partitions in it. Each writes its own rows and takes
//! over the others'; two that do so at once cost one of them its news, until its next compaction.

use super::Shard;
use crate::ids::{Offset, PartitionKey};
use crate::io::Errno;
use crate::log::checkpoint::{OffsetRow, format_offsets, parse_offsets};
use crate::log::layout::CLEANER_CHECKPOINT_FILE;
use crate::map::Map;
use crate::partition::LogDir;
use std::path::Path;

/// One row a partition; a broker does not have a million.
const FILE_BYTES_MAX: usize = 64 << 20;

/// Where the last compaction of each partition ended.
pub(super) type CleanedOffsets = Map<PartitionKey, Offset>;

impl Shard {
    /// What the files say of this shard's partitions.
    pub(super) async fn read_cleaned(&self) -> CleanedOffsets {
        let mut cleaned = CleanedOffsets::default();
        for dir in self.dirs() {
            let rows = self.cleaned_rows(&dir.path).await;
            for row in rows {
                let key = self.key_of(&row);
                let here = key.and_then(|key| self.partition(key));
                if let (Some(key), Some(partition)) = (key, here)
                    && std::rc::Rc::ptr_eq(&partition.dir(), dir)
                {
                    cleaned.insert(key, row.offset);
                }
            }
        }
        cleaned
    }

    /// Writes the file of one log dir anew.
    pub(super) async fn write_cleaned(
        &self,
        dir: &LogDir,
        cleaned: &CleanedOffsets,
    ) -> Result<(), Errno> {
        let mut rows = self.cleaned_rows(&dir.path).await;
        // Others' rows stay as long as their topic does; own ones are known better here.
        rows.retain(|row| self.key_of(row).is_some_and(|key| !self.owns(key)));
        for (key, offset) in cleaned {
            if let Some(partition) = self.partition(*key)
                && partition.dir().path == dir.path
            {
                rows.push(OffsetRow {
                    topic: partition.topic.to_string(),
                    partition: key.partition,
                    offset: *offset,
                });
            }
        }
        rows.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        let rows = rows
            .iter()
            .map(|row| (row.topic.as_str(), row.partition, row.offset));
        let text = format_offsets(rows);
        let path = dir.path.join(CLEANER_CHECKPOINT_FILE);
        let temporary = format!("{CLEANER_CHECKPOINT_FILE}.{}.tmp", self.id.0);
        let temporary = dir.path.join(temporary);
        self.runtime
            .replace_file_by(&path, &temporary, text.into_bytes())
            .await
    }

    async fn cleaned_rows(&self, dir: &Path) -> Vec<OffsetRow> {
        let path = dir.join(CLEANER_CHECKPOINT_FILE);
        let Ok(bytes) = self.runtime.read_file(&path, FILE_BYTES_MAX).await else {
            return Vec::new();
        };
        let text = String::from_utf8_lossy(&bytes);
        parse_offsets(&text).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "compactions begin at the logs' starts");
            Vec::new()
        })
    }

    /// The partition a row speaks of, if its topic is there.
    fn key_of(&self, row: &OffsetRow) -> Option<PartitionKey> {
        let image = self.image();
        let topic = image.topic(&row.topic)?;
        let known = usize::try_from(row.partition).is_ok_and(|n| n < topic.partitions.len());
        known.then_some(PartitionKey {
            topic: topic.id,
            partition: row.partition,
        })
    }
}
