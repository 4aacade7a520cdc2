//! Helper threads for what would block a shard: names in file systems, and `Op::Work`.
//!
//! Room:       `io::uring`; one pool per process, shared by its doors.
//! Called by:  `ring`, which hands over jobs and finds the answers in its `Mailbox`.
//! Never:      touches a ring, a file table or a buffer in flight; a job owns all it needs.
//!
//! Threads start when there is a job and nobody free, up to the limit. When there are two or
//! more, one is always kept for what is short: neither a long piece of work nor the deletion of
//! large files (0.1 to 0.5 s of a journal's, on ext4) must hold up a segment's opening. Nor may
//! deletions, which come by the hundred, hold up work while there is a helper more.

use super::mesh::Shared;
use crate::io::op::{Entry, Errno, FileStatus, Job, OpenOptions, Outcome};
use crate::io::{Wake, WallMillis};
use std::collections::VecDeque;
use std::ffi::CString;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What a helper can be asked to do.
pub enum Task {
    Open {
        path: PathBuf,
        options: OpenOptions,
    },
    Truncate {
        file: Arc<OwnedFd>,
        length: u64,
    },
    /// Lets go of a file, which takes long when it was the last holder of a deleted one.
    Close(Arc<OwnedFd>),
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink(PathBuf),
    CreateDirectory(PathBuf),
    RemoveDirectory(PathBuf),
    SyncDirectory(PathBuf),
    ListDirectory(PathBuf, &'static str),
    Status(PathBuf),
    Space(PathBuf),
    Work(Job),
}

/// How long a task may take, and what must not wait for it.
#[derive(Clone, Copy)]
enum Class {
    Short,
    Work,
    Deletion,
}

impl Task {
    fn class(&self) -> Class {
        match self {
            Task::Work(_) => Class::Work,
            Task::Unlink(_) | Task::Close(_) => Class::Deletion,
            _ => Class::Short,
        }
    }
}

/// What a helper answers; an opened file still has to find its place in the door's table.
pub enum Reply {
    Outcome(Outcome),
    Opened {
        file: File,
        length: u64,
        alignment: u32,
        direct: bool,
        inline: bool,
    },
}

/// Where the answers for one door gather.
pub struct Mailbox {
    letters: Mutex<Vec<(u32, Reply)>>,
    full: AtomicBool,
    door: Arc<Shared>,
}

impl Mailbox {
    pub fn new(door: Arc<Shared>) -> Mailbox {
        Mailbox {
            letters: Mutex::new(Vec::new()),
            full: AtomicBool::new(false),
            door,
        }
    }

    fn put(&self, slot: u32, reply: Reply) {
        lock(&self.letters).push((slot, reply));
        self.full.store(true, Ordering::SeqCst);
        self.door.wake();
    }

    /// Moves the answers into `into`, which is empty.
    pub fn take(&self, into: &mut Vec<(u32, Reply)>) {
        if self.full.swap(false, Ordering::SeqCst) {
            std::mem::swap(&mut *lock(&self.letters), into);
        }
    }
}

/// The pool. Dropped with the last door: its threads then finish their job and end.
pub struct Offload {
    pool: Arc<Pool>,
}

struct Pool {
    queues: Mutex<Queues>,
    news: Condvar,
    helpers_max: usize,
}

#[derive(Default)]
struct Queues {
    short: VecDeque<Order>,
    work: VecDeque<Order>,
    deletions: VecDeque<Order>,
    helpers: usize,
    idle: usize,
    /// Helpers busy with work, and with deletions.
    working: usize,
    deleting: usize,
    closed: bool,
}

struct Order {
    slot: u32,
    task: Task,
    mailbox: Arc<Mailbox>,
}

impl Offload {
    pub fn new(helpers_max: usize) -> Offload {
        Offload {
            pool: Arc::new(Pool {
                queues: Mutex::new(Queues::default()),
                news: Condvar::new(),
                helpers_max: helpers_max.max(1),
            }),
        }
    }

    /// Queues a task; its answer will be in `mailbox` under `slot`.
    pub fn submit(&self, slot: u32, task: Task, mailbox: &Arc<Mailbox>) {
        let order = Order {
            slot,
            task,
            mailbox: mailbox.clone(),
        };
        let mut queues = lock(&self.pool.queues);
        queues.push(order);
        if queues.idle > 0 {
            self.pool.news.notify_one();
        } else if queues.helpers < self.pool.helpers_max {
            queues.helpers += 1;
            let pool = self.pool.clone();
            drop(queues);
            let name = "ottla-helper".to_owned();
            let started = std::thread::Builder::new()
                .name(name)
                .spawn(move || pool.help());
            if started.is_err() {
                self.without_a_thread();
            }
        }
    }

