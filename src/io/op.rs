//! What can be asked of the outside, and how it answers.
//!
//! Room:       `io`.
//! Called by:  `runtime` (building operations), every opener (carrying them out).
//! Never:      carries borrowed memory: buffers are owned, shared slices, or the door's own.
//!
//! Always true:
//!   - a new kind of I/O is a new variant here, and the compiler lists who must learn it.
//!   - the variant of an `Outcome` follows from the variant of its `Op`, given beside each.

use super::buffer::{Buffer, Slice};
use std::any::Any;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Names one operation in flight; chosen by the submitter, unique among those in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// An open file of this door. Never reused while an operation on it is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// An open socket (listening or connected) of this door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u32);

/// Another door of the same process (a shard, the control shard), numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u16);

/// A Linux error number (`libc::E…`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

/// What travels between doors: routing and ownership, never copied record bytes.
pub type Parcel = Box<dyn Any + Send>;

/// A job for the worker pool: CPU work that cannot be sliced. Returns its result.
pub type Job = Box<dyn FnOnce() -> Parcel + Send>;

/// Where to listen or connect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// How to open a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    pub write: bool,
    pub create: bool,
    /// Fail with EEXIST when it is there.
    pub create_new: bool,
    pub truncate: bool,
    /// O_DIRECT: offsets, lengths and memory aligned to the `alignment` of the outcome. A file
    /// system that refuses it is opened without, and the outcome says so.
    pub direct: bool,
    /// Writes are made by the thread itself when they are submitted: for few bytes that only go
    /// into the page cache, where handing them to somebody else would take longer.
    pub inline: bool,
}

/// How to take space for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocateMode {
    /// Reserve blocks beyond the end, length unchanged (FALLOC_FL_KEEP_SIZE).
    KeepSize,
    /// Written zeros: blocks that take a durable write without a metadata change. The opener uses
    /// FALLOC_FL_WRITE_ZEROES where the kernel has it and writes zeros otherwise.
    Zeroed,
}

/// How a socket is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownHow {
    Write,
    Both,
}

/// One operation. Slices and buffers in it belong to the door until its last completion.
pub enum Op {
    // ── sockets ──
    /// → `Listening`. TCP with SO_REUSEADDR; a stale Unix socket file nobody answers is replaced.
    Listen { address: Address, backlog: u32 },
    /// Multishot. → `Accepted`, more to come until cancelled or failed. TCP_NODELAY is set.
    Accept { listener: SocketId },
    /// → `Connected`.
    Connect { address: Address },
    /// Multishot into the door's own provided buffers. → `Received`; an empty slice is the end of
    /// the stream (and the last completion). Ends with ENOBUFS when no provided buffer is free:
    /// submit again; the opener holds it until buffers return.
    Receive { socket: SocketId },
    /// One receive into the free room of `into`; appends at least one byte unless the stream ended.
    /// → `Filled`.
    ReceiveInto { socket: SocketId, into: Buffer },
    /// Sends all of `from`, in order, or fails. At most one in flight per socket. → `Sent`.
    Send { socket: SocketId, from: Vec<Slice> },
    /// → `Done`.
    Shutdown { socket: SocketId, how: ShutdownHow },
    /// Cancels what is in flight on it, closes it. → `Done`.
    CloseSocket { socket: SocketId },
    /// Takes the socket out of this door so that another can `Attach` it; nothing may be in
    /// flight on it. → `Detached`.
    Detach { socket: SocketId },
    /// → `Connected`.
    Attach { socket: DetachedSocket },

