//! Loading a machine: replaying its partition's log from start to end, a slice at a time.
//!
//! Room:       `shard::coordinators`.
//! Called by:  `shard::coordinators`, when leadership comes or a machine was thrown away.
//! Calls:      `log` for reading, `coordinator`'s machine.
//! Never:      trusts the log: bytes that make no sense end in one clear line, and this partition
//!             alone is not coordinated.

use super::Shard;
use super::seat::{RELOAD_PAUSE, Seat, give_back, new_step};
use crate::coordinator::{Completed, Machine, Producer, Replayed, machine};
use crate::ids::Offset;
use crate::log::ReadError;
use crate::protocol::record_batch::{
    Batch, Batches, Compression, DecompressError, HeaderError, RecordError, Records, decompress,
};
use crate::protocol::{DecodeError, Reader};
use std::fmt;
use std::rc::Rc;

/// What is read from the log at once.
const SLICE_BYTES: usize = 256 << 10;

/// What compressed records may become.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

/// Why a machine could not be made of a log.
enum LoadError {
    Read(ReadError),
    Header(HeaderError),
    Checksum,
    Codec(i16),
    Decompress(DecompressError),
    Record(RecordError),
    /// The record's bytes are fine, what they say is not.
    Content(DecodeError),
}

impl Seat {
    /// Starts loading; the seat is ready when that is done.
    pub fn load(self: &Rc<Self>, shard: &Rc<Shard>) {
        let (seat, shard) = (self.clone(), shard.clone());
        let runtime = shard.runtime.clone();
        let is_again = self.life.get() > 0;
        runtime.spawn(async move {
            if is_again {
                shard.runtime.sleep(RELOAD_PAUSE).await;
            }
            seat.load_now(&shard).await;
        });
    }

    async fn load_now(self: &Rc<Self>, shard: &Rc<Shard>) {
        let life = self.life.get();
        // What was begun before this life is in the log when it is read.
        self.partition.settled().await;
        let mut machine = machine(self.kind, &shard.config());
        let started = shard.runtime.now();
        let mut at = self.partition.log().log_start_offset();
        let mut records = 0u64;
        let loaded = loop {
            let end = self.partition.log().log_end_offset();
            let read = self
                .partition
                .log()
                .read_all(at, end, SLICE_BYTES, true)
                .await;
            // The world may have changed meanwhile.
            if self.life.get() != life || !self.is_loading() {
                return give_back(&shard.runtime, machine);
            }
            let slices = match read {
                Ok(slices) => slices,
                // The start moved on while we read.
                Err(ReadError::OutOfRange { log_start, .. }) if log_start > at => {
                    at = log_start;
                    continue;
                }
                Err(error) => break Err((at, LoadError::Read(error))),
            };
            if slices.is_empty() {
                // A marker may have been appended while we read.
                if self.partition.log().log_end_offset() > end {
                    continue;
                }
                break Ok(());
            }
            let replayed = replay_all(machine.as_mut(), shard, &slices.concat(), at).await;
            if self.life.get() != life {
                return give_back(&shard.runtime, machine);
            }
            match replayed {
                Ok((next, count)) if next > at => {
                    at = next;
                    records += count;
                }
                Ok(_) => break Ok(()),
                Err(error) => break Err(error),
            }
            shard.runtime.yield_now().await;
        };
        let key = self.partition.key;
        match loaded {
            Ok(()) => {
                let took = shard.runtime.now().since(started);
                tracing::debug!(
                    topic = %self.partition.topic, partition = key.partition, records, ?took,
                    "coordinator loaded"
                );
                self.become_ready(shard, machine).await;
            }
            Err((offset, error)) => {
                tracing::error!(
                    topic = %self.partition.topic, partition = key.partition, %offset, %error,
                    "the coordinator's log cannot be read; what it coordinates is refused, \
                     other partitions go on"
                );
                self.refuse();
                give_back(&shard.runtime, machine);
            }
        }
    }
}

/// Replays whole batches from `at` on, giving way between them; returns where the next one starts
/// and how many records there were.
async fn replay_all(
    machine: &mut dyn Machine,
    shard: &Shard,
    bytes: &[u8],
    at: Offset,
) -> Result<(Offset, u64), (Offset, LoadError)> {
    let (mut next, mut count) = (at, 0);
    let mut pace = shard.runtime.pace();
    for batch in Batches::new(bytes) {
        let batch = batch.map_err(|error| (next, LoadError::Header(error)))?;
        let base = Offset(batch.header.base_offset);
        count += replay_batch(machine, shard, &batch, at).map_err(|error| (base, error))?;
        next = Offset(batch.header.last_offset()).plus(1);
        pace.stride().await;
    }
    Ok((next, count))
}

fn replay_batch(
    machine: &mut dyn Machine,
    shard: &Shard,
    batch: &Batch<'_>,
    at: Offset,
) -> Result<u64, LoadError> {
    if !batch.crc_is_valid() {
        return Err(LoadError::Checksum);
    }
    let header = &batch.header;
    let attributes = header.attributes;
    let codec = attributes.codec().map_err(LoadError::Codec)?;
    let mut plain = Vec::new();
    let records = match codec {
        Compression::None => Records::of(batch),
        codec => {
            decompress(
                codec,
                batch.records_bytes(),
                DECOMPRESSED_BYTES_MAX,
                &mut plain,
            )
            .map_err(LoadError::Decompress)?;
            Records::new(&plain, header.records_count)
        }
    };
    let producer = Producer {
        id: header.producer_id,
        epoch: header.producer_epoch,
    };
    let mut count = 0;
    for record in records {
        let record = record.map_err(LoadError::Record)?;
        let offset = header.base_offset + i64::from(record.offset_delta);
        if offset < at.0 {
            continue;
        }
        count += 1;
        if attributes.is_control() {
            if let Some(committed) = end_of_transaction(record.key) {
                let completed = Completed {
                    producer,
                    committed,
                };
                let mut step = new_step(shard);
                machine.transaction_completed(&mut step, completed);
            }
            continue;
        }
        let replayed = Replayed {
            offset,
            timestamp: header.base_timestamp.wrapping_add(record.timestamp_delta),
            producer: attributes.is_transactional().then_some(producer),
            key: record.key,
            value: record.value,
        };
        machine.replay(&replayed).map_err(LoadError::Content)?;
    }
    Ok(count)
}

/// Whether a control record ends a transaction, and how: its key is a version and a type.
fn end_of_transaction(key: Option<&[u8]>) -> Option<bool> {
    let mut reader = Reader::new(key?);
    let _version = reader.i16().ok()?;
    match reader.i16().ok()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::Checksum => f.write_str("the batch's checksum does not match its bytes"),
            Self::Codec(id) => write!(f, "the batch names codec {id}, which is none"),
            Self::Decompress(error) => write!(f, "the batch cannot be decompressed: {error:?}"),
            Self::Record(error) => error.fmt(f),
            Self::Content(error) => write!(f, "a record makes no sense: {error}"),
        }
    }
}
