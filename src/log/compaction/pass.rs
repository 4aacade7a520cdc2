//! The two passes of a compaction, over whole batches in memory: learn the newest offset of each
//! key in the dirty part, then copy what is still worth keeping.
//!
//! Room:       `log::compaction`.
//! Called by:  `Log::compact`, on the worker pool: a pass travels there and back with each chunk.
//! Calls:      `protocol::record_batch`.
//! Never:      touches a disk or a clock, or changes the offset of a record.
//!
//! What stays is Kafka's choice (`Cleaner`, KIP-98, KIP-534):
//!   - of the records with one key the newest, and all that came after the map was full
//!   - a tombstone until the delete horizon of its batch, which the first pass that meets it sets
//!   - no aborted data; markers as `transactions` says
//!   - the last batch of each producer, empty if need be: it carries the sequence

use super::offset_map::OffsetMap;
use super::transactions::Transactions;
use super::{Stats, Uncleanable};
use crate::ids::Offset;
use crate::log::BatchInfo;
use crate::map::Map;
use ottla_protocol::record_batch::{
    Batch, Batches, Compression, Rebuild, Record, Records, decompress, emptied,
};
use std::borrow::Cow;

/// The first pass.
#[derive(Clone, Debug)]
pub(super) struct Learn {
    pub map: OffsetMap,
    pub transactions: Transactions,
    /// Where the dirty part begins.
    from: Offset,
    /// Behind the last offset that the map knows.
    pub up_to: Offset,
    pub is_full: bool,
}

/// The second pass.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub map: OffsetMap,
    pub transactions: Transactions,
    /// The map knows nothing from here on.
    up_to: Offset,
    terms: Terms,
    last_batches: Map<i64, LastBatch>,
    /// Something of the current segments was not copied as it was.
    pub changed: bool,
    pub stats: Stats,
}

/// What a copy needs to know of the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Milliseconds since 1970.
    pub now_ms: i64,
    pub delete_retention_ms: i64,
}

/// The last batch of a producer that is known to the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastBatch {
    /// `None`: only markers are known.
    pub data_offset: Option<Offset>,
    pub producer_epoch: i16,
}

/// Several times what a batch may decompress to when it is produced would be a bomb on disk.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

impl Learn {
    pub fn new(map: OffsetMap, from: Offset) -> Learn {
        Learn {
            map,
            transactions: Transactions::default(),
            from,
            up_to: from,
            is_full: false,
        }
    }

    /// Takes whole batches, in the order of the log.
    pub fn feed(&mut self, batches: &[u8]) -> Result<(), Uncleanable> {
        for batch in Batches::new(batches) {
            let (batch, info) = checked(batch)?;
            let keeps_nothing = self.transactions.discards(&info);
            if info.last_offset() < self.from {
                continue;
            }
            if !keeps_nothing && !info.header.attributes.is_control() {
                self.learn(&batch)?;
                if self.is_full {
                    return Ok(());
                }
            }
            self.up_to = info.next_offset();
        }
        Ok(())
    }

    fn learn(&mut self, batch: &Batch<'_>) -> Result<(), Uncleanable> {
        let records = plain(batch)?;
        for record in Records::new(&records, batch.header.records_count) {
            let record = record.map_err(|_| damaged(batch))?;
            let offset = offset_of(batch, &record);
            if offset < self.from {
                continue;
            }
            if let Some(key) = record.key
                && !self.map.put(key, offset)
            {
                self.is_full = true;
                return Ok(());
            }
            self.up_to = offset.plus(1);
        }
        Ok(())
    }

    pub fn into_copy(self, terms: Terms, last_batches: Map<i64, LastBatch>) -> Copy {
        Copy {
            map: self.map,
            transactions: Transactions::default(),
            up_to: self.up_to,
            terms,
            last_batches,
            changed: false,
            stats: Stats::default(),
        }
    }
}

impl Copy {
    /// Takes whole batches, in the order of the log; appends what stays of them to `out`.
    pub fn feed(&mut self, batches: &[u8], out: &mut Vec<u8>) -> Result<(), Uncleanable> {
        let before = out.len();
        for batch in Batches::new(batches) {
            let (batch, info) = checked(batch)?;
            self.copy(&batch, &info, out)?;
        }
        self.stats.bytes_read += batches.len() as u64;
        self.stats.bytes_written += (out.len() - before) as u64;
        Ok(())
    }

