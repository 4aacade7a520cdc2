//! The simulated network: streams between machines, cut into pieces, delayed, broken.
//!
//! Room:       `sim`.
//! Called by:  `world`, `door`, `stream` (what the operations on sockets do).
//! Never:      loses, doubles or reorders bytes of a stream: TCP does not, it only breaks.
//!
//! Always true:
//!   - segments of one direction of a connection arrive in the order they left.
//!   - a sender has at most `window` bytes that its peer has not taken.

use super::clock::{Latency, MICROSECOND, Nanos, SECOND};
use super::seed::Rng;
use super::world::{Core, DoorKey, Event, MachineId, OpKey};
use crate::io::{Address, Errno};
use crate::map::Map;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Chances per million segments, and speed. By default nothing breaks.
#[derive(Clone, Copy, Debug)]
pub struct NetworkFaults {
    /// A connection breaks for both sides when a piece of data arrives.
    pub reset_ppm: u32,
    /// A connection attempt is refused.
    pub refuse_ppm: u32,
    pub delay: Latency,
    /// Between doors of one machine.
    pub loopback_delay: Latency,
    /// Largest piece of a stream that travels as one.
    pub piece_bytes_max: usize,
    /// Bytes a sender may be ahead of its peer.
    pub window_bytes: usize,
    /// How long an unanswered sender or caller waits before it gives up.
    pub patience: Nanos,
}

impl Default for NetworkFaults {
    fn default() -> NetworkFaults {
        NetworkFaults {
            reset_ppm: 0,
            refuse_ppm: 0,
            delay: Latency::around(30 * MICROSECOND, 200 * MICROSECOND),
            loopback_delay: Latency::around(5 * MICROSECOND, 20 * MICROSECOND),
            piece_bytes_max: 16 << 10,
            window_bytes: 256 << 10,
            patience: 20 * SECOND,
        }
    }
}

/// All sockets and links of the world.
#[derive(Default)]
pub struct Network {
    pub faults: NetworkFaults,
    pub(super) sockets: Map<u32, Socket>,
    socket_next: u32,
    pub(super) listeners: BTreeMap<Bound, u32>,
    port_next: u16,
    /// Cut links, with what waits for them to heal.
    links: BTreeMap<(MachineId, MachineId), Vec<Segment>>,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bound {
    Port(MachineId, u16),
    Path(MachineId, PathBuf),
}

pub(super) struct Socket {
    pub machine: MachineId,
    /// `None` while it is between two doors.
    pub door: Option<DoorKey>,
    pub remote: Address,
    pub kind: SocketKind,
}

pub(super) enum SocketKind {
    Listener {
        bound: Bound,
        backlog: usize,
        /// Connected, not accepted yet.
        queue: VecDeque<u32>,
        accept: Option<OpKey>,
    },
    Stream(Stream),
}

#[derive(Default)]
pub(super) struct Stream {
    pub peer: Option<u32>,
    pub peer_machine: Option<MachineId>,
    pub connect: Option<OpKey>,
    pub receive: Option<OpKey>,
    pub receive_into: Option<OpKey>,
    pub send: Option<OpKey>,
    /// Arrived, and not taken yet: pieces with the place reached in each.
    pub arrived: VecDeque<(Vec<u8>, usize)>,
    /// The peer has ended its side and all it sent has arrived.
    pub ended: bool,
    pub broken: Option<Errno>,
    pub write_closed: bool,
    /// Bytes sent that the peer has not taken.
    pub unacked: usize,
    /// Grows whenever the peer takes something; a sender without progress gives up.
    pub progress: u64,
    pub expiring: bool,
    /// A receive ended for want of buffers; the next one waits for them.
    pub starving: bool,
    pub last_arrival: Nanos,
}

/// What travels from one socket to another.
pub(super) struct Segment {
    pub from: u32,
    pub to: u32,
    pub from_machine: MachineId,
    pub to_machine: MachineId,
    pub kind: SegmentKind,
}

pub(super) enum SegmentKind {
    /// Wants a connection to what listens there.
    Open(Bound, Address),
    /// The connection stands; `from` is its other end.
    Opened,
    Refused(Errno),
    Data(Vec<u8>),
    Fin,
    Reset,
}

impl Network {
    pub(super) fn insert(&mut self, socket: Socket) -> u32 {
        self.socket_next += 1;
        self.sockets.insert(self.socket_next, socket);
        self.socket_next
    }

