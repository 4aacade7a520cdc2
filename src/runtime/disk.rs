//! Files as tasks see them.
//!
//! Room:       `runtime`.
//! Called by:  `journal`, `log`, `metadata`'s store.
//! Never:      retries a failed write or sync; the caller decides what is poisoned.

use super::Runtime;
use crate::io::{
    AllocateMode, Buffer, Entry, Errno, FileId, FileStatus, Op, OpenOptions, Outcome, Slice,
};
use std::path::Path;

/// An open file; closed when dropped.
pub struct File {
    runtime: Runtime,
    id: FileId,
    /// Length when it was opened; writes do not update it.
    pub length_at_open: u64,
    /// O_DIRECT alignment of offsets, lengths and memory; 1 when not direct.
    pub alignment: u32,
    pub direct: bool,
}

pub type FileError = Errno;

/// The answer of an operation that says only done or failed.
fn done(outcome: Outcome) -> Result<(), Errno> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Failed(errno) => Err(errno),
        _ => unreachable!("this operation completes with `Done`"),
    }
}

impl Runtime {
    pub async fn open(&self, path: &Path, options: OpenOptions) -> Result<File, Errno> {
        match self
            .operation(Op::Open {
                path: path.to_owned(),
                options,
            })
            .await
        {
            Outcome::Opened {
                file,
                length,
                alignment,
                direct,
            } => Ok(File {
                runtime: self.clone(),
                id: file,
                length_at_open: length,
                alignment,
                direct,
            }),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("an open completes with `Opened`"),
        }
    }

    /// The whole content of a small file, refused with EFBIG above `limit` bytes.
    pub async fn read_file(&self, path: &Path, limit: usize) -> Result<Vec<u8>, Errno> {
        let file = self.open(path, OpenOptions::default()).await?;
        if file.length_at_open > limit as u64 {
            return Err(Errno(libc::EFBIG));
        }
        let mut content = Vec::with_capacity(file.length_at_open as usize);
        loop {
            let (buffer, result) = file
                .read(content.len() as u64, Buffer::with_room(64 << 10))
                .await;
            if result? == 0 {
                return Ok(content);
            }
            content.extend_from_slice(buffer.filled());
            if content.len() > limit {
                return Err(Errno(libc::EFBIG));
            }
        }
    }

