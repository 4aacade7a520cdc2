//! The ends of transactions: asked for, by timeout, or because a new producer instance came; then
//! the markers, and the completion.
//!
//! Room:       `coordinator::transaction`.
//! Called by:  the machine.
//! Never:      takes back a decision: once prepared, a transaction ends that way.

use super::state::{State, Transaction};
use super::{Asked, MARKERS_RETRY_MS, Timer, Transactions};
use crate::coordinator::{Ask, Coordinated, Producer, Request, Step, Token};
use crate::protocol::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use crate::protocol::{ErrorCode, ProducerId};

/// From this version of EndTxn on the producer speaks transactions v2.
const TRANSACTIONS_V2: i16 = 5;

/// What comes of a wish to end a transaction.
enum Outcome {
    Refused(ErrorCode),
    /// A repeated request, whose answer is the producer as it is now.
    Done,
    /// A producer id is needed first, because the last epoch is used up.
    NeedsId,
    Ends {
        client_version: i16,
        next_id: Option<i64>,
        /// An abort without a transaction takes a new epoch all the same (KIP-890).
        empty: bool,
    },
}

impl Transactions {
    pub(super) fn end(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
        decoded: &EndTxnRequest<'_>,
        granted: Option<Result<i64, ErrorCode>>,
    ) {
        let transactional_id = decoded.transactional_id.0;
        let outcome = match granted.transpose() {
            Ok(granted) => self.judge_end(decoded, request.version >= TRANSACTIONS_V2, granted),
            Err(code) => Outcome::Refused(code),
        };
        let answer = match outcome {
            Outcome::NeedsId => {
                self.ask_producer_id(step, token, transactional_id, request);
                return;
            }
            Outcome::Refused(code) => Err(code),
            Outcome::Done => Ok(self.all[transactional_id].producer()),
            Outcome::Ends {
                client_version,
                next_id,
                empty,
            } => {
                let state = match decoded.committed {
                    true => State::PrepareCommit,
                    false => State::PrepareAbort,
                };
                if let Some(known) = self.all.get_mut(transactional_id) {
                    if client_version >= 2 {
                        known.last_producer_epoch = known.producer_epoch;
                        known.producer_epoch += 1;
                        known.next_producer_id = next_id.unwrap_or(-1);
                    }
                    if empty {
                        known.start_ms = step.wall;
                    }
                    known.client_version = client_version;
                }
                let after = self.after_end(transactional_id);
                self.prepare(step, transactional_id, state);
                Ok(after)
            }
        };
        let response = match answer {
            Ok(producer) if request.version >= TRANSACTIONS_V2 => EndTxnResponse {
                producer_id: ProducerId(producer.id),
                producer_epoch: producer.epoch,
                ..EndTxnResponse::default()
            },
            answer => EndTxnResponse {
                error_code: answer.err().unwrap_or(ErrorCode::None),
                producer_id: ProducerId(-1),
                producer_epoch: -1,
                ..EndTxnResponse::default()
            },
        };
        step.answer(token, request.version, &response);
    }

