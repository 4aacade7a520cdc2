//! DescribeTransactions and ListTransactions (KIP-664): what is known of transactional ids.
//!
//! Room:       `coordinator::transaction`.
//! Called by:  the machine.
//! Never:      changes anything.

use super::Transactions;
use super::state::{State, Transaction};
use crate::coordinator::{Step, Token};
use crate::protocol::messages::describe_transactions as described;
use crate::protocol::messages::list_transactions as listed;
use crate::protocol::{ErrorCode, ProducerId, TopicName, TransactionalId};
use std::collections::BTreeSet;

impl Transactions {
    pub(super) fn describe(
        &self,
        step: &mut Step,
        token: Token,
        version: i16,
        request: &described::DescribeTransactionsRequest<'_>,
    ) {
        let states = request.transactional_ids.iter().map(|transactional_id| {
            let known = self.all.get(transactional_id.0);
            match known.filter(|known| known.producer_epoch >= 0) {
                Some(known) => describe_one(*transactional_id, known),
                None => described::TransactionState {
                    transactional_id: *transactional_id,
                    error_code: match transactional_id.0 {
                        "" => ErrorCode::InvalidRequest,
                        _ => ErrorCode::TransactionalIdNotFound,
                    },
                    ..described::TransactionState::default()
                },
            }
        });
        let response = described::DescribeTransactionsResponse {
            transaction_states: states.collect(),
            ..described::DescribeTransactionsResponse::default()
        };
        step.answer(token, version, &response);
    }

    /// All but the pattern, which is the same for all partitions and is looked at once.
    pub(super) fn list(
        &self,
        step: &mut Step,
        token: Token,
        version: i16,
        request: &listed::ListTransactionsRequest<'_>,
    ) {
        let named = request.state_filters.iter().map(|name| State::named(name));
        let wanted: Vec<State> = named.flatten().collect();
        let unknown = request.state_filters.iter().copied();
        let unknown = unknown.filter(|name| State::named(name).is_none());
        let ids: BTreeSet<i64> = request.producer_id_filters.iter().map(|id| id.0).collect();
        let is_wanted = |known: &Transaction| {
            let open_ms = step.wall.saturating_sub(known.start_ms);
            (ids.is_empty() || ids.contains(&known.producer_id))
                && (request.state_filters.is_empty() || wanted.contains(&known.state))
                && (request.duration_filter < 0 || open_ms > request.duration_filter)
        };
        let states = self.all.iter().filter(|(_, known)| is_wanted(known));
        let states = states.map(|(transactional_id, known)| listed::TransactionState {
            transactional_id: TransactionalId(transactional_id),
            producer_id: ProducerId(known.producer_id),
            transaction_state: known.state.name(),
        });
        let response = listed::ListTransactionsResponse {
            unknown_state_filters: unknown.collect(),
            transaction_states: states.collect(),
            ..listed::ListTransactionsResponse::default()
        };
        step.answer(token, version, &response);
    }
}

fn describe_one<'r>(
    transactional_id: TransactionalId<'r>,
    known: &'r Transaction,
) -> described::TransactionState<'r> {
    let topics = known.partitions.iter();
    let topics = topics.map(|(topic, ids)| described::TopicData {
        topic: TopicName(topic),
        partitions: ids.iter().copied().collect(),
    });
    described::TransactionState {
        error_code: ErrorCode::None,
        transactional_id,
        transaction_state: known.state.name(),
        transaction_timeout_ms: known.timeout_ms,
        transaction_start_time_ms: known.start_ms,
        producer_id: ProducerId(known.producer_id),
        producer_epoch: known.producer_epoch,
        topics: topics.collect(),
    }
}
