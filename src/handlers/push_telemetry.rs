//! PushTelemetry (API 72): a client's own metrics, in OTLP (KIP-714).
//! Stages: check it against what the client was asked for; decompress it, within bounds; keep it.

use super::client_telemetry::Push;
use super::context::{Call, Response, Unanswerable};
use crate::metrics::Pusher;
use crate::protocol::messages::push_telemetry::{PushTelemetryRequest, PushTelemetryResponse};
use crate::protocol::record_batch::{Compression, decompress};
use crate::protocol::{ErrorCode, Uuid};

/// What a push may decompress to, as a multiple of what it may have compressed.
const EXPANSION_MAX: u64 = 8;

pub async fn handle(
    call: &Call,
    request: PushTelemetryRequest<'_>,
) -> Result<Response, Unanswerable> {
    let taken = take(call, &request);
    if let Err(code) = taken {
        let instance = request.client_instance_id;
        tracing::debug!(%instance, ?code, "a client's metrics are not taken");
    }
    call.respond(&PushTelemetryResponse {
        error_code: taken.err().unwrap_or_default(),
        ..PushTelemetryResponse::default()
    })
}

fn take(call: &Call, request: &PushTelemetryRequest<'_>) -> Result<(), ErrorCode> {
    let instance = request.client_instance_id;
    if instance.is_zero() || instance == Uuid::from_u128(1) {
        return Err(ErrorCode::InvalidRequest);
    }
    let shared = &call.context.shared;
    let bytes_max = call.config().telemetry_bytes_max;
    let push = Push {
        subscription_id: request.subscription_id,
        is_terminating: request.terminating,
        compression_type: request.compression_type,
        bytes: request.metrics.len(),
        bytes_max: bytes_max as usize,
    };
    let now_ms = call.context.router.shard.runtime.wall().0;
    let interval_ms = shared.telemetry_clients.push(call, instance, &push)?;
    if !request.metrics.is_empty() {
        let codec = Compression::from_id(request.compression_type.into());
        let codec = codec.ok_or(ErrorCode::UnsupportedCompressionType)?;
        let mut metrics = Vec::new();
        let limit = u64::from(bytes_max) * EXPANSION_MAX;
        decompress(codec, request.metrics, limit, &mut metrics)
            .map_err(|_| ErrorCode::InvalidRecord)?;
        let from = Pusher {
            instance: instance.0,
            client_id: call.client_id.as_deref().unwrap_or_default(),
            now_ms,
            interval_ms,
        };
        let kept = shared.telemetry.push(from, &metrics);
        kept.map_err(|_| ErrorCode::InvalidRecord)?;
    }
    if request.terminating {
        shared.telemetry.end(instance.0, now_ms);
    }
    Ok(())
}
