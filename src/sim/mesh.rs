//! Between the doors of one process: parcels, in order per pair, and signals.
//!
//! Room:       `sim`.
//! Called by:  `door`, `world`.
//! Never:      looks into a parcel.

use super::clock::{Latency, MICROSECOND, Nanos};
use super::world::{Core, DoorKey, Event, MachineId, OpKey, Work};
use crate::io::{Errno, Outcome, Parcel, PeerId, Token};
use crate::map::Map;
use std::collections::VecDeque;

/// A parcel on its way.
pub(super) struct Letter {
    pub from: PeerId,
    pub parcel: Parcel,
}

/// What one door has to do with the mesh.
#[derive(Default)]
pub(super) struct Letters {
    /// Arrived, and nobody asked for them yet.
    waiting: VecDeque<Letter>,
    /// When the last parcel from each sender arrives: the next one comes behind it.
    last_arrival: Map<PeerId, Nanos>,
    /// Parcels from each sender that are on their way or wait.
    unread: Map<PeerId, usize>,
    /// Posts that wait for room in the ring from their sender.
    blocked: Map<PeerId, VecDeque<(OpKey, Parcel)>>,
}

/// Parcels a ring between two doors holds. Small, so that a full ring is common.
const RING_PARCELS_MAX: usize = 64;

impl Core {
    pub(super) fn post(&mut self, door: DoorKey, token: Token, to: PeerId, parcel: Parcel) {
        let machine = self.doors[door.0].machine;
        let from = self.doors[door.0].peer;
        let target = self.machines[machine.0]
            .doors
            .get(usize::from(to.0))
            .copied();
        let Some(target) = target.filter(|target| self.doors[target.0].alive) else {
            let gone = Outcome::Failed(Errno::BROKEN_PIPE);
            return self.answer(door, token, gone, MICROSECOND);
        };
        let key = self.begin(door, token, Work::Post);
        let letters = &mut self.doors[target.0].letters;
        let blocked = letters.blocked.entry(from).or_default();
        blocked.push_back((key, parcel));
        self.forward(target, from);
    }

    /// Sends waiting parcels on while there is room.
    fn forward(&mut self, target: DoorKey, from: PeerId) {
        loop {
            let letters = &mut self.doors[target.0].letters;
            let unread = letters.unread.entry(from).or_default();
            if *unread >= RING_PARCELS_MAX {
                return;
            }
            let Some((key, parcel)) = letters.blocked.entry(from).or_default().pop_front() else {
                return;
            };
            *unread += 1;
            let delay = Latency::around(100, 20 * MICROSECOND).draw(&mut self.rng);
            let now = self.timeline.now();
            let last = letters.last_arrival.entry(from).or_default();
            *last = (now + delay).max(*last + 1);
            let at = *last;
            self.plan(at, Event::Deliver(target, Letter { from, parcel }));
            self.end(key, Outcome::Done);
        }
    }

    pub(super) fn deliver(&mut self, door: DoorKey, letter: Letter) {
        if self.doors[door.0].alive {
            self.doors[door.0].letters.waiting.push_back(letter);
            self.hand_out_letters(door);
        }
    }

    pub(super) fn open_inbox(&mut self, door: DoorKey, token: Token) {
        assert!(self.doors[door.0].inbox.is_none(), "a door has one inbox");
        let key = self.begin(door, token, Work::Inbox);
        self.doors[door.0].inbox = Some(key);
        self.hand_out_letters(door);
    }

    fn hand_out_letters(&mut self, door: DoorKey) {
        let Some(inbox) = self.doors[door.0].inbox else {
            return;
        };
        let token = self.operations[&inbox].token;
        while let Some(Letter { from, parcel }) = self.doors[door.0].letters.waiting.pop_front() {
            let unread = self.doors[door.0].letters.unread.entry(from).or_default();
            *unread -= 1;
            self.complete(door, token, Outcome::Arrived { from, parcel }, true);
            self.forward(door, from);
        }
    }

    pub(super) fn open_signals(&mut self, door: DoorKey, token: Token) {
        let key = self.begin(door, token, Work::Signals);
        self.doors[door.0].signals = Some(key);
    }

    pub(super) fn signal(&mut self, machine: MachineId, signal: i32) {
        for door in self.machines[machine.0].doors.clone() {
            if let Some(key) = self.doors[door.0].signals {
                let token = self.operations[&key].token;
                self.complete(door, token, Outcome::Signalled(signal), true);
            }
        }
    }
}
