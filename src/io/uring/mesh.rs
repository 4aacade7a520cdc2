//! Parcels between doors: one bounded single-producer single-consumer ring per ordered pair, and
//! the flags that say who sleeps.
//!
//! Room:       `io::uring`.
//! Called by:  `ring`, with the `Port` of its own door.
//! Calls:      `rtrb` for the rings.
//! Never:      makes a system call, except `Shared::wake` when the door really sleeps.
//!
//! A post waits for room without a bound of its own, so no door ever blocks on a full ring. What
//! can wait is bounded where it begins: a request is read from its socket only when the budget has
//! room (`connection::budget`; each is charged 512 bytes at least, so by default 98 304 are under
//! way in the whole process), it posts one message per shard at a time, and a reply answers one
//! message. Credits per ring were refused: they would be a second count of the same thing, and a
//! request that holds the order of its connection could wait for credits that only its followers
//! return.
//!
//! Nobody may sleep while something waits for him. Both sides write, fence, then read:
//!
//!   the sleeper:  parked = true   ║ fence ║  look into every ring and flag, then sleep
//!   the poster:   push the parcel ║ fence ║  look at `parked`, then wake
//!
//! so at least one of them sees the other. The poster looks once per turn for all it has posted
//! (`wake_posted`); the same holds for a poster that waits for room (`blocked`).

use super::OpenError;
use crate::io::op::{Errno, Parcel, PeerId, Token};
use crate::io::{Wake, op::Completion, op::Outcome};
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering, fence};

/// The part of a door that every thread may touch.
pub struct Shared {
    /// It sleeps, or is about to, and has to be woken.
    parked: AtomicBool,
    /// Somebody has woken it since it last looked.
    woken: AtomicBool,
    /// An eventfd that the ring polls, for threads that have no ring.
    event: File,
    /// The ring's descriptor, for MSG_RING; -1 while it is not open. A poster may still use a
    /// number that was closed a moment ago: the kernel then answers EBADFD or wakes in vain.
    ring: AtomicI32,
}

