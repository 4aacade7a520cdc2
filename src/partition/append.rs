//! Appending: validate, check the producer, give offsets, journal, log.
//!
//! Room:       `partition`.
//! Called by:  `shard::produce`.
//! Calls:      `protocol::record_batch` to validate, `journal`, `log`.
//! Never:      changes a batch's records; offsets, epoch and append time only, and the codec where
//!             the topic names one (`compression.type`).
//!
//! Uncompressed batches are walked at once. Compressed ones are walked on the worker pool, so that
//! a large one does not hold up other connections; batches behind it wait in the gate, because
//! order is per partition. There they also wait when the disk is slower than the producers: for
//! every level of acknowledgement, or what is acknowledged at once would pile up in memory.

use super::{AppendError, Guard, Partition, Pending};
use crate::config::{
    Compression as TopicCompression, Durability, TimestampType as TopicTimestamps,
};
use crate::ids::{GroupSequence, Offset, RequiredMark};
use crate::io::{Instant, Slice, WallMillis};
use crate::log::{BatchInfo, ProducerCheck};
use crate::protocol::record_batch::{
    BATCH_HEADER_BYTES, BatchHeader, Checked, Compression, DecompressError, InvalidBatch, Limits,
    TimestampType, WalkLimits, Walked, check, patch_base_offset, patch_leader_epoch,
    patch_timestamps, recompressed,
};
use crate::runtime::Runtime;
use crate::runtime::sync::{Event, Reply};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the request says beside the records.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// -1 all, 0 none, 1 the leader.
    pub acks: i16,
    /// Produce v7 and later may carry zstd (KIP-110).
    pub zstd_allowed: bool,
    pub now: WallMillis,
    /// When the client stops waiting for the acknowledgement.
    pub deadline: Instant,
    pub origin: Origin,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Client {
        /// Data of a transaction needs its coordinator's word for the partition (KIP-890).
        verified: bool,
    },
    /// A coordinator of this broker: no sequences, and its word is its own.
    Coordinator,
}

impl Origin {
    /// A client without transactions.
    pub const CLIENT: Origin = Origin::Client { verified: true };
}

/// A batch that is in the journal's open group, or was appended before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: Offset,
    /// One behind the batch's last record.
    pub end: Offset,
    /// `None` when it was a duplicate, whose original has its own group.
    pub group: Option<GroupSequence>,
    pub required: RequiredMark,
    /// How often the replica had moved to another log dir, whose journal the group is of.
    pub moves: u32,
    /// Set when the topic stamps records itself.
    pub log_append_time: Option<i64>,
}

/// The outcome now, or a reply with it.
pub enum Append {
    Now(Result<Appended, AppendError>),
    /// A task of its own is at it: whoever waits for this one may first wait for something that
    /// waits behind it in the gate, as requests of several shards do for each other's parts.
    Later(Reply<Result<Appended, AppendError>>),
}

/// Compressed batches up to this size are tried on the spot: the way to the pool and back costs
/// more than a usual walk.
const INLINE_COMPRESSED_BYTES_MAX: usize = 1024;

/// What such a batch may become on the spot. 1 KiB of zstd can become 32 MiB: the walk stops here
/// and the pool begins it anew.
const INLINE_DECOMPRESSED_BYTES_MAX: u64 = 64 << 10;

/// The most that a batch's records may become when decompressed.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

