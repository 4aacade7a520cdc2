//! One simulated file: what programs read, what power loss leaves, and the changes between.
//!
//! Room:       `sim`.
//! Called by:  `sim::disk`.
//! Never:      knows paths, latencies or faults chosen by the seed beyond what a cut leaves.
//!
//! A change is a run of whole sectors as they looked after it, so any subset of the changes of
//! different sectors may survive, and a sector is always one of its successive states.
//!
//!   synced ── change 7 ── change 8 (a truncation) ── change 9 ──▶ written
//!
//! Always true:
//!   - synced plus all changes in order is written, except for sectors whose sync failed.
//!   - a change behind a truncation survives only if the truncation does.

use super::super::seed::Rng;
use std::collections::BTreeMap;

/// Bytes that are kept or lost as one by a power cut.
pub const SECTOR: u64 = 512;
/// Granularity of memory here and of `allocated`.
pub const BLOCK: u64 = 4096;

/// How one power cut treats what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mercy {
    /// Everything written survives.
    KeepAll,
    /// Nothing unsynced survives.
    LoseAll,
    /// Changes survive in order up to one, which is torn.
    Prefix,
    /// Each sector of each change is kept or lost for itself.
    EachSector,
}

/// Bytes by block; what was never written is zero and takes no memory.
#[derive(Clone, Default)]
pub struct Content {
    blocks: BTreeMap<u64, Box<[u8; BLOCK as usize]>>,
}

impl Content {
    pub fn read(&self, at: u64, into: &mut [u8]) {
        for (index, inside, part) in pieces(at, into.len()) {
            let target = &mut into[part.clone()];
            match self.blocks.get(&index) {
                Some(block) => target.copy_from_slice(&block[inside..inside + part.len()]),
                None => target.fill(0),
            }
        }
    }

    pub fn write(&mut self, at: u64, bytes: &[u8]) {
        for (index, inside, part) in pieces(at, bytes.len()) {
            let source = &bytes[part];
            if !self.blocks.contains_key(&index) && source.iter().all(|byte| *byte == 0) {
                continue;
            }
            let block = self.blocks.entry(index).or_insert_with(zero_block);
            block[inside..inside + source.len()].copy_from_slice(source);
        }
    }

    /// Zeros from `from` to `to` (exclusive; `u64::MAX` for everything behind).
    pub fn zero(&mut self, from: u64, to: u64) {
        let touched: Vec<u64> = self.blocks_between(from, to);
        for index in touched {
            let start = index * BLOCK;
            let (low, high) = (from.max(start) - start, to.min(start + BLOCK) - start);
            if (low, high) == (0, BLOCK) {
                self.blocks.remove(&index);
            } else if let Some(block) = self.blocks.get_mut(&index) {
                block[low as usize..high as usize].fill(0);
            }
        }
    }

    /// Indices of the blocks that hold bytes of the range.
    fn blocks_between(&self, from: u64, to: u64) -> Vec<u64> {
        if from >= to {
            return Vec::new();
        }
        let last = (to - 1) / BLOCK;
        let range = self.blocks.range(from / BLOCK..=last);
        range.map(|(index, _)| *index).collect()
    }

    pub fn flip_bit(&mut self, position: u64, bit: u8) {
        let block = self.blocks.entry(position / BLOCK);
        block.or_insert_with(zero_block)[(position % BLOCK) as usize] ^= 1 << (bit % 8);
    }
}

fn zero_block() -> Box<[u8; BLOCK as usize]> {
    Box::new([0; BLOCK as usize])
}

/// The parts of `at..at+length` by block: (block index, place in it, range of the bytes).
fn pieces(at: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0usize;
    std::iter::from_fn(move || {
        if done >= length {
            return None;
        }
        let position = at + done as u64;
        let inside = (position % BLOCK) as usize;
        let count = (BLOCK as usize - inside).min(length - done);
        let part = done..done + count;
        done += count;
        Some((position / BLOCK, inside, part))
    })
}

