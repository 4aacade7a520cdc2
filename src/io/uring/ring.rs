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

use super::in_flight::{Allocation, Holder, InFlight, State, Step};
use super::mesh::{Port, Shared};
use super::offload::{Mailbox, Offload, Reply, Task};
use super::probe::{self, Features, OpenError};
use super::provided::Provided;
use super::registered::{Handles, Kind, Target};
use super::socket::{self, SocketAddress};
use super::system::{self, CpuSet, clock_ns};
use super::{Profile, RingSeed, Settings};
use crate::io::op::*;
use crate::io::{Buffer, Instant, Io, Slice, Waker, WallMillis};
use io_uring::types::{self, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode, squeue};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
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
    settings: Settings,
    /// State of the random generator.
    random: u64,
    /// Whether looking before sleeping has been worth it lately, and how often it was not.
    looking_pays: bool,
    looked_in_vain: u32,
    /// Durable writes under way: their completion may need this very CPU.
    pub(super) durable_writes: usize,
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

/// With a durable write under way a dedicated core sleeps after this long: its completion can
/// need a kernel thread on this CPU, and starve behind us. Twice a write's usual 140 µs.
const LOOK_BESIDE_DURABLE: Duration = Duration::from_micros(280);
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
        let (uring, features) = probe::open(&settings)?;
        limit_kernel_workers(&uring, &settings, &cpus);
        let shared = port.shared().clone();
        let provided = if features.multishot_receive {
            let (count, bytes) = (settings.receive_buffers, settings.receive_buffer_bytes);
            Provided::new(&uring, count, bytes, shared.clone()).ok()
        } else {
            None
        };
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
            durable_writes: 0,
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
    fn push(&mut self, entry: squeue::Entry) {
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

    /// Starts an operation on an open file or socket.
    fn start(&mut self, token: Token, id: u32, state: State) {
        match self.handles.use_by(id, self.in_flight.next_slot()) {
            Ok(target) => {
                let slot = self.in_flight.hold(token, target, state, Holder::Kernel);
                self.push_slot(slot);
            }
            Err(errno) => self
                .ready
                .push(Completion::last(token, refusal(state, errno))),
        }
    }

    fn start_accept(&mut self, token: Token, id: u32) {
        let unix = match self.kind_of(id) {
            Ok(Kind::Listener { unix }) => unix.is_some(),
            Ok(_) => return self.fail(token, Errno::INVALID),
            Err(errno) => return self.fail(token, errno),
        };
        let multishot = self.features.multishot_accept;
        self.start(token, id, State::Accept { multishot, unix });
    }

    fn start_connect(&mut self, token: Token, address: &Address) {
        let socket_address = match SocketAddress::of(address) {
            Ok(socket_address) => Box::new(socket_address),
            Err(errno) => return self.fail(token, errno),
        };
        match socket::stream_for(&socket_address) {
            Ok(socket) => {
                let target = Target::raw(socket.as_raw_fd());
                let state = State::Connect {
                    socket: Some(socket),
                    address: socket_address,
                    unix: matches!(address, Address::Unix(_)),
                };
                let slot = self.in_flight.hold(token, target, state, Holder::Kernel);
                self.push_slot(slot);
            }
            Err(errno) => self.fail(token, errno),
        }
    }

    fn start_receive(&mut self, token: Token, id: u32) {
        let Some(provided) = &mut self.provided else {
            // Replaced by one with room when the entry is made.
            let single = Some(Buffer::with_room(0));
            return self.start(token, id, State::Receive { single });
        };
        if self.starved.is_empty() && provided.available() > 0 {
            return self.start(token, id, State::Receive { single: None });
        }
        match self.handles.use_by(id, self.in_flight.next_slot()) {
            Ok(target) => {
                let state = State::Receive { single: None };
                let slot = self.in_flight.hold(token, target, state, Holder::Starved);
                self.starved.push_back(slot);
                provided.set_starved(true);
            }
            Err(errno) => self.fail(token, errno),
        }
    }

    fn start_send(&mut self, token: Token, id: u32, from: Vec<Slice>) {
        let transfer = self.in_flight.transfer(from);
        if transfer.is_complete() {
            let outcome = self
                .handles
                .find(id)
                .map_or_else(Outcome::Failed, |_| Outcome::Sent);
            self.ready.push(Completion::last(token, outcome));
            return;
        }
        let zero_copy = self.features.send_zero_copy
            && self
                .settings
                .send_zero_copy_bytes_min
                .is_some_and(|least| transfer.total >= least as u64);
        let state = if zero_copy {
            State::SendZeroCopy {
                transfer,
                result: None,
            }
        } else {
            State::Send(transfer)
        };
        self.start(token, id, state);
    }

    fn start_write(&mut self, token: Token, id: u32, at: u64, from: Vec<Slice>, durable: bool) {
        let alignment = match self.alignment_of(id) {
            Ok(alignment) => alignment,
            Err(errno) => return self.fail(token, errno),
        };
        let transfer = self.in_flight.transfer(from);
        if transfer.is_complete() {
            self.ready.push(Completion::last(token, Outcome::Done));
            return;
        }
        self.durable_writes += usize::from(durable);
        let state = State::Write {
            transfer,
            at,
            durable,
            alignment,
        };
        self.start(token, id, state);
    }

    fn start_read(&mut self, token: Token, id: u32, at: u64, into: Buffer) {
        let alignment = self
            .alignment_of(id)
            .and_then(|alignment| match into.room() {
                0 => Err(Errno::INVALID),
                _ => Ok(alignment),
            });
        match alignment {
            Ok(alignment) => {
                let state = State::Read {
                    into,
                    at,
                    filled: 0,
                    alignment,
                };
                self.start(token, id, state);
            }
            Err(errno) => {
                let result = Err(errno);
                self.ready
                    .push(Completion::last(token, Outcome::Filled { into, result }));
            }
        }
    }

    fn start_allocate(&mut self, token: Token, id: u32, at: u64, length: u64, mode: AllocateMode) {
        let alignment = match self.alignment_of(id) {
            Ok(alignment) if length > 0 => alignment,
            Ok(_) => return self.fail(token, Errno::INVALID),
            Err(errno) => return self.fail(token, errno),
        };
        let step = Step::first(mode);
        let allocation = Allocation {
            at,
            length,
            step,
            alignment,
            zeros: Slice::empty(),
        };
        self.start(token, id, State::Allocate(allocation));
    }

    fn start_truncate(&mut self, token: Token, id: u32, length: u64) {
        if self.features.truncate {
            return self.start(token, id, State::Truncate { length });
        }
        let slot = self.in_flight.next_slot();
        match self.handles.use_by(id, slot) {
            Ok(target) => {
                let file = self
                    .handles
                    .at(target.place)
                    .map(|handle| handle.fd.clone());
                let file = file.expect("`use_by` has found it");
                let slot = self
                    .in_flight
                    .hold(token, target, State::Helper, Holder::Helper);
                self.offload
                    .submit(slot, Task::Truncate { file, length }, &self.mailbox);
            }
            Err(errno) => self.fail(token, errno),
        }
    }

    fn start_signals(&mut self, token: Token) {
        match system::open_signals() {
            Ok(signals) => {
                let target = Target::raw(signals.as_raw_fd());
                let state = State::Signals(signals);
                let slot = self.in_flight.hold(token, target, state, Holder::Kernel);
                self.push_slot(slot);
            }
            Err(errno) => self.fail(token, errno),
        }
    }

    /// Gives a task to a helper thread.
    pub(super) fn help(&mut self, token: Token, task: Task) {
        let slot = self
            .in_flight
            .hold(token, Target::NONE, State::Helper, Holder::Helper);
        self.offload.submit(slot, task, &self.mailbox);
    }

    fn listen(&mut self, token: Token, address: &Address, backlog: u32) {
        let outcome = socket::listen(address, backlog).and_then(|(fd, real)| {
            let id = self.adopt(fd, Kind::listener(&real))?;
            Ok(Outcome::Listening {
                socket: SocketId(id),
                address: real,
            })
        });
        let outcome = outcome.unwrap_or_else(Outcome::Failed);
        self.ready.push(Completion::last(token, outcome));
    }

    fn shutdown(&mut self, token: Token, id: u32, how: ShutdownHow) {
        let place = self.handles.find(id);
        let result = place.and_then(|place| match self.handles.at(place) {
            Some(handle) => socket::shutdown(&handle.fd, how),
            None => Err(Errno::BAD_HANDLE),
        });
        let outcome = result.map_or_else(Outcome::Failed, |()| Outcome::Done);
        self.ready.push(Completion::last(token, outcome));
    }

    fn lock(&mut self, token: Token, id: u32) {
        let place = self.handles.find(id);
        let result = place.and_then(|place| match self.handles.at(place) {
            // The lock belongs to the open file, not to the number; the copy may go again.
            Some(handle) => {
                let copy = handle.fd.try_clone().map_err(|error| Errno::from(&error))?;
                std::fs::File::from(copy)
                    .try_lock()
                    .map_err(|error| match error {
                        std::fs::TryLockError::WouldBlock => Errno::WOULD_BLOCK,
                        std::fs::TryLockError::Error(error) => Errno::from(&error),
                    })
            }
            None => Err(Errno::BAD_HANDLE),
        });
        let outcome = result.map_or_else(Outcome::Failed, |()| Outcome::Done);
        self.ready.push(Completion::last(token, outcome));
    }

    fn detach(&mut self, token: Token, id: u32) {
        let outcome = self.handles.find(id).and_then(|place| {
            if self
                .handles
                .at(place)
                .is_some_and(|handle| !handle.users.is_empty())
            {
                return Err(Errno(libc::EBUSY));
            }
            let handle = self
                .handles
                .remove(&self.uring, place)
                .ok_or(Errno::BAD_HANDLE)?;
            let moved = Moved {
                fd: handle.fd,
                kind: handle.kind,
            };
            Ok(Outcome::Detached(DetachedSocket(Box::new(moved))))
        });
        let outcome = outcome.unwrap_or_else(Outcome::Failed);
        self.ready.push(Completion::last(token, outcome));
    }

    fn attach(&mut self, token: Token, socket: DetachedSocket) {
        let outcome = match socket.0.downcast::<Moved>() {
            Ok(moved) => self
                .handles
                .insert(&self.uring, moved.fd, moved.kind)
                .map_or_else(Outcome::Failed, |id| Outcome::Connected {
                    socket: SocketId(id),
                }),
            Err(_) => Outcome::Failed(Errno::INVALID),
        };
        self.ready.push(Completion::last(token, outcome));
    }

    /// Closes now, or when the last operation on it is done; those on a socket are cancelled.
    fn close(&mut self, token: Token, id: u32) {
        let place = match self.handles.find(id) {
            Ok(place) => place,
            Err(errno) => return self.fail(token, errno),
        };
        let Some(handle) = self.handles.at(place) else {
            return self.fail(token, Errno::BAD_HANDLE);
        };
        if handle.users.is_empty() {
            return self.finish_close(place, token);
        }
        handle.closing = Some(token);
        if !matches!(handle.kind, Kind::File { .. }) {
            for slot in handle.users.clone() {
                self.cancel_slot(slot);
            }
        }
    }

    /// Nobody uses the descriptor any more.
    pub(super) fn finish_close(&mut self, place: u32, token: Token) {
        let Some(handle) = self.handles.remove(&self.uring, place) else {
            return self.fail(token, Errno::BAD_HANDLE);
        };
        match handle.kind {
            Kind::File { .. } => self.help(token, Task::Close(handle.fd)),
            Kind::Listener { unix: Some(path) } => {
                // Nobody shall find a file behind which nobody answers. It may be gone already.
                let _ = std::fs::remove_file(path);
                self.ready.push(Completion::last(token, Outcome::Done));
            }
            _ => self.ready.push(Completion::last(token, Outcome::Done)),
        }
    }

    fn cancel(&mut self, token: Token, target: Token) {
        if self.port.cancel(target) {
            self.fail(target, Errno::CANCELED);
        } else if self.inbox == Some(target) {
            self.inbox = None;
            self.fail(target, Errno::CANCELED);
        } else if let Some(slot) = self.in_flight.find(target) {
            self.cancel_slot(slot);
        }
        self.ready.push(Completion::last(token, Outcome::Done));
    }

    /// Asks for the early end of an operation; what a helper has cannot be called back.
    pub(super) fn cancel_slot(&mut self, at: u32) {
        let slot = self.in_flight.slot(at);
        slot.canceled = true;
        match slot.holder {
            Holder::Kernel => {
                let entry = opcode::AsyncCancel::new(u64::from(at)).build();
                self.push(entry.user_data(IGNORE));
            }
            Holder::Starved => {
                self.starved.retain(|waiting| *waiting != at);
                let mut done = Vec::new();
                self.finish(at, Outcome::Failed(Errno::CANCELED), &mut done);
                self.ready.append(&mut done);
            }
            Holder::Helper | Holder::Nobody => {}
        }
    }

    /// Takes an open descriptor into the table.
    pub(super) fn adopt(&mut self, fd: OwnedFd, kind: Kind) -> Result<u32, Errno> {
        self.handles.insert(&self.uring, Arc::new(fd), kind)
    }

    pub(super) fn fail(&mut self, token: Token, errno: Errno) {
        self.ready
            .push(Completion::last(token, Outcome::Failed(errno)));
    }

    fn kind_of(&mut self, id: u32) -> Result<Kind, Errno> {
        let place = self.handles.find(id)?;
        let handle = self.handles.at(place).ok_or(Errno::BAD_HANDLE)?;
        Ok(handle.kind.clone())
    }

    fn alignment_of(&mut self, id: u32) -> Result<u32, Errno> {
        match self.kind_of(id)? {
            Kind::File { alignment } => Ok(alignment),
            _ => Err(Errno::INVALID),
        }
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
        let mut window = match self.settings.profile {
            Profile::Park => return false,
            Profile::SpinThenPark(_) if !self.looking_pays => return false,
            Profile::SpinThenPark(window) => window,
            Profile::Spin => Duration::MAX,
        };
        if self.durable_writes > 0 {
            window = window.min(LOOK_BESIDE_DURABLE);
        }
        let end = self.now().plus(window);
        self.enter(0, None);
        loop {
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
            if !self.features.taskrun_flag || self.uring.submission().taskrun() {
                self.enter(0, None);
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

/// A socket on its way to another door of the process.
struct Moved {
    fd: Arc<OwnedFd>,
    kind: Kind,
}

/// The answer to an operation that could not start: buffers go back to where they came from.
fn refusal(state: State, errno: Errno) -> Outcome {
    match state {
        State::ReceiveInto { into } | State::Read { into, .. } => Outcome::Filled {
            into,
            result: Err(errno),
        },
        _ => Outcome::Failed(errno),
    }
}

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
        match op {
            Op::Listen { address, backlog } => self.listen(token, &address, backlog),
            Op::Accept { listener } => self.start_accept(token, listener.0),
            Op::Connect { address } => self.start_connect(token, &address),
            Op::Receive { socket } => self.start_receive(token, socket.0),
            Op::ReceiveInto { socket, into } if into.room() > 0 => {
                self.start(token, socket.0, State::ReceiveInto { into });
            }
            Op::ReceiveInto { into, .. } => {
                let outcome = refusal(State::ReceiveInto { into }, Errno::INVALID);
                self.ready.push(Completion::last(token, outcome));
            }
            Op::Send { socket, from } => self.start_send(token, socket.0, from),
            Op::Shutdown { socket, how } => self.shutdown(token, socket.0, how),
            Op::CloseSocket { socket } => self.close(token, socket.0),
            Op::Detach { socket } => self.detach(token, socket.0),
            Op::Attach { socket } => self.attach(token, socket),
            Op::Open { path, options } => self.help(token, Task::Open { path, options }),
            Op::Read { file, at, into } => self.start_read(token, file.0, at, into),
            Op::Write {
                file,
                at,
                from,
                durable,
            } => self.start_write(token, file.0, at, from, durable),
            Op::Sync { file } => self.start(token, file.0, State::Sync),
            Op::Truncate { file, length } => self.start_truncate(token, file.0, length),
            Op::Allocate {
                file,
                at,
                length,
                mode,
            } => self.start_allocate(token, file.0, at, length, mode),
            Op::CloseFile { file } => self.close(token, file.0),
            Op::Lock { file } => self.lock(token, file.0),
            Op::Rename { from, to } => self.help(token, Task::Rename { from, to }),
            Op::Unlink { path } => self.help(token, Task::Unlink(path)),
            Op::CreateDirectory { path } => self.help(token, Task::CreateDirectory(path)),
            Op::RemoveDirectory { path } => self.help(token, Task::RemoveDirectory(path)),
            Op::SyncDirectory { path } => self.help(token, Task::SyncDirectory(path)),
            Op::ListDirectory { path } => self.help(token, Task::ListDirectory(path)),
            Op::Status { path } => self.help(token, Task::Status(path)),
            Op::Space { path } => self.help(token, Task::Space(path)),
            Op::Post { to, parcel } => self.port.post(token, to, parcel, &mut self.ready),
            Op::Inbox if self.inbox.is_some() => self.fail(token, Errno(libc::EALREADY)),
            Op::Inbox => self.inbox = Some(token),
            Op::Work { job } => self.help(token, Task::Work(job)),
            Op::Signals => self.start_signals(token),
            Op::Cancel { target } => self.cancel(token, target),
        }
    }

    fn turn(&mut self, until: Option<Instant>, done: &mut Vec<Completion>) {
        let before = done.len();
        self.push_backlog();
        self.gather(done);
        self.wake_peers();
        if done.len() > before || self.has_completions() {
            self.enter(0, None);
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
        for slot in self.in_flight.held_by_kernel() {
            self.cancel_slot(slot);
        }
        let mut done = Vec::new();
        while !self.in_flight.held_by_kernel().is_empty() {
            self.push_backlog();
            self.enter(1, Some(Duration::from_millis(100)));
            self.reap(&mut done);
            done.clear();
        }
    }
}
