//! One replica of one partition: marks, epochs, producers, waiting requests.
//!
//! Room:       `partition`, leader and follower state.
//! Called by:  `shard`, on the one thread that owns the partition.
//! Calls:      `journal` to make a batch durable, `log` to keep and find it.
//! Never:      sees a socket or a request frame, or decides about segments.
//!
//! Always true:
//!   - log start offset <= high watermark <= log end offset.
//!   - the high watermark passes a batch only after every batch below it has reached its own
//!     required mark (DESIGN §3): `pending` is popped from the front only.
//!   - a waiter for an offset is woken after the high watermark has passed it, never before.
//!   - last stable offset <= high watermark, and it never moves back: below it every transaction
//!     is over, and its marker visible.

#![forbid(unsafe_code)]

mod append;
mod error;
mod levels;
mod log_dir;
mod marker;
mod read;
mod relocate;
mod watch;

pub use append::{Append, Appended, Origin, Terms};
pub use error::{AppendError, ReadError};
pub use log_dir::LogDir;
pub use marker::{Guard, Marker};
pub use read::{EpochCheck, Fetched, LeaderView};
pub use relocate::{Hold, Request};
pub use watch::{Watch, Watchers};

use crate::config::TopicConfig;
use crate::ids::{GroupSequence, LeaderEpoch, Offset, PartitionKey, RequiredMark};
use crate::io::Errno;
use crate::log::{Log, LogSettings};
use crate::runtime::sync::{Answer, Reply, reply};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// What a topic's configuration says to its partitions, which share it.
pub struct TopicSettings {
    pub config: TopicConfig,
    pub log: Rc<LogSettings>,
}

impl TopicSettings {
    pub fn new(config: TopicConfig) -> Rc<TopicSettings> {
        let log = Rc::new(LogSettings::of_topic(&config));
        Rc::new(TopicSettings { config, log })
    }
}

/// One replica. Held by its shard only.
pub struct Partition {
    pub key: PartitionKey,
    pub topic: Arc<str>,
    /// Where its log is; both change when the replica moves to another log dir.
    dir: RefCell<Rc<LogDir>>,
    log: RefCell<Log>,
    relocation: relocate::Relocation,
    settings: RefCell<Rc<TopicSettings>>,
    leader_epoch: Cell<LeaderEpoch>,
    leads: Cell<bool>,
    high_watermark: Cell<Offset>,
    /// Appended batches that the high watermark has not passed, in offset order.
    pending: RefCell<VecDeque<Pending>>,
    waiters: RefCell<VecDeque<Waiter>>,
    watchers: watch::Watchers,
    pub levels: levels::Levels,
    /// Replicas the partition is placed on; bounds `min.insync.replicas` on one node.
    replicas: Cell<i32>,
    offline: Cell<Option<Errno>>,
    /// The journal's group that holds the last move of the log's start.
    log_start_group: Cell<GroupSequence>,
    /// Set while a batch is validated off the thread: later ones queue behind it.
    append_gate: append::Gate,
    /// The last markers, by which a guard is judged.
    markers: RefCell<marker::Recent>,
}

struct Pending {
    group: GroupSequence,
    required: RequiredMark,
    end: Offset,
}

/// Who waits for the high watermark to reach an offset; `false`: it will not any more.
struct Waiter {
    offset: Offset,
    answer: Answer<bool>,
}

impl Partition {
    /// A replica over a recovered log: everything in it is durable, so all of it is visible.
    pub fn new(
        key: PartitionKey,
        topic: Arc<str>,
        dir: Rc<LogDir>,
        log: Log,
        settings: Rc<TopicSettings>,
    ) -> Rc<Partition> {
        let high_watermark = log.log_end_offset();
        log.on_high_watermark(high_watermark);
        Rc::new(Partition {
            key,
            topic,
            dir: RefCell::new(dir),
            log: RefCell::new(log),
            relocation: relocate::Relocation::default(),
            settings: RefCell::new(settings),
            leader_epoch: Cell::new(LeaderEpoch(-1)),
            leads: Cell::new(false),
            high_watermark: Cell::new(high_watermark),
            pending: RefCell::new(VecDeque::new()),
            waiters: RefCell::new(VecDeque::new()),
            watchers: watch::Watchers::default(),
            levels: levels::Levels::default(),
            replicas: Cell::new(1),
            offline: Cell::new(None),
            log_start_group: Cell::new(GroupSequence(0)),
            append_gate: append::Gate::default(),
            markers: RefCell::new(marker::Recent::default()),
        })
    }

    pub fn dir(&self) -> Rc<LogDir> {
        self.dir.borrow().clone()
    }

    pub fn log(&self) -> Log {
        self.log.borrow().clone()
    }

