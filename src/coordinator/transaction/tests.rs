//! The machine against its promises, step by step, and after a replay of what it wrote.
//!
//! Room:       `coordinator::transaction`, tests only.

use super::*;
use crate::coordinator::step::encoded;
use crate::coordinator::{Ask, Producer};
use crate::metadata::Image;
use crate::protocol::messages::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
};
use crate::protocol::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse,
};
use crate::protocol::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::messages::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse,
};
use crate::protocol::{ProducerId, TopicName, TransactionalId};

const SETTINGS: Settings = Settings {
    timeout_ms_max: 900_000,
    abort_interval_ms: 10_000,
    expiration_ms: 1_000_000,
    expire_interval_ms: 100_000,
    add_wait_ms: 100,
};

/// A machine at its desk: the log it wrote, what it asked, what it answered.
struct Desk {
    machine: Transactions,
    now: u64,
    log: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    asks: Vec<(Ticket, Ask)>,
    answers: BTreeMap<Token, Coordinated>,
    tokens: u64,
    ids: i64,
    level: i16,
}

impl Desk {
    fn new(level: i16) -> Desk {
        let mut desk = Desk {
            machine: Transactions::new(SETTINGS),
            now: 1_000_000,
            log: Vec::new(),
            asks: Vec::new(),
            answers: BTreeMap::new(),
            tokens: 0,
            ids: 1000,
            level,
        };
        desk.restart();
        desk
    }

    /// Another machine from what is in the log.
    fn restart(&mut self) {
        self.machine = Transactions::new(SETTINGS);
        self.asks.clear();
        for (key, value) in &self.log {
            let replayed = Replayed {
                offset: 0,
                timestamp: 0,
                producer: None,
                key: Some(key),
                value: value.as_deref(),
            };
            self.machine.replay(&replayed).expect("it wrote it itself");
        }
        let mut image = Image::empty("test", 1);
        let name = TRANSACTION_VERSION.to_owned();
        image.features.insert(name, self.level);
        let image = Arc::new(image);
        self.step(|machine, step| machine.follow(step, &image));
        let mut has_more = true;
        while has_more {
            let asked = self.asks.len();
            self.step(|machine, step| has_more = machine.loaded(step));
            assert!(self.asks.len() - asked <= ENDS_PER_STEP_MAX);
        }
    }

    fn step(&mut self, run: impl FnOnce(&mut Transactions, &mut Step)) {
        let mut step = Step::at(Millis(self.now), self.now as i64, u128::from(self.now));
        run(&mut self.machine, &mut step);
        for batch in step.effects.batches {
            let records = batch.records.into_iter();
            self.log
                .extend(records.map(|record| (record.key, record.value)));
        }
        self.answers.extend(step.effects.answers);
        self.asks.extend(step.effects.asks);
    }

    /// Producer ids are granted at once; markers wait.
    fn grant(&mut self) {
        while let Some(place) = self
            .asks
            .iter()
            .position(|(_, ask)| matches!(ask, Ask::ProducerId))
        {
            let (ticket, _) = self.asks.remove(place);
            self.ids += 1;
            let id = self.ids.to_be_bytes().to_vec();
            self.step(|machine, step| machine.replied(step, ticket, Ok(id)));
        }
    }

    /// The next markers, written with this outcome.
    fn mark(&mut self, code: ErrorCode) -> (Producer, bool, i16, usize) {
        let (ticket, ask) = self.asks.remove(0);
        let Ask::Markers {
            producer,
            commit,
            transaction_version,
            partitions,
        } = ask
        else {
            panic!("{ask:?}");
        };
        let codes = code.code().to_be_bytes().repeat(partitions.len());
        self.step(|machine, step| machine.replied(step, ticket, Ok(codes)));
        (producer, commit, transaction_version, partitions.len())
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        while let Some(next) = self.machine.next_timeout()
            && next.0 <= self.now
        {
            self.step(|machine, step| machine.timeout(step));
        }
    }