    /// No thread could be started. Others will serve the queue; when there are none, we do.
    fn without_a_thread(&self) {
        let mut queues = lock(&self.pool.queues);
        queues.helpers -= 1;
        if queues.helpers == 0 {
            while let Some(order) = queues.next(usize::MAX) {
                drop(queues);
                order.carry_out();
                queues = lock(&self.pool.queues);
            }
        }
    }
}

impl Drop for Offload {
    fn drop(&mut self) {
        lock(&self.pool.queues).closed = true;
        self.pool.news.notify_all();
    }
}

/// A close that waits holds a descriptor: so many wait behind what is short, and no more.
const DELETIONS_WAITING_MAX: usize = 64;

impl Queues {
    fn push(&mut self, order: Order) {
        match order.task.class() {
            Class::Short => self.short.push_back(order),
            Class::Work => self.work.push_back(order),
            Class::Deletion => self.deletions.push_back(order),
        }
    }

    fn next(&mut self, long_max: usize) -> Option<Order> {
        let may_be_long = self.working + self.deleting < long_max;
        let may_delete = may_be_long && self.deleting < long_max.saturating_sub(1).max(1);
        if may_delete && self.deletions.len() > DELETIONS_WAITING_MAX {
            return self.deletions.pop_front();
        }
        if let Some(order) = self.short.pop_front() {
            return Some(order);
        }
        if !may_be_long {
            return None;
        }
        let work = self.work.pop_front();
        work.or_else(|| may_delete.then(|| self.deletions.pop_front()).flatten())
    }

    /// The next task, counted as under way until `end`.
    fn begin(&mut self, long_max: usize) -> Option<Order> {
        let order = self.next(long_max)?;
        if let Some(busy) = self.busy(order.task.class()) {
            *busy += 1;
        }
        Some(order)
    }

    fn end(&mut self, class: Class) {
        if let Some(busy) = self.busy(class) {
            *busy -= 1;
        }
    }

    /// Helpers that are busy with tasks of a class, where they are counted.
    fn busy(&mut self, class: Class) -> Option<&mut usize> {
        match class {
            Class::Short => None,
            Class::Work => Some(&mut self.working),
            Class::Deletion => Some(&mut self.deleting),
        }
    }
}

impl Pool {
    /// The life of one helper.
    fn help(&self) {
        let long_max = self.helpers_max.saturating_sub(1).max(1);
        let mut queues = lock(&self.queues);
        loop {
            if let Some(order) = queues.begin(long_max) {
                let class = order.task.class();
                drop(queues);
                order.carry_out();
                queues = lock(&self.queues);
                queues.end(class);
            } else if queues.closed {
                return;
            } else {
                queues.idle += 1;
                queues = self
                    .news
                    .wait(queues)
                    .unwrap_or_else(PoisonError::into_inner);
                queues.idle -= 1;
            }
        }
    }
}

impl Order {
    fn carry_out(self) {
        let reply = carry_out(self.task).unwrap_or_else(|error| {
            let errno = Errno::from(&error);
            Reply::Outcome(Outcome::Failed(errno))
        });
        self.mailbox.put(self.slot, reply);
    }
}

fn carry_out(task: Task) -> std::io::Result<Reply> {
    let outcome = match task {
        Task::Open { path, options } => return open(&path, options),
        Task::Truncate { file, length } => {
            File::from(file.try_clone()?).set_len(length)?;
            Outcome::Done
        }
        Task::Close(file) => {
            drop(file);
            Outcome::Done
        }
        Task::Rename { from, to } => {
            std::fs::rename(from, to)?;
            Outcome::Done
        }
        Task::Unlink(path) => {
            std::fs::remove_file(path)?;
            Outcome::Done
        }
        Task::CreateDirectory(path) => {
            std::fs::create_dir(path)?;
            Outcome::Done
        }
        Task::RemoveDirectory(path) => {
            std::fs::remove_dir(path)?;
            Outcome::Done
        }
        Task::SyncDirectory(path) => {
            File::open(path)?.sync_all()?;
            Outcome::Done
        }
        Task::ListDirectory(path, part) => Outcome::Listed(list(&path, part)?),
        Task::Status(path) => Outcome::Status(status(&path)?),
        Task::Space(path) => space(&path)?,
        // A panic in a job must not lose its answer; builds that abort never come here.
        Task::Work(job) => match catch_unwind(AssertUnwindSafe(job)) {
            Ok(result) => Outcome::Worked(result),
            Err(_) => Outcome::Failed(Errno::IO),
        },
    };
    Ok(Reply::Outcome(outcome))
}

fn open(path: &Path, options: OpenOptions) -> std::io::Result<Reply> {
    let mut wanted = std::fs::OpenOptions::new();
    wanted
        .read(true)
        .write(options.write)
        .truncate(options.truncate);
    wanted.create(options.create).create_new(options.create_new);
    let mut direct = options.direct;
    let file = if direct {
        match wanted.custom_flags(libc::O_DIRECT).open(path) {
            // This file system has no direct access (or this one no more).
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                direct = false;
                // A refused open may have made the file already.
                wanted
                    .create_new(false)
                    .create(options.create || options.create_new);
                wanted.custom_flags(0).open(path)
            }
            other => other,
        }
    } else {
        wanted.open(path)
    }?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(std::io::Error::from_raw_os_error(libc::EISDIR));
    }
    Ok(Reply::Opened {
        length: metadata.len(),
        alignment: if direct { direct_alignment(&file) } else { 1 },
        direct,
        inline: options.inline,
        file,
    })
}

