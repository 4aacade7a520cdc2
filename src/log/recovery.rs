//! Opening a log: what the files hold, as far as it can be proven, and what is wrong with the rest.
//!
//! Room:       `log`.
//! Called by:  `shard::recovery`, when a log dir or a partition is opened.
//! Calls:      `scan`, `storage`.
//! Never:      refuses to open because bytes are damaged, or panics on them.
//!
//! After a clean stop a segment ends where its file ends, and only headers behind the last index
//! entry are looked at, to learn the log's end. After an unclean one every batch from the recovery
//! point on must prove itself: a sane length, magic 2, the right checksum, the offset that was
//! expected, an epoch not below the one before.
//!
//! What does not, and has no whole batch behind it, is a torn end: cut off. With whole batches
//! behind it, it is damage: that range of offsets answers an error and the rest serves. If the
//! journal still holds those batches, `prefer_journal` cuts there and the replay brings them back.
//!
//! ```text
//!   ├── trusted, not looked at ──┼── checked ──┼ damage ┼── checked ──┼ torn │ zeros
//!                         recovery point                               cut here
//! ```

mod indexes;
mod listing;
mod producers;

use super::layout::{
    FileKind, LEADER_EPOCH_FILE, PARTITION_METADATA_FILE, format_partition_metadata,
};
use super::leader_epoch::EpochCache;
use super::losses::{Damage, Loss};
use super::scan::{CHECK_WINDOW_BYTES, Found, HEADER_WINDOW_BYTES, Look, NO_CHECK, Scan, Scanner};
use super::segment::Segment;
use super::storage::Turns;
use super::{
    BatchInfo, Epochs, Inner, Log, LogError, LogSettings, LogStorage, ProducerState, State, Tail,
};
use crate::ids::{Offset, PartitionKey};
use crate::io::{Errno, Instant};
use listing::{Listing, list};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What the caller knows of a log before it is opened.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The last stop was clean: files end where batches end and nothing needs a check.
    pub clean: bool,
    /// Below it everything was synced.
    pub recovery_point: Offset,
    /// From the log start checkpoint.
    pub log_start: Option<Offset>,
    /// From a checkpoint of the shard: producers as they were at an offset.
    pub producers: Option<(Offset, ProducerState)>,
    /// From a checkpoint of the shard, when newer than the file.
    pub epochs: Epochs,
    /// Segments below the recovery point that never change again, with their bytes.
    pub closed: Vec<(Offset, u32)>,
    /// They are all there are, and the log ends at the recovery point.
    pub whole: bool,
    /// What is lost and was told already.
    pub damage: Vec<Damage>,
}

/// A segment whose end was cut at the last whole batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailCut {
    pub file: PathBuf,
    /// Bytes of the file that were kept.
    pub position: u64,
    /// The first offset that is gone.
    pub first_lost: Offset,
    /// Bytes cut off.
    pub bytes: u64,
    /// Records that the cut batches' headers promise, as far as they can be read.
    pub records: u64,
}

/// What an opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// The caller knows whether anything was promised of it, and the journal may bring it back.
    pub cut: Option<TailCut>,
    /// Each to be logged as one ERROR line, unless the journal repairs it. What was known to be
    /// lost is not in here.
    pub damage: Vec<Loss>,
    /// Bytes that were looked at.
    pub scanned_bytes: u64,
}

impl Log {
    /// Makes the folder of a new partition with its `partition.metadata`; durable after `sync`.
    /// A folder without segments is taken as it is.
    pub async fn create(
        storage: &LogStorage,
        dir: &Path,
        key: PartitionKey,
        settings: impl Into<Rc<LogSettings>>,
    ) -> Result<Log, LogError> {
        storage.runtime().create_directory(dir).await?;
        if !list(storage, dir).await?.segments.is_empty() {
            return Err(LogError::Exists);
        }
        let inner = Inner::empty(storage, dir, key, settings.into());
        inner.say_whose(dir).await?;
        inner.state.borrow_mut().folder_dirty = true;
        Ok(Log(inner))
    }

