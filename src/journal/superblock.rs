//! The superblock of a journal: which incarnation counts, and from which group on.
//!
//! Room:       `journal`.
//! Called by:  `writer` (start, close), `ring`'s keeper (before files are recycled), `replay`.
//! Never:      is half new: copies are written one after the other, each durable, so that at any
//!             instant one of them is whole.
//!
//!   0                 64 KiB
//!   ├ copy ┼─ unused ─┼ copy ┤     each one block, little-endian, CRC-32C
//!
//! The copies stand 64 KiB apart, more than any device writes at once.

use super::group::{Incarnation, crc32c, u32_at, u64_at};
use super::{JournalError, superblock_path};
use crate::ids::{GroupSequence, ShardId};
use crate::io::{Buffer, Errno, OpenOptions};
use crate::runtime::{File, Runtime};
use std::path::Path;

/// See the head of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Superblock {
    pub shard: ShardId,
    pub incarnation: Incarnation,
    /// Drawn anew for each incarnation.
    pub salt: u64,
    /// Counts rewrites; the higher copy wins.
    pub generation: u64,
    /// Bytes of a block: groups begin at multiples of it.
    pub block: u32,
    /// First group that a replay needs.
    pub start: GroupSequence,
    /// A sequence known durable.
    pub durable: GroupSequence,
    /// Closed with nothing to replay.
    pub clean: bool,
}

const MAGIC: u32 = u32::from_le_bytes(*b"OTJS");
const VERSION: u16 = 2;
/// Of releases that look for no copies. What is closed with nothing to replay is written so: they
/// read it.
const VERSION_FIRST: u16 = 1;
const LENGTH: usize = 72;
const COPY_AT: [u64; 2] = [0, 64 << 10];
const BLOCK_MIN: usize = 4096;

/// What stands in a superblock file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Loaded {
    Valid(Superblock),
    /// No file, or one in which neither copy is whole.
    Missing,
}

enum Copy {
    Valid(Superblock),
    Later(u16),
    Damaged,
}

