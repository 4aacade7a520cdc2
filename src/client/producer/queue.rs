//! The queue of one partition: open batch, full batches, batches to be sent again.
//!
//! Room:       `client::producer`.
//! Called by:  the producer (append), the sender (take), the receiver (put back).
//! Never:      sends, waits, or lets a later batch pass an earlier one.
//!
//! Always true: batches are numbered by `order` as they are first taken, and `again` is sorted by
//! it; nothing is taken from `batches` while `again` holds something.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Outgoing;
use crate::client::clock;
use crate::client::error::ClientError;
use crate::client::properties::ProducerConfig;
use crate::protocol::record_batch::{
    BATCH_HEADER_BYTES, BatchBuilder, BatchOptions, NO_SEQUENCE, ProducerStamp, computed_crc, place,
};
use crate::protocol::{ErrorCode, Uuid};

/// All that waits to go to one partition.
pub struct Queue {
    pub topic: Arc<str>,
    pub topic_id: Uuid,
    pub partition: i32,
    /// The broker that leads the partition, as far as known.
    pub leader: i32,
    /// The last failure says that the leader may be another one.
    pub leader_stale: bool,
    /// Oldest first; only the last one is open.
    batches: VecDeque<Open>,
    /// What failed and has to be sent again, in its first order.
    again: VecDeque<Built>,
    /// Batches handed to a connection and not answered.
    pub in_flight: usize,
    /// The producer id of this partition; its sequence is that of the next new batch.
    pub stamp: ProducerStamp,
    /// A sequence was lost for good: a new id is needed before the next batch.
    pub needs_new_id: bool,
    /// A batch of this producer id is stored. Until then one is sent at a time: a broker takes any
    /// sequence for the first of an id it does not know, so a later batch could close the door.
    is_known: bool,
    /// Why a batch had to be sent again, as text.
    pub last_failure: Option<String>,
    /// Nothing is sent before.
    pub not_before: Option<Instant>,
    order_next: u64,
}

/// A batch that may still grow.
struct Open {
    builder: BatchBuilder,
    tags: Vec<u64>,
    bytes: usize,
    opened_at: Instant,
    full: bool,
}

/// A batch as it is sent: first unfinished, then bytes that never change, except for the stamp.
pub struct Built {
    pub bytes: Vec<u8>,
    pub tags: Vec<u64>,
    /// What the batch takes of `buffer.memory`.
    pub buffered: usize,
    pub opened_at: Instant,
    pub order: u64,
    /// How often it was sent in vain.
    pub retries: u32,
    pub stamp: ProducerStamp,
    builder: Option<BatchBuilder>,
}

impl Queue {
    pub fn new(topic: &str, topic_id: Uuid, partition: i32, leader: i32) -> Self {
        Self {
            topic: topic.into(),
            topic_id,
            partition,
            leader,
            leader_stale: false,
            batches: VecDeque::new(),
            again: VecDeque::new(),
            in_flight: 0,
            stamp: ProducerStamp::default(),
            needs_new_id: false,
            is_known: false,
            last_failure: None,
            not_before: None,
            order_next: 0,
        }
    }

    /// Appends to the open batch or opens one; true when one was opened.
    pub fn append(&mut self, record: &Outgoing<'_>, bytes: usize, config: &ProducerConfig) -> bool {
        let fits = self.batches.back().is_some_and(|open| {
            !open.full && open.builder.size() + bytes <= config.batch_bytes.max(1)
        });
        if !fits {
            if let Some(last) = self.batches.back_mut() {
                last.full = true;
            }
            // Most batches fill up; the few that don't waste little.
            let reserve = config.batch_bytes.clamp(
                bytes + BATCH_HEADER_BYTES,
                RESERVE_BYTES_MAX.max(bytes + BATCH_HEADER_BYTES),
            );
            let options = BatchOptions {
                codec: config.compression,
                level: config.compression_level,
                ..Default::default()
            };
            self.batches.push_back(Open {
                builder: BatchBuilder::with_buffer(options, Vec::with_capacity(reserve)),
                tags: Vec::new(),
                bytes: 0,
                opened_at: clock::now(),
                full: false,
            });
        }
        let open = self.batches.back_mut().expect("a batch is open");
        open.builder
            .append(record.timestamp, record.key, record.value, record.headers);
        open.tags.push(record.tag);
        open.bytes += bytes;
        open.full |= open.builder.size() >= config.batch_bytes;
        !fits
    }

