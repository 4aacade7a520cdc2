//! The transaction coordinator: who may write as a transactional id, and how its transactions end.
//!
//! Room:       `coordinator`, the machine over a partition of `__transaction_state`.
//! Called by:  `shard::coordinators`.
//! Calls:      `protocol` for requests and records.
//! Never:      touches a partition: markers are asked for, and their outcome comes back.
//!
//! ```text
//!                 init                add partitions             end
//!   (nothing) ──────────▶ Empty ──────────────────▶ Ongoing ────────────▶ Prepare{Commit,Abort}
//!                           ▲                          ▲  └ timeout, init ▶ PrepareAbort │
//!                           │ init                     │ add partitions                 │ markers
//!                           └────────────── Complete{Commit,Abort} ◀────────────────────┘ written
//! ```
//!
//! Requests of a producer carry its id and epoch. An epoch that is not the current one is a
//! zombie's and is refused; each initialization takes a new epoch, and with transactions v2
//! (KIP-890) so does each end. A producer's epochs used up, the next id takes over.
//!
//! Always true:
//!   - a `Prepare…` record is committed before a marker is asked for, and a `Complete…` record
//!     follows when all markers are written: after a restart the markers are asked for again.
//!   - an ongoing transaction has a deadline.

mod describe;
mod end;
mod init;
mod partitions;
mod state;
#[cfg(test)]
mod tests;

use super::dismantle::drop_some;
use super::{Completed, Coordinated, Machine, Millis, Replayed, Request, Step, Ticket, Token};
use crate::config::BrokerConfig;
use crate::metadata::{Image, TRANSACTION_VERSION};
use crate::protocol::records::transaction::{TransactionRecordKey, TransactionRecordValue};
use crate::protocol::{ApiKey, DecodeError, ErrorCode, Message, Reader};
pub use init::refusal;
use state::{State, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// What the properties say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `transaction.max.timeout.ms`.
    pub timeout_ms_max: i64,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub abort_interval_ms: u64,
    /// `transactional.id.expiration.ms`.
    pub expiration_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub expire_interval_ms: u64,
    /// `add.partitions.to.txn.retry.backoff.max.ms`.
    pub add_wait_ms: u64,
}

/// The machine.
pub struct Transactions {
    settings: Settings,
    /// The finalized level of `transaction.version`.
    level: i16,
    all: BTreeMap<String, Transaction>,
    /// Ongoing transactions by when they are aborted.
    deadlines: BTreeSet<(Millis, String)>,
    /// When transactions were last aborted for their age.
    swept: Millis,
    timers: BTreeSet<(Millis, Timer)>,
    /// The last id that has begun after loading, while there are more.
    begun: Option<String>,
    /// The last id that was looked at for its age, while there are more.
    aged: Option<String>,
    /// Questions under way. Tickets start at a random number, so that the answer to an earlier
    /// machine's question is none.
    tickets: u64,
    asked: BTreeMap<Ticket, Asked>,
    /// Ids that wait for a producer id.
    allocating: BTreeSet<String>,
    /// Partitions to be added once the transaction before is over, by transactional id.
    parked: BTreeMap<String, Vec<Parked>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Ask for markers again that could not be written.
    Markers(String),
    /// Whoever waits to add partitions has waited long enough.
    Parked(String),
    Expiration,
}

enum Asked {
    /// For this request, which is looked at again then.
    ProducerId {
        transactional_id: String,
        token: Token,
        request: Request,
    },
    /// Into these partitions, in the order of the answer.
    Markers {
        transactional_id: String,
        partitions: Vec<(String, i32)>,
    },
}

struct Parked {
    until: Millis,
    token: Token,
    request: Request,
}

/// How long markers that could not be written wait before they are asked for again.
const MARKERS_RETRY_MS: u64 = 100;

/// Transactions that one step ends, or begins after loading: each writes and asks, some 5 us.
const ENDS_PER_STEP_MAX: usize = 32;

/// Ids that one step looks at for their age, and when the next one looks at others.
const AGES_PER_STEP_MAX: usize = 256;
const NEXT_AGES_MS: u64 = 1;

