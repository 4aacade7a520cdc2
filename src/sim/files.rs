//! File operations of a simulated door: checked when submitted, done when their time comes.
//!
//! Room:       `sim`.
//! Called by:  `door`, `world`.
//! Calls:      `disk` of the door's machine.
//! Never:      lets an operation take effect before its latency has passed.

use super::clock::MICROSECOND;
use super::disk::{FaultKind, NodeId, SECTOR};
use super::world::{Core, DoorKey, Event, Work};
use crate::io::{AllocateMode, Errno, FileId, Op, Outcome, Token};
use std::path::PathBuf;

/// An open file of a door.
#[derive(Clone)]
pub(super) struct Handle {
    pub node: NodeId,
    pub path: String,
    pub write: bool,
    pub direct: bool,
}

/// A file operation in flight, with what it was checked against.
pub(super) struct FileWork {
    op: Op,
    /// The file, kept open meanwhile.
    node: Option<NodeId>,
    path: String,
    /// What a sync covers: all that was complete when it was submitted.
    mark: u64,
}

impl Core {
    pub(super) fn submit_file(&mut self, door: DoorKey, token: Token, op: Op) {
        let machine = self.doors[door.0].machine;
        let (file, path) = target(&op);
        let handle = match file {
            None => None,
            Some(file) => match self.doors[door.0].files.get(&file.0) {
                Some(handle) => Some(handle.clone()),
                None => {
                    let refused = refusal(op, Errno::BAD_HANDLE);
                    return self.answer(door, token, refused, MICROSECOND);
                }
            },
        };
        if let Some(handle) = &handle
            && let Err(errno) = allowed(&op, handle)
        {
            return self.answer(door, token, refusal(op, errno), MICROSECOND);
        }
        let path = handle.as_ref().map_or(path, |handle| handle.path.clone());
        if let Op::CloseFile { file } = op {
            // At once, so that nothing submitted later finds it; what is in flight keeps it open.
            self.close_file(door, file.0);
            return self.answer(door, token, Outcome::Done, MICROSECOND);
        }
        let disk = &mut self.machines[machine.0].disk;
        let node = handle.map(|handle| handle.node);
        let mark = match (&op, node) {
            (Op::Sync { .. }, Some(node)) => disk.file(node).map_or(0, |file| file.mark()),
            (Op::SyncDirectory { .. }, _) => disk.mark(),
            _ => 0,
        };
        if let Some(node) = node {
            disk.pin(node);
        }
        let latencies = disk.faults.latencies;
        let latency = match &op {
            Op::Read { .. } => latencies.read,
            Op::Write { durable: true, .. } => latencies.sync,
            Op::Write { .. } => latencies.write,
            Op::Sync { .. } | Op::SyncDirectory { .. } => latencies.sync,
            _ => latencies.metadata,
        };
        let span = latency.draw(&mut self.rng);
        let work = FileWork {
            op,
            node,
            path,
            mark,
        };
        let key = self.begin(door, token, Work::File(work));
        self.plan_after(span, Event::Finish(key));
    }

    /// Lets the operation take effect.
    pub(super) fn perform(&mut self, door: DoorKey, work: FileWork) -> Outcome {
        let machine = self.doors[door.0].machine;
        let kind = match &work.op {
            Op::Open { .. } => FaultKind::Open,
            Op::Read { .. } => FaultKind::Read,
            Op::Write { .. } => FaultKind::Write,
            Op::Sync { .. } | Op::SyncDirectory { .. } => FaultKind::Sync,
            _ => FaultKind::Metadata,
        };
        let Core { rng, machines, .. } = self;
        let struck = machines[machine.0]
            .disk
            .faults
            .strike(kind, &work.path, rng);
        if let Some(errno) = struck {
            return self.half_done(door, work, errno);
        }
        let node = work.node;
        let outcome = self.apply(door, work);
        if let Some(node) = node {
            self.machines[machine.0].disk.close(node);
        }
        outcome
    }

    fn apply(&mut self, door: DoorKey, work: FileWork) -> Outcome {
        let machine = self.doors[door.0].machine;
        let wall = self.wall(machine);
        let Core {
            rng,
            machines,
            doors,
            trace,
            ..
        } = self;
        let disk = &mut machines[machine.0].disk;
        let node = work.node;
        let opened = |node: Option<NodeId>| node.expect("checked when submitted");
        let result = match work.op {
            Op::Open { path, options } => {
                return match disk.open(&path, options, wall) {
                    Err(errno) => Outcome::Failed(errno),
                    Ok(found) => {
                        let door = &mut doors[door.0];
                        door.file_next += 1;
                        let handle = Handle {
                            node: found.node,
                            path: path.to_string_lossy().into_owned(),
                            write: options.write,
                            direct: options.direct,
                        };
                        door.files.insert(door.file_next, handle);
                        Outcome::Opened {
                            file: FileId(door.file_next),
                            length: found.length,
                            alignment: if options.direct { SECTOR as u32 } else { 1 },
                            direct: options.direct,
                        }
                    }
                };
            }
            Op::Read { at, mut into, .. } => {
                let room = into.room_mut();
                let result = disk.file(opened(node)).map(|file| file.read(at, room));
                if let Ok(count) = result {
                    into.advance(count);
                    if count > 0 && rng.chance_ppm(disk.faults.read_rot_ppm) {
                        let filled = into.filled_mut();
                        let start = filled.len() - count;
                        let position = start + rng.below(count as u64) as usize;
                        filled[position] ^= 1 << rng.below(8);
                    }
                }
                return Outcome::Filled { into, result };
            }
            Op::Write {
                at, from, durable, ..
            } => {
                let bytes = from.concat();
                trace.bytes(&bytes);
                disk.write(opened(node), at, &bytes, durable, wall)
            }
            Op::Sync { .. } => disk.file_mut(opened(node)).map(|file| file.sync(work.mark)),
            Op::Truncate { length, .. } => disk.truncate(opened(node), length, wall),
            Op::Allocate {
                at, length, mode, ..
            } => disk.allocate(opened(node), at, length, mode == AllocateMode::Zeroed),
            Op::Lock { file } => {
                let owner = (door, file.0);
                let locks = &mut machines[machine.0].locks;
                match *locks.entry(opened(node)).or_insert(owner) == owner {
                    true => Ok(()),
                    false => Err(Errno::WOULD_BLOCK),
                }
            }
            Op::Rename { from, to } => disk.rename(&from, &to),
            Op::Unlink { path } => disk.unlink(&path),
            Op::CreateDirectory { path } => disk.create_directory(&path),
            Op::RemoveDirectory { path } => disk.remove_directory(&path),
            Op::SyncDirectory { path } => disk.sync_directory(&path, work.mark),
            Op::ListDirectory { path, part } => {
                return disk
                    .list(&path, part)
                    .map_or_else(Outcome::Failed, Outcome::Listed);
            }
            Op::Status { path } => {
                return disk
                    .status(&path)
                    .map_or_else(Outcome::Failed, Outcome::Status);
            }
            Op::Space { .. } => {
                let (total, available) = disk.space();
                return Outcome::Space { total, available };
            }
            _ => unreachable!("not an operation on files"),
        };
        result.map_or_else(Outcome::Failed, |()| Outcome::Done)
    }

