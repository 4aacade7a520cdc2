//! Replicas that change their log dir while they serve (KIP-113).
//!
//! Room:       `shard`, background work.
//! Called by:  `ask` (AlterReplicaLogDirs), `open` (a start takes up what a stop interrupted).
//! Calls:      `log`, `journal`, `checkpointer`, `partition`.
//! Never:      holds appends while it copies what is old, or moves two replicas at once: each disk
//!             has its producers to serve.
//!
//! ```text
//!   /a/orders-0                                /b/orders-0.<32 digits>-future
//!   1  batches are read and appended to the copy, a few MiB at a time, flushed, synced
//!   2  the checkpoint of /b knows the copy; what comes from here on goes through the journal of /b
//!   3  appends are held; the rest follows; all of it is synced
//!   4  the copy's folder, marked `ottla-moved`, is renamed to orders-0: from here on it is the one
//!   5  appends go on, into /b
//!   6  the journal of /a says that the replica has gone; /a/orders-0 becomes orders-0.…-delete
//!   7  the mark goes
//! ```
//!
//! Before 3 the original is marked too, `ottla-leaving`, with the name of /b: what is acknowledged
//! between 5 and 6 is in /b alone, and if /b is the log dir that a start cannot use, the original
//! is not served in its place. The mark goes with the folder, or when the move does not come to 4.
//!
//! Each step is durable before the next. A start that finds a future folder begins the move anew:
//! copying is cheap, and half a copy proves nothing. One that finds two folders of a replica
//! keeps the marked one, whose 4 was reached, and ends 6 and 7.
//!
//! The copy is made of batches, not of files: it needs nothing that a log cannot do anyway, and
//! never sees a segment in the middle of a compaction. What only the original knows (producers
//! whose batches are gone, leader epochs) is handed over before 2.

mod copy;
mod start;

pub(super) use start::remove_nameless;

use super::Shard;
use crate::ids::{GroupSequence, Offset, PartitionKey, RequiredMark};
use crate::io::{Errno, Instant};
use crate::journal::{Entry, JournalError};
use crate::log::layout::{
    LEAVING_FILE, MOVED_FILE, delete_folder_name, folder_name, future_folder_name,
};
use crate::log::{Log, LogError, ReadError};
use crate::map::{Map, Set};
use crate::partition::{LogDir, Partition};
use crate::protocol::ErrorCode;
use crate::runtime::sync::Event;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The moves of one shard.
#[derive(Default)]
pub(super) struct Moves {
    /// Those that were asked for and have not ended.
    wanted: RefCell<BTreeMap<PartitionKey, Rc<Move>>>,
    waiting: RefCell<VecDeque<Rc<Move>>>,
    is_running: Cell<bool>,
    /// Replicas of which a folder could not be removed, their former one or a copy that is not
    /// wanted any more: they stay, or a start might take that one for them or for wanted.
    stuck: RefCell<Set<PartitionKey>>,
    /// Where partitions shall be that do not exist yet, by topic and number.
    preferred: RefCell<Map<(Arc<str>, i32), PathBuf>>,
}

/// One replica on its way.
pub(super) struct Move {
    partition: Rc<Partition>,
    target: Rc<LogDir>,
    /// The future replica, once its folder is there.
    copy: OnceCell<Log>,
    cancelled: Cell<bool>,
    begun: Cell<bool>,
    /// It was cancelled.
    stop: Event,
    has_ended: Cell<bool>,
    ended: Event,
}

/// A future replica, for DescribeLogDirs.
pub(super) struct Future {
    pub partition: Rc<Partition>,
    pub target: Rc<LogDir>,
    pub copy: Log,
}

/// Why a move ended before its time.
#[derive(Debug)]
enum Halt {
    /// Another log dir was asked for, or the topic is gone.
    Cancelled,
    /// The shard is being closed; the next start goes on.
    Stopping,
    /// The replica stays where it was.
    Refused(LogError),
    Unreadable(ReadError),
    Journal(JournalError),
    /// The replica's new folder may be the one that the next start serves, or not.
    Uncertain(Errno),
}

/// A batch is missing between two, where the copy follows, only while a compaction ends.
const ATTEMPTS_MAX: u32 = 8;

