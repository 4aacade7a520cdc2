//! Small groups once more in the page cache: written before the disk has them.
//!
//! Room:       `journal`.
//! Called by:  `writer` (before the ring has a group), `handle` (start), `replay` (reads them).
//! Calls:      `runtime` for the file.
//! Never:      counts for the synced mark; takes room that the ring needs.
//!
//! *Written* is what survives a kill of the broker, and so does the page cache. A block takes
//! microseconds there, hundreds of them on a disk, and 10 to 20 ms behind a flush; clients hold
//! back (Nagle) what comes after until they are answered. At 1,000 records a second with acks=1,
//! p99 was 7 to 9 ms without copies and is 2.6 to 2.8 ms with them, which is what a busy host
//! takes. So groups that somebody waits for only as written are put into one file through the
//! page cache, then into the ring like all others. Their place here is used again once the ring
//! has them: mostly it is the first one, so the kernel, which writes a page back after half a
//! minute, has little to write. A replay takes a group from either.
//!
//! The file holds what comes in some seconds, for disks do stand still that long: with 1 MiB, 256
//! groups of a block each, what came after 240 ms of a stop of 330 waited 91 ms for it.
//!
//!   ottla-journal-0-copies   group behind group, as in the ring

use super::JournalSettings;
use super::ring::copies_path;
use super::writer::Shared;
use crate::ids::{GroupSequence, ShardId};
use crate::io::{AllocateMode, Errno, Instant, OpenOptions};
use crate::runtime::{File, Runtime};
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

pub(super) struct Copies {
    /// `None`: there is no room for it, or it failed; then everybody waits for the ring.
    file: Option<Rc<File>>,
    bytes: u64,
    /// Last groups of what the ring may not have yet, in order.
    live: VecDeque<GroupSequence>,
    /// Where the next copy goes.
    end: u64,
}

/// The size of the file: what may be written while the disk stands still. As much as may wait for
/// the disk before produce does (`JournalSettings::queued_bytes_max`).
const BYTES_MAX: u64 = 16 << 20;
const BYTES_MIN: u64 = 64 << 10;
/// One part in so many of what the ring may take, and of what is left on the disk.
const SHARE: u64 = 16;
/// A write that takes longer than this is behind something: what waits for it is copied. Sooner,
/// each turn of a busy broker would be a group, and each group takes whole blocks.
const COPY_AFTER: Duration = Duration::from_micros(300);
/// What is copied at a time: more is better off on the disk at once.
const COPY_MAX: usize = 64 << 10;

