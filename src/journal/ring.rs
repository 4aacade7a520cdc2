//! The ring files of a journal: which is written, which are free, when larger ones are made.
//!
//! Room:       `journal`.
//! Called by:  `writer` (place the next group), `keeper` (recycle and grow).
//! Never:      writes a group; overwrites a file that a replay may still need.
//!
//! A new file is made beside the ring (`….new`), filled with zeros, synced and only then renamed
//! into it: a file of the ring is always whole, and a durable write into it changes no metadata.
//!
//! Growth follows the load: a file filled in less than `FILL_SLOW` raises the size wanted for the
//! next ones to what would have lasted as long, `GROWTH` times at most, until four of them take an
//! eighth of the file system.

use super::JournalSettings;
use super::superblock::block_of;
use crate::ids::{GroupSequence, ShardId};
use crate::io::{AllocateMode, Errno, Instant, OpenOptions};
use crate::runtime::{File, Runtime};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// A file that was filled too soon makes the next ones at most so many times larger.
const GROWTH: u64 = 4;
/// A file that lasts this long is large enough: a checkpoint costs those who wait 8 ms, so at one
/// in thirty seconds it stays out of the 99.9th percentile.
const FILL_SLOW: Duration = Duration::from_secs(30);
/// After a file system had no room, ask again this much later.
const RETRY_NO_SPACE: Duration = Duration::from_secs(10);
/// Sizes are multiples of this, which is a multiple of every block size.
const STEP: u64 = 64 << 10;
/// A file in which a group with a batch of `message.max.bytes` (1,048,588 by default) finds room.
const SIZE_LEAST: u64 = 17 * STEP;

pub(super) struct Ring {
    files: Vec<RingFile>,
    /// Index of the file being written.
    active: usize,
    /// Where in it the next group goes.
    position: u64,
    opened_at: Instant,
    next_number: u64,
    size_first: u64,
    size_max: u64,
    files_max: usize,
    pub capacity_max: u64,
    /// Size wanted for files made from now on.
    target: u64,
    no_space_until: Instant,
    pub block: usize,
    /// See `take_leftover`.
    leftovers: Vec<PathBuf>,
}

struct RingFile {
    number: u64,
    size: u64,
    file: Rc<File>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Active,
    /// Written; its last group.
    Full(GroupSequence),
}

/// What the keeper shall do about files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub number: u64,
    pub size: u64,
}

/// What the size of the file system allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    files_max: usize,
    size_max: u64,
    capacity_max: u64,
}

impl Sizes {
    /// All journals together take an eighth of the file system. Where that makes files too small
    /// for a batch of the default size there are fewer of them, and where two are too small still,
    /// they are as large as they must be, as long as all of them take less than half.
    fn on(total: u64, settings: &JournalSettings) -> Sizes {
        let journals = settings.journals.max(1);
        let share = total / 8 / journals;
        let files_max = (share / SIZE_LEAST).clamp(2, settings.files_max.max(2) as u64);
        let floor = match 2 * SIZE_LEAST * journals <= total / 2 {
            true => SIZE_LEAST,
            false => STEP,
        };
        let size_max = (share / files_max).max(floor).min(settings.file_bytes_max);
        let size_max = size_max.max(STEP) / STEP * STEP;
        Sizes {
            files_max: files_max as usize,
            size_max,
            capacity_max: share.max(files_max * size_max),
        }
    }
}

