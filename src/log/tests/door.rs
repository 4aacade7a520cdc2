//! A small door for this room's tests: files in memory, operations that complete in seeded order,
//! a power switch. The whole broker is tested behind `sim`'s door, which knows more.

use crate::io::{
    Completion, Entry, Errno, FileId, FileStatus, Instant, Io, Op, OpenOptions, Outcome, Token,
    Wake, Waker, WallMillis,
};
use crate::runtime::Runtime;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// splitmix64.
pub struct Seeded(pub u64);

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
pub struct Stored {
    pub data: Vec<u8>,
    stable: Vec<u8>,
}

/// What outlives a broker.
#[derive(Default)]
pub struct Disk {
    pub files: BTreeMap<PathBuf, Rc<RefCell<Stored>>>,
    folders: BTreeSet<PathBuf>,
    pub fail_writes: Option<Errno>,
    pub reads: u64,
    /// That many reads flip a bit of what they bring.
    pub misreads: u64,
}

pub type SharedDisk = Rc<RefCell<Disk>>;

impl Disk {
    pub fn file(&self, name: &str) -> Option<Rc<RefCell<Stored>>> {
        let found = self.files.iter().find(|(path, _)| path.ends_with(name));
        found.map(|(_, file)| file.clone())
    }

    /// Every sector that was not synced is lost or kept, as the seed says.
    pub fn cut_power(&mut self, seeded: &mut Seeded) {
        for file in self.files.values() {
            let mut file = file.borrow_mut();
            let length = match seeded.below(2) {
                0 => file.data.len(),
                _ => file.stable.len(),
            };
            let mut after = vec![0; length];
            for (index, sector) in after.chunks_mut(SECTOR).enumerate() {
                let at = index * SECTOR;
                let source = match seeded.below(2) {
                    0 => &file.data,
                    _ => &file.stable,
                };
                let end = (at + sector.len()).min(source.len());
                if at < end {
                    sector[..end - at].copy_from_slice(&source[at..end]);
                }
            }
            file.data.clone_from(&after);
            file.stable = after;
        }
    }
}

struct Door {
    disk: SharedDisk,
    seeded: Seeded,
    open: BTreeMap<u32, (Rc<RefCell<Stored>>, bool)>,
    next_file: u32,
    pending: Vec<(Token, Op)>,
    now: u64,
}

pub fn runtime(disk: &SharedDisk, seed: u64) -> Runtime {
    Runtime::new(Box::new(Door {
        disk: disk.clone(),
        seeded: Seeded(seed),
        open: BTreeMap::new(),
        next_file: 0,
        pending: Vec::new(),
        now: 0,
    }))
}

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

impl Io for Door {
    fn submit(&mut self, token: Token, op: Op) {
        self.pending.push((token, op));
    }

    fn turn(&mut self, until: Option<Instant>, done: &mut Vec<Completion>) {
        self.now += 1000;
        if self.pending.is_empty() {
            self.now = self.now.max(until.map_or(0, |until| until.0));
            return;
        }
        let index = self.seeded.below(self.pending.len() as u64) as usize;
        let (token, op) = self.pending.remove(index);
        let outcome = self.carry_out(op);
        done.push(Completion {
            token,
            outcome,
            more: false,
        });
    }

    fn now(&self) -> Instant {
        Instant(self.now)
    }

    fn wall(&self) -> WallMillis {
        WallMillis(self.now as i64 / 1_000_000)
    }

    fn random(&mut self) -> u64 {
        self.seeded.next()
    }

    fn waker(&self) -> Waker {
        Waker(Arc::new(Nobody))
    }

    fn describe(&self) -> String {
        "files in memory".to_owned()
    }
}