    fn send<'r>(&mut self, api: ApiKey, version: i16, message: &impl Message<'r>) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        let request = Request {
            api,
            version,
            client: Default::default(),
            body: encoded(message, version).expect("it fits"),
        };
        self.step(|machine, step| machine.request(step, token, &request));
        self.grant();
        token
    }

    fn answer(&mut self, token: Token) -> Vec<u8> {
        let answer = self.answers.remove(&token);
        answer.expect("answered").expect("not refused")
    }

    fn init_as(
        &mut self,
        id: &str,
        producer: Producer,
        timeout: i32,
    ) -> Result<Producer, ErrorCode> {
        let request = InitProducerIdRequest {
            transactional_id: Some(TransactionalId(id)),
            transaction_timeout_ms: timeout,
            producer_id: ProducerId(producer.id),
            producer_epoch: producer.epoch,
            ..InitProducerIdRequest::default()
        };
        let token = self.send(ApiKey::InitProducerId, 5, &request);
        let body = self.answer(token);
        let response = InitProducerIdResponse::decode(&mut Reader::new(&body), 5).expect("whole");
        match response.error_code {
            ErrorCode::None => Ok(Producer {
                id: response.producer_id.0,
                epoch: response.producer_epoch,
            }),
            code => Err(code),
        }
    }

    fn init(&mut self, id: &str) -> Result<Producer, ErrorCode> {
        self.init_as(id, Producer { id: -1, epoch: -1 }, 60_000)
    }

    fn send_add(
        &mut self,
        id: &str,
        producer: Producer,
        partitions: &[i32],
        version: i16,
    ) -> Token {
        self.send_partitions(id, producer, partitions, version, false)
    }

    fn send_partitions(
        &mut self,
        id: &str,
        producer: Producer,
        partitions: &[i32],
        version: i16,
        verify_only: bool,
    ) -> Token {
        let request = AddPartitionsToTxnRequest {
            transactions: vec![AddPartitionsToTxnTransaction {
                transactional_id: TransactionalId(id),
                producer_id: ProducerId(producer.id),
                producer_epoch: producer.epoch,
                verify_only,
                topics: vec![AddPartitionsToTxnTopic {
                    name: TopicName("orders"),
                    partitions: partitions.to_vec(),
                }],
            }],
            ..AddPartitionsToTxnRequest::default()
        };
        self.send(ApiKey::AddPartitionsToTxn, version, &request)
    }

    fn codes(&mut self, token: Token, version: i16) -> Vec<ErrorCode> {
        let body = self.answer(token);
        let response = AddPartitionsToTxnResponse::decode(&mut Reader::new(&body), version);
        let response = response.expect("whole");
        let topics = response.results_by_transaction[0].topic_results.iter();
        topics
            .flat_map(|topic| &topic.results_by_partition)
            .map(|partition| partition.partition_error_code)
            .collect()
    }

    fn add(&mut self, id: &str, producer: Producer, partitions: &[i32]) -> Vec<ErrorCode> {
        let version = if self.level >= 2 { 5 } else { 4 };
        let token = self.send_add(id, producer, partitions, version);
        self.codes(token, version)
    }

    fn verify(&mut self, id: &str, producer: Producer, partitions: &[i32]) -> Vec<ErrorCode> {
        let token = self.send_partitions(id, producer, partitions, 4, true);
        self.codes(token, 4)
    }

    fn end_in(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        committed: bool,
    ) -> Result<Producer, ErrorCode> {
        let request = EndTxnRequest {
            transactional_id: TransactionalId(id),
            producer_id: ProducerId(producer.id),
            producer_epoch: producer.epoch,
            committed,
        };
        let token = self.send(ApiKey::EndTxn, version, &request);
        let body = self.answer(token);
        let response = EndTxnResponse::decode(&mut Reader::new(&body), version).expect("whole");
        match response.error_code {
            ErrorCode::None => Ok(Producer {
                id: response.producer_id.0,
                epoch: response.producer_epoch,
            }),
            code => Err(code),
        }
    }

    fn end(&mut self, id: &str, producer: Producer, commit: bool) -> Result<Producer, ErrorCode> {
        let version = if self.level >= 2 { 5 } else { 4 };
        self.end_in(version, id, producer, commit)
    }

    fn state(&mut self, id: &str) -> Result<(String, i64, i16), ErrorCode> {
        let request = DescribeTransactionsRequest {
            transactional_ids: vec![TransactionalId(id)],
        };
        let token = self.send(ApiKey::DescribeTransactions, 0, &request);
        let body = self.answer(token);
        let response = DescribeTransactionsResponse::decode(&mut Reader::new(&body), 0);
        let response = response.expect("whole");
        let state = &response.transaction_states[0];
        match state.error_code {
            ErrorCode::None => Ok((
                state.transaction_state.to_owned(),
                state.producer_id.0,
                state.producer_epoch,
            )),
            code => Err(code),
        }
    }

    fn named(&mut self, id: &str) -> String {
        self.state(id).expect("known").0
    }
}