    pub(super) fn stream(&mut self, socket: u32) -> Option<&mut Stream> {
        match &mut self.sockets.get_mut(&socket)?.kind {
            SocketKind::Stream(stream) => Some(stream),
            SocketKind::Listener { .. } => None,
        }
    }

    /// A port nobody listens on.
    pub(super) fn free_port(&mut self, machine: MachineId) -> u16 {
        loop {
            self.port_next = self.port_next % 20_000 + 1;
            let port = 40_000 + self.port_next;
            if !self.listeners.contains_key(&Bound::Port(machine, port)) {
                return port;
            }
        }
    }

    pub fn cut(&mut self, one: MachineId, other: MachineId) {
        self.links.entry(link(one, other)).or_default();
    }

    pub fn is_cut(&self, one: MachineId, other: MachineId) -> bool {
        self.links.contains_key(&link(one, other))
    }

    /// Where an address leads, seen from `machine`; `None` when no such machine was made.
    pub(super) fn bound(machine: MachineId, address: &Address) -> Option<Bound> {
        match address {
            Address::Unix(path) => Some(Bound::Path(machine, path.clone())),
            Address::Tcp(address) => {
                let target = match address.ip() {
                    ip if ip.is_loopback() || ip.is_unspecified() => machine,
                    IpAddr::V4(ip) => match ip.octets() {
                        [10, 0, high, low] if low > 0 => {
                            MachineId(usize::from(high) << 8 | (usize::from(low) - 1))
                        }
                        _ => return None,
                    },
                    IpAddr::V6(_) => return None,
                };
                Some(Bound::Port(target, address.port()))
            }
        }
    }

    /// The address of the connecting end, as the accepting one sees it.
    pub(super) fn outgoing_address(&mut self, machine: MachineId, to: &Bound) -> Address {
        let Bound::Port(target, _) = to else {
            return Address::Unix(PathBuf::new());
        };
        let ip = match *target == machine {
            true => Ipv4Addr::LOCALHOST,
            false => Ipv4Addr::new(10, 0, (machine.0 >> 8) as u8, machine.0 as u8 + 1),
        };
        let port = self.free_port(machine);
        Address::Tcp(SocketAddr::new(IpAddr::V4(ip), port))
    }
}

impl Bound {
    pub fn machine(&self) -> MachineId {
        match self {
            Bound::Port(machine, _) | Bound::Path(machine, _) => *machine,
        }
    }
}

fn link(one: MachineId, other: MachineId) -> (MachineId, MachineId) {
    (one.min(other), one.max(other))
}

impl Core {
    /// Puts a segment on its way, behind what its sender sent before.
    pub(super) fn dispatch(&mut self, segment: Segment) {
        let faults = self.network.faults;
        let delay = match segment.from_machine == segment.to_machine {
            true => faults.loopback_delay,
            false => faults.delay,
        };
        let mut at = self.timeline.now() + delay.draw(&mut self.rng);
        if let Some(stream) = self.network.stream(segment.from) {
            at = at.max(stream.last_arrival + 1);
            stream.last_arrival = at;
        }
        self.plan(at, Event::Arrive(segment));
    }

    /// Answers `segment` as a machine without the socket it was for does.
    fn bounce(&mut self, segment: &Segment, kind: SegmentKind) {
        self.dispatch(Segment {
            from: segment.to,
            to: segment.from,
            from_machine: segment.to_machine,
            to_machine: segment.from_machine,
            kind,
        });
    }

