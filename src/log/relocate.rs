//! A log that is copied into another log dir and takes the place of the one it was copied from.
//!
//! Room:       `log`.
//! Called by:  `shard::moves`.
//! Calls:      `runtime`.
//! Never:      syncs the log dir: the caller knows what depends on the new name.

use super::leader_epoch::EpochCache;
use super::{Inner, Log, LogError};
use crate::io::Errno;
use crate::runtime::sync::Event;
use std::path::Path;
use std::rc::Rc;

impl Log {
    /// Gives the folder another name in the same log dir. Readers go on.
    pub async fn rename_folder(&self, to: &Path) -> Result<(), LogError> {
        let _turn = self.0.turns.take().await;
        self.0.state.borrow().check_online()?;
        let renamed = self.0.rename_folder(to).await;
        self.0.guard(renamed)
    }

    /// Takes over what `original` knows and its batches, up to the end of this one, no longer tell:
    /// producers whose batches are gone, and all leader epochs.
    pub fn adopt(&self, original: &Log) {
        let original = original.0.state.borrow();
        let mut state = self.0.state.borrow_mut();
        let end = state.log_end;
        state.producers.adopt(&original.producers, end);
        let epochs = original.epochs.entries().iter().copied();
        state.epochs = EpochCache::from_entries(epochs.filter(|epoch| epoch.start <= end));
        state.epochs_dirty = true;
    }
}

impl Inner {
    async fn rename_folder(&self, to: &Path) -> Result<(), Errno> {
        let from = self.dir();
        {
            let mut state = self.state.borrow_mut();
            state.cuts += 1;
            state.swapping = Some(Event::new());
        }
        let renamed = self.storage.0.runtime.rename(&from, to).await;
        let waiting = {
            let mut state = self.state.borrow_mut();
            if renamed.is_ok() {
                state.dir = Rc::from(to);
            }
            state.cuts += 1;
            state.swapping.take()
        };
        waiting.inspect(Event::notify);
        renamed
    }
}