    /// Whether a batch waits that can't grow any more.
    pub fn is_full(&self) -> bool {
        self.batches.front().is_some_and(|open| open.full)
    }

    /// When the queue may be taken from: now (`Ok`), at a later time, or only after an event.
    pub fn ready_at(&self, now: Instant, linger: Duration, flushing: bool) -> Ready {
        if self.again.is_empty() && self.batches.is_empty() {
            return Ready::Never;
        }
        let is_first = self.stamp.base_sequence != NO_SEQUENCE && !self.is_known;
        let waits_for_answers = !self.again.is_empty() || self.needs_new_id || is_first;
        if waits_for_answers && self.in_flight > 0 {
            return Ready::Never;
        }
        let mut at = now;
        if let (true, Some(open)) = (self.again.is_empty(), self.batches.front())
            && !open.full
            && !flushing
        {
            at = open.opened_at + linger;
        }
        let at = self.not_before.map_or(at, |not_before| at.max(not_before));
        if at <= now { Ready::Now } else { Ready::At(at) }
    }

    /// Takes the next batch and numbers its records.
    pub fn take(&mut self, idempotent: bool) -> Option<Built> {
        self.not_before = None;
        if let Some(again) = self.again.pop_front() {
            self.in_flight += 1;
            return Some(again);
        }
        let open = self.batches.pop_front()?;
        let mut stamp = ProducerStamp::default();
        if idempotent {
            stamp = self.stamp;
            self.stamp = stamp.after(open.tags.len());
        }
        self.in_flight += 1;
        self.order_next += 1;
        Some(Built {
            bytes: Vec::new(),
            tags: open.tags,
            buffered: open.bytes,
            opened_at: open.opened_at,
            order: self.order_next,
            retries: 0,
            stamp,
            builder: Some(open.builder),
        })
    }

    /// A batch is stored: its producer id is known.
    pub fn stored(&mut self, built: &Built) {
        self.is_known |= built.stamp.id == self.stamp.id;
    }

    /// Puts a batch back that has to be sent again. Of two with one order, the halves of a batch,
    /// the second comes first.
    pub fn put_back(&mut self, built: Built) {
        let at = self
            .again
            .partition_point(|other| other.order < built.order);
        self.again.insert(at, built);
    }

    /// Whether an earlier batch than this one waits to be sent again.
    pub fn waits_before(&self, order: u64) -> bool {
        self.again.front().is_some_and(|other| other.order < order)
    }

    /// Starts over with a new producer id: what was numbered with the old one is numbered anew.
    /// A batch whose answer was lost just before an earlier one was given up could so be stored
    /// twice; the alternative, giving it up too, could lose it. Kafka's producer chooses the same.
    pub fn renumber(&mut self, stamp: ProducerStamp) {
        assert_eq!(self.in_flight, 0, "ids change while nothing is under way");
        self.stamp = stamp;
        self.is_known = false;
        self.needs_new_id = false;
        for built in &mut self.again {
            built.restamp(self.stamp);
            self.stamp = self.stamp.after(built.tags.len());
        }
    }

    /// Takes out the oldest batch if it is older than `limit`.
    pub fn take_expired(&mut self, now: Instant, limit: Duration) -> Option<Built> {
        if self.in_flight > 0 {
            return None;
        }
        let oldest = match (self.again.front(), self.batches.front()) {
            (Some(built), _) => built.opened_at,
            (None, Some(open)) => open.opened_at,
            (None, None) => return None,
        };
        if now.saturating_duration_since(oldest) < limit {
            return None;
        }
        let taken = self.take(false);
        self.in_flight -= usize::from(taken.is_some());
        taken
    }

    pub fn is_empty(&self) -> bool {
        self.again.is_empty() && self.batches.is_empty()
    }
}

impl Built {
    /// Compresses and sums up, once; done outside of any lock.
    pub fn finish(&mut self) {
        if let Some(builder) = self.builder.take() {
            self.bytes = builder.finish_as(self.stamp);
        }
    }

    /// Some of its records, in a batch of their own that has its place.
    pub fn part(&self, builder: BatchBuilder, tags: Vec<u64>, buffered: usize) -> Built {
        Built {
            bytes: Vec::new(),
            tags,
            buffered,
            builder: Some(builder),
            ..*self
        }
    }

