//! What a person decided about partitions that refuse: they serve what is left.
//!
//! Room:       `shard`.
//! Called by:  `broker::accept`, while no broker runs on the log dir.
//! Calls:      `checkpoint_file`.
//! Never:      touches a segment or a journal: what was set aside stays.

use crate::ids::Offset;
use crate::io::Errno;
use crate::journal::DAMAGED;
use crate::runtime::Runtime;
use crate::shard::checkpoint_file::{Base, base_path};
use std::path::{Path, PathBuf};

/// A partition that refuses, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Name of its folder in the log dir.
    pub folder: String,
    pub log_start: Offset,
    /// Acknowledged records from here on are lost.
    pub log_end: Offset,
}

/// The partitions of a log dir that refuse. Only the base checkpoint names them: such a partition
/// is in no checkpoint of a shard.
pub async fn refused(runtime: &Runtime, dir: &Path) -> Result<Vec<Refused>, Errno> {
    let Base(file) = Base::load(runtime, dir).await?;
    let refused = file.records.into_iter().filter(|record| record.refused);
    let refused = refused.map(|record| Refused {
        folder: record.folder,
        log_start: record.log_start,
        log_end: record.recovery_point,
    });
    Ok(refused.collect())
}

/// Has the partition in this folder serve what is left, from the next start on.
pub async fn accept_loss(runtime: &Runtime, dir: &Path, folder: &str) -> Result<(), Errno> {
    let mut base = Base::load(runtime, dir).await?;
    let records = base.0.records.iter_mut();
    for record in records.filter(|record| record.folder == folder) {
        record.refused = false;
    }
    runtime.replace_file(&base_path(dir), base.encode()).await
}

/// Files of journals that recovery set aside, because something in them could not be replayed.
pub async fn set_aside(runtime: &Runtime, dir: &Path) -> Result<Vec<PathBuf>, Errno> {
    let entries = runtime.list_named(dir, DAMAGED).await?;
    let names = entries.into_iter().map(|entry| entry.name);
    Ok(names.map(|name| dir.join(name)).collect())
}
