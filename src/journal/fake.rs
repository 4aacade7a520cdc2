//! A tiny door for this room's own tests: files in memory, a power switch, seeded delays.
//!
//! Room:       `journal`, tests only. The whole broker is tested behind `sim`'s door.
//! Never:      models names: directories are durable at once here.

use crate::io::{
    Buffer, Completion, Entry, Errno, FileId, Instant, Io, Op, OpenOptions, Outcome, Slice, Token,
    Wake, Waker, WallMillis,
};
use crate::runtime::Runtime;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

const SECTOR: usize = 512;

/// splitmix64.
pub(super) struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[derive(Default)]
struct Stored {
    data: Vec<u8>,
    stable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

/// What outlives the broker: the disk.
pub(super) struct World {
    pub seeded: Seeded,
    files: BTreeMap<PathBuf, Rc<RefCell<Stored>>>,
    pub total: u64,
    /// Bytes that may still be allocated.
    pub available: u64,
    /// The next writes (or syncs) fail with this.
    pub fail_writes: Option<Errno>,
    pub fail_syncs: Option<Errno>,
    /// Writes that are submitted while it is set never end, if their file was opened for them to
    /// go to the disk at once.
    pub disk_stands_still: bool,
    pub writes: u64,
    pub durable_writes: u64,
    pub syncs: u64,
    flying: Vec<Flying>,
    submitted: u64,
    now: u64,
}

struct Flying {
    due: u64,
    order: u64,
    token: Token,
    op: Op,
    file: Option<Rc<RefCell<Stored>>>,
    covers: Vec<usize>,
}

pub(super) type Shared = Rc<RefCell<World>>;

pub(super) fn world(seed: u64) -> Shared {
    Rc::new(RefCell::new(World {
        seeded: Seeded(seed),
        files: BTreeMap::new(),
        total: 64 << 20,
        available: 64 << 20,
        fail_writes: None,
        fail_syncs: None,
        disk_stands_still: false,
        writes: 0,
        durable_writes: 0,
        syncs: 0,
        flying: Vec::new(),
        submitted: 0,
        now: 0,
    }))
}

/// A new process; the one before it, if it still runs, is killed.
pub(super) fn runtime(world: &Shared) -> Runtime {
    world.borrow_mut().kill();
    Runtime::new(Box::new(Door {
        world: world.clone(),
        open: BTreeMap::new(),
        direct: BTreeSet::new(),
        next: 0,
        idle: 0,
    }))
}

impl World {
    /// The broker died; what it had submitted may or may not have reached the page.
    pub fn kill(&mut self) {
        for flying in std::mem::take(&mut self.flying) {
            if self.seeded.below(2) == 0 {
                self.tear(&flying);
            }
        }
    }

    /// The power went: every unsynced sector is kept or lost on its own.
    pub fn cut_power(&mut self) {
        for flying in std::mem::take(&mut self.flying) {
            self.tear(&flying);
        }
        let mercy = self.seeded.below(4);
        for file in self.files.values() {
            let mut file = file.borrow_mut();
            for sector in std::mem::take(&mut file.dirty) {
                let keep = match mercy {
                    0 => true,
                    1 => false,
                    _ => self.seeded.below(2) == 0,
                };
                let range = sector * SECTOR..(sector + 1) * SECTOR;
                let file = &mut *file;
                if keep {
                    file.stable[range.clone()].copy_from_slice(&file.data[range]);
                }
            }
            file.data = file.stable.clone();
        }
    }

    fn tear(&mut self, flying: &Flying) {
        let (Op::Write { at, from, .. }, Some(file)) = (&flying.op, &flying.file) else {
            return;
        };
        let bytes = from.concat();
        let mut file = file.borrow_mut();
        for (n, sector) in bytes.chunks(SECTOR).enumerate() {
            if self.seeded.below(2) == 0 {
                file.write(*at as usize + n * SECTOR, sector, false);
            }
        }
    }

