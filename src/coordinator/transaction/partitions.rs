//! AddPartitionsToTxn: partitions become part of a transaction, or are said to be (KIP-890).
//!
//! Room:       `coordinator::transaction`.
//! Called by:  the machine.
//! Never:      lets a partition in while the transaction before is being ended: the request waits a
//!             little, then its client does.

use super::state::{State, Transaction};
use super::{Parked, Timer, Transactions};
use crate::coordinator::{Request, Step, Token};
use crate::protocol::ErrorCode;
use crate::protocol::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult, AddPartitionsToTxnTransaction,
};

/// From this version of AddPartitionsToTxn on the producer speaks transactions v2.
const TRANSACTIONS_V2: i16 = 5;

impl Transactions {
    /// Version 4 and later, with one transaction.
    pub(super) fn add(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
        decoded: &AddPartitionsToTxnRequest<'_>,
        may_wait: bool,
    ) {
        let [wanted] = &decoded.transactions[..] else {
            step.answer_encoded(token, Err(ErrorCode::InvalidRequest));
            return;
        };
        let transactional_id = wanted.transactional_id.0;
        let known = self.all.get(transactional_id);
        let mut code = match known {
            _ if transactional_id.is_empty() => ErrorCode::InvalidRequest,
            None => ErrorCode::InvalidProducerIdMapping,
            Some(known) => self.judge_add(transactional_id, known, wanted),
        };
        if code == ErrorCode::ConcurrentTransactions && may_wait && !wanted.verify_only {
            self.park(step, token, transactional_id, request);
            return;
        }
        let vouched = match (code, known) {
            (ErrorCode::None, Some(known)) if wanted.verify_only => Some(known),
            _ => None,
        };
        let per_partition = |topic: &str, partition: i32| match vouched {
            Some(known) if !known.has_partition(topic, partition) => {
                ErrorCode::TransactionAbortable
            }
            _ => code,
        };
        if code != ErrorCode::None || wanted.verify_only {
            let response = answer(wanted, per_partition);
            step.answer(token, request.version, &response);
            return;
        }
        let client_version = match request.version {
            TRANSACTIONS_V2.. => 2,
            _ => 0,
        };
        self.join(step, wanted, client_version);
        code = ErrorCode::None;
        step.answer(token, request.version, &answer(wanted, |_, _| code));
    }

    fn judge_add(
        &self,
        transactional_id: &str,
        known: &Transaction,
        wanted: &AddPartitionsToTxnTransaction<'_>,
    ) -> ErrorCode {
        if known.producer_id != wanted.producer_id.0 {
            ErrorCode::InvalidProducerIdMapping
        } else if known.producer_epoch != wanted.producer_epoch {
            ErrorCode::ProducerFenced
        } else if known.state.ending().is_some() || self.allocating.contains(transactional_id) {
            ErrorCode::ConcurrentTransactions
        } else {
            ErrorCode::None
        }
    }

    fn join(
        &mut self,
        step: &mut Step,
        wanted: &AddPartitionsToTxnTransaction<'_>,
        client_version: i16,
    ) {
        let transactional_id = wanted.transactional_id.0;
        let Some(known) = self.all.get_mut(transactional_id) else {
            return;
        };
        let mut changed = known.state != State::Ongoing;
        if changed {
            known.state = State::Ongoing;
            known.start_ms = step.wall;
            known.partitions.clear();
        }
        for topic in &wanted.topics {
            let ids = match known.partitions.get_mut(topic.name.0) {
                Some(ids) => ids,
                None => known.partitions.entry(topic.name.0.to_owned()).or_default(),
            };
            for partition in &topic.partitions {
                changed |= ids.insert(*partition);
            }
        }
        if changed {
            known.last_update_ms = step.wall;
            known.client_version = client_version;
            self.record(step, transactional_id);
        }
    }

    fn park(&mut self, step: &mut Step, token: Token, transactional_id: &str, request: &Request) {
        let until = step.now.plus(self.settings.add_wait_ms);
        let parked = self.parked.entry(transactional_id.to_owned()).or_default();
        parked.push(Parked {
            until,
            token,
            request: request.clone(),
        });
        let timer = Timer::Parked(transactional_id.to_owned());
        self.timers.insert((until, timer));
    }

    /// The transaction before is over: who waited is looked at again.
    pub(super) fn resume_parked(&mut self, step: &mut Step, transactional_id: &str) {
        for parked in self.parked.remove(transactional_id).unwrap_or_default() {
            self.consider(step, parked.token, &parked.request, None);
        }
    }

    /// Who has waited long enough is told to come again.
    pub(super) fn give_up_parked(&mut self, step: &mut Step, transactional_id: &str) {
        let parked = self.parked.remove(transactional_id).unwrap_or_default();
        let now = step.now;
        let (over, left): (Vec<_>, Vec<_>) =
            parked.into_iter().partition(|parked| parked.until <= now);
        if !left.is_empty() {
            self.parked.insert(transactional_id.to_owned(), left);
        }
        for Parked { token, request, .. } in over {
            match super::decode(&request) {
                Ok(decoded) => self.add(step, token, &request, &decoded, false),
                Err(_) => step.answer_encoded(token, Err(ErrorCode::InvalidRequest)),
            }
        }
    }
}

fn answer<'r>(
    wanted: &AddPartitionsToTxnTransaction<'r>,
    code: impl Fn(&str, i32) -> ErrorCode,
) -> AddPartitionsToTxnResponse<'r> {
    let topics = wanted.topics.iter().map(|topic| {
        let results = topic
            .partitions
            .iter()
            .map(|partition| AddPartitionsToTxnPartitionResult {
                partition_index: *partition,
                partition_error_code: code(topic.name.0, *partition),
            });
        AddPartitionsToTxnTopicResult {
            name: topic.name,
            results_by_partition: results.collect(),
        }
    });
    AddPartitionsToTxnResponse {
        results_by_transaction: vec![AddPartitionsToTxnResult {
            transactional_id: wanted.transactional_id,
            topic_results: topics.collect(),
        }],
        ..AddPartitionsToTxnResponse::default()
    }
}
