//! EndTxn (API 26): commit or abort a transaction (KIP-98); since v5 with a new epoch (KIP-890).
//! Stages: ask the coordinator of the transactional id.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use crate::coordinator::Kind;
use crate::protocol::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use crate::protocol::{ErrorCode, ProducerId, Reader};

/// First version whose clients know PRODUCER_FENCED.
const FENCED_VERSION: i16 = 2;

/// First version whose clients know TRANSACTION_ABORTABLE and get an epoch.
const EPOCH_VERSION: i16 = 5;

pub async fn handle(call: &Call, request: EndTxnRequest<'_>) -> Result<Response, Unanswerable> {
    let transactional_id = request.transactional_id.0;
    let answer = coordinate(call, Kind::Transaction, transactional_id, &request).await;
    let mut response = match &answer {
        Ok(body) => EndTxnResponse::decode(&mut Reader::over_answer(body), call.version)?,
        Err(error_code) => EndTxnResponse {
            error_code: *error_code,
            ..EndTxnResponse::default()
        },
    };
    if call.version < EPOCH_VERSION {
        // Fields of newer versions keep the values that have no place in this one.
        let unset = EndTxnResponse::default();
        response.producer_id = unset.producer_id;
        response.producer_epoch = unset.producer_epoch;
    } else if answer.is_err() {
        response.producer_id = ProducerId(-1);
        response.producer_epoch = -1;
    }
    if call.version < FENCED_VERSION && response.error_code == ErrorCode::ProducerFenced {
        response.error_code = ErrorCode::InvalidProducerEpoch;
    }
    call.respond(&response)
}
