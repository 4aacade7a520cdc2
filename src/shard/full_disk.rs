//! A full disk is no failed disk: who may still write, from what, and when all may again.
//!
//! Room:       `shard`.
//! Called by:  `checkpointer`, whose writes find the disk full first; `open`, for new folders.
//! Calls:      `runtime::ballast`.
//! Never:      takes a replica offline: what is there is served, and what was acknowledged is
//!             brought into segments with the room given up here.
//!
//! ```text
//!   serving ── ENOSPC ──▶ full: user records refused, a step of ballast given up at each ENOSPC
//!      ▲                                                   │
//!      └── ballast whole again, and as much room beside ◀──┘ looked at once a second
//! ```

use crate::ids::ShardId;
use crate::io::Errno;
use crate::runtime::Runtime;
use crate::runtime::ballast::Ballast;
use std::cell::Cell;
use std::path::{Path, PathBuf};

pub(super) struct FullDisk {
    dir: PathBuf,
    ballast: Ballast,
    is_full: Cell<bool>,
    /// The file system cannot reserve anything: there is no ballast then.
    without: Cell<bool>,
}

/// What one flush for memory writes; more waits for room only while appends still come.
const BALLAST_BYTES_MAX: u64 = 16 << 20;

impl FullDisk {
    /// `journal_bytes`: the journal's share of the disk. What it can hold beyond that of
    /// segments is a part of it, so half as much brings it out.
    pub fn new(runtime: &Runtime, dir: &Path, shard: ShardId, journal_bytes: u64) -> FullDisk {
        let bytes = (journal_bytes / 2).min(BALLAST_BYTES_MAX);
        FullDisk {
            dir: dir.to_owned(),
            ballast: Ballast::new(runtime, dir, &shard.0.to_string(), bytes),
            is_full: Cell::new(false),
            without: Cell::new(false),
        }
    }

    pub fn is_full(&self) -> bool {
        self.is_full.get()
    }

    /// A write found no space. Gives up a step of ballast; false: none is left.
    pub async fn give_up(&self) -> bool {
        self.refuse();
        self.ballast.give_up().await
    }

    /// Takes the ballast (again), now that a write went well. False: the disk is full.
    pub async fn regain(&self) -> bool {
        if self.without.get() || self.ballast.is_whole() && !self.is_full.get() {
            return true;
        }
        match self.ballast.take().await {
            Ok(()) => {
                if self.is_full.replace(false) {
                    let dir = self.dir.display();
                    tracing::info!(%dir, "the disk has space again: records are taken");
                }
                true
            }
            Err(Errno::NO_SPACE | Errno::QUOTA) => {
                self.refuse();
                false
            }
            Err(errno) => {
                let dir = self.dir.display();
                tracing::warn!(%dir, %errno, "no space can be held back for a full disk");
                self.without.set(true);
                self.is_full.set(false);
                true
            }
        }
    }

    fn refuse(&self) {
        if !self.is_full.replace(true) {
            tracing::error!(
                dir = %self.dir.display(),
                "the disk is full: records are refused until there is space, reads go on"
            );
        }
    }
}