    fn judge_end(&self, request: &EndTxnRequest<'_>, is_v2: bool, granted: Option<i64>) -> Outcome {
        let transactional_id = request.transactional_id.0;
        let refused = Outcome::Refused;
        if transactional_id.is_empty() {
            return refused(ErrorCode::InvalidRequest);
        }
        let Some(known) = self.all.get(transactional_id) else {
            return refused(ErrorCode::InvalidProducerIdMapping);
        };
        let asks = Producer {
            id: request.producer_id.0,
            epoch: request.producer_epoch,
        };
        let retry = if is_v2 { retry(known, asks) } else { None };
        if known.producer_id != asks.id && retry != Some(Retry::AfterOverflow) {
            return refused(ErrorCode::InvalidProducerIdMapping);
        }
        let valid = match known.state {
            _ if known.client_version < 2 || !is_v2 => asks.epoch == known.producer_epoch,
            // The next end, before this one's markers are written. Kafka fences its producer, which
            // is alive; there it hardly happens, for nothing waits for a disk. An old one has an
            // older epoch.
            State::PrepareCommit | State::PrepareAbort if asks.epoch == known.producer_epoch => {
                return refused(ErrorCode::ConcurrentTransactions);
            }
            State::PrepareCommit | State::PrepareAbort => retry == Some(Retry::AfterBump),
            State::CompleteCommit | State::CompleteAbort => {
                retry.is_some() || asks.epoch == known.producer_epoch
            }
            _ => asks.epoch == known.producer_epoch,
        };
        if !valid {
            return refused(ErrorCode::ProducerFenced);
        }
        if self.allocating.contains(transactional_id) {
            return refused(ErrorCode::ConcurrentTransactions);
        }
        let commits = request.committed;
        // Before transactions v2 an end that is over may be asked for again at any time.
        let is_retry = retry.is_some() || !is_v2;
        match known.state {
            State::Ongoing => ends(known, is_v2, granted, false),
            State::CompleteCommit if commits && is_retry => Outcome::Done,
            State::CompleteAbort if !commits && is_retry => Outcome::Done,
            State::CompleteCommit | State::CompleteAbort | State::Empty
                if !commits && is_v2 && retry.is_none() =>
            {
                ends(known, is_v2, granted, true)
            }
            State::PrepareCommit if commits => refused(ErrorCode::ConcurrentTransactions),
            State::PrepareAbort if !commits => refused(ErrorCode::ConcurrentTransactions),
            _ => refused(ErrorCode::InvalidTxnState),
        }
    }

    /// The producer as it will be when the markers are written.
    fn after_end(&self, transactional_id: &str) -> Producer {
        let known = &self.all[transactional_id];
        match known.next_producer_id {
            -1 => known.producer(),
            id => Producer { id, epoch: 0 },
        }
    }

    /// Aborts an ongoing transaction with an epoch its producer does not have.
    pub(super) fn fence(&mut self, step: &mut Step, transactional_id: &str) {
        let level = self.level;
        let Some(known) = self.all.get_mut(transactional_id) else {
            return;
        };
        // A producer never has the highest epoch, so that there is always one to fence it with.
        known.producer_epoch = known.producer_epoch.saturating_add(1);
        known.last_producer_epoch = -1;
        known.client_version = if level >= 2 { 2 } else { 0 };
        self.prepare(step, transactional_id, State::PrepareAbort);
    }

    fn prepare(&mut self, step: &mut Step, transactional_id: &str, state: State) {
        let Some(known) = self.all.get_mut(transactional_id) else {
            return;
        };
        known.state = state;
        known.last_update_ms = step.wall;
        let is_empty = known.partitions.is_empty();
        self.record(step, transactional_id);
        if is_empty {
            self.complete(step, transactional_id);
        } else {
            self.ask_markers(step, transactional_id);
        }
    }

    /// Asks for markers into all partitions that are left.
    pub(super) fn ask_markers(&mut self, step: &mut Step, transactional_id: &str) {
        let Some(known) = self.all.get(transactional_id) else {
            return;
        };
        let Some(commit) = known.state.ending() else {
            return;
        };
        let partitions: Vec<(String, i32)> = known
            .partitions
            .iter()
            .flat_map(|(topic, ids)| ids.iter().map(|id| (topic.clone(), *id)))
            .collect();
        if partitions.is_empty() {
            self.complete(step, transactional_id);
            return;
        }
        let ask = Ask::Markers {
            producer: known.producer(),
            commit,
            transaction_version: known.client_version,
            partitions: partitions.clone(),
        };
        let ticket = self.ticket(Asked::Markers {
            transactional_id: transactional_id.to_owned(),
            partitions,
        });
        step.ask(ticket, ask);
    }

