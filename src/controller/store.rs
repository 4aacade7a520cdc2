//! The metadata log on disk: `__cluster_metadata-0`, in Kafka's record batches.
//!
//! Room:       `controller`.
//! Called by:  `Controller`.
//! Calls:      `runtime` for the door, `metadata_file` for the bytes.
//! Never:      decides what is committed: an append is, once it returns.
//!
//! Always true:
//!   - a batch is one change: all its records or none survive a crash.
//!   - after a failed write nothing is appended any more; a full disk only refuses, for it must
//!     be possible to delete a topic on it: ballast of its own makes room for that.
//!   - the newest snapshot holds everything below its offset; older files are removed after it is
//!     durable, so every start reads one snapshot and what came after.
//!
//! ```text
//!   00000000000000000000.log                     0: leader change, then changes
//!   00000000000000004711-0000000001.checkpoint   header, all records below 4711, footer
//!   00000000000000004711.log                     changes from 4711 on
//! ```
//!
//! One write is under way at a time, so only the last batch can be torn by a crash. What cannot be
//! read and has a whole batch behind it is damage, and the start is refused with its place.

use super::metadata_file::{self, EPOCH, Read};
use crate::io::{Errno, OpenOptions, Slice};
use crate::protocol::records::metadata::MetadataRecord;
use crate::protocol::{DecodeError, EncodeError};
use crate::runtime::ballast::Ballast;
use crate::runtime::{File, Runtime};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// The topic the metadata log is in Kafka's eyes.
pub const TOPIC: &str = "__cluster_metadata";

/// The folder of the metadata log in its log dir, as Kafka names it.
pub const FOLDER: &str = "__cluster_metadata-0";

/// The bound of one file of metadata: far above what a broker can hold in memory anyway.
const FILE_BYTES_MAX: usize = 1 << 30;

/// Room for some thousand changes, most of them deletions, on a full disk.
const BALLAST_BYTES: u64 = 1 << 20;

/// How often a disk without room for the ballast is looked at again.
const REGAIN_PAUSE: Duration = Duration::from_secs(10);

pub struct Store {
    runtime: Runtime,
    folder: PathBuf,
    file: RefCell<Option<Rc<File>>>,
    next_offset: Cell<i64>,
    /// Bytes in the active file.
    position: Cell<u64>,
    snapshot_bytes: Cell<u64>,
    failed: Cell<Option<Errno>>,
    ballast: Rc<Ballast>,
    /// A task is taking the ballast.
    is_regaining: Rc<Cell<bool>>,
}