    /// Takes up leadership in an epoch, once the epoch's start is in the log.
    pub fn lead(&self, epoch: LeaderEpoch) {
        if epoch > self.leader_epoch.get() {
            let log = self.log();
            log.assign_epoch(epoch, log.log_end_offset());
            self.leader_epoch.set(epoch);
        }
        self.leads.set(true);
    }

    /// Ends leadership: waiting producers are told, waiting fetches look again.
    pub fn resign(&self) {
        self.leads.set(false);
        self.fail_waiters();
        self.watchers.wake_all();
    }

    /// The disk below has failed: nothing is served any more.
    pub fn go_offline(&self, errno: Errno) {
        self.offline.set(Some(errno));
        self.resign();
    }

    pub fn configure(&self, settings: Rc<TopicSettings>) {
        self.log.borrow().set_settings(settings.log.clone());
        self.settings.replace(settings);
    }

    pub fn config(&self) -> TopicConfig {
        self.settings.borrow().config
    }

    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch.get()
    }

    pub fn is_offline(&self) -> bool {
        self.offline.get().is_some()
    }

    pub fn leads(&self) -> bool {
        self.leads.get() && self.offline.get().is_none()
    }

    pub fn high_watermark(&self) -> Offset {
        self.high_watermark.get()
    }

    /// First offset that `read_committed` may not see; without transactions the high watermark.
    pub fn last_stable_offset(&self) -> Offset {
        let high_watermark = self.high_watermark.get();
        let unstable = self.log.borrow().first_unstable_offset();
        unstable.map_or(high_watermark, |first| first.min(high_watermark))
    }

    /// How far a reader may see.
    pub fn visible_to(&self, committed: bool) -> Offset {
        if committed {
            self.last_stable_offset()
        } else {
            self.high_watermark()
        }
    }

    /// A mark of the journal moved: lets the high watermark follow and wakes who waits for it.
    pub fn advance(&self) {
        let (written, synced) = {
            let journal = &self.dir.borrow().journal;
            (journal.written(), journal.synced())
        };
        let mut pending = self.pending.borrow_mut();
        let mut reached = self.high_watermark.get();
        while let Some(first) = pending.front() {
            let level = match first.group {
                group if group <= synced => RequiredMark::Synced,
                group if group <= written => RequiredMark::Written,
                _ => RequiredMark::Memory,
            };
            if level < first.required {
                break;
            }
            self.levels.count(level, reached, first.end);
            reached = first.end;
            pending.pop_front();
        }
        drop(pending);
        if reached > self.high_watermark.get() {
            self.raise_high_watermark(reached);
        }
    }

    fn raise_high_watermark(&self, reached: Offset) {
        self.high_watermark.set(reached);
        // A marker below it ends its transaction for readers.
        self.log.borrow().on_high_watermark(reached);
        self.wake_waiters(reached);
        let stable = || self.last_stable_offset();
        self.watchers
            .wake(reached, stable, |from, to| self.bytes_between(from, to));
    }

    /// Completes with `true` once the high watermark is at `offset` or beyond, with `false` when
    /// this replica stops leading first.
    pub fn visible(&self, offset: Offset) -> Reply<bool> {
        let (answer, reply) = reply();
        if self.high_watermark.get() >= offset {
            answer.send(true);
        } else if !self.leads() {
            answer.send(false);
        } else {
            let mut waiters = self.waiters.borrow_mut();
            // Nearly always the newest offset: a search from the back ends at once.
            let place = waiters.iter().rposition(|waiter| waiter.offset <= offset);
            waiters.insert(
                place.map_or(0, |index| index + 1),
                Waiter { offset, answer },
            );
        }
        reply
    }

    /// Watches for what a reader may see beyond `offset`; see `Watch`.
    pub fn watch(&self, watch: &Watch, offset: Offset, committed: bool) {
        let visible = self.visible_to(committed);
        let is_behind = visible > offset;
        if !is_behind || !watch.gained(self.bytes_between(offset, visible)) {
            self.watchers.add(watch, offset.max(visible), committed);
        }
    }

    fn bytes_between(&self, from: Offset, to: Offset) -> usize {
        self.log
            .borrow()
            .bytes_between(from, to)
            .unwrap_or(usize::MAX)
    }

    fn wake_waiters(&self, reached: Offset) {
        loop {
            let mut waiters = self.waiters.borrow_mut();
            match waiters.front() {
                Some(first) if first.offset <= reached => {}
                _ => return,
            }
            let waiter = waiters.pop_front();
            drop(waiters);
            if let Some(waiter) = waiter {
                waiter.answer.send(true);
            }
        }
    }

    fn fail_waiters(&self) {
        let waiters = std::mem::take(&mut *self.waiters.borrow_mut());
        waiters
            .into_iter()
            .for_each(|waiter| waiter.answer.send(false));
    }
}