impl Ring {
    /// Takes over the files of an earlier incarnation, or makes the first ones, and opens one.
    pub async fn open(
        runtime: &Runtime,
        dir: &Path,
        shard: ShardId,
        settings: &JournalSettings,
    ) -> Result<Ring, Errno> {
        let (total, _) = runtime.space(dir).await?;
        let Sizes {
            files_max,
            size_max,
            capacity_max,
        } = Sizes::on(total, settings);
        let size_first = settings.file_bytes_first.clamp(STEP, size_max) / STEP * STEP;
        let mut ring = Ring {
            files: Vec::new(),
            active: 0,
            position: 0,
            opened_at: runtime.now(),
            next_number: 1,
            size_first,
            size_max,
            files_max,
            capacity_max,
            target: size_first,
            no_space_until: Instant::default(),
            block: 0,
            leftovers: Vec::new(),
        };
        ring.take_over(runtime, dir, shard).await?;
        if ring.files.len() < 2 {
            // The first files need the room they take.
            for path in ring.leftovers.drain(..) {
                runtime.unlink(&path).await?;
            }
        }
        while ring.files.len() < 2 {
            let wanted = Wanted {
                number: ring.next_number,
                size: ring.size_first,
            };
            let file = match make(runtime, dir, shard, wanted).await {
                // A nearly full file system still gets a journal, if a slow one.
                Err(Errno::NO_SPACE) if ring.size_first > 4 * STEP => {
                    ring.size_first = (ring.size_first / 2).next_multiple_of(STEP);
                    ring.target = ring.size_first;
                    continue;
                }
                other => other?,
            };
            ring.add(wanted, file);
        }
        ring.block = ring
            .files
            .iter()
            .map(|file| block_of(&file.file))
            .max()
            .expect("a ring has files");
        ring.files[0].state = State::Active;
        Ok(ring)
    }

