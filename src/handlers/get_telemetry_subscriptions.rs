//! GetTelemetrySubscriptions (API 71): which metrics this client shall push, how often (KIP-714).
//! Stages: give a new client its id; match it against the subscriptions.

use super::client_telemetry::COMPRESSION_TYPES;
use super::context::{Call, Response, Unanswerable};
use crate::protocol::Uuid;
use crate::protocol::messages::get_telemetry_subscriptions::{
    GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
};

pub async fn handle(
    call: &Call,
    request: GetTelemetrySubscriptionsRequest,
) -> Result<Response, Unanswerable> {
    let mut instance = request.client_instance_id;
    while instance.is_zero() {
        let runtime = &call.context.router.shard.runtime;
        let bits = u128::from(runtime.random()) << 64 | u128::from(runtime.random());
        instance = Uuid::from_random(bits).unwrap_or_default();
    }
    let asked = match call.context.shared.telemetry_clients.get(call, instance) {
        Ok(asked) => asked,
        Err(error_code) => {
            return call.respond(&GetTelemetrySubscriptionsResponse {
                error_code,
                ..GetTelemetrySubscriptionsResponse::default()
            });
        }
    };
    let metrics = asked.subscription.metrics.iter();
    call.respond(&GetTelemetrySubscriptionsResponse {
        client_instance_id: instance,
        subscription_id: asked.id,
        accepted_compression_types: COMPRESSION_TYPES.to_vec(),
        push_interval_ms: asked.subscription.interval_ms,
        telemetry_max_bytes: call.config().telemetry_bytes_max as i32,
        delta_temporality: true,
        requested_metrics: metrics.map(String::as_str).collect(),
        ..GetTelemetrySubscriptionsResponse::default()
    })
}