const NONE: ErrorCode = ErrorCode::None;

#[test]
fn a_transaction_of_version_2_commits_and_takes_the_next_epoch() {
    let mut desk = Desk::new(2);
    let producer = desk.init("id").expect("new");
    assert_eq!(producer, Producer { id: 1001, epoch: 0 });
    assert_eq!(desk.add("id", producer, &[0, 1]), [NONE, NONE]);
    assert_eq!(
        desk.verify("id", producer, &[1, 2]),
        [NONE, ErrorCode::TransactionAbortable]
    );
    assert_eq!(desk.named("id"), "Ongoing");
    let next = desk.end("id", producer, true).expect("ends");
    assert_eq!(next, Producer { id: 1001, epoch: 1 });
    assert_eq!(desk.named("id"), "PrepareCommit");
    // Whoever knows the next epoch is no zombie, but too early.
    let early = Err(ErrorCode::ConcurrentTransactions);
    assert_eq!(desk.end("id", next, false), early);
    assert_eq!(desk.end("id", next, true), early);
    // The markers carry the next epoch.
    assert_eq!(desk.mark(NONE), (next, true, 2, 2));
    assert_eq!(desk.named("id"), "CompleteCommit");
    // A retry hears the same; another end without a transaction is refused, but for an abort.
    assert_eq!(desk.end("id", producer, true), Ok(next));
    assert_eq!(
        desk.end("id", producer, false),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(desk.end("id", next, true), Err(ErrorCode::InvalidTxnState));
    let last = desk.end("id", next, false).expect("a new epoch");
    assert_eq!(last.epoch, 2);
    assert_eq!(desk.named("id"), "CompleteAbort");
}

#[test]
fn a_transaction_of_version_1_keeps_its_epoch() {
    let mut desk = Desk::new(0);
    let producer = desk.init("id").expect("new");
    assert_eq!(
        desk.end("id", producer, true),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(desk.add("id", producer, &[3]), [NONE]);
    assert!(desk.end("id", producer, false).is_ok());
    assert_eq!(
        desk.end("id", producer, true),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(
        desk.end("id", producer, false),
        Err(ErrorCode::ConcurrentTransactions)
    );
    assert_eq!(desk.mark(NONE), (producer, false, 0, 1));
    assert!(desk.end("id", producer, false).is_ok(), "a retry");
    assert_eq!(
        desk.end("id", producer, true),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(desk.add("id", producer, &[3]), [NONE]);
}

#[test]
fn a_new_instance_aborts_what_is_open_and_fences_the_old_one() {
    for level in [0, 2] {
        let mut desk = Desk::new(level);
        let old = desk.init("id").expect("new");
        desk.add("id", old, &[0]);
        assert_eq!(desk.init("id"), Err(ErrorCode::ConcurrentTransactions));
        assert_eq!(
            desk.init("id"),
            Err(ErrorCode::ConcurrentTransactions),
            "markers first"
        );
        let (marker, commit, version, _) = desk.mark(NONE);
        assert_eq!(
            (marker.epoch, commit, version),
            (old.epoch + 1, false, level)
        );
        let new = desk.init("id").expect("another epoch");
        assert_eq!(
            new,
            Producer {
                id: old.id,
                epoch: old.epoch + 2
            }
        );
        assert_eq!(desk.add("id", old, &[0]), [ErrorCode::ProducerFenced]);
        assert_eq!(desk.verify("id", old, &[0]), [ErrorCode::ProducerFenced]);
        assert_eq!(desk.end("id", old, true), Err(ErrorCode::ProducerFenced));
        assert_eq!(desk.end("id", old, false), Err(ErrorCode::ProducerFenced));
        let stranger = Producer { id: 77, epoch: 0 };
        assert_eq!(
            desk.end("id", stranger, true),
            Err(ErrorCode::InvalidProducerIdMapping)
        );
        assert_eq!(
            desk.end("other", new, true),
            Err(ErrorCode::InvalidProducerIdMapping)
        );
    }
}

#[test]
fn an_instance_that_says_who_it_was_goes_on() {
    let mut desk = Desk::new(2);
    let first = desk.init("id").expect("new");
    let second = desk.init_as("id", first, 60_000).expect("bumped");
    assert_eq!(second.epoch, 1);
    assert_eq!(desk.init_as("id", first, 60_000), Ok(second), "a retry");
    desk.init("id").expect("another instance");
    assert_eq!(
        desk.init_as("id", second, 60_000),
        Err(ErrorCode::ProducerFenced)
    );
    assert_eq!(
        desk.init_as("id", first, 0),
        Err(ErrorCode::InvalidTransactionTimeout)
    );
    assert_eq!(
        desk.init_as("id", first, 900_001),
        Err(ErrorCode::InvalidTransactionTimeout)
    );
    assert_eq!(desk.init(""), Err(ErrorCode::InvalidRequest));
}

#[test]
fn the_last_epoch_is_followed_by_another_producer_id() {
    let mut desk = Desk::new(2);
    let producer = desk.init("id").expect("new");
    let known = desk.machine.all.get_mut("id").expect("known");
    known.producer_epoch = i16::MAX - 1;
    let last = Producer {
        epoch: i16::MAX - 1,
        ..producer
    };
    assert_eq!(desk.add("id", last, &[0]), [NONE]);
    let next = desk.end("id", last, true).expect("ends");
    assert_eq!(next, Producer { id: 1002, epoch: 0 });
    let (marker, ..) = desk.mark(NONE);
    assert_eq!(
        marker,
        Producer {
            id: 1001,
            epoch: i16::MAX
        }
    );
    assert_eq!(desk.end("id", last, true), Ok(next), "a retry");
    assert_eq!(desk.add("id", next, &[0]), [NONE]);
}

#[test]
fn what_is_open_too_long_is_aborted() {
    let mut desk = Desk::new(2);
    let producer = desk.init("id").expect("new");
    desk.add("id", producer, &[0]);
    desk.pass(59_000);
    assert!(desk.asks.is_empty());
    // The time it is open counts through a restart.
    desk.restart();
    desk.pass(10_500);
    assert_eq!(desk.named("id"), "PrepareAbort");
    let (marker, commit, ..) = desk.mark(NONE);
    assert_eq!((marker.epoch, commit), (1, false));
    assert_eq!(desk.add("id", producer, &[0]), [ErrorCode::ProducerFenced]);
    assert_eq!(
        desk.end("id", producer, true),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(
        desk.end("id", producer, false).map(|p| p.epoch),
        Ok(1),
        "it learns the epoch"
    );
}

#[test]
fn markers_are_asked_for_until_they_are_written() {
    let mut desk = Desk::new(2);
    let producer = desk.init("id").expect("new");
    desk.add("id", producer, &[0, 1, 2]);
    desk.end("id", producer, true).expect("ends");
    assert_eq!(desk.mark(ErrorCode::NotLeaderOrFollower).3, 3);
    assert_eq!(desk.named("id"), "PrepareCommit");
    desk.pass(MARKERS_RETRY_MS);
    let (ticket, _) = desk.asks.remove(0);
    let codes = [NONE, ErrorCode::KafkaStorageError, NONE];
    let codes = codes
        .iter()
        .flat_map(|code| code.code().to_be_bytes())
        .collect();
    desk.step(|machine, step| machine.replied(step, ticket, Ok(codes)));
    desk.pass(MARKERS_RETRY_MS);
    // A restart forgets which were written: all are asked for again, which does no harm.
    desk.restart();
    assert_eq!(
        desk.mark(NONE),
        (
            Producer {
                epoch: 1,
                ..producer
            },
            true,
            2,
            3
        )
    );
    assert_eq!(desk.named("id"), "CompleteCommit");
    // The answer to a question of the machine before is none.
    let stale = Ticket(ticket.0);
    desk.step(|machine, step| machine.replied(step, stale, Err(ErrorCode::NotCoordinator)));
}

#[test]
fn partitions_wait_for_the_end_of_the_transaction_before() {
    let mut desk = Desk::new(2);
    let producer = desk.init("id").expect("new");
    desk.add("id", producer, &[0]);
    let next = desk.end("id", producer, true).expect("ends");
    let waits = desk.send_add("id", next, &[1], 5);
    assert!(!desk.answers.contains_key(&waits));
    desk.mark(NONE);
    assert_eq!(desk.codes(waits, 5), [NONE]);
    assert_eq!(desk.named("id"), "Ongoing");
    // But not for ever.
    let last = desk.end("id", next, true).expect("ends");
    let waits = desk.send_add("id", last, &[1], 5);
    desk.pass(SETTINGS.add_wait_ms);
    assert_eq!(desk.codes(waits, 5), [ErrorCode::ConcurrentTransactions]);
    assert_eq!(
        desk.verify("id", last, &[1]),
        [ErrorCode::ConcurrentTransactions]
    );
}

#[test]
fn lists_filter_by_state_producer_and_age() {
    let mut desk = Desk::new(2);
    let one = desk.init("one").expect("new");
    desk.init("two").expect("new");
    desk.add("one", one, &[0]);
    desk.pass(500);
    let mut list = |states: &[&str], ids: &[i64], duration| {
        let request = ListTransactionsRequest {
            state_filters: states.to_vec(),
            producer_id_filters: ids.iter().map(|id| ProducerId(*id)).collect(),
            duration_filter: duration,
            transactional_id_pattern: None,
        };
        let token = desk.send(ApiKey::ListTransactions, 2, &request);
        let body = desk.answer(token);
        let mut reader = Reader::new(&body);
        let response = ListTransactionsResponse::decode(&mut reader, 2).expect("whole");
        let states = response.transaction_states.iter();
        let ids: Vec<String> = states.map(|s| s.transactional_id.0.to_owned()).collect();
        ids.join(" ")
    };
    assert_eq!(list(&[], &[], -1), "one two");
    assert_eq!(list(&["Ongoing"], &[], -1), "one");
    assert_eq!(list(&["Nonsense"], &[], -1), "");
    assert_eq!(list(&[], &[1002], -1), "two");
    assert_eq!(list(&["Ongoing"], &[], 400), "one");
    assert_eq!(list(&["Ongoing"], &[], 500), "");
}

#[test]
fn ids_nobody_uses_are_forgotten() {
    let mut desk = Desk::new(2);
    let open = desk
        .init_as("open", Producer { id: -1, epoch: -1 }, 900_000)
        .expect("new");
    desk.init("idle").expect("new");
    desk.pass(950_000);
    desk.add("open", open, &[0]);
    desk.pass(100_000);
    assert_eq!(desk.state("idle"), Err(ErrorCode::TransactionalIdNotFound));
    assert_eq!(desk.named("open"), "Ongoing");
    desk.restart();
    assert_eq!(desk.state("idle"), Err(ErrorCode::TransactionalIdNotFound));
}

#[test]
fn records_of_other_kinds_are_skipped_and_broken_ones_refused() {
    let mut machine = Transactions::new(SETTINGS);
    let replay = |machine: &mut Transactions, key: &[u8], value: Option<&[u8]>| {
        machine.replay(&Replayed {
            offset: 0,
            timestamp: 0,
            producer: None,
            key: Some(key),
            value,
        })
    };
    assert_eq!(replay(&mut machine, &[0, 9, 1, 2], Some(&[1])), Ok(()));
    let key = state::key("id").expect("it fits");
    assert!(replay(&mut machine, &key, Some(&[0, 9])).is_err());
    assert_eq!(replay(&mut machine, &key, None), Ok(()));
}

#[test]
fn thousands_of_transactions_are_begun_ended_and_forgotten_some_in_each_step() {
    let mut desk = Desk::new(2);
    let count = 2 * AGES_PER_STEP_MAX + 3;
    for number in 0..count {
        let id = format!("id-{number}");
        let producer = desk.init(&id).expect("new");
        desk.add(&id, producer, &[0]);
    }
    // All of them are open too long at once; a restart goes on with those that were not reached.
    desk.now += 70_000;
    desk.step(|machine, step| machine.timeout(step));
    assert_eq!(desk.asks.len(), ENDS_PER_STEP_MAX);
    let now = Millis(desk.now);
    assert!(desk.machine.next_timeout() <= Some(now), "there are more");
    desk.step(|machine, step| machine.timeout(step));
    assert_eq!(desk.asks.len(), 2 * ENDS_PER_STEP_MAX);
    desk.restart();
    assert_eq!(desk.asks.len(), 2 * ENDS_PER_STEP_MAX, "asked for again");
    desk.pass(10_000);
    assert_eq!(desk.asks.len(), count);
    while !desk.asks.is_empty() {
        desk.mark(NONE);
    }
    // All are forgotten, some in each step.
    desk.now += 1_100_000;
    let mut steps = 0;
    while !desk.machine.all.is_empty() {
        let before = desk.machine.all.len();
        desk.now += NEXT_AGES_MS;
        desk.step(|machine, step| machine.timeout(step));
        assert!(before - desk.machine.all.len() <= AGES_PER_STEP_MAX);
        steps += 1;
    }
    assert_eq!(steps, 3);
    assert!(desk.machine.next_timeout() >= Some(Millis(desk.now + SETTINGS.expire_interval_ms)));
}
