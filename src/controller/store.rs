//! The metadata log on disk: `__cluster_metadata-0`, in Kafka's record batches.
//!
//! Room:       `controller`.
//! Called by:  `Controller`.
//! Calls:      `runtime` for the door, `protocol::record_batch`.
//! Never:      decides what is committed: an append is, once it returns.
//!
//! Always true:
//!   - a batch is one change: all its records or none survive a crash.
//!   - after a failed write nothing is appended any more.
//!   - the newest snapshot holds everything below its offset; older files are removed after it is
//!     durable, so every start reads one snapshot and what came after.

use crate::io::{Errno, OpenOptions, Slice};
use crate::protocol::record_batch::{Batch, BatchBuilder, BatchOptions, Records};
use crate::protocol::records::metadata::MetadataRecord;
use crate::protocol::{DecodeError, EncodeError};
use crate::runtime::{File, Runtime};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder of the metadata log in its log dir, as Kafka names it.
pub const FOLDER: &str = "__cluster_metadata-0";

/// The bound of one file of metadata: far above what a broker can hold in memory anyway.
const FILE_BYTES_MAX: usize = 1 << 30;

pub struct Store {
    runtime: Runtime,
    folder: PathBuf,
    file: RefCell<Option<std::rc::Rc<File>>>,
    base_offset: Cell<i64>,
    next_offset: Cell<i64>,
    position: Cell<u64>,
    failed: Cell<Option<Errno>>,
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
    Encode(EncodeError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { path, errno } => write!(f, "{}: {errno}", path.display()),
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
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

impl Store {
    /// Reads everything into `apply` (offset, record), cuts a torn end, and is ready to append.
    pub async fn open(
        runtime: &Runtime,
        dir: &Path,
        mut apply: impl FnMut(i64, &MetadataRecord<'_>),
    ) -> Result<Store, StoreError> {
        let folder = dir.join(FOLDER);
        let disk = |path: &Path| {
            let path = path.to_owned();
            move |errno| StoreError::Disk { path, errno }
        };
        runtime
            .create_directory(&folder)
            .await
            .map_err(disk(&folder))?;
        runtime.sync_directory(dir).await.map_err(disk(dir))?;
        let entries = runtime
            .list_directory(&folder)
            .await
            .map_err(disk(&folder))?;
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let mut next_offset = 0;
        let snapshot = names.iter().rfind(|name| name.ends_with(SNAPSHOT));
        if let Some(name) = snapshot {
            let path = folder.join(name);
            let bytes = runtime
                .read_file(&path, FILE_BYTES_MAX)
                .await
                .map_err(disk(&path))?;
            let read = replay(&bytes, &path, &mut apply)?;
            if read.position < bytes.len() {
                return Err(StoreError::Damaged {
                    path,
                    position: read.position,
                });
            }
            next_offset = offset_in(name);
        }
        let mut base_offset = next_offset;
        let mut position = 0;
        for name in names.iter().filter(|name| name.ends_with(LOG)) {
            if offset_in(name) < base_offset {
                continue;
            }
            base_offset = offset_in(name);
            let path = folder.join(name);
            let bytes = runtime
                .read_file(&path, FILE_BYTES_MAX)
                .await
                .map_err(disk(&path))?;
            let read = replay(&bytes, &path, &mut apply)?;
            next_offset = next_offset.max(read.next_offset);
            position = read.position as u64;
            if read.position < bytes.len() {
                tracing::warn!(
                    file = %path.display(), position, bytes = bytes.len() - read.position,
                    "the metadata log ended in a change that was never committed; cut off"
                );
                let options = OpenOptions {
                    write: true,
                    ..OpenOptions::default()
                };
                let file = runtime.open(&path, options).await.map_err(disk(&path))?;
                file.truncate(position).await.map_err(disk(&path))?;
                file.sync().await.map_err(disk(&path))?;
            }
        }
        let store = Store {
            runtime: runtime.clone(),
            folder,
            file: RefCell::new(None),
            base_offset: Cell::new(base_offset),
            next_offset: Cell::new(next_offset),
            position: Cell::new(position),
            failed: Cell::new(None),
        };
        store.open_active().await?;
        Ok(store)
    }

    /// Offset of the last record, -1 before the first.
    pub fn last_offset(&self) -> i64 {
        self.next_offset.get() - 1
    }

    /// Bytes in the active file: how much a start would have to replay.
    pub fn active_bytes(&self) -> u64 {
        self.position.get()
    }

    /// Commits records as one change; returns the offset of the last.
    pub async fn append(
        &self,
        records: &[MetadataRecord<'_>],
        timestamp: i64,
    ) -> Result<i64, StoreError> {
        if let Some(errno) = self.failed.get() {
            return Err(StoreError::Disk {
                path: self.folder.clone(),
                errno,
            });
        }
        let base_offset = self.next_offset.get();
        let bytes = batch(records, base_offset, timestamp)?;
        let length = bytes.len() as u64;
        let file = self.file.borrow().clone().expect("opened by `open`");
        let written = file
            .write(self.position.get(), vec![Slice::from(bytes)], true)
            .await;
        if let Err(errno) = written {
            self.failed.set(Some(errno));
            return Err(StoreError::Disk {
                path: self.folder.clone(),
                errno,
            });
        }
        self.position.set(self.position.get() + length);
        self.next_offset.set(base_offset + records.len() as i64);
        Ok(self.last_offset())
    }

    /// Writes the whole image as a snapshot, starts a new file behind it, removes what is older.
    pub async fn snapshot(
        &self,
        records: &[MetadataRecord<'_>],
        timestamp: i64,
    ) -> Result<(), StoreError> {
        let next_offset = self.next_offset.get();
        let mut bytes = Vec::new();
        let mut offset = 0;
        for records in records.chunks(RECORDS_PER_SNAPSHOT_BATCH) {
            bytes.extend(batch(records, offset, timestamp)?);
            offset += records.len() as i64;
        }
        let path = self
            .folder
            .join(format!("{next_offset:020}-{EPOCH:010}{SNAPSHOT}"));
        let disk = |errno| StoreError::Disk {
            path: path.clone(),
            errno,
        };
        self.runtime
            .replace_file(&path, bytes)
            .await
            .map_err(disk)?;
        self.base_offset.set(next_offset);
        self.position.set(0);
        self.open_active().await?;
        let entries = self
            .runtime
            .list_directory(&self.folder)
            .await
            .map_err(disk)?;
        for entry in entries {
            let old = entry.name.ends_with(SNAPSHOT) || entry.name.ends_with(LOG);
            if old && offset_in(&entry.name) < next_offset {
                self.runtime
                    .unlink(&self.folder.join(&entry.name))
                    .await
                    .map_err(disk)?;
            }
        }
        Ok(())
    }

    async fn open_active(&self) -> Result<(), StoreError> {
        let path = self
            .folder
            .join(format!("{:020}{LOG}", self.base_offset.get()));
        let disk = |errno| StoreError::Disk {
            path: path.clone(),
            errno,
        };
        let options = OpenOptions {
            write: true,
            create: true,
            ..OpenOptions::default()
        };
        let file = self.runtime.open(&path, options).await.map_err(disk)?;
        self.runtime
            .sync_directory(&self.folder)
            .await
            .map_err(disk)?;
        *self.file.borrow_mut() = Some(std::rc::Rc::new(file));
        Ok(())
    }
}

/// The epoch of the quorum of one.
const EPOCH: i32 = 1;

const LOG: &str = ".log";
const SNAPSHOT: &str = ".checkpoint";

/// A snapshot's batches stay small enough to be read in pieces by Kafka's tools.
const RECORDS_PER_SNAPSHOT_BATCH: usize = 1024;

/// How far a file was understood.
struct Replayed {
    next_offset: i64,
    position: usize,
}

/// Applies whole batches until the end, or until one that is torn.
fn replay(
    bytes: &[u8],
    path: &Path,
    apply: &mut impl FnMut(i64, &MetadataRecord<'_>),
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed {
        next_offset: 0,
        position: 0,
    };
    while let Ok(batch) = Batch::parse(&bytes[replayed.position..]) {
        if !batch.crc_is_valid() {
            break;
        }
        if !batch.header.attributes.is_control() {
            for (record, offset) in Records::of(&batch).zip(batch.header.base_offset..) {
                let damaged = || StoreError::Damaged {
                    path: path.to_owned(),
                    position: replayed.position,
                };
                let value = record.map_err(|_| damaged())?.value.ok_or_else(damaged)?;
                let record = MetadataRecord::decode(value).map_err(|cause| StoreError::Record {
                    path: path.to_owned(),
                    offset,
                    cause,
                })?;
                apply(offset, &record);
            }
        }
        replayed.next_offset = batch.header.next_offset();
        replayed.position += batch.bytes.len();
    }
    Ok(replayed)
}

fn batch(
    records: &[MetadataRecord<'_>],
    base_offset: i64,
    timestamp: i64,
) -> Result<Vec<u8>, StoreError> {
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset,
        ..BatchOptions::default()
    });
    let mut value = Vec::new();
    for record in records {
        value.clear();
        record
            .encode(&mut value, record_version(record))
            .map_err(StoreError::Encode)?;
        builder.append(timestamp, None, Some(&value), &[]);
    }
    let mut bytes = builder.finish();
    crate::protocol::record_batch::patch_leader_epoch(&mut bytes, EPOCH);
    Ok(bytes)
}

/// The version each record type is written in: the newest stable one.
fn record_version(record: &MetadataRecord<'_>) -> i16 {
    record.max_version()
}

/// The offset a file name starts with.
fn offset_in(name: &str) -> i64 {
    name.get(..20)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}