/// Why the metadata log cannot be used.
#[derive(Debug)]
pub enum StoreError {
    Disk {
        path: PathBuf,
        errno: Errno,
    },
    /// A whole batch with the right checksum holds what we don't understand.
    Record {
        path: PathBuf,
        offset: i64,
        cause: DecodeError,
    },
    /// Damage before the end of a file.
    Damaged {
        path: PathBuf,
        position: usize,
    },
    /// A file that must be there is not: changes from this offset on are missing.
    Missing {
        path: PathBuf,
        offset: i64,
    },
    Encode(EncodeError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { path, errno } => write!(f, "{}: {}", path.display(), errno.told()),
            Self::Record {
                path,
                offset,
                cause,
            } => write!(
                f,
                "{}: the metadata record at offset {offset} is unknown here ({cause}); start the \
                 version that wrote it",
                path.display()
            ),
            Self::Damaged { path, position } => write!(
                f,
                "{}: damaged at byte {position}; restore the file from a copy",
                path.display()
            ),
            Self::Missing { path, offset } => write!(
                f,
                "{}: starts behind offset {offset}, so changes are missing; restore the folder \
                 from a copy",
                path.display()
            ),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

/// A file of the folder, by its name.
enum Name {
    Log { base: i64 },
    Snapshot { end: i64 },
    Leftover,
    Foreign,
}

impl Store {
    /// Reads everything into `apply` (offset, record), cuts a torn end, and is ready to append.
    ///
    /// # Errors
    /// Damage anywhere but at the end, records of a newer version, and whatever the disk says.
    pub async fn open(
        runtime: &Runtime,
        dir: &Path,
        node: i32,
        mut apply: impl FnMut(i64, &MetadataRecord<'_>),
    ) -> Result<Store, StoreError> {
        let store = Store {
            runtime: runtime.clone(),
            folder: dir.join(FOLDER),
            file: RefCell::new(None),
            next_offset: Cell::new(0),
            position: Cell::new(0),
            snapshot_bytes: Cell::new(0),
            failed: Cell::new(None),
            ballast: Rc::new(Ballast::new(runtime, dir, "metadata", BALLAST_BYTES)),
            is_regaining: Rc::default(),
        };
        let made = runtime.create_directory(&store.folder).await;
        made.map_err(|errno| disk(&store.folder, errno))?;
        let synced = runtime.sync_directory(dir).await;
        synced.map_err(|errno| disk(dir, errno))?;
        let (snapshot, logs) = store.files().await?;
        if let Some(end) = snapshot {
            store.read_snapshot(end, &mut apply).await?;
        }
        for (place, base) in logs.iter().enumerate() {
            let is_last = place + 1 == logs.len();
            store.read_log(*base, is_last, &mut apply).await?;
        }
        let base = logs.last().copied().unwrap_or(store.next_offset.get());
        store.open_active(base).await?;
        store.sync_active(base).await?;
        if snapshot.is_none() && store.next_offset.get() == 0 {
            store.begin(node).await?;
        }
        store.regain();
        Ok(store)
    }

    /// The newest snapshot and the log files that continue it; what they replace is removed.
    async fn files(&self) -> Result<(Option<i64>, Vec<i64>), StoreError> {
        let listed = self.runtime.list_directory(&self.folder).await;
        let listed = listed.map_err(|errno| disk(&self.folder, errno))?;
        let names: Vec<_> = listed.iter().map(|entry| entry.name.as_str()).collect();
        let snapshot = names.iter().filter_map(|name| match Name::parse(name) {
            Name::Snapshot { end } => Some(end),
            _ => None,
        });
        let snapshot = snapshot.max();
        let mut logs = Vec::new();
        for name in names {
            let is_old = match Name::parse(name) {
                Name::Log { base } if base >= snapshot.unwrap_or(0) => {
                    logs.push(base);
                    false
                }
                Name::Snapshot { end } => Some(end) != snapshot,
                Name::Log { .. } | Name::Leftover => true,
                Name::Foreign => false,
            };
            if is_old {
                self.unlink(name).await?;
            }
        }
        logs.sort_unstable();
        Ok((snapshot, logs))
    }

    async fn read_snapshot(
        &self,
        end: i64,
        apply: &mut impl FnMut(i64, &MetadataRecord<'_>),
    ) -> Result<(), StoreError> {
        let path = self.folder.join(snapshot_name(end));
        let bytes = self.read_file(&path).await?;
        let read = metadata_file::read(&bytes, 0, |_, record| apply(end - 1, record));
        let read = read.map_err(|wrong| wrong.in_file(&path))?;
        if read.position < bytes.len() || !read.is_whole_snapshot {
            let position = read.position;
            return Err(StoreError::Damaged { path, position });
        }
        self.next_offset.set(end);
        self.snapshot_bytes.set(bytes.len() as u64);
        Ok(())
    }

    async fn read_log(
        &self,
        base: i64,
        is_last: bool,
        apply: &mut impl FnMut(i64, &MetadataRecord<'_>),
    ) -> Result<(), StoreError> {
        let path = self.folder.join(log_name(base));
        if base != self.next_offset.get() {
            let offset = self.next_offset.get();
            return Err(StoreError::Missing { path, offset });
        }
        let bytes = self.read_file(&path).await?;
        let read = metadata_file::read(&bytes, base, &mut *apply);
        let Read {
            next_offset,
            position,
            ..
        } = read.map_err(|wrong| wrong.in_file(&path))?;
        self.next_offset.set(next_offset);
        self.position.set(position as u64);
        if position == bytes.len() {
            return Ok(());
        }
        if !is_last || metadata_file::has_batch(&bytes[position..], next_offset) {
            return Err(StoreError::Damaged { path, position });
        }
        tracing::warn!(
            file = %path.display(), position, bytes = bytes.len() - position,
            "the metadata log ended in a change that was never committed; cut off"
        );
        self.cut(&path, position as u64)
            .await
            .map_err(|errno| disk(&path, errno))
    }

    async fn cut(&self, path: &Path, length: u64) -> Result<(), Errno> {
        let options = OpenOptions {
            write: true,
            ..OpenOptions::default()
        };
        let file = self.runtime.open(path, options).await?;
        file.truncate(length).await?;
        file.sync().await
    }

    /// The first batch of a new log, as Kafka's: who leads the quorum.
    async fn begin(&self, node: i32) -> Result<(), StoreError> {
        let bytes = metadata_file::leader_change(node, 0, self.runtime.wall().0);
        self.write(bytes.map_err(StoreError::Encode)?, 1).await
    }

    /// Offset of the last record, -1 before the first.
    pub fn last_offset(&self) -> i64 {
        self.next_offset.get() - 1
    }

    /// Bytes in the active file: how much a start would have to replay behind the snapshot.
    pub fn active_bytes(&self) -> u64 {
        self.position.get()
    }

    /// Bytes of the snapshot in force, 0 without one.
    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshot_bytes.get()
    }

    /// Commits records as one change; returns the offset of the last.
    ///
    /// # Errors
    /// When it is not known to be durable; nothing is appended after that.
    pub async fn append(
        &self,
        records: &[MetadataRecord<'_>],
        timestamp: i64,
    ) -> Result<i64, StoreError> {
        let bytes = metadata_file::batch(records, self.next_offset.get(), timestamp);
        let count = records.len() as i64;
        self.write(bytes.map_err(StoreError::Encode)?, count)
            .await?;
        Ok(self.last_offset())
    }

    async fn write(&self, bytes: Vec<u8>, count: i64) -> Result<(), StoreError> {
        self.check()?;
        let length = bytes.len() as u64;
        let file = self.file.borrow().clone().expect("opened by `open`");
        let bytes = Slice::from(bytes);
        loop {
            let position = self.position.get();
            let refused = match file.write(position, vec![bytes.clone()], true).await {
                Ok(()) => break,
                Err(errno) => disk(&self.folder, errno),
            };
            if !is_full(&refused) {
                return Err(self.fail(refused));
            }
            // The part of it that found room goes: the next change begins there.
            let cut = file.truncate(position).await;
            cut.map_err(|errno| self.fail(disk(&self.folder, errno)))?;
            self.make_room(refused).await?;
        }
        self.position.set(self.position.get() + length);
        self.next_offset.set(self.next_offset.get() + count);
        Ok(())
    }

    /// Gives up ballast; when there is none left, the change is refused.
    async fn make_room(&self, refused: StoreError) -> Result<(), StoreError> {
        let made = self.ballast.give_up().await;
        self.regain();
        if made { Ok(()) } else { Err(refused) }
    }

    /// Takes the ballast as soon as there is space for it.
    fn regain(&self) {
        if self.is_regaining.replace(true) {
            return;
        }
        let (runtime, ballast) = (self.runtime.clone(), self.ballast.clone());
        let is_regaining = self.is_regaining.clone();
        self.runtime.spawn(async move {
            while let Err(Errno::NO_SPACE | Errno::QUOTA) = ballast.take().await {
                runtime.sleep(REGAIN_PAUSE).await;
            }
            is_regaining.set(false);
        });
    }

    /// The disk failed under the metadata log: nothing is appended any more.
    pub fn failed(&self) -> Option<Errno> {
        self.failed.get()
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.failed.get() {
            Some(errno) => Err(disk(&self.folder, errno)),
            None => Ok(()),
        }
    }

    /// Whatever the disk holds now, nothing is put behind it.
    fn fail(&self, error: StoreError) -> StoreError {
        if let StoreError::Disk { errno, .. } = &error {
            self.failed.set(Some(*errno));
        }
        error
    }

    /// Writes the whole image as a snapshot, starts a new file behind it, removes what is older.
    ///
    /// # Errors
    /// As `append`.
    pub async fn snapshot(
        &self,
        records: &[MetadataRecord<'_>],
        timestamp: i64,
    ) -> Result<(), StoreError> {
        self.check()?;
        let end = self.next_offset.get();
        let bytes = metadata_file::snapshot(records, timestamp).map_err(StoreError::Encode)?;
        let length = bytes.len() as u64;
        let path = self.folder.join(snapshot_name(end));
        while let Err(errno) = self.runtime.replace_file(&path, bytes.clone()).await {
            let refused = disk(&path, errno);
            if !is_full(&refused) {
                return Err(self.fail(refused));
            }
            self.make_room(refused).await?;
        }
        self.snapshot_bytes.set(length);
        self.position.set(0);
        let opened = self.open_active(end).await;
        opened.map_err(|error| self.fail(error))?;
        self.files()
            .await
            .map(|_| ())
            .map_err(|error| self.fail(error))
    }

    async fn open_active(&self, base: i64) -> Result<(), StoreError> {
        let path = self.folder.join(log_name(base));
        let options = OpenOptions {
            write: true,
            create: true,
            ..OpenOptions::default()
        };
        let file = self.runtime.open(&path, options).await;
        let file = file.map_err(|errno| disk(&path, errno))?;
        let synced = self.runtime.sync_directory(&self.folder).await;
        synced.map_err(|errno| disk(&self.folder, errno))?;
        *self.file.borrow_mut() = Some(Rc::new(file));
        Ok(())
    }

    /// What a killed broker was writing may be readable and not durable: it must not be lost from
    /// before the next change, whose write makes only itself durable.
    async fn sync_active(&self, base: i64) -> Result<(), StoreError> {
        let file = self.file.borrow().clone().expect("opened a moment ago");
        let synced = file.sync().await;
        synced.map_err(|errno| disk(&self.folder.join(log_name(base)), errno))
    }

    async fn read_file(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        let read = self.runtime.read_file(path, FILE_BYTES_MAX).await;
        read.map_err(|errno| disk(path, errno))
    }

    async fn unlink(&self, name: &str) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        let gone = self.runtime.unlink(&path).await;
        gone.map_err(|errno| disk(&path, errno))
    }
}

fn is_full(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Disk {
            errno: Errno::NO_SPACE | Errno::QUOTA,
            ..
        }
    )
}

fn disk(path: &Path, errno: Errno) -> StoreError {
    let path = path.to_owned();
    StoreError::Disk { path, errno }
}

impl Name {
    fn parse(name: &str) -> Name {
        let Some((stem, kind)) = name.split_once('.') else {
            return Name::Foreign;
        };
        let (digits, epoch) = stem.split_at(stem.len().min(20));
        match (digits.parse::<i64>(), kind) {
            (Ok(base), "log") if epoch.is_empty() => Name::Log { base },
            (Ok(end), "checkpoint") if !epoch.is_empty() => Name::Snapshot { end },
            (Ok(_), "checkpoint.tmp") => Name::Leftover,
            _ => Name::Foreign,
        }
    }
}

fn log_name(base: i64) -> String {
    format!("{base:020}.log")
}

/// As Kafka's: the offset behind the last change in it, and the epoch.
fn snapshot_name(end: i64) -> String {
    format!("{end:020}-{EPOCH:010}.checkpoint")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::records::metadata::RegisterBrokerRecord;
    use crate::sim::clock::MICROSECOND;
    use crate::sim::{MachineId, Seeds, World};

    const DIR: &str = "/data";

    /// Opens the log and counts its records; then appends a change, as far as it gets in `span`.
    fn life(world: &World, machine: MachineId, span: u64) -> (usize, Runtime) {
        let runtime = Runtime::new(world.door(machine));
        let inner = runtime.clone();
        let (store, count) = runtime.block_on(async move {
            let mut count = 0;
            let opened = Store::open(&inner, Path::new(DIR), 1, |_, _| count += 1).await;
            (opened.expect("no disk was damaged"), count)
        });
        let inner = runtime.clone();
        runtime.block_on(async move {
            inner.spawn(async move {
                let record = |_| MetadataRecord::RegisterBroker(RegisterBrokerRecord::default());
                let records: Vec<_> = (0..40).map(record).collect();
                let _ = store.append(&records, 1).await;
            });
            inner.sleep(Duration::from_nanos(span)).await;
        });
        (count, runtime)
    }

    /// Goal: a change that was on its way at a kill is there for good once a start has read it,
    /// so that the one behind it never stands behind a hole.
    #[test]
    fn what_a_kill_left_readable_is_made_durable() {
        let mut most = 0;
        for seed in Seeds::from_env(60) {
            let world = World::new(seed);
            let machine = world.machine();
            world.make_directory(machine, DIR);
            let mut before = 0;
            for round in 0..6 {
                let span = world.below(600) * MICROSECOND;
                let (count, _process) = life(&world, machine, span);
                assert!(count >= before, "a change is gone");
                match round % 2 {
                    0 => world.kill(machine),
                    _ => world.power_cut(machine),
                }
                before = count;
                most = most.max(count);
            }
        }
        assert!(most > 40, "changes get through: {most}");
    }
}