    /// Opens what lies in `dir`. Damage is no error: it is cut off or fenced in, and reported.
    pub async fn open(
        storage: &LogStorage,
        dir: &Path,
        key: PartitionKey,
        settings: impl Into<Rc<LogSettings>>,
        known: Known,
    ) -> Result<(Log, OpenReport), LogError> {
        let listing = list(storage, dir).await?;
        let inner = Inner::empty(storage, dir, key, settings.into());
        // After an unclean stop nobody knows whether the names in the folder are durable.
        inner.state.borrow_mut().folder_dirty = !known.clean;
        if !known.clean && listing.segments.is_empty() && !storage.says_whose(dir).await? {
            inner.say_whose(dir).await?;
        }
        let report = inner.recover(listing, known).await?;
        Ok((Log(inner), report))
    }

    /// After an unclean stop, before the journal is replayed; `first` is where the replay begins.
    /// What is damaged at or above it comes from the journal instead, so the log is cut where the
    /// damage begins.
    pub async fn prefer_journal(&self, first: Offset) -> Result<(), LogError> {
        let (damage, log_start, log_end, empty) = {
            let state = self.0.state.borrow();
            let damage = state.damage.iter().map(|damage| damage.from);
            let damage = damage.filter(|from| *from >= first);
            let empty = state.size == 0;
            (damage.min(), state.log_start, state.log_end, empty)
        };
        if let Some(from) = damage {
            self.truncate(from).await?;
        }
        if empty && first < log_end {
            self.truncate(first).await?;
        }
        if log_end < log_start && first > log_end {
            // What lay between is gone with all before it: begin where the log is said to start.
            self.0.state.borrow_mut().skip_to(log_start);
        }
        Ok(())
    }

    /// After an unclean stop, once the journal is replayed: a log that still ends below its start
    /// lost all there was, and goes on at its start.
    pub fn end_replay(&self) {
        let mut state = self.0.state.borrow_mut();
        state.producers_before = None;
        if state.log_end < state.log_start {
            let start = state.log_start;
            state.skip_to(start);
        }
    }
}

impl Inner {
    /// Writes `partition.metadata`; the folder's names are synced before its first segment.
    async fn say_whose(&self, dir: &Path) -> Result<(), LogError> {
        let path = dir.join(PARTITION_METADATA_FILE);
        let text = format_partition_metadata(self.key.topic);
        let written = self.write_file(&path, 0, text.into_bytes()).await;
        self.guard(written)?;
        // Before any segment: a folder that holds records always says whose they are.
        let synced = self.sync_file(&path).await;
        self.guard(synced)
    }

    pub(super) fn empty(
        storage: &LogStorage,
        dir: &Path,
        key: PartitionKey,
        settings: Rc<LogSettings>,
    ) -> Rc<Inner> {
        Rc::new(Inner {
            storage: storage.clone(),
            id: storage.next_log_id(),
            key,
            turns: Turns::default(),
            state: RefCell::new(State {
                dir: Rc::from(dir),
                settings,
                log_start: Offset(0),
                log_end: Offset(0),
                flushed: Offset(0),
                synced: Offset(0),
                recovery_point: Offset(0),
                segments: vec![Segment::new(Offset(0))],
                tail: Tail::default(),
                size: 0,
                epochs: EpochCache::default(),
                epochs_dirty: false,
                producers: ProducerState::default(),
                producers_before: None,
                damage: Vec::new(),
                dirty: Vec::new(),
                dirty_indexes: Vec::new(),
                names_dirty: false,
                folder_dirty: false,
                touched: Instant::default(),
                failed: None,
                cuts: 0,
                closed_at: None,
                retiring: 0,
                swapping: None,
            }),
        })
    }

