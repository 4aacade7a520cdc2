//! DescribeCluster (API 60): the cluster's id, controller and brokers (KIP-700, KIP-919).

use super::context::{Call, Response, Unanswerable};
use super::metadata::CLUSTER_OPERATIONS;
use crate::protocol::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use crate::protocol::{BrokerId, ErrorCode};

/// `endpoint_type` of those who ask for brokers; 2 asks for controllers.
const ENDPOINT_BROKERS: i8 = 1;
const ENDPOINT_CONTROLLERS: i8 = 2;
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

pub async fn handle(
    call: &Call,
    request: DescribeClusterRequest,
) -> Result<Response, Unanswerable> {
    if call.version >= 1 && request.endpoint_type != ENDPOINT_BROKERS {
        let (error_code, text) = match request.endpoint_type {
            ENDPOINT_CONTROLLERS => (
                ErrorCode::MismatchedEndpointType,
                "The request was sent to an endpoint of the wrong type: this is a broker's.",
            ),
            _ => (
                ErrorCode::UnsupportedEndpointType,
                "Unsupported endpoint type",
            ),
        };
        return call.respond(&DescribeClusterResponse {
            error_code,
            error_message: Some(text),
            ..DescribeClusterResponse::default()
        });
    }
    let image = call.image();
    let listener = &call.context.listener.name;
    let brokers = image.brokers.values().filter_map(|broker| {
        if broker.fenced && !request.include_fenced_brokers {
            return None;
        }
        let endpoint = broker.endpoints.iter().find(|end| end.name == *listener)?;
        Some(DescribeClusterBroker {
            broker_id: BrokerId(broker.id),
            host: &endpoint.host,
            port: i32::from(endpoint.port),
            rack: broker.rack.as_deref(),
            is_fenced: broker.fenced,
        })
    });
    call.respond(&DescribeClusterResponse {
        error_code: ErrorCode::None,
        endpoint_type: ENDPOINT_BROKERS,
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
