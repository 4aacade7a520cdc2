//! DescribeCluster (API 60): the cluster's id, its brokers, its controller (KIP-700, KIP-919).
//! Stages: look it up in the image.

use super::context::{Call, Response, Unanswerable};
use super::metadata::{CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED};
use crate::protocol::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use crate::protocol::{BrokerId, ErrorCode};

/// `endpoint_type`: who is asked for.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub async fn handle(
    call: &Call,
    request: DescribeClusterRequest,
) -> Result<Response, Unanswerable> {
    let refusal = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some((
            ErrorCode::MismatchedEndpointType,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of \
             type CONTROLLER"
                .to_owned(),
        )),
        other => Some((
            ErrorCode::UnsupportedEndpointType,
            format!("Unsupported endpoint type {other}"),
        )),
    };
    if let Some((error_code, text)) = refusal {
        return call.respond(&DescribeClusterResponse {
            error_code,
            error_message: Some(&text),
            ..DescribeClusterResponse::default()
        });
    }
    let image = call.image();
    let listener = &call.context.listener.name;
    let shown = image
        .brokers
        .values()
        .filter(|broker| !broker.fenced || request.include_fenced_brokers);
    let brokers = shown.filter_map(|broker| {
        let mut endpoints = broker.endpoints.iter();
        let endpoint = endpoints.find(|endpoint| endpoint.name == *listener)?;
        Some(DescribeClusterBroker {
            broker_id: BrokerId(broker.id),
            host: &endpoint.host,
            port: i32::from(endpoint.port),
            rack: broker.rack.as_deref(),
            is_fenced: broker.fenced,
        })
    });
    call.respond(&DescribeClusterResponse {
        cluster_id: &image.cluster_id,
        controller_id: BrokerId(image.controller),
        brokers: brokers.collect(),
        cluster_authorized_operations: match request.include_cluster_authorized_operations {
            true => CLUSTER_OPERATIONS,
            false => OPERATIONS_NOT_ASKED,
        },
        ..DescribeClusterResponse::default()
    })
}