    async fn recover(
        self: &Rc<Self>,
        listing: Listing,
        known: Known,
    ) -> Result<OpenReport, LogError> {
        let mut report = OpenReport::default();
        let mut result = self.recover_segments(&listing, &known, &mut report).await;
        if result.is_ok() {
            result = self.compare_lengths(&known, &mut report).await;
        }
        self.guard(result)?;
        let mut state = self.state.borrow_mut();
        let (start, end) = (state.log_start, state.log_end);
        let inside = |damage: &&Damage| damage.to > start && damage.from < end;
        let mut damage: Vec<Damage> = known.damage.iter().filter(inside).copied().collect();
        for index in (0..report.damage.len()).rev() {
            let range = report.damage[index].range;
            match damage.iter().any(|known| known.covers(&range)) {
                true => drop(report.damage.remove(index)),
                false => damage.push(range),
            }
        }
        state.damage = damage;
        let is_whole = report.cut.is_none() && !state.active().is_padded();
        if known.clean && is_whole && listing.snapshots.contains(&end) {
            state.closed_at = Some(end);
        }
        drop(state);
        Ok(report)
    }

    async fn recover_segments(
        self: &Rc<Self>,
        listing: &Listing,
        known: &Known,
        report: &mut OpenReport,
    ) -> Result<(), Errno> {
        let segments = self.measure(&listing.segments).await?;
        let first = segments.first().map(|segment| segment.base);
        let log_start = known
            .log_start
            .unwrap_or_default()
            .max(first.unwrap_or_default());
        let bases: Vec<Offset> = segments.iter().map(|segment| segment.base).collect();
        let epochs = self.load_epochs(listing.epochs, known).await?;
        // Above the recovery point the transaction index may be lost: producers are learned again.
        let limit = if known.clean {
            Offset(i64::MAX)
        } else {
            known.recovery_point
        };
        let newest = self.newest_snapshot(&listing.snapshots, limit).await;
        let (learned, producers) = match (&known.producers, newest) {
            (Some((at, whole)), Some((offset, _))) if *at >= offset => (*at, whole.clone()),
            (Some((at, whole)), None) => (*at, whole.clone()),
            (_, Some(snapshot)) => snapshot,
            (None, None) => (first.unwrap_or_default(), ProducerState::default()),
        };
        {
            let mut state = self.state.borrow_mut();
            state.log_start = log_start;
            state.epochs = epochs;
            state.producers = producers;
            if !known.clean {
                state.producers_before = known.producers.clone().map(Box::new);
            }
            if !segments.is_empty() {
                state.segments = segments;
            }
        }
        for (index, base) in bases.iter().enumerate() {
            let next_base = bases.get(index + 1).copied();
            let trusted = |next| known.clean || next <= known.recovery_point;
            match next_base {
                Some(next) if trusted(next) => {
                    if learned < next {
                        self.walk_closed(*base, learned, next, report).await?;
                    }
                }
                _ => {
                    let unchecked = if known.clean {
                        NO_CHECK
                    } else {
                        known.recovery_point
                    };
                    let look = Look {
                        from: learned.min(unchecked),
                        check_from: unchecked,
                        learn_from: learned,
                        next_base,
                    };
                    self.scan_segment(*base, &look, report).await?;
                }
            }
        }
        self.settle(known, bases.is_empty());
        if learned > self.state.borrow().log_end {
            self.relearn(&listing.snapshots).await?;
        }
        self.drop_snapshots(&listing.snapshots, learned).await
    }

    /// Lengths of the segments' files.
    async fn measure(&self, bases: &[Offset]) -> Result<Vec<Segment>, Errno> {
        let runtime = &self.storage.0.runtime;
        let mut segments = Vec::with_capacity(bases.len());
        for base in bases {
            let path = self.path(*base, FileKind::Log);
            let length = runtime.status(&path).await?.length;
            // Positions are 31 bits in Kafka's indexes; what is beyond was written by nobody.
            segments.push(Segment::closed(*base, length.min(i32::MAX as u64) as u32));
        }
        Ok(segments)
    }

