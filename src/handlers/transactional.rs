//! What handlers do for transactions: a coordinator's word for partitions, and Produce requests
//! that need it (KIP-890).
//!
//! Room:       `handlers`.
//! Called by:  `produce`; handlers that commit offsets in a transaction.
//! Calls:      `router`, to partitions and to the transaction's coordinator.
//! Never:      lets a batch of a producer overtake an earlier one of its connection.
//!
//! A partition takes data of a transaction at once when the transaction is open in it already.
//! Otherwise it asks for the coordinator's word: from producers of transactions v2 the partition is
//! added to the transaction, of older ones it must have been added before. The request is then
//! sent once more, with the guard the partition gave.

use super::context::Call;
use super::coordinated::{coordinate_each, encode_as};
use crate::config::BrokerConfig;
use crate::coordinator::{Coordinated, Kind, Producer};
use crate::ids::Offset;
use crate::partition::{Origin, Terms};
use crate::protocol::messages::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
};
use crate::protocol::record_batch::BatchHeader;
use crate::protocol::{ApiKey, ErrorCode, ProducerId, Reader, TopicName, TransactionalId};
use crate::runtime::sync::Event;
use crate::shard::message::{ProduceAnswer, ProducePart};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// What is asked of the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The partitions are to be part of the transaction from now on (transactions v2).
    Add,
    /// They must be already. A client that does not know TRANSACTION_ABORTABLE is told an older
    /// code.
    Verify { knows_abortable: bool },
}

/// First version of Produce whose partitions join the transaction by themselves.
const PRODUCE_ADDS: i16 = 12;

/// First version of Produce whose client knows TRANSACTION_ABORTABLE.
const PRODUCE_ABORTABLE: i16 = 11;

/// How often a batch may come unverified again, because markers of the same producer came in
/// between.
const TRIES: usize = 5;

/// A topic's partition by name, as coordinators know it.
pub type Named = (Arc<str>, i32);

/// Whether the first batch of these records belongs to a transaction.
pub fn is_transactional(records: &[u8]) -> bool {
    BatchHeader::parse(records).is_ok_and(|header| header.attributes.is_transactional())
}

/// Asks a transaction's coordinator for its word on partitions; one code for each, as a client is
/// told it who asked for something else.
pub async fn vouch(
    call: &Call,
    transactional_id: &str,
    producer: Producer,
    partitions: &[Named],
    word: Word,
) -> Vec<ErrorCode> {
    let (verify_only, version) = match word {
        Word::Add => (false, V2),
        Word::Verify { .. } => (true, V1),
    };
    let asked = ask(
        call,
        transactional_id,
        producer,
        partitions,
        verify_only,
        version,
    );
    match asked.await {
        Ok(codes) => codes.into_iter().map(|code| told(code, word)).collect(),
        Err(code) => vec![told(code, word); partitions.len()],
    }
}

/// Adds partitions to a transaction because its producer asks for it.
///
/// # Errors
/// When there is no coordinator.
pub async fn add(
    call: &Call,
    transactional_id: &str,
    producer: Producer,
    partitions: &[Named],
) -> Result<Vec<ErrorCode>, ErrorCode> {
    let batched = call.api == ApiKey::AddPartitionsToTxn && call.version >= V2;
    let version = if batched { V2 } else { V1 };
    ask(call, transactional_id, producer, partitions, false, version).await
}

/// Says whether partitions belong to a transaction.
///
/// # Errors
/// When there is no coordinator.
pub async fn verify(
    call: &Call,
    transactional_id: &str,
    producer: Producer,
    partitions: &[Named],
) -> Result<Vec<ErrorCode>, ErrorCode> {
    ask(call, transactional_id, producer, partitions, true, V1).await
}

/// Version of AddPartitionsToTxn as a coordinator takes it from older producers.
const V1: i16 = 4;

/// The same from producers of transactions v2.
const V2: i16 = 5;

async fn ask(
    call: &Call,
    transactional_id: &str,
    producer: Producer,
    partitions: &[Named],
    verify_only: bool,
    version: i16,
) -> Result<Vec<ErrorCode>, ErrorCode> {
    let router = &call.context.router;
    let coordinator = router.coordinator_of(Kind::Transaction, transactional_id);
    let coordinator = coordinator.ok_or(ErrorCode::NotCoordinator)?;
    let topics = partitions
        .iter()
        .map(|(topic, partition)| AddPartitionsToTxnTopic {
            name: TopicName(topic),
            partitions: vec![*partition],
        });
    let request = AddPartitionsToTxnRequest {
        transactions: vec![AddPartitionsToTxnTransaction {
            transactional_id: TransactionalId(transactional_id),
            producer_id: ProducerId(producer.id),
            producer_epoch: producer.epoch,
            verify_only,
            topics: topics.collect(),
        }],
        ..AddPartitionsToTxnRequest::default()
    };
    let request = encode_as(call, &request, ApiKey::AddPartitionsToTxn, version)?;
    let mut answers = coordinate_each(call, vec![(coordinator, request)]).await;
    let answer = answers.pop().unwrap_or(Err(ErrorCode::NotCoordinator));
    let codes = codes(&answer, version)?;
    match codes.len() == partitions.len() {
        true => Ok(codes),
        false => Err(ErrorCode::UnknownServerError),
    }
}

