//! A log dir as one shard uses it: its journal, what its logs share, and who waits for marks.
//!
//! Room:       `partition`.
//! Called by:  `shard`, which opens it and moves it on when the journal has news.
//! Calls:      `journal`, `log`.
//! Never:      shared between shards; every shard has a journal of its own in each log dir.

use super::Partition;
use super::append::Gate;
use crate::ids::{GroupSequence, RequiredMark};
use crate::journal::Journal;
use crate::log::LogStorage;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::{Rc, Weak};

type Touched = VecDeque<(GroupSequence, Weak<Partition>)>;

pub struct LogDir {
    pub path: PathBuf,
    /// The `directory.id` of its `meta.properties`.
    pub id: [u8; 16],
    pub journal: Journal,
    pub storage: LogStorage,
    /// Partitions with a batch in a group that has yet to be written, oldest group first. Weak,
    /// for a partition holds its log dir: on a disk that failed no mark moves any more.
    written_next: RefCell<Touched>,
    /// The same for batches that must be synced.
    synced_next: RefCell<Touched>,
    /// Clients' batches that wait for room, in the order in which they came.
    room: Gate,
}

impl LogDir {
    pub fn new(path: PathBuf, id: [u8; 16], journal: Journal, storage: LogStorage) -> Rc<LogDir> {
        Rc::new(LogDir {
            path,
            id,
            journal,
            storage,
            written_next: RefCell::new(VecDeque::new()),
            synced_next: RefCell::new(VecDeque::new()),
            room: Gate::default(),
        })
    }

    /// Whether a client's batch may be appended at once.
    pub(super) fn has_room(&self) -> bool {
        self.room.is_open() && self.journal.has_room()
    }

    /// Waits until it may be, or the journal takes nothing any more: a producer that is faster
    /// than the disk is slowed, at every level of acknowledgement.
    pub(super) async fn room(&self) {
        let place = self.room.enter();
        place.turn().await;
        loop {
            let seen = self.journal.progress().count();
            if self.journal.has_room() || self.journal.is_shut() {
                return;
            }
            self.journal.progress().after(seen).await;
        }
    }

    /// `partition` has a batch in `group` and wants to hear when that has reached `required`.
    pub(super) fn touched(
        &self,
        group: GroupSequence,
        required: RequiredMark,
        partition: &Rc<Partition>,
    ) {
        let queue = match required {
            RequiredMark::Memory => return,
            RequiredMark::Written => &self.written_next,
            RequiredMark::Synced => &self.synced_next,
        };
        let mut queue = queue.borrow_mut();
        match queue.back() {
            Some((last, same))
                if *last == group && std::ptr::eq(same.as_ptr(), Rc::as_ptr(partition)) => {}
            _ => queue.push_back((group, Rc::downgrade(partition))),
        }
    }

    /// The journal's marks have moved: lets the partitions follow.
    pub fn advance(&self) {
        advance_up_to(&self.written_next, self.journal.written());
        advance_up_to(&self.synced_next, self.journal.synced());
    }
}

fn advance_up_to(queue: &RefCell<Touched>, mark: GroupSequence) {
    loop {
        let mut entries = queue.borrow_mut();
        match entries.front() {
            Some((group, _)) if *group <= mark => {}
            _ => return,
        }
        let entry = entries.pop_front();
        drop(entries);
        let partition = entry.and_then(|(_, partition)| partition.upgrade());
        if let Some(partition) = partition {
            partition.advance();
        }
    }
}
