//! What is known of one transactional id, and how that lies in `__transaction_state`.
//!
//! Room:       `coordinator::transaction`.
//! Called by:  the machine's other files, which change it and then write it down.
//! Calls:      `protocol` for the record.
//! Never:      decides what a request may do.

use crate::coordinator::{Millis, Producer};
use crate::protocol::records::transaction::transaction_log::PartitionsSchema;
use crate::protocol::records::transaction::{
    TransactionLogKey, TransactionLogValue, TransactionRecordKey, TransactionRecordValue,
};
use crate::protocol::{DecodeError, EncodeError};
use std::collections::{BTreeMap, BTreeSet};

/// Where a transactional id stands; the numbers are those of Kafka's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Without a transaction since the producer was initialized.
    Empty = 0,
    Ongoing = 1,
    /// It will be committed, whatever happens; the markers are on their way.
    PrepareCommit = 2,
    PrepareAbort = 3,
    CompleteCommit = 4,
    CompleteAbort = 5,
    /// Forgotten: never in a log of ours, but a filter may name it.
    Dead = 6,
    /// Kafka's state between the fencing of a producer and the abort that follows at once.
    PrepareEpochFence = 7,
}

/// The partitions of a transaction, by topic.
pub type Partitions = BTreeMap<String, BTreeSet<i32>>;

/// One transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub producer_id: i64,
    /// The one before; -1 for none.
    pub previous_producer_id: i64,
    /// Takes over when the markers are written, because the epochs of this one are used up.
    pub next_producer_id: i64,
    /// -1 before the producer is initialized for the first time.
    pub producer_epoch: i16,
    /// By which a repeated request is known; -1 for none. Not kept in the log, as in Kafka.
    pub last_producer_epoch: i16,
    pub timeout_ms: i32,
    pub state: State,
    pub partitions: Partitions,
    /// Milliseconds since 1970, -1 before the first transaction.
    pub start_ms: i64,
    pub last_update_ms: i64,
    /// 2: its producer takes a new epoch for every transaction (KIP-890).
    pub client_version: i16,
    /// When an ongoing transaction is aborted.
    pub deadline: Option<Millis>,
}

impl State {
    const ALL: [State; 8] = [
        State::Empty,
        State::Ongoing,
        State::PrepareCommit,
        State::PrepareAbort,
        State::CompleteCommit,
        State::CompleteAbort,
        State::Dead,
        State::PrepareEpochFence,
    ];

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
            Self::Dead => "Dead",
            Self::PrepareEpochFence => "PrepareEpochFence",
        }
    }

    pub fn named(name: &str) -> Option<State> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    fn from_code(code: i8) -> Option<State> {
        Self::ALL.into_iter().find(|state| *state as i8 == code)
    }

    /// How it ends, while the markers are on their way.
    pub fn ending(self) -> Option<bool> {
        match self {
            Self::PrepareCommit => Some(true),
            Self::PrepareAbort => Some(false),
            _ => None,
        }
    }

    pub fn may_expire(self) -> bool {
        matches!(
            self,
            Self::Empty | Self::CompleteCommit | Self::CompleteAbort
        )
    }
}

impl Transaction {
    pub fn new(producer_id: i64, timeout_ms: i32, wall: i64) -> Transaction {
        Transaction {
            producer_id,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: -1,
            last_producer_epoch: -1,
            timeout_ms,
            state: State::Empty,
            partitions: Partitions::new(),
            start_ms: -1,
            last_update_ms: wall,
            client_version: 0,
            deadline: None,
        }
    }

    pub fn producer(&self) -> Producer {
        Producer {
            id: self.producer_id,
            epoch: self.producer_epoch,
        }
    }

    /// The highest epoch is kept for fencing.
    pub fn is_epoch_exhausted(&self) -> bool {
        is_exhausted(self.producer_epoch)
    }

