//! ListTransactions (API 66): all transactional ids that this broker coordinates (KIP-664), by
//! state, producer, age (KIP-994) and name (KIP-1152).
//! Stages: ask every coordinator here, put the answers together.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate_each, encode};
use crate::coordinator::{Kind, transaction::is_state};
use crate::ids::PartitionKey;
use crate::protocol::messages::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionState,
};
use crate::protocol::{ErrorCode, Reader};
use regex_lite::Regex;

pub async fn handle(
    call: &Call,
    mut request: ListTransactionsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let unknown = request.state_filters.iter().copied();
    let unknown: Vec<&str> = unknown.filter(|name| !is_state(name)).collect();
    let pattern = request.transactional_id_pattern.take();
    let pattern = match pattern.filter(|pattern| !pattern.is_empty()) {
        // The whole id matches.
        Some(pattern) => match Regex::new(&format!("^(?:{pattern})$")) {
            Ok(pattern) => Some(pattern),
            Err(_) => {
                return call.respond(&ListTransactionsResponse {
                    error_code: ErrorCode::InvalidRegularExpression,
                    ..ListTransactionsResponse::default()
                });
            }
        },
        None => None,
    };
    let mut parts = Vec::new();
    if let Some(topic) = call.image().topic(Kind::Transaction.topic())
        && let Ok(asked) = encode(call, &request)
    {
        let partitions = 0..topic.partitions.len() as i32;
        let keys = partitions.map(|partition| PartitionKey {
            topic: topic.id,
            partition,
        });
        parts.extend(keys.map(|key| (key, asked.clone())));
    }
    let answers = coordinate_each(call, parts).await;
    let mut states: Vec<TransactionState<'_>> = Vec::new();
    for answer in &answers {
        match answer {
            Ok(body) => {
                let mut reader = Reader::over_answer(body);
                let listed = ListTransactionsResponse::decode(&mut reader, call.version)?;
                states.extend(listed.transaction_states);
            }
            // Coordinated elsewhere, or by nobody.
            Err(ErrorCode::NotCoordinator) => {}
            Err(code) => {
                return call.respond(&ListTransactionsResponse {
                    error_code: *code,
                    ..ListTransactionsResponse::default()
                });
            }
        }
    }
    states.retain(|state| {
        let id = state.transactional_id.0;
        pattern.as_ref().is_none_or(|pattern| pattern.is_match(id))
    });
    call.respond(&ListTransactionsResponse {
        unknown_state_filters: unknown,
        transaction_states: states,
        ..ListTransactionsResponse::default()
    })
}