    fn copy(
        &mut self,
        batch: &Batch<'_>,
        info: &BatchInfo,
        out: &mut Vec<u8>,
    ) -> Result<(), Uncleanable> {
        let header = &info.header;
        let is_control = header.attributes.is_control();
        let ends_nothing = self.transactions.discards(info);
        let horizon = header
            .attributes
            .has_delete_horizon()
            .then_some(header.base_timestamp);
        let is_past = horizon.is_some_and(|horizon| horizon <= self.terms.now_ms);
        let drops_all = ends_nothing && (!is_control || is_past);
        self.stats.records_read += u64::from(header.records_count.max(0) as u32);
        let kept = match drops_all {
            true => Kept::Nothing,
            false => self.kept(batch, is_control, is_control && ends_nothing, horizon)?,
        };
        match kept {
            Kept::All => {
                self.stats.records_kept += u64::from(header.records_count.max(0) as u32);
                out.extend_from_slice(batch.bytes);
                return Ok(());
            }
            Kept::Some(bytes, count) => {
                self.stats.records_kept += u64::from(count.max(0) as u32);
                out.extend_from_slice(&bytes);
            }
            Kept::Nothing if self.is_last_of_producer(info) => {
                if header.records_count == 0 {
                    out.extend_from_slice(batch.bytes);
                    return Ok(());
                }
                out.extend_from_slice(&emptied(header));
            }
            Kept::Nothing => {}
        }
        self.changed = true;
        Ok(())
    }

    /// What stays of the records of a batch that is not discarded as a whole.
    fn kept(
        &self,
        batch: &Batch<'_>,
        is_control: bool,
        is_idle_marker: bool,
        horizon: Option<i64>,
    ) -> Result<Kept, Uncleanable> {
        let header = &batch.header;
        let records = plain(batch)?;
        let mut stays = Vec::new();
        let mut has_tombstone = false;
        for record in Records::new(&records, header.records_count) {
            let record = record.map_err(|_| damaged(batch))?;
            if is_control || self.keeps(offset_of(batch, &record), &record, horizon) {
                has_tombstone |= record.value.is_none();
                stays.push(record);
            }
        }
        if stays.is_empty() {
            return Ok(Kept::Nothing);
        }
        let sets_horizon = horizon.is_none() && (has_tombstone || is_idle_marker);
        if !sets_horizon && stays.len() as i64 == i64::from(header.records_count) {
            return Ok(Kept::All);
        }
        let later = self
            .terms
            .now_ms
            .saturating_add(self.terms.delete_retention_ms);
        let horizon = horizon.or(sets_horizon.then_some(later));
        let mut rebuild = Rebuild::of(header, horizon);
        stays.iter().for_each(|record| rebuild.append(record));
        let count = rebuild.count();
        Ok(Kept::Some(rebuild.finish(), count))
    }

    fn keeps(&self, offset: Offset, record: &Record<'_>, horizon: Option<i64>) -> bool {
        if offset >= self.up_to {
            return true;
        }
        // A compacted topic takes no record without a key; what an earlier policy left goes.
        let Some(key) = record.key else {
            return false;
        };
        let is_newest = self.map.get(key).is_none_or(|newest| offset >= newest);
        let in_time = horizon.is_none_or(|horizon| self.terms.now_ms < horizon);
        is_newest && (record.value.is_some() || in_time)
    }

    fn is_last_of_producer(&self, info: &BatchInfo) -> bool {
        if !info.header.has_producer_id() {
            return false;
        }
        let Some(last) = self.last_batches.get(&info.header.producer_id) else {
            return false;
        };
        match last.data_offset {
            Some(offset) => info.last_offset() == offset,
            None => {
                info.header.attributes.is_control()
                    && info.header.producer_epoch == last.producer_epoch
            }
        }
    }
}

enum Kept {
    All,
    Some(Vec<u8>, i32),
    Nothing,
}

fn offset_of(batch: &Batch<'_>, record: &Record<'_>) -> Offset {
    Offset(batch.header.base_offset + i64::from(record.offset_delta))
}

fn checked<'a>(
    batch: Result<Batch<'a>, ottla_protocol::record_batch::HeaderError>,
) -> Result<(Batch<'a>, BatchInfo), Uncleanable> {
    let batch = batch.map_err(|_| Uncleanable { offset: Offset(-1) })?;
    if !batch.crc_is_valid() {
        return Err(damaged(&batch));
    }
    let info = BatchInfo::parse(batch.bytes).map_err(|_| damaged(&batch))?;
    Ok((batch, info))
}

fn damaged(batch: &Batch<'_>) -> Uncleanable {
    Uncleanable {
        offset: Offset(batch.header.base_offset),
    }
}

/// The records' bytes, decompressed where they are not.
fn plain<'a>(batch: &Batch<'a>) -> Result<Cow<'a, [u8]>, Uncleanable> {
    let codec = batch.header.attributes.codec();
    match codec.map_err(|_| damaged(batch))? {
        Compression::None => Ok(Cow::Borrowed(batch.records_bytes())),
        _ if batch.header.records_count == 0 => Ok(Cow::Borrowed(&[])),
        codec => {
            let mut plain = Vec::new();
            decompress(
                codec,
                batch.records_bytes(),
                DECOMPRESSED_BYTES_MAX,
                &mut plain,
            )
            .map_err(|_| damaged(batch))?;
            Ok(Cow::Owned(plain))
        }
    }
}

#[cfg(test)]
#[path = "pass_tests.rs"]
mod tests;
