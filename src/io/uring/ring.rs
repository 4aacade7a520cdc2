//! One thread's ring: takes operations, turns.
//!
//! Room:       `io::uring`.
//! Called by:  `runtime`, as `dyn Io`, on the thread that opened it.
//! Calls:      everything beside it; the kernel through one `io_uring_enter` per turn (two when
//!             it looks before it sleeps).
//! Never:      leaves its thread; waits anywhere but in `turn`.
//!
//! Always true:
//!   - an entry is pushed only for a slot that owns what the entry points to.
//!   - entries reach the kernel in the order in which they were pushed.
//!   - when `drop` returns, the kernel holds no slot.

use super::durables::Durables;
use super::in_flight::{Holder, InFlight};
use super::mesh::{Port, Shared};
use super::offload::{Mailbox, Offload, Reply};
use super::probe::{self, Features, OpenError};
use super::provided::Provided;
use super::registered::Handles;
use super::system::{self, CpuSet, clock_ns};
use super::{Profile, RingSeed, Settings};
use crate::io::op::*;
use crate::io::{Instant, Io, Waker, WallMillis};
use io_uring::types::{self, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode, squeue};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// The opener. Fields drop from top to bottom: the ring goes before what it has pointed to.
pub struct Ring {
    pub(super) uring: IoUring,
    pub(super) in_flight: InFlight,
    pub(super) handles: Handles,
    /// `None` on kernels without multishot receive.
    pub(super) provided: Option<Provided>,
    /// Receives that wait for a provided buffer, in order.
    pub(super) starved: VecDeque<u32>,
    /// Entries that found the submission queue full.
    backlog: VecDeque<squeue::Entry>,
    /// Completions known before the next turn.
    pub(super) ready: Vec<Completion>,
    pub(super) port: Port,
    pub(super) inbox: Option<Token>,
    shared: Arc<Shared>,
    pub(super) offload: Arc<Offload>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) letters: Vec<(u32, Reply)>,
    /// Completions copied out of the queue: slot or special number, result, flags.
    pub(super) reaped: Vec<(u64, i32, u32)>,
    pub(super) features: Features,
    pub(super) settings: Settings,
    /// State of the random generator.
    random: u64,
    /// Whether looking before sleeping has been worth it lately, and how often it was not.
    looking_pays: bool,
    looked_in_vain: u32,
    pub(super) durables: Durables,
    /// The kernel binds a ring to its thread.
    _not_send: PhantomData<*const ()>,
}

/// Numbers of completions that belong to no slot.
pub(super) const EVENT: u64 = u64::MAX;
/// A peer has woken us; nothing else is in it.
pub(super) const WAKE: u64 = u64::MAX - 1;
/// The answer to a cancellation; the cancelled operation answers for itself.
pub(super) const IGNORE: u64 = u64::MAX - 2;
/// Plus the peer: a wake that could not be delivered.
pub(super) const WAKE_FAILED: u64 = 1 << 40;

/// Looks in vain before looking stops.
const LOOKS_IN_VAIN_MAX: u32 = 3;

impl Ring {
    pub(super) fn open(seed: RingSeed) -> Result<Ring, OpenError> {
        let RingSeed {
            settings,
            port,
            offload,
            cpus,
        } = seed;
        let (uring, mut features) = probe::open(&settings)?;
        // Before the ring's kernel threads exist: they inherit it.
        system::ask_for_short_slices();
        limit_kernel_workers(&uring, &settings, &cpus);
        let shared = port.shared().clone();
        let provided = if features.multishot_receive {
            let (count, bytes) = (settings.receive_buffers, settings.receive_buffer_bytes);
            Provided::new(&uring, count, bytes, shared.clone()).ok()
        } else {
            None
        };
        // Without its buffers there is no multishot receive, whatever the kernel knows.
        features.multishot_receive = provided.is_some();
        let handles = Handles::new(&uring, settings.registered_files_max);
        shared.set_ring(uring.as_raw_fd());
        let mut ring = Ring {
            in_flight: InFlight::new(settings.receive_buffer_bytes as usize),
            handles,
            provided,
            starved: VecDeque::new(),
            backlog: VecDeque::new(),
            ready: Vec::new(),
            port,
            inbox: None,
            mailbox: Arc::new(Mailbox::new(shared.clone())),
            shared,
            offload,
            letters: Vec::new(),
            reaped: Vec::new(),
            features,
            settings,
            random: system::entropy(),
            looking_pays: true,
            looked_in_vain: 0,
            durables: Durables::new(),
            uring,
            _not_send: PhantomData,
        };
        ring.watch_event();
        Ok(ring)
    }

    /// The number other doors post to.
    pub fn id(&self) -> PeerId {
        self.port.id()
    }

    /// Polls the eventfd that threads without a ring write to. Edge-triggered where it goes on by
    /// itself, so that it need not be read.
    pub(super) fn watch_event(&mut self) {
        let multi = self.features.coop_taskrun;
        if !multi {
            self.shared.quiet_the_bell();
        }
        let edge = if multi { libc::EPOLLET as u32 } else { 0 };
        let entry = opcode::PollAdd::new(
            types::Fd(self.shared.event_fd()),
            libc::POLLIN as u32 | edge,
        )
        .multi(multi);
        self.push(entry.build().user_data(EVENT));
    }

