//! One step of a machine: the time it happens at, and what it wants done.
//!
//! Room:       `coordinator`.
//! Called by:  machines, which fill it; `shard::coordinators`, which carries it out.
//! Never:      does anything itself.

use super::{Kind, Request};
use crate::protocol::{EncodeError, ErrorCode, Message};

/// Monotonic time in milliseconds since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

/// Names a request until it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Names an `Ask` until its reply comes; the machine's own choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The encoded body of a response, or why the machine was not asked.
pub type Coordinated = Result<Vec<u8>, ErrorCode>;

/// One step: what it is given and what it wants.
#[derive(Debug, Default)]
pub struct Step {
    pub now: Millis,
    /// Milliseconds since 1970.
    pub wall: i64,
    /// Fresh for each step.
    pub random: u128,
    /// The most that words of a client may take in one record, as the topic says now.
    pub record_bytes_max: usize,
    pub effects: Effects,
}

/// What a step wants done, in this order: append the batches; once they are committed, send the
/// answers and ask the questions.
#[derive(Debug, Default)]
pub struct Effects {
    pub batches: Vec<NewBatch>,
    pub answers: Vec<(Token, Coordinated)>,
    pub asks: Vec<(Ticket, Ask)>,
    /// This step's records say all that is known: once they are committed, the log before them
    /// may go.
    pub prunes: bool,
}

/// Records that are appended together or not at all, as far as they fit one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewBatch {
    /// Set for records of a transaction.
    pub producer: Option<Producer>,
    pub records: Vec<NewRecord>,
}

/// A record to append; its timestamp is the step's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    pub key: Vec<u8>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

#[cfg(test)]
impl NewRecord {
    /// As a log gives it back that holds nothing else.
    pub fn replayed(&self) -> super::Replayed<'_> {
        super::Replayed {
            offset: 0,
            timestamp: 0,
            producer: None,
            key: Some(&self.key),
            value: self.value.as_deref(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Producer {
    pub id: i64,
    pub epoch: i16,
}

/// The version in whose form a reply to `Ask::CreateTopics` comes.
pub const CREATE_TOPICS_VERSION: i16 = 7;

/// A topic to make; -1 is the broker's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTopic {
    pub name: String,
    pub partitions: i32,
    pub replication_factor: i16,
    pub configs: Vec<(String, String)>,
}

/// A question to somebody else; its reply comes back to the machine that asked.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Another coordinator: the one of this kind that coordinates `key`.
    Coordinator {
        kind: Kind,
        key: String,
        request: Request,
    },
    /// Topics that a group needs; a CreateTopicsResponse of `CREATE_TOPICS_VERSION`.
    CreateTopics { topics: Vec<NewTopic> },
    /// A producer id nobody has had; eight bytes.
    ProducerId,
    /// The end of a transaction in these partitions, by topic name; one error code (i16) for each.
    Markers {
        producer: Producer,
        commit: bool,
        transaction_version: i16,
        partitions: Vec<(String, i32)>,
    },
}

impl Millis {
    pub fn plus(self, ms: u64) -> Millis {
        Millis(self.0.saturating_add(ms))
    }

    /// Moved by a number from a request; negative counts as zero.
    pub fn plus_i32(self, ms: i32) -> Millis {
        self.plus(u64::try_from(ms).unwrap_or_default())
    }
}

impl Step {
    /// A step at a time, for the caller that carries it out.
    pub fn at(now: Millis, wall: i64, random: u128) -> Step {
        Step {
            now,
            wall,
            random,
            record_bytes_max: usize::MAX,
            effects: Effects::default(),
        }
    }

    /// Adds a record to this step's batch.
    pub fn record(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.record_of(None, key, value);
    }

    /// Adds a record to this step's batch of a producer's transaction.
    pub fn record_of(&mut self, producer: Option<Producer>, key: Vec<u8>, value: Option<Vec<u8>>) {
        let record = NewRecord { key, value };
        match self.effects.batches.last_mut() {
            Some(batch) if batch.producer == producer => batch.records.push(record),
            _ => self.effects.batches.push(NewBatch {
                producer,
                records: vec![record],
            }),
        }
    }

    /// Answers a request.
    pub fn answer<'r>(&mut self, token: Token, version: i16, response: &impl Message<'r>) {
        let encoded = encoded(response, version);
        // A response that does not fit its version is a bug of ours, seen by one client only.
        self.answer_encoded(token, encoded.map_err(|_| ErrorCode::UnknownServerError));
    }

    pub fn answer_encoded(&mut self, token: Token, answer: Coordinated) {
        self.effects.answers.push((token, answer));
    }

    pub fn ask(&mut self, ticket: Ticket, ask: Ask) {
        self.effects.asks.push((ticket, ask));
    }

    /// The next random number of this step.
    pub fn draw(&mut self) -> u128 {
        let drawn = self.random;
        // Each half goes on by the splitmix sequence.
        let next = |half: u64| {
            let mut z = half.wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let (high, low) = ((drawn >> 64) as u64, drawn as u64);
        self.random = u128::from(next(high)) << 64 | u128::from(next(low ^ high));
        drawn
    }
}

/// A message's bytes.
///
/// # Errors
/// When a value has no place in this version.
pub fn encoded<'r>(message: &impl Message<'r>, version: i16) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(64);
    message.encode(&mut out, version)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_step_share_a_batch_unless_a_transaction_parts_them() {
        let mut step = Step::default();
        let producer = Producer { id: 1, epoch: 0 };
        step.record(vec![1], None);
        step.record(vec![2], Some(vec![3]));
        step.record_of(Some(producer), vec![4], None);
        let counts: Vec<usize> = step
            .effects
            .batches
            .iter()
            .map(|b| b.records.len())
            .collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!(step.effects.batches[1].producer, Some(producer));
    }

    #[test]
    fn a_step_draws_different_numbers() {
        let mut step = Step::at(Millis(0), 0, 7);
        let drawn = [step.draw(), step.draw(), step.draw()];
        assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2]);
    }
}
