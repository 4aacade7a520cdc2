//! What clients were promised: a list of batches, and how far each one was acknowledged.
//!
//! Room:       `sim`.
//! Called by:  `workload`, which tells it of answers; `checker`, which compares a log with it.
//! Never:      knows journals, segments or offsets it was not told: so simple that it cannot be
//!             wrong in the same way as the broker.

use crate::ids::Offset;
use crate::map::{Map, Set};
use crate::protocol::record_batch::{
    BATCH_HEADER_BYTES, BatchBuilder, BatchOptions, Compression, ProducerStamp,
};

/// What a batch must survive once a client was answered, or has read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A clean stop.
    Memory,
    /// `kill -9` of the broker.
    Written,
    /// Power loss.
    Synced,
}

/// What an operator set for a topic: the acknowledgement table of DESIGN §3, or one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    #[default]
    Acks,
    Always(Level),
}

impl Durability {
    /// What an operator writes for `ottla.durability`.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Acks => "acks",
            Durability::Always(Level::Memory) => "memory",
            Durability::Always(Level::Written) => "written",
            Durability::Always(Level::Synced) => "synced",
        }
    }

    /// Whether an acknowledgement may be worth less than the table says.
    pub fn is_weak(self) -> bool {
        self.level(-1) < Level::Synced
    }

    /// The table.
    pub fn level(self, acks: i16) -> Level {
        match (self, acks) {
            (Durability::Always(level), _) => level,
            (Durability::Acks, -1) => Level::Synced,
            (Durability::Acks, _) => Level::Written,
        }
    }
}

/// One batch that some client sent.
#[derive(Clone, Debug)]
pub struct SentBatch {
    pub partition: usize,
    pub acks: i16,
    /// What somebody who reads it may count on.
    pub seen: Level,
    /// What an acknowledgement says: more than `seen`, if a level was raised before it was sent
    /// again.
    pub answered: Level,
    /// What keeps unnumbered batches in order: one connection.
    pub stream: u64,
    /// Producer, its epoch and its first sequence number, for idempotent ones.
    pub producer: Option<(i64, i16, i32)>,
    pub records: i32,
    pub bytes: Vec<u8>,
    /// Where it lies and what it survives, once somebody was told.
    pub promised: Option<(Offset, Level)>,
    /// It was not there after a recovery: unless it is sent again, it never comes back.
    pub dead: bool,
    pub sent_again: bool,
    /// Its bytes have rotted on the disk: it may answer an error, or be cut off at the end.
    pub rotten: bool,
}

/// How a batch is sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    pub partition: usize,
    pub acks: i16,
    pub stream: u64,
    /// Set for numbered batches.
    pub stamp: Option<ProducerStamp>,
    pub records: i32,
    pub value_bytes: usize,
    pub codec: Compression,
    pub timestamp: i64,
}

/// What producers pack batches in, by weight. A packed one goes by way of the worker pool unless it
/// is small. Without zstd, which the older requests of some clients cannot carry.
pub const CODECS: [(u32, Compression); 4] = [
    (12, Compression::None),
    (1, Compression::Gzip),
    (1, Compression::Snappy),
    (1, Compression::Lz4),
];

/// Producers that number their batches, one per partition.
#[derive(Clone, Debug, Default)]
pub struct Producer {
    /// Counts up when it has lost what it counted on, as its level allows.
    pub epoch: i16,
    pub next_sequence: i32,
    /// The batch on its way or to be sent again: the one a producer insists on.
    pub waiting: Option<usize>,
}

impl Producer {
    /// As a client that learned that its batches are gone: another epoch, numbers from 0.
    pub fn begin_anew(&mut self) {
        *self = Producer {
            epoch: self.epoch + 1,
            ..Producer::default()
        };
    }
}

#[derive(Default)]
pub struct Model {
    pub batches: Vec<SentBatch>,
    by_content: Map<u64, usize>,
    /// Ids that the broker gave to producers.
    producer_ids: Set<i64>,
    /// What an operator set, as far as known: several while a change is under way.
    durability: Vec<Durability>,
    /// By partition: what DeleteRecords promised.
    pub log_start: Vec<Offset>,
    pub producers: Vec<Producer>,
    pub acknowledged: u64,
    pub refused: u64,
    pub fetched: u64,
}