/// The alignment O_DIRECT asks for, of memory and of places in the file; the larger of both.
fn direct_alignment(file: &File) -> u32 {
    let mut status = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the empty path with AT_EMPTY_PATH names the open file; `status` is ours.
    let result = unsafe {
        libc::statx(
            file.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            STATX_DIOALIGN,
            status.as_mut_ptr(),
        )
    };
    if result != 0 {
        return ALIGNMENT_UNKNOWN;
    }
    // SAFETY: zeroed before, and integers are valid whatever their bits.
    let status = unsafe { status.assume_init() };
    let told = status.stx_mask & STATX_DIOALIGN != 0;
    match status.stx_dio_mem_align.max(status.stx_dio_offset_align) {
        0 => ALIGNMENT_UNKNOWN,
        alignment if told && alignment.is_power_of_two() => alignment,
        _ => ALIGNMENT_UNKNOWN,
    }
}

/// Since Linux 6.1.
const STATX_DIOALIGN: u32 = 0x2000;
/// The page: no file system asks for more.
const ALIGNMENT_UNKNOWN: u32 = 4096;

fn list(path: &Path, part: &str) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        // A name that is not UTF-8 is none of ours.
        if let Ok(name) = entry.file_name().into_string()
            && name.contains(part)
        {
            let is_directory = entry.file_type()?.is_dir();
            entries.push(Entry { name, is_directory });
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn status(path: &Path) -> std::io::Result<FileStatus> {
    let metadata = std::fs::metadata(path)?;
    let modified_ms = metadata
        .mtime()
        .saturating_mul(1000)
        .saturating_add(metadata.mtime_nsec() / 1_000_000);
    Ok(FileStatus {
        length: metadata.len(),
        is_directory: metadata.is_dir(),
        // The kernel counts in sectors of 512 bytes, whatever the disk's own.
        allocated: metadata.blocks() * 512,
        modified: WallMillis(modified_ms),
    })
}

fn space(path: &Path) -> std::io::Result<Outcome> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut answer = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `path` ends with a zero and `answer` is ours; both live through the call.
    let result = unsafe { libc::statvfs(path.as_ptr(), answer.as_mut_ptr()) };
    if result != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: zeroed before, and integers are valid whatever their bits.
    let answer = unsafe { answer.assume_init() };
    Ok(Outcome::Space {
        total: answer.f_blocks.saturating_mul(answer.f_frsize),
        available: answer.f_bavail.saturating_mul(answer.f_frsize),
    })
}

/// A lock that goes on after a panic elsewhere: what it guards is whole between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a pool of three would do one after the other, none of it ending, by slot.
    fn begun(queues: &mut Queues) -> Vec<u32> {
        std::iter::from_fn(|| queues.begin(2))
            .map(|order| order.slot)
            .collect()
    }

    fn queues(tasks: Vec<Task>) -> Queues {
        let ports = crate::io::uring::mesh::connect(1, 1).unwrap();
        let mailbox = Arc::new(Mailbox::new(ports[0].shared().clone()));
        let mut queues = Queues::default();
        for (slot, task) in (0..).zip(tasks) {
            queues.push(Order {
                slot,
                task,
                mailbox: mailbox.clone(),
            });
        }
        queues
    }

    #[test]
    fn deletions_leave_helpers_for_work_and_for_what_is_short() {
        let unlink = || Task::Unlink(PathBuf::from("/none"));
        let status = || Task::Status(PathBuf::from("/none"));
        let mut queues = queues(vec![unlink(), unlink(), unlink(), status()]);
        assert_eq!(begun(&mut queues), [3, 0]);
        queues.end(Class::Deletion);
        assert_eq!(begun(&mut queues), [1]);
    }

    /// Goal: what is short does not keep closes waiting without end, each with its descriptor.
    #[test]
    fn closes_are_not_starved_by_what_is_short() {
        let unlink = || Task::Unlink(PathBuf::from("/none"));
        let status = || Task::Status(PathBuf::from("/none"));
        let waiting = DELETIONS_WAITING_MAX as u32 + 2;
        let mut tasks: Vec<Task> = (0..waiting).map(|_| unlink()).collect();
        tasks.extend((0..5).map(|_| status()));
        let mut queues = queues(tasks);
        for slot in 0..2 {
            assert_eq!(queues.begin(2).map(|order| order.slot), Some(slot));
            queues.end(Class::Deletion);
        }
        // As many as may wait: what is short comes first again.
        assert_eq!(queues.begin(2).map(|order| order.slot), Some(waiting));
    }
}
