//! What lies in a partition's folder.
//!
//! Room:       `log`.
//! Called by:  `recovery`, when a log is made or opened.
//! Calls:      `layout` for what names mean, `compaction` for what it left half done.
//! Never:      removes what is not a log's file.

use crate::ids::Offset;
use crate::io::Errno;
use crate::log::LogStorage;
use crate::log::compaction::complete_swaps;
use crate::log::layout::{FileKind, FileName, PARTITION_METADATA_FILE};
use std::path::Path;

/// What lies in a partition's folder.
#[derive(Default)]
pub(super) struct Listing {
    pub segments: Vec<Offset>,
    pub snapshots: Vec<Offset>,
    pub epochs: bool,
}

impl LogStorage {
    /// Whether a partition's folder has its `partition.metadata`, with something in it.
    pub(in crate::log) async fn says_whose(&self, dir: &Path) -> Result<bool, Errno> {
        let path = dir.join(PARTITION_METADATA_FILE);
        match self.runtime().status(&path).await {
            Ok(status) => Ok(status.length > 0),
            Err(Errno::NO_ENTRY) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// Reads the folder and removes or ends what a crash left half done.
pub(super) async fn list(storage: &LogStorage, dir: &Path) -> Result<Listing, Errno> {
    let runtime = storage.runtime();
    let mut entries = runtime.list_directory(dir).await?;
    let names = entries.iter().map(|entry| FileName::parse(&entry.name));
    let names: Vec<FileName> = names.collect();
    if names
        .iter()
        .any(|name| matches!(name, FileName::Swap { .. }))
    {
        complete_swaps(storage, dir, &names).await?;
        entries = runtime.list_directory(dir).await?;
    }
    let mut listing = Listing::default();
    let mut indexes = Vec::new();
    for entry in entries {
        let path = dir.join(&entry.name);
        match FileName::parse(&entry.name) {
            FileName::Leftover | FileName::Swap { .. } => runtime.unlink(&path).await?,
            FileName::Segment { base, kind } => match kind {
                FileKind::Log => listing.segments.push(base),
                FileKind::ProducerSnapshot => listing.snapshots.push(base),
                kind => indexes.push((base, kind, path)),
            },
            FileName::LeaderEpochs => listing.epochs = true,
            FileName::PartitionMetadata | FileName::Foreign => {}
        }
    }
    listing.segments.sort_unstable();
    listing.snapshots.sort_unstable();
    for (base, _, path) in indexes {
        if listing.segments.binary_search(&base).is_err() {
            runtime.unlink(&path).await?;
        }
    }
    Ok(listing)
}
