//! InitProducerId (API 22): a producer id nobody else has, for idempotent producers (KIP-98).
//! Stages: take one from this shard's block; an empty block is refilled by the controller.

use super::context::{Call, Response, Unanswerable};
use crate::controller;
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::{ErrorCode, ProducerId};
use std::cell::Cell;

/// Ids this shard may hand out: from the first up to the end of the block.
#[derive(Default)]
pub struct ProducerIds {
    next: Cell<i64>,
    end: Cell<i64>,
}

pub async fn handle(
    call: &Call,
    request: InitProducerIdRequest<'_>,
) -> Result<Response, Unanswerable> {
    if request.transactional_id.is_some() {
        // No transaction coordinator yet; FindCoordinator isn't advertised, so none comes here.
        return refuse(call, ErrorCode::CoordinatorNotAvailable);
    }
    // An idempotent producer that bumps its epoch gets a new id: nothing of the old is kept here.
    match next_id(call).await {
        Ok(id) => call.respond(&InitProducerIdResponse {
            error_code: ErrorCode::None,
            producer_id: ProducerId(id),
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        }),
        Err(code) => refuse(call, code),
    }
}

async fn next_id(call: &Call) -> Result<i64, ErrorCode> {
    let ids = &call.context.shared.producer_ids;
    loop {
        let next = ids.next.get();
        if next < ids.end.get() {
            ids.next.set(next + 1);
            return Ok(next);
        }
        match call
            .context
            .router
            .control(controller::Request::AllocateProducerIds)
            .await
        {
            controller::Reply::ProducerIds { first, count } => {
                ids.next.set(first);
                ids.end.set(first + count);
            }
            controller::Reply::Refused(code, _) => return Err(code),
            _ => return Err(ErrorCode::UnknownServerError),
        }
    }
}

fn refuse(call: &Call, error_code: ErrorCode) -> Result<Response, Unanswerable> {
    call.respond(&InitProducerIdResponse {
        error_code,
        producer_id: ProducerId(-1),
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    })
}
