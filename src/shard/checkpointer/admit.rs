//! Logs that come from another log dir: the checkpoint knows them before they take a batch.
//!
//! Room:       `shard`.
//! Called by:  `moves`.
//! Calls:      `journal`.
//! Never:      makes a lap: what the file says of all others is as true as it was.

use super::{CheckpointError, Checkpointer, Inner};
use crate::ids::{Offset, PartitionKey};
use crate::log::Log;
use std::cell::Cell;

/// Requests for the file, counted.
#[derive(Default)]
pub(super) struct Filed {
    asked: Cell<u64>,
    done: Cell<u64>,
}

impl Checkpointer {
    /// Takes care of a log that was copied from another log dir, all of it in synced segments;
    /// returns when a checkpoint says so durably. False: the checkpointer has ended.
    ///
    /// The log may have been here before. The journal's entries of that time, and the one that
    /// says it has gone, must be in earlier groups than any it gets now; the caller sees to it
    /// that they are there already.
    pub async fn admit(&self, log: &Log) -> bool {
        let inner = &self.0;
        inner.journal.cut();
        self.insert(log, Offset(-1));
        let number = inner.filed.asked.get() + 1;
        inner.filed.asked.set(number);
        inner.asked.notify();
        while inner.filed.done.get() < number && !inner.stopped.get() {
            let seen = inner.lapped.count();
            inner.lapped.after(seen).await;
        }
        inner.filed.done.get() >= number
    }

    /// The folder of a log has its last name now.
    pub fn renamed(&self, key: PartitionKey, folder: &str) {
        let Some(member) = self.0.member(key) else {
            return;
        };
        member.saved.borrow_mut().record.folder = folder.to_owned();
        if let Some(flushed) = &mut *member.flushed.borrow_mut() {
            flushed.record.folder = folder.to_owned();
        }
    }
}

impl Inner {
    /// Writes the file as it is, if that was asked for.
    pub(super) async fn file_asked_for(&self) -> Result<(), CheckpointError> {
        let asked = self.filed.asked.get();
        if asked > self.filed.done.get() {
            self.write_file().await?;
            self.filed.done.set(asked);
            self.lapped.notify();
        }
        Ok(())
    }
}
