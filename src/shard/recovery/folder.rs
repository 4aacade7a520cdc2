//! Which folder of a log dir is a partition's.
//!
//! Room:       `shard`.
//! Called by:  `recovery`, and who asks which topic a folder is of.
//! Calls:      `log` for names and for what a `partition.metadata` says.
//! Never:      goes by a name alone where the folder itself says otherwise.

use super::Replay;
use crate::ids::{PartitionKey, TopicId};
use crate::io::Errno;
use crate::log::layout::{FolderName, PARTITION_METADATA_FILE, parse_partition_metadata};
use crate::map::Map;
use crate::runtime::Runtime;
use std::path::Path;

/// A `partition.metadata` is two short lines.
const METADATA_BYTES_MAX: usize = 4 << 10;

impl Replay {
    /// The folder of a partition, if there is one; `made` is what the journal calls it.
    pub(super) async fn folder(
        &mut self,
        key: PartitionKey,
        made: Option<&str>,
    ) -> Result<Option<String>, Errno> {
        let recorded = self.records.get(&key).map(|record| record.folder.as_str());
        let named = [recorded, made.filter(|folder| is_folder_of(folder, key))];
        for folder in named.into_iter().flatten() {
            if self.is_its(key, folder).await {
                return Ok(Some(folder.to_owned()));
            }
        }
        Ok(self.folders().await?.get(&key).cloned())
    }

    /// Whether a folder that is known by its name is the partition's. A `partition.metadata` that
    /// cannot be read takes no records away, nor does one wrong read of it; an empty one is of a
    /// folder that was just made, for another topic.
    async fn is_its(&self, key: PartitionKey, folder: &str) -> bool {
        let metadata = self.dir.join(folder).join(PARTITION_METADATA_FILE);
        let mut said = topic_of(&self.runtime, &metadata).await;
        if said.is_some_and(|topic| topic != key.topic) {
            said = topic_of(&self.runtime, &metadata).await;
        }
        match said {
            Some(topic) => topic == key.topic,
            None => {
                let status = self.runtime.status(&metadata).await;
                status.is_ok_and(|status| status.length > 0)
            }
        }
    }

    /// All partition folders; listed once.
    pub(super) async fn folders(&mut self) -> Result<&Map<PartitionKey, String>, Errno> {
        if self.folders.is_none() {
            self.folders = Some(folders(&self.runtime, &self.dir).await?);
        }
        Ok(self.folders.as_ref().expect("listed a line ago"))
    }
}

pub(super) fn is_folder_of(name: &str, key: PartitionKey) -> bool {
    matches!(
        FolderName::parse(name),
        FolderName::Partition { partition, .. } if partition == key.partition
    )
}

/// The topic that a `partition.metadata` names.
pub(in crate::shard) async fn topic_of(runtime: &Runtime, metadata: &Path) -> Option<TopicId> {
    let bytes = runtime.read_file(metadata, METADATA_BYTES_MAX).await.ok()?;
    parse_partition_metadata(std::str::from_utf8(&bytes).ok()?)
}

/// All partition folders, by what their `partition.metadata` says.
async fn folders(runtime: &Runtime, dir: &Path) -> Result<Map<PartitionKey, String>, Errno> {
    let mut all = Map::default();
    for entry in runtime.list_directory(dir).await? {
        let FolderName::Partition { partition, .. } = FolderName::parse(&entry.name) else {
            continue;
        };
        let metadata = dir.join(&entry.name).join(PARTITION_METADATA_FILE);
        if let Some(topic) = topic_of(runtime, &metadata).await {
            all.insert(PartitionKey { topic, partition }, entry.name);
        }
    }
    Ok(all)
}