    /// Hands an entry to the submission queue, behind all earlier ones.
    pub(super) fn push(&mut self, entry: squeue::Entry) {
        if self.backlog.is_empty() && self.push_now(&entry) {
            return;
        }
        self.backlog.push_back(entry);
        self.push_backlog();
    }

    fn push_now(&mut self, entry: &squeue::Entry) -> bool {
        let mut queue = self.uring.submission();
        // SAFETY: the kernel reads and writes what the entry points to until its completion.
        // - Owner: it belongs to the slot named by the entry, in `in_flight`; only the final
        //   completion takes it out (`complete`). Entries without a slot point to nothing.
        // - Address: states keep it on the heap, so neither the slab nor a state that moves
        //   changes it.
        // - Drop: `Drop for Ring` cancels every slot and waits for its completion.
        // Broken on purpose in `conformance::drop_under_load`.
        unsafe { queue.push(entry) }.is_ok()
    }

    fn push_backlog(&mut self) {
        while let Some(entry) = self.backlog.pop_front() {
            if self.push_now(&entry) {
                continue;
            }
            // The queue is full: let the kernel take what is in it.
            self.enter(0, None);
            if !self.push_now(&entry) {
                self.backlog.push_front(entry);
                return;
            }
        }
    }

    /// Submits the next entry of a slot.
    pub(super) fn push_slot(&mut self, slot: u32) {
        let entry = self.in_flight.entry(slot);
        self.push(entry);
    }

    /// Wakes the peers that sleep although we have posted to them or made room for them.
    fn wake_peers(&mut self) {
        let mut wakes: smallvec::SmallVec<[(PeerId, RawFd); 8]> = smallvec::SmallVec::new();
        self.port.wake_posted(|peer, ring| wakes.push((peer, ring)));
        for (peer, ring) in wakes {
            if ring < 0 || !self.features.msg_ring {
                self.port.wake_by_event(peer);
                continue;
            }
            let entry = opcode::MsgRingData::new(types::Fd(ring), 0, WAKE, None).build();
            let entry = entry.flags(squeue::Flags::SKIP_SUCCESS);
            self.push(entry.user_data(WAKE_FAILED + u64::from(peer.0)));
        }
    }

    /// Whether a completion lies in the queue.
    fn has_completions(&mut self) -> bool {
        !self.uring.completion().is_empty()
    }

    /// Whether somebody outside of the ring has something for us.
    fn has_news(&self) -> bool {
        let returned = || self.provided.as_ref().is_some_and(Provided::has_returned);
        self.shared.is_woken()
            || self.port.has_news(self.inbox.is_some())
            || (!self.starved.is_empty() && returned())
    }

    /// Looks for a completion or news for a while. Answers whether the turn is over with that.
    fn look(&mut self, deadline: Option<Instant>) -> bool {
        let window = match self.settings.profile {
            Profile::Park => return false,
            Profile::SpinThenPark(_) if !self.looking_pays => return false,
            Profile::SpinThenPark(window) => window,
            Profile::Spin => Duration::MAX,
        };
        let mut end = self.now().plus(window);
        if let Some(until) = self.durables.look_until() {
            end = end.min(until);
        }
        loop {
            self.enter_if_useful();
            if self.has_completions() {
                self.looked_in_vain = 0;
                return true;
            }
            if self.has_news() {
                self.looked_in_vain = 0;
                self.shared.unpark();
                return true;
            }
            let now = self.now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                return true;
            }
            if now >= end {
                break;
            }
            std::hint::spin_loop();
        }
        self.looked_in_vain += 1;
        self.looking_pays = self.looked_in_vain < LOOKS_IN_VAIN_MAX;
        false
    }

    /// Sleeps in the kernel until a completion, a wake or the deadline.
    fn sleep(&mut self, deadline: Option<Instant>) {
        let before = self.now();
        let timeout = deadline.map(|deadline| deadline.since(before));
        self.shared.park();
        if timeout == Some(Duration::ZERO) || self.has_news() {
            self.enter(0, None);
            self.shared.unpark();
            return;
        }
        self.enter(1, timeout);
        self.shared.unpark();
        if let (Profile::SpinThenPark(window), false) = (self.settings.profile, self.looking_pays) {
            // A sleep so short would have been better spent looking.
            let slept = self.now().since(before);
            if slept < window * 2 && self.has_completions() {
                self.looking_pays = true;
                self.looked_in_vain = 0;
            }
        }
    }

    /// Enters without waiting, unless there is nothing to submit, to run or to flush: a door that
    /// looks, or is busy with parcels, then makes no system call at all.
    fn enter_if_useful(&mut self) {
        let queue = self.uring.submission();
        let pending = !queue.is_empty() || queue.taskrun() || queue.cq_overflow();
        drop(queue);
        if pending || !self.features.taskrun_flag {
            self.enter(0, None);
        }
    }

    /// One system call: submits what is queued, runs pending completions, waits for `wanted`.
    pub(super) fn enter(&mut self, wanted: u32, timeout: Option<Duration>) {
        let queued = self.uring.submission().len() as u32;
        let mut flags = ENTER_GETEVENTS;
        if wanted > 0 && self.features.no_iowait {
            flags |= ENTER_NO_IOWAIT;
        }
        let submitter = self.uring.submitter();
        let result = match timeout {
            Some(timeout) => {
                let span = Timespec::from(timeout);
                let args = SubmitArgs::new().timespec(&span);
                // SAFETY: the queued entries were justified when pushed; with EXT_ARG the kernel
                // reads `args` and the time it points to, both alive through the call.
                unsafe { submitter.enter(queued, wanted, flags | ENTER_EXT_ARG, Some(&args)) }
            }
            // SAFETY: the queued entries were justified when pushed; no argument is passed.
            None => unsafe { submitter.enter::<libc::sigset_t>(queued, wanted, flags, None) },
        };
        if let Err(error) = result {
            match error.raw_os_error() {
                // Time is up, a signal, or the completions must be taken out first: the caller
                // reaps, and what was not submitted is submitted with the next turn.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => {}
                _ => panic!("io_uring_enter refuses a well-formed call: {error}"),
            }
        }
    }
}

