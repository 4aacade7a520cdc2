//! What the process asks of the system beside the ring: signals as a file, CPUs, clocks, entropy,
//! writes that need no ring, memory that is not needed any more.
//!
//! Room:       `io::uring`.
//! Called by:  `main` (`block_signals`), `ring`, `start`; tools that end with a signal
//!             (`wait_for_signal`).
//! Never:      installs a signal handler: a handler runs anywhere, a file is read in its turn.

use crate::io::Slice;
use crate::io::op::Errno;
use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Blocks SIGTERM and SIGINT for this thread and those it starts later, so that they reach
/// `Op::Signals` and nothing else. To be called first in `main`, before any thread exists.
pub fn block_signals() {
    let set = termination_signals();
    // SAFETY: `set` is initialised and lives through the call; the old mask is not asked for.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
    assert_eq!(result, 0, "SIG_BLOCK is a valid request");
}

/// Waits, on a thread of its own, for one of the signals that `block_signals` blocked.
pub fn wait_for_signal() {
    let set = termination_signals();
    let mut signal = 0;
    // SAFETY: both are initialised and live through the call.
    let result = unsafe { libc::sigwait(&set, &mut signal) };
    assert_eq!(result, 0, "the set holds valid signals");
}

/// Raises the soft limit of open files to the hard one.
pub fn raise_file_limit() -> Result<(), Errno> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a whole rlimit that the call fills in.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Err(Errno::last());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is initialised and only read.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
        return Err(Errno::last());
    }
    Ok(())
}

/// Writes all of `from` at `at`, on this thread.
pub fn write_all_at(file: &OwnedFd, at: u64, from: &[Slice]) -> Result<(), Errno> {
    let mut at = at;
    for slice in from {
        let mut left = &slice[..];
        while !left.is_empty() {
            let place = i64::try_from(at).map_err(|_| Errno::INVALID)?;
            let (bytes, length) = (left.as_ptr().cast(), left.len());
            // SAFETY: `bytes` points to `length` bytes that `from` keeps alive and unchanged
            // through the call; the descriptor is open as long as `file` is.
            match unsafe { libc::pwrite(file.as_raw_fd(), bytes, length, place) } {
                written if written > 0 => {
                    at += written as u64;
                    left = &left[written as usize..];
                }
                0 => return Err(Errno::IO),
                _ if Errno::last() == Errno(libc::EINTR) => {}
                _ => return Err(Errno::last()),
            }
        }
    }
    Ok(())
}

/// Has small pieces of freed memory joined as they come. Else glibc keeps them in lists ("fast
/// bins") and joins all of them when a large piece is freed or asked for, in one step of whoever
/// does that (`perf/groups.md`).
#[cfg(target_env = "gnu")]
pub fn join_freed_at_once() {
    // SAFETY: the call takes no pointer and changes how memory is freed from now on.
    let result = unsafe { libc::mallopt(libc::M_MXFAST, 0) };
    assert_eq!(result, 1, "0 is a valid size");
}

/// Other allocators are not asked.
#[cfg(not(target_env = "gnu"))]
pub fn join_freed_at_once() {}

/// Gives memory that was freed back to the kernel: glibc keeps most of it for later, and a start
/// with many partitions frees far more than a broker that serves will ask for again. Takes some
/// milliseconds for 100 MB, during which others may wait for memory.
#[cfg(target_env = "gnu")]
pub fn give_back_freed() {
    // SAFETY: the call takes no pointer, moves nothing that is in use, and locks each arena.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators are not asked.
#[cfg(not(target_env = "gnu"))]
pub fn give_back_freed() {}

fn termination_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset writes the whole set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the line above.
    let mut set: libc::sigset_t = unsafe { set.assume_init() };
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: the set is initialised and the signal number is a constant of this system.
        unsafe { libc::sigaddset(&mut set, signal) };
    }
    set
}

/// SIGTERM and SIGINT as a file; reading never blocks.
pub fn open_signals() -> Result<File, Errno> {
    let set = termination_signals();
    // SAFETY: -1 asks for a new descriptor; `set` lives through the call.
    let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
    if fd < 0 {
        return Err(Errno::last());
    }
    // SAFETY: a descriptor the kernel has just made for us, owned by nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    Ok(File::from(fd))
}

/// The next signal waiting in `signals`, if any.
pub fn read_signal(signals: &mut File) -> Option<i32> {
    let mut record = [0u8; size_of::<libc::signalfd_siginfo>()];
    match signals.read(&mut record) {
        // The number is the first field, in the machine's byte order.
        Ok(count) if count == record.len() => {
            let number = u32::from_ne_bytes([record[0], record[1], record[2], record[3]]);
            i32::try_from(number).ok()
        }
        _ => None,
    }
}