    pub(super) fn markers_written(
        &mut self,
        step: &mut Step,
        transactional_id: &str,
        partitions: &[(String, i32)],
        reply: Coordinated,
    ) {
        let codes: Vec<ErrorCode> = match &reply {
            Ok(bytes) => {
                let codes = bytes.as_chunks::<2>().0.iter();
                codes
                    .map(|code| ErrorCode::from_code(i16::from_be_bytes(*code)))
                    .collect()
            }
            Err(_) => Vec::new(),
        };
        let Some(known) = self.all.get_mut(transactional_id) else {
            return;
        };
        for ((topic, partition), code) in partitions.iter().zip(codes) {
            if !is_settled(code) {
                continue;
            }
            if let Some(ids) = known.partitions.get_mut(topic) {
                ids.remove(partition);
                if ids.is_empty() {
                    known.partitions.remove(topic);
                }
            }
        }
        if known.partitions.is_empty() {
            self.complete(step, transactional_id);
        } else {
            let again = step.now.plus(MARKERS_RETRY_MS);
            let timer = Timer::Markers(transactional_id.to_owned());
            self.timers.insert((again, timer));
        }
    }

    fn complete(&mut self, step: &mut Step, transactional_id: &str) {
        let Some(known) = self.all.get_mut(transactional_id) else {
            return;
        };
        known.state = match known.state {
            State::PrepareCommit => State::CompleteCommit,
            State::PrepareAbort => State::CompleteAbort,
            _ => return,
        };
        known.previous_producer_id = known.producer_id;
        if known.next_producer_id != -1 {
            known.producer_id = known.next_producer_id;
            known.producer_epoch = 0;
            known.next_producer_id = -1;
        }
        known.last_update_ms = step.wall;
        self.record(step, transactional_id);
        self.resume_parked(step, transactional_id);
    }

    /// Aborts transactions that are open for longer than their producers wanted, now and then, and
    /// no more than are left to this step.
    pub(super) fn abort_overdue(&mut self, step: &mut Step, left: &mut usize) {
        if step.now < self.swept.plus(self.settings.abort_interval_ms) {
            return;
        }
        if self.deadlines.first().is_none_or(|(at, _)| *at > step.now) {
            return;
        }
        while let Some((at, transactional_id)) = self.deadlines.first().cloned()
            && at <= step.now
        {
            if *left == 0 {
                // The next step goes on.
                return;
            }
            *left -= 1;
            if self.allocating.contains(&transactional_id) {
                // It is being ended by its producer, which waits for a producer id.
                let later = step.now.plus(self.settings.abort_interval_ms.max(1));
                self.set_deadline(&transactional_id, Some(later));
                continue;
            }
            self.fence(step, &transactional_id);
        }
        self.swept = step.now;
    }
}

/// How a request is known to come again, with transactions v2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// The end has taken the next epoch.
    AfterBump,
    /// The end has taken the next producer id.
    AfterOverflow,
}

fn retry(known: &Transaction, asks: Producer) -> Option<Retry> {
    if known.client_version < 2 {
        return None;
    }
    if known.producer_id == asks.id && known.producer_epoch == asks.epoch.saturating_add(1) {
        return Some(Retry::AfterBump);
    }
    let overflown = known.previous_producer_id == asks.id
        && asks.epoch == i16::MAX - 1
        && known.producer_epoch == 0;
    overflown.then_some(Retry::AfterOverflow)
}

fn ends(known: &Transaction, is_v2: bool, granted: Option<i64>, empty: bool) -> Outcome {
    let overflows = is_v2 && known.is_epoch_exhausted();
    if overflows && granted.is_none() {
        return Outcome::NeedsId;
    }
    Outcome::Ends {
        client_version: if is_v2 { 2 } else { 0 },
        next_id: granted.filter(|_| overflows),
        empty,
    }
}

/// Whether a partition needs no further marker: it has it, a newer instance or coordinator has
/// ended the transaction there already, or it is gone.
fn is_settled(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::None
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::TransactionCoordinatorFenced
            | ErrorCode::UnknownTopicOrPartition
    )
}