impl Door {
    fn carry_out(&mut self, op: Op) -> Outcome {
        match op {
            Op::Open { path, options } => self.open(path, options),
            Op::Read { file, at, mut into } => {
                let (stored, direct) = self.file(file);
                assert_aligned(direct, at, into.room());
                self.disk.borrow_mut().reads += 1;
                let stored = stored.borrow();
                let from = (at as usize).min(stored.data.len());
                let end = (from + into.room()).min(stored.data.len());
                let mut bytes = stored.data[from..end].to_vec();
                let mut disk = self.disk.borrow_mut();
                if disk.misreads > 0 && !bytes.is_empty() {
                    disk.misreads -= 1;
                    bytes[0] ^= 1;
                }
                into.extend(&bytes);
                Outcome::Filled {
                    into,
                    result: Ok(end - from),
                }
            }
            Op::Write {
                file,
                at,
                from,
                durable,
            } => {
                if let Some(errno) = self.disk.borrow().fail_writes {
                    return Outcome::Failed(errno);
                }
                let (stored, direct) = self.file(file);
                let length: usize = from.iter().map(|slice| slice.len()).sum();
                assert_aligned(direct, at, length);
                let mut stored = stored.borrow_mut();
                let mut at = at as usize;
                for slice in &from {
                    let end = at + slice.len();
                    if stored.data.len() < end {
                        stored.data.resize(end, 0);
                    }
                    stored.data[at..end].copy_from_slice(slice);
                    at = end;
                }
                if durable {
                    stored.stable = stored.data.clone();
                }
                Outcome::Done
            }
            Op::Sync { file } => {
                let (stored, _) = self.file(file);
                let mut stored = stored.borrow_mut();
                stored.stable = stored.data.clone();
                Outcome::Done
            }
            Op::Truncate { file, length } => {
                let (stored, _) = self.file(file);
                stored.borrow_mut().data.resize(length as usize, 0);
                Outcome::Done
            }
            Op::CloseFile { file } => {
                self.open.remove(&file.0);
                Outcome::Done
            }
            Op::Work { job } => Outcome::Worked(job()),
            Op::Allocate { .. } | Op::SyncDirectory { .. } => Outcome::Done,
            names => self.names(names),
        }
    }

    fn names(&mut self, op: Op) -> Outcome {
        let mut disk = self.disk.borrow_mut();
        match op {
            Op::Rename { from, to } => {
                if disk.folders.remove(&from) {
                    disk.folders.insert(to.clone());
                    let inside: Vec<PathBuf> = disk.files.keys().cloned().collect();
                    for path in inside {
                        if let Ok(rest) = path.strip_prefix(&from)
                            && let Some(file) = disk.files.remove(&path)
                        {
                            disk.files.insert(to.join(rest), file);
                        }
                    }
                    return Outcome::Done;
                }
                match disk.files.remove(&from) {
                    Some(file) => {
                        disk.files.insert(to, file);
                        Outcome::Done
                    }
                    None => Outcome::Failed(Errno::NO_ENTRY),
                }
            }
            Op::Unlink { path } => match disk.files.remove(&path) {
                Some(_) => Outcome::Done,
                None => Outcome::Failed(Errno::NO_ENTRY),
            },
            Op::CreateDirectory { path } => match disk.folders.insert(path) {
                true => Outcome::Done,
                false => Outcome::Failed(Errno::EXISTS),
            },
            Op::RemoveDirectory { path } => match disk.folders.remove(&path) {
                true => Outcome::Done,
                false => Outcome::Failed(Errno::NO_ENTRY),
            },
            Op::ListDirectory { path, .. } => {
                let inside = disk.files.keys().filter(|p| p.parent() == Some(&path));
                let name = |path: &PathBuf| path.file_name().map(|n| n.to_string_lossy().into());
                let entries = inside.filter_map(name).map(|name| Entry {
                    name,
                    is_directory: false,
                });
                Outcome::Listed(entries.collect())
            }
            Op::Status { path } => match disk.files.get(&path) {
                Some(file) => Outcome::Status(FileStatus {
                    length: file.borrow().data.len() as u64,
                    is_directory: false,
                    allocated: 0,
                    modified: WallMillis(0),
                }),
                None => Outcome::Failed(Errno::NO_ENTRY),
            },
            _ => unreachable!("the log does not ask for this"),
        }
    }

    fn open(&mut self, path: PathBuf, options: OpenOptions) -> Outcome {
        let mut disk = self.disk.borrow_mut();
        let known = disk.files.get(&path).cloned();
        let stored = match known {
            Some(stored) => stored,
            None if options.create => {
                assert!(
                    disk.folders
                        .contains(path.parent().unwrap_or(Path::new("")))
                );
                let stored = Rc::<RefCell<Stored>>::default();
                disk.files.insert(path, stored.clone());
                stored
            }
            None => return Outcome::Failed(Errno::NO_ENTRY),
        };
        if options.truncate {
            stored.borrow_mut().data.clear();
        }
        let length = stored.borrow().data.len() as u64;
        self.next_file += 1;
        self.open.insert(self.next_file, (stored, options.direct));
        Outcome::Opened {
            file: FileId(self.next_file),
            length,
            alignment: if options.direct { 512 } else { 1 },
            direct: options.direct,
        }
    }

    fn file(&self, file: FileId) -> (Rc<RefCell<Stored>>, bool) {
        self.open.get(&file.0).cloned().expect("the file is open")
    }
}

fn assert_aligned(direct: bool, at: u64, length: usize) {
    assert!(!direct || at.is_multiple_of(512), "direct at {at}");
    let length_fits = length.is_multiple_of(512);
    assert!(!direct || length_fits, "direct, {length} bytes");
}

const SECTOR: usize = 512;