    /// Replaces a small file so that after a crash the old or the new content is there, whole:
    /// temporary file, sync, rename, sync of the directory.
    pub async fn replace_file(&self, path: &Path, content: Vec<u8>) -> Result<(), Errno> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        self.replace_file_by(path, Path::new(&name), content).await
    }

    /// As `replace_file`, with a temporary file of its own where several threads replace one file.
    pub async fn replace_file_by(
        &self,
        path: &Path,
        temporary: &Path,
        content: Vec<u8>,
    ) -> Result<(), Errno> {
        let options = OpenOptions {
            write: true,
            create: true,
            truncate: true,
            ..OpenOptions::default()
        };
        let file = self.open(temporary, options).await?;
        file.write(0, vec![Slice::from(content)], false).await?;
        file.sync().await?;
        drop(file);
        self.rename(temporary, path).await?;
        self.sync_directory(path.parent().unwrap_or(Path::new(".")))
            .await
    }

    pub async fn rename(&self, from: &Path, to: &Path) -> Result<(), Errno> {
        done(
            self.operation(Op::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            })
            .await,
        )
    }

    /// Removes a file; fine when it is not there.
    pub async fn unlink_if_there(&self, path: &Path) -> Result<(), Errno> {
        match self.unlink(path).await {
            Err(Errno::NO_ENTRY) => Ok(()),
            done => done,
        }
    }

    pub async fn unlink(&self, path: &Path) -> Result<(), Errno> {
        done(
            self.operation(Op::Unlink {
                path: path.to_owned(),
            })
            .await,
        )
    }

    /// Fine when it is there already.
    pub async fn create_directory(&self, path: &Path) -> Result<(), Errno> {
        match done(
            self.operation(Op::CreateDirectory {
                path: path.to_owned(),
            })
            .await,
        ) {
            Err(Errno::EXISTS) => Ok(()),
            other => other,
        }
    }

    pub async fn remove_directory(&self, path: &Path) -> Result<(), Errno> {
        done(
            self.operation(Op::RemoveDirectory {
                path: path.to_owned(),
            })
            .await,
        )
    }

    /// Removes a folder and the files in it.
    pub async fn remove_folder(&self, path: &Path) -> Result<(), Errno> {
        for entry in self.list_directory(path).await? {
            self.unlink(&path.join(entry.name)).await?;
        }
        self.remove_directory(path).await
    }

    pub async fn sync_directory(&self, path: &Path) -> Result<(), Errno> {
        done(
            self.operation(Op::SyncDirectory {
                path: path.to_owned(),
            })
            .await,
        )
    }

    /// Sorted by name.
    pub async fn list_directory(&self, path: &Path) -> Result<Vec<Entry>, Errno> {
        self.list_named(path, "").await
    }

    /// Those whose names have `part` in them. A log dir has a folder for each of its partitions,
    /// and most who look there want one of a few files.
    pub async fn list_named(&self, path: &Path, part: &'static str) -> Result<Vec<Entry>, Errno> {
        match self
            .operation(Op::ListDirectory {
                path: path.to_owned(),
                part,
            })
            .await
        {
            Outcome::Listed(entries) => Ok(entries),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("a listing completes with `Listed`"),
        }
    }

    pub async fn status(&self, path: &Path) -> Result<FileStatus, Errno> {
        match self
            .operation(Op::Status {
                path: path.to_owned(),
            })
            .await
        {
            Outcome::Status(status) => Ok(status),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("a status completes with `Status`"),
        }
    }

    /// Total and available bytes of the file system that holds `path`.
    pub async fn space(&self, path: &Path) -> Result<(u64, u64), Errno> {
        match self
            .operation(Op::Space {
                path: path.to_owned(),
            })
            .await
        {
            Outcome::Space { total, available } => Ok((total, available)),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("a space query completes with `Space`"),
        }
    }
}

impl File {
    /// One read into the room of `into`; fewer bytes than the room only at the end of the file.
    pub async fn read(&self, at: u64, into: Buffer) -> (Buffer, Result<usize, Errno>) {
        match self
            .runtime
            .operation(Op::Read {
                file: self.id,
                at,
                into,
            })
            .await
        {
            Outcome::Filled { into, result } => (into, result),
            Outcome::Failed(errno) => (Buffer::with_room(1), Err(errno)),
            _ => unreachable!("a read completes with `Filled`"),
        }
    }

    /// Writes all of `from` at `at`. `durable`: it survives power loss when this returns.
    pub async fn write(&self, at: u64, from: Vec<Slice>, durable: bool) -> Result<(), Errno> {
        done(
            self.runtime
                .operation(Op::Write {
                    file: self.id,
                    at,
                    from,
                    durable,
                })
                .await,
        )
    }

    /// fdatasync: all writes completed before this call survive power loss.
    pub async fn sync(&self) -> Result<(), Errno> {
        done(self.runtime.operation(Op::Sync { file: self.id }).await)
    }

    pub async fn truncate(&self, length: u64) -> Result<(), Errno> {
        done(
            self.runtime
                .operation(Op::Truncate {
                    file: self.id,
                    length,
                })
                .await,
        )
    }

    pub async fn allocate(&self, at: u64, length: u64, mode: AllocateMode) -> Result<(), Errno> {
        done(
            self.runtime
                .operation(Op::Allocate {
                    file: self.id,
                    at,
                    length,
                    mode,
                })
                .await,
        )
    }

    /// Exclusive, dies with the process; EWOULDBLOCK when another process has it.
    pub async fn lock(&self) -> Result<(), Errno> {
        done(self.runtime.operation(Op::Lock { file: self.id }).await)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.runtime
            .submit_detached(Op::CloseFile { file: self.id });
    }
}