enum ChangeKind {
    /// Whole sectors as they looked after a write.
    Data { at: u64, bytes: Vec<u8> },
    /// Whole sectors of zeros.
    Zeros { at: u64, end: u64 },
    /// The file grew.
    Length(u64),
    /// The file was cut (or extended by a hole); all behind is zero.
    Truncate(u64),
}

struct Change {
    sequence: u64,
    kind: ChangeKind,
}

/// A file and both of its copies.
#[derive(Default)]
pub struct File {
    written: Content,
    length: u64,
    synced: Content,
    synced_length: u64,
    changes: Vec<Change>,
    sequence: u64,
    /// Blocks taken, by first block: the block behind the last.
    allocated: BTreeMap<u64, u64>,
    /// A sync failed, so that the two copies differ by more than the changes.
    poisoned: bool,
}

impl File {
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Names the last change made; `sync` takes it back to cover all up to here.
    pub fn mark(&self) -> u64 {
        self.sequence
    }

    /// Whether a power cut could change anything.
    pub fn is_synced(&self) -> bool {
        self.changes.is_empty() && !self.poisoned
    }

    /// Fills `into` from `at`; bytes behind the end of the file are not read. Returns the count.
    pub fn read(&self, at: u64, into: &mut [u8]) -> usize {
        let count = self.length.saturating_sub(at).min(into.len() as u64) as usize;
        self.written.read(at, &mut into[..count]);
        count
    }