impl Partition {
    /// Takes one partition's records of a Produce request. What can be decided now is decided and
    /// appended before this returns; the order of calls is the order in the log.
    pub fn append(
        self: &Rc<Self>,
        runtime: &Runtime,
        records: Slice,
        terms: Terms,
        guard: Option<Guard>,
    ) -> Append {
        if let Err(refused) = self.may_append(terms.acks) {
            return Append::Now(Err(refused));
        }
        let config = self.config();
        let limits = Limits {
            batch_bytes_max: match terms.origin {
                Origin::Client { .. } => config.message_bytes_max as usize,
                // It weighs what clients ask of it, and writes all that follows.
                Origin::Coordinator => usize::MAX,
            },
            zstd_allowed: terms.zstd_allowed,
        };
        let checked = match check(&records, &limits) {
            Ok(checked) => checked,
            Err(invalid) => return Append::Now(Err(AppendError::Invalid(invalid))),
        };
        let walk_limits = self.walk_limits(terms.now);
        let target = match terms.origin {
            Origin::Client { .. } => self.codec_for(&checked),
            // Its batches are small, and are wanted at once.
            Origin::Coordinator => None,
        };
        let mut walked = match target {
            None => walk_here(&checked, &records, &walk_limits),
            Some(_) => None,
        };
        // What a coordinator writes always finds room: it is little, and others wait for it.
        let may_wait = terms.origin != Origin::Coordinator;
        if self.append_gate.is_open()
            && (!may_wait || self.dir().has_room())
            && let Some(walked) = walked.take()
        {
            let appended = walked.map_err(AppendError::Invalid).and_then(|walked| {
                self.append_walked(&records, &checked, &walked, (terms, guard), runtime.now())
            });
            return Append::Now(appended);
        }
        let place = self.append_gate.enter();
        let (partition, worker) = (self.clone(), runtime.clone());
        Append::Later(runtime.spawn_with_result(async move {
            let prepared = match walked {
                Some(walked) => walked.map(|walked| (records, checked, walked)),
                None => {
                    let job = move || prepare(records, checked, &walk_limits, &limits, target);
                    worker.work(job).await
                }
            };
            place.turn().await;
            if may_wait {
                partition.dir().room().await;
            }
            // The world may have changed meanwhile: look again.
            partition.may_append(terms.acks)?;
            let (records, checked, walked) = prepared.map_err(AppendError::Invalid)?;
            partition.append_walked(&records, &checked, &walked, (terms, guard), worker.now())
        }))
    }

    pub(super) fn may_append(&self, acks: i16) -> Result<(), AppendError> {
        if let Some(errno) = self.offline.get() {
            return Err(AppendError::Disk(errno));
        }
        if !self.leads.get() {
            return Err(AppendError::NotLeader);
        }
        let insync = 1;
        let required = self.config().min_insync_replicas.min(self.replicas.get());
        if acks == -1 && insync < required {
            return Err(AppendError::TooFewInSync { insync, required });
        }
        Ok(())
    }

    /// The codec the topic wants batches in, where this one is in another.
    fn codec_for(&self, checked: &Checked) -> Option<(Compression, Option<i32>)> {
        let config = self.config();
        let codec = match config.compression {
            TopicCompression::Producer => return None,
            TopicCompression::Uncompressed => Compression::None,
            TopicCompression::Gzip => Compression::Gzip,
            TopicCompression::Snappy => Compression::Snappy,
            TopicCompression::Lz4 => Compression::Lz4,
            TopicCompression::Zstd => Compression::Zstd,
        };
        (codec != checked.codec).then_some((codec, config.compression_level))
    }

    fn walk_limits(&self, now: WallMillis) -> WalkLimits {
        let config = self.config();
        let bounded = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        WalkLimits {
            decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
            key_required: config.cleanup.compact,
            timestamp_type: match config.timestamp_type {
                TopicTimestamps::CreateTime => TimestampType::CreateTime,
                TopicTimestamps::LogAppendTime => TimestampType::LogAppendTime,
            },
            timestamp_min: now
                .0
                .saturating_sub(bounded(config.timestamp_before_max_ms)),
            timestamp_max: now.0.saturating_add(bounded(config.timestamp_after_max_ms)),
        }
    }

    /// The mark a batch needs before it counts: the acknowledgement table of DESIGN §3, or what
    /// the topic says instead.
    pub(super) fn required_mark(&self, acks: i16) -> RequiredMark {
        match self.config().durability {
            Durability::Acks if acks == -1 => RequiredMark::Synced,
            Durability::Acks => RequiredMark::Written,
            Durability::Memory => RequiredMark::Memory,
            Durability::Written => RequiredMark::Written,
            Durability::Synced => RequiredMark::Synced,
        }
    }

