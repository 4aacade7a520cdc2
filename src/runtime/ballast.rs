//! Ballast: disk space taken ahead and given up step by step when a disk is full.
//!
//! Room:       `runtime`.
//! Called by:  `shard::checkpointer` (one per shard and log dir), `controller::store` (its own),
//!             `broker::start` (all of a folder, so that a start on a full disk has room).
//! Calls:      the door, for files.
//! Never:      shared between threads: who writes into a folder has its own, so nobody asks
//!             another core for room. Never holds a byte that matters: losing it is no loss.
//!
//! A step is a file of its own, for a reservation behind a file's end (nothing is written, so a
//! start costs nothing) goes back as a whole only:
//!
//! ```text
//!   ottla-ballast-0-1 … -4        shard 0's
//!   ottla-ballast-metadata-1 …    the metadata log's
//! ```
//!
//! They lie in the log dir itself: Kafka's loader steps over plain files there.

use super::Runtime;
use crate::io::{AllocateMode, Errno, OpenOptions};
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// Space held back by one writer of one folder.
pub struct Ballast {
    runtime: Runtime,
    dir: PathBuf,
    owner: String,
    step_bytes: u64,
    /// Steps that are on the disk, the lowest numbers first.
    steps: Cell<u32>,
}

/// Parts in which it is given up.
pub const STEPS: u32 = 4;

/// A step is a multiple of this, as file systems hand out space in blocks.
const UNIT: u64 = 64 << 10;

const PREFIX: &str = "ottla-ballast-";

impl Ballast {
    /// Nothing is taken yet. `owner` is part of the files' names; `bytes` are rounded.
    pub fn new(runtime: &Runtime, dir: &Path, owner: &str, bytes: u64) -> Ballast {
        Ballast {
            runtime: runtime.clone(),
            dir: dir.to_owned(),
            owner: owner.to_owned(),
            step_bytes: (bytes / u64::from(STEPS)).max(UNIT) / UNIT * UNIT,
            steps: Cell::new(0),
        }
    }

    /// What it takes when it is whole.
    pub fn bytes(&self) -> u64 {
        self.step_bytes * u64::from(STEPS)
    }

    pub fn is_whole(&self) -> bool {
        self.steps.get() == STEPS
    }

    /// Gives one step back to the disk; false: there is none left.
    pub async fn give_up(&self) -> bool {
        let step = self.steps.get();
        if step == 0 {
            return false;
        }
        self.steps.set(step - 1);
        // Somebody may have made room by hand: that is room too.
        match self.runtime.unlink_if_there(&self.path(step)).await {
            Ok(()) => true,
            Err(errno) => {
                tracing::warn!(path = %self.path(step).display(), %errno, "ballast stays");
                false
            }
        }
    }

    /// Takes what is missing.
    ///
    /// # Errors
    /// ENOSPC while the disk has no room for all of it and as much again: what comes back to a
    /// full disk should not be refused a moment later. Taken steps stay taken.
    pub async fn take(&self) -> Result<(), Errno> {
        while !self.is_whole() {
            let step = self.steps.get() + 1;
            self.take_step(&self.path(step)).await?;
            if self.steps.get() + 1 != step {
                // Given up meanwhile: room is short.
                let _ = self.runtime.unlink(&self.path(step)).await;
                return Err(Errno::NO_SPACE);
            }
            self.steps.set(step);
        }
        let (_, available) = self.runtime.space(&self.dir).await?;
        match available < self.bytes() {
            true => Err(Errno::NO_SPACE),
            false => Ok(()),
        }
    }

    async fn take_step(&self, path: &Path) -> Result<(), Errno> {
        let options = OpenOptions {
            write: true,
            create: true,
            ..OpenOptions::default()
        };
        let file = self.runtime.open(path, options).await?;
        // One of an earlier run holds its space already; then this changes nothing.
        let taken = file.allocate(0, self.step_bytes, AllocateMode::KeepSize);
        let taken = match taken.await {
            // A file system that cannot reserve gets zeros to hold.
            Err(Errno::NOT_SUPPORTED) => {
                file.allocate(0, self.step_bytes, AllocateMode::Zeroed)
                    .await
            }
            other => other,
        };
        if let Err(errno) = taken {
            drop(file);
            // Part of it may be taken.
            let _ = self.runtime.unlink(path).await;
            return Err(errno);
        }
        Ok(())
    }

    fn path(&self, step: u32) -> PathBuf {
        self.dir.join(format!("{PREFIX}{}-{step}", self.owner))
    }
}

/// Gives up all ballast in a folder whose disk is nearly full, before a start needs room there.
/// The owners take it again once they run.
pub async fn give_way(runtime: &Runtime, dir: &Path) -> Result<(), Errno> {
    let (total, available) = runtime.space(dir).await?;
    if available < (total / 16).min(ROOM_TO_START) {
        remove(runtime, dir, |_| true).await?;
    }
    Ok(())
}

/// Removes the ballast of owners that are no more.
pub async fn remove(
    runtime: &Runtime,
    dir: &Path,
    is_gone: impl Fn(&str) -> bool,
) -> Result<(), Errno> {
    for entry in runtime.list_named(dir, PREFIX).await? {
        let rest = entry.name.strip_prefix(PREFIX);
        if let Some((owner, _)) = rest.and_then(|rest| rest.rsplit_once('-'))
            && is_gone(owner)
        {
            runtime.unlink(&dir.join(&entry.name)).await?;
        }
    }
    Ok(())
}

/// More than a start writes: a replay of what a full disk left in the journals.
const ROOM_TO_START: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::World;

    /// Goal: a full disk gets room step by step, and gives it back only when it can spare it.
    #[test]
    fn steps_are_given_up_and_taken_again() {
        let world = World::new(1);
        let machine = world.machine();
        let dir = Path::new("/data");
        world.make_directory(machine, dir);
        let room = |bytes: u64| {
            world.disk(machine, |disk| {
                let (total, available) = disk.space();
                disk.capacity = total - available + bytes;
            });
        };
        let available = || world.disk(machine, |disk| disk.space().1);
        world.disk(machine, |disk| disk.capacity = 64 << 20);
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        let ballast = std::rc::Rc::new(Ballast::new(&inner, dir, "0", 4 << 20));
        let take = |ballast: &std::rc::Rc<Ballast>| {
            let ballast = ballast.clone();
            runtime.block_on(async move { ballast.take().await })
        };
        let give_up = |ballast: &std::rc::Rc<Ballast>| {
            let ballast = ballast.clone();
            runtime.block_on(async move { ballast.give_up().await })
        };
        assert_eq!(take(&ballast), Ok(()));
        assert_eq!(available(), 60 << 20);
        room(0);
        for step in 1..=4 {
            assert!(give_up(&ballast));
            assert_eq!(available(), step << 20);
        }
        assert!(!give_up(&ballast));
        // What was given up is in use now; a little more comes back, then enough.
        room(6 << 20);
        assert_eq!(take(&ballast), Err(Errno::NO_SPACE));
        assert!(ballast.is_whole());
        room(4 << 20);
        assert_eq!(take(&ballast), Ok(()));
        // The next start finds the files, and gives way when the disk is full again.
        room(0);
        let inner = runtime.clone();
        let gone = runtime.block_on(async move { give_way(&inner, dir).await });
        assert_eq!((gone, available()), (Ok(()), 4 << 20));
    }
}
