//! What a start finds of moves: replicas with two folders, copies half made, records left behind.
//!
//! Room:       `shard`.
//! Called by:  `open`, before the first image is followed and after.
//! Calls:      `journal`, `log`, `runtime`.
//! Never:      believes half a copy: the move begins anew.

use super::*;
use crate::log::layout::{FUTURE, LEAVING_FILE, PARTITION_METADATA_FILE, parse_future_folder_name};
use crate::runtime::Runtime;
use crate::shard::folders::{FoundFolder, Future};
use crate::shard::recovery::topic_of;

/// Removes the folders of future replicas that do not say whose they are: a stop came between
/// the two. Before any shard makes new ones.
pub(in crate::shard) async fn remove_nameless(runtime: &Runtime, dir: &Path) -> Result<(), Errno> {
    for entry in runtime.list_named(dir, FUTURE).await? {
        let folder = dir.join(&entry.name);
        let is_future = entry.is_directory && parse_future_folder_name(&entry.name).is_some();
        let metadata = folder.join(PARTITION_METADATA_FILE);
        if !is_future || topic_of(runtime, &metadata).await.is_some() {
            continue;
        }
        runtime.remove_folder(&folder).await?;
    }
    Ok(())
}

/// The bound of a path.
const PATH_BYTES_MAX: usize = 4 << 10;

impl Shard {
    /// Of two folders that are the same replica the one with the mark counts: it was made from
    /// the other, with all that was in it. Without a mark, the one that a checkpoint knows.
    pub(in crate::shard) async fn settle_twins(&self) {
        let twins = std::mem::take(&mut self.found.borrow_mut().twins);
        for (key, twin) in twins.into_iter().filter(|(key, _)| self.owns(*key)) {
            let other = self.found.borrow_mut().partitions.remove(&key);
            let Some(other) = other else {
                self.found.borrow_mut().partitions.insert(key, twin);
                continue;
            };
            let marked = [self.is_marked(&other).await, self.is_marked(&twin).await];
            let (kept, left) = match marked {
                [true, false] => (other, twin),
                [false, true] => (twin, other),
                _ => {
                    tracing::error!(
                        one = %other.path.display(), other = %twin.path.display(),
                        "two folders are the same partition; the one a checkpoint knows is served"
                    );
                    let is_better = twin.recorded && !other.recorded;
                    let kept = if is_better { twin } else { other };
                    self.found.borrow_mut().partitions.insert(key, kept);
                    continue;
                }
            };
            tracing::info!(
                folder = %kept.path.display(), left = %left.path.display(),
                "the end of a move between log dirs is made up for"
            );
            if let Err(errno) = self.remove_left(&kept, &left).await {
                let folder = left.path.display();
                tracing::warn!(%folder, %errno, "what a replica left behind stays for now");
                self.moves.stuck.borrow_mut().insert(key);
            }
            self.found.borrow_mut().partitions.insert(key, kept);
        }
        self.shut_leaving().await;
    }

    /// A replica that was leaving for a log dir that cannot be used now: what was acknowledged last
    /// may be there alone, so it is offline, and its folder stays.
    async fn shut_leaving(&self) {
        if !self.misses_a_dir() {
            return;
        }
        let found = self.found.borrow().partitions.keys().copied().collect();
        let found: Vec<PartitionKey> = found;
        for key in found.into_iter().filter(|key| self.owns(*key)) {
            let mark = self.found.borrow().partitions[&key].path.join(LEAVING_FILE);
            let told = match self.runtime.read_file(&mark, PATH_BYTES_MAX).await {
                Ok(told) => told,
                Err(Errno::NO_ENTRY) => continue,
                Err(errno) => {
                    tracing::error!(mark = %mark.display(), %errno, "a mark cannot be read");
                    Vec::new()
                }
            };
            let is_it = |dir: &Rc<LogDir>| dir.path.as_os_str().as_encoded_bytes() == &told[..];
            if self.dirs.iter().any(is_it) {
                continue;
            }
            tracing::error!(
                mark = %mark.display(), log_dir = %String::from_utf8_lossy(&told),
                "the partition may lie in the log dir that failed; it is offline"
            );
            self.found.borrow_mut().partitions.remove(&key);
            self.offline.borrow_mut().insert(key);
        }
    }

    async fn is_marked(&self, folder: &FoundFolder) -> bool {
        let mark = folder.path.join(MOVED_FILE);
        self.runtime.status(&mark).await.is_ok()
    }

    /// The mark goes only when the other folder is one no more.
    async fn remove_left(&self, kept: &FoundFolder, left: &FoundFolder) -> Result<(), Errno> {
        let name = left.path.file_name().map(|name| name.to_string_lossy());
        let name = format!("{}.{:032x}-delete", name.unwrap_or_default(), self.unique());
        let deleted = left.path.with_file_name(name);
        self.runtime.rename(&left.path, &deleted).await?;
        let dir = &self.dirs[left.dir].path;
        self.runtime.sync_directory(dir).await?;
        self.remove_mark(&kept.path.join(MOVED_FILE)).await?;
        let runtime = self.runtime.clone();
        self.runtime.spawn(async move {
            if let Err(errno) = runtime.remove_folder(&deleted).await {
                let folder = deleted.display();
                tracing::warn!(%folder, %errno, "a deleted partition's folder stays");
            }
        });
        Ok(())
    }

    /// After the image was followed: what checkpoints of other log dirs still say of the replicas
    /// here goes, and moves that were under way begin anew.
    pub(in crate::shard) async fn take_up_moves(self: &Rc<Self>) {
        for partition in self.partitions() {
            let here = self.index_of(&partition.dir());
            let elsewhere = self.found.borrow().dirs_that_know(partition.key, here);
            for dir in elsewhere {
                let noted = self.dirs[dir]
                    .journal
                    .note(Entry::Drop { key: partition.key });
                if let Err(error) = noted {
                    let dir = self.dirs[dir].path.display();
                    tracing::debug!(%dir, %error, "a replica that has gone stays known");
                }
            }
        }
        let futures = std::mem::take(&mut self.found.borrow_mut().futures);
        for future in futures {
            self.take_up(future).await;
        }
    }

    async fn take_up(self: &Rc<Self>, future: Future) {
        let Future { dir, path, key } = future;
        // One that is offline may be there again at the next start, and is wanted there still.
        if !self.owns(key) || self.offline.borrow().contains(&key) {
            return;
        }
        let target = self.dirs[dir].clone();
        if let Some(partition) = self.partition(key) {
            // Of a move that did not come to its end: it is not leaving yet.
            let leaving = partition.log().dir().join(LEAVING_FILE);
            if let Err(errno) = self.remove_mark(&leaving).await {
                tracing::warn!(mark = %leaving.display(), %errno, "a mark stays");
            }
        }
        // A stop between the two below leaves two.
        let is_taken_up = self.wanted_move(key).is_some();
        if let Some(partition) = self.partition(key)
            && !is_taken_up
            && !Rc::ptr_eq(&partition.dir(), &target)
            && !self.moves.stuck.borrow().contains(&partition.key)
            && let Err(error) = self.begin_move(&partition, target.clone()).await
        {
            tracing::warn!(
                topic = %partition.topic, partition = partition.key.partition, ?error,
                "a move between log dirs is not taken up"
            );
        }
        let removed = match self.runtime.remove_folder(&path).await {
            Ok(()) => self.runtime.sync_directory(&target.path).await,
            failed => failed,
        };
        if let Err(errno) = removed {
            let folder = path.display();
            tracing::warn!(%folder, %errno, "half a copy of a replica stays");
        }
    }
}
