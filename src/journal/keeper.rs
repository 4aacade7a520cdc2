//! The keeper: recycles released files and makes new ones, beside the writer.
//!
//! Room:       `journal`.
//! Called by:  `writer`, which spawns it.
//! Calls:      `ring` for what to do, `superblock` before files are recycled.
//! Never:      frees a file before the superblock says durably that no replay starts in it: a
//!             torn first overwrite would look like the loss of an acknowledged group.

use super::ring::{self, Wanted};
use super::writer::{Phase, Shared};
use crate::ids::GroupSequence;
use crate::io::Errno;
use std::rc::Rc;

/// The keeper task: ends with the journal.
pub(super) async fn keep(shared: Rc<Shared>) {
    loop {
        let seen = shared.chores.count();
        if shared.has_failed() || shared.phase.get() != Phase::Running {
            break;
        }
        let now = shared.runtime.now();
        let up_to = shared.release_to.get();
        let frees = shared.ring.borrow().frees(up_to);
        let wanted = shared.ring.borrow().wanted(now);
        let done = match (frees, wanted) {
            (true, _) => recycle(&shared, up_to).await,
            (false, Some(wanted)) => grow(&shared, wanted).await,
            (false, None) => {
                let retry = shared.ring.borrow().no_space_until();
                if retry > now {
                    let chores = shared.chores.after(seen);
                    shared.runtime.deadline(retry, chores).await;
                } else {
                    shared.chores.after(seen).await;
                }
                continue;
            }
        };
        if let Err(errno) = done {
            shared.fail(errno);
            break;
        }
        shared.work.notify();
        shared.progress.notify();
    }
    shared.keeper_ended.set(true);
    shared.progress.notify();
    // A writer without a place waits for this one's last file, or for its end.
    shared.work.notify();
}

async fn recycle(shared: &Rc<Shared>, up_to: GroupSequence) -> Result<(), Errno> {
    let superblock = shared.next_superblock(up_to, false);
    superblock.store(&shared.superblock_file).await?;
    shared.ring.borrow_mut().free(up_to);
    Ok(())
}

async fn grow(shared: &Rc<Shared>, wanted: Wanted) -> Result<(), Errno> {
    match ring::make(&shared.runtime, &shared.dir, shared.shard, wanted).await {
        Ok(file) => shared.ring.borrow_mut().add(wanted, file),
        // A full file system is no failed disk: the ring stays as large as it is.
        Err(Errno::NO_SPACE) => {
            shared.ring.borrow_mut().had_no_space(shared.runtime.now());
            return Ok(());
        }
        Err(errno) => return Err(errno),
    }
    let surplus = shared.ring.borrow_mut().surplus();
    if let Some(number) = surplus {
        let path = ring::ring_path(&shared.dir, shared.shard, number);
        shared.runtime.unlink(&path).await?;
    }
    Ok(())
}
