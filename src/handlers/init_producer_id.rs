//! InitProducerId (API 22): a producer id nobody else has, for idempotent producers (KIP-98); for a
//! transactional id the one it has, with an epoch that fences its earlier instances.
//! Stages: without an id take one from this core's block; with one ask its coordinator.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::coordinator::Kind;
use crate::coordinator::transaction::refusal;
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::{ErrorCode, ProducerId, Reader};

/// First version whose clients know PRODUCER_FENCED.
const FENCED_VERSION: i16 = 4;

pub async fn handle(
    call: &Call,
    request: InitProducerIdRequest<'_>,
) -> Result<Response, Unanswerable> {
    let timeout_ms_max = call.config().values.number("transaction.max.timeout.ms");
    if let Some(code) = refusal(&request, timeout_ms_max) {
        return call.respond(&refused(code));
    }
    if let Some(transactional_id) = request.transactional_id {
        let answer = coordinate(call, Kind::Transaction, transactional_id.0, &request).await;
        if let (Ok(body), ..FENCED_VERSION) = (&answer, call.version) {
            let mut response =
                InitProducerIdResponse::decode(&mut Reader::over_answer(body), call.version)?;
            if response.error_code == ErrorCode::ProducerFenced {
                response.error_code = ErrorCode::InvalidProducerEpoch;
            }
            return call.respond(&response);
        }
        return relay(call, answer, refused);
    }
    // An idempotent producer that bumps its epoch gets a new id: nothing of the old is kept here.
    match call.context.router.next_producer_id().await {
        Ok(id) => call.respond(&InitProducerIdResponse {
            error_code: ErrorCode::None,
            producer_id: ProducerId(id),
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        }),
        Err(code) => call.respond(&refused(code)),
    }
}

fn refused(error_code: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse {
        error_code,
        producer_id: ProducerId(-1),
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    }
}