/// The codes of an AddPartitionsToTxn answer, in the order of the request.
fn codes(answer: &Coordinated, version: i16) -> Result<Vec<ErrorCode>, ErrorCode> {
    let body = answer.as_ref().map_err(|code| *code)?;
    let response = AddPartitionsToTxnResponse::decode(&mut Reader::over_answer(body), version);
    let response = response.map_err(|_| ErrorCode::UnknownServerError)?;
    let results = response.results_by_transaction.iter();
    let topics = results.flat_map(|result| &result.topic_results);
    let partitions = topics.flat_map(|topic| &topic.results_by_partition);
    Ok(partitions
        .map(|partition| partition.partition_error_code)
        .collect())
}

/// What a client is told, who asked for something else. Older clients take only some codes as
/// reasons to come again; NOT_ENOUGH_REPLICAS is one that makes them ask for no metadata.
fn told(code: ErrorCode, word: Word) -> ErrorCode {
    match code {
        ErrorCode::ConcurrentTransactions if word == Word::Add => code,
        ErrorCode::ConcurrentTransactions
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => ErrorCode::NotEnoughReplicas,
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable => match word {
            Word::Verify {
                knows_abortable: false,
            } => ErrorCode::InvalidTxnState,
            _ => code,
        },
        code => code,
    }
}

/// A Produce request with data of a transaction.
pub struct Produce {
    transactional_id: String,
    named: Vec<Named>,
    parts: Vec<ProducePart>,
    terms: Terms,
    word: Word,
    place: Place,
    sent: Option<Sent>,
}

type Sent = Pin<Box<dyn Future<Output = Vec<ProduceAnswer>>>>;

impl Produce {
    /// Begins in the order of the connection. `named` says of each part which partition it is.
    pub fn begin(
        call: &Call,
        transactional_id: String,
        named: Vec<Named>,
        parts: Vec<ProducePart>,
        terms: Terms,
    ) -> Produce {
        let adds = call.version >= PRODUCE_ADDS;
        let terms = Terms {
            origin: origin(adds, &call.config()),
            ..terms
        };
        let place = call.context.transactional.enter();
        let sent = place.may_go().then(|| {
            let parts = parts.clone();
            Box::pin(call.context.router.produce(parts, terms)) as Sent
        });
        Produce {
            transactional_id,
            named,
            parts,
            terms,
            word: match adds {
                true => Word::Add,
                false => Word::Verify {
                    knows_abortable: call.version >= PRODUCE_ABORTABLE,
                },
            },
            place,
            sent,
        }
    }

    /// One answer for each part.
    pub async fn finish(mut self, call: &Call) -> Vec<ProduceAnswer> {
        let router = &call.context.router;
        let mut answers = match self.sent.take() {
            Some(sent) => sent.await,
            None => {
                self.place.turn().await;
                router.produce(self.parts.clone(), self.terms).await
            }
        };
        for _ in 0..TRIES {
            let left: Vec<usize> = (0..answers.len())
                .filter(|place| answers[*place].unverified.is_some())
                .collect();
            if left.is_empty() {
                return answers;
            }
            self.place.hold();
            self.place.turn().await;
            self.try_again(call, &mut answers, &left).await;
        }
        for answer in &mut answers {
            if answer.unverified.take().is_some() {
                answer.error = ErrorCode::NotEnoughReplicas;
            }
        }
        answers
    }

    async fn try_again(&self, call: &Call, answers: &mut [ProduceAnswer], left: &[usize]) {
        let producers = left.iter().map(|place| producer_of(&self.parts[*place]));
        let producers: BTreeSet<Option<Producer>> = producers.collect();
        let codes = match producers.first() {
            Some(Some(producer)) if producers.len() == 1 => {
                let named = left.iter().map(|place| self.named[*place].clone());
                let named: Vec<Named> = named.collect();
                vouch(call, &self.transactional_id, *producer, &named, self.word).await
            }
            // More than one producer in a request.
            _ => vec![ErrorCode::InvalidProducerIdMapping; left.len()],
        };
        let mut places = Vec::with_capacity(left.len());
        let mut parts = Vec::with_capacity(left.len());
        for (place, code) in left.iter().zip(codes) {
            let guard = answers[*place].unverified.take();
            if code == ErrorCode::None {
                places.push(*place);
                parts.push(ProducePart {
                    guard,
                    ..self.parts[*place].clone()
                });
            } else {
                answers[*place].error = code;
                answers[*place].base_offset = Offset(-1);
            }
        }
        if !parts.is_empty() {
            let again = call.context.router.produce(parts, self.terms).await;
            for (place, answer) in places.into_iter().zip(again) {
                answers[place] = answer;
            }
        }
    }
}

/// Data that adds its partitions to the transaction always needs the coordinator's word, that of
/// older producers as the operator says.
fn origin(adds: bool, config: &BrokerConfig) -> Origin {
    let checks = adds || config.values.is_true(VERIFICATION);
    Origin::Client { verified: !checks }
}