    async fn take_over(
        &mut self,
        runtime: &Runtime,
        dir: &Path,
        shard: ShardId,
    ) -> Result<(), Errno> {
        let mut total = 0;
        for entry in runtime.list_named(dir, PREFIX).await? {
            let path = dir.join(&entry.name);
            match name_of(&entry.name) {
                Some(Name::Unfinished(owner)) if owner == shard => self.leftovers.push(path),
                Some(Name::Ring(owner, number)) if owner == shard => {
                    self.next_number = self.next_number.max(number + 1);
                    let file = runtime.open(&path, options()).await?;
                    let size = file.length_at_open;
                    let fits = size >= STEP
                        && size.is_multiple_of(STEP)
                        && size <= self.size_max
                        && total + size <= self.capacity_max
                        && self.files.len() < self.files_max;
                    if fits {
                        total += size;
                        self.target = self.target.max(size);
                        self.add(Wanted { number, size }, file);
                    } else {
                        self.leftovers.push(path);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A file nobody needs, left by an earlier start, to be unlinked: large ones take so long that
    /// a start does not wait for it.
    pub fn take_leftover(&mut self) -> Option<PathBuf> {
        self.leftovers.pop()
    }

    /// Largest group that can ever be placed.
    pub fn group_max(&self) -> u64 {
        self.size_max
    }

    /// The file being written and the place of the next `length` bytes, if they fit.
    pub fn place(&mut self, length: u64) -> Option<(Rc<File>, u64)> {
        let active = &self.files[self.active];
        if self.position + length > active.size {
            return None;
        }
        let at = self.position;
        self.position += length;
        Some((active.file.clone(), at))
    }

    pub fn active(&self) -> Rc<File> {
        self.files[self.active].file.clone()
    }

    /// Goes on in a free file that holds at least `length`. The old one's groups up to `last` are
    /// durable. False: there is none yet; the keeper makes or frees one.
    pub fn roll(&mut self, last: GroupSequence, length: u64, now: Instant) -> bool {
        let Some(next) = self.free_for(length) else {
            if length > self.target {
                self.target = length.next_power_of_two().clamp(STEP, self.size_max);
            }
            return false;
        };
        let lasted = now.since(self.opened_at);
        if lasted < FILL_SLOW {
            self.target = self.target.max(self.lasting_size(lasted));
        }
        self.files[self.active].state = State::Full(last);
        // Free files are used in the order of their numbers, so the used one goes to the end.
        self.files[next].state = State::Active;
        self.active = next;
        self.position = 0;
        self.opened_at = now;
        true
    }

    /// Makes files from now on so large that all of them together hold `capacity`, as far as they
    /// may: how much that is.
    pub fn want_capacity(&mut self, capacity: u64) -> u64 {
        let files = self.files_max as u64;
        let each = (capacity / files).next_power_of_two().min(self.size_max);
        self.target = self.target.max(each);
        capacity.min(files * self.size_max)
    }

    /// The size that would have lasted `FILL_SLOW` where the file being left lasted `lasted`.
    fn lasting_size(&self, lasted: Duration) -> u64 {
        let size = self.files[self.active].size;
        let lasting = u128::from(size) * FILL_SLOW.as_millis() / lasted.as_millis().max(1);
        let most = size.max(self.target) * GROWTH;
        let lasting = lasting.min(u128::from(most)) as u64;
        lasting.next_power_of_two().min(self.size_max)
    }

    /// The free file that `length` bytes go into next.
    fn free_for(&self, length: u64) -> Option<usize> {
        let files = self.files.iter().enumerate();
        files
            .filter(|(_, file)| file.state == State::Free && file.size >= length)
            .min_by_key(|(_, file)| file.number)
            .map(|(index, _)| index)
    }

    /// No file for `length` bytes is free, and none will be made: only a release helps, or room
    /// on the disk.
    pub fn is_stuck(&self, length: u64, now: Instant) -> bool {
        self.free_for(length).is_none() && self.wanted(now).is_none()
    }

    /// Whether a file could be freed by releasing up to `up_to`.
    pub fn frees(&self, up_to: GroupSequence) -> bool {
        self.files
            .iter()
            .any(|file| matches!(file.state, State::Full(last) if last <= up_to))
    }

    /// Frees them; the superblock says durably that nothing up to `up_to` is needed.
    pub fn free(&mut self, up_to: GroupSequence) {
        for file in &mut self.files {
            if matches!(file.state, State::Full(last) if last <= up_to) {
                file.state = State::Free;
            }
        }
    }

    /// The file to be made now, if one should be.
    pub fn wanted(&self, now: Instant) -> Option<Wanted> {
        if now < self.no_space_until {
            return None;
        }
        let mut total = self.total();
        let free = self.frees_now();
        let small = self.small();
        let more = free == 0 && self.files.len() < self.files_max;
        if !more {
            // A larger one replaces a free small one; the small one goes once it is there.
            total -= self.files[small?].size;
        }
        let size = self.target.min(self.capacity_max.saturating_sub(total)) / STEP * STEP;
        let useful = if more {
            size >= self.size_first.min(self.target)
        } else {
            size > self.files[small?].size
        };
        useful.then_some(Wanted {
            number: self.next_number,
            size,
        })
    }

    /// A free file below the size wanted.
    fn small(&self) -> Option<usize> {
        let is_small = |file: &RingFile| file.state == State::Free && file.size < self.target;
        self.files.iter().position(is_small)
    }

    /// Adds a file that `make` made.
    pub fn add(&mut self, wanted: Wanted, file: File) {
        self.next_number = self.next_number.max(wanted.number + 1);
        self.files.push(RingFile {
            number: wanted.number,
            size: wanted.size,
            file: Rc::new(file),
            state: State::Free,
        });
    }

    /// Takes a free file out that is one too many, to be unlinked: its number.
    pub fn surplus(&mut self) -> Option<u64> {
        if self.frees_now() < 2 && self.files.len() <= self.files_max {
            return None;
        }
        let small = self.small()?;
        let file = self.files.remove(small);
        if self.active > small {
            self.active -= 1;
        }
        Some(file.number)
    }

    /// The file system had no room: stop asking for a while, and for more.
    pub fn had_no_space(&mut self, now: Instant) {
        self.no_space_until = now.plus(RETRY_NO_SPACE);
        self.target = self
            .files
            .iter()
            .map(|file| file.size)
            .max()
            .unwrap_or(STEP);
    }

    pub fn no_space_until(&self) -> Instant {
        self.no_space_until
    }

    /// Bytes that hold groups, released ones of the active file included.
    pub fn dirty(&self) -> u64 {
        let full = |file: &RingFile| matches!(file.state, State::Full(_));
        let full: u64 = self
            .files
            .iter()
            .filter(|file| full(file))
            .map(|file| file.size)
            .sum();
        full + self.position
    }

    pub fn total(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Nothing free and nothing more to be had.
    pub fn is_last(&self, now: Instant) -> bool {
        self.frees_now() == 0 && self.wanted(now).is_none()
    }

    fn frees_now(&self) -> usize {
        let is_free = |file: &&RingFile| file.state == State::Free;
        self.files.iter().filter(is_free).count()
    }
}

fn options() -> OpenOptions {
    OpenOptions {
        write: true,
        direct: true,
        ..OpenOptions::default()
    }
}

/// How a file that is being made is opened.
pub(super) fn unfinished_options() -> OpenOptions {
    OpenOptions {
        create: true,
        truncate: true,
        ..options()
    }
}

/// Makes one of the first ring files, zero-filled and durable under its name.
async fn make(
    runtime: &Runtime,
    dir: &Path,
    shard: ShardId,
    wanted: Wanted,
) -> Result<File, Errno> {
    let unfinished = ring_path(dir, shard, wanted.number).with_extension("new");
    let file = runtime.open(&unfinished, unfinished_options()).await?;
    let filled = match file.allocate(0, wanted.size, AllocateMode::Zeroed).await {
        Ok(()) => file.sync().await,
        failed => failed,
    };
    if let Err(errno) = filled {
        discard(runtime, file, &unfinished).await;
        return Err(errno);
    }
    name_finished(runtime, &unfinished, dir).await?;
    Ok(file)
}

/// Gives a file that is filled and synced its name in the ring, durably.
pub(super) async fn name_finished(
    runtime: &Runtime,
    unfinished: &Path,
    dir: &Path,
) -> Result<(), Errno> {
    let path = unfinished.with_extension("");
    runtime.rename(unfinished, &path).await?;
    runtime.sync_directory(dir).await
}

/// Gives back what an unfinished file took; a leftover is removed at the next start.
pub(super) async fn discard(runtime: &Runtime, file: File, unfinished: &Path) {
    drop(file);
    let _ = runtime.unlink(unfinished).await;
}

/// A file name of this room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Superblock(ShardId),
    Ring(ShardId, u64),
    /// See `copies`.
    Copies(ShardId),
    /// Being made when the broker stopped.
    Unfinished(ShardId),
}

pub(super) const PREFIX: &str = "ottla-journal-";
const COPIES: &str = "copies";

pub(super) fn superblock_path(dir: &Path, shard: ShardId) -> PathBuf {
    dir.join(format!("{PREFIX}{}", shard.0))
}

pub(super) fn ring_path(dir: &Path, shard: ShardId, number: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{}-{number}", shard.0))
}

pub(super) fn copies_path(dir: &Path, shard: ShardId) -> PathBuf {
    dir.join(format!("{PREFIX}{}-{COPIES}", shard.0))
}

/// What `name` is, if it is ours: exactly the form we write, no leading zeros or signs.
pub(super) fn name_of(name: &str) -> Option<Name> {
    fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
        text.parse()
            .ok()
            .filter(|value: &T| value.to_string() == text)
    }
    let rest = name.strip_prefix(PREFIX)?;
    let Some((shard, rest)) = rest.split_once('-') else {
        return Some(Name::Superblock(ShardId(number(rest)?)));
    };
    let shard = ShardId(number(shard)?);
    if rest == COPIES {
        return Some(Name::Copies(shard));
    }
    match rest.strip_suffix(".new") {
        Some(rest) => number::<u64>(rest).map(|_| Name::Unfinished(shard)),
        None => Some(Name::Ring(shard, number(rest)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::World;
    use crate::sim::clock::SECOND;

    /// Goal: journals take an eighth of the disk, and a batch of the default size fits all the
    /// same, on a small disk with many cores too.
    #[test]
    fn journals_take_an_eighth_of_the_disk() {
        for total in [64 << 20, 256 << 20, 1 << 30, 1 << 34, 1 << 42] {
            for journals in [1, 2, 8, 16, 64, 256] {
                let settings = JournalSettings {
                    journals,
                    ..JournalSettings::default()
                };
                let sizes = Sizes::on(total, &settings);
                let all = journals * sizes.capacity_max;
                let batch_fits = sizes.size_max >= 1_048_588 + 4096;
                let least = 2 * SIZE_LEAST * journals;
                assert!((2..=4).contains(&sizes.files_max), "{sizes:?}");
                assert!(sizes.size_max <= 256 << 20, "{sizes:?}");
                assert!(
                    batch_fits || least > total / 2,
                    "{total} {journals} {sizes:?}"
                );
                assert!(
                    all <= (total / 8).max(least),
                    "{total} {journals} {sizes:?}"
                );
            }
        }
        let eight = JournalSettings {
            journals: 8,
            ..JournalSettings::default()
        };
        assert!(Sizes::on(256 << 20, &eight).size_max >= 1_048_588 + 4096);
        let one = Sizes::on(1 << 40, &JournalSettings::default());
        assert_eq!((one.files_max, one.size_max), (4, 256 << 20));
    }

    /// Goal: a ring under load grows to 4 × 256 MiB, in steps, and on a smaller disk to an eighth
    /// of it; one that is filled slowly stays as it is, unless more is wanted of it.
    #[test]
    fn a_ring_grows_with_its_load_up_to_its_share() {
        let fast = Duration::from_secs(5);
        let slow = FILL_SLOW;
        for (total, pace, capacity, expected) in [
            (1 << 40, fast, 0, 4 * (256 << 20)),
            (1 << 30, fast, 0, 128 << 20),
            (1 << 40, slow, 0, 8 << 20),
            (1 << 40, slow, 60 << 20, 64 << 20),
            (1 << 30, slow, 60 << 30, 128 << 20),
        ] {
            let world = World::new(1);
            let machine = world.machine();
            world.make_directory(machine, "/data");
            world.disk(machine, |disk| disk.capacity = total);
            let runtime = Runtime::new(world.door(machine));
            let inner = runtime.clone();
            let ring = runtime.block_on(async move {
                let settings = JournalSettings::default();
                let dir = Path::new("/data");
                let mut ring = Ring::open(&inner, dir, ShardId(0), &settings).await?;
                assert!(ring.want_capacity(capacity) <= expected);
                let file = |ring: &Ring| ring.files[0].file.clone();
                let mut now = inner.now();
                for group in 1..60 {
                    now = now.plus(pace);
                    // As the keeper does, but for the bytes on the disk.
                    while let Some(wanted) = ring.wanted(now) {
                        let file = file(&ring);
                        ring.next_number = ring.next_number.max(wanted.number + 1);
                        ring.files.push(RingFile {
                            number: wanted.number,
                            size: wanted.size,
                            file,
                            state: State::Free,
                        });
                        assert!(ring.total() <= ring.capacity_max + wanted.size);
                        while ring.surplus().is_some() {}
                    }
                    assert!(ring.total() <= ring.capacity_max, "{}", ring.total());
                    assert!(ring.roll(GroupSequence(group), STEP, now), "a free file");
                    ring.free(GroupSequence(group));
                }
                Ok::<u64, Errno>(ring.total())
            });
            let total_now = ring.expect("room");
            assert!(total_now <= total / 8);
            assert!(
                total_now <= expected && total_now >= expected / 2,
                "{total_now} of {expected}"
            );
            world.run_for(SECOND);
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let dir = Path::new("d");
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let shard = ShardId(12);
        assert_eq!(
            name_of(&name(ring_path(dir, shard, 7))),
            Some(Name::Ring(shard, 7))
        );
        assert_eq!(
            name_of(&name(ring_path(dir, shard, 7).with_extension("new"))),
            Some(Name::Unfinished(shard))
        );
        assert_eq!(
            name_of(&name(superblock_path(dir, shard))),
            Some(Name::Superblock(shard))
        );
        for other in [
            "ottla-journal-",
            "ottla-journal-01",
            "ottla-journal-1-+2",
            "ottla-journal-1-2.damaged-3",
            "ottla-journal-70000",
            "orders-0",
        ] {
            assert_eq!(name_of(other), None, "{other}");
        }
    }
}
