//! UpdateFeatures (API 57): raises and lowers the levels of features (KIP-584, KIP-1022).
//! Stages: ask the controller; answer for all, because all change or none.

use super::context::{Call, Response, Unanswerable};
use crate::controller::{self, FeatureUpdate, Refused, Reply};
use crate::protocol::ErrorCode;
use crate::protocol::messages::update_features::{
    FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

pub async fn handle(
    call: &Call,
    request: UpdateFeaturesRequest<'_>,
) -> Result<Response, Unanswerable> {
    // Version 0 has a flag of its own for downgrades. Kafka does not look at it, nor do we.
    let updates = request.feature_updates.iter().map(|update| FeatureUpdate {
        name: update.feature.to_owned(),
        level: update.max_version_level,
        upgrade_type: update.upgrade_type,
    });
    let asked = controller::Request::UpdateFeatures {
        updates: updates.collect(),
        validate_only: request.validate_only,
    };
    let outcome: Result<(), Refused> = match call.context.router.control(asked).await {
        Reply::Outcomes(outcomes) => outcomes.into_iter().next().unwrap_or(Ok(())),
        Reply::Refused(code, text) => Err((code, text)),
        _ => unreachable!("levels are answered with one outcome"),
    };
    let refused = outcome.as_ref().err();
    let results = request.feature_updates.iter().filter(|_| refused.is_none());
    call.respond(&UpdateFeaturesResponse {
        error_code: refused.map_or(ErrorCode::None, |(code, _)| *code),
        error_message: refused.map(|(_, text)| text.as_str()),
        results: results.map(done).collect(),
        ..UpdateFeaturesResponse::default()
    })
}

/// Up to version 1 each feature is told of; Kafka names its code there.
fn done<'r>(update: &FeatureUpdateKey<'r>) -> UpdatableFeatureResult<'r> {
    UpdatableFeatureResult {
        feature: update.feature,
        error_code: ErrorCode::None,
        error_message: Some("NONE"),
    }
}