impl Model {
    pub fn new(partitions: usize) -> Model {
        Model {
            log_start: vec![Offset(0); partitions],
            producers: vec![Producer::default(); partitions],
            durability: vec![Durability::default()],
            ..Model::default()
        }
    }

    /// Makes a batch like no other; returns its number.
    pub fn send(&mut self, how: Sending) -> usize {
        let id = self.batches.len();
        let stamp = how.stamp;
        let mut builder = BatchBuilder::new(BatchOptions {
            producer: stamp.unwrap_or_default(),
            codec: how.codec,
            ..BatchOptions::default()
        });
        let mut filler = super::seed::Rng::new(id as u64);
        for _ in 0..how.records {
            let mut value = (id as u64).to_be_bytes().to_vec();
            while value.len() < how.value_bytes {
                value.extend_from_slice(&filler.bits().to_be_bytes());
            }
            builder.append(how.timestamp, None, Some(&value), &[]);
        }
        let bytes = builder.finish();
        self.by_content.insert(content_hash(&bytes), id);
        let level = self.level_now(how.acks);
        self.batches.push(SentBatch {
            partition: how.partition,
            acks: how.acks,
            seen: level,
            answered: level,
            stream: how.stream,
            producer: stamp.map(|stamp| (stamp.id, stamp.epoch, stamp.base_sequence)),
            records: how.records,
            bytes,
            promised: None,
            dead: false,
            sent_again: false,
            rotten: false,
        });
        id
    }

    /// An operator begins to set another durability: from here on either may hold.
    pub fn begin_durability(&mut self, to: Durability) {
        self.durability.push(to);
        for batch in &mut self.batches {
            // One that is on its way meets either.
            let level = to.level(batch.acks);
            batch.answered = batch.answered.min(level);
            if batch.promised.is_none() {
                batch.seen = batch.seen.min(level);
            }
        }
    }

    /// The change was acknowledged: what is sent from now on meets this one only.
    pub fn end_durability(&mut self, to: Durability) {
        self.durability = vec![to];
    }

    /// The least that a batch sent now can count on.
    fn level_now(&self, acks: i16) -> Level {
        let levels = self.durability.iter().map(|one| one.level(acks));
        levels.min().expect("something is always set")
    }

    /// The broker gave a producer its id: nobody else has it, whatever crashed since.
    pub fn take_producer_id(&mut self, id: i64) {
        assert!(
            self.producer_ids.insert(id),
            "producer id {id} was given twice"
        );
    }

    /// A batch is sent once more by a producer that heard nothing.
    pub fn send_again(&mut self, id: usize) {
        let level = self.level_now(self.batches[id].acks);
        let batch = &mut self.batches[id];
        batch.sent_again = true;
        batch.dead = false;
        batch.answered = level;
        batch.seen = batch.seen.min(level);
    }

    /// Which batch these bytes are, whatever offset and epoch the broker gave them.
    pub fn identify(&self, batch: &[u8]) -> Option<usize> {
        let id = *self.by_content.get(&content_hash(batch))?;
        let same = self.batches[id].bytes.get(CONTENT_START..) == batch.get(CONTENT_START..);
        same.then_some(id)
    }

    /// The broker acknowledged it.
    pub fn acknowledge(&mut self, id: usize, base: Offset) {
        self.promise(id, base, self.batches[id].answered);
        self.acknowledged += 1;
    }

    /// Somebody was told that the batch lies at `base`, so it must survive what `level` says.
    pub fn promise(&mut self, id: usize, base: Offset, level: Level) {
        let batch = &mut self.batches[id];
        match &mut batch.promised {
            Some((before, kept)) => {
                assert_eq!(*before, base, "batch {id} was promised at another offset");
                *kept = (*kept).max(level);
            }
            None => batch.promised = Some((base, level)),
        }
    }
}

/// What the broker may not change begins here: attributes and all behind (what the checksum
/// covers). Before it lie base offset, length, leader epoch, magic and the checksum itself.
const CONTENT_START: usize = 21;

fn content_hash(batch: &[u8]) -> u64 {
    let mut hash = super::trace::Trace::default();
    hash.bytes(batch.get(CONTENT_START..).unwrap_or_default());
    hash.value()
}

const _: () = assert!(CONTENT_START < BATCH_HEADER_BYTES);
