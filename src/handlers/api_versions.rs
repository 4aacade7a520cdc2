//! ApiVersions (API 18): what is served here, in which versions, with which features.
//!
//! Clients switch behaviour on this answer, so it says what works and nothing else. The response
//! header is always v0, and an unknown version is answered in v0 (KIP-511).

use super::context::{Call, Response, Unanswerable};
use super::registry;
use crate::metadata::{FEATURES, features};
use crate::protocol::ErrorCode;
use crate::protocol::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};

pub async fn handle(
    call: &Call,
    request: ApiVersionsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let valid = |text: &str| {
        let edge = |c: u8| c.is_ascii_alphanumeric();
        let inner = |c: u8| edge(c) || c == b'-' || c == b'.';
        let bytes = text.as_bytes();
        bytes.iter().all(|c| inner(*c))
            && bytes.first().is_some_and(|c| edge(*c))
            && bytes.last().is_some_and(|c| edge(*c))
    };
    if call.version >= 3 {
        let (name, version) = (
            request.client_software_name,
            request.client_software_version,
        );
        if !valid(name) || !valid(version) {
            return call.respond(&ApiVersionsResponse {
                error_code: ErrorCode::InvalidRequest,
                ..ApiVersionsResponse::default()
            });
        }
        *call.context.client_software.borrow_mut() = Some((name.to_owned(), version.to_owned()));
    }
    let image = call.image();
    // KIP-1242: a client that means another cluster or node must look for its brokers again.
    let other_cluster = request.cluster_id.is_some_and(|id| id != image.cluster_id);
    let other_node = request.node_id >= 0 && request.node_id != call.config().node_id;
    if call.version >= 5 && (other_cluster || other_node) {
        return call.respond(&ApiVersionsResponse {
            error_code: ErrorCode::RebootstrapRequired,
            ..ApiVersionsResponse::default()
        });
    }
    // Clients of older versions cannot read a range that begins at 0 (KIP-1022).
    let supported = FEATURES.iter();
    let supported = supported.filter(|feature| call.version >= 4 || feature.level_min > 0);
    let supported = supported.map(|feature| SupportedFeatureKey {
        name: feature.name,
        min_version: feature.level_min,
        max_version: feature.level_max,
    });
    let finalized = image.features.iter();
    let finalized = finalized.filter(|(name, _)| features::find(name).is_some());
    call.respond(&ApiVersionsResponse {
        error_code: ErrorCode::None,
        api_keys: served(),
        supported_features: supported.collect(),
        finalized_features_epoch: image.offset,
        finalized_features: finalized
            .map(|(name, level)| FinalizedFeatureKey {
                name,
                max_version_level: *level,
                min_version_level: *level,
            })
            .collect(),
        ..ApiVersionsResponse::default()
    })
}

/// The answer to a version we don't know: in v0, so that any client can read it.
pub fn unsupported(call: &Call) -> Result<Response, Unanswerable> {
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion,
        api_keys: served()
            .into_iter()
            .filter(|api| api.api_key == call.api as i16)
            .collect(),
        ..ApiVersionsResponse::default()
    };
    call.respond_as(&response, 0)
}

fn served() -> Vec<ApiVersion> {
    registry::all()
        .iter()
        .filter_map(|api| {
            let (min_version, max_version) = api.key.advertised_versions()?;
            Some(ApiVersion {
                api_key: api.key as i16,
                min_version,
                max_version,
            })
        })
        .collect()
}
