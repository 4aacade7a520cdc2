//! What the operations on sockets do in the simulated network.
//!
//! Room:       `sim`.
//! Called by:  `door` (submitted operations), `network` (what arrived for them).
//! Never:      hands out more provided buffers than a door has.

use super::clock::{Latency, MICROSECOND};
use super::door::{Flags, PROVIDED_BYTES, PROVIDED_MAX};
use super::network::{Bound, Network, Segment, SegmentKind, Socket, SocketKind, Stream, piece};
use super::world::{Core, DoorKey, Event, OpKey, Work};
use crate::io::{
    Address, Buffer, DetachedSocket, Errno, Outcome, ShutdownHow, Slice, SocketId, Token,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A socket on its way between two doors; dropped, it is closed.
struct Travelling {
    socket: Option<u32>,
    home: Arc<Flags>,
}

impl Drop for Travelling {
    fn drop(&mut self) {
        if let Some(socket) = self.socket {
            self.home.orphan(socket);
        }
    }
}

impl Core {
    pub(super) fn listen(&mut self, door: DoorKey, token: Token, address: Address, backlog: u32) {
        let machine = self.doors[door.0].machine;
        let address = match address {
            Address::Tcp(tcp) if tcp.port() == 0 => {
                let port = self.network.free_port(machine);
                Address::Tcp(SocketAddr::new(tcp.ip(), port))
            }
            address => address,
        };
        let outcome = match Network::bound(machine, &address) {
            Some(bound) if bound.machine() != machine => {
                Outcome::Failed(Errno(libc::EADDRNOTAVAIL))
            }
            None => Outcome::Failed(Errno(libc::EADDRNOTAVAIL)),
            Some(bound) if self.network.listeners.contains_key(&bound) => {
                Outcome::Failed(Errno::ADDRESS_IN_USE)
            }
            Some(bound) => {
                let socket = self.network.insert(Socket {
                    machine,
                    door: Some(door),
                    remote: address.clone(),
                    kind: SocketKind::Listener {
                        bound: bound.clone(),
                        backlog: backlog as usize,
                        queue: VecDeque::new(),
                        accept: None,
                    },
                });
                self.network.listeners.insert(bound, socket);
                Outcome::Listening {
                    socket: SocketId(socket),
                    address,
                }
            }
        };
        self.answer(door, token, outcome, 10 * MICROSECOND);
    }

    pub(super) fn accept(&mut self, door: DoorKey, token: Token, listener: SocketId) {
        if !self.owns(door, listener) {
            return self.answer_bad(door, token);
        }
        let key = self.begin(door, token, Work::Accept(listener.0));
        match self
            .network
            .sockets
            .get_mut(&listener.0)
            .map(|socket| &mut socket.kind)
        {
            Some(SocketKind::Listener { accept, .. }) if accept.is_none() => {
                *accept = Some(key);
                self.hand_out_accepted(listener.0);
            }
            _ => drop(self.end(key, Outcome::Failed(Errno::INVALID))),
        }
    }

    pub(super) fn hand_out_accepted(&mut self, listener: u32) {
        let Some(Socket {
            kind:
                SocketKind::Listener {
                    queue,
                    accept: Some(accept),
                    ..
                },
            door: Some(door),
            ..
        }) = self.network.sockets.get_mut(&listener)
        else {
            return;
        };
        let (waiting, accept, door) = (std::mem::take(queue), *accept, *door);
        let token = self.operations[&accept].token;
        for socket in waiting {
            let Some(connection) = self.network.sockets.get_mut(&socket) else {
                continue;
            };
            connection.door = Some(door);
            let accepted = Outcome::Accepted {
                socket: SocketId(socket),
                peer: connection.remote.clone(),
            };
            self.complete(door, token, accepted, true);
        }
    }

    pub(super) fn connect(&mut self, door: DoorKey, token: Token, address: Address) {
        let machine = self.doors[door.0].machine;
        let bound = Network::bound(machine, &address);
        let bound = bound.filter(|bound| bound.machine().0 < self.machines.len());
        let Some(bound) = bound else {
            let unreachable = Outcome::Failed(Errno(libc::EHOSTUNREACH));
            return self.answer(door, token, unreachable, 100 * MICROSECOND);
        };
        let from_address = self.network.outgoing_address(machine, &bound);
        let to_machine = bound.machine();
        let socket = self.network.insert(Socket {
            machine,
            door: Some(door),
            remote: address,
            kind: SocketKind::Stream(Stream {
                peer_machine: Some(to_machine),
                ..Stream::default()
            }),
        });
        let key = self.begin(door, token, Work::Connect(socket));
        if let Some(stream) = self.network.stream(socket) {
            stream.connect = Some(key);
        }
        if matches!(&bound, Bound::Path(..)) && !self.network.listeners.contains_key(&bound) {
            return self.break_stream(socket, Errno(libc::ECONNREFUSED));
        }
        self.dispatch(Segment {
            from: socket,
            to: 0,
            from_machine: machine,
            to_machine,
            kind: SegmentKind::Open(bound, from_address),
        });
    }

    /// Multishot without `into`, one receive with it.
    pub(super) fn receive(
        &mut self,
        door: DoorKey,
        token: Token,
        socket: SocketId,
        into: Option<Buffer>,
    ) {
        let owned = self.owns(door, socket);
        let key = match into {
            None => self.begin(door, token, Work::Receive(socket.0)),
            Some(into) => self.begin(door, token, Work::ReceiveInto(socket.0, into)),
        };
        let multishot = matches!(self.operations[&key].work, Work::Receive(_));
        let stream = match owned {
            true => self.network.stream(socket.0),
            false => None,
        };
        let Some(stream) = stream else {
            return self.stop_unheld(key, Errno::BAD_HANDLE);
        };
        if let Some(errno) = stream.broken {
            return self.stop_unheld(key, errno);
        }
        let slot = match multishot {
            true => &mut stream.receive,
            false => &mut stream.receive_into,
        };
        assert!(slot.is_none(), "one receive of a kind in flight per socket");
        *slot = Some(key);
        self.hand_out(socket.0);
    }

    /// Ends an operation no socket knows of.
    fn stop_unheld(&mut self, key: OpKey, errno: Errno) {
        let Some(operation) = self.operations.remove(&key) else {
            return;
        };
        self.doors[operation.door.0].tokens.remove(&operation.token);
        let outcome = match operation.work {
            Work::ReceiveInto(_, into) => Outcome::Filled {
                into,
                result: Err(errno),
            },
            _ => Outcome::Failed(errno),
        };
        self.complete(operation.door, operation.token, outcome, false);
    }

    /// Gives what has arrived to the receives that wait for it.
    pub(super) fn hand_out(&mut self, socket: u32) {
        let mut taken = 0;
        loop {
            let Some(stream) = self.network.stream(socket) else {
                return;
            };
            let over = stream.arrived.is_empty() && stream.ended;
            if stream.arrived.is_empty() && !over {
                break;
            }
            if let Some(key) = stream.receive_into {
                taken += self.fill(socket, key);
                continue;
            }
            let Some(key) = stream.receive else {
                break;
            };
            if over {
                stream.receive = None;
                self.end(key, Outcome::Received(Slice::empty()));
                break;
            }
            let (door, token) = (self.operations[&key].door, self.operations[&key].token);
            let flags = self.doors[door.0].flags.clone();
            if flags.provided.load(Ordering::Acquire) >= PROVIDED_MAX {
                self.starve(door, socket, key);
                break;
            }
            flags.provided.fetch_add(1, Ordering::AcqRel);
            let mut buffer = Buffer::with_release(PROVIDED_BYTES, flags, 0);
            buffer.limit_room(PROVIDED_BYTES);
            let Some(stream) = self.network.stream(socket) else {
                return;
            };
            stream.starving = false;
            taken += take(stream, &mut buffer);
            self.complete(door, token, Outcome::Received(buffer.freeze()), true);
        }
        self.acknowledge(socket, taken);
    }

    /// One receive into a buffer of its own.
    fn fill(&mut self, socket: u32, key: OpKey) -> usize {
        let Some(operation) = self.operations.remove(&key) else {
            return 0;
        };
        let Work::ReceiveInto(_, mut into) = operation.work else {
            unreachable!("kept as a receive into a buffer");
        };
        self.doors[operation.door.0].tokens.remove(&operation.token);
        let mut count = 0;
        if let Some(stream) = self.network.stream(socket) {
            stream.receive_into = None;
            count = take(stream, &mut into);
        }
        let result = Ok(count);
        let filled = Outcome::Filled { into, result };
        self.complete(operation.door, operation.token, filled, false);
        count
    }

    /// No provided buffer is free: the receive ends; one that comes after it waits for them.
    fn starve(&mut self, door: DoorKey, socket: u32, key: OpKey) {
        let Some(stream) = self.network.stream(socket) else {
            return;
        };
        if !std::mem::replace(&mut stream.starving, true) {
            stream.receive = None;
            self.end(key, Outcome::Failed(Errno::NO_BUFFERS));
        } else if !self.doors[door.0].starved.contains(&key) {
            self.doors[door.0].starved.push_back(key);
        }
    }

    /// Buffers came back: the receives that wait for them go on.
    pub(super) fn resume_starved(&mut self, door: DoorKey) {
        let state = &mut self.doors[door.0];
        if state.starved.is_empty() || state.flags.provided.load(Ordering::Acquire) >= PROVIDED_MAX
        {
            return;
        }
        for key in std::mem::take(&mut state.starved) {
            if let Some(Work::Receive(socket)) = self.operations.get(&key).map(|op| &op.work) {
                let socket = *socket;
                self.hand_out(socket);
            }
        }
    }

    /// The peer of `socket` may send `count` bytes more.
    fn acknowledge(&mut self, socket: u32, count: usize) {
        if count == 0 {
            return;
        }
        let Some(peer) = self.network.stream(socket).and_then(|stream| stream.peer) else {
            return;
        };
        if let Some(stream) = self.network.stream(peer) {
            stream.unacked = stream.unacked.saturating_sub(count);
            stream.progress += 1;
            self.push(peer);
        }
    }

    pub(super) fn send(&mut self, door: DoorKey, token: Token, socket: SocketId, from: Vec<Slice>) {
        let owned = self.owns(door, socket);
        let key = self.begin(
            door,
            token,
            Work::Send {
                socket: socket.0,
                from,
                slice: 0,
                position: 0,
            },
        );
        let stream = match owned {
            true => self.network.stream(socket.0),
            false => None,
        };
        let Some(stream) = stream else {
            return self.stop_unheld(key, Errno::BAD_HANDLE);
        };
        if stream.broken.is_some() || stream.write_closed {
            return self.stop_unheld(key, Errno::BROKEN_PIPE);
        }
        assert!(stream.send.is_none(), "one send in flight per socket");
        stream.send = Some(key);
        self.push(socket.0);
    }

    /// Sends what the window lets through.
    fn push(&mut self, socket: u32) {
        let faults = self.network.faults;
        loop {
            let machine = self.network.sockets[&socket].machine;
            let Some(stream) = self.network.stream(socket) else {
                return;
            };
            let (Some(key), Some(to), Some(to_machine)) =
                (stream.send, stream.peer, stream.peer_machine)
            else {
                return;
            };
            let window = faults.window_bytes.saturating_sub(stream.unacked);
            let Some(operation) = self.operations.get_mut(&key) else {
                return;
            };
            let Work::Send {
                from,
                slice,
                position,
                ..
            } = &mut operation.work
            else {
                unreachable!("kept as a send");
            };
            let left: usize = from[*slice..].iter().map(|slice| slice.len()).sum();
            let left = left - *position;
            if left == 0 {
                *slice = from.len();
                let span = Latency::around(MICROSECOND, 5 * MICROSECOND).draw(&mut self.rng);
                return self.plan_after(span, Event::Finish(key));
            }
            if window == 0 {
                return;
            }
            let count = piece(left, faults.piece_bytes_max.min(window), &mut self.rng);
            let mut bytes = Vec::with_capacity(count);
            while bytes.len() < count {
                let rest = &from[*slice][*position..];
                let part = rest.len().min(count - bytes.len());
                bytes.extend_from_slice(&rest[..part]);
                *position += part;
                if *position == from[*slice].len() {
                    *slice += 1;
                    *position = 0;
                }
            }
            if let Some(stream) = self.network.stream(socket) {
                stream.unacked += count;
            }
            self.dispatch(Segment {
                from: socket,
                to,
                from_machine: machine,
                to_machine,
                kind: SegmentKind::Data(bytes),
            });
        }
    }

    /// A send has handed over all its bytes.
    pub(super) fn sent(&mut self, socket: u32) -> Outcome {
        self.forget_send(socket);
        Outcome::Sent
    }

    pub(super) fn forget_send(&mut self, socket: u32) {
        if let Some(stream) = self.network.stream(socket) {
            stream.send = None;
        }
    }

    /// A receive or an accept on this socket was taken back.
    pub(super) fn forget_receive(&mut self, socket: u32) {
        let gone = |slot: &mut Option<OpKey>, operations: &crate::map::Map<OpKey, _>| {
            if slot.is_some_and(|key| !operations.contains_key(&key)) {
                *slot = None;
            }
        };
        let Core {
            network,
            operations,
            ..
        } = self;
        match network
            .sockets
            .get_mut(&socket)
            .map(|socket| &mut socket.kind)
        {
            Some(SocketKind::Listener { accept, .. }) => gone(accept, operations),
            Some(SocketKind::Stream(stream)) => {
                gone(&mut stream.receive, operations);
                gone(&mut stream.receive_into, operations);
            }
            None => {}
        }
    }

    pub(super) fn shutdown(
        &mut self,
        door: DoorKey,
        token: Token,
        socket: SocketId,
        how: ShutdownHow,
    ) {
        if !self.owns(door, socket) {
            return self.answer_bad(door, token);
        }
        let machine = self.doors[door.0].machine;
        let Some(stream) = self.network.stream(socket.0) else {
            return self.answer_bad(door, token);
        };
        if !stream.write_closed && stream.broken.is_none() {
            stream.write_closed = true;
            let sending = stream.send.take();
            let peer = (stream.peer, stream.peer_machine);
            if let Some(sending) = sending {
                self.stop(sending, Errno::BROKEN_PIPE);
            }
            if let (Some(to), Some(to_machine)) = peer {
                self.dispatch(Segment {
                    from: socket.0,
                    to,
                    from_machine: machine,
                    to_machine,
                    kind: SegmentKind::Fin,
                });
            }
        }
        if how == ShutdownHow::Both
            && let Some(stream) = self.network.stream(socket.0)
        {
            stream.ended = true;
            self.hand_out(socket.0);
        }
        self.answer(door, token, Outcome::Done, MICROSECOND);
    }

    pub(super) fn close_socket(&mut self, door: DoorKey, token: Token, socket: SocketId) {
        if !self.owns(door, socket) {
            return self.answer_bad(door, token);
        }
        self.drop_socket(socket.0, true);
        self.answer(door, token, Outcome::Done, MICROSECOND);
    }

    pub(super) fn detach(&mut self, door: DoorKey, token: Token, socket: SocketId) {
        if !self.owns(door, socket) {
            return self.answer_bad(door, token);
        }
        let home = self.doors[door.0].flags.clone();
        let busy = self.network.stream(socket.0).is_none_or(|stream| {
            let in_flight = stream.receive.or(stream.receive_into).or(stream.send);
            in_flight.is_some()
        });
        if busy {
            let busy = Outcome::Failed(Errno(libc::EBUSY));
            return self.answer(door, token, busy, MICROSECOND);
        }
        if let Some(socket) = self.network.sockets.get_mut(&socket.0) {
            socket.door = None;
        }
        let travelling = Travelling {
            socket: Some(socket.0),
            home,
        };
        let detached = Outcome::Detached(DetachedSocket(Box::new(travelling)));
        self.answer(door, token, detached, MICROSECOND);
    }

    pub(super) fn attach(&mut self, door: DoorKey, token: Token, socket: DetachedSocket) {
        let outcome = match socket.0.downcast::<Travelling>() {
            Ok(mut travelling) => {
                let id = travelling.socket.take().unwrap_or(0);
                match self.network.sockets.get_mut(&id) {
                    Some(socket) => {
                        socket.door = Some(door);
                        let socket = SocketId(id);
                        Outcome::Connected { socket }
                    }
                    None => Outcome::Failed(Errno::BAD_HANDLE),
                }
            }
            Err(_) => Outcome::Failed(Errno::BAD_HANDLE),
        };
        self.answer(door, token, outcome, MICROSECOND);
    }

    /// Closes what was detached and dropped on its way.
    pub(super) fn close_orphans(&mut self, door: DoorKey) {
        let orphans = {
            let flags = &self.doors[door.0].flags;
            let mut orphans = flags
                .orphans
                .lock()
                .expect("no code panics holding the orphans");
            std::mem::take(&mut *orphans)
        };
        for socket in orphans {
            self.drop_socket(socket, true);
        }
    }

    fn owns(&self, door: DoorKey, socket: SocketId) -> bool {
        let socket = self.network.sockets.get(&socket.0);
        socket.is_some_and(|socket| socket.door == Some(door))
    }

    fn answer_bad(&mut self, door: DoorKey, token: Token) {
        self.answer(door, token, Outcome::Failed(Errno::BAD_HANDLE), MICROSECOND);
    }
}

/// Moves arrived bytes into the room of `buffer`.
fn take(stream: &mut Stream, buffer: &mut Buffer) -> usize {
    let mut count = 0;
    while let Some((bytes, position)) = stream.arrived.front_mut() {
        let part = (bytes.len() - *position).min(buffer.room());
        if part == 0 {
            break;
        }
        buffer.extend(&bytes[*position..*position + part]);
        *position += part;
        count += part;
        if *position == bytes.len() {
            stream.arrived.pop_front();
        }
    }
    count
}