    async fn load_epochs(&self, exists: bool, known: &Known) -> Result<EpochCache, Errno> {
        let mut epochs = EpochCache::default();
        if exists {
            let path = self.dir().join(LEADER_EPOCH_FILE);
            let bytes = self
                .storage
                .0
                .runtime
                .read_file(&path, SMALL_FILE_BYTES_MAX);
            let text = match bytes.await {
                Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
                Err(Errno::NO_ENTRY) => String::new(),
                Err(errno) => return Err(errno),
            };
            // A file that cannot be read is rebuilt from the batches, as far as they are scanned.
            epochs = EpochCache::parse(&text).unwrap_or_default();
        }
        for entry in &known.epochs {
            let newer = epochs.latest().is_none_or(|last| entry.epoch > last.epoch);
            if newer {
                self.state.borrow_mut().epochs_dirty = true;
                epochs.assign(entry.epoch, entry.start);
            }
        }
        Ok(epochs)
    }

    /// Replays a segment that needs no check, for what it teaches about producers.
    async fn walk_closed(
        &self,
        base: Offset,
        learn_from: Offset,
        end: Offset,
        report: &mut OpenReport,
    ) -> Result<(), Errno> {
        let size = {
            let state = self.state.borrow();
            state.segment(base).map_or(0, |segment| segment.flushed)
        };
        let mut scanner = self.scanner_from(base, learn_from, size).await?;
        let mut expected = base;
        loop {
            match scanner.next_above(expected).await? {
                Found::Batch { info, .. } if info.base_offset() < end => {
                    expected = info.next_offset();
                    let mut state = self.state.borrow_mut();
                    if info.base_offset() >= learn_from {
                        state.confirm_epoch(&info);
                        state.producers.update(&info);
                    }
                }
                Found::Garbage => {
                    if scanner.resync(expected).await?.is_none() {
                        break;
                    }
                }
                Found::Batch { .. } | Found::End => break,
            }
        }
        report.scanned_bytes += scanner.read_bytes;
        Ok(())
    }

    /// Scans a segment that may grow, or that was not closed before the stop.
    async fn scan_segment(
        self: &Rc<Self>,
        base: Offset,
        look: &Look,
        report: &mut OpenReport,
    ) -> Result<(), Errno> {
        let length = {
            let state = self.state.borrow();
            state.segment(base).map_or(0, |segment| segment.size)
        };
        let file = self.segment_file(base, false).await?;
        let window = match look.check_from {
            NO_CHECK => HEADER_WINDOW_BYTES,
            _ => CHECK_WINDOW_BYTES,
        };
        let mut scanner = Scanner::new(file.clone(), 0, u64::from(length), window);
        let begun = self.begin_segment(base, look, length, &mut scanner);
        let (mut segment, begun_at) = begun.await?;
        scanner.go_to(u64::from(segment.size));
        let mut scan = Scan::new(begun_at);
        let settings = self.state.borrow().settings.clone();
        loop {
            let found = scanner.next(look.check_from).await?;
            if let Found::Batch {
                info,
                position,
                intact: true,
            } = &found
                && scan.accepts(info, base, look, settings.compact)
                && (scan.leads_to(info)
                    || settings.compact
                    || scan.is_sure(&mut scanner, None).await?)
            {
                let sure = scan.hold(info, *position, look);
                self.keep(sure, &mut segment, look, &settings);
                continue;
            }
            if found != Found::End && !scan.is_sure(&mut scanner, found.base_offset()).await? {
                scan.take_back();
            }
            self.keep(scan.release(), &mut segment, look, &settings);
            let expected = scan.expected();
            if found == Found::End {
                break;
            }
            // `accepts` may have refused a batch that `next` has passed already.
            scanner.go_to(u64::from(segment.size));
            let next = scanner.resync(expected).await?;
            // The very batch that was refused is no way on.
            let onward = next.filter(|next| {
                scanner.position() > u64::from(segment.size) || next.base_offset() > expected
            });
            if let Some(next) = onward {
                let to = next.base_offset();
                let range = Damage { from: expected, to };
                let position = u64::from(segment.size);
                report.damage.push(self.loss(base, position, range));
                segment.size = scanner.position() as u32;
                segment.expect_entry();
                scan.go_on_at(to);
                continue;
            }
            if look.next_base.is_none() {
                report.cut = Some(
                    self.cut(&file, &mut scanner, &segment, expected, length)
                        .await?,
                );
            }
            break;
        }
        // A batch is missing between this segment's end and the next one's start.
        let expected = scan.expected();
        if let Some(to) = look.next_base
            && expected < to
            && !settings.compact
        {
            let range = Damage { from: expected, to };
            let position = u64::from(segment.size);
            report.damage.push(self.loss(base, position, range));
        }
        report.scanned_bytes += scanner.read_bytes;
        segment.flushed = segment.size;
        if let Some(growing) = &mut segment.growing {
            growing.padded = report.cut.is_none() && segment.size < length;
        }
        if look.check_from != NO_CHECK {
            self.trim_indexes(&segment).await?;
        }
        let mut state = self.state.borrow_mut();
        if look.next_base.is_none() {
            state.log_end = expected;
        }
        state.dirty.push(base);
        if let Some(slot) = state.segment_mut(base) {
            *slot = segment;
        }
        Ok(())
    }

