//! How each operation starts, and how it is called back.
//!
//! Room:       `io::uring`.
//! Called by:  `ring`, for `submit`.
//! Never:      waits. What the kernel answers at once (bind, shutdown, flock) is asked directly,
//!             what would block goes to a helper, everything else becomes an entry.

use super::in_flight::{Allocation, Holder, State, Step};
use super::offload::Task;
use super::registered::{Kind, Target};
use super::ring::{IGNORE, Ring};
use super::socket::{self, SocketAddress};
use super::system;
use crate::io::op::*;
use crate::io::{Buffer, Instant, Io, Slice};
use io_uring::opcode;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

impl Ring {
    /// Starts one operation; each ends in `ready`, in a slot, or with a helper.
    pub(super) fn begin(&mut self, token: Token, op: Op) {
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
            Op::Sync { file } => self.start_sync(token, file.0),
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
            Op::ListDirectory { path, part } => {
                self.help(token, Task::ListDirectory(path, part));
            }
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
        let state = if self.is_zero_copy(id, transfer.total) {
            State::SendZeroCopy {
                transfer,
                result: None,
                plain: false,
            }
        } else {
            State::Send(transfer)
        };
        self.start(token, id, state);
    }

    /// Large sends of a TCP socket whose way does not copy; Unix sockets have no zero-copy.
    fn is_zero_copy(&mut self, id: u32, bytes: u64) -> bool {
        let least = self.settings.send_zero_copy_bytes_min;
        if !self.features.send_zero_copy || least.is_none_or(|least| bytes < least as u64) {
            return false;
        }
        let place = self.handles.find(id).ok();
        let handle = place.and_then(|place| self.handles.at(place));
        handle.is_some_and(|handle| handle.kind == Kind::Stream { unix: false } && !handle.copies)
    }

    fn start_write(&mut self, token: Token, id: u32, at: u64, from: Vec<Slice>, durable: bool) {
        let alignment = match self.kind_of(id) {
            Ok(Kind::File { inline: true, .. }) if !durable => {
                return self.write_inline(token, id, at, &from);
            }
            Ok(Kind::File { alignment, .. }) => alignment,
            Ok(_) => return self.fail(token, Errno::INVALID),
            Err(errno) => return self.fail(token, errno),
        };
        let transfer = self.in_flight.transfer(from);
        if transfer.is_complete() {
            self.ready.push(Completion::last(token, Outcome::Done));
            return;
        }
        let durable = durable.then(|| self.begin_durable());
        let state = State::Write {
            transfer,
            at,
            durable,
            alignment,
        };
        self.start(token, id, state);
    }

    /// See `OpenOptions::inline`.
    fn write_inline(&mut self, token: Token, id: u32, at: u64, from: &[Slice]) {
        let place = self.handles.find(id);
        let handle = place.map(|place| self.handles.at(place));
        let Ok(Some(handle)) = handle else {
            return self.fail(token, Errno::BAD_HANDLE);
        };
        let written = system::write_all_at(&handle.fd, at, from);
        let outcome = written.map_or_else(Outcome::Failed, |()| Outcome::Done);
        self.ready.push(Completion::last(token, outcome));
    }

    fn start_sync(&mut self, token: Token, id: u32) {
        match self.alignment_of(id) {
            Ok(_) => {
                let begun = self.begin_durable();
                self.start(token, id, State::Sync { begun });
            }
            Err(errno) => self.fail(token, errno),
        }
    }

    fn begin_durable(&mut self) -> Instant {
        let now = self.now();
        self.durables.begin(now);
        now
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
            Holder::Helper | Holder::Lingering | Holder::Nobody => {}
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
            Kind::File { alignment, .. } => Ok(alignment),
            _ => Err(Errno::INVALID),
        }
    }
}

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
