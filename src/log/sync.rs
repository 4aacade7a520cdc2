//! Making durable what was flushed: segments, the indexes beside them, the folder's names.
//!
//! Room:       `log`.
//! Called by:  `Log::sync` and `Log::close`.
//! Calls:      `runtime`, `flush` for the small files that must be written before.
//! Never:      tries a failed sync again: the log is offline from then on. Finding no room for a
//!             small file is no failed sync: then everything is synced the next time.

use super::storage::count;
use super::{Inner, LogError};
use crate::ids::Offset;
use crate::io::{Errno, OpenOptions};
use crate::log::layout::PARTITION_METADATA_FILE;
use std::path::Path;

impl Inner {
    pub(super) async fn sync(&self) -> Result<(), LogError> {
        let (mut dirty, names, parent, up_to, recovery_point) = {
            let mut state = self.state.borrow_mut();
            state.check_online()?;
            (
                std::mem::take(&mut state.dirty),
                std::mem::take(&mut state.names_dirty),
                // Until it is done: a segment is not made before.
                state.folder_dirty,
                state.flushed,
                state.flushed_recovery_point(),
            )
        };
        let result = self.sync_files(&dirty, names, parent).await;
        let mut state = self.state.borrow_mut();
        match result {
            Ok(()) => state.folder_dirty &= !parent,
            // What must be written before had no room; nothing is lost, so all is synced next time.
            Err(LogError::NoSpace) => {
                dirty.retain(|base| !state.dirty.contains(base));
                state.dirty.extend(dirty);
                state.names_dirty |= names;
                return Err(LogError::NoSpace);
            }
            Err(error) => {
                state.failed.get_or_insert(error);
                return Err(error);
            }
        }
        state.synced = up_to;
        state.recovery_point = recovery_point;
        Ok(())
    }

    /// A sync that fails is `Disk` whatever its reason: even a full disk may have lost pages.
    async fn sync_files(
        &self,
        dirty: &[Offset],
        names: bool,
        folder: bool,
    ) -> Result<(), LogError> {
        let runtime = &self.storage.0.runtime;
        for base in dirty {
            let file = self.segment_file(*base, false).await?;
            file.sync().await.map_err(LogError::Disk)?;
            count(&self.storage.0.counters.syncs, 1);
        }
        self.sync_indexes().await?;
        let dir = self.dir();
        if folder {
            match self.sync_file(&dir.join(PARTITION_METADATA_FILE)).await {
                // A folder nobody claims by topic id has none.
                Ok(()) | Err(Errno::NO_ENTRY) => {}
                Err(errno) => return Err(LogError::Disk(errno)),
            }
        }
        let epochs = {
            let state = self.state.borrow();
            state.epochs_dirty && !state.is_blank()
        };
        if epochs {
            self.write_epochs().await?;
        }
        if names || folder {
            let synced = runtime.sync_directory(&dir).await;
            synced.map_err(LogError::Disk)?;
        }
        if folder {
            let parent = dir.parent().unwrap_or(Path::new("."));
            let synced = runtime.sync_directory(parent).await;
            synced.map_err(LogError::Disk)?;
        }
        Ok(())
    }

    async fn sync_indexes(&self) -> Result<(), LogError> {
        let growing: Vec<Offset> = {
            let state = self.state.borrow();
            let growing = state.segments.iter().filter(|s| s.growing.is_some());
            growing.map(|segment| segment.base).collect()
        };
        for base in growing {
            self.write_transactions(base).await?;
        }
        let dirty = std::mem::take(&mut self.state.borrow_mut().dirty_indexes);
        for (base, kind) in dirty {
            let path = self.path(base, kind);
            let runtime = &self.storage.0.runtime;
            let options = OpenOptions {
                write: true,
                ..OpenOptions::default()
            };
            let file = runtime.open(&path, options).await?;
            file.sync().await.map_err(LogError::Disk)?;
        }
        Ok(())
    }

    pub(super) async fn sync_file(&self, path: &Path) -> Result<(), Errno> {
        let runtime = &self.storage.0.runtime;
        let file = runtime.open(path, OpenOptions::default()).await?;
        file.sync().await
    }
}
