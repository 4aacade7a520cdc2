//! Copying a replica: old batches into segments, new ones through the journal of the new log dir.
//!
//! Room:       `shard`.
//! Called by:  `moves`.
//! Calls:      `log`, `journal`.
//! Never:      has more than a few MiB on their way, or more than half of the disks' attention:
//!             after each piece it rests as long as the piece took.

use super::*;
use crate::io::Slice;
use crate::log::BatchInfo;
use crate::runtime::sync::either;

/// Bytes read at once.
const SLICE_BYTES: usize = 1 << 20;
/// Bytes appended to the copy before they are written.
const PIECE_BYTES: u64 = 4 << 20;
/// With less than this to go, appends may be held for the rest.
const REST_BYTES: u64 = 256 << 10;
/// Rounds in which the copy comes closer to a replica that is being written to.
const ROUNDS_MAX: u32 = 16;
/// A rate of nearly nothing must not keep the shard from hearing of a higher one.
const REST_MAX: Duration = Duration::from_secs(60);

impl Shard {
    /// Step 1: copies until there is little left; what is copied then is synced.
    pub(super) async fn copy_old(
        &self,
        under_way: &Move,
        source: &Log,
        copy: &Log,
    ) -> Result<(), Halt> {
        let (mut piece, mut since) = (0, self.runtime.now_exact());
        loop {
            self.may_go_on(under_way)?;
            let (batches, end) = self.read_next(source, copy).await?;
            let bytes = batches.len() as u64;
            self.append_old(&batches, source, copy)?;
            piece += bytes;
            // A read may end where a segment does.
            let is_near = bytes == 0 || copy.log_end_offset() >= end;
            if is_near || piece >= PIECE_BYTES {
                self.when_there_is_room(under_way, || copy.flush()).await?;
            }
            if is_near {
                break;
            }
            if piece >= PIECE_BYTES {
                self.rest(under_way, piece, since).await;
                (piece, since) = (0, self.runtime.now_exact());
            }
        }
        copy.set_log_start(source.log_start_offset());
        copy.adopt(source);
        // Nobody may write to it for long, and until then it has the space it took ahead.
        self.when_there_is_room(under_way, || copy.trim()).await?;
        self.when_there_is_room(under_way, || copy.sync()).await?;
        Ok(())
    }

    /// What follows in the original, and where it ended then; the copy begins anew where the
    /// original's start overtook it.
    async fn read_next(&self, source: &Log, copy: &Log) -> Result<(Slice, Offset), Halt> {
        loop {
            let start = source.log_start_offset();
            let is_empty = copy.size_bytes() == 0;
            let from = match is_empty {
                true => start,
                false => copy.log_end_offset(),
            };
            if from < start {
                copy.truncate_fully(start).await.map_err(Halt::Refused)?;
                continue;
            }
            let end = source.log_end_offset();
            let batches = match source.read_all(from, end, SLICE_BYTES, true).await {
                Ok(slices) => in_one(slices),
                // Old segments went while it was read.
                Err(ReadError::OutOfRange { log_start, .. }) if log_start > from => continue,
                Err(error) => return Err(Halt::Unreadable(error)),
            };
            if is_empty {
                let first = match batches.is_empty() {
                    false => parse(&batches)?.base_offset(),
                    true => end,
                };
                // The start may lie in the middle of the first batch.
                let first = first.min(start);
                if copy.log_end_offset() != first {
                    copy.truncate_fully(first).await.map_err(Halt::Refused)?;
                }
            }
            return Ok((batches, end));
        }
    }

    fn append_old(&self, slice: &Slice, source: &Log, copy: &Log) -> Result<(), Halt> {
        let now = self.runtime.now();
        each_batch(slice, source, |batch, info| {
            let first = info.base_offset();
            if first < copy.log_end_offset() {
                return Err(Halt::Unreadable(ReadError::Corrupt { first }));
            }
            copy.append(batch, info, GroupSequence(0), now);
            Ok(())
        })
    }