    /// The operation was stopped or failed: a write left any part of itself, a sync lost pages,
    /// a change of names happened or not.
    pub(super) fn half_done(&mut self, door: DoorKey, mut work: FileWork, errno: Errno) -> Outcome {
        let machine = self.doors[door.0].machine;
        let node = work.node;
        let Core { rng, machines, .. } = self;
        let disk = &mut machines[machine.0].disk;
        let outcome = match &work.op {
            Op::Write { at, from, .. } => {
                if let Ok(file) = disk.file_mut(node.expect("checked when submitted")) {
                    file.write_torn(*at, &from.concat(), rng);
                }
                Outcome::Failed(errno)
            }
            Op::Sync { .. } => {
                if errno != Errno::CANCELED
                    && let Ok(file) = disk.file_mut(node.expect("checked when submitted"))
                {
                    file.sync_failed(work.mark, rng);
                }
                Outcome::Failed(errno)
            }
            Op::Rename { .. }
            | Op::Unlink { .. }
            | Op::CreateDirectory { .. }
            | Op::RemoveDirectory { .. }
            | Op::Truncate { .. }
                if errno == Errno::CANCELED && rng.flip() =>
            {
                let node = work.node.take();
                let again = FileWork {
                    op: work.op,
                    node,
                    path: work.path,
                    mark: work.mark,
                };
                self.apply(door, again);
                Outcome::Failed(errno)
            }
            _ => refusal(work.op, errno),
        };
        if let Some(node) = node {
            self.machines[machine.0].disk.close(node);
        }
        outcome
    }

    pub(super) fn close_file(&mut self, door: DoorKey, file: u32) {
        let state = &mut self.doors[door.0];
        if let Some(handle) = state.files.remove(&file) {
            let machine = &mut self.machines[state.machine.0];
            machine.disk.close(handle.node);
            if machine.locks.get(&handle.node) == Some(&(door, file)) {
                machine.locks.remove(&handle.node);
            }
        }
    }
}

/// The file or the path an operation is about.
fn target(op: &Op) -> (Option<FileId>, String) {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    match op {
        Op::Read { file, .. }
        | Op::Write { file, .. }
        | Op::Sync { file }
        | Op::Truncate { file, .. }
        | Op::Allocate { file, .. }
        | Op::CloseFile { file }
        | Op::Lock { file } => (Some(*file), String::new()),
        Op::Open { path, .. }
        | Op::Unlink { path }
        | Op::CreateDirectory { path }
        | Op::RemoveDirectory { path }
        | Op::SyncDirectory { path }
        | Op::ListDirectory { path, .. }
        | Op::Status { path }
        | Op::Space { path } => (None, text(path)),
        Op::Rename { to, .. } => (None, text(to)),
        _ => (None, String::new()),
    }
}

/// What a kernel would refuse at once: a write to a file opened for reading, unaligned O_DIRECT.
fn allowed(op: &Op, handle: &Handle) -> Result<(), Errno> {
    let writes = matches!(
        op,
        Op::Write { .. } | Op::Truncate { .. } | Op::Allocate { .. }
    );
    if writes && !handle.write {
        return Err(Errno::BAD_HANDLE);
    }
    if !handle.direct {
        return Ok(());
    }
    let sector = SECTOR as usize;
    let aligned = |bytes: &[u8]| {
        bytes.as_ptr().addr().is_multiple_of(sector) && bytes.len().is_multiple_of(sector)
    };
    let fine = match op {
        Op::Read { at, into, .. } => {
            at.is_multiple_of(SECTOR)
                && into.room().is_multiple_of(sector)
                && (into.filled().as_ptr().addr() + into.len()).is_multiple_of(sector)
        }
        Op::Write { at, from, .. } => {
            at.is_multiple_of(SECTOR) && from.iter().all(|slice| slice.is_empty() || aligned(slice))
        }
        _ => true,
    };
    if fine { Ok(()) } else { Err(Errno::INVALID) }
}

/// The failed outcome of an operation that did nothing.
fn refusal(op: Op, errno: Errno) -> Outcome {
    match op {
        Op::Read { into, .. } => Outcome::Filled {
            into,
            result: Err(errno),
        },
        _ => Outcome::Failed(errno),
    }
}