    pub fn write(&mut self, at: u64, bytes: &[u8], durable: bool) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len() as u64;
        self.written.write(at, bytes);
        let (low, high) = (at / SECTOR * SECTOR, end.next_multiple_of(SECTOR));
        let image = match (low, high) == (at, end) {
            true => bytes.to_vec(),
            false => {
                let mut image = vec![0; (high - low) as usize];
                self.written.read(low, &mut image);
                image
            }
        };
        self.grow(end);
        if durable {
            self.commit_metadata();
            self.forget(low, high);
            self.synced.write(low, &image);
        } else {
            self.push(ChangeKind::Data {
                at: low,
                bytes: image,
            });
        }
    }

    /// Writes zeros, as `AllocateMode::Zeroed` does. Rounded to whole sectors inside the range.
    pub fn write_zeros(&mut self, at: u64, length: u64) {
        let end = at + length;
        self.written.zero(at, end);
        self.grow(end);
        let (low, high) = (at.next_multiple_of(SECTOR), end / SECTOR * SECTOR);
        if low < high {
            self.push(ChangeKind::Zeros { at: low, end: high });
        }
    }

    pub fn truncate(&mut self, length: u64) {
        self.written.zero(length.min(self.length), u64::MAX);
        self.length = length;
        self.push(ChangeKind::Truncate(length));
    }

    /// Makes every change up to `mark` survive power loss.
    pub fn sync(&mut self, mark: u64) {
        let rest = self
            .changes
            .iter()
            .position(|change| change.sequence > mark);
        let rest = self.changes.split_off(rest.unwrap_or(self.changes.len()));
        for change in std::mem::replace(&mut self.changes, rest) {
            match change.kind {
                ChangeKind::Data { at, bytes } => self.synced.write(at, &bytes),
                ChangeKind::Zeros { at, end } => self.synced.zero(at, end),
                ChangeKind::Length(length) => self.synced_length = length,
                ChangeKind::Truncate(length) => {
                    self.synced.zero(length, u64::MAX);
                    self.synced_length = length;
                }
            }
        }
    }

    /// A sync that failed: the kernel calls pages clean that never reached the disk, so that a
    /// second sync succeeds without them.
    pub fn sync_failed(&mut self, mark: u64, rng: &mut Rng) {
        self.poisoned = true;
        self.changes.retain(|change| {
            let data = matches!(change.kind, ChangeKind::Data { .. });
            !(data && change.sequence <= mark && rng.flip())
        });
    }

    /// The part of a write that a dying process or a failing disk got done: any of its sectors.
    pub fn write_torn(&mut self, at: u64, bytes: &[u8], rng: &mut Rng) {
        let end = at + bytes.len() as u64;
        let style = rng.below(4);
        let mut from = at;
        let stop = at + rng.below(bytes.len() as u64 + 1);
        while from < end {
            let to = ((from / SECTOR + 1) * SECTOR).min(end);
            let keep = match style {
                0 => false,
                1 => true,
                2 => to <= stop,
                _ => rng.flip(),
            };
            if keep {
                self.write(
                    from,
                    &bytes[(from - at) as usize..(to - at) as usize],
                    false,
                );
            }
            from = to;
        }
    }

    /// Leaves what a power cut leaves.
    pub fn power_cut(&mut self, mercy: Mercy, rng: &mut Rng) {
        self.poisoned = false;
        let changes = std::mem::take(&mut self.changes);
        let is_metadata =
            |kind: &ChangeKind| matches!(kind, ChangeKind::Length(_) | ChangeKind::Truncate(_));
        let metadata = changes.iter().filter(|change| is_metadata(&change.kind));
        let metadata = metadata.count() as u64;
        let mut metadata_left = match mercy {
            Mercy::KeepAll => u64::MAX,
            Mercy::LoseAll => 0,
            Mercy::Prefix | Mercy::EachSector => rng.below(metadata + 1),
        };
        let torn = match mercy {
            Mercy::Prefix => rng.below(changes.len() as u64 + 1),
            _ => u64::MAX,
        };
        // Where the earliest lost truncation began: nothing written later behind it survives.
        let mut lost_from = u64::MAX;
        for (index, change) in changes.into_iter().enumerate() {
            let fate = match (mercy, (index as u64).cmp(&torn)) {
                (Mercy::LoseAll, _) | (Mercy::Prefix, std::cmp::Ordering::Greater) => Fate::Lost,
                (Mercy::KeepAll, _) | (Mercy::Prefix, std::cmp::Ordering::Less) => Fate::Kept,
                (Mercy::EachSector, _) | (Mercy::Prefix, _) => Fate::Torn,
            };
            if is_metadata(&change.kind) && fate == Fate::Lost {
                metadata_left = 0;
            }
            self.survive(change.kind, fate, &mut metadata_left, &mut lost_from, rng);
        }
        self.synced.zero(self.synced_length, u64::MAX);
        self.written = self.synced.clone();
        self.length = self.synced_length;
        // What was written as zeros is as taken as any other block.
        self.release_behind(self.synced_length);
        let blocks: Vec<u64> = self.written.blocks.keys().copied().collect();
        for block in blocks {
            self.allocate(block * BLOCK, 1);
        }
    }

    fn survive(
        &mut self,
        kind: ChangeKind,
        fate: Fate,
        metadata_left: &mut u64,
        lost_from: &mut u64,
        rng: &mut Rng,
    ) {
        match kind {
            ChangeKind::Length(length) if *metadata_left > 0 => {
                *metadata_left -= 1;
                self.synced_length = length;
            }
            ChangeKind::Length(_) => {}
            ChangeKind::Truncate(length) if *metadata_left > 0 => {
                *metadata_left -= 1;
                self.synced.zero(length, u64::MAX);
                self.synced_length = length;
            }
            ChangeKind::Truncate(length) => *lost_from = (*lost_from).min(length),
            ChangeKind::Data { at, bytes } => {
                for (index, sector) in bytes.chunks(SECTOR as usize).enumerate() {
                    let position = at + index as u64 * SECTOR;
                    if position < *lost_from && fate.spares(rng) {
                        self.synced.write(position, sector);
                    }
                }
            }
            ChangeKind::Zeros { at, end } => {
                for block in self.synced.blocks_between(at, end.min(*lost_from)) {
                    let start = (block * BLOCK).max(at);
                    let stop = ((block + 1) * BLOCK).min(end).min(*lost_from);
                    for position in (start..stop).step_by(SECTOR as usize) {
                        if fate.spares(rng) {
                            self.synced.zero(position, (position + SECTOR).min(stop));
                        }
                    }
                }
            }
        }
    }

    /// Flips one bit at rest, in both copies.
    pub fn rot(&mut self, position: u64, bit: u8) {
        if position < self.length {
            self.written.flip_bit(position, bit);
            self.synced.flip_bit(position, bit);
        }
    }

    /// Takes the blocks of the range; returns how many are new.
    pub fn allocate(&mut self, at: u64, length: u64) -> u64 {
        if length == 0 {
            return 0;
        }
        let (mut first, mut behind) = (at / BLOCK, (at + length).div_ceil(BLOCK));
        let before = self.allocated_blocks();
        let touching: Vec<u64> = self
            .allocated
            .range(..=behind)
            .filter(|(_, end)| **end >= first)
            .map(|(start, _)| *start)
            .collect();
        for start in touching {
            let end = self.allocated.remove(&start).expect("just found");
            first = first.min(start);
            behind = behind.max(end);
        }
        self.allocated.insert(first, behind);
        self.allocated_blocks() - before
    }

    /// How many of the range's blocks are not taken yet.
    pub fn missing_blocks(&self, at: u64, length: u64) -> u64 {
        let (first, behind) = (at / BLOCK, (at + length).div_ceil(BLOCK));
        let taken = self.allocated.range(..behind).map(|(start, end)| {
            let (low, high) = ((*start).max(first), (*end).min(behind));
            high.saturating_sub(low)
        });
        (behind - first) - taken.sum::<u64>()
    }

    /// Gives back the blocks behind `length`; returns how many.
    pub fn release_behind(&mut self, length: u64) -> u64 {
        let before = self.allocated_blocks();
        let keep = length.div_ceil(BLOCK);
        self.allocated.split_off(&keep);
        if let Some((_, end)) = self.allocated.iter_mut().next_back() {
            *end = (*end).min(keep);
        }
        before - self.allocated_blocks()
    }

    pub fn allocated_blocks(&self) -> u64 {
        self.allocated.iter().map(|(start, end)| end - start).sum()
    }

    fn grow(&mut self, end: u64) {
        if end > self.length {
            self.length = end;
            self.push(ChangeKind::Length(end));
        }
    }

    fn push(&mut self, kind: ChangeKind) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.changes.push(Change { sequence, kind });
    }

    /// A durable write takes the length with it, as fdatasync does.
    fn commit_metadata(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            match change.kind {
                ChangeKind::Length(length) => self.synced_length = length,
                ChangeKind::Truncate(length) => {
                    self.forget(length.next_multiple_of(SECTOR), u64::MAX);
                    self.synced.zero(length, u64::MAX);
                    self.synced_length = length;
                }
                ChangeKind::Data { .. } | ChangeKind::Zeros { .. } => self.changes.push(change),
            }
        }
    }

    /// Cuts the range out of all changes: something newer there is durable.
    fn forget(&mut self, from: u64, to: u64) {
        let mut kept = Vec::with_capacity(self.changes.len());
        for Change { sequence, kind } in std::mem::take(&mut self.changes) {
            let (at, end) = match &kind {
                ChangeKind::Data { at, bytes } => (*at, at + bytes.len() as u64),
                ChangeKind::Zeros { at, end } => (*at, *end),
                ChangeKind::Length(_) | ChangeKind::Truncate(_) => (u64::MAX, u64::MAX),
            };
            if at >= to || end <= from {
                kept.push(Change { sequence, kind });
                continue;
            }
            for (low, high) in [(at, from.max(at)), (to.min(end), end)] {
                if low >= high {
                    continue;
                }
                let kind = match &kind {
                    ChangeKind::Data { bytes, .. } => ChangeKind::Data {
                        at: low,
                        bytes: bytes[(low - at) as usize..(high - at) as usize].to_vec(),
                    },
                    _ => ChangeKind::Zeros { at: low, end: high },
                };
                kept.push(Change { sequence, kind });
            }
        }
        self.changes = kept;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Lost,
    Torn,
}