    fn restamp(&mut self, stamp: ProducerStamp) {
        self.stamp = stamp;
        if self.bytes.is_empty() || stamp.base_sequence == NO_SEQUENCE {
            return;
        }
        let bytes = &mut self.bytes;
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(place::PRODUCER_ID, &stamp.id.to_be_bytes());
        put(place::PRODUCER_EPOCH, &stamp.epoch.to_be_bytes());
        put(place::BASE_SEQUENCE, &stamp.base_sequence.to_be_bytes());
        let crc = computed_crc(bytes);
        bytes[place::CRC..place::ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
    }
}

/// When a queue may be taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    Now,
    At(Instant),
    /// Only after an answer or another record.
    Never,
}

/// The most that an empty batch reserves.
const RESERVE_BYTES_MAX: usize = 64 << 10;

/// What a record takes of a batch and of `buffer.memory`, at most.
pub fn record_bytes(record: &Outgoing<'_>) -> usize {
    let sized = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record
        .headers
        .iter()
        .map(|(key, value)| key.len() + sized(*value) + 10)
        .sum();
    BatchBuilder::record_bytes_max(sized(record.key), sized(record.value)) + headers
}

pub fn too_large(bytes: usize, max: usize) -> ClientError {
    ClientError::Refused {
        what: format!("a record of {bytes} bytes"),
        code: ErrorCode::MessageTooLarge,
        message: Some(format!("max.request.size is {max}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::Batch;

    const RECORD: Outgoing<'_> = Outgoing {
        timestamp: 1,
        key: None,
        value: Some(b"0123456789"),
        headers: &[],
        tag: 0,
    };

    fn queue() -> (Queue, ProducerConfig) {
        let mut queue = Queue::new("t", Uuid::ZERO, 0, 1);
        queue.stamp = ProducerStamp {
            id: 7,
            epoch: 0,
            base_sequence: 0,
        };
        (
            queue,
            ProducerConfig {
                batch_bytes: 140,
                ..Default::default()
            },
        )
    }

    fn fill(queue: &mut Queue, config: &ProducerConfig, records: u64) {
        for tag in 0..records {
            queue.append(&Outgoing { tag, ..RECORD }, record_bytes(&RECORD), config);
        }
    }

    #[test]
    fn batches_fill_and_sequences_go_on() {
        let (mut queue, config) = queue();
        fill(&mut queue, &config, 5);
        let mut sequences = Vec::new();
        let mut tags = Vec::new();
        while let Some(mut built) = queue.take(true) {
            built.finish();
            let batch = Batch::parse(&built.bytes).unwrap();
            assert!(batch.crc_is_valid());
            assert!(built.bytes.len() <= config.batch_bytes);
            sequences.push(batch.header.base_sequence);
            tags.extend(built.tags);
        }
        assert_eq!(tags, [0, 1, 2, 3, 4]);
        assert!(sequences.len() > 1 && sequences[0] == 0 && sequences.is_sorted());
    }

    #[test]
    fn what_failed_goes_first_and_alone() {
        let (mut queue, config) = queue();
        fill(&mut queue, &config, 6);
        let now = clock::now();
        let first = queue.take(true).unwrap();
        let second = queue.take(true).unwrap();
        // The later one comes back first, as it does when a connection breaks.
        queue.in_flight -= 1;
        let order = second.order;
        queue.put_back(second);
        assert_eq!(queue.ready_at(now, Duration::ZERO, true), Ready::Never);
        queue.in_flight -= 1;
        queue.put_back(first);
        assert!(queue.waits_before(order));
        assert_eq!(queue.ready_at(now, Duration::ZERO, true), Ready::Now);
        assert_eq!(queue.take(true).unwrap().tags[0], 0);
        assert_eq!(queue.ready_at(now, Duration::ZERO, true), Ready::Never);
    }

    #[test]
    fn a_new_id_renumbers_what_waits() {
        let (mut queue, config) = queue();
        fill(&mut queue, &config, 4);
        let mut lost = queue.take(true).unwrap();
        lost.finish();
        let mut kept = queue.take(true).unwrap();
        kept.finish();
        queue.in_flight = 0;
        queue.put_back(kept);
        queue.renumber(ProducerStamp {
            id: 8,
            epoch: 0,
            base_sequence: 0,
        });
        let again = queue.take(true).unwrap();
        let batch = Batch::parse(&again.bytes).unwrap();
        assert!(batch.crc_is_valid());
        assert_eq!(
            (batch.header.producer_id, batch.header.base_sequence),
            (8, 0)
        );
        assert_eq!(queue.stamp.base_sequence, batch.header.records_count);
    }
}
