//! Moving to another log dir: appends are held, the log changes, appends go on in the new one.
//!
//! Room:       `partition`.
//! Called by:  `shard::moves`, which has copied the log before.
//! Calls:      nothing.
//! Never:      copies, or lets an append, a marker or a move of the log's start slip in between the
//!             last byte that was copied and the change.

use super::append::{Gate, Place};
use super::{LogDir, Partition};
use crate::ids::{GroupSequence, RequiredMark};
use crate::log::Log;
use crate::runtime::sync::Event;
use std::cell::Cell;
use std::rc::Rc;

/// Whether the replica is on the move.
#[derive(Default)]
pub(super) struct Relocation {
    /// Set while nothing may change the log.
    held: Cell<bool>,
    released: Event,
    /// Requests to move, in the order they came.
    requests: Gate,
    /// How often it has moved.
    moves: Cell<u32>,
    /// Set from the first byte that is copied on: it is not compacted meanwhile.
    copying: Cell<bool>,
}

/// As long as this is there, no later request to move is looked at.
pub struct Request {
    _place: Place,
}

/// As long as this is there, nothing is appended and the log's start stays.
pub struct Hold {
    partition: Rc<Partition>,
    _place: Place,
}

impl Partition {
    /// Lets what came before be appended, and holds what comes from now on.
    pub async fn hold(self: &Rc<Self>) -> Hold {
        let place = self.append_gate.enter();
        place.turn().await;
        self.relocation.held.set(true);
        Hold {
            partition: self.clone(),
            _place: place,
        }
    }

    /// Completes when every request to move that came before has been answered.
    pub async fn next_request(&self) -> Request {
        let place = self.relocation.requests.enter();
        place.turn().await;
        Request { _place: place }
    }

    pub fn is_held(&self) -> bool {
        self.relocation.held.get()
    }

    /// Completes when nothing holds the replica.
    pub async fn released(&self) {
        while self.is_held() {
            self.relocation.released.next().await;
        }
    }

    /// Completes when every append that was begun before has been decided.
    pub async fn settled(&self) {
        let place = self.append_gate.enter();
        place.turn().await;
    }

    /// Groups of appends before the last move are of another journal, and durable in this one.
    pub fn moves(&self) -> u32 {
        self.relocation.moves.get()
    }

    pub fn set_copying(&self, copying: bool) {
        self.relocation.copying.set(copying);
    }

    pub fn is_copying(&self) -> bool {
        self.relocation.copying.get()
    }
}

impl Hold {
    /// From now on `log` is the replica's: it holds, durably, all that the old one did.
    pub fn relocate(&self, dir: Rc<LogDir>, log: Log) {
        let partition = &self.partition;
        let end = log.log_end_offset();
        assert_eq!(end, partition.log().log_end_offset(), "all was copied");
        partition.dir.replace(dir);
        partition.log.replace(log);
        let relocation = &partition.relocation;
        relocation.moves.set(relocation.moves.get() + 1);
        partition.log_start_group.set(GroupSequence(0));
        // Whatever they waited for, they have it: everything is synced.
        partition.pending.borrow_mut().clear();
        let visible = partition.high_watermark();
        partition.levels.count(RequiredMark::Synced, visible, end);
        partition.raise_high_watermark(end);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.partition.relocation.held.set(false);
        self.partition.relocation.released.notify();
    }
}