    /// Takes a batch into the segment's state.
    fn keep(
        &self,
        sure: Option<(BatchInfo, u64)>,
        segment: &mut Segment,
        look: &Look,
        settings: &LogSettings,
    ) {
        if let Some((info, position)) = sure {
            segment.size = position as u32;
            segment.note(&info, settings);
            self.learn_scanned(&info, look.learn_from, segment);
        }
    }

    fn learn_scanned(&self, info: &BatchInfo, learn_from: Offset, segment: &mut Segment) {
        let mut state = self.state.borrow_mut();
        state.confirm_epoch(info);
        if info.base_offset() < learn_from {
            return;
        }
        if let Some(entry) = state.learn_producer(info)
            && let Some(growing) = &mut segment.growing
        {
            growing.aborted.push(entry);
            growing.aborted_dirty = true;
        }
    }

    /// Cuts the file behind the last whole batch.
    async fn cut(
        &self,
        file: &crate::runtime::File,
        scanner: &mut Scanner,
        segment: &Segment,
        first_lost: Offset,
        length: u32,
    ) -> Result<TailCut, Errno> {
        let position = u64::from(segment.size);
        let header = scanner.peek(position).await?;
        let records = header.map_or(0, |header| header.records_count.max(0) as u64);
        file.truncate(position).await?;
        Ok(TailCut {
            file: self.path(segment.base, FileKind::Log),
            position,
            first_lost,
            bytes: u64::from(length) - position,
            records,
        })
    }

    /// What follows from the segments once all are known.
    fn settle(&self, known: &Known, fresh: bool) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        if fresh {
            let start = state.log_start;
            state.segments = vec![Segment::new(start)];
            state.log_end = start;
        } else if known.clean && state.log_end < state.log_start {
            let start = state.log_start;
            state.skip_to(start);
        }
        let end = state.log_end;
        state.size = state.segments.iter().map(|s| u64::from(s.size)).sum();
        state.flushed = end;
        state.recovery_point = if known.clean {
            end
        } else {
            known.recovery_point.min(end)
        };
        state.synced = state.recovery_point;
        state.epochs_dirty |= state.epochs.truncate_from_end(end);
        let start = state.log_start;
        state.epochs_dirty |= state.epochs.truncate_from_start(start);
        state.producers.on_log_start(start);
        if known.clean {
            state.dirty.clear();
        }
    }

    /// Removes a segment's files, the batches first: an index without a segment is ignored.
    pub(super) async fn unlink_segment(&self, base: Offset) -> Result<(), Errno> {
        self.storage.forget_segment(self.id, base);
        for kind in FileKind::ALL {
            let path = self.path(base, kind);
            self.storage.0.runtime.unlink_if_there(&path).await?;
        }
        self.state.borrow_mut().names_dirty = true;
        Ok(())
    }
}

/// Leader epochs: one line each; a topic does not see a million leaders.
const SMALL_FILE_BYTES_MAX: usize = 16 << 20;
