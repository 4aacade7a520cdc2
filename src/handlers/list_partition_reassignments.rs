//! ListPartitionReassignments (API 46): replicas on their way. On one node there are none, and
//! what is asked about does not change that (KIP-455).

use super::context::{Call, Response, Unanswerable};
use crate::protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

pub async fn handle(
    call: &Call,
    _request: ListPartitionReassignmentsRequest<'_>,
) -> Result<Response, Unanswerable> {
    call.respond(&ListPartitionReassignmentsResponse {
        error_message: None,
        ..ListPartitionReassignmentsResponse::default()
    })
}