impl Fate {
    fn spares(self, rng: &mut Rng) -> bool {
        match self {
            Fate::Kept => true,
            Fate::Lost => false,
            Fate::Torn => rng.flip(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MERCIES: [Mercy; 4] = [
        Mercy::KeepAll,
        Mercy::LoseAll,
        Mercy::Prefix,
        Mercy::EachSector,
    ];

    fn bytes(file: &File) -> Vec<u8> {
        let mut bytes = vec![0; file.length() as usize];
        file.read(0, &mut bytes);
        bytes
    }

    #[test]
    fn what_was_synced_survives_and_the_rest_may() {
        for seed in 0..200 {
            for mercy in MERCIES {
                let mut file = File::default();
                file.write(0, &[1; 2048], false);
                file.sync(file.mark());
                let mark = file.mark();
                file.write(512, &[2; 512], false);
                file.sync(mark);
                file.power_cut(mercy, &mut Rng::new(seed));
                let left = bytes(&file);
                assert_eq!(left.len(), 2048);
                assert_eq!(left[..512], [1; 512]);
                assert!(left[512..1024] == [1; 512] || left[512..1024] == [2; 512]);
                assert_eq!(left[1024..], [1; 1024]);
            }
        }
    }

    #[test]
    fn a_durable_write_beats_older_unsynced_ones() {
        for seed in 0..100 {
            let mut file = File::default();
            file.write(0, &[1; 4096], false);
            file.write(1024, &[2; 1024], true);
            file.power_cut(Mercy::EachSector, &mut Rng::new(seed));
            let left = bytes(&file);
            assert_eq!(left[1024..2048], [2; 1024]);
            for sector in left.chunks(512) {
                assert!(sector.iter().all(|byte| *byte == sector[0]));
            }
        }
    }

    #[test]
    fn a_lost_truncation_loses_what_was_written_behind_it() {
        for seed in 0..300 {
            for mercy in MERCIES {
                let mut file = File::default();
                file.write(0, &[1; 1024], false);
                file.sync(file.mark());
                file.truncate(0);
                file.write(0, &[2; 512], false);
                file.power_cut(mercy, &mut Rng::new(seed));
                let left = bytes(&file);
                let fine =
                    left == [1; 1024] || left.is_empty() || left == [0; 512] || left == [2; 512];
                assert!(fine, "{mercy:?} seed {seed}: {} bytes", left.len());
            }
        }
    }

    #[test]
    fn small_appends_leave_a_sector_in_one_of_its_states() {
        for seed in 0..200 {
            let mut file = File::default();
            for value in 1..=4u8 {
                file.write(u64::from(value - 1) * 100, &[value; 100], false);
            }
            file.power_cut(Mercy::EachSector, &mut Rng::new(seed));
            let left = bytes(&file);
            let last = left
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            for (index, byte) in left[..last].iter().enumerate() {
                assert_eq!(*byte, (index / 100) as u8 + 1);
            }
        }
    }

    #[test]
    fn a_failed_sync_may_lose_bytes_for_ever() {
        let lost = (0..50).filter(|seed| {
            let mut file = File::default();
            file.write(0, &[0; 512], true);
            file.write(0, &[7; 512], false);
            file.sync_failed(file.mark(), &mut Rng::new(*seed));
            file.sync(file.mark());
            assert_eq!(bytes(&file), [7; 512]);
            file.power_cut(Mercy::KeepAll, &mut Rng::new(*seed));
            bytes(&file) != [7; 512]
        });
        assert!((10..40).contains(&lost.count()));
    }

    #[test]
    fn blocks_are_counted_once() {
        let mut file = File::default();
        assert_eq!(file.allocate(0, 8192), 2);
        assert_eq!(file.missing_blocks(4096, 8192), 1);
        assert_eq!(file.allocate(4096, 8192), 1);
        assert_eq!(file.allocate(100 * BLOCK, 1), 1);
        assert_eq!(file.release_behind(5000), 2);
        assert_eq!(file.allocated_blocks(), 2);
    }
}