/// Partitions that do not exist and whose log dir is remembered; a name takes 100 bytes or so.
const PREFERRED_MAX: usize = 100_000;

impl Shard {
    /// The log dir of that path, if it can be used.
    pub fn usable_dir(&self, path: &Path) -> Result<Rc<LogDir>, ErrorCode> {
        let dir = self.dirs.iter().find(|dir| dir.path == path);
        match dir {
            Some(dir) if dir.journal.failed().is_none() => Ok(dir.clone()),
            Some(_) => Err(ErrorCode::KafkaStorageError),
            None if self.config().log_dirs.iter().any(|known| known == path) => {
                Err(ErrorCode::KafkaStorageError)
            }
            None => Err(ErrorCode::LogDirNotFound),
        }
    }

    /// Partitions of this name will be made in that log dir.
    pub fn prefer_dirs(&self, preferences: &[(Arc<str>, i32, PathBuf)]) {
        let mut preferred = self.moves.preferred.borrow_mut();
        for (topic, partition, path) in preferences {
            let name = (topic.clone(), *partition);
            if preferred.len() < PREFERRED_MAX || preferred.contains_key(&name) {
                preferred.insert(name, path.clone());
            }
        }
    }

    /// Where a partition that is made now was asked to be, told once.
    pub(super) fn preferred_dir(&self, topic: &Arc<str>, partition: i32) -> Option<usize> {
        let name = (topic.clone(), partition);
        let path = self.moves.preferred.borrow_mut().remove(&name)?;
        let dir = self.usable_dir(&path).ok()?;
        Some(self.index_of(&dir))
    }

