//! Which journals lie in a log dir, and in which files.
//!
//! Room:       `journal`.
//! Called by:  `replay`; `shard::recovery` before and after one.
//! Calls:      `ring` for names, `superblock`, `reader`.
//! Never:      judges what groups are worth.

use super::JournalError;
use super::group::{HEADER, Header, Incarnation};
use super::reader::Reader;
use super::ring::{Name, PREFIX, copies_path, name_of, ring_path};
use super::superblock::{Loaded, Superblock};
use crate::ids::ShardId;
use crate::io::Errno;
use crate::runtime::Runtime;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The number of the file of copies among those of the ring, which begin at 1.
pub(super) const COPIES: u64 = 0;

/// Removes the files of a journal that nobody will start again. It must be void: the checkpoint
/// of a later incarnation is durable.
pub async fn remove(runtime: &Runtime, dir: &Path, shard: ShardId) -> Result<(), Errno> {
    for entry in runtime.list_named(dir, PREFIX).await? {
        let ours = match name_of(&entry.name) {
            Some(
                Name::Superblock(owner)
                | Name::Ring(owner, _)
                | Name::Copies(owner)
                | Name::Unfinished(owner),
            ) => owner == shard,
            None => false,
        };
        if ours {
            runtime.unlink(&dir.join(&entry.name)).await?;
        }
    }
    Ok(())
}

/// The newest incarnation any superblock in `dir` names (0: there is none): what counts when the
/// checkpoint that should say so is lost. Older journals were void before that one was started.
pub async fn newest(runtime: &Runtime, dir: &Path) -> Result<Incarnation, JournalError> {
    let mut newest = Incarnation::default();
    for shard in shards_in(runtime, dir).await? {
        if let Loaded::Valid(superblock) = Superblock::load(runtime, dir, shard).await? {
            newest = newest.max(superblock.incarnation);
        }
    }
    Ok(newest)
}

/// The shards that have journal files in `dir`.
pub async fn shards_in(runtime: &Runtime, dir: &Path) -> Result<Vec<ShardId>, Errno> {
    Ok(names(runtime, dir).await?.into_keys().collect())
}

/// Ring file numbers by shard; a shard with a superblock only has none.
pub(super) async fn names(
    runtime: &Runtime,
    dir: &Path,
) -> Result<BTreeMap<ShardId, Vec<u64>>, Errno> {
    let mut shards: BTreeMap<ShardId, Vec<u64>> = BTreeMap::new();
    for entry in runtime.list_named(dir, PREFIX).await? {
        match name_of(&entry.name) {
            Some(Name::Superblock(shard) | Name::Copies(shard) | Name::Unfinished(shard)) => {
                shards.entry(shard).or_default();
            }
            Some(Name::Ring(shard, number)) => shards.entry(shard).or_default().push(number),
            None => {}
        }
    }
    Ok(shards)
}

pub(super) fn path_of(dir: &Path, shard: ShardId, file: u64) -> PathBuf {
    match file {
        COPIES => copies_path(dir, shard),
        number => ring_path(dir, shard, number),
    }
}

/// A file of the ring, or the one of copies, to be read.
pub(super) async fn open(
    runtime: &Runtime,
    dir: &Path,
    shard: ShardId,
    file: u64,
) -> Result<Reader, Errno> {
    // The disk may never get what is in the page cache.
    let direct = file != COPIES;
    Reader::open(runtime, &path_of(dir, shard, file), direct).await
}

/// A journal without superblock was never started, or lost it. Groups tell: there are none in
/// files that were only ever zeroed, and those of an earlier incarnation are void anyway.
pub(super) async fn is_used(
    runtime: &Runtime,
    dir: &Path,
    shard: ShardId,
    files: &[u64],
    since: Incarnation,
) -> Result<bool, JournalError> {
    for number in files.iter().chain(&[COPIES]) {
        let mut reader = match open(runtime, dir, shard, *number).await {
            Ok(reader) => reader,
            Err(Errno::NO_ENTRY) if *number == COPIES => break,
            Err(errno) => return Err(errno.into()),
        };
        let mut at = 0;
        while let Some(block) = reader.bytes(at, HEADER).await? {
            if Header::decode_any(&block).is_some_and(|header| header.incarnation >= since) {
                return Ok(true);
            }
            at += reader.block() as u64;
        }
    }
    Ok(false)
}