fn producer_of(part: &ProducePart) -> Option<Producer> {
    let header = BatchHeader::parse(&part.records).ok()?;
    Some(Producer {
        id: header.producer_id,
        epoch: header.producer_epoch,
    })
}

/// Whether older producers' data needs the coordinator's word.
const VERIFICATION: &str = "transaction.partition.verification.enable";

/// Keeps the transactional requests of a connection in order while one of them waits for a
/// coordinator's word. As long as none does, they overlap like any others.
#[derive(Clone, Default)]
pub struct Gate(Rc<GateState>);

#[derive(Default)]
struct GateState {
    entered: Cell<u64>,
    inside: RefCell<BTreeSet<u64>>,
    /// Requests that wait, or were sent while one waited: until the last of them has left, newer
    /// ones wait for their turn.
    held_up_to: Cell<u64>,
    holding: Cell<usize>,
    left: Event,
}

/// One request's place; given up when dropped.
struct Place {
    gate: Rc<GateState>,
    number: u64,
    holds: Cell<bool>,
}

impl Gate {
    fn enter(&self) -> Place {
        let number = self.0.entered.get() + 1;
        self.0.entered.set(number);
        self.0.inside.borrow_mut().insert(number);
        Place {
            gate: self.0.clone(),
            number,
            holds: Cell::new(false),
        }
    }
}

impl Place {
    /// Whether it may be sent at once, beside those before it. One that may not waits for its
    /// turn, and so do all behind it.
    fn may_go(&self) -> bool {
        let oldest = self.gate.inside.borrow().first().copied();
        let oldest = oldest.unwrap_or(self.number);
        let free = self.gate.holding.get() == 0 && oldest > self.gate.held_up_to.get();
        let goes = free || oldest == self.number;
        if !goes {
            self.gate.held_up_to.set(self.number);
        }
        goes
    }

    /// It goes on only in its turn, and newer ones wait for it.
    fn hold(&self) {
        if !self.holds.replace(true) {
            self.gate.holding.set(self.gate.holding.get() + 1);
        }
    }

    /// Completes when all before it have left.
    async fn turn(&self) {
        loop {
            let oldest = self.gate.inside.borrow().first().copied();
            if oldest.is_none_or(|oldest| oldest >= self.number) {
                return;
            }
            self.gate.left.next().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.inside.borrow_mut().remove(&self.number);
        if self.holds.get() {
            self.gate.holding.set(self.gate.holding.get() - 1);
            // Those that were sent meanwhile may have been told to wait and not know it yet.
            self.gate.held_up_to.set(self.gate.entered.get());
        }
        self.gate.left.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_producers_are_verified_unless_an_operator_says_no() {
        let (config, _) = BrokerConfig::from_given(&[], &Default::default()).expect("fine");
        let set = [(VERIFICATION.to_owned(), "false".to_owned())].into();
        let lax = config
            .with_dynamic(&set, &Default::default())
            .expect("fine");
        let verified = |adds, config| origin(adds, config) == Origin::CLIENT;
        assert!(!verified(true, &config) && !verified(false, &config));
        assert!(!verified(true, &lax) && verified(false, &lax));
    }

    #[test]
    fn requests_overlap_until_one_holds() {
        let gate = Gate::default();
        let (first, second) = (gate.enter(), gate.enter());
        assert!(first.may_go() && second.may_go());
        second.hold();
        let third = gate.enter();
        assert!(!third.may_go());
        drop(first);
        assert!(!third.may_go());
        drop(second);
        assert!(third.may_go(), "it is the oldest");
        let fourth = gate.enter();
        assert!(!fourth.may_go(), "the third was entered while one held");
        let fifth = gate.enter();
        assert!(!fifth.may_go(), "the fourth waits");
        drop(third);
        assert!(fourth.may_go(), "its turn");
        let sixth = gate.enter();
        assert!(!sixth.may_go(), "the fifth still waits");
        drop(fourth);
        drop(fifth);
        assert!(sixth.may_go(), "its turn");
        let seventh = gate.enter();
        assert!(!seventh.may_go(), "the sixth may not have been sent yet");
        drop((sixth, seventh));
        let (eighth, ninth) = (gate.enter(), gate.enter());
        assert!(eighth.may_go() && ninth.may_go(), "nobody waits any more");
    }

    #[test]
    fn old_clients_are_told_what_they_understand() {
        let old = Word::Verify {
            knows_abortable: false,
        };
        let new = Word::Verify {
            knows_abortable: true,
        };
        let abortable = ErrorCode::TransactionAbortable;
        assert_eq!(told(abortable, old), ErrorCode::InvalidTxnState);
        assert_eq!(told(abortable, new), abortable);
        let concurrent = ErrorCode::ConcurrentTransactions;
        assert_eq!(told(concurrent, new), ErrorCode::NotEnoughReplicas);
        assert_eq!(told(concurrent, Word::Add), concurrent);
        assert_eq!(
            told(ErrorCode::ProducerFenced, Word::Add),
            ErrorCode::InvalidProducerEpoch
        );
    }
}