    // ── files ──
    /// → `Opened`.
    Open { path: PathBuf, options: OpenOptions },
    /// One read into the free room of `into`. → `Filled`; fewer bytes only at the end of the file.
    Read { file: FileId, at: u64, into: Buffer },
    /// Writes all of `from`, contiguously at `at`, or fails (short writes are resumed inside).
    /// `durable`: it survives power loss when it completes (RWF_DSYNC). → `Done`.
    Write {
        file: FileId,
        at: u64,
        from: Vec<Slice>,
        durable: bool,
    },
    /// fdatasync. → `Done`.
    Sync { file: FileId },
    /// ftruncate. → `Done`.
    Truncate { file: FileId, length: u64 },
    /// Slow class. → `Done`.
    Allocate {
        file: FileId,
        at: u64,
        length: u64,
        mode: AllocateMode,
    },
    /// → `Done`.
    CloseFile { file: FileId },
    /// Takes an exclusive advisory lock (flock) that dies with the process; EWOULDBLOCK when
    /// another process has it. → `Done`.
    Lock { file: FileId },
    /// Slow class. → `Done`.
    Rename { from: PathBuf, to: PathBuf },
    /// Slow class. → `Done`.
    Unlink { path: PathBuf },
    /// EEXIST when it is there. → `Done`.
    CreateDirectory { path: PathBuf },
    /// Must be empty. → `Done`.
    RemoveDirectory { path: PathBuf },
    /// fsync of a directory: names made, renamed or removed in it survive power loss. → `Done`.
    SyncDirectory { path: PathBuf },
    /// Those whose names have `part` in them, sorted by name. → `Listed`.
    ListDirectory { path: PathBuf, part: &'static str },
    /// → `Status`.
    Status { path: PathBuf },
    /// → `Space`: of the file system that holds `path`.
    Space { path: PathBuf },

    // ── between threads ──
    /// Delivers `parcel` to another door, in order per pair. → `Done` when it has left; it waits
    /// inside (in order) while the ring to that peer is full.
    Post { to: PeerId, parcel: Parcel },
    /// Multishot: the inbox of this door. → `Arrived`, in order per sender; never ends by itself.
    Inbox,
    /// → `Worked`.
    Work { job: Job },
    /// Multishot: SIGTERM and SIGINT, once per process on the door that asks. → `Signalled`.
    Signals,
    /// Asks the operation `target` to end early; it completes with ECANCELED unless it was done
    /// already. → `Done` (also when there was nothing to cancel).
    Cancel { target: Token },
}

/// A socket between two doors.
pub struct DetachedSocket(pub Parcel);

/// What came of an operation; see the arrows in `Op`.
pub enum Outcome {
    Done,
    Listening {
        socket: SocketId,
        address: Address,
    },
    Accepted {
        socket: SocketId,
        peer: Address,
    },
    Connected {
        socket: SocketId,
    },
    Received(Slice),
    /// The buffer handed back, longer by what was read. Also handed back on failure.
    Filled {
        into: Buffer,
        result: Result<usize, Errno>,
    },
    Sent,
    Detached(DetachedSocket),
    Opened {
        file: FileId,
        length: u64,
        alignment: u32,
        direct: bool,
    },
    Listed(Vec<Entry>),
    Status(FileStatus),
    Space {
        total: u64,
        available: u64,
    },
    Arrived {
        from: PeerId,
        parcel: Parcel,
    },
    Worked(Parcel),
    Signalled(i32),
    Failed(Errno),
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_directory: bool,
}

/// What `Op::Status` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus {
    pub length: u64,
    pub is_directory: bool,
    /// Bytes of disk taken.
    pub allocated: u64,
    pub modified: super::clock::WallMillis,
}

/// One answer to one operation.
pub struct Completion {
    pub token: Token,
    pub outcome: Outcome,
    /// The operation goes on: further completions with this token will come.
    pub more: bool,
}

impl Completion {
    /// The only or the final answer to an operation.
    pub fn last(token: Token, outcome: Outcome) -> Completion {
        Completion {
            token,
            outcome,
            more: false,
        }
    }

    /// An answer that others will follow.
    pub fn more(token: Token, outcome: Outcome) -> Completion {
        Completion {
            token,
            outcome,
            more: true,
        }
    }
}

impl Errno {
    pub const NO_ENTRY: Errno = Errno(libc::ENOENT);
    pub const EXISTS: Errno = Errno(libc::EEXIST);
    pub const IO: Errno = Errno(libc::EIO);
    pub const NO_SPACE: Errno = Errno(libc::ENOSPC);
    pub const NO_BUFFERS: Errno = Errno(libc::ENOBUFS);
    pub const CANCELED: Errno = Errno(libc::ECANCELED);
    pub const WOULD_BLOCK: Errno = Errno(libc::EWOULDBLOCK);
    pub const ADDRESS_IN_USE: Errno = Errno(libc::EADDRINUSE);
    pub const BROKEN_PIPE: Errno = Errno(libc::EPIPE);
    pub const RESET: Errno = Errno(libc::ECONNRESET);
    pub const INVALID: Errno = Errno(libc::EINVAL);
    pub const BAD_HANDLE: Errno = Errno(libc::EBADF);
    pub const TOO_MANY_FILES: Errno = Errno(libc::EMFILE);
    pub const QUOTA: Errno = Errno(libc::EDQUOT);
    pub const NOT_SUPPORTED: Errno = Errno(libc::EOPNOTSUPP);
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The standard library knows the texts of the operating system.
        write!(f, "{}", std::io::Error::from_raw_os_error(self.0))
    }
}

impl Errno {
    /// What who runs the broker can do about it, whatever was being done.
    pub fn remedy(self) -> Option<&'static str> {
        match self.0 {
            libc::ENOSPC | libc::EDQUOT => Some("make room on this disk"),
            libc::EMFILE | libc::ENFILE => Some("raise the limit of open files (ulimit -n)"),
            _ => None,
        }
    }

    /// As text, with its remedy.
    pub fn told(self) -> String {
        match self.remedy() {
            Some(remedy) => format!("{self}; {remedy}"),
            None => self.to_string(),
        }
    }
}

impl std::fmt::Debug for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Errno({})", self.0)
    }
}

impl std::error::Error for Errno {}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Tcp(address) => write!(f, "{address}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