    /// Flips a bit in every file that holds `needle`, inside of it.
    pub fn rot(&mut self, needle: &[u8]) -> usize {
        let mut hits = 0;
        for file in self.files.values() {
            let mut file = file.borrow_mut();
            let found = file
                .data
                .windows(needle.len())
                .position(|window| window == needle);
            if let Some(at) = found {
                file.data[at] ^= 1;
                file.stable[at] ^= 1;
                hits += 1;
            }
        }
        hits
    }

    pub fn sizes(&self) -> Vec<(String, usize)> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        self.files
            .iter()
            .map(|(path, file)| (name(path), file.borrow().data.len()))
            .collect()
    }

    pub fn remove(&mut self, name: &str) {
        self.files
            .retain(|path, _| path.file_name().unwrap() != name);
    }
}

impl Stored {
    fn resize(&mut self, length: usize) {
        let length = length.max(self.data.len()).next_multiple_of(SECTOR);
        self.data.resize(length, 0);
        self.stable.resize(length, 0);
    }

    fn write(&mut self, at: usize, bytes: &[u8], durable: bool) {
        assert_eq!(at % SECTOR, 0);
        self.resize(at + bytes.len());
        self.data[at..at + bytes.len()].copy_from_slice(bytes);
        for sector in at / SECTOR..(at + bytes.len()).div_ceil(SECTOR) {
            self.dirty.insert(sector);
            if durable {
                self.settle(sector);
            }
        }
    }

    fn settle(&mut self, sector: usize) {
        let range = sector * SECTOR..(sector + 1) * SECTOR;
        self.stable[range.clone()].copy_from_slice(&self.data[range]);
        self.dirty.remove(&sector);
    }
}

struct Door {
    world: Shared,
    open: BTreeMap<FileId, Rc<RefCell<Stored>>>,
    direct: BTreeSet<FileId>,
    next: u32,
    idle: u32,
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

impl Io for Door {
    fn submit(&mut self, token: Token, op: Op) {
        let mut world = self.world.borrow_mut();
        let file = match &op {
            Op::Write { file, .. }
            | Op::Read { file, .. }
            | Op::Sync { file }
            | Op::Allocate { file, .. }
            | Op::Truncate { file, .. } => self.open.get(file).cloned(),
            _ => None,
        };
        let covers = match (&op, &file) {
            (Op::Sync { .. }, Some(file)) => file.borrow().dirty.iter().copied().collect(),
            _ => Vec::new(),
        };
        let mut due = world.now + 10_000 + world.seeded.below(190_000);
        if let Op::Write { file, .. } = &op
            && world.disk_stands_still
            && self.direct.contains(file)
        {
            due = u64::MAX;
        }
        world.submitted += 1;
        let order = world.submitted;
        world.flying.push(Flying {
            due,
            order,
            token,
            op,
            file,
            covers,
        });
    }

    fn turn(&mut self, until: Option<Instant>, done: &mut Vec<Completion>) {
        let world = self.world.clone();
        let next = world.borrow().flying.iter().map(|flying| flying.due).min();
        let mut now = world.borrow().now + 1_000;
        let until = until.map_or(u64::MAX, |until| until.0);
        match next {
            Some(due) => now = now.max(due.min(until)),
            None if until < u64::MAX => now = now.max(until),
            None => self.idle += 1,
        }
        assert!(self.idle < 10_000, "nothing will ever happen");
        world.borrow_mut().now = now;
        let mut due: Vec<Flying> = {
            let mut world = world.borrow_mut();
            let (due, later) = std::mem::take(&mut world.flying)
                .into_iter()
                .partition(|flying| flying.due <= now);
            world.flying = later;
            due
        };
        due.sort_by_key(|flying| (flying.due, flying.order));
        for flying in due {
            let token = flying.token;
            let outcome = self.carry_out(&mut world.borrow_mut(), flying);
            done.push(Completion {
                token,
                outcome,
                more: false,
            });
        }
    }

    fn now(&self) -> Instant {
        Instant(self.world.borrow().now)
    }

    fn wall(&self) -> WallMillis {
        WallMillis(0)
    }

    fn random(&mut self) -> u64 {
        self.world.borrow_mut().seeded.next()
    }

