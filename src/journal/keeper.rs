//! The keeper: recycles released files and makes new ones, beside the writer.
//!
//! Room:       `journal`.
//! Called by:  `writer`, which spawns it.
//! Calls:      `ring` for what to do, `superblock` before files are recycled.
//! Never:      frees a file before the superblock says durably that no replay starts in it: a
//!             torn first overwrite would look like the loss of an acknowledged group.

use super::growth::Growth;
use super::ring;
use super::writer::{Phase, Shared};
use crate::ids::GroupSequence;
use crate::io::Errno;
use crate::runtime::sync::either;
use std::rc::Rc;

struct Keeper {
    shared: Rc<Shared>,
    growth: Option<Growth>,
}

/// The keeper task: ends with the journal.
pub(super) async fn keep(shared: Rc<Shared>) {
    let mut keeper = Keeper {
        shared: shared.clone(),
        growth: None,
    };
    while !keeper.is_over() {
        let seen = (shared.chores.count(), shared.progress.count());
        match keeper.chore().await {
            Ok(true) => {}
            Ok(false) => keeper.wait(seen).await,
            Err(errno) => shared.fail(errno),
        }
    }
    if let Some(growth) = keeper.growth {
        growth.give_up(&shared).await;
    }
    shared.keeper_ended.set(true);
    shared.progress.notify();
    // A writer without a place waits for this one's last file, or for its end.
    shared.work.notify();
}

impl Keeper {
    fn is_over(&self) -> bool {
        let is_closing = self.shared.phase.get() != Phase::Running;
        let is_awaited = self.growth.is_some() && self.shared.waits_for_file.get();
        self.shared.has_failed() || is_closing && !is_awaited
    }

    /// One thing of what there is to do. False: nothing now.
    async fn chore(&mut self) -> Result<bool, Errno> {
        let shared = self.shared.clone();
        let up_to = shared.release_to.get();
        // Also when no file is free by it: a start after a crash reads from there on.
        let is_behind = shared.superblock.borrow().start <= up_to;
        if is_behind || shared.ring.borrow().frees(up_to) {
            self.recycle(up_to).await?;
            return Ok(true);
        }
        // Before a file is made: it may take the name of one of them.
        let leftover = shared.ring.borrow_mut().take_leftover();
        if let Some(path) = leftover {
            if let Err(errno) = shared.runtime.unlink_if_there(&path).await {
                tracing::warn!(
                    path = %path.display(), %errno, "a file of an earlier journal stays"
                );
            }
            return Ok(true);
        }
        let grown = match &mut self.growth {
            Some(growth) if !growth.is_due(&shared) => return Ok(false),
            Some(growth) => match growth.step(&shared).await {
                Ok(true) => self.add().await,
                stepped => stepped.map(drop),
            },
            None => {
                let Some(wanted) = shared.ring.borrow().wanted(shared.runtime.now()) else {
                    return Ok(false);
                };
                let begun = Growth::begin(&shared, wanted).await;
                begun.map(|growth| self.growth = Some(growth))
            }
        };
        match grown {
            // A full file system is no failed disk: the ring stays as large as it is.
            Err(Errno::NO_SPACE) => {
                if let Some(growth) = self.growth.take() {
                    growth.give_up(&shared).await;
                }
                shared.ring.borrow_mut().had_no_space(shared.runtime.now());
                self.tell();
            }
            grown => grown?,
        }
        Ok(true)
    }

    /// Until there may be something to do again.
    async fn wait(&self, (chores, progress): (u64, u64)) {
        let shared = &self.shared;
        let chores = shared.chores.after(chores);
        let retry = shared.ring.borrow().no_space_until();
        if self.growth.is_some() {
            either(chores, shared.progress.after(progress)).await;
        } else if retry > shared.runtime.now() {
            shared.runtime.deadline(retry, chores).await;
        } else {
            chores.await;
        }
    }

    async fn recycle(&self, up_to: GroupSequence) -> Result<(), Errno> {
        let superblock = self.shared.next_superblock(up_to, false);
        superblock.store(&self.shared.superblock_file).await?;
        self.shared.ring.borrow_mut().free(up_to);
        self.tell();
        Ok(())
    }

    /// The file is filled: it goes into the ring, and a small one out of it.
    async fn add(&mut self) -> Result<(), Errno> {
        let Some(growth) = self.growth.take() else {
            return Ok(());
        };
        let shared = &self.shared;
        let wanted = growth.wanted;
        let file = growth.end(shared).await?;
        shared.ring.borrow_mut().add(wanted, file);
        self.tell();
        let surplus = shared.ring.borrow_mut().surplus();
        if let Some(number) = surplus {
            let path = ring::ring_path(&shared.dir, shared.shard, number);
            shared.runtime.unlink(&path).await?;
        }
        Ok(())
    }

    /// Files came or went, or none will.
    fn tell(&self) {
        self.shared.work.notify();
        self.shared.progress.notify();
    }
}