    pub(super) fn arrive(&mut self, segment: Segment) {
        let now = self.timeline.now();
        self.trace.number(now ^ u64::from(segment.to) << 32);
        let between = link(segment.from_machine, segment.to_machine);
        if let Some(held) = self.network.links.get_mut(&between) {
            let from = segment.from;
            held.push(segment);
            return self.expect_progress(from);
        }
        if !self.machines[segment.to_machine.0].up {
            return self.expect_progress(segment.from);
        }
        match segment.kind {
            SegmentKind::Open(ref bound, ref address) => {
                let (bound, address) = (bound.clone(), address.clone());
                self.arrive_open(segment, &bound, address);
            }
            SegmentKind::Opened => self.arrive_opened(segment),
            SegmentKind::Refused(errno) => self.break_stream(segment.to, errno),
            SegmentKind::Reset => self.break_stream(segment.to, Errno::RESET),
            SegmentKind::Fin => {
                if let Some(stream) = self.network.stream(segment.to) {
                    stream.ended = true;
                    self.hand_out(segment.to);
                }
            }
            SegmentKind::Data(_) => self.arrive_data(segment),
        }
    }

    fn arrive_open(&mut self, segment: Segment, bound: &Bound, address: Address) {
        let listener = self.network.listeners.get(bound).copied();
        let refused = self.rng.chance_ppm(self.network.faults.refuse_ppm);
        let Some(listener) = listener.filter(|_| !refused) else {
            return self.bounce(&segment, SegmentKind::Refused(Errno(libc::ECONNREFUSED)));
        };
        let Some(Socket {
            kind: SocketKind::Listener { backlog, queue, .. },
            door,
            machine,
            ..
        }) = self.network.sockets.get(&listener)
        else {
            return;
        };
        if queue.len() >= (*backlog).max(1) {
            return self.bounce(&segment, SegmentKind::Refused(Errno(libc::ECONNREFUSED)));
        }
        let socket = Socket {
            machine: *machine,
            door: *door,
            remote: address,
            kind: SocketKind::Stream(Stream {
                peer: Some(segment.from),
                peer_machine: Some(segment.from_machine),
                ..Stream::default()
            }),
        };
        let socket = self.network.insert(socket);
        if let Some(Socket {
            kind: SocketKind::Listener { queue, .. },
            ..
        }) = self.network.sockets.get_mut(&listener)
        {
            queue.push_back(socket);
        }
        self.dispatch(Segment {
            from: socket,
            to: segment.from,
            from_machine: segment.to_machine,
            to_machine: segment.from_machine,
            kind: SegmentKind::Opened,
        });
        self.hand_out_accepted(listener);
    }

    fn arrive_opened(&mut self, segment: Segment) {
        match self.network.stream(segment.to) {
            Some(stream) => {
                stream.peer = Some(segment.from);
                stream.progress += 1;
                if let Some(connect) = stream.connect.take() {
                    let socket = crate::io::SocketId(segment.to);
                    self.end(connect, crate::io::Outcome::Connected { socket });
                }
            }
            None => self.bounce(&segment, SegmentKind::Reset),
        }
    }

    fn arrive_data(&mut self, segment: Segment) {
        if self.rng.chance_ppm(self.network.faults.reset_ppm) {
            self.break_stream(segment.to, Errno::RESET);
            return self.bounce(&segment, SegmentKind::Reset);
        }
        match self.network.stream(segment.to) {
            Some(stream) if stream.broken.is_none() => {
                if let SegmentKind::Data(bytes) = segment.kind {
                    stream.arrived.push_back((bytes, 0));
                }
                self.hand_out(segment.to);
            }
            _ => self.bounce(&segment, SegmentKind::Reset),
        }
    }

    /// The connection is over for this end: whoever waits on it hears why.
    pub(super) fn break_stream(&mut self, socket: u32, errno: Errno) {
        let Some(stream) = self.network.stream(socket) else {
            return;
        };
        if stream.broken.is_some() {
            return;
        }
        stream.broken = Some(errno);
        stream.arrived.clear();
        let connecting = stream.connect.take();
        let waiting = [
            stream.receive.take(),
            stream.receive_into.take(),
            stream.send.take(),
        ];
        for key in waiting.into_iter().flatten() {
            self.stop(key, errno);
        }
        if let Some(key) = connecting {
            self.end(key, crate::io::Outcome::Failed(errno));
            self.network.sockets.remove(&socket);
        }
    }

    /// A sender whose bytes go nowhere gives up after a while.
    fn expect_progress(&mut self, socket: u32) {
        let patience = self.network.faults.patience;
        if let Some(stream) = self.network.stream(socket)
            && !stream.expiring
        {
            stream.expiring = true;
            let progress = stream.progress;
            self.plan_after(patience, Event::Expire { socket, progress });
        }
    }