    /// The replica shall be in the log dir of that path: answered when it is on its way. Another
    /// move of it ends. Requests are carried out as they come: the last one counts.
    pub(super) async fn move_to(
        self: &Rc<Self>,
        partition: &Rc<Partition>,
        path: &Path,
    ) -> Result<(), ErrorCode> {
        let target = self.usable_dir(path)?;
        if partition.is_offline() {
            return Err(ErrorCode::KafkaStorageError);
        }
        let key = partition.key;
        let _turn = partition.next_request().await;
        let is_wanted = |other: &Move| Rc::ptr_eq(&other.target, &target);
        if self.wanted_move(key).is_some_and(|other| is_wanted(&other)) {
            return Ok(());
        }
        // Its folder is gone when this is answered, or a start would take it up.
        self.end_move(key).await;
        // Its topic is gone, or the shard stops, and then the next start takes up what was wanted
        // before.
        let is_here = |now: Rc<Partition>| Rc::ptr_eq(&now, partition);
        if !self.partition(key).is_some_and(is_here) {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let is_stuck = self.moves.stuck.borrow().contains(&key);
        if self.background.is_stopping() || is_stuck {
            return Err(ErrorCode::KafkaStorageError);
        }
        if Rc::ptr_eq(&partition.dir(), &target) {
            return Ok(());
        }
        // As in Kafka: a log dir that is not here may hold a copy begun before.
        let is_whole = self.dirs.iter().all(|dir| dir.journal.failed().is_none());
        if self.misses_a_dir() || !is_whole {
            return Err(ErrorCode::KafkaStorageError);
        }
        self.begin_move(partition, target).await
    }

    async fn begin_move(
        self: &Rc<Self>,
        partition: &Rc<Partition>,
        target: Rc<LogDir>,
    ) -> Result<(), ErrorCode> {
        let unique = self.unique();
        let name = future_folder_name(&partition.topic, partition.key.partition, unique);
        let folder = target
            .path
            .join(name.ok_or(ErrorCode::InvalidTopicException)?);
        let under_way = Rc::new(Move {
            partition: partition.clone(),
            target: target.clone(),
            copy: OnceCell::new(),
            cancelled: Cell::new(false),
            begun: Cell::new(false),
            stop: Event::new(),
            has_ended: Cell::new(false),
            ended: Event::new(),
        });
        let key = partition.key;
        let wanted = &self.moves.wanted;
        wanted.borrow_mut().insert(key, under_way.clone());
        let settings = partition.log().settings();
        let created = Log::create(&target.storage, &folder, key, settings).await;
        let copy = match created {
            Ok(copy) => under_way.copy.get_or_init(|| copy),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "no future replica is made");
                self.end(&under_way);
                return Err(error.error_code());
            }
        };
        // What was answered is done, even if the power fails: the folder is there, and says whose.
        let synced = match self.runtime.sync_directory(&folder).await {
            Ok(()) => self.runtime.sync_directory(&target.path).await,
            failed => failed,
        };
        if under_way.cancelled.get() || synced.is_err() {
            self.discard(key, copy).await;
            self.end(&under_way);
            return Err(match synced {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::KafkaStorageError,
            });
        }
        self.moves.waiting.borrow_mut().push_back(under_way);
        self.run_moves();
        Ok(())
    }

    /// Starts the task that carries moves out, if it does not run.
    fn run_moves(self: &Rc<Self>) {
        if self.background.is_stopping() || self.moves.is_running.replace(true) {
            return;
        }
        let shard = self.clone();
        self.background.start(&self.runtime, async move {
            loop {
                let next = shard.moves.waiting.borrow_mut().pop_front();
                let Some(next) = next else {
                    break;
                };
                next.begun.set(true);
                shard.carry_out(&next).await;
                shard.end(&next);
            }
            shard.moves.is_running.set(false);
        });
    }

    /// The replica's move, one that is being cancelled too.
    fn any_move(&self, key: PartitionKey) -> Option<Rc<Move>> {
        self.moves.wanted.borrow().get(&key).cloned()
    }

    fn wanted_move(&self, key: PartitionKey) -> Option<Rc<Move>> {
        self.any_move(key).filter(|found| !found.cancelled.get())
    }

    fn cancel(self: &Rc<Self>, cancelled: &Rc<Move>) {
        if cancelled.cancelled.replace(true) {
            return;
        }
        cancelled.stop.notify();
        let mut waiting = self.moves.waiting.borrow_mut();
        let place = waiting.iter().position(|one| Rc::ptr_eq(one, cancelled));
        if let Some(place) = place {
            waiting.remove(place);
            let (shard, waiting) = (self.clone(), cancelled.clone());
            self.runtime.spawn(async move {
                if let Some(copy) = waiting.copy.get() {
                    shard.discard(waiting.partition.key, copy).await;
                }
                shard.end(&waiting);
            });
        }
    }

    /// A move of this replica has ended when this returns, whoever cancelled it.
    pub(super) async fn end_move(self: &Rc<Self>, key: PartitionKey) {
        while let Some(found) = self.any_move(key) {
            self.cancel(&found);
            while !found.has_ended.get() {
                found.ended.next().await;
            }
        }
    }

    fn end(&self, ended: &Rc<Move>) {
        let mut wanted = self.moves.wanted.borrow_mut();
        if wanted
            .get(&ended.partition.key)
            .is_some_and(|one| Rc::ptr_eq(one, ended))
        {
            wanted.remove(&ended.partition.key);
        }
        drop(wanted);
        ended.has_ended.set(true);
        ended.ended.notify();
    }

    /// The future replicas, in the order of their keys.
    pub(super) fn futures(&self) -> Vec<Future> {
        let wanted = self.moves.wanted.borrow();
        let wanted = wanted.values().filter(|one| !one.cancelled.get());
        let futures = wanted.filter_map(|under_way| {
            Some(Future {
                partition: under_way.partition.clone(),
                target: under_way.target.clone(),
                copy: under_way.copy.get()?.clone(),
            })
        });
        futures.collect()
    }

    async fn carry_out(self: &Rc<Self>, under_way: &Rc<Move>) {
        let partition = &under_way.partition;
        let copy = under_way
            .copy
            .get()
            .expect("it waits since its copy is there");
        if Rc::ptr_eq(&partition.dir(), &under_way.target) {
            // An earlier move came there after all.
            return self.discard(partition.key, copy).await;
        }
        let started = self.runtime.now();
        partition.set_copying(true);
        let moved = self.relocate(under_way, copy).await;
        partition.set_copying(false);
        let (topic, index) = (&partition.topic, partition.key.partition);
        let target = under_way.target.path.display();
        let halt = match moved {
            Ok(()) => {
                let took = self.runtime.now().since(started);
                let bytes = copy.size_bytes();
                tracing::info!(%topic, partition = index, %target, bytes, ?took, "replica moved");
                return;
            }
            Err(halt) => halt,
        };
        match &halt {
            Halt::Stopping => return,
            Halt::Cancelled => {}
            Halt::Uncertain(errno) => {
                tracing::error!(
                    %topic, partition = index, %target, %errno,
                    "the disk failed at the end of a move; the replica is offline until a restart"
                );
                partition.go_offline(*errno);
                under_way.target.journal.fail(*errno);
                return;
            }
            Halt::Refused(_) | Halt::Unreadable(_) | Halt::Journal(_) => tracing::warn!(
                %topic, partition = index, %target, reason = %halt,
                "replica not moved; it stays where it is"
            ),
        }
        let checkpointer = self.checkpointer(&under_way.target);
        checkpointer.remove(partition.key);
        if let Err(error) = under_way
            .target
            .journal
            .note(Entry::Drop { key: partition.key })
        {
            tracing::debug!(%error, "the end of a future replica is not journaled");
        }
        self.discard(partition.key, copy).await;
    }

    /// Removes a copy that is not wanted.
    async fn discard(&self, key: PartitionKey, copy: &Log) {
        if !delete(copy).await {
            self.moves.stuck.borrow_mut().insert(key);
        }
    }

    /// Steps 1 to 7.
    async fn relocate(self: &Rc<Self>, under_way: &Move, copy: &Log) -> Result<(), Halt> {
        let partition = &under_way.partition;
        let (source, source_dir) = (partition.log(), partition.dir());
        // Of an earlier move, which a stop interrupted at its very end.
        let moved = source.dir().join(MOVED_FILE);
        self.remove_mark(&moved).await.map_err(Halt::of)?;
        let mark = copy.dir().join(MOVED_FILE);
        let marked = self
            .runtime
            .replace_file(&mark, b"version: 0\n".to_vec())
            .await;
        marked.map_err(Halt::of)?;
        for _ in 0..ATTEMPTS_MAX {
            self.copy_old(under_way, &source, copy).await?;
            let target = self.checkpointer(&under_way.target);
            if !target.admit(copy).await {
                return Err(Halt::Refused(LogError::Closed));
            }
            if !self.copy_new(under_way, &source, copy).await? {
                continue;
            }
            let leaving = source.dir().join(LEAVING_FILE);
            let name = under_way.target.path.as_os_str().as_encoded_bytes();
            let marked = self.runtime.replace_file(&leaving, name.to_vec()).await;
            marked.map_err(Halt::of)?;
            let changed = self.change(under_way, &source, copy).await;
            if let Ok(true) = changed {
                self.leave(partition, &source, &source_dir).await;
                return Ok(());
            }
            if !matches!(changed, Err(Halt::Uncertain(_))) {
                self.remove_mark(&leaving).await.map_err(Halt::of)?;
            }
            changed?;
        }
        let first = copy.log_end_offset();
        Err(Halt::Unreadable(ReadError::Corrupt { first }))
    }

    /// Steps 3 to 5. False: a batch is missing between two, which a journal cannot tell.
    async fn change(
        self: &Rc<Self>,
        under_way: &Move,
        source: &Log,
        copy: &Log,
    ) -> Result<bool, Halt> {
        let (partition, target) = (&under_way.partition, &under_way.target);
        let hold = partition.hold().await;
        let journal = &target.journal;
        if !self.copy_new(under_way, source, copy).await? {
            return Ok(false);
        }
        let start = source.log_start_offset();
        let key = partition.key;
        if start > copy.log_start_offset() {
            journal.note(Entry::LogStart { key, to: start })?;
            copy.set_log_start(start);
        }
        journal.wait(journal.newest(), RequiredMark::Synced).await?;
        self.may_go_on(under_way)?;
        if let Some(errno) = partition.dir().journal.failed() {
            return Err(Halt::of(errno));
        }
        let name = folder_name(&partition.topic, key.partition);
        match copy.rename_folder(&target.path.join(&name)).await {
            Ok(()) => {}
            Err(LogError::Disk(errno)) => return Err(Halt::Uncertain(errno)),
            Err(error) => return Err(Halt::Refused(error)),
        }
        let synced = self.runtime.sync_directory(&target.path).await;
        synced.map_err(Halt::Uncertain)?;
        self.checkpointer(target).renamed(key, &name);
        copy.set_settings(source.settings());
        hold.relocate(target.clone(), copy.clone());
        if let Some(latest) = source.latest_epoch()
            && copy
                .latest_epoch()
                .is_none_or(|own| own.epoch < latest.epoch)
            && copy.assign_epoch(latest.epoch, copy.log_end_offset())
        {
            let noted = journal.note(Entry::EpochStart {
                key,
                epoch: latest.epoch,
                start: copy.log_end_offset(),
            });
            // A journal that failed takes the partition off by itself.
            drop(noted);
        }
        Ok(true)
    }

    /// Steps 6 and 7. What fails here is ended by the next start.
    async fn leave(self: &Rc<Self>, partition: &Rc<Partition>, source: &Log, dir: &Rc<LogDir>) {
        let key = partition.key;
        self.checkpointer(dir).remove(key);
        if let Err(error) = self.leave_durably(partition, source, dir).await {
            tracing::warn!(
                folder = %source.dir().display(), reason = %error,
                "what a replica left behind is removed by the next start"
            );
            self.moves.stuck.borrow_mut().insert(key);
            return;
        }
        let delay = Duration::from_millis(source.settings().delete_delay_ms);
        let (runtime, source) = (self.runtime.clone(), source.clone());
        self.runtime.spawn(async move {
            // Fetches under way read on.
            runtime.sleep(delay).await;
            delete(&source).await;
        });
    }

    async fn leave_durably(
        &self,
        partition: &Partition,
        source: &Log,
        dir: &Rc<LogDir>,
    ) -> Result<(), Halt> {
        let key = partition.key;
        let (group, _) = dir.journal.note(Entry::Drop { key })?;
        dir.journal.wait(group, RequiredMark::Synced).await?;
        let name = delete_folder_name(&partition.topic, key.partition, self.unique());
        let renamed = source.rename_folder(&dir.path.join(name)).await;
        renamed.map_err(Halt::Refused)?;
        let synced = self.runtime.sync_directory(&dir.path).await;
        synced.map_err(Halt::of)?;
        let moved = partition.log().dir().join(MOVED_FILE);
        self.remove_mark(&moved).await.map_err(Halt::of)
    }

    /// Takes a mark away, durably.
    async fn remove_mark(&self, mark: &Path) -> Result<(), Errno> {
        match self.runtime.unlink(mark).await {
            Ok(()) => {
                let folder = mark.parent().expect("it is in a folder");
                self.runtime.sync_directory(folder).await
            }
            Err(Errno::NO_ENTRY) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn may_go_on(&self, under_way: &Move) -> Result<(), Halt> {
        if under_way.cancelled.get() {
            return Err(Halt::Cancelled);
        }
        if self.background.is_stopping() {
            return Err(Halt::Stopping);
        }
        Ok(())
    }

    pub(super) fn unique(&self) -> u128 {
        u128::from(self.runtime.random()) << 64 | u128::from(self.runtime.random())
    }
}

impl Halt {
    fn of(errno: Errno) -> Halt {
        Halt::Refused(LogError::from(errno))
    }
}

impl From<JournalError> for Halt {
    fn from(error: JournalError) -> Halt {
        Halt::Journal(error)
    }
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Halt::Cancelled => f.write_str("it was cancelled"),
            Halt::Stopping => f.write_str("the broker stops"),
            Halt::Refused(error) => write!(f, "{error}"),
            Halt::Unreadable(error) => write!(f, "{error}"),
            Halt::Journal(error) => write!(f, "{error}"),
            Halt::Uncertain(errno) => write!(f, "the disk failed: {errno}"),
        }
    }
}

/// Removes a folder that is no partition's by its name any more, or not yet.
async fn delete(log: &Log) -> bool {
    let folder = log.dir();
    let removed = match log.delete(0).await {
        Ok(()) => log.storage().sync_dir().await,
        failed => failed,
    };
    if let Err(error) = &removed {
        tracing::warn!(folder = %folder.display(), %error, "folder not removed");
    }
    removed.is_ok()
}