impl Settings {
    pub fn of(config: &BrokerConfig) -> Settings {
        let values = &config.values;
        let ms = |name: &str| values.count(name);
        Settings {
            timeout_ms_max: values.number("transaction.max.timeout.ms"),
            abort_interval_ms: ms("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            expiration_ms: values.number("transactional.id.expiration.ms"),
            expire_interval_ms: ms("transaction.remove.expired.transaction.cleanup.interval.ms"),
            add_wait_ms: ms("add.partitions.to.txn.retry.backoff.max.ms"),
        }
    }
}

impl Transactions {
    pub fn new(settings: Settings) -> Transactions {
        Transactions {
            settings,
            level: 0,
            all: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            swept: Millis(0),
            timers: BTreeSet::new(),
            begun: None,
            aged: None,
            tickets: 0,
            asked: BTreeMap::new(),
            allocating: BTreeSet::new(),
            parked: BTreeMap::new(),
        }
    }

    /// Writes down what is known of an id now, and keeps its deadline.
    fn record(&mut self, step: &mut Step, transactional_id: &str) {
        let Some(transaction) = self.all.get_mut(transactional_id) else {
            return;
        };
        let version = i16::from(self.level >= 1);
        let (key, value) = transaction
            .encode(transactional_id, version)
            .expect("names came in strings no longer than a record's");
        step.record(key, Some(value));
        let deadline = match transaction.state {
            State::Ongoing => {
                let from_now = Some(step.now.plus_i32(transaction.timeout_ms));
                transaction.deadline.or(from_now)
            }
            _ => None,
        };
        self.set_deadline(transactional_id, deadline);
    }

    fn set_deadline(&mut self, transactional_id: &str, deadline: Option<Millis>) {
        let Some(transaction) = self.all.get_mut(transactional_id) else {
            return;
        };
        if transaction.deadline == deadline {
            return;
        }
        if let Some(old) = transaction.deadline {
            self.deadlines.remove(&(old, transactional_id.to_owned()));
        }
        if let Some(new) = deadline {
            self.deadlines.insert((new, transactional_id.to_owned()));
        }
        transaction.deadline = deadline;
    }

    fn ticket(&mut self, asked: Asked) -> Ticket {
        self.tickets = self.tickets.wrapping_add(1);
        let ticket = Ticket(self.tickets);
        self.asked.insert(ticket, asked);
        ticket
    }

    /// Looks at a request, `granted` being the producer id it waited for.
    fn consider(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
        granted: Option<Result<i64, ErrorCode>>,
    ) {
        let decoded = match request.api {
            ApiKey::InitProducerId => decode(request).map(|decoded| {
                self.init(step, token, request, &decoded, granted);
            }),
            ApiKey::EndTxn => decode(request).map(|decoded| {
                self.end(step, token, request, &decoded, granted);
            }),
            ApiKey::AddPartitionsToTxn => decode(request).map(|decoded| {
                self.add(step, token, request, &decoded, true);
            }),
            ApiKey::DescribeTransactions => decode(request).map(|decoded| {
                self.describe(step, token, request.version, &decoded);
            }),
            ApiKey::ListTransactions => decode(request).map(|decoded| {
                self.list(step, token, request.version, &decoded);
            }),
            _ => Err(DecodeError::ApiKeyUnknown {
                api_key: request.api as i16,
            }),
        };
        if decoded.is_err() {
            step.answer_encoded(token, Err(ErrorCode::InvalidRequest));
        }
    }

    /// Forgets some of the ids that nobody used for long; looks for others a little later.
    fn expire(&mut self, step: &mut Step) {
        let oldest = step.wall.saturating_sub(self.settings.expiration_ms);
        let ids = next_ids(&self.all, self.aged.take(), AGES_PER_STEP_MAX);
        for transactional_id in &ids {
            let transaction = &self.all[transactional_id];
            let expired = transaction.state.may_expire()
                && transaction.last_update_ms <= oldest
                && !self.allocating.contains(transactional_id);
            if expired {
                let key = state::key(transactional_id);
                step.record(key.expect("it was in a record before"), None);
                self.all.remove(transactional_id);
            }
        }
        let next = match ids.len() {
            AGES_PER_STEP_MAX => {
                self.aged = ids.into_iter().next_back();
                NEXT_AGES_MS
            }
            _ => self.settings.expire_interval_ms,
        };
        self.timers.insert((step.now.plus(next), Timer::Expiration));
    }

