//! AlterConfigs (API 33): all settings of a resource at once; what is not named is taken away.
//! Deprecated by KIP-339, but spoken. Stages: read each resource; carry out together; gather.

use super::config_changes::{Asked, carry_out, check_items};
use super::context::{Call, Response, Unanswerable};
use crate::controller::ConfigOperations;
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

pub async fn handle(
    call: &Call,
    request: AlterConfigsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let asked = request.resources.iter().map(asked).collect();
    let outcomes = carry_out(call, asked, request.validate_only).await;
    let responses = request.resources.iter().zip(&outcomes);
    let response = AlterConfigsResponse {
        responses: responses
            .map(|(resource, outcome)| {
                let refused = outcome.as_ref().err();
                AlterConfigsResourceResponse {
                    error_code: refused.map_or(ErrorCode::None, |(code, _)| *code),
                    error_message: refused.map(|(_, text)| text.as_str()),
                    resource_type: resource.resource_type,
                    resource_name: resource.resource_name,
                }
            })
            .collect(),
        ..AlterConfigsResponse::default()
    };
    call.respond(&response)
}

fn asked<'a>(resource: &AlterConfigsResource<'a>) -> Asked<'a> {
    let items = || resource.configs.iter();
    let checked = check_items(items().map(|item| (item.name, item.value.is_some())));
    let pairs = items().filter_map(|item| Some((item.name.to_owned(), item.value?.to_owned())));
    Asked {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        change: checked.map(|()| ConfigOperations::Replace(pairs.collect())),
    }
}