    /// Step 2, and again in 3: what is left goes the way of new batches. False: a batch does not
    /// begin where the copy ends.
    pub(super) async fn copy_new(
        &self,
        under_way: &Move,
        source: &Log,
        copy: &Log,
    ) -> Result<bool, Halt> {
        let (partition, target) = (&under_way.partition, &under_way.target);
        for _ in 0..ROUNDS_MAX {
            self.may_go_on(under_way)?;
            let (from, end) = (copy.log_end_offset(), source.log_end_offset());
            if from >= end {
                return Ok(true);
            }
            if from < source.log_start_offset() {
                return Ok(false);
            }
            let slices = source.read_all(from, end, SLICE_BYTES, true).await;
            let batches = in_one(slices.map_err(Halt::Unreadable)?);
            let mut gap = false;
            each_batch(&batches, source, |batch, info| {
                gap |= info.base_offset() != copy.log_end_offset();
                if !gap {
                    let (group, batch) = target.journal.append(
                        partition.key,
                        info.leader_epoch(),
                        RequiredMark::Synced,
                        info.base_offset(),
                        &[&batch],
                    )?;
                    copy.append(batch, info, group, self.runtime.now());
                }
                Ok(())
            })?;
            if gap {
                return Ok(false);
            }
            let bytes = batches.len() as u64;
            if bytes == 0 {
                return Ok(false);
            }
            // As a producer would, and so that a held replica is held for a short time only.
            let newest = target.journal.newest();
            target.journal.wait(newest, RequiredMark::Synced).await?;
            let is_near = bytes < REST_BYTES && copy.log_end_offset() >= end;
            if is_near && !partition.is_held() {
                return Ok(true);
            }
        }
        Ok(!partition.is_held() || copy.log_end_offset() == source.log_end_offset())
    }

    /// A full disk is waited for: it is no reason to give up.
    async fn when_there_is_room<T>(
        &self,
        under_way: &Move,
        change: impl AsyncFn() -> Result<T, LogError>,
    ) -> Result<T, Halt> {
        loop {
            match change().await {
                Ok(done) => return Ok(done),
                Err(LogError::NoSpace) => {
                    self.background.pause(&self.runtime, FULL_DISK).await;
                    self.may_go_on(under_way)?;
                }
                Err(error) => return Err(Halt::Refused(error)),
            }
        }
    }

    async fn rest(&self, under_way: &Move, bytes: u64, since: Instant) {
        let took = self.runtime.now_exact().since(since);
        let rate = self.config().move_bytes_per_second_max / u64::from(self.shards);
        let due = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64).min(REST_MAX);
        let rest = took.max(due.saturating_sub(took));
        if under_way.cancelled.get() {
            return;
        }
        let paused = self.background.pause(&self.runtime, rest);
        either(paused, under_way.stop.next()).await;
    }
}

/// How long a move waits for a full disk before it looks again.
const FULL_DISK: Duration = Duration::from_secs(1);

/// A batch that was read from a disk may lie in several slices; they become one.
fn in_one(mut slices: Vec<Slice>) -> Slice {
    match slices.len() {
        0 => Slice::empty(),
        1 => slices.remove(0),
        _ => {
            let mut bytes = Vec::with_capacity(slices.iter().map(|slice| slice.len()).sum());
            for slice in &slices {
                bytes.extend_from_slice(slice);
            }
            Slice::from(bytes)
        }
    }
}

fn parse(bytes: &[u8]) -> Result<BatchInfo, Halt> {
    // They were read as batches, or appended as such.
    BatchInfo::parse(bytes).map_err(|_| Halt::Unreadable(ReadError::Corrupt { first: Offset(-1) }))
}

fn each_batch(
    slice: &Slice,
    source: &Log,
    mut take: impl FnMut(Slice, &BatchInfo) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let mut at = 0;
    while at < slice.len() {
        let rest = slice.range(at, slice.len());
        let info = parse(&rest)?;
        let size = info.size();
        if size > rest.len() || info.next_offset() > source.log_end_offset() {
            let first = info.base_offset();
            return Err(Halt::Unreadable(ReadError::Corrupt { first }));
        }
        take(rest.range(0, size), &info)?;
        at += size;
    }
    Ok(())
}