    /// After loading: an ongoing transaction has its deadline, one that ends is ended.
    fn begin(&mut self, step: &mut Step, transactional_id: &str) {
        let transaction = &self.all[transactional_id];
        match transaction.state {
            State::Ongoing => {
                // The wall clock may have gone anywhere: not longer than the whole timeout.
                let end = transaction.start_ms + i64::from(transaction.timeout_ms);
                let left = end.saturating_sub(step.wall).max(0);
                let left = left.min(transaction.timeout_ms.into()) as u64;
                self.set_deadline(transactional_id, Some(step.now.plus(left)));
            }
            state if state.ending().is_some() => self.ask_markers(step, transactional_id),
            _ => {}
        }
    }
}

impl Machine for Transactions {
    fn replay(&mut self, record: &Replayed<'_>) -> Result<(), DecodeError> {
        let Some(key) = record.key else {
            return Ok(());
        };
        let key = match TransactionRecordKey::decode(key) {
            Err(DecodeError::RecordTypeUnknown { .. }) => return Ok(()),
            key => key?,
        };
        let TransactionRecordKey::TransactionLog(named) = &key;
        match key.decode_value(record.value)? {
            Some(TransactionRecordValue::TransactionLog(value)) => {
                let transaction = Transaction::decode(&value)?;
                let name = named.transactional_id.to_owned();
                self.all.insert(name, transaction);
            }
            None => {
                self.all.remove(named.transactional_id);
            }
        }
        Ok(())
    }

    fn transaction_completed(&mut self, _: &mut Step, _: Completed) {
        // This topic is no part of transactions; they are what it tells of.
    }

    fn loaded(&mut self, step: &mut Step) -> bool {
        if self.begun.is_none() {
            self.tickets = step.draw() as u64;
            self.swept = step.now;
            let expiration = step.now.plus(self.settings.expire_interval_ms);
            self.timers.insert((expiration, Timer::Expiration));
        }
        let ids = next_ids(&self.all, self.begun.take(), ENDS_PER_STEP_MAX);
        for transactional_id in &ids {
            self.begin(step, transactional_id);
        }
        let has_more = ids.len() == ENDS_PER_STEP_MAX;
        self.begun = ids.into_iter().next_back().filter(|_| has_more);
        has_more
    }

    fn configure(&mut self, config: &BrokerConfig) {
        self.settings = Settings::of(config);
    }

    fn follow(&mut self, _: &mut Step, image: &Arc<Image>) {
        self.level = image.feature(TRANSACTION_VERSION);
    }

    fn request(&mut self, step: &mut Step, token: Token, request: &Request) {
        self.consider(step, token, request, None);
    }

    fn replied(&mut self, step: &mut Step, ticket: Ticket, reply: Coordinated) {
        match self.asked.remove(&ticket) {
            Some(Asked::ProducerId {
                transactional_id,
                token,
                request,
            }) => {
                self.allocating.remove(&transactional_id);
                let granted = reply.and_then(|bytes| {
                    let id = <[u8; 8]>::try_from(&bytes[..]);
                    id.map(i64::from_be_bytes)
                        .map_err(|_| ErrorCode::UnknownServerError)
                });
                self.consider(step, token, &request, Some(granted));
            }
            Some(Asked::Markers {
                transactional_id,
                partitions,
            }) => self.markers_written(step, &transactional_id, &partitions, reply),
            None => {}
        }
    }

    fn timeout(&mut self, step: &mut Step) {
        let mut left = ENDS_PER_STEP_MAX;
        self.abort_overdue(step, &mut left);
        while left > 0
            && let Some((at, _)) = self.timers.first()
            && *at <= step.now
            && let Some((_, timer)) = self.timers.pop_first()
        {
            left -= 1;
            match timer {
                Timer::Markers(transactional_id) => self.ask_markers(step, &transactional_id),
                Timer::Parked(transactional_id) => self.give_up_parked(step, &transactional_id),
                Timer::Expiration => self.expire(step),
            }
        }
    }

    fn next_timeout(&self) -> Option<Millis> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let overdue = self.deadlines.first().map(|(at, _)| {
            let sweep = self.swept.plus(self.settings.abort_interval_ms);
            (*at).max(sweep)
        });
        match (timer, overdue) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn dismantle(&mut self) -> bool {
        let transactions = drop_some(&mut self.all);
        let parked = drop_some(&mut self.parked);
        transactions || parked
    }
}

/// Whether a filter may name this state.
pub fn is_state(name: &str) -> bool {
    State::named(name).is_some()
}

/// Up to `most` ids behind `after`.
fn next_ids(
    all: &BTreeMap<String, Transaction>,
    after: Option<String>,
    most: usize,
) -> Vec<String> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let behind = all.range((from, Bound::Unbounded)).take(most);
    behind
        .map(|(transactional_id, _)| transactional_id.clone())
        .collect()
}

fn decode<'r, M: Message<'r>>(request: &'r Request) -> Result<M, DecodeError> {
    M::decode(&mut Reader::new(&request.body), request.version)
}
