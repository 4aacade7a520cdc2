//! The checkpoint files of a log dir: what is in synced segments, and where replays begin.
//!
//! Room:       `shard`.
//! Called by:  `checkpointer` (writes), `recovery` (reads, and writes the one that ends it).
//! Calls:      `runtime` for files.
//! Never:      half written: temporary file, sync, rename, sync of the folder.
//!
//!   ottla-checkpoint      the base: all partitions, as the last recovery left them. Its
//!                         incarnation is the one that counts: journals and shard files of an
//!                         earlier one are void
//!   ottla-checkpoint-0    shard 0's partitions, as its last checkpoint left them; wins over the
//!                         base where it has the same incarnation
//!
//! So one rename ends a recovery over any number of journals, and partitions may belong to other
//! shards after it. All numbers are little-endian; CRC-32C over everything behind it.

use crate::ids::{GroupSequence, LeaderEpoch, Offset, PartitionKey, ShardId, TopicId};
use crate::io::Errno;
use crate::journal::Incarnation;
use crate::log::{Damage, EpochEntry, Epochs, Known, ProducerState};
use crate::map::Map;
use crate::runtime::Runtime;
use smallvec::SmallVec;
use std::path::{Path, PathBuf};

/// One partition, as a checkpoint found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: PartitionKey,
    /// Name of its folder in the log dir.
    pub folder: String,
    /// Everything below is in synced segments.
    pub recovery_point: Offset,
    /// Entries of earlier groups are in synced segments, or in this record.
    pub replay_from: GroupSequence,
    pub log_start: Offset,
    /// Highest offset known to be on all in-sync replicas; never shown less (-1: unknown).
    pub high_watermark: Offset,
    pub epochs: Epochs,
    /// `ProducerState::encode_whole` as of `recovery_point`; without any producer 14 bytes.
    pub producers: SmallVec<[u8; 16]>,
    /// Acknowledged records of it were lost: it does not serve until a person decided.
    pub refused: bool,
    /// Segments that never change again, with their bytes.
    pub closed: Vec<(Offset, u32)>,
    /// They are all there are: the log was closed, or nothing was ever in it.
    pub whole: bool,
    /// Ranges that are lost and were told.
    pub damage: Vec<Damage>,
}

/// One checkpoint file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointFile {
    pub incarnation: Incarnation,
    pub records: Vec<Record>,
}

/// Why bytes are no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointFileError {
    Damaged,
    Version { version: u16 },
}

const MAGIC: &[u8; 4] = b"OTCP";
const VERSION: u16 = 3;
/// Without closed segments and damage.
const VERSION_FIRST: u16 = 1;
/// With them; no record says that they are all.
const VERSION_CLOSED: u16 = 2;
/// What a record's byte of flags says.
const REFUSED: u8 = 1;
const WHOLE: u8 = 2;
/// Magic, CRC, version, spare, incarnation, count.
const HEAD: usize = 24;
/// Smallest record: what stands in front of the folder's name, and three counts.
const RECORD_MIN: usize = 20 + 8 * 4 + 1 + 2 + 4 + 4;
/// A million partitions of a few hundred bytes.
const BYTES_MAX: usize = 512 << 20;
const NAME: &str = "ottla-checkpoint";