    pub(super) fn expire(&mut self, socket: u32, progress: u64) {
        if let Some(stream) = self.network.stream(socket) {
            stream.expiring = false;
            if stream.progress == progress && (stream.unacked > 0 || stream.connect.is_some()) {
                self.break_stream(socket, Errno(libc::ETIMEDOUT));
            }
        }
    }

    /// At once: what left later may be on its way already, and comes behind.
    pub(super) fn heal_link(&mut self, one: MachineId, other: MachineId) {
        let held = self.network.links.remove(&link(one, other));
        for segment in held.into_iter().flatten() {
            if let Some(stream) = self.network.stream(segment.from) {
                stream.progress += 1;
            }
            self.arrive(segment);
        }
    }

    pub(super) fn reset_connections(&mut self, one: MachineId, other: MachineId) {
        for socket in self.sockets_where(|socket| {
            let SocketKind::Stream(stream) = &socket.kind else {
                return false;
            };
            let ends = Some((socket.machine, stream.peer_machine));
            ends == Some((one, Some(other))) || ends == Some((other, Some(one)))
        }) {
            self.break_stream(socket, Errno::RESET);
        }
    }

    /// A process ended. `politely`: the kernel lives and tells the peers.
    pub(super) fn hang_up(&mut self, machine: MachineId, politely: bool) {
        for socket in self.sockets_where(|socket| socket.machine == machine) {
            self.drop_socket(socket, politely);
        }
    }

    pub(super) fn close_door_sockets(&mut self, door: DoorKey) {
        for socket in self.sockets_where(|socket| socket.door == Some(door)) {
            self.drop_socket(socket, true);
        }
    }

    fn sockets_where(&self, chosen: impl Fn(&Socket) -> bool) -> Vec<u32> {
        let sockets = self.network.sockets.iter();
        let mut found: Vec<u32> = sockets
            .filter(|(_, socket)| chosen(socket))
            .map(|(id, _)| *id)
            .collect();
        found.sort_unstable();
        found
    }

    /// Takes a socket out of the world; `politely` its peer hears of it.
    pub(super) fn drop_socket(&mut self, id: u32, politely: bool) {
        let Some(socket) = self.network.sockets.get_mut(&id) else {
            return;
        };
        let machine = socket.machine;
        match &mut socket.kind {
            SocketKind::Listener {
                bound,
                queue,
                accept,
                ..
            } => {
                let (bound, queue, accept) = (bound.clone(), std::mem::take(queue), accept.take());
                self.network.listeners.remove(&bound);
                for waiting in queue {
                    self.drop_socket(waiting, politely);
                }
                if let Some(accept) = accept {
                    self.stop(accept, Errno::CANCELED);
                }
            }
            SocketKind::Stream(stream) => {
                let waiting = [
                    stream.receive.take(),
                    stream.receive_into.take(),
                    stream.send.take(),
                ];
                let unread = !stream.arrived.is_empty();
                let goodbye = match (stream.broken.is_some(), unread, stream.write_closed) {
                    (true, _, _) => None,
                    (false, true, _) => Some(SegmentKind::Reset),
                    (false, false, true) => None,
                    (false, false, false) => Some(SegmentKind::Fin),
                };
                let peer = stream.peer.zip(stream.peer_machine);
                if let (false, Some((peer, _))) = (politely, peer) {
                    // Its probes of a full window go unanswered.
                    self.expect_progress(peer);
                }
                for key in waiting.into_iter().flatten() {
                    self.stop(key, Errno::CANCELED);
                }
                if let (true, Some((to, to_machine)), Some(kind)) = (politely, peer, goodbye) {
                    self.dispatch(Segment {
                        from: id,
                        to,
                        from_machine: machine,
                        to_machine,
                        kind,
                    });
                }
            }
        }
        self.network.sockets.remove(&id);
    }
}

/// How many bytes of `left` travel as one piece.
pub(super) fn piece(left: usize, max: usize, rng: &mut Rng) -> usize {
    let whole = left.min(max);
    match rng.below(4) {
        0 => 1 + rng.below(whole as u64) as usize,
        _ => whole,
    }
}