impl Copies {
    /// Makes or takes over the file. Its name is durable once the caller has synced the directory.
    pub async fn open(
        runtime: &Runtime,
        dir: &Path,
        shard: ShardId,
        settings: &JournalSettings,
        ring_bytes: u64,
    ) -> Result<Copies, Errno> {
        let mut copies = Copies {
            file: None,
            bytes: 0,
            live: VecDeque::new(),
            end: 0,
        };
        if settings.copies {
            let wanted = (ring_bytes / SHARE).clamp(BYTES_MIN, BYTES_MAX);
            match make(runtime, dir, shard, wanted).await {
                Ok((file, bytes)) => (copies.file, copies.bytes) = (Some(Rc::new(file)), bytes),
                // A full disk has room again some day; until then it is as without.
                Err(Errno::NO_SPACE) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(copies)
    }

    /// The place of `length` bytes, the last of which are of group `last`; the ring has all groups
    /// up to `placed`.
    pub fn place(
        &mut self,
        length: u64,
        last: GroupSequence,
        placed: GroupSequence,
    ) -> Option<(Rc<File>, u64)> {
        let file = self.file.clone()?;
        self.forget(placed);
        if self.end + length > self.bytes {
            return None;
        }
        let at = self.end;
        self.end += length;
        self.live.push_back(last);
        Some((file, at))
    }

    /// Whether as much as is ever copied at a time would find a place.
    pub fn has_room(&mut self, placed: GroupSequence) -> bool {
        self.forget(placed);
        self.file.is_some() && self.end + COPY_MAX as u64 <= self.bytes
    }

    fn forget(&mut self, placed: GroupSequence) {
        while self.live.front().is_some_and(|last| *last <= placed) {
            self.live.pop_front();
        }
        if self.live.is_empty() {
            self.end = 0;
        }
    }

    /// A copy could not be made: no more are tried.
    pub fn give_up(&mut self) {
        self.file = None;
    }
}

/// The file, and how much it takes: `wanted`, or what the disk has left for it.
async fn make(
    runtime: &Runtime,
    dir: &Path,
    shard: ShardId,
    wanted: u64,
) -> Result<(File, u64), Errno> {
    let options = OpenOptions {
        write: true,
        create: true,
        inline: true,
        ..OpenOptions::default()
    };
    let path = copies_path(dir, shard);
    let file = runtime.open(&path, options).await?;
    if file.length_at_open >= wanted {
        return Ok((file, wanted));
    }
    let (_, available) = runtime.space(dir).await?;
    let bytes = wanted.min(available / SHARE).max(file.length_at_open) / BYTES_MIN * BYTES_MIN;
    let made = match bytes {
        0 => Err(Errno::NO_SPACE),
        bytes if bytes <= file.length_at_open => Ok(()),
        bytes => reserve(&file, bytes).await,
    };
    if let Err(errno) = made {
        drop(file);
        runtime.unlink(&path).await?;
        return Err(errno);
    }
    Ok((file, bytes))
}

/// Blocks that are there need no room when a page is written back. They need not be written: what
/// a write changes of them waits for no disk here.
async fn reserve(file: &File, bytes: u64) -> Result<(), Errno> {
    match file.allocate(0, bytes, AllocateMode::KeepSize).await {
        Ok(()) | Err(Errno::NOT_SUPPORTED) => file.truncate(bytes).await,
        failed => failed,
    }
}

impl Shared {
    /// When what waits behind a write should be copied, if it should. Not before: all that comes
    /// while a write takes its usual time shares the next one.
    pub fn copy_at(&self) -> Option<Instant> {
        let marks = self.marks.borrow();
        if marks.in_flight() == 0 || self.has_failed() {
            return None;
        }
        let is_wanted = self
            .open
            .borrow()
            .is_written_within(marks.written(), COPY_MAX);
        let has_room = is_wanted && self.copies.borrow_mut().has_room(marks.placed());
        has_room.then(|| self.write_began.get().plus(COPY_AFTER))
    }

    /// Copies sealed groups that somebody waits for as written, if all before them are written.
    pub async fn copy(&self) {
        let (written, placed) = {
            let marks = self.marks.borrow();
            (marks.written(), marks.placed())
        };
        let (mut from, mut bytes, mut last, mut is_wanted) = (Vec::new(), 0, written, false);
        for sealed in self.open.borrow().run_after(written, COPY_MAX) {
            bytes += sealed.bytes.len();
            last = sealed.sequence;
            is_wanted |= sealed.written;
            from.push(sealed.bytes.clone());
        }
        if !is_wanted || self.has_failed() {
            return;
        }
        let Some((file, at)) = self.copies.borrow_mut().place(bytes as u64, last, placed) else {
            return;
        };
        match file.write(at, from, false).await {
            Ok(()) if self.has_failed() => {}
            Ok(()) => {
                let first = GroupSequence(written.0 + 1);
                self.marks.borrow_mut().copied(first, last);
                self.progress.notify();
            }
            Err(errno) => {
                tracing::warn!(
                    dir = %self.dir.display(), shard = self.shard.0, %errno,
                    "small groups are not written through the page cache any more; \
                     acknowledgements wait for the disk"
                );
                self.copies.borrow_mut().give_up();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Shared, runtime, world};
    use super::super::{Found, Incarnation, Journal};
    use super::*;
    use crate::ids::{LeaderEpoch, Offset, PartitionKey, RequiredMark};
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions};

    const SHARD: ShardId = ShardId(0);

    const fn group(number: u64) -> GroupSequence {
        GroupSequence(number)
    }

    fn start(world: &Shared) -> (Runtime, Journal) {
        let broker = runtime(world);
        let inner = broker.clone();
        let started = broker.block_on(async move {
            let settings = JournalSettings {
                file_bytes_max: 1 << 20,
                slab_bytes: 64 << 10,
                ..JournalSettings::default()
            };
            Journal::start(&inner, Path::new("/log"), SHARD, Incarnation(1), settings).await
        });
        (broker, started.expect("a sound disk"))
    }

    /// Appends a batch and waits until it is written.
    fn write(broker: &Runtime, journal: &Journal, number: i64) {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(1_000, None, Some(&[number as u8; 100]), &[]);
        let (key, required) = (PartitionKey::default(), RequiredMark::Written);
        let epoch = LeaderEpoch(1);
        let batch = builder.finish();
        let appended = journal.append(key, epoch, required, Offset(number), &[&batch]);
        let (group, _) = appended.expect("it takes a batch");
        let journal = journal.clone();
        let written = broker.block_on(async move { journal.wait(group, required).await });
        written.expect("it is written");
    }

    /// The base offsets that a replay gives after a kill.
    fn replayed(world: &Shared) -> Vec<i64> {
        let broker = runtime(world);
        let inner = broker.clone();
        broker.block_on(async move {
            let found = Found::all(&inner, Path::new("/log"), Incarnation(1), 0).await;
            let found = found.expect("it can be read").remove(0);
            assert_eq!(found.damage, []);
            let mut offsets = Vec::new();
            let mut replay = found.replay(&inner);
            while let Some(group) = replay.next().await.expect("it was whole a moment ago") {
                for (entry, _) in group.entries() {
                    if let super::super::Entry::Append { base_offset, .. } = entry {
                        offsets.push(base_offset.0);
                    }
                }
            }
            offsets
        })
    }

    /// Goal: what the ring does not have is never overwritten, and its place is used again once it
    /// has it.
    #[test]
    fn a_place_is_used_again_once_the_ring_has_its_groups() {
        let world = world(1);
        let broker = runtime(&world);
        let inner = broker.clone();
        let opened = broker.block_on(async move {
            let settings = JournalSettings::default();
            Copies::open(&inner, Path::new("/log"), SHARD, &settings, 2 << 20).await
        });
        let mut copies = opened.expect("there is room");
        let mut place = |length, last, placed| {
            let placed = copies.place(length, group(last), group(placed));
            placed.map(|(_, at)| at)
        };
        assert_eq!(place(64 << 10, 1, 0), Some(0));
        assert_eq!(place(60 << 10, 3, 0), Some(64 << 10));
        assert_eq!(place(8 << 10, 4, 0), None);
        assert_eq!(place(8 << 10, 4, 2), None);
        assert_eq!(place(4 << 10, 4, 2), Some(124 << 10));
        assert_eq!(place(4 << 10, 5, 4), Some(0));
        copies.give_up();
        assert!(!copies.has_room(group(9)));
    }

    /// Goal: what was acknowledged as written is there after a kill, whatever the disk has of it.
    #[test]
    fn a_kill_takes_nothing_that_is_written() {
        for seed in 0..40 {
            let world = world(seed);
            let (broker, journal) = start(&world);
            let count = 1 + seed as i64 % 7;
            (0..count).for_each(|number| write(&broker, &journal, number));
            assert_eq!(replayed(&world), (0..count).collect::<Vec<_>>(), "{seed}");
        }
    }

    /// Goal: a disk that stands still delays nobody who waits for less, as long as there is room.
    #[test]
    fn what_comes_while_the_disk_stands_still_is_written() {
        let world = world(7);
        world.borrow_mut().total = 4 << 30;
        world.borrow_mut().available = 4 << 30;
        let (broker, journal) = start(&world);
        write(&broker, &journal, 0);
        broker
            .block_on({
                let journal = journal.clone();
                async move { journal.wait(group(1), RequiredMark::Synced).await }
            })
            .expect("the disk works");
        world.borrow_mut().disk_stands_still = true;
        // In groups of a block each: more than 1 MiB of them.
        (1..2_100).for_each(|number| write(&broker, &journal, number));
        assert!(journal.written() >= group(2_100));
        assert!(journal.synced() < group(3));
        assert_eq!(replayed(&world), (0..2_100).collect::<Vec<_>>());
    }

    /// Goal: a disk that is nearly full has a smaller file, and a full one none; what is there
    /// already is used.
    #[test]
    fn the_file_takes_a_share_of_what_is_left() {
        let world = world(1);
        let broker = runtime(&world);
        let bytes = |available| {
            world.borrow_mut().available = available;
            let inner = broker.clone();
            let opened = broker.block_on(async move {
                let settings = JournalSettings::default();
                Copies::open(&inner, Path::new("/log"), SHARD, &settings, 1 << 30).await
            });
            let copies = opened.expect("a sound disk");
            copies.file.is_some().then_some(copies.bytes)
        };
        assert_eq!(bytes(1 << 19), None);
        assert_eq!(bytes(3 << 20), Some(192 << 10));
        assert_eq!(bytes(0), Some(192 << 10));
        assert_eq!(bytes(32 << 20), Some(2 << 20));
        assert_eq!(bytes(1 << 30), Some(16 << 20));
    }
}