impl Record {
    /// What `Log::open` is told. `clean`: the last stop was.
    pub fn known(&self, clean: bool) -> Known {
        // Producers that cannot be read are learned again from the batches.
        let producers = ProducerState::decode_whole(&self.producers).ok();
        Known {
            clean,
            recovery_point: self.recovery_point,
            log_start: Some(self.log_start),
            producers: producers.map(|state| (self.recovery_point, state)),
            epochs: self.epochs.clone(),
            closed: self.closed.clone(),
            whole: self.whole,
            damage: self.damage.clone(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.topic.0);
        out.extend_from_slice(&self.key.partition.to_le_bytes());
        out.extend_from_slice(&self.recovery_point.0.to_le_bytes());
        out.extend_from_slice(&self.replay_from.0.to_le_bytes());
        out.extend_from_slice(&self.log_start.0.to_le_bytes());
        out.extend_from_slice(&self.high_watermark.0.to_le_bytes());
        let flags = [(self.refused, REFUSED), (self.whole, WHOLE)];
        out.push(flags.iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum());
        out.extend_from_slice(&(self.folder.len() as u16).to_le_bytes());
        out.extend_from_slice(self.folder.as_bytes());
        out.extend_from_slice(&(self.epochs.len() as u32).to_le_bytes());
        for entry in &self.epochs {
            out.extend_from_slice(&entry.epoch.0.to_le_bytes());
            out.extend_from_slice(&entry.start.0.to_le_bytes());
        }
        out.extend_from_slice(&(self.producers.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.producers);
        out.extend_from_slice(&(self.closed.len() as u32).to_le_bytes());
        for (base, bytes) in &self.closed {
            out.extend_from_slice(&base.0.to_le_bytes());
            out.extend_from_slice(&bytes.to_le_bytes());
        }
        out.extend_from_slice(&(self.damage.len() as u32).to_le_bytes());
        for damage in &self.damage {
            out.extend_from_slice(&damage.from.0.to_le_bytes());
            out.extend_from_slice(&damage.to.0.to_le_bytes());
        }
    }

    fn decode(cursor: &mut Cursor<'_>, version: u16) -> Option<Record> {
        let topic = TopicId(cursor.array()?);
        let partition = i32::from_le_bytes(cursor.array()?);
        let recovery_point = Offset(cursor.i64()?);
        let replay_from = GroupSequence(u64::from_le_bytes(cursor.array()?));
        let log_start = Offset(cursor.i64()?);
        let high_watermark = Offset(cursor.i64()?);
        let [flags] = cursor.array()?;
        let known = match version {
            VERSION_FIRST | VERSION_CLOSED => REFUSED,
            _ => REFUSED | WHOLE,
        };
        if flags & !known != 0 {
            return None;
        }
        let folder_length = u16::from_le_bytes(cursor.array()?);
        let folder = cursor.take(usize::from(folder_length))?;
        let folder = std::str::from_utf8(folder).ok()?.to_owned();
        let epoch_count = cursor.count(12)?;
        let mut epochs = Epochs::with_capacity(epoch_count);
        for _ in 0..epoch_count {
            epochs.push(EpochEntry {
                epoch: LeaderEpoch(i32::from_le_bytes(cursor.array()?)),
                start: Offset(cursor.i64()?),
            });
        }
        let producers_length = u32::from_le_bytes(cursor.array()?);
        let producers = cursor.take(producers_length as usize)?.into();
        let (mut closed, mut damage) = (Vec::new(), Vec::new());
        if version > VERSION_FIRST {
            let count = cursor.count(12)?;
            closed.reserve_exact(count);
            for _ in 0..count {
                closed.push((Offset(cursor.i64()?), u32::from_le_bytes(cursor.array()?)));
            }
            let count = cursor.count(16)?;
            damage.reserve_exact(count);
            for _ in 0..count {
                let from = Offset(cursor.i64()?);
                let to = Offset(cursor.i64()?);
                damage.push(Damage { from, to });
            }
        }
        Some(Record {
            key: PartitionKey { topic, partition },
            folder,
            recovery_point,
            replay_from,
            log_start,
            high_watermark,
            epochs,
            producers,
            refused: flags & REFUSED != 0,
            closed,
            whole: flags & WHOLE != 0,
            damage,
        })
    }
}

/// Builds a file record by record, so that the builder can pause between them.
pub struct Encoder {
    out: Vec<u8>,
    count: u32,
}

impl Encoder {
    pub fn new(incarnation: Incarnation) -> Encoder {
        let mut out = Vec::with_capacity(4096);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&incarnation.0.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        Encoder { out, count: 0 }
    }

    pub fn push(&mut self, record: &Record) {
        record.encode(&mut self.out);
        self.count += 1;
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.out[20..24].copy_from_slice(&self.count.to_le_bytes());
        let crc = crc32c(&self.out[8..]);
        self.out[4..8].copy_from_slice(&crc.to_le_bytes());
        self.out
    }
}

impl CheckpointFile {
    pub fn decode(bytes: &[u8]) -> Result<CheckpointFile, CheckpointFileError> {
        let damaged = CheckpointFileError::Damaged;
        let mut cursor = Cursor(bytes);
        let magic: [u8; 4] = cursor.array().ok_or(damaged)?;
        let crc = u32::from_le_bytes(cursor.array().ok_or(damaged)?);
        if magic != *MAGIC || bytes.len() < HEAD || crc != crc32c(cursor.0) {
            return Err(damaged);
        }
        let version = u16::from_le_bytes(cursor.array().ok_or(damaged)?);
        if !(VERSION_FIRST..=VERSION).contains(&version) {
            return Err(CheckpointFileError::Version { version });
        }
        cursor.take(2).ok_or(damaged)?;
        let incarnation = Incarnation(u64::from_le_bytes(cursor.array().ok_or(damaged)?));
        let count = u32::from_le_bytes(cursor.array().ok_or(damaged)?) as usize;
        if count > cursor.left() / RECORD_MIN {
            return Err(damaged);
        }
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            records.push(Record::decode(&mut cursor, version).ok_or(damaged)?);
        }
        if cursor.left() != 0 {
            return Err(damaged);
        }
        Ok(CheckpointFile {
            incarnation,
            records,
        })
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn left(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A count of things that take `bytes` each, as far as there is room for them.
    fn count(&mut self, bytes: usize) -> Option<usize> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        (count <= self.left() / bytes).then_some(count)
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The file that ends a recovery.
pub fn base_path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

pub fn shard_path(dir: &Path, shard: ShardId) -> PathBuf {
    dir.join(format!("{NAME}-{}", shard.0))
}

/// What the checkpoint files of a log dir say together.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints {
    /// 0: there is no base that can be read.
    pub incarnation: Incarnation,
    /// A base is there and cannot be read.
    pub damaged: bool,
    /// One piece of memory for all of them: a start with 100,000 gives it back as a whole.
    pub records: Map<PartitionKey, Record>,
    /// Files of shards, void ones too.
    pub shard_files: Vec<PathBuf>,
}

impl Checkpoints {
    pub async fn load(runtime: &Runtime, dir: &Path) -> Result<Checkpoints, Errno> {
        let mut all = Checkpoints::default();
        match read(runtime, &base_path(dir)).await? {
            Read::Missing => {}
            Read::Damaged => all.damaged = true,
            Read::File(base) => {
                all.incarnation = base.incarnation;
                all.take(base.records);
            }
        }
        for entry in runtime.list_named(dir, NAME).await? {
            let number = entry
                .name
                .strip_prefix(NAME)
                .and_then(|rest| rest.strip_prefix('-'));
            let Some(shard) = number.and_then(|number| number.parse().ok()) else {
                continue;
            };
            let path = shard_path(dir, ShardId(shard));
            if let Read::File(file) = read(runtime, &path).await?
                && file.incarnation == all.incarnation
            {
                all.take(file.records);
            }
            // Without a damaged one recovery looks at more of the segments, from the base's
            // recovery points on; what the journal let go of is in them.
            all.shard_files.push(path);
        }
        Ok(all)
    }

    fn take(&mut self, records: Vec<Record>) {
        let records = records.into_iter().map(|record| (record.key, record));
        self.records.extend(records);
    }
}

/// The base alone, to be changed while no broker runs.
pub struct Base(pub CheckpointFile);

impl Base {
    pub async fn load(runtime: &Runtime, dir: &Path) -> Result<Base, Errno> {
        Ok(Base(match read(runtime, &base_path(dir)).await? {
            Read::File(file) => file,
            // The next start says what that means.
            Read::Missing | Read::Damaged => CheckpointFile::default(),
        }))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(self.0.incarnation);
        self.0
            .records
            .iter()
            .for_each(|record| encoder.push(record));
        encoder.finish()
    }
}

enum Read {
    Missing,
    Damaged,
    File(CheckpointFile),
}

async fn read(runtime: &Runtime, path: &Path) -> Result<Read, Errno> {
    let bytes = match runtime.read_file(path, BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(Errno::NO_ENTRY) => return Ok(Read::Missing),
        Err(errno) => return Err(errno),
    };
    match CheckpointFile::decode(&bytes) {
        Ok(file) => Ok(Read::File(file)),
        Err(error) => {
            tracing::error!(path = %path.display(), ?error, "the checkpoint cannot be read");
            Ok(Read::Damaged)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8) -> Record {
        Record {
            key: PartitionKey {
                topic: TopicId([number; 16]),
                partition: i32::from(number),
            },
            folder: format!("orders-{number}"),
            recovery_point: Offset(1 << 40),
            replay_from: GroupSequence(77),
            log_start: Offset(5),
            high_watermark: Offset(-1),
            epochs: (0..i64::from(number % 4))
                .map(|n| EpochEntry {
                    epoch: LeaderEpoch(n as i32),
                    start: Offset(n * 10),
                })
                .collect(),
            producers: SmallVec::from_elem(number, usize::from(number)),
            refused: number % 2 == 1,
            closed: (0..u32::from(number % 3))
                .map(|n| (Offset(i64::from(n) * 50), n * 1000))
                .collect(),
            whole: number % 5 == 2,
            damage: vec![
                Damage {
                    from: Offset(7),
                    to: Offset(9)
                };
                usize::from(number / 3)
            ],
        }
    }

    fn encode(records: &[Record]) -> Vec<u8> {
        let mut encoder = Encoder::new(Incarnation(3));
        records.iter().for_each(|record| encoder.push(record));
        encoder.finish()
    }

    #[test]
    fn records_come_back_as_they_were() {
        for count in [0, 1, 7] {
            let records: Vec<Record> = (0..count).map(record).collect();
            let expected = CheckpointFile {
                incarnation: Incarnation(3),
                records: records.clone(),
            };
            assert_eq!(CheckpointFile::decode(&encode(&records)), Ok(expected));
        }
    }

    /// Goal: no change of a byte, no cut and no false count under a right checksum is taken.
    #[test]
    fn damage_is_noticed() {
        let whole = encode(&[record(3), record(6)]);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            assert!(CheckpointFile::decode(&bytes).is_err(), "{at}");
            assert!(CheckpointFile::decode(&whole[..at]).is_err(), "{at}");
            // The same damage under a checksum that fits must not panic, whatever it gives.
            if at >= 8 {
                let crc = crc32c(&bytes[8..]);
                bytes[4..8].copy_from_slice(&crc.to_le_bytes());
                let _ = CheckpointFile::decode(&bytes);
            }
        }
        let mut bytes = whole;
        bytes[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        let crc = crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(
            CheckpointFile::decode(&bytes),
            Err(CheckpointFileError::Damaged)
        );
    }

    /// Goal: no bytes, under a checksum that fits or not, make it panic; what is read is written
    /// again the same.
    #[test]
    fn no_bytes_make_it_panic() {
        let sound = [encode(&[]), encode(&[record(3), record(6), record(1)])];
        crate::accidents::Accidents::each(&sound, |bytes| {
            let _ = CheckpointFile::decode(bytes);
            let mut sealed = bytes.to_vec();
            sealed.resize(sealed.len().max(HEAD), 0);
            sealed[..4].copy_from_slice(MAGIC);
            let crc = crc32c(&sealed[8..]);
            sealed[4..8].copy_from_slice(&crc.to_le_bytes());
            if let Ok(file) = CheckpointFile::decode(&sealed) {
                let mut encoder = Encoder::new(file.incarnation);
                file.records.iter().for_each(|record| encoder.push(record));
                assert_eq!(CheckpointFile::decode(&encoder.finish()), Ok(file.clone()));
                for record in &file.records {
                    let _ = record.known(true);
                }
            }
        });
    }
}