/// The CPUs a thread may run on.
#[derive(Clone, Copy)]
pub struct CpuSet(libc::cpu_set_t);

impl CpuSet {
    pub fn of_this_thread() -> CpuSet {
        let mut set = CpuSet::empty();
        let size = size_of::<libc::cpu_set_t>();
        // SAFETY: the set is ours, of the size given; 0 names the calling thread.
        let result = unsafe { libc::sched_getaffinity(0, size, &mut set.0) };
        if result != 0 {
            return CpuSet::empty();
        }
        set
    }

    fn empty() -> CpuSet {
        // SAFETY: a cpu_set_t is an array of integers, for which all zeros are valid.
        CpuSet(unsafe { std::mem::zeroed() })
    }

    fn holds(&self, cpu: usize) -> bool {
        // SAFETY: reads a bit of the set; `cpu` is below its size, see the callers.
        unsafe { libc::CPU_ISSET(cpu, &self.0) }
    }

    pub fn count(&self) -> usize {
        (0..CPUS_MAX).filter(|cpu| self.holds(*cpu)).count()
    }

    /// These CPUs without those of `other`; `None` when nothing would be left or taken away.
    pub fn without(&self, other: &CpuSet) -> Option<CpuSet> {
        let mut rest = CpuSet::empty();
        for cpu in 0..CPUS_MAX {
            if self.holds(cpu) && !other.holds(cpu) {
                // SAFETY: writes a bit of our set; `cpu` is below its size.
                unsafe { libc::CPU_SET(cpu, &mut rest.0) };
            }
        }
        (rest.count() > 0 && rest.count() < self.count()).then_some(rest)
    }

    pub fn as_libc(&self) -> &libc::cpu_set_t {
        &self.0
    }
}

const CPUS_MAX: usize = size_of::<libc::cpu_set_t>() * 8;

/// Asks the scheduler for short slices for this thread, so that it gets its CPU soon after a
/// completion wakes it, although something else is running there. The thread is pinned: it cannot
/// go to an idle CPU instead. It gets no more CPU time than before, and no real-time class.
///
/// The slice of a fair task is its share at a time (Linux 6.12; older kernels refuse or ignore
/// it). Measured at 1,000 records/s on 2 busy cores: woken within 0.1 ms at the 99.9th percentile,
/// where it had been a tick of the scheduler, 4 ms, at the 99th.
pub fn ask_for_short_slices() {
    let attributes = SchedAttributes {
        size: size_of::<SchedAttributes>() as u32,
        nice: nice_of_this_thread(),
        runtime: SLICE_NS,
        ..SchedAttributes::default()
    };
    // SAFETY: the kernel reads `size` bytes of `attributes`; 0 names the calling thread.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &attributes, 0) };
}

fn nice_of_this_thread() -> i32 {
    // SAFETY: takes plain numbers; 0 names the calling thread.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// The shortest slice the kernel grants.
const SLICE_NS: u64 = 100_000;

/// `struct sched_attr` in its first size (sched_setattr(2)).
#[repr(C)]
#[derive(Default)]
struct SchedAttributes {
    size: u32,
    /// 0: SCHED_OTHER.
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// Nanoseconds of `clock` (`libc::CLOCK_…`).
pub fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is ours and lives through the call.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(result, 0, "both clocks we ask for exist on every Linux");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// 64 bits of the kernel's randomness, to seed a generator.
pub fn entropy() -> u64 {
    let mut bytes = [0u8; 8];
    // SAFETY: the array is ours, of the length given.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    assert_eq!(count, 8, "getrandom fills requests of up to 256 bytes");
    u64::from_ne_bytes(bytes)
}

impl Errno {
    /// The calling thread's last error.
    pub(super) fn last() -> Errno {
        Errno::from(&std::io::Error::last_os_error())
    }
}

impl From<&std::io::Error> for Errno {
    /// The number behind a standard error; EIO for those that have none.
    fn from(error: &std::io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_move_forward_and_entropy_differs() {
        let first = clock_ns(libc::CLOCK_MONOTONIC);
        assert!(clock_ns(libc::CLOCK_MONOTONIC) >= first);
        assert!(clock_ns(libc::CLOCK_REALTIME) > 1_600_000_000_000_000_000);
        assert_ne!(entropy(), entropy());
    }

    #[test]
    fn a_set_without_itself_has_nothing_left() {
        let all = CpuSet::of_this_thread();
        assert!(all.count() > 0);
        assert!(all.without(&all).is_none());
        assert!(all.without(&CpuSet::empty()).is_none());
    }
}
