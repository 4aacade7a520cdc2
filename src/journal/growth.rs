//! A ring file being made: reserved at once, filled with zeros little by little.
//!
//! Room:       `journal`.
//! Called by:  `keeper`, one step after the other, with recycling in between.
//! Calls:      `ring` for names, `runtime` for the file.
//! Never:      fills faster than `PACE` times what groups are written, unless groups wait for the
//!             file. Measured: 750 MiB of zeros at once kept the durable appends beside them
//!             waiting 4–10 ms each, for a second and a half.

use super::ring::{Wanted, discard, name_finished, ring_path, unfinished_options};
use super::writer::Shared;
use crate::io::{AllocateMode, Errno, Slice};
use crate::runtime::File;
use std::path::PathBuf;

/// Bytes of zeros for each byte of groups.
const PACE: u64 = 2;
/// Zeros written at once: a durable append behind them waits a quarter of a millisecond.
const PIECE: u64 = 128 << 10;
/// The same while groups wait for the file.
const PIECE_AWAITED: u64 = 1 << 20;

pub(super) struct Growth {
    pub wanted: Wanted,
    file: File,
    unfinished: PathBuf,
    zeros: Slice,
    filled: u64,
    /// `placed_bytes` when it began.
    placed: u64,
}

impl Growth {
    /// Makes the file under a name that the ring does not count, with all its space reserved.
    pub async fn begin(shared: &Shared, wanted: Wanted) -> Result<Growth, Errno> {
        let unfinished = ring_path(&shared.dir, shared.shard, wanted.number).with_extension("new");
        let file = shared
            .runtime
            .open(&unfinished, unfinished_options())
            .await?;
        let growth = Growth {
            wanted,
            file,
            unfinished,
            zeros: Slice::zeros(PIECE_AWAITED as usize),
            filled: 0,
            placed: shared.placed_bytes.get(),
        };
        match growth.reserve().await {
            Ok(()) => Ok(growth),
            Err(errno) => {
                growth.give_up(shared).await;
                Err(errno)
            }
        }
    }

    /// Space in one piece where the file system can; the length too, for a write that makes a
    /// file longer is not carried out beside others.
    async fn reserve(&self) -> Result<(), Errno> {
        let size = self.wanted.size;
        match self.file.allocate(0, size, AllocateMode::KeepSize).await {
            Ok(()) | Err(Errno::NOT_SUPPORTED) => self.file.truncate(size).await,
            failed => failed,
        }
    }

    /// Whether the next piece may be written.
    pub fn is_due(&self, shared: &Shared) -> bool {
        let placed = shared.placed_bytes.get() - self.placed;
        shared.waits_for_file.get() || self.filled <= placed * PACE
    }

    /// Writes a piece. True: all of it is filled.
    pub async fn step(&mut self, shared: &Shared) -> Result<bool, Errno> {
        let piece = match shared.waits_for_file.get() {
            true => PIECE_AWAITED,
            false => PIECE,
        };
        let piece = piece.min(self.wanted.size - self.filled);
        let zeros = self.zeros.range(0, piece as usize);
        self.file.write(self.filled, vec![zeros], false).await?;
        self.filled += piece;
        Ok(self.filled == self.wanted.size)
    }

    /// Makes what is filled durable, under its name in the ring.
    pub async fn end(self, shared: &Shared) -> Result<File, Errno> {
        self.file.sync().await?;
        name_finished(&shared.runtime, &self.unfinished, &shared.dir).await?;
        Ok(self.file)
    }

    /// Gives back what it took so far.
    pub async fn give_up(self, shared: &Shared) {
        discard(&shared.runtime, self.file, &self.unfinished).await;
    }
}