impl Superblock {
    fn encode(&self, out: &mut [u8]) {
        out[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        let version = if self.clean { VERSION_FIRST } else { VERSION };
        out[8..10].copy_from_slice(&version.to_le_bytes());
        out[10..12].copy_from_slice(&self.shard.0.to_le_bytes());
        out[12..16].copy_from_slice(&self.block.to_le_bytes());
        out[16..24].copy_from_slice(&self.incarnation.0.to_le_bytes());
        out[24..32].copy_from_slice(&self.salt.to_le_bytes());
        out[32..40].copy_from_slice(&self.generation.to_le_bytes());
        out[40..48].copy_from_slice(&self.start.0.to_le_bytes());
        out[48..56].copy_from_slice(&self.durable.0.to_le_bytes());
        out[56] = u8::from(self.clean);
        let crc = crc32c(&[&out[8..LENGTH]]);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Copy {
        let Some(bytes) = bytes.get(..LENGTH) else {
            return Copy::Damaged;
        };
        if u32_at(bytes, 0) != MAGIC || u32_at(bytes, 4) != crc32c(&[&bytes[8..LENGTH]]) {
            return Copy::Damaged;
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if !(VERSION_FIRST..=VERSION).contains(&version) {
            return Copy::Later(version);
        }
        let block = u32_at(bytes, 12);
        let start = u64_at(bytes, 40);
        let block_fits = (BLOCK_MIN as u32..=64 << 10).contains(&block);
        if !block.is_power_of_two() || !block_fits || start == 0 {
            return Copy::Damaged;
        }
        Copy::Valid(Superblock {
            shard: ShardId(u16::from_le_bytes([bytes[10], bytes[11]])),
            incarnation: Incarnation(u64_at(bytes, 16)),
            salt: u64_at(bytes, 24),
            generation: u64_at(bytes, 32),
            block,
            start: GroupSequence(start),
            durable: GroupSequence(u64_at(bytes, 48)),
            clean: bytes[56] != 0,
        })
    }

    /// The copies in a file, by their positions; `None` for one that is not whole.
    pub fn copies(bytes: &[u8]) -> Vec<(u64, Option<Superblock>)> {
        let copy = |at: u64| {
            let start = usize::try_from(at).unwrap_or(usize::MAX);
            match Superblock::decode(bytes.get(start..).unwrap_or_default()) {
                Copy::Valid(copy) => Some(copy),
                Copy::Later(_) | Copy::Damaged => None,
            }
        };
        COPY_AT.into_iter().map(|at| (at, copy(at))).collect()
    }

    /// Reads the better copy of `shard`'s superblock.
    pub async fn load(
        runtime: &Runtime,
        dir: &Path,
        shard: ShardId,
    ) -> Result<Loaded, JournalError> {
        let path = superblock_path(dir, shard);
        let options = OpenOptions {
            direct: true,
            ..OpenOptions::default()
        };
        let file = match runtime.open(&path, options).await {
            Ok(file) => file,
            Err(Errno::NO_ENTRY) => return Ok(Loaded::Missing),
            Err(errno) => return Err(errno.into()),
        };
        let mut best: Option<Superblock> = None;
        for at in COPY_AT {
            let (buffer, result) = file.read(at, Buffer::with_room(block_of(&file))).await;
            match result {
                Ok(_) => {}
                // A sector that cannot be read is what the second copy is for.
                Err(Errno::IO) => continue,
                Err(errno) => return Err(errno.into()),
            }
            match Superblock::decode(buffer.filled()) {
                Copy::Valid(copy) if copy.shard == shard => {
                    if best.is_none_or(|best| copy.generation > best.generation) {
                        best = Some(copy);
                    }
                }
                Copy::Later(version) => return Err(JournalError::Version { path, version }),
                Copy::Valid(_) | Copy::Damaged => {}
            }
        }
        Ok(best.map_or(Loaded::Missing, Loaded::Valid))
    }

    /// Writes both copies, the second only once the first is durable.
    pub async fn store(&self, file: &File) -> Result<(), Errno> {
        for at in COPY_AT {
            let block = block_of(file);
            let mut buffer = Buffer::with_room(block);
            buffer.room_mut()[..block].fill(0);
            self.encode(&mut buffer.room_mut()[..LENGTH]);
            buffer.advance(block);
            file.write(at, vec![buffer.freeze()], true).await?;
        }
        Ok(())
    }

    /// Opens (or makes) the file. The caller syncs the directory after the first `store`.
    pub async fn open(runtime: &Runtime, dir: &Path, shard: ShardId) -> Result<File, Errno> {
        let options = OpenOptions {
            write: true,
            create: true,
            direct: true,
            ..OpenOptions::default()
        };
        runtime.open(&superblock_path(dir, shard), options).await
    }
}

/// The unit in which `file` can be written.
pub(super) fn block_of(file: &File) -> usize {
    BLOCK_MIN.max(file.alignment as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(clean: bool) -> Superblock {
        Superblock {
            shard: ShardId(3),
            incarnation: Incarnation(9),
            salt: 77,
            generation: 5,
            block: 4096,
            start: GroupSequence(100),
            durable: GroupSequence(120),
            clean,
        }
    }

    /// Goal: an earlier release reads what was closed, and refuses what only this one can replay.
    #[test]
    fn what_is_closed_has_the_first_version() {
        for (clean, version) in [(true, 1), (false, 2)] {
            let mut bytes = vec![0; 4096];
            let superblock = example(clean);
            superblock.encode(&mut bytes);
            assert_eq!(u16::from_le_bytes([bytes[8], bytes[9]]), version);
            assert!(matches!(Superblock::decode(&bytes), Copy::Valid(copy) if copy == superblock));
        }
    }

    #[test]
    fn a_copy_comes_back_or_is_damaged() {
        let superblock = example(true);
        let mut bytes = vec![0; 4096];
        superblock.encode(&mut bytes);
        assert!(matches!(Superblock::decode(&bytes), Copy::Valid(copy) if copy == superblock));
        for at in 0..LENGTH {
            let mut bytes = bytes.clone();
            bytes[at] ^= 4;
            assert!(matches!(Superblock::decode(&bytes), Copy::Damaged), "{at}");
        }
        assert!(matches!(Superblock::decode(&bytes[..50]), Copy::Damaged));
    }

    /// Goal: whatever lies there, under a checksum that fits or not, it is judged without a panic,
    /// and what is taken is what it says.
    #[test]
    fn no_bytes_make_it_panic() {
        let superblock = Superblock {
            shard: ShardId(0),
            incarnation: Incarnation(1),
            salt: 2,
            generation: 3,
            block: 512 << 3,
            start: GroupSequence(1),
            durable: GroupSequence(0),
            clean: false,
        };
        let mut sound = vec![0; LENGTH];
        superblock.encode(&mut sound);
        crate::accidents::Accidents::each(&[sound], |bytes| {
            let _ = Superblock::decode(bytes);
            let mut sealed = bytes.to_vec();
            sealed.resize(LENGTH, 0);
            sealed[..4].copy_from_slice(&MAGIC.to_le_bytes());
            let crc = crc32c(&[&sealed[8..]]);
            sealed[4..8].copy_from_slice(&crc.to_le_bytes());
            if let Copy::Valid(read) = Superblock::decode(&sealed) {
                let mut again = vec![0; LENGTH];
                read.encode(&mut again);
                assert!(matches!(Superblock::decode(&again), Copy::Valid(copy) if copy == read));
                assert!(read.start.0 > 0);
                assert!(read.block.is_power_of_two());
            }
        });
    }
}
