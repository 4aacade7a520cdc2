//! AddOffsetsToTxn (API 25): a group's offsets become part of a transaction (KIP-98).
//! Stages: find the partition that keeps the group's offsets; add it as any other.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::ensure_topic;
use super::transactional::add;
use crate::coordinator::{Kind, Producer};
use crate::protocol::ErrorCode;
use crate::protocol::messages::add_offsets_to_txn::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse,
};

/// First version whose clients know PRODUCER_FENCED.
const FENCED_VERSION: i16 = 2;

pub async fn handle(
    call: &Call,
    request: AddOffsetsToTxnRequest<'_>,
) -> Result<Response, Unanswerable> {
    let error_code = match add_group(call, &request).await {
        ErrorCode::ProducerFenced if call.version < FENCED_VERSION => {
            ErrorCode::InvalidProducerEpoch
        }
        code => code,
    };
    call.respond(&AddOffsetsToTxnResponse {
        error_code,
        ..AddOffsetsToTxnResponse::default()
    })
}

async fn add_group(call: &Call, request: &AddOffsetsToTxnRequest<'_>) -> ErrorCode {
    if let Err(code) = ensure_topic(call, Kind::Group).await {
        return code;
    }
    let router = &call.context.router;
    let Some(partition) = router.coordinator_of(Kind::Group, request.group_id.0) else {
        return ErrorCode::CoordinatorNotAvailable;
    };
    let producer = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let named = [(Kind::Group.topic().into(), partition.partition)];
    match add(call, request.transactional_id.0, producer, &named).await {
        Ok(codes) => codes.first().copied().unwrap_or(ErrorCode::None),
        Err(code) => code,
    }
}
