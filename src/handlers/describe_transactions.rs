//! DescribeTransactions (API 65): what coordinators know of transactional ids (KIP-664).
//! Stages: ask each id's coordinator; gather in request order.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate_each, encode};
use crate::coordinator::{Coordinated, Kind};
use crate::protocol::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TransactionState,
};
use crate::protocol::{ErrorCode, Reader, TransactionalId};

pub async fn handle(
    call: &Call,
    request: DescribeTransactionsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut parts = Vec::new();
    let mut asked = Vec::with_capacity(request.transactional_ids.len());
    for transactional_id in &request.transactional_ids {
        let one = DescribeTransactionsRequest {
            transactional_ids: vec![*transactional_id],
        };
        let router = &call.context.router;
        let partition = router.coordinator_of(Kind::Transaction, transactional_id.0);
        let part = partition.and_then(|partition| Some((partition, encode(call, &one).ok()?)));
        asked.push((*transactional_id, part.is_some()));
        parts.extend(part);
    }
    let answers = coordinate_each(call, parts).await;
    let mut next = answers.iter();
    let states = asked.iter().map(|(transactional_id, is_asked)| {
        let answer = is_asked.then(|| next.next()).flatten();
        state(*transactional_id, answer, call.version)
    });
    call.respond(&DescribeTransactionsResponse {
        transaction_states: states.collect(),
        ..DescribeTransactionsResponse::default()
    })
}

fn state<'a>(
    transactional_id: TransactionalId<'a>,
    answer: Option<&'a Coordinated>,
    version: i16,
) -> TransactionState<'a> {
    let refused = |error_code| TransactionState {
        error_code,
        transactional_id,
        ..TransactionState::default()
    };
    let body = match answer {
        Some(Ok(body)) => body,
        Some(Err(code)) => return refused(*code),
        // Nobody coordinates it: the topic was never made.
        None => return refused(ErrorCode::CoordinatorNotAvailable),
    };
    let response = DescribeTransactionsResponse::decode(&mut Reader::over_answer(body), version);
    let states = response.map(|response| response.transaction_states);
    let state = states.ok().and_then(|states| states.into_iter().next());
    state.unwrap_or_else(|| refused(ErrorCode::UnknownServerError))
}
