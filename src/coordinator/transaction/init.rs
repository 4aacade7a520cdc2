//! InitProducerId: a new instance of a producer takes over its transactional id (KIP-98, KIP-360).
//!
//! Room:       `coordinator::transaction`.
//! Called by:  the machine.
//! Never:      leaves a transaction of the instance before open: it is aborted, and the client asks
//!             again.

use super::state::{State, Transaction, is_exhausted};
use super::{Asked, Transactions};
use crate::coordinator::{Ask, Producer, Request, Step, Token};
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::{ErrorCode, ProducerId};

/// What comes of an initialization.
enum Outcome {
    Refused(ErrorCode),
    /// A producer id is needed first.
    NeedsId,
    /// The same producer with this epoch; the second is the one before, for a retry.
    Epoch(i16, i16),
    /// A new producer id, with epoch 0; the one before, for a retry.
    NewId(i64, i16),
    /// The transaction that is open is aborted first.
    Fences,
}

/// What the request alone shows to be wrong, whoever its coordinator is.
pub fn refusal(request: &InitProducerIdRequest<'_>, timeout_ms_max: i64) -> Option<ErrorCode> {
    let (id, epoch) = (request.producer_id.0, request.producer_epoch);
    let timeout = i64::from(request.transaction_timeout_ms);
    match request.transactional_id.map(|id| id.0) {
        _ if (id == -1) != (epoch == -1) => Some(ErrorCode::InvalidRequest),
        None => None,
        Some("") => Some(ErrorCode::InvalidRequest),
        Some(_) if timeout <= 0 || timeout > timeout_ms_max => {
            Some(ErrorCode::InvalidTransactionTimeout)
        }
        Some(_) => None,
    }
}

impl Transactions {
    pub(super) fn init(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
        decoded: &InitProducerIdRequest<'_>,
        granted: Option<Result<i64, ErrorCode>>,
    ) {
        let transactional_id = decoded.transactional_id.map_or("", |id| id.0);
        let outcome = self.judge_init(transactional_id, decoded, granted, step.wall);
        let answer = match outcome {
            Outcome::NeedsId => {
                self.ask_producer_id(step, token, transactional_id, request);
                return;
            }
            Outcome::Refused(code) => Err(code),
            Outcome::Fences => {
                self.fence(step, transactional_id);
                Err(ErrorCode::ConcurrentTransactions)
            }
            Outcome::Epoch(epoch, last) => {
                self.initialize(step, transactional_id, decoded, None, epoch, last)
            }
            Outcome::NewId(id, last) => {
                self.initialize(step, transactional_id, decoded, Some(id), 0, last)
            }
        };
        let response = match answer {
            Ok(producer) => InitProducerIdResponse {
                producer_id: ProducerId(producer.id),
                producer_epoch: producer.epoch,
                ..InitProducerIdResponse::default()
            },
            Err(error_code) => InitProducerIdResponse {
                error_code,
                producer_id: ProducerId(-1),
                producer_epoch: -1,
                ..InitProducerIdResponse::default()
            },
        };
        step.answer(token, request.version, &response);
    }

    fn judge_init(
        &mut self,
        transactional_id: &str,
        request: &InitProducerIdRequest<'_>,
        granted: Option<Result<i64, ErrorCode>>,
        wall: i64,
    ) -> Outcome {
        let expected = Producer {
            id: request.producer_id.0,
            epoch: request.producer_epoch,
        };
        if let Some(code) = refusal(request, self.settings.timeout_ms_max) {
            return Outcome::Refused(code);
        }
        if self.allocating.contains(transactional_id) {
            return Outcome::Refused(ErrorCode::ConcurrentTransactions);
        }
        let granted = match granted.transpose() {
            Ok(granted) => granted,
            Err(code) => return Outcome::Refused(code),
        };
        let Some(known) = self.all.get(transactional_id) else {
            let Some(id) = granted else {
                return Outcome::NeedsId;
            };
            let new = Transaction::new(id, request.transaction_timeout_ms, wall);
            self.all.insert(transactional_id.to_owned(), new);
            return Outcome::Epoch(0, -1);
        };
        let expected = (expected.id != -1).then_some(expected);
        if !expected.is_none_or(|expected| may_continue(known, expected)) {
            return Outcome::Refused(ErrorCode::ProducerFenced);
        }
        match known.state {
            State::Ongoing => Outcome::Fences,
            State::PrepareCommit | State::PrepareAbort => {
                Outcome::Refused(ErrorCode::ConcurrentTransactions)
            }
            _ => bump(known, expected, granted),
        }
    }

    fn initialize(
        &mut self,
        step: &mut Step,
        transactional_id: &str,
        request: &InitProducerIdRequest<'_>,
        new_id: Option<i64>,
        epoch: i16,
        last: i16,
    ) -> Result<Producer, ErrorCode> {
        let known = self.all.get_mut(transactional_id);
        let known = known.ok_or(ErrorCode::UnknownServerError)?;
        if known.producer_epoch != -1 {
            known.previous_producer_id = known.producer_id;
        }
        known.producer_id = new_id.unwrap_or(known.producer_id);
        known.producer_epoch = epoch;
        known.last_producer_epoch = last;
        known.timeout_ms = request.transaction_timeout_ms;
        known.state = State::Empty;
        known.partitions.clear();
        known.start_ms = -1;
        known.last_update_ms = step.wall;
        let producer = known.producer();
        self.record(step, transactional_id);
        Ok(producer)
    }

    /// The request is looked at again when the id is there.
    pub(super) fn ask_producer_id(
        &mut self,
        step: &mut Step,
        token: Token,
        transactional_id: &str,
        request: &Request,
    ) {
        self.allocating.insert(transactional_id.to_owned());
        let ticket = self.ticket(Asked::ProducerId {
            transactional_id: transactional_id.to_owned(),
            token,
            request: request.clone(),
        });
        step.ask(ticket, Ask::ProducerId);
    }
}

/// A producer that says who it was is the one known, or the one before whose epochs were used up
/// and who did not hear of the change.
fn may_continue(known: &Transaction, expected: Producer) -> bool {
    known.producer_epoch == -1
        || expected.id == known.producer_id
        || expected.id == known.previous_producer_id && is_exhausted(expected.epoch)
}

fn bump(known: &Transaction, expected: Option<Producer>, granted: Option<i64>) -> Outcome {
    let current = known.producer_epoch;
    let matches = |expected: Producer| expected.epoch == current;
    if known.is_epoch_exhausted() && expected.is_none_or(matches) {
        let last = expected.map_or(-1, |expected| expected.epoch);
        return match granted {
            Some(id) => Outcome::NewId(id, last),
            None => Outcome::NeedsId,
        };
    }
    match expected {
        None => Outcome::Epoch(current + 1, -1),
        Some(expected) if current == -1 || matches(expected) => {
            Outcome::Epoch(current + 1, current)
        }
        // A retry: it was bumped already.
        Some(expected) if expected.epoch == known.last_producer_epoch => {
            Outcome::Epoch(current, known.last_producer_epoch)
        }
        Some(_) => Outcome::Refused(ErrorCode::ProducerFenced),
    }
}