    pub fn has_partition(&self, topic: &str, partition: i32) -> bool {
        let partitions = self.partitions.get(topic);
        partitions.is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Its key and value in the log.
    ///
    /// # Errors
    /// When a name is longer than a record's string may be.
    pub fn encode(
        &self,
        transactional_id: &str,
        version: i16,
    ) -> Result<(Vec<u8>, Vec<u8>), EncodeError> {
        let partitions = self.partitions.iter().map(|(topic, ids)| PartitionsSchema {
            topic,
            partition_ids: ids.iter().copied().collect(),
        });
        let mut value = TransactionLogValue {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            transaction_timeout_ms: self.timeout_ms,
            transaction_status: self.state as i8,
            transaction_partitions: match self.state {
                State::Empty => None,
                _ => Some(partitions.collect()),
            },
            transaction_last_update_timestamp_ms: self.last_update_ms,
            transaction_start_timestamp_ms: self.start_ms,
            ..TransactionLogValue::default()
        };
        if version >= 1 {
            value.previous_producer_id = self.previous_producer_id;
            value.next_producer_id = self.next_producer_id;
            value.client_transaction_version = self.client_version;
        }
        let mut bytes = Vec::with_capacity(64);
        TransactionRecordValue::TransactionLog(value).encode(&mut bytes, version)?;
        Ok((key(transactional_id)?, bytes))
    }

    /// What a record says.
    ///
    /// # Errors
    /// When it names a state that does not exist.
    pub fn decode(value: &TransactionLogValue<'_>) -> Result<Transaction, DecodeError> {
        let state =
            State::from_code(value.transaction_status).ok_or(DecodeError::RecordTypeUnknown {
                record_type: value.transaction_status.into(),
            })?;
        let mut partitions = Partitions::new();
        for topic in value.transaction_partitions.iter().flatten() {
            let ids = partitions.entry(topic.topic.to_owned()).or_default();
            ids.extend(topic.partition_ids.iter().copied());
        }
        Ok(Transaction {
            producer_id: value.producer_id,
            previous_producer_id: value.previous_producer_id,
            next_producer_id: value.next_producer_id,
            producer_epoch: value.producer_epoch,
            last_producer_epoch: -1,
            timeout_ms: value.transaction_timeout_ms,
            state,
            partitions,
            start_ms: value.transaction_start_timestamp_ms,
            last_update_ms: value.transaction_last_update_timestamp_ms,
            client_version: value.client_transaction_version,
            deadline: None,
        })
    }
}

/// The key of an id in the log.
///
/// # Errors
/// When the id is longer than a record's string may be.
pub fn key(transactional_id: &str) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(4 + transactional_id.len());
    let key = TransactionLogKey { transactional_id };
    TransactionRecordKey::TransactionLog(key).encode(&mut bytes)?;
    Ok(bytes)
}

pub fn is_exhausted(epoch: i16) -> bool {
    epoch >= i16::MAX - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_goes_into_its_record_and_back() {
        let mut transaction = Transaction::new(7, 60_000, 1000);
        transaction.state = State::Ongoing;
        transaction.producer_epoch = 3;
        transaction.start_ms = 900;
        transaction.client_version = 2;
        transaction.previous_producer_id = 6;
        let ids = transaction.partitions.entry("orders".to_owned());
        ids.or_default().extend([2, 5]);
        let (key, value) = transaction.encode("id", 1).expect("it fits");
        let key = TransactionRecordKey::decode(&key).expect("a key");
        let value = key.decode_value(Some(&value)).expect("a value");
        let Some(TransactionRecordValue::TransactionLog(value)) = value else {
            panic!("no tombstone");
        };
        assert_eq!(Transaction::decode(&value), Ok(transaction.clone()));
        // Before transactions v2 the record has no place for some of it.
        let (_, value) = transaction.encode("id", 0).expect("it fits");
        let value = key.decode_value(Some(&value)).expect("a value");
        let Some(TransactionRecordValue::TransactionLog(value)) = value else {
            panic!("no tombstone");
        };
        transaction.client_version = 0;
        transaction.previous_producer_id = -1;
        assert_eq!(Transaction::decode(&value), Ok(transaction));
    }

    #[test]
    fn states_have_kafkas_names_and_numbers() {
        for state in State::ALL {
            assert_eq!(State::named(state.name()), Some(state));
            assert_eq!(State::from_code(state as i8), Some(state));
        }
        assert_eq!(State::from_code(8), None);
    }
}
