//! UnregisterBroker (API 64): takes a broker that is gone out of the cluster's metadata.
//! Stages: ask the controller.

use super::context::{Call, Response, Unanswerable};
use crate::controller::{self, Refused, Reply};
use crate::protocol::ErrorCode;
use crate::protocol::messages::unregister_broker::{
    UnregisterBrokerRequest, UnregisterBrokerResponse,
};

pub async fn handle(
    call: &Call,
    request: UnregisterBrokerRequest,
) -> Result<Response, Unanswerable> {
    let asked = controller::Request::UnregisterBroker {
        id: request.broker_id.0,
    };
    let outcome: Result<(), Refused> = match call.context.router.control(asked).await {
        Reply::Outcomes(outcomes) => outcomes.into_iter().next().unwrap_or(Ok(())),
        Reply::Refused(code, text) => Err((code, text)),
        _ => unreachable!("a broker is answered with one outcome"),
    };
    let refused = outcome.as_ref().err();
    call.respond(&UnregisterBrokerResponse {
        error_code: refused.map_or(ErrorCode::None, |(code, _)| *code),
        error_message: Some(refused.map_or("", |(_, text)| text.as_str())),
        ..UnregisterBrokerResponse::default()
    })
}