const ENTER_GETEVENTS: u32 = 1;
const ENTER_EXT_ARG: u32 = 1 << 3;
/// Since Linux 6.15.
const ENTER_NO_IOWAIT: u32 = 1 << 7;

/// Caps the kernel's worker threads and keeps them off the CPU this thread is pinned to. Neither
/// is needed to run: a kernel or a container that refuses is left alone.
fn limit_kernel_workers(uring: &IoUring, settings: &Settings, all: &CpuSet) {
    let mut most = [settings.kernel_workers; 2];
    let _ = uring.submitter().register_iowq_max_workers(&mut most);
    if let Some(others) = all.without(&CpuSet::of_this_thread()) {
        let _ = uring.submitter().register_iowq_aff(others.as_libc());
    }
}

impl Io for Ring {
    fn submit(&mut self, token: Token, op: Op) {
        self.begin(token, op);
    }

    fn turn(&mut self, until: Option<Instant>, done: &mut Vec<Completion>) {
        let before = done.len();
        self.push_backlog();
        self.gather(done);
        self.wake_peers();
        if done.len() > before || self.has_completions() {
            self.enter_if_useful();
        } else if !self.look(until) {
            self.sleep(until);
        }
        self.reap(done);
        self.gather(done);
    }

    fn now(&self) -> Instant {
        Instant(clock_ns(libc::CLOCK_MONOTONIC))
    }

    fn wall(&self) -> WallMillis {
        let ms = clock_ns(libc::CLOCK_REALTIME) / 1_000_000;
        WallMillis(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    fn random(&mut self) -> u64 {
        // SplitMix64: every state is a good one, and no key or secret is drawn from it.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn waker(&self) -> Waker {
        Waker(self.shared.clone())
    }

    fn describe(&self) -> String {
        let provided = match self.provided.as_ref().map(Provided::describe) {
            Some((count, bytes)) => format!("receive buffers {count} x {} KiB", bytes / 1024),
            None => "no provided buffers".to_owned(),
        };
        let registered = self.handles.registered_max();
        let profile = match self.settings.profile {
            Profile::Park => "park".to_owned(),
            Profile::SpinThenPark(window) => format!("spin {} us then park", window.as_micros()),
            Profile::Spin => "spin".to_owned(),
        };
        let features = self.features;
        format!("io_uring ({features}; registered files {registered}; {provided}; {profile})")
    }
}

impl Drop for Ring {
    /// Calls everything back and waits for the last completion, so that no slot outlives its
    /// bytes. What the kernel cannot call back (a write at the disk) is waited for.
    fn drop(&mut self) {
        for slot in self.in_flight.held_by(Holder::Kernel) {
            self.cancel_slot(slot);
        }
        while !self.in_flight.held_by(Holder::Kernel).is_empty() {
            self.drain();
        }
        // Bytes of zero-copy sends are let go when their sockets are reset.
        let lingering = self.in_flight.held_by(Holder::Lingering);
        if !lingering.is_empty() {
            self.handles.reset_sockets(&self.uring);
        }
        for _ in 0..LINGER_DRAINS_MAX {
            if self.in_flight.held_by(Holder::Lingering).is_empty() {
                return;
            }
            self.drain();
        }
        // A device that never lets go: the bytes are given up, not reused.
        for slot in self.in_flight.held_by(Holder::Lingering) {
            std::mem::forget(self.in_flight.release(slot));
        }
    }
}

impl Ring {
    /// Takes completions out on the way to the end; nobody hears of them.
    fn drain(&mut self) {
        self.push_backlog();
        self.enter(1, Some(DRAIN));
        self.reap(&mut Vec::new());
    }
}

const DRAIN: Duration = Duration::from_millis(50);
/// One second in all.
const LINGER_DRAINS_MAX: usize = 20;