    fn waker(&self) -> Waker {
        Waker(Arc::new(NoWake))
    }

    fn describe(&self) -> String {
        "fake".to_owned()
    }
}

impl Door {
    fn carry_out(&mut self, world: &mut World, flying: Flying) -> Outcome {
        let Flying {
            op, file, covers, ..
        } = flying;
        match (op, file) {
            (Op::Open { path, options }, _) => self.open(world, path, options),
            (Op::Read { at, mut into, .. }, Some(file)) => {
                let count = read(&file.borrow().data, at, &mut into);
                Outcome::Filled {
                    into,
                    result: Ok(count),
                }
            }
            (
                Op::Write {
                    at, from, durable, ..
                },
                Some(file),
            ) => {
                if let Some(errno) = world.fail_writes {
                    return Outcome::Failed(errno);
                }
                world.writes += 1;
                world.durable_writes += u64::from(durable);
                let mut at = at as usize;
                for slice in from {
                    let slice: Slice = slice;
                    assert_eq!(slice.len() % 4096, 0, "direct writes are aligned");
                    file.borrow_mut().write(at, &slice, durable);
                    at += slice.len();
                }
                Outcome::Done
            }
            (Op::Sync { .. }, Some(file)) => {
                if let Some(errno) = world.fail_syncs {
                    return Outcome::Failed(errno);
                }
                world.syncs += 1;
                let mut file = file.borrow_mut();
                for sector in covers {
                    file.settle(sector);
                }
                Outcome::Done
            }
            (Op::Allocate { at, length, .. }, Some(file)) => {
                if world.available < length {
                    return Outcome::Failed(Errno::NO_SPACE);
                }
                world.available -= length;
                file.borrow_mut().resize((at + length) as usize);
                Outcome::Done
            }
            (Op::Truncate { length, .. }, Some(file)) => {
                file.borrow_mut().resize(length as usize);
                Outcome::Done
            }
            (Op::CloseFile { file }, _) => {
                self.open.remove(&file);
                Outcome::Done
            }
            (Op::Rename { from, to }, _) => match world.files.remove(&from) {
                Some(file) => {
                    world.files.insert(to, file);
                    Outcome::Done
                }
                None => Outcome::Failed(Errno::NO_ENTRY),
            },
            (Op::Unlink { path }, _) => match world.files.remove(&path) {
                Some(file) => {
                    world.available += file.borrow().data.len() as u64;
                    Outcome::Done
                }
                None => Outcome::Failed(Errno::NO_ENTRY),
            },
            (Op::SyncDirectory { .. } | Op::CreateDirectory { .. }, _) => Outcome::Done,
            (Op::ListDirectory { path, .. }, _) => Outcome::Listed(
                world
                    .files
                    .keys()
                    .filter(|file| file.parent() == Some(&path))
                    .map(|file| Entry {
                        name: file.file_name().unwrap().to_str().unwrap().to_owned(),
                        is_directory: false,
                    })
                    .collect(),
            ),
            (Op::Space { .. }, _) => Outcome::Space {
                total: world.total,
                available: world.available,
            },
            _ => Outcome::Failed(Errno::INVALID),
        }
    }

    fn open(&mut self, world: &mut World, path: PathBuf, options: OpenOptions) -> Outcome {
        if options.create && !world.files.contains_key(&path) {
            world.files.insert(path.clone(), Rc::default());
        }
        let Some(file) = world.files.get(&path) else {
            return Outcome::Failed(Errno::NO_ENTRY);
        };
        self.next += 1;
        let id = FileId(self.next);
        self.open.insert(id, file.clone());
        if options.direct {
            self.direct.insert(id);
        }
        Outcome::Opened {
            file: id,
            length: file.borrow().data.len() as u64,
            alignment: if options.direct { 4096 } else { 1 },
            direct: options.direct,
        }
    }
}

fn read(data: &[u8], at: u64, into: &mut Buffer) -> usize {
    let from = data.get(at as usize..).unwrap_or(&[]);
    let count = from.len().min(into.room());
    into.extend(&from[..count]);
    count
}