impl Shared {
    fn new() -> Result<Shared, OpenError> {
        // SAFETY: takes two integers; the result is checked.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(OpenError::of(&std::io::Error::last_os_error()));
        }
        // SAFETY: a descriptor the kernel has just made for us, owned by nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Shared {
            parked: AtomicBool::new(false),
            woken: AtomicBool::new(false),
            event: File::from(fd),
            ring: AtomicI32::new(-1),
        })
    }

    pub fn event_fd(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    pub fn set_ring(&self, fd: RawFd) {
        self.ring.store(fd, Ordering::Release);
    }

    /// Announces that the owner is about to sleep; it must look at everything once more.
    pub fn park(&self) {
        self.parked.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The owner is awake; whatever was written before a wake is looked at from here on.
    pub fn unpark(&self) {
        self.parked.store(false, Ordering::SeqCst);
        self.woken.store(false, Ordering::SeqCst);
    }

    pub fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// Ends the sleep through the eventfd, whatever the flags say.
    pub fn ring_the_bell(&self) {
        // Fails only when 2^64 - 2 wakes are unread; then the door is awake anyway.
        let _ = (&self.event).write(&1u64.to_ne_bytes());
    }

    /// Takes the bell's count out, so that a level-triggered poll of it waits again.
    pub fn quiet_the_bell(&self) {
        let mut count = [0u8; 8];
        // Fails only when nothing is to be read, which is what we want.
        let _ = (&self.event).read(&mut count);
    }
}

impl Wake for Shared {
    fn wake(&self) {
        let first = !self.woken.swap(true, Ordering::SeqCst);
        if first && self.parked.load(Ordering::SeqCst) {
            self.ring_the_bell();
        }
    }
}

/// One door's end of all its rings.
pub struct Port {
    me: usize,
    shared: Vec<Arc<Shared>>,
    lanes: Vec<Lane>,
    inboxes: Vec<Consumer<Parcel>>,
    /// `inbound_blocked[peer]`: the peer waits for room in its ring to us.
    inbound_blocked: Vec<Arc<AtomicBool>>,
    /// Peers to look at before the next sleep: posted to, or given room.
    to_wake: Vec<usize>,
}

/// The way to one peer.
struct Lane {
    ring: Producer<Parcel>,
    /// What found the ring full, in order.
    waiting: VecDeque<(Token, Parcel)>,
    /// We wait for room.
    blocked: Arc<AtomicBool>,
    wake: bool,
}

/// Makes the ports of `count` doors.
pub fn connect(count: usize, capacity: usize) -> Result<Vec<Port>, OpenError> {
    let shared = (0..count)
        .map(|_| Shared::new().map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let mut ports: Vec<Port> = (0..count)
        .map(|me| Port {
            me,
            shared: shared.clone(),
            lanes: Vec::with_capacity(count),
            inboxes: Vec::with_capacity(count),
            inbound_blocked: Vec::with_capacity(count),
            to_wake: Vec::with_capacity(count),
        })
        .collect();
    for source in 0..count {
        for target in &mut ports {
            let (producer, consumer) = RingBuffer::new(capacity.max(1));
            let blocked = Arc::new(AtomicBool::new(false));
            target.inboxes.push(consumer);
            target.inbound_blocked.push(blocked.clone());
            // Kept with the target for a moment; handed to its source below.
            target.lanes.push(Lane {
                ring: producer,
                waiting: VecDeque::new(),
                blocked,
                wake: false,
            });
        }
        debug_assert!(ports.iter().all(|port| port.lanes.len() == source + 1));
    }
    // `ports[target].lanes[source]` becomes `ports[source].lanes[target]`.
    let mut by_target: Vec<_> = ports
        .iter_mut()
        .map(|port| std::mem::take(&mut port.lanes).into_iter())
        .collect();
    for port in &mut ports {
        port.lanes = by_target.iter_mut().filter_map(Iterator::next).collect();
        assert_eq!(
            port.lanes.len(),
            count,
            "every door has a way to every door"
        );
    }
    Ok(ports)
}

impl Port {
    pub fn id(&self) -> PeerId {
        PeerId(u16::try_from(self.me).expect("`open_all` checked the count"))
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared[self.me]
    }

    /// Sends `parcel`, or keeps it in order until there is room. The answer goes to `ready`.
    pub fn post(&mut self, token: Token, to: PeerId, parcel: Parcel, ready: &mut Vec<Completion>) {
        let Some(lane) = self.lanes.get_mut(usize::from(to.0)) else {
            ready.push(Completion::last(
                token,
                Outcome::Failed(Errno(libc::EHOSTUNREACH)),
            ));
            return;
        };
        lane.waiting.push_back((token, parcel));
        lane.advance(usize::from(to.0), &mut self.to_wake, ready);
    }

    /// Takes a parcel that still waits for room out again.
    pub fn cancel(&mut self, token: Token) -> bool {
        for lane in &mut self.lanes {
            if let Some(at) = lane
                .waiting
                .iter()
                .position(|(waiting, _)| *waiting == token)
            {
                lane.waiting.remove(at);
                return true;
            }
        }
        false
    }

    /// Sends what waited, where there is room now.
    pub fn send_waiting(&mut self, ready: &mut Vec<Completion>) {
        for (to, lane) in self.lanes.iter_mut().enumerate() {
            if !lane.waiting.is_empty() {
                lane.advance(to, &mut self.to_wake, ready);
            }
        }
    }

    /// Whether a parcel waits for us, or room for a parcel of ours has come up.
    pub fn has_news(&self, inbox_open: bool) -> bool {
        let arrived = inbox_open && self.inboxes.iter().any(|inbox| !inbox.is_empty());
        arrived
            || self
                .lanes
                .iter()
                .any(|lane| !lane.waiting.is_empty() && lane.ring.slots() > 0)
    }

    /// Moves everything that has arrived into `done`, in order per sender.
    pub fn receive(&mut self, token: Token, done: &mut Vec<Completion>) {
        for (from, inbox) in self.inboxes.iter_mut().enumerate() {
            let mut count = inbox.slots();
            if count == 0 {
                continue;
            }
            while count > 0 {
                let Ok(parcel) = inbox.pop() else { break };
                let from = PeerId(from as u16);
                done.push(Completion::more(token, Outcome::Arrived { from, parcel }));
                count -= 1;
            }
            fence(Ordering::SeqCst);
            if self.inbound_blocked[from].swap(false, Ordering::Relaxed) {
                self.to_wake.push(from);
            }
        }
    }

    /// Calls `wake(peer, its ring)` for every peer that sleeps although it has news from us.
    pub fn wake_posted(&mut self, mut wake: impl FnMut(PeerId, RawFd)) {
        if self.to_wake.is_empty() {
            return;
        }
        fence(Ordering::SeqCst);
        for peer in self.to_wake.drain(..) {
            self.lanes[peer].wake = false;
            let shared = &self.shared[peer];
            // The swap claims the wake: no second one is sent for the same sleep.
            if peer != self.me
                && shared.parked.load(Ordering::Relaxed)
                && shared.parked.swap(false, Ordering::SeqCst)
            {
                wake(PeerId(peer as u16), shared.ring.load(Ordering::Acquire));
            }
        }
    }

    /// Wakes a peer through its eventfd: MSG_RING is missing or has failed.
    pub fn wake_by_event(&self, peer: PeerId) {
        if let Some(shared) = self.shared.get(usize::from(peer.0)) {
            shared.ring_the_bell();
        }
    }
}

impl Lane {
    /// Moves parcels from `waiting` into the ring until one of them is at its end.
    fn advance(&mut self, to: usize, to_wake: &mut Vec<usize>, ready: &mut Vec<Completion>) {
        while let Some((token, parcel)) = self.waiting.pop_front() {
            if self.ring.is_abandoned() {
                ready.push(Completion::last(token, Outcome::Failed(Errno::BROKEN_PIPE)));
                continue;
            }
            match self.push(parcel) {
                Ok(()) => {
                    if !self.wake {
                        self.wake = true;
                        to_wake.push(to);
                    }
                    ready.push(Completion::last(token, Outcome::Done));
                }
                Err(parcel) => {
                    self.waiting.push_front((token, parcel));
                    // Gone since it was looked at: the next round says so.
                    if !self.ring.is_abandoned() {
                        return;
                    }
                }
            }
        }
    }

    fn push(&mut self, parcel: Parcel) -> Result<(), Parcel> {
        let Err(PushError::Full(parcel)) = self.ring.push(parcel) else {
            return Ok(());
        };
        // Full: say that we wait, then look once more, or the peer may have missed it.
        self.blocked.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.ring
            .push(parcel)
            .map_err(|PushError::Full(parcel)| parcel)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.shared().set_ring(-1);
        // A poster that waits for room learns that there is nobody left.
        self.inboxes.clear();
        fence(Ordering::SeqCst);
        for (peer, blocked) in self.inbound_blocked.iter().enumerate() {
            if blocked.load(Ordering::SeqCst) {
                self.shared[peer].wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(port: &mut Port, to: u16, value: u64) -> bool {
        let mut ready = Vec::new();
        port.post(Token(value), PeerId(to), Box::new(value), &mut ready);
        !ready.is_empty()
    }

    fn received(port: &mut Port) -> Vec<(u16, u64)> {
        let mut done = Vec::new();
        port.receive(Token(0), &mut done);
        let values = done.into_iter().map(|completion| match completion.outcome {
            Outcome::Arrived { from, parcel } => (from.0, *parcel.downcast::<u64>().unwrap()),
            _ => panic!("an inbox only has arrivals"),
        });
        values.collect()
    }

    #[test]
    fn parcels_reach_the_door_they_are_for_in_order() {
        let mut ports = connect(3, 4).unwrap();
        assert!(posted(&mut ports[0], 2, 1));
        assert!(posted(&mut ports[1], 2, 10));
        assert!(posted(&mut ports[0], 2, 2));
        assert!(posted(&mut ports[2], 2, 20));
        assert_eq!(
            received(&mut ports[2]),
            vec![(0, 1), (0, 2), (1, 10), (2, 20)]
        );
        assert!(received(&mut ports[0]).is_empty());
    }

    #[test]
    fn a_full_ring_keeps_order_and_its_poster_is_woken() {
        let mut ports = connect(2, 2).unwrap();
        let answered: Vec<bool> = (0..5).map(|n| posted(&mut ports[0], 1, n)).collect();
        assert_eq!(answered, vec![true, true, false, false, false]);
        assert!(!ports[0].has_news(true));
        ports[0].shared().park();
        assert_eq!(received(&mut ports[1]), vec![(0, 0), (0, 1)]);
        let mut woken = Vec::new();
        ports[1].wake_posted(|peer, _| woken.push(peer.0));
        assert_eq!(woken, vec![0]);
        assert!(ports[0].has_news(true));
        let mut ready = Vec::new();
        ports[0].send_waiting(&mut ready);
        assert_eq!(ready.len(), 2);
        assert_eq!(received(&mut ports[1]), vec![(0, 2), (0, 3)]);
    }

    #[test]
    fn only_a_sleeper_is_woken_and_only_once() {
        let mut ports = connect(2, 8).unwrap();
        let mut woken = 0;
        posted(&mut ports[0], 1, 1);
        ports[0].wake_posted(|_, _| woken += 1);
        assert_eq!(woken, 0);
        ports[1].shared().park();
        posted(&mut ports[0], 1, 2);
        posted(&mut ports[0], 1, 3);
        ports[0].wake_posted(|_, _| woken += 1);
        ports[0].wake_posted(|_, _| woken += 1);
        assert_eq!(woken, 1);
    }

    #[test]
    fn a_peer_that_is_gone_fails_the_post() {
        let mut ports = connect(2, 8).unwrap();
        drop(ports.pop());
        let mut ready = Vec::new();
        ports[0].post(Token(1), PeerId(1), Box::new(1u64), &mut ready);
        assert!(matches!(
            ready[0].outcome,
            Outcome::Failed(Errno::BROKEN_PIPE)
        ));
        ports[0].post(Token(2), PeerId(9), Box::new(1u64), &mut ready);
        assert!(matches!(
            ready[1].outcome,
            Outcome::Failed(Errno(libc::EHOSTUNREACH))
        ));
    }
}
