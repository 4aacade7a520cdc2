//! IncrementalAlterConfigs (API 44): settings one by one: set, delete, append, subtract (KIP-339).
//! Stages: read each resource; carry out together; gather.

use super::config_changes::{Asked, carry_out, check_items};
use super::context::{Call, Response, Unanswerable};
use crate::config::AlterOp;
use crate::controller::{ConfigOperations, Refused};
use crate::protocol::ErrorCode;
use crate::protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

pub async fn handle(
    call: &Call,
    request: IncrementalAlterConfigsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let asked = request.resources.iter().map(asked).collect();
    let outcomes = carry_out(call, asked, request.validate_only).await;
    let responses = request.resources.iter().zip(&outcomes);
    let response = IncrementalAlterConfigsResponse {
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
        ..IncrementalAlterConfigsResponse::default()
    };
    call.respond(&response)
}

fn asked<'a>(resource: &AlterConfigsResource<'a>) -> Asked<'a> {
    Asked {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        change: operations(&resource.configs).map(ConfigOperations::Each),
    }
}

fn operations(items: &[AlterableConfig<'_>]) -> Result<Vec<(AlterOp, String, String)>, Refused> {
    let read = items.iter().map(|item| {
        let operation = AlterOp::from_code(item.config_operation).ok_or_else(|| {
            let text = format!("Unknown operation type {}", item.config_operation);
            (ErrorCode::InvalidRequest, text)
        })?;
        let value = item.value.unwrap_or_default().to_owned();
        Ok((operation, item.name.to_owned(), value))
    });
    let operations: Vec<_> = read.collect::<Result<_, Refused>>()?;
    // Deleting takes no value.
    check_items(
        items
            .iter()
            .zip(&operations)
            .map(|(item, (operation, _, _))| {
                let has_value = item.value.is_some() || *operation == AlterOp::Delete;
                (item.name, has_value)
            }),
    )?;
    Ok(operations)
}