    fn append_walked(
        self: &Rc<Self>,
        records: &Slice,
        checked: &Checked,
        walked: &Walked,
        (terms, guard): (Terms, Option<Guard>),
        now: Instant,
    ) -> Result<Appended, AppendError> {
        let required = self.required_mark(terms.acks);
        let base_offset = self.log().log_end_offset();
        let leader_epoch = self.leader_epoch();
        let end = base_offset.plus(i64::from(checked.header.last_offset_delta) + 1);
        let stamps_time = self.stamps_time();
        let mut header = checked.header;
        header.base_offset = base_offset.0;
        header.partition_leader_epoch = leader_epoch.0;
        let batch = &records[..checked.size];
        if header.has_producer_id() {
            match self.check_producer(&BatchInfo::of(header), terms.origin, guard)? {
                ProducerCheck::New => {}
                ProducerCheck::Duplicate {
                    base_offset,
                    last_offset,
                    timestamp,
                } => {
                    return Ok(Appended {
                        base_offset,
                        end: last_offset.plus(1),
                        group: None,
                        required,
                        moves: self.moves(),
                        log_append_time: stamps_time.then_some(timestamp),
                    });
                }
            }
        }
        // The head is patched in a copy of its own; the records go as they came.
        let mut head = [0; BATCH_HEADER_BYTES];
        head.copy_from_slice(&batch[..BATCH_HEADER_BYTES]);
        patch_base_offset(&mut head, base_offset.0);
        patch_leader_epoch(&mut head, leader_epoch.0);
        if stamps_time {
            patch_timestamps(
                &mut head,
                checked.size,
                TimestampType::LogAppendTime,
                terms.now.0,
            );
        } else if walked.max_timestamp != header.max_timestamp
            || header.attributes.timestamp_type() != TimestampType::CreateTime
        {
            // Kafka trusts the walk and the topic, not the client's header.
            patch_timestamps(
                &mut head,
                checked.size,
                TimestampType::CreateTime,
                walked.max_timestamp,
            );
        }
        let patched = BatchHeader::parse(&head).expect("it was parsed before it was patched");
        let pieces: [&[u8]; 2] = [&head, &batch[BATCH_HEADER_BYTES..]];
        let group = self.take(&pieces, &BatchInfo::of(patched), required, now)?;
        Ok(Appended {
            base_offset,
            end,
            group: Some(group),
            required,
            moves: self.moves(),
            log_append_time: stamps_time.then_some(terms.now.0),
        })
    }

    fn check_producer(
        &self,
        info: &BatchInfo,
        origin: Origin,
        guard: Option<Guard>,
    ) -> Result<ProducerCheck, AppendError> {
        let verified = match origin {
            Origin::Coordinator => {
                self.log().check_producer_epoch(info)?;
                return Ok(ProducerCheck::New);
            }
            Origin::Client { verified } => verified,
        };
        let (id, epoch) = (info.header.producer_id, info.header.producer_epoch);
        if info.header.attributes.is_transactional()
            && !verified
            && !self.log().has_open_transaction(id, epoch)
            && !guard.is_some_and(|guard| self.markers.borrow().allows(guard, id))
        {
            let guard = self.markers.borrow().guard();
            return Err(AppendError::Unverified { guard });
        }
        Ok(self.log().check_producer(info)?)
    }

    /// Puts a batch that is judged and patched to the end of the log, in pieces.
    pub(super) fn take(
        self: &Rc<Self>,
        pieces: &[&[u8]],
        info: &BatchInfo,
        required: RequiredMark,
        now: Instant,
    ) -> Result<GroupSequence, AppendError> {
        let (epoch, base_offset) = (info.leader_epoch(), info.base_offset());
        let dir = self.dir();
        let journal = &dir.journal;
        let (group, slice) = journal.append(self.key, epoch, required, base_offset, pieces)?;
        self.log().append(slice, info, group, now);
        self.pending.borrow_mut().push_back(Pending {
            group,
            required,
            end: info.next_offset(),
        });
        dir.touched(group, required, self);
        if required == RequiredMark::Memory {
            self.advance();
        }
        Ok(group)
    }

    pub(super) fn stamps_time(&self) -> bool {
        self.config().timestamp_type == TopicTimestamps::LogAppendTime
    }
}

/// Walks what costs little; `None`: the rest belongs on the worker pool.
fn walk_here(
    checked: &Checked,
    records: &[u8],
    limits: &WalkLimits,
) -> Option<Result<Walked, InvalidBatch>> {
    if !checked.is_compressed() {
        return Some(checked.walk(records, limits));
    }
    if checked.size > INLINE_COMPRESSED_BYTES_MAX {
        return None;
    }
    let bound = limits
        .decompressed_bytes_max
        .min(INLINE_DECOMPRESSED_BYTES_MAX);
    let limits = WalkLimits {
        decompressed_bytes_max: bound,
        ..*limits
    };
    match checked.walk(records, &limits) {
        Err(InvalidBatch::DecompressedTooLarge { .. }) => None,
        walked => Some(walked),
    }
}

/// Walks a batch's records, and puts them into the codec the topic wants. On the worker pool.
fn prepare(
    records: Slice,
    checked: Checked,
    walk_limits: &WalkLimits,
    limits: &Limits,
    target: Option<(Compression, Option<i32>)>,
) -> Result<(Slice, Checked, Walked), InvalidBatch> {
    let walked = checked.walk(&records, walk_limits)?;
    let Some((codec, level)) = target else {
        return Ok((records, checked, walked));
    };
    let batch = &records[..checked.size];
    let packed = recompressed(batch, codec, level, DECOMPRESSED_BYTES_MAX);
    let packed = packed.map_err(|cause| match cause {
        DecompressError::Corrupt => InvalidBatch::Content,
        DecompressError::TooLarge { limit } => InvalidBatch::DecompressedTooLarge { max: limit },
    })?;
    if packed.len() > limits.batch_bytes_max {
        let (bytes, max) = (packed.len(), limits.batch_bytes_max);
        return Err(InvalidBatch::TooLarge { bytes, max });
    }
    let header = BatchHeader::parse(&packed).expect("it was written a moment ago");
    let checked = Checked {
        header,
        codec,
        size: packed.len(),
    };
    Ok((Slice::from(packed), checked, walked))
}

/// Keeps appends in order while one of them is away on the worker pool, or waits for room. Most
/// partitions never have one, so its state is made for the first that enters.
#[derive(Default)]
pub(super) struct Gate(OnceCell<Rc<GateState>>);

#[derive(Default)]
struct GateState {
    entered: Cell<u64>,
    served: Cell<u64>,
    /// Left before their turn.
    given_up: RefCell<BTreeSet<u64>>,
    moved: Event,
}

/// One append's place in the gate; given up when dropped.
pub(super) struct Place {
    gate: Rc<GateState>,
    number: u64,
}

impl Gate {
    pub fn is_open(&self) -> bool {
        let state = self.0.get();
        state.is_none_or(|state| state.entered.get() == state.served.get())
    }

    pub fn enter(&self) -> Place {
        let state = self.0.get_or_init(Rc::default);
        let number = state.entered.get();
        state.entered.set(number + 1);
        Place {
            gate: state.clone(),
            number,
        }
    }
}

impl Place {
    /// Completes when every earlier place has been left.
    pub async fn turn(&self) {
        while self.gate.served.get() != self.number {
            self.gate.moved.next().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (gate, number) = (&self.gate, self.number);
        if gate.served.get() != number {
            gate.given_up.borrow_mut().insert(number);
            return;
        }
        let mut next = number + 1;
        while gate.given_up.borrow_mut().remove(&next) {
            next += 1;
        }
        gate.served.set(next);
        self.gate.moved.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions, Compression};

    /// Goal: who gives up while it waits, as when a task is dropped, holds nobody up.
    #[test]
    fn places_that_are_given_up_are_passed() {
        let gate = Gate::default();
        let [first, second, third, fourth] = [(); 4].map(|()| gate.enter());
        let turn = |place: &Place| place.gate.served.get() == place.number;
        drop(third);
        drop(second);
        assert!(turn(&first));
        drop(first);
        assert!(turn(&fourth) && !gate.is_open());
        drop(fourth);
        assert!(gate.is_open());
    }

    fn walked_here(codec: Compression, value: &[u8]) -> Option<bool> {
        let mut builder = BatchBuilder::new(BatchOptions {
            codec,
            ..BatchOptions::default()
        });
        builder.append(1, None, Some(value), &[]);
        let bytes = builder.finish();
        let checked = check(&bytes, &Limits::default()).expect("it was built a moment ago");
        walk_here(&checked, &bytes, &WalkLimits::default()).map(|walked| walked.is_ok())
    }

    /// Goal: no small batch keeps the shard busy, whatever it becomes, and small ones stay here.
    #[test]
    fn what_expands_far_goes_to_the_pool() {
        let bomb = vec![0; 8 << 20];
        for codec in [
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ] {
            assert_eq!(walked_here(codec, &[7; 500]), Some(true), "{codec:?}");
            assert_eq!(walked_here(codec, &bomb), None, "{codec:?}");
        }
        let small_bomb = vec![0; 500 << 10];
        assert_eq!(walked_here(Compression::Zstd, &small_bomb), None);
        assert_eq!(walked_here(Compression::None, &[7; 5000]), Some(true));
    }
}
